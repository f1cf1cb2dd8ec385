//! Writes the own format, a block at a time.
//!
//! A block reaches the file in one piece when it is full, on [`TraceWriter::flush`] and on
//! [`TraceWriter::finish`]. Whoever needs a bound on what a crash can lose calls `flush` as often:
//! the writer has no clock.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::columns::Columns;
use super::frame::{Order, TRACES};
use crate::ids::DriverId;
use crate::limits;
use crate::trace::blocks::{BlockWriter, WriteError};
use crate::trace::{Record, Sink, TraceError};
use crate::units::Timestamp;

/// A trace being written.
///
/// # Guarantees
/// After `flush` has returned, a crash loses none of the records written before it. A file that
/// was never finished can be read up to its last whole block.
#[derive(Debug)]
pub struct TraceWriter<W: Sink = File> {
    blocks: BlockWriter<W>,
    path: PathBuf,
    order: Order,
    pending: Columns,
    last: Option<Timestamp>,
}

impl TraceWriter<File> {
    /// Creates a trace at `path`, where nothing may exist yet.
    ///
    /// # Errors
    /// [`TraceError::Io`], also when the file exists.
    pub fn create(path: &Path, order: Order) -> Result<Self, TraceError> {
        let file = File::create_new(path).map_err(TraceError::io(path))?;
        Self::new(file, path, order)
    }
}

impl<W: Sink> TraceWriter<W> {
    /// Starts a trace in an empty sink; `path` only names it in errors.
    ///
    /// # Errors
    /// [`TraceError::Io`].
    pub fn new(sink: W, path: &Path, order: Order) -> Result<Self, TraceError> {
        let blocks =
            BlockWriter::new(sink, &TRACES, order.flags()).map_err(TraceError::io(path))?;
        let (path, pending) = (path.to_path_buf(), Columns::default());
        Ok(Self { blocks, path, order, pending, last: None })
    }

    /// Adds a record of `driver`; the record's own vehicle number is not looked at.
    ///
    /// # Errors
    /// [`TraceError::OutOfOrder`] (nothing is written, the trace stays usable); otherwise as
    /// [`Self::flush`].
    pub fn write(&mut self, driver: &DriverId, record: &Record) -> Result<(), TraceError> {
        if let (Order::ByTime, Some(previous)) = (self.order, self.last)
            && record.at < previous
        {
            return Err(TraceError::OutOfOrder { at: record.at, previous });
        }
        self.pending.push(driver, record);
        self.last = Some(record.at);
        if self.pending.records.len() >= limits::TRACE_BLOCK_ROWS { self.cut() } else { Ok(()) }
    }

    /// Writes the records so far as a block and makes them durable. Nothing pending, no block.
    ///
    /// # Errors
    /// [`TraceError::Io`], after which each further call is [`TraceError::Broken`];
    /// [`TraceError::TooMany`] beyond [`limits::MAX_TRACE_BLOCKS`].
    pub fn flush(&mut self) -> Result<(), TraceError> {
        self.cut()?;
        self.blocks.sync().map_err(|error| fail(&self.path, error))
    }

    /// Writes what is pending and the footer, makes all durable, and returns the sink.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub fn finish(mut self) -> Result<W, TraceError> {
        self.cut()?;
        self.blocks.finish().map_err(|error| fail(&self.path, error))
    }

    /// Bytes written so far; pending records are not counted.
    pub const fn bytes(&self) -> u64 {
        self.blocks.bytes()
    }

    /// Records accepted but not yet in the file.
    pub fn pending(&self) -> usize {
        self.pending.records.len()
    }

    fn cut(&mut self) -> Result<(), TraceError> {
        let Some(shape) = self.pending.shape() else { return Ok(()) };
        let raw = self.pending.encode(shape.first);
        self.blocks.write(shape, &raw).map_err(|error| fail(&self.path, error))?;
        self.pending.clear();
        Ok(())
    }
}

fn fail(path: &Path, error: WriteError) -> TraceError {
    match error {
        WriteError::Io(cause) => TraceError::Io { path: path.to_path_buf(), cause },
        WriteError::TooManyBlocks => TraceError::TooMany {
            what: "blocks in one trace",
            limit: limits::MAX_TRACE_BLOCKS.into(),
        },
        WriteError::Broken => TraceError::Broken,
    }
}
