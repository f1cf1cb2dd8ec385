//! What goes wrong below the journal, before it is known to whom it is told.

use std::io;
use std::path::Path;

use super::codec::BadRow;
use crate::journal::error::{OpenError, ReadError};

/// A failure in one file.
#[derive(Debug, thiserror::Error)]
pub(in crate::journal) enum Trouble {
    /// What is there is not what was written.
    #[error("{0}")]
    Damage(String),
    /// The file is of a later version of the program.
    #[error("version {0} is newer than the newest known here")]
    Version(u32),
    /// The store or the system refused.
    #[error("{0}")]
    Refused(String),
}

impl Trouble {
    pub(super) fn damage(what: impl Into<String>) -> Self {
        Self::Damage(what.into())
    }

    pub(super) fn reading(self, path: &Path) -> ReadError {
        let path = path.to_path_buf();
        match self {
            Self::Damage(what) => ReadError::Damaged { path, what },
            other => ReadError::Io { path, cause: other.to_string() },
        }
    }

    pub(super) fn opening(self, path: &Path) -> OpenError {
        let path = path.to_path_buf();
        match self {
            Self::Damage(what) => OpenError::Damaged { path, what },
            Self::Version(found) => {
                OpenError::Version { path, found, newest: super::codec::VERSION.into() }
            }
            Self::Refused(cause) => OpenError::Io { path, cause },
        }
    }
}

impl From<BadRow> for Trouble {
    fn from(bad: BadRow) -> Self {
        Self::damage(format!("row {bad}"))
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<redb::Error> for Trouble {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Corrupted(what) => Self::Damage(what),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<redb::StorageError> for Trouble {
    fn from(error: redb::StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TableError> for Trouble {
    fn from(error: redb::TableError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TransactionError> for Trouble {
    fn from(error: redb::TransactionError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::CommitError> for Trouble {
    fn from(error: redb::CommitError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::DatabaseError> for Trouble {
    fn from(error: redb::DatabaseError) -> Self {
        redb::Error::from(error).into()
    }
}
