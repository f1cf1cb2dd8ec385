//! One file of the store: the tables, and what is written to them.
//!
//! A segment begins with all streams that are open and the head, so that the last one alone is what
//! a start needs; takes commits until it is large or old; and is then sealed: never written again,
//! with its length and checksum kept in its successor.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};

use redb::{Database, ReadOnlyDatabase, ReadableDatabase, TableDefinition, WriteTransaction};

use super::codec::{self, Numbers, Summary};
use super::disk::{Backend, Disk};
use super::trouble::Trouble;
use super::view::View;
use crate::journal::model::{Batch, Change, Place, Seq, StreamId};
use crate::limits;

/// Events by number.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Open streams by number.
pub(super) const OPEN: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("open");
/// Ended streams by number.
pub(super) const ENDED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("ended");
/// Ended streams by the time of their end.
pub(super) const PLACES: TableDefinition<'_, (i64, u64), ()> = TableDefinition::new("places");
/// The sealed segments by number.
pub(super) const SEGMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("segments");
/// The numbers and the head.
pub(super) const HEAD: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("head");
pub(super) const NUMBERS_KEY: u8 = 0;
pub(super) const HEAD_KEY: u8 = 1;

/// A stream that a commit changes.
#[derive(Debug)]
pub(super) struct Line {
    /// All its events, those of the commit included.
    pub(super) events: Vec<Seq>,
    /// Where it stands in history, if it has ended.
    pub(super) place: Option<Place>,
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Segment {
    db: Database,
    path: PathBuf,
}

/// A segment that is only read.
pub(super) struct Sealed {
    db: ReadOnlyDatabase,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}

impl Segment {
    /// Makes a new file with empty tables.
    pub(super) fn create(path: &Path, disk: &dyn Disk) -> Result<Self, Trouble> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        let mut builder = Database::builder();
        builder.set_cache_size(limits::JOURNAL_CACHE_BYTES);
        let db = builder.create_with_backend(Backend(disk.backend(file)?))?;
        let segment = Self { db, path: path.to_path_buf() };
        segment.write(|txn| {
            // A table that was never opened for writing cannot be opened for reading.
            txn.open_table(LOG)?;
            txn.open_table(OPEN)?;
            txn.open_table(ENDED)?;
            txn.open_table(PLACES)?;
            txn.open_table(SEGMENTS)?;
            txn.open_table(HEAD)?;
            Ok(())
        })?;
        Ok(segment)
    }

    /// Opens a file, verifying the checksum of each page that matters, and repairs what a crash
    /// leaves. Nothing is written before the last commit is known to be sound.
    pub(super) fn open(path: &Path, disk: &dyn Disk) -> Result<Self, Trouble> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() == 0 {
            return Err(Trouble::damage("it is empty"));
        }
        let mut builder = Database::builder();
        builder.set_cache_size(limits::JOURNAL_CACHE_BYTES).set_check_integrity_on_open(true);
        let db = builder.create_with_backend(Backend(disk.backend(file)?))?;
        Ok(Self { db, path: path.to_path_buf() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same after its file has been renamed.
    pub(super) fn named(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    pub(super) fn view(&self) -> Result<View, Trouble> {
        Ok(View(self.db.begin_read()?))
    }

    /// Commits a batch, whose streams are `lines`.
    pub(super) fn commit(
        &self,
        batch: &Batch,
        lines: &BTreeMap<StreamId, Line>,
        numbers: &Numbers,
    ) -> Result<(), Trouble> {
        self.write(|txn| {
            let mut log = txn.open_table(LOG)?;
            for event in batch.events() {
                log.insert(event.seq.0, codec::event_row(event).as_slice())?;
            }
            let mut open = txn.open_table(OPEN)?;
            let mut history = None;
            for (&stream, change) in batch.changes() {
                let Some(Line { events, place }) = lines.get(&stream) else { continue };
                let Some(place) = *place else {
                    let row = codec::open_row(stream, events, change.state());
                    open.insert(stream.0, row.as_slice())?;
                    continue;
                };
                if matches!(change, Change::Ended { .. }) {
                    open.remove(stream.0)?;
                }
                let (ended, places) = match &mut history {
                    Some(tables) => tables,
                    None => history.insert((txn.open_table(ENDED)?, txn.open_table(PLACES)?)),
                };
                let row = codec::ended_row(place, events, change.state());
                ended.insert(stream.0, row.as_slice())?;
                places.insert((place.at.as_millis(), stream.0), ())?;
            }
            let mut head = txn.open_table(HEAD)?;
            head.insert(NUMBERS_KEY, codec::numbers_row(numbers).as_slice())?;
            if let Some(bytes) = batch.head() {
                head.insert(HEAD_KEY, codec::head_row(bytes).as_slice())?;
            }
            Ok(())
        })
    }

    /// Begins a new segment with what is open in another, and with its head; tells in `numbers` how
    /// many bytes that are.
    pub(super) fn begin(&self, from: &View, numbers: &mut Numbers) -> Result<(), Trouble> {
        self.write(|txn| {
            let mut open = txn.open_table(OPEN)?;
            let mut result = Ok(());
            numbers.carried = 0;
            from.open_after(StreamId::NONE, |stream, row| {
                let row = codec::open_row(stream, &row.events, &row.state);
                numbers.carried += row.len() as u64;
                result = open.insert(stream.0, row.as_slice()).map(drop);
                result.is_ok()
            })?;
            result?;
            let mut head = txn.open_table(HEAD)?;
            if let Some(bytes) = from.head()? {
                head.insert(HEAD_KEY, codec::head_row(&bytes).as_slice())?;
            }
            head.insert(NUMBERS_KEY, codec::numbers_row(numbers).as_slice())?;
            Ok(())
        })
    }

    /// Writes the numbers of a journal that is empty.
    pub(super) fn begin_empty(&self) -> Result<(), Trouble> {
        self.write(|txn| {
            let row = codec::numbers_row(&Numbers::EMPTY);
            txn.open_table(HEAD)?.insert(NUMBERS_KEY, row.as_slice())?;
            Ok(())
        })
    }

    /// Sets which sealed segments there are.
    pub(super) fn set_sealed(&self, sealed: &[Summary]) -> Result<(), Trouble> {
        self.write(|txn| {
            let mut table = txn.open_table(SEGMENTS)?;
            table.retain(|_, _| false)?;
            for summary in sealed {
                table.insert(summary.number, codec::segment_row(summary).as_slice())?;
            }
            Ok(())
        })
    }

    /// Everything that is written goes through here: durable when it returns, in two steps, so that
    /// a commit that was acknowledged can be told from one that was not finished, whatever happens
    /// to its pages later.
    fn write(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut txn = self.db.begin_write()?;
        txn.set_two_phase_commit(true);
        change(&txn)?;
        Ok(txn.commit()?)
    }

    /// Closes the file; nobody reads from it any more.
    pub(super) fn close(self) -> Result<(), Trouble> {
        Ok(self.db.close()?)
    }
}

impl Sealed {
    /// Opens a segment after comparing the whole of it with what was noted when it was sealed.
    pub(super) fn open(path: &Path, summary: &Summary, disk: &dyn Disk) -> Result<Self, Trouble> {
        let (bytes, crc) = length_and_checksum(path)?;
        if (bytes, crc) != (summary.bytes, summary.crc) {
            return Err(Trouble::damage(format!(
                "it has {bytes} bytes with the checksum {crc:08x}, where {} bytes with the \
                 checksum {:08x} were written",
                summary.bytes, summary.crc
            )));
        }
        let mut builder = Database::builder();
        builder.set_cache_size(limits::JOURNAL_SEALED_CACHE_BYTES);
        let backend = Backend(disk.backend(File::open(path)?)?);
        Ok(Self { db: builder.open_read_only_with_backend(backend)? })
    }

    pub(super) fn view(&self) -> Result<View, Trouble> {
        Ok(View(self.db.begin_read()?))
    }
}

/// The length of a file and the checksum of all its bytes.
pub(super) fn length_and_checksum(path: &Path) -> Result<(u64, u32), Trouble> {
    let mut file = File::open(path)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}
