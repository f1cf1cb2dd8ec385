//! Where a journal comes from: a small file beside its own, so that what two processes have
//! written in turn can be compared.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::journal::Seq;

/// The name of the file in the journal's folder.
const NAME: &str = "lineage";

/// The first line of the file.
const FIRST_LINE: &str = "hansom lineage 1";

/// Where a journal comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The token of the lease under which it was last written; 0 for a journal that never had one.
    pub term: u64,
    /// What is added to the journal's numbers to get the market's: events that a predecessor's
    /// market had and this journal has not.
    pub shift: u64,
}

/// Why a lineage cannot be told or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineageError {
    /// The file says something else.
    #[error("{}: it does not say where the journal comes from", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl Lineage {
    /// That of the journal in a folder; a journal without one never had a lease.
    ///
    /// # Errors
    /// [`LineageError`].
    pub fn read(folder: &Path) -> Result<Self, LineageError> {
        let path = folder.join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(LineageError::Io { path, source }),
        };
        let mut lines = text.lines();
        let first = lines.next() == Some(FIRST_LINE);
        let mut number = |name: &str| lines.next()?.strip_prefix(name)?.trim().parse::<u64>().ok();
        match (first, number("term"), number("shift"), text.ends_with('\n')) {
            (true, Some(term), Some(shift), true) => Ok(Self { term, shift }),
            _ => Err(LineageError::Damaged { path }),
        }
    }

    /// Writes it down, for good.
    ///
    /// # Errors
    /// [`LineageError`]; then the file is as it was.
    pub fn write(self, folder: &Path) -> Result<(), LineageError> {
        let path = folder.join(NAME);
        let io = |source| LineageError::Io { path: path.clone(), source };
        let mut file = tempfile::NamedTempFile::with_prefix_in("lineage-", folder).map_err(io)?;
        let Self { term, shift } = self;
        writeln!(file, "{FIRST_LINE}\nterm {term}\nshift {shift}").map_err(io)?;
        file.as_file().sync_all().map_err(io)?;
        file.persist(&path).map_err(|error| io(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
    }

    /// Whether a copy of this term and number knows more than the journal with this lineage that ends
    /// with `last`, a number of the market's. The later term knows more: its first event was written
    /// by somebody who had seen all of the terms before. In one term there was one writer, and
    /// the longer history begins with the shorter.
    pub fn is_behind(self, last: Seq, term: u64, seq: Seq) -> bool {
        (term, seq) > (self.term, last)
    }
}
