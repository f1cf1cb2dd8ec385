//! Writes a file of blocks, each in one piece.

use std::io;

use super::frame::{self, Entry, Family, Shape};
use crate::trace::Sink;

/// A file of blocks being written.
///
/// # Guarantees
/// A file that was never finished can be read up to its last whole block. After a failed write each
/// further call fails.
#[derive(Debug)]
pub(crate) struct BlockWriter<W: Sink> {
    sink: W,
    family: &'static Family,
    entries: Vec<Entry>,
    offset: u64,
    broken: bool,
}

/// Why a block cannot be written.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The system refuses.
    Io(io::Error),
    /// There are as many blocks as a file may have.
    TooManyBlocks,
    /// An earlier write failed.
    Broken,
}

impl From<io::Error> for WriteError {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

impl<W: Sink> BlockWriter<W> {
    /// Starts a file in an empty sink.
    pub(crate) fn new(mut sink: W, family: &'static Family, flags: u16) -> io::Result<Self> {
        let header = family.file_header(flags);
        sink.write_all(&header)?;
        let (entries, offset) = (Vec::new(), header.len() as u64);
        Ok(Self { sink, family, entries, offset, broken: false })
    }

    /// Writes a block.
    pub(crate) fn write(&mut self, shape: Shape, raw: &[u8]) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        let sequence = u32::try_from(self.entries.len()).ok();
        let sequence = sequence.filter(|next| *next < self.family.max_blocks);
        let sequence = sequence.ok_or(WriteError::TooManyBlocks)?;
        let bytes = self.family.block(sequence, shape, raw)?;
        if let Err(error) = self.sink.write_all(&bytes) {
            self.broken = true;
            return Err(error.into());
        }
        let Shape { rows, first, last, .. } = shape;
        self.entries.push(Entry { offset: self.offset, rows, first, last });
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Makes what was written survive a crash of the machine.
    pub(crate) fn sync(&mut self) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        self.sink.sync().map_err(|error| {
            self.broken = true;
            error.into()
        })
    }

    /// Writes the footer, makes all durable, and returns the sink.
    pub(crate) fn finish(mut self) -> Result<W, WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        let footer = frame::footer(self.offset, &self.entries);
        self.sink.write_all(&footer)?;
        self.sink.sync()?;
        Ok(self.sink)
    }

    /// Bytes written so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.offset
    }
}
