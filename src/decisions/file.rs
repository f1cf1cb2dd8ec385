//! Reads one file of decisions, up to the first damage.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use super::{DECISIONS, DecisionLogError};
use crate::records::{self, LogEntry};
use crate::trace::blocks::{Block, BlockReader};
use crate::trace::{Damage, DamageKind};
use crate::units::Timestamp;

/// A file of decisions, read in the order in which it was written.
///
/// # Guarantees
/// Each entry handed out comes from a block whose checksum holds and of which each entry can be read.
/// Memory is bounded by one block, whatever the file says.
#[derive(Debug)]
pub struct DecisionFile<R: Read + Seek = BufReader<File>> {
    blocks: BlockReader<R>,
    path: PathBuf,
    entries: IntoIter<LogEntry>,
}

impl DecisionFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`DecisionLogError::Io`], [`DecisionLogError::NotALog`],
    /// [`DecisionLogError::UnsupportedVersion`]. Damage is no error: see [`Self::damage`].
    pub fn open(path: &Path) -> Result<Self, DecisionLogError> {
        let file = File::open(path).map_err(DecisionLogError::io(path))?;
        Self::new(BufReader::with_capacity(1 << 16, file), path)
    }
}

impl<R: Read + Seek> DecisionFile<R> {
    /// Reads from anything that can seek; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`DecisionFile::open`].
    pub fn new(inner: R, path: &Path) -> Result<Self, DecisionLogError> {
        let blocks = BlockReader::new(inner, path, &DECISIONS);
        let blocks = blocks.map_err(|error| DecisionLogError::open(path, error))?;
        Ok(Self { blocks, path: path.to_path_buf(), entries: Vec::new().into_iter() })
    }

    /// The next entry; `None` at the end or at damage.
    ///
    /// # Errors
    /// [`DecisionLogError::Io`] if the file cannot be read.
    pub fn next_entry(&mut self) -> Result<Option<LogEntry>, DecisionLogError> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Ok(Some(entry));
            }
            let block = self.blocks.next().map_err(DecisionLogError::io(&self.path))?;
            let Some(block) = block else { return Ok(None) };
            match decode(&block) {
                Ok(entries) => self.entries = entries.into_iter(),
                Err(fault) => self.blocks.refuse(&block.info, DamageKind::Content(fault)),
            }
        }
    }

    /// Passes over what the footer says is before this moment; without a footer, nothing is.
    ///
    /// # Errors
    /// [`DecisionLogError::Io`].
    pub fn skip_before(&mut self, from: Timestamp) -> Result<(), DecisionLogError> {
        self.blocks.skip_before(from).map_err(DecisionLogError::io(&self.path))
    }

    /// The span of all entries, if the footer tells it.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.blocks.extent().and_then(|(span, _)| span)
    }

    /// Where and why the file ended early, once it has.
    pub const fn damage(&self) -> Option<&Damage> {
        self.blocks.damage()
    }

    /// Up to which byte the file has been read.
    pub const fn position(&self) -> u64 {
        self.blocks.position()
    }

    /// The file's length in bytes.
    pub const fn length(&self) -> u64 {
        self.blocks.length()
    }
}

fn decode(block: &Block) -> Result<Vec<LogEntry>, &'static str> {
    let mut rest = &block.raw[..];
    let mut entries = Vec::new();
    for _ in 0..block.shape.rows {
        let (length, after) = rest.split_first_chunk::<4>().ok_or("entries are missing")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (record, after) = after.split_at_checked(length).ok_or("an entry is cut off")?;
        entries.push(records::decode_log_entry(record).map_err(|_| "an entry cannot be read")?);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err("bytes are left over") }
}
