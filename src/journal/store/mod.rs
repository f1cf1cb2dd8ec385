//! The journal on disk: a chain of files of an embedded store (`redb`), of which only the last is
//! written to.
//!
//! From the top: this file (what is shared), `open.rs`, `commit.rs` (the way of a batch),
//! `roll.rs` (from one segment to the next), `prune.rs`, `read.rs` (answers), `chain.rs` (sealed segments),
//! `segment.rs` and `view.rs` (one file), `codec.rs` (rows), `witness.rs` (what was acknowledged),
//! `folder.rs` (names and the lock), `disk.rs` (where a test puts a bad disk).

mod chain;
mod codec;
mod commit;
mod disk;
mod folder;
mod open;
mod prune;
mod read;
mod roll;
mod segment;
#[cfg(test)]
mod tests;
mod trouble;
mod view;
mod witness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::limits;
use crate::units::Millis;

use super::Journal;
use super::error::{CommitError, Failure, OpenError, ReadError};
use super::model::{
    Batch, EndedStream, Event, History, OpenStream, Ordinal, Page, Pruned, Retention, Seq, Stats,
    Stream, StreamId,
};
use super::rules::Known;
use chain::Chain;
use codec::Numbers;
use disk::Disk;
use folder::Folder;
use segment::Segment;
use witness::Witness;

#[cfg(test)]
pub(in crate::journal) use tests::bad_disk::BadDisk;

/// How a journal on disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Bytes of records after which a segment is sealed.
    pub segment_bytes: u64,
    /// Time between the first and the last event of a segment after which it is sealed.
    pub segment_span: Millis,
    /// Bytes that are left free on the disk.
    pub reserve_bytes: u64,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: limits::JOURNAL_SEGMENT_BYTES,
            segment_span: Millis(limits::JOURNAL_SEGMENT_MS),
            reserve_bytes: limits::JOURNAL_RESERVE_BYTES,
        }
    }
}

/// A journal on disk, in a folder of its own.
///
/// # Guarantees
/// Those of [`Journal`]. Opening verifies all that a start relies on, and refuses what is damaged,
/// cut or older than what was acknowledged; what has been sealed is verified as a whole when it is
/// first read. Its duration depends on the open streams and on the size of a segment, not on
/// history.
///
/// # Examples
/// ```
/// use hansom::journal::{Batch, Event, Journal, JournalConfig, Ordinal, RedbJournal, Seq, StreamId};
/// use hansom::units::Timestamp;
/// # let parent = tempfile::tempdir()?;
/// # let folder = parent.path().join("sf");
/// let journal = RedbJournal::open(&folder, JournalConfig::default())?;
/// let mut batch = Batch::default();
/// let (seq, stream, ordinal) = (Seq(1), StreamId(1), Ordinal(1));
/// let at = Timestamp::from_secs(1_768_006_800);
/// batch.event(Event { seq, stream, ordinal, at, bytes: b"requested".to_vec() });
/// batch.put(stream, b"waiting".to_vec());
/// assert_eq!(journal.commit(&batch)?, Seq(1));
/// drop(journal);
///
/// let journal = RedbJournal::open(&folder, JournalConfig::default())?;
/// assert_eq!(journal.open_streams(StreamId::NONE, 10)?.rows[0].state, b"waiting");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// The store's two-step commit and its checksums: <https://github.com/cberner/redb>, docs/design.md.
#[derive(Debug)]
pub struct RedbJournal {
    folder: Folder,
    config: JournalConfig,
    disk: Arc<dyn Disk>,
    /// Whoever commits, prunes or begins a segment. Taken before `shared`.
    writer: Mutex<Writer>,
    /// Read by all, also while a commit is under way; written when a segment is begun or history
    /// is pruned, which waits for the answers under way.
    shared: RwLock<Shared>,
    /// The numbers of the last acknowledged commit. Held for a copy.
    acknowledged: Mutex<Numbers>,
    /// Set once.
    failure: Mutex<Option<Arc<Failure>>>,
}

/// What is needed to judge and to write.
#[derive(Debug)]
struct Writer {
    numbers: Numbers,
    /// The events of each open stream.
    open: BTreeMap<StreamId, Vec<Seq>>,
    witness: Witness,
    /// Beginning a segment is not tried again before the present one has taken so many bytes.
    postponed: u64,
}

/// The segments.
#[derive(Debug)]
struct Shared {
    /// Absent after a failure that leaves no segment open; nothing is committed then.
    active: Option<Segment>,
    sealed: Chain,
}

impl RedbJournal {
    /// Opens the journal in a folder, or begins one there.
    ///
    /// # Errors
    /// [`OpenError`]: nothing is given up silently.
    pub fn open(folder: &Path, config: JournalConfig) -> Result<Self, OpenError> {
        Self::open_on(folder, config, Arc::new(disk::FileSystem))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// Notes the first failure, after which nothing is committed.
    fn poison(&self, path: &Path, commit: u64, cause: &dyn std::fmt::Display) -> Arc<Failure> {
        let failure = Failure { path: path.to_path_buf(), commit, cause: cause.to_string() };
        self.failure.lock().get_or_insert_with(|| Arc::new(failure)).clone()
    }

    fn refuse_if_poisoned(&self) -> Result<(), CommitError> {
        let failure = self.failure.lock().clone();
        failure.map_or(Ok(()), |failure| Err(CommitError::Poisoned(failure)))
    }
}

/// What the rules ask, answered by the writer and, for ended streams, by the segments.
struct Judged<'a> {
    writer: &'a Writer,
    journal: &'a RedbJournal,
}

impl Known for Judged<'_> {
    fn last(&self) -> Seq {
        self.writer.numbers.segment.last
    }

    fn newest(&self) -> StreamId {
        self.writer.numbers.newest
    }

    fn last_of(&self, stream: StreamId) -> Option<Ordinal> {
        self.writer.open.get(&stream).map(|events| last_of(events))
    }

    fn last_of_ended(&self, stream: StreamId) -> Result<Option<Ordinal>, ReadError> {
        if self.writer.open.contains_key(&stream) {
            return Ok(None);
        }
        let ended = self.journal.find_ended(&self.journal.shared.read(), stream)?;
        Ok(ended.map(|(_, row)| last_of(&row.events)))
    }

    fn open(&self) -> usize {
        self.writer.open.len()
    }
}

/// The number of a stream's last event, given all of them.
fn last_of(events: &[Seq]) -> Ordinal {
    // Few: MAX_JOURNAL_STREAM_EVENTS.
    Ordinal(u32::try_from(events.len()).unwrap_or(u32::MAX))
}

impl Journal for RedbJournal {
    fn commit(&self, batch: &Batch) -> Result<Seq, CommitError> {
        self.commit_batch(batch)
    }

    fn head(&self) -> Result<Option<Vec<u8>>, ReadError> {
        self.read_active(view::View::head)
    }

    fn open_streams(&self, after: StreamId, size: usize) -> Result<Page<OpenStream>, ReadError> {
        self.read_open(after, size)
    }

    fn stream(&self, stream: StreamId) -> Result<Option<Stream>, ReadError> {
        self.read_stream(stream)
    }

    fn events(&self, from: Seq, size: usize) -> Result<Page<Event>, ReadError> {
        self.read_events(from, size)
    }

    fn events_of(
        &self,
        stream: StreamId,
        from: Ordinal,
        size: usize,
    ) -> Result<Page<Event>, ReadError> {
        self.read_events_of(stream, from, size)
    }

    fn history(&self, question: &History) -> Result<Page<EndedStream>, ReadError> {
        self.read_history(question)
    }

    fn prune(&self, retention: Retention) -> Result<Pruned, CommitError> {
        self.prune_history(retention)
    }

    fn stats(&self) -> Stats {
        let numbers = *self.acknowledged.lock();
        let shared = self.shared.read();
        let file =
            |segment: &Segment| std::fs::metadata(segment.path()).map_or(0, |told| told.len());
        Stats {
            last: numbers.segment.last,
            first: shared.sealed.first().unwrap_or(numbers.segment.first),
            open: numbers.open,
            ended: shared.sealed.rows().map(|row| row.ended).sum::<u64>() + numbers.segment.ended,
            bytes: shared.sealed.rows().map(|row| row.bytes).sum::<u64>()
                + shared.active.as_ref().map_or(0, file),
            commits: numbers.commit,
            free: self.disk.free(self.folder.any_file()).ok(),
        }
    }

    fn failure(&self) -> Option<Arc<Failure>> {
        self.failure.lock().clone()
    }
}
