//! Tests of the contract, on each journal, and of the one on disk against the one in memory.

mod contract;
mod oracle;
pub(in crate::journal) mod same;
pub(in crate::journal) mod script;

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::store::BadDisk;
use super::{Journal, JournalConfig, MemoryJournal, RedbJournal};
use crate::units::Millis;

/// Small segments, so that a test has many.
pub(in crate::journal) const SMALL: JournalConfig =
    JournalConfig { segment_bytes: 1_500, segment_span: Millis::from_secs(60), reserve_bytes: 0 };

/// A folder that is in memory where there is such a thing: most tests need files, and no disk.
pub(in crate::journal) fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A journal that can be opened anew.
pub(in crate::journal) trait Subject {
    fn journal(&self) -> &dyn Journal;

    /// Closes it and opens it again.
    fn reopen(&mut self);
}

impl Subject for MemoryJournal {
    fn journal(&self) -> &dyn Journal {
        self
    }

    fn reopen(&mut self) {
        self.restart();
    }
}

/// A journal on disk in a folder that goes with it.
pub(in crate::journal) struct OnDisk {
    journal: Option<RedbJournal>,
    folder: TempDir,
    config: JournalConfig,
    disk: Option<Arc<BadDisk>>,
}

impl OnDisk {
    pub(in crate::journal) fn new(config: JournalConfig) -> Self {
        Self::open(tempfile::tempdir().unwrap(), config, None)
    }

    /// The same on a disk of which nothing is asked, so that many commits take little time.
    pub(in crate::journal) fn quick(config: JournalConfig) -> Self {
        Self::open(in_memory(), config, Some(Arc::new(BadDisk::default())))
    }

    fn open(folder: TempDir, config: JournalConfig, disk: Option<Arc<BadDisk>>) -> Self {
        let mut subject = Self { journal: None, folder, config, disk };
        subject.reopen();
        subject
    }

    pub(in crate::journal) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The segments that there are, by their files.
    pub(in crate::journal) fn segments(&self) -> usize {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| Path::new(name).extension().is_some_and(|e| e == "redb")).count()
    }
}

impl Subject for OnDisk {
    fn journal(&self) -> &dyn Journal {
        self.journal.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.journal = None;
        let journal = match &self.disk {
            None => RedbJournal::open(self.path(), self.config),
            Some(disk) => RedbJournal::open_on(self.path(), self.config, disk.clone()),
        };
        self.journal = Some(journal.unwrap());
    }
}
