//! Files in a tar archive, one after the other, as the archive is read.
//!
//! Long names are read here rather than by the tar crate, because a name comes from the input and
//! so needs a bound.

use std::io::{self, Read};

use tar::{Archive, EntryType, PaxExtensions};

use crate::limits;

/// Calls `visit` with the name (without folders) and the content of each file, until it fails.
pub(super) fn each_file<E: From<io::Error>>(
    input: impl Read,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = Archive::new(input);
    let mut long_name = None;
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let name = bounded(&mut entry)?;
                long_name = Some(name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
            }
            EntryType::XHeader => {
                let records = bounded(&mut entry)?;
                let path =
                    PaxExtensions::new(&records).flatten().find(|pair| pair.key_bytes() == b"path");
                long_name = path.map(|pair| pair.value_bytes().to_vec()).or(long_name);
            }
            EntryType::Regular | EntryType::Continuous => {
                let path = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                let path = String::from_utf8_lossy(&path);
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                visit(&name, &mut entry)?;
            }
            _ => long_name = None,
        }
    }
    Ok(())
}

fn bounded(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(limits::MAX_TAR_NAME_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits::MAX_TAR_NAME_BYTES {
        let limit = limits::MAX_TAR_NAME_BYTES;
        let what = format!("a name in the archive is longer than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(bytes)
}
