//! The folder of a journal: its lock, the names of its files, and that they are there to stay.
//!
//! `lock` is held while the journal is open. `00000001.redb` and so on are the segments, of which
//! the last is written to. `witness` says what was acknowledged. What ends in `.tmp` was about to
//! become one of them when the process died, and is removed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::journal::error::OpenError;

/// The folder, and its lock while it is open.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes the folder if there is none, and takes its lock.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let io =
            |cause: io::Error| OpenError::Io { path: path.to_path_buf(), cause: cause.to_string() };
        make(path).map_err(io)?;
        let name = path.join("lock");
        let lock = OpenOptions::new().create(true).append(true).open(&name).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_path_buf(), lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: name }),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder that stays open, to ask the system about the disk.
    pub(super) fn any_file(&self) -> &File {
        &self.lock
    }

    /// The numbers of the segments, ascending. Removes what never became one.
    pub(super) fn segments(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let extension = path.extension().and_then(|text| text.to_str());
            let stem = path.file_stem().and_then(|text| text.to_str());
            match (stem, extension) {
                (Some(_), Some("tmp")) => fs::remove_file(&path)?,
                (Some(stem), Some("redb")) => numbers.extend(stem.parse::<u64>().ok()),
                _ => {}
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    pub(super) fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:08}.redb"))
    }

    /// Where a segment is made before it has its name.
    pub(super) fn unfinished(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:08}.tmp"))
    }

    /// Gives a finished segment its name, for good.
    pub(super) fn finish(&self, number: u64) -> io::Result<()> {
        fs::rename(self.unfinished(number), self.segment(number))?;
        self.sync()
    }

    /// Makes names that were given or removed survive a crash of the machine.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync(&self.path)
    }
}

/// Makes a folder and those above it, each there to stay.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() || folder.as_os_str().is_empty() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    make(above)?;
    match fs::create_dir(folder) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }?;
    sync(above)
}

fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}
