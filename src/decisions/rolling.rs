//! A log of bounded size: a file is begun when the last is full, and the oldest is deleted.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;

use super::segments::{LogPlace, Segment};
use super::{DecisionLogError, DecisionWriter};
use crate::dispatch::policy::Decision;
use crate::limits;
use crate::records::LogEntry;
use crate::trace::Sink;

/// What a log is kept on: the file system, or something that fails when a test says so.
pub(super) trait Disk: Send {
    type File: Sink;

    /// Begins a file where none is.
    fn create(&mut self, path: &Path) -> std::io::Result<Self::File>;

    /// Deletes a file.
    fn remove(&mut self, path: &Path) -> std::io::Result<()>;
}

/// The file system.
pub(super) struct Files;

impl Disk for Files {
    type File = File;

    fn create(&mut self, path: &Path) -> std::io::Result<File> {
        File::create_new(path)
    }

    fn remove(&mut self, path: &Path) -> std::io::Result<()> {
        std::fs::remove_file(path)
    }
}

/// A log that deletes its oldest files.
///
/// # Guarantees
/// After each write the files have at most [`LogPlace::max_bytes`] together, unless the last block
/// alone has more.
pub(super) struct RollingLog<D: Disk> {
    disk: D,
    place: LogPlace,
    /// Those that are complete, oldest first.
    done: VecDeque<Segment>,
    current: Option<(Segment, DecisionWriter<D::File>)>,
    /// The number of the next file.
    next: u64,
}

impl<D: Disk> RollingLog<D> {
    /// Looks at what is there; the first file is begun with the first entry.
    pub(super) fn new(disk: D, place: LogPlace) -> Result<Self, DecisionLogError> {
        let found = place.segments().map_err(DecisionLogError::io(&place.folder))?;
        let next = found.last().map_or(1, |last| last.number + 1);
        Ok(Self { disk, place, done: found.into(), current: None, next })
    }

    /// Adds a decision.
    pub(super) fn write(&mut self, decision: &Decision) -> Result<(), DecisionLogError> {
        self.with(|writer| writer.write(decision))
    }

    /// Adds an entry.
    pub(super) fn write_entry(&mut self, entry: &LogEntry) -> Result<(), DecisionLogError> {
        self.with(|writer| writer.write_entry(entry))
    }

    /// Hands what is pending to the system.
    pub(super) fn flush(&mut self) -> Result<(), DecisionLogError> {
        if self.current.is_some() { self.with(DecisionWriter::flush) } else { Ok(()) }
    }

    /// Ends the file that is being written.
    pub(super) fn finish(&mut self) -> Result<(), DecisionLogError> {
        if let Some((mut segment, writer)) = self.current.take() {
            let written = writer.bytes();
            let finished = writer.finish();
            segment.bytes = std::fs::metadata(&segment.path).map_or(written, |m| m.len());
            self.done.push_back(segment);
            finished?;
        }
        Ok(())
    }

    /// Entries accepted but not yet in a file.
    pub(super) fn pending(&self) -> u32 {
        self.current.as_ref().map_or(0, |(_, writer)| writer.pending())
    }

    /// Gives up the file that is being written, after a failure; it ends with its last whole block, and
    /// is removed if it has none.
    pub(super) fn abandon(&mut self) {
        if let Some((mut segment, writer)) = self.current.take() {
            let empty = writer.bytes() <= segment.bytes;
            segment.bytes = writer.bytes();
            drop(writer);
            if !(empty && self.disk.remove(&segment.path).is_ok()) {
                self.done.push_back(segment);
            }
        }
    }

    fn with(
        &mut self,
        act: impl FnOnce(&mut DecisionWriter<D::File>) -> Result<(), DecisionLogError>,
    ) -> Result<(), DecisionLogError> {
        let (_, writer) = match &mut self.current {
            Some(current) => current,
            none => none.insert(begin(&mut self.disk, &self.place, &mut self.next)?),
        };
        act(writer)?;
        if writer.bytes() >= self.place.max_bytes / limits::DECISION_LOG_SEGMENTS {
            self.finish()?;
        }
        self.make_room()
    }

    fn make_room(&mut self) -> Result<(), DecisionLogError> {
        let current = self.current.as_ref().map_or(0, |(_, writer)| writer.bytes());
        let mut bytes = current + self.done.iter().map(|segment| segment.bytes).sum::<u64>();
        while bytes > self.place.max_bytes
            && let Some(oldest) = self.done.front()
        {
            match self.disk.remove(&oldest.path) {
                // It still counts, and is tried again.
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(DecisionLogError::io(&oldest.path)(error));
                }
                _ => {}
            }
            bytes = bytes.saturating_sub(oldest.bytes);
            self.done.pop_front();
        }
        Ok(())
    }
}

fn begin<D: Disk>(
    disk: &mut D,
    place: &LogPlace,
    next: &mut u64,
) -> Result<(Segment, DecisionWriter<D::File>), DecisionLogError> {
    let (number, path) = (*next, place.path(*next));
    // A number whose file failed is not used again.
    *next += 1;
    let file = disk.create(&path).map_err(DecisionLogError::io(&path))?;
    let writer = DecisionWriter::new(file, &path).inspect_err(|_| {
        // Not even a header: readers pass over it if it cannot be removed either.
        drop(disk.remove(&path));
    })?;
    // So many bytes it has without any entry.
    let bytes = writer.bytes();
    Ok((Segment { number, path, bytes }, writer))
}
