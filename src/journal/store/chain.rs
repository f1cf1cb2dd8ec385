//! The sealed segments: which there are, and those that are open.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::codec::Summary;
use super::disk::Disk;
use super::folder::Folder;
use super::segment::Sealed;
use super::trouble::Trouble;
use super::view::View;
use crate::journal::error::ReadError;
use crate::journal::model::Seq;
use crate::limits;

/// The sealed segments, oldest first; each begins where the one before ends.
#[derive(Debug)]
pub(super) struct Chain {
    rows: Vec<Summary>,
    /// Those that have been verified and are open, oldest opening first. Locked while one is
    /// opened, so that two who need the same verify it once.
    open: Mutex<VecDeque<(u64, Arc<Sealed>)>>,
}

impl Chain {
    pub(super) fn new(rows: Vec<Summary>) -> Self {
        Self { rows, open: Mutex::default() }
    }

    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = &Summary> {
        self.rows.iter()
    }

    pub(super) fn all(&self) -> &[Summary] {
        &self.rows
    }

    /// The first event of all.
    pub(super) fn first(&self) -> Option<Seq> {
        self.rows.first().map(|row| row.first)
    }

    pub(super) fn push(&mut self, row: Summary) {
        self.rows.push(row);
    }

    /// Forgets the first `count` segments.
    pub(super) fn forget(&mut self, count: usize) {
        let gone: Vec<Summary> = self.rows.drain(..count).collect();
        let open = self.open.get_mut();
        open.retain(|(number, _)| gone.iter().all(|row| row.number != *number));
    }

    /// Reads from a segment, opening it if need be.
    pub(super) fn read<T>(
        &self,
        row: &Summary,
        folder: &Folder,
        disk: &dyn Disk,
        ask: impl FnOnce(&View) -> Result<T, Trouble>,
    ) -> Result<T, ReadError> {
        let path = folder.segment(row.number);
        let answer = || {
            let segment = self.segment(row, folder, disk)?;
            ask(&segment.view()?)
        };
        answer().map_err(|trouble: Trouble| trouble.reading(&path))
    }

    fn segment(
        &self,
        row: &Summary,
        folder: &Folder,
        disk: &dyn Disk,
    ) -> Result<Arc<Sealed>, Trouble> {
        let mut open = self.open.lock();
        if let Some((_, segment)) = open.iter().find(|(number, _)| *number == row.number) {
            return Ok(segment.clone());
        }
        let segment = Arc::new(Sealed::open(&folder.segment(row.number), row, disk)?);
        if open.len() == limits::MAX_OPEN_JOURNAL_SEGMENTS {
            open.pop_front();
        }
        open.push_back((row.number, segment.clone()));
        Ok(segment)
    }
}
