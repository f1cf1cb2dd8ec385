//! Writes one file of decisions, a block at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{DECISIONS, DecisionLogError};
use crate::dispatch::policy::Decision;
use crate::limits;
use crate::records::{self, LogEntry};
use crate::trace::Sink;
use crate::trace::blocks::{BlockWriter, Shape};
use crate::units::Timestamp;

/// A file of decisions being written.
///
/// # Guarantees
/// Entries are written in the order in which they came. A file that was never finished can be read up
/// to its last whole block.
#[derive(Debug)]
pub struct DecisionWriter<W: Sink = File> {
    blocks: BlockWriter<W>,
    path: PathBuf,
    /// The entries of the next block, each after its length in four bytes.
    pending: Vec<u8>,
    entries: u32,
    span: Option<(Timestamp, Timestamp)>,
}

impl DecisionWriter<File> {
    /// Creates a file at `path`, where nothing may exist yet.
    ///
    /// # Errors
    /// [`DecisionLogError::Io`], also when the file exists.
    pub fn create(path: &Path) -> Result<Self, DecisionLogError> {
        Self::new(File::create_new(path).map_err(DecisionLogError::io(path))?, path)
    }
}

impl<W: Sink> DecisionWriter<W> {
    /// Starts a file in an empty sink; `path` only names it in errors.
    ///
    /// # Errors
    /// [`DecisionLogError::Io`].
    pub fn new(sink: W, path: &Path) -> Result<Self, DecisionLogError> {
        let blocks = BlockWriter::new(sink, &DECISIONS, 0).map_err(DecisionLogError::io(path))?;
        let path = path.to_path_buf();
        Ok(Self { blocks, path, pending: Vec::new(), entries: 0, span: None })
    }

    /// Adds a decision.
    ///
    /// # Errors
    /// [`DecisionLogError::TooLarge`] (nothing is added, the file stays usable); otherwise as
    /// [`Self::flush`].
    pub fn write(&mut self, decision: &Decision) -> Result<(), DecisionLogError> {
        self.add(decision.at, |bytes| records::encode_decision(decision, bytes))
    }

    /// Adds an entry as it is, whatever its sums say.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_entry(&mut self, entry: &LogEntry) -> Result<(), DecisionLogError> {
        self.add(entry.at(), |bytes| records::encode_log_entry(entry, bytes))
    }

    fn add(
        &mut self,
        at: Timestamp,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), DecisionLogError> {
        let before = self.pending.len();
        self.pending.extend([0; 4]);
        encode(&mut self.pending);
        let bytes = self.pending.len() - before - 4;
        let most = limits::MAX_DECISION_BLOCK_BYTES;
        let length = u32::try_from(bytes).ok().filter(|length| *length <= most - 4);
        let Some(length) = length else {
            self.pending.truncate(before);
            return Err(DecisionLogError::TooLarge { path: self.path.clone(), bytes });
        };
        self.pending[before..before + 4].copy_from_slice(&length.to_le_bytes());
        if self.pending.len() > most as usize {
            // It stands in a block of its own.
            let last = self.pending.split_off(before);
            self.flush()?;
            self.pending = last;
        }
        self.entries += 1;
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        let full = self.pending.len() >= limits::DECISION_BLOCK_BYTES;
        if full || self.entries >= limits::MAX_DECISION_BLOCK_ENTRIES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the entries so far as a block. Nothing pending, no block.
    ///
    /// # Errors
    /// [`DecisionLogError::Io`], after which each further call is [`DecisionLogError::Broken`];
    /// [`DecisionLogError::TooManyBlocks`].
    pub fn flush(&mut self) -> Result<(), DecisionLogError> {
        let Some((first, last)) = self.span else { return Ok(()) };
        let shape = Shape { rows: self.entries, parts: 1, first, last };
        let written = self.blocks.write(shape, &self.pending);
        written.map_err(|error| DecisionLogError::write(&self.path, error))?;
        self.pending.clear();
        (self.entries, self.span) = (0, None);
        Ok(())
    }

    /// Writes what is pending and the footer, makes all durable, and returns the sink.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub fn finish(mut self) -> Result<W, DecisionLogError> {
        self.flush()?;
        self.blocks.finish().map_err(|error| DecisionLogError::write(&self.path, error))
    }

    /// Bytes written so far; pending entries are not counted.
    pub const fn bytes(&self) -> u64 {
        self.blocks.bytes()
    }

    /// Entries accepted but not yet in the file.
    pub const fn pending(&self) -> u32 {
        self.entries
    }
}
