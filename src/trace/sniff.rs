//! Tells formats by their content. Names of files play no part.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::options::Field;
use super::own::MAGIC;
use super::text::{Cabspotting, LineFormat, TDrive, columns_of};
use super::{ReadOptions, TraceError, requests};

/// How much of a file is looked at.
const HEAD_BYTES: usize = 4_096;

/// How many lines of it: a few bad rows at the top do not hide the format.
const HEAD_LINES: usize = 16;

const BUFFER_BYTES: usize = 64 << 10;

/// A format of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own, `docs/trace-format.md`.
    Own,
    /// Cabspotting: `lat lon occupied unixtime`.
    Cabspotting,
    /// T-Drive: `id,YYYY-MM-DD HH:MM:SS,lon,lat`.
    TDrive,
    /// A CSV with a column mapping.
    Csv,
    /// Several inputs of different formats.
    Mixed,
}

impl Format {
    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "hansom",
            Self::Cabspotting => "cabspotting",
            Self::TDrive => "t-drive",
            Self::Csv => "csv",
            Self::Mixed => "mixed",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A format of rows in lines of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Cabspotting,
    TDrive,
    Csv,
}

impl From<Text> for Format {
    fn from(text: Text) -> Self {
        match text {
            Text::Cabspotting => Self::Cabspotting,
            Text::TDrive => Self::TDrive,
            Text::Csv => Self::Csv,
        }
    }
}

/// What a file holds.
#[derive(Debug)]
pub(super) enum Content {
    Own,
    Tar,
    Text(Text),
    Unknown(TraceError),
}

/// Bytes of a file with gzip taken off, if there was any.
pub(super) type Bytes = Box<dyn BufRead + Send>;

/// Whether gzip had to be taken off.
enum Packing {
    Plain,
    Gzip,
}

/// Opens a file for reading; `read` counts its bytes as they lie on disk.
pub(super) fn open(path: &Path, read: &Arc<AtomicU64>) -> io::Result<Bytes> {
    unpacked(path, read).map(|(bytes, _)| bytes)
}

fn unpacked(path: &Path, read: &Arc<AtomicU64>) -> io::Result<(Bytes, Packing)> {
    let counted = Counted { file: File::open(path)?, read: Arc::clone(read) };
    let mut plain = BufReader::with_capacity(BUFFER_BYTES, counted);
    if plain.fill_buf()?.starts_with(b"\x1f\x8b") {
        let unpacked = BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(plain));
        return Ok((Box::new(unpacked), Packing::Gzip));
    }
    Ok((Box::new(plain), Packing::Plain))
}

/// What the file at `path` holds.
pub(super) fn content(path: &Path, options: &ReadOptions) -> io::Result<Content> {
    let path_buf = || path.to_path_buf();
    let read = Arc::default();
    let (mut bytes, packing) = unpacked(path, &read)?;
    let head = head(&mut bytes)?;
    if head.starts_with(&MAGIC) {
        return Ok(match packing {
            Packing::Plain => Content::Own,
            Packing::Gzip => {
                let (what, remedy) = ("gzip", "gunzip it");
                Content::Unknown(TraceError::PackedOwn { path: path_buf(), what, remedy })
            }
        });
    }
    let packed: [(&[u8], &str); 5] = [
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"PK\x03\x04", "zip"),
        (b"\x1f\x8b", "gzip within gzip"),
    ];
    if let Some((_, what)) = packed.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Ok(Content::Unknown(TraceError::UnsupportedCompression { path: path_buf(), what }));
    }
    if head.get(257..262) == Some(b"ustar") {
        return Ok(Content::Tar);
    }
    if let Some(text) = text(&head, options) {
        return Ok(Content::Text(text));
    }
    if let Some(format) = requests::format_of(&head) {
        return Ok(Content::Unknown(TraceError::RequestLog { path: path_buf(), format }));
    }
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !first.contains(&b',') || head.contains(&0) || str::from_utf8(first).is_err() {
        return Ok(Content::Unknown(TraceError::UnknownFormat { path: path_buf() }));
    }
    // A CSV without a mapping, or with one that names other columns.
    let columns = columns_of(&head);
    let missing = options.csv.as_ref().and_then(|mapping| {
        let absent = |field: &Field| {
            mapping.column(*field).is_some_and(|name| columns.split(", ").all(|c| c != name))
        };
        let field = Field::ALL.into_iter().find(absent)?;
        Some((field, mapping.column(field)?.to_owned()))
    });
    let path = path_buf();
    Ok(Content::Unknown(match missing {
        Some((field, column)) => {
            TraceError::NoSuchColumn { path, field: field.name(), column, columns }
        }
        None => TraceError::NeedsColumns { path, columns },
    }))
}

/// The first bytes of an input.
pub(super) fn head(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    input.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The text format that starts like this, if any.
pub(super) fn text(head: &[u8], options: &ReadOptions) -> Option<Text> {
    let text = String::from_utf8_lossy(head);
    let whole = match text.rfind('\n') {
        // The last line may be cut off.
        Some(end) if head.len() >= HEAD_BYTES => &text[..end],
        _ => &text,
    };
    if let Some(mapping) = &options.csv {
        let names = columns_of(head);
        let exists = |field: Field| {
            mapping.column(field).is_none_or(|name| names.split(", ").any(|column| column == name))
        };
        if Field::ALL.into_iter().all(exists) {
            return Some(Text::Csv);
        }
    }
    let mut lines = whole.lines().filter(|line| !line.trim().is_empty()).take(HEAD_LINES);
    lines.find_map(|line| {
        if Cabspotting::recognises(line) {
            Some(Text::Cabspotting)
        } else if TDrive::recognises(line) {
            Some(Text::TDrive)
        } else {
            None
        }
    })
}

/// A file that counts what is read from it.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
