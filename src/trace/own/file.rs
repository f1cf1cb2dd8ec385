//! Reads the own format: record by record, up to the first damage, from any moment on.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use super::columns::Columns;
use super::frame::{MAGIC, Order, TRACES, VERSION};
use crate::trace::blocks::{Block, BlockReader, OpenError};
use crate::trace::{BlockInfo, Damage, DamageKind, Record, TraceError, VehicleIx, Vehicles};
use crate::units::Timestamp;

/// A file of the own format, read in the order in which it was written.
///
/// # Guarantees
/// Each record handed out comes from a block whose checksum and content are sound. Memory is
/// bounded by one block, whatever the file says.
#[derive(Debug)]
pub struct TraceFile<R: Read + Seek = BufReader<File>> {
    blocks: BlockReader<R>,
    path: PathBuf,
    /// The block being handed out, its vehicles as the caller numbers them, and the next record.
    block: Columns,
    names: Vec<VehicleIx>,
    next: usize,
    info: Option<BlockInfo>,
    from: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl TraceFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`TraceError::Io`], [`TraceError::UnknownFormat`] if it is no file of this format,
    /// [`TraceError::UnsupportedVersion`]. Damage is no error: see [`Self::damage`].
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let file = File::open(path).map_err(TraceError::io(path))?;
        Self::new(BufReader::with_capacity(1 << 16, file), path)
    }
}

impl<R: Read + Seek> TraceFile<R> {
    /// Reads from anything that can seek; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`TraceFile::open`].
    pub fn new(inner: R, path: &Path) -> Result<Self, TraceError> {
        let named = path.to_path_buf();
        let blocks = BlockReader::new(inner, path, &TRACES).map_err(|error| match error {
            OpenError::Io(cause) => TraceError::Io { path: named, cause },
            OpenError::Stranger => TraceError::UnknownFormat { path: named },
            OpenError::Version(found) => {
                TraceError::UnsupportedVersion { path: named, found, newest: VERSION }
            }
        })?;
        if blocks.length() < MAGIC.len() as u64 {
            // Nothing tells it from a text that has just been begun.
            return Err(TraceError::UnknownFormat { path: path.to_path_buf() });
        }
        Ok(Self {
            blocks,
            path: path.to_path_buf(),
            block: Columns::default(),
            names: Vec::new(),
            next: 0,
            info: None,
            from: None,
            last: None,
        })
    }

    /// The next record, its vehicle numbered by `vehicles`, or `None` at the end or at damage.
    ///
    /// # Errors
    /// [`TraceError::Io`] if the file cannot be read; [`TraceError::TooMany`] from `vehicles`.
    pub fn next(&mut self, vehicles: &mut Vehicles) -> Result<Option<Record>, TraceError> {
        loop {
            while let Some(record) = self.block.records.get(self.next) {
                self.next += 1;
                if self.from.is_none_or(|from| record.at >= from) {
                    let vehicle = self.names[record.vehicle.index()];
                    return Ok(Some(Record { vehicle, ..*record }));
                }
            }
            if self.next_block()?.is_none() {
                return Ok(None);
            }
            let ids = self.block.ids.iter();
            self.names = ids.map(|id| vehicles.intern(id)).collect::<Result<_, _>>()?;
        }
    }

    /// From now on hands out only records at or after `at`, wherever the reader stood before.
    ///
    /// # Errors
    /// [`TraceError::Io`].
    ///
    /// # Complexity
    /// With a footer, earlier blocks are not read. Without one they are read and checked.
    pub fn seek(&mut self, at: Timestamp) -> Result<(), TraceError> {
        self.from = Some(at);
        self.block.clear();
        (self.next, self.last, self.info) = (0, None, None);
        let sought = self.blocks.rewind().and_then(|()| self.blocks.skip_before(at));
        sought.map_err(TraceError::io(&self.path))
    }

    /// What the header says of the order of records; `None` if it is damaged or incomplete.
    pub fn header(&self) -> Option<Order> {
        self.blocks.flags().map(Order::of_flags)
    }

    /// Whether records stand in time order; without a sound header there are none.
    pub fn order(&self) -> Order {
        self.header().unwrap_or(Order::AsArrived)
    }

    /// Where and why the file ended early, once it has.
    pub const fn damage(&self) -> Option<&Damage> {
        self.blocks.damage()
    }

    /// Whether the file has a sound footer, and so was finished.
    pub fn finished(&self) -> bool {
        self.blocks.extent().is_some()
    }

    /// The span of all records, if the footer tells it.
    pub fn time_hint(&self) -> Option<(Timestamp, Timestamp)> {
        self.blocks.extent().and_then(|(span, _)| span)
    }

    /// The number of records, if the footer tells it.
    pub fn rows_hint(&self) -> Option<u64> {
        self.blocks.extent().map(|(_, rows)| rows)
    }

    /// The block of the record handed out last.
    pub const fn block(&self) -> Option<&BlockInfo> {
        self.info.as_ref()
    }

    /// Up to which byte the file has been read.
    pub const fn position(&self) -> u64 {
        self.blocks.position()
    }

    /// The file's length in bytes.
    pub const fn length(&self) -> u64 {
        self.blocks.length()
    }

    /// Reads the next sound block; `None` at the end or at damage.
    fn next_block(&mut self) -> Result<Option<()>, TraceError> {
        self.block.clear();
        self.next = 0;
        let io = |cause| TraceError::Io { path: self.path.clone(), cause };
        if let Some(from) = self.from {
            self.blocks.skip_before(from).map_err(io)?;
        }
        let Some(block) = self.blocks.next().map_err(io)? else { return Ok(None) };
        match self.decode(&block) {
            Ok(columns) => {
                self.block = columns;
                self.info = Some(block.info);
                Ok(Some(()))
            }
            Err(fault) => {
                self.blocks.refuse(&block.info, DamageKind::Content(fault));
                Ok(None)
            }
        }
    }

    fn decode(&mut self, block: &Block) -> Result<Columns, &'static str> {
        let columns = Columns::decode(&block.raw, block.shape)?;
        if self.order() == Order::ByTime {
            let times = self.last.into_iter().chain(columns.records.iter().map(|r| r.at));
            if !times.is_sorted() {
                return Err("records break the promised time order");
            }
            self.last = columns.records.last().map(|r| r.at);
        }
        Ok(columns)
    }
}
