//! What can go wrong with a log of decisions as a whole. Damage is no error: it is a place in a file.

use std::io;
use std::path::{Path, PathBuf};

use super::VERSION;
use crate::limits;
use crate::trace::blocks::{OpenError, WriteError};

/// Why a log of decisions cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionLogError {
    /// The operating system refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The content is something else.
    #[error("{}: not a log of decisions", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer program.
    #[error(
        "{}: version {found} of the log of decisions is newer than {VERSION}, the newest known here",
        path.display()
    )]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u16,
    },
    /// A decision is larger than a block can be.
    #[error(
        "{}: a decision of {bytes} bytes is larger than {max}, the most in one block",
        path.display(), max = limits::MAX_DECISION_BLOCK_BYTES
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: usize,
    },
    /// There are as many blocks as a file may have.
    #[error("{}: more than {max} blocks", path.display(), max = limits::MAX_TRACE_BLOCKS)]
    TooManyBlocks {
        /// The file.
        path: PathBuf,
    },
    /// An earlier write failed; what follows would be unreadable.
    #[error("{}: an earlier write failed; the log ends with the block before", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// The log did not end in time.
    #[error("{}: the log was not finished within {seconds} s", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// How long it was given.
        seconds: u64,
    },
}

impl DecisionLogError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Self::Io { path, cause }
    }

    pub(super) fn open(path: &Path, error: OpenError) -> Self {
        let path = path.to_path_buf();
        match error {
            OpenError::Io(cause) => Self::Io { path, cause },
            OpenError::Stranger => Self::NotALog { path },
            OpenError::Version(found) => Self::UnsupportedVersion { path, found },
        }
    }

    pub(super) fn write(path: &Path, error: WriteError) -> Self {
        let path = path.to_path_buf();
        match error {
            WriteError::Io(cause) => Self::Io { path, cause },
            WriteError::TooManyBlocks => Self::TooManyBlocks { path },
            WriteError::Broken => Self::Broken { path },
        }
    }
}
