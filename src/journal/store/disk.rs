//! Between the store and the file system: what a test replaces by something worse.

use std::fmt;
use std::fs::File;
use std::io;

use redb::StorageBackend;
use redb::backends::FileBackend;

/// Gives the store access to a file.
pub(in crate::journal) trait Disk: fmt::Debug + Send + Sync {
    /// The file as the store sees it.
    fn backend(&self, file: File) -> Result<Box<dyn StorageBackend>, redb::DatabaseError>;

    /// Bytes free where the file lies.
    fn free(&self, near: &File) -> io::Result<u64>;
}

/// The file system, as it is.
#[derive(Debug)]
pub(super) struct FileSystem;

impl Disk for FileSystem {
    fn backend(&self, file: File) -> Result<Box<dyn StorageBackend>, redb::DatabaseError> {
        Ok(Box::new(FileBackend::new(file)?))
    }

    fn free(&self, near: &File) -> io::Result<u64> {
        let told = rustix::fs::fstatvfs(near)?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }
}

/// A boxed backend as a backend. The store's own locks are left out: the folder has one.
#[derive(Debug)]
pub(super) struct Backend(pub(super) Box<dyn StorageBackend>);

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.0.close()
    }
}
