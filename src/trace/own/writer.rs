//! Writes the own format, a block at a time.
//!
//! A block reaches the file in one piece when it is full, on [`TraceWriter::flush`] and on
//! [`TraceWriter::finish`]. Whoever needs a bound on what a crash can lose calls `flush` as often:
//! the writer has no clock.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::columns::Columns;
use super::frame::{self, Entry, Order};
use crate::ids::DriverId;
use crate::limits;
use crate::trace::{Record, TraceError};
use crate::units::Timestamp;

/// Where a trace is written to.
pub trait Sink: Write {
    /// Makes what was written survive a crash of the machine.
    ///
    /// # Errors
    /// Those of the device.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// In memory, for tests and comparisons: nothing survives, by nature.
impl Sink for Vec<u8> {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A trace being written.
///
/// # Guarantees
/// After `flush` has returned, a crash loses none of the records written before it. A file that
/// was never finished can be read up to its last whole block.
#[derive(Debug)]
pub struct TraceWriter<W: Sink = File> {
    sink: W,
    path: PathBuf,
    order: Order,
    pending: Columns,
    entries: Vec<Entry>,
    offset: u64,
    last: Option<Timestamp>,
    broken: bool,
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
    pub fn new(mut sink: W, path: &Path, order: Order) -> Result<Self, TraceError> {
        let header = frame::file_header(order);
        sink.write_all(&header).map_err(TraceError::io(path))?;
        Ok(Self {
            sink,
            path: path.to_path_buf(),
            order,
            pending: Columns::default(),
            entries: Vec::new(),
            offset: header.len() as u64,
            last: None,
            broken: false,
        })
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
        self.sink.sync().map_err(|error| self.fail(error))
    }

    /// Writes what is pending and the footer, makes all durable, and returns the sink.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub fn finish(mut self) -> Result<W, TraceError> {
        self.cut()?;
        let footer = frame::footer(self.offset, &self.entries);
        let written = self.sink.write_all(&footer).and_then(|()| self.sink.sync());
        written.map_err(|error| self.fail(error))?;
        Ok(self.sink)
    }

    /// Bytes written so far; pending records are not counted.
    pub const fn bytes(&self) -> u64 {
        self.offset
    }

    /// Records accepted but not yet in the file.
    pub fn pending(&self) -> usize {
        self.pending.records.len()
    }

    fn cut(&mut self) -> Result<(), TraceError> {
        if self.broken {
            return Err(TraceError::Broken);
        }
        let Some(shape) = self.pending.shape() else { return Ok(()) };
        let limit = limits::MAX_TRACE_BLOCKS;
        let sequence = u32::try_from(self.entries.len()).ok().filter(|next| *next < limit);
        let sequence = sequence
            .ok_or(TraceError::TooMany { what: "blocks in one trace", limit: limit.into() })?;
        let bytes = frame::block(sequence, &self.pending, shape)
            .and_then(|bytes| self.sink.write_all(&bytes).map(|()| bytes.len()))
            .map_err(|error| self.fail(error))?;
        let (rows, first, last) = (shape.rows, shape.first, shape.last);
        self.entries.push(Entry { offset: self.offset, rows, first, last });
        self.offset += bytes as u64;
        self.pending.clear();
        Ok(())
    }

    fn fail(&mut self, cause: io::Error) -> TraceError {
        self.broken = true;
        TraceError::Io { path: self.path.clone(), cause }
    }
}
