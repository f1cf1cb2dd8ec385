//! A disk that fails when told to, and that forgets what was not flushed when the power is cut.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use parking_lot::Mutex;
use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::journal::store::disk::Disk;
use crate::test_rng::Rng;

/// What is kept or lost as one.
const SECTOR: u64 = 512;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) enum Harm {
    /// A write or a flush fails, and what was not flushed may be lost.
    Fails,
    /// A write finds no space; what was written before is there.
    Full,
    /// The power goes: nothing more reaches the disk, and what was not flushed may be lost.
    PowerCut,
}

/// The disk. Flushes cost nothing: what they would do is noted.
#[derive(Debug, Default)]
pub(in crate::journal) struct BadDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Writes, flushes and changes of length so far.
    operations: u64,
    /// What goes wrong with which of them.
    harm: Option<(u64, Harm)>,
    /// Whether it has.
    broken: Option<Harm>,
    /// A disk that says that it has flushed and has not.
    lies: bool,
    /// Bytes it says are free.
    free: Option<u64>,
    files: Vec<Unflushed>,
}

/// What a file was when it was last flushed, where that has changed.
#[derive(Debug)]
struct Unflushed {
    file: File,
    inode: u64,
    sectors: BTreeMap<u64, Vec<u8>>,
    length: u64,
}

impl BadDisk {
    /// A disk that says it flushes and does not.
    pub(super) fn lying() -> Self {
        let disk = Self::default();
        disk.state.lock().lies = true;
        disk
    }

    /// How many operations there have been.
    pub(super) fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Harms the operation with this number.
    pub(super) fn harm(&self, operation: u64, harm: Harm) {
        self.state.lock().harm = Some((operation, harm));
    }

    /// Whether it has been harmed.
    pub(super) fn is_broken(&self) -> bool {
        self.state.lock().broken.is_some()
    }

    /// Sets how many bytes it says are free.
    pub(super) fn set_free(&self, free: u64) {
        self.state.lock().free = Some(free);
    }

    /// Loses of what was not flushed each sector or not, as a seed will have it.
    pub(super) fn lose(&self, rng: &mut Rng) {
        let mut state = self.state.lock();
        for unflushed in &mut state.files {
            let Unflushed { file, sectors, length, .. } = unflushed;
            let backend = FileBackend::new(file.try_clone().unwrap()).unwrap();
            let rate = 1 + rng.below(3);
            for (sector, before) in std::mem::take(sectors) {
                if rng.once_in(rate) {
                    let at = sector * SECTOR;
                    let end = backend.len().unwrap();
                    if at < end {
                        let fits = before.len().min(usize::try_from(end - at).unwrap());
                        backend.write(at, &before[..fits]).unwrap();
                    }
                }
            }
            if *length > 0 && *length < backend.len().unwrap() && rng.once_in(4) {
                backend.set_len(*length).unwrap();
            }
        }
        state.files.clear();
    }
}

impl Disk for BadDisk {
    fn backend(&self, file: File) -> Result<Box<dyn StorageBackend>, redb::DatabaseError> {
        let inner = FileBackend::new(file.try_clone()?)?;
        let mut state = self.state.lock();
        // A file that was closed and is opened again is the same file.
        let inode = file.metadata()?.ino();
        let known = state.files.iter().position(|unflushed| unflushed.inode == inode);
        let number = known.unwrap_or(state.files.len());
        if known.is_none() {
            let length = inner.len()?;
            state.files.push(Unflushed { file, inode, sectors: BTreeMap::new(), length });
        }
        Ok(Box::new(BadFile { inner, number, disk: self.state.clone() }))
    }

    fn free(&self, _near: &File) -> io::Result<u64> {
        Ok(self.state.lock().free.unwrap_or(u64::MAX))
    }
}

#[derive(Debug)]
struct BadFile {
    inner: FileBackend,
    number: usize,
    disk: Arc<Mutex<State>>,
}

impl State {
    /// Counts an operation, and fails it if it is its turn or the disk is broken.
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        if let Some((_, harm)) = self.harm.filter(|(number, _)| *number == self.operations) {
            self.broken = Some(harm);
        }
        match self.broken {
            None => Ok(()),
            // ENOSPC and EIO: what a test reads is what an operator reads.
            Some(Harm::Full) => Err(io::Error::from_raw_os_error(28)),
            Some(_) => Err(io::Error::from_raw_os_error(5)),
        }
    }
}

impl BadFile {
    /// Remembers the sectors that a write changes as they were.
    fn remember(&self, unflushed: &mut Unflushed, from: u64, to: u64) -> io::Result<()> {
        let length = self.inner.len()?;
        for sector in from / SECTOR..to.div_ceil(SECTOR) {
            if unflushed.sectors.contains_key(&sector) {
                continue;
            }
            let at = sector * SECTOR;
            // Beyond the end there are zeros.
            let mut before = vec![0; usize::try_from(SECTOR).unwrap_or(0)];
            let there = usize::try_from(length.saturating_sub(at).min(SECTOR)).unwrap_or(0);
            self.inner.read(at, &mut before[..there])?;
            unflushed.sectors.insert(sector, before);
        }
        Ok(())
    }
}

impl StorageBackend for BadFile {
    fn len(&self) -> Result<u64, io::Error> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        let mut state = self.disk.lock();
        state.operate()?;
        // What a file loses when it becomes shorter is not asked back: the store flushes before.
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.disk.lock();
        state.operate()?;
        if !state.lies
            && let Some(unflushed) = state.files.get_mut(self.number)
        {
            unflushed.sectors.clear();
            unflushed.length = self.inner.len()?;
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.disk.lock();
        state.operate()?;
        if let Some(unflushed) = state.files.get_mut(self.number) {
            self.remember(unflushed, offset, offset + data.len() as u64)?;
        }
        self.inner.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.inner.close()
    }
}
