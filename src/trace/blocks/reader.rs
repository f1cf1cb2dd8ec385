//! Reads a file of blocks: one after the other, up to the first damage, from any moment on.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::frame::{
    self, BLOCK_HEADER_BYTES, BlockHeader, ENTRY_BYTES, Entry, FILE_HEADER_BYTES,
    FOOTER_FIXED_BYTES, FOOTER_MAGIC, Family, Shape, TAIL_BYTES,
};
use crate::trace::{Damage, DamageKind};
use crate::units::Timestamp;

/// A block as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Where its header starts.
    pub offset: u64,
    /// Records in it.
    pub rows: u32,
    /// Bytes in the file, header included.
    pub bytes: u64,
    /// Its earliest record.
    pub first: Timestamp,
    /// Its latest record.
    pub last: Timestamp,
}

/// A block whose checksum holds, unpacked.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) info: BlockInfo,
    pub(crate) shape: Shape,
    pub(crate) raw: Vec<u8>,
}

/// Why a file cannot be read at all.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The system refuses.
    Io(io::Error),
    /// It is a file of another family, or of none.
    Stranger,
    /// A newer program wrote it.
    Version(u16),
}

impl From<io::Error> for OpenError {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

/// Why a block could not be had.
enum Trouble {
    Io(io::Error),
    Damage(DamageKind),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<DamageKind> for Trouble {
    fn from(kind: DamageKind) -> Self {
        Self::Damage(kind)
    }
}

/// A file of blocks, read in the order in which it was written.
///
/// # Guarantees
/// Each block handed out has a sound checksum. Memory is bounded by one block, whatever the file says.
#[derive(Debug)]
pub(crate) struct BlockReader<R: Read + Seek> {
    inner: R,
    path: PathBuf,
    family: &'static Family,
    length: u64,
    /// What the header says; `None` if it is damaged or incomplete.
    flags: Option<u16>,
    index: Option<Vec<Entry>>,
    /// Where the next block starts, and its number.
    offset: u64,
    sequence: u32,
    damage: Option<Damage>,
    ended: bool,
}

impl<R: Read + Seek> BlockReader<R> {
    /// Reads from anything that can seek; `path` only names it in damage.
    pub(crate) fn new(
        mut inner: R,
        path: &Path,
        family: &'static Family,
    ) -> Result<Self, OpenError> {
        let length = inner.seek(SeekFrom::End(0))?;
        inner.seek(SeekFrom::Start(0))?;
        let mut header = [0; FILE_HEADER_BYTES];
        let found = fill(&mut inner, &mut header)?;
        // One that was cut before anything could be told may be one of these.
        let told = found.min(family.magic.len());
        if header[..told] != family.magic[..told] {
            return Err(OpenError::Stranger);
        }
        let mut file = Self {
            inner,
            path: path.to_path_buf(),
            family,
            length,
            flags: None,
            index: None,
            offset: FILE_HEADER_BYTES as u64,
            sequence: 0,
            damage: None,
            ended: false,
        };
        if found < FILE_HEADER_BYTES {
            file.offset = 0;
            let (expected, found) = (FILE_HEADER_BYTES as u64, found as u64);
            file.end_with(DamageKind::HeaderIncomplete { expected, found });
            return Ok(file);
        }
        match frame::parse_file_header(&header) {
            Ok((version, flags)) if (1..=family.version).contains(&version) => {
                debug_assert_eq!(version, 1, "another version needs its own reader");
                file.flags = Some(flags);
                file.index = file.read_index()?;
                file.inner.seek(SeekFrom::Start(file.offset))?;
            }
            Ok((found, _)) => return Err(OpenError::Version(found)),
            Err(kind) => {
                file.offset = 0;
                file.end_with(kind);
            }
        }
        Ok(file)
    }

    /// Goes back to the first block.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        if self.flags.is_none() {
            return Ok(()); // The file header is damaged: there is nothing to go back to.
        }
        (self.offset, self.sequence) = (FILE_HEADER_BYTES as u64, 0);
        (self.damage, self.ended) = (None, false);
        self.inner.seek(SeekFrom::Start(self.offset))?;
        Ok(())
    }

    /// The next sound block; `None` at the end or at damage.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        if self.ended {
            return Ok(None);
        }
        match self.read_block() {
            Ok(Some(block)) => {
                self.offset += block.info.bytes;
                self.sequence += 1;
                Ok(Some(block))
            }
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Err(Trouble::Io(cause)) => Err(cause),
            Err(Trouble::Damage(kind)) => {
                self.end_with(kind);
                Ok(None)
            }
        }
    }

    /// The block that was handed out last makes no sense: the file ends before it.
    pub(crate) fn refuse(&mut self, block: &BlockInfo, what: DamageKind) {
        self.offset = block.offset;
        self.sequence = self.sequence.saturating_sub(1);
        self.end_with(what);
    }

    /// The header's flags; `None` if it is damaged or incomplete.
    pub(crate) const fn flags(&self) -> Option<u16> {
        self.flags
    }

    /// Where and why the file ended early, once it has.
    pub(crate) const fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// The span of all rows and their number, if the footer tells it.
    pub(crate) fn extent(&self) -> Option<(Option<(Timestamp, Timestamp)>, u64)> {
        let index = self.index.as_ref()?;
        let first = index.iter().map(|entry| entry.first).min();
        let last = index.iter().map(|entry| entry.last).max();
        let rows = index.iter().map(|entry| u64::from(entry.rows)).sum();
        Some((first.zip(last), rows))
    }

    /// Up to which byte the file has been read.
    pub(crate) const fn position(&self) -> u64 {
        self.offset
    }

    /// The file's length in bytes.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    fn read_block(&mut self) -> Result<Option<Block>, Trouble> {
        let mut head = [0; BLOCK_HEADER_BYTES];
        let found = fill(&mut self.inner, &mut head)?;
        if found == 0 {
            return Err(DamageKind::NoFooter.into());
        }
        if found >= 4 && head[..4] == FOOTER_MAGIC {
            return if self.index.is_some() {
                Ok(None)
            } else {
                Err(self.bad_footer(&head, found))
            };
        }
        if found < BLOCK_HEADER_BYTES {
            return Err(truncated(BLOCK_HEADER_BYTES, found).into());
        }
        let header = BlockHeader::parse(self.family, &head)?;
        let mut packed = vec![0; header.packed_bytes as usize];
        let found = fill(&mut self.inner, &mut packed)?;
        if found < packed.len() {
            let whole = BLOCK_HEADER_BYTES + packed.len();
            return Err(truncated(whole, BLOCK_HEADER_BYTES + found).into());
        }
        header.check(&packed)?;
        if header.sequence != self.sequence || self.sequence >= self.family.max_blocks {
            let (found, expected) = (header.sequence, self.sequence);
            return Err(DamageKind::Sequence { found, expected }.into());
        }
        let (shape, raw) = (header.shape, header.unpack(&packed)?);
        let bytes = (BLOCK_HEADER_BYTES + packed.len()) as u64;
        let Shape { rows, first, last, .. } = shape;
        let info = BlockInfo { offset: self.offset, rows, bytes, first, last };
        Ok(Some(Block { info, shape, raw }))
    }

    /// Passes over blocks that the footer says hold nothing from this moment on.
    pub(crate) fn skip_before(&mut self, from: Timestamp) -> io::Result<()> {
        let Some(index) = self.index.as_ref().filter(|_| !self.ended) else { return Ok(()) };
        let start = self.sequence as usize;
        let rest = index.get(start..).unwrap_or_default();
        let skipped = rest.iter().take_while(|entry| entry.last < from).count();
        if skipped == 0 {
            return Ok(());
        }
        let Some(next) = index.get(start + skipped) else {
            self.ended = true;
            return Ok(());
        };
        self.sequence += u32::try_from(skipped).unwrap_or(u32::MAX);
        self.offset = next.offset;
        self.inner.seek(SeekFrom::Start(next.offset))?;
        Ok(())
    }

    /// The footer's entries, if the file ends with a sound footer.
    fn read_index(&mut self) -> io::Result<Option<Vec<Entry>>> {
        let least = (FILE_HEADER_BYTES + FOOTER_FIXED_BYTES + TAIL_BYTES) as u64;
        if self.length < least {
            return Ok(None);
        }
        let end = self.length - TAIL_BYTES as u64;
        self.inner.seek(SeekFrom::Start(end))?;
        let mut tail = [0; TAIL_BYTES];
        if fill(&mut self.inner, &mut tail)? < TAIL_BYTES {
            return Ok(None);
        }
        let Some(start) = frame::parse_tail(&tail) else { return Ok(None) };
        // The footer is as long as the file says only if the file has that many bytes, so
        // nothing is allocated that is not there.
        let most = self.family.max_blocks as usize * ENTRY_BYTES + FOOTER_FIXED_BYTES;
        let size = end.checked_sub(start).and_then(|size| usize::try_from(size).ok());
        let Some(size) = size.filter(|size| *size <= most) else { return Ok(None) };
        self.inner.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; size];
        if fill(&mut self.inner, &mut bytes)? < size {
            return Ok(None);
        }
        Ok(frame::parse_footer(&bytes, start))
    }

    /// Says what is wrong with a footer that [`Self::read_index`] could not use.
    fn bad_footer(&self, head: &[u8; BLOCK_HEADER_BYTES], found: usize) -> Trouble {
        let count = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let rest = self.length.saturating_sub(self.offset);
        let fixed = (FOOTER_FIXED_BYTES + TAIL_BYTES) as u64;
        let expected = u64::from(count) * ENTRY_BYTES as u64 + fixed;
        if found < 8 || rest < expected {
            return DamageKind::Truncated { expected: expected.max(fixed), found: rest }.into();
        }
        DamageKind::Content("the footer is damaged").into()
    }

    fn end_with(&mut self, what: DamageKind) {
        let (offset, block) = (self.offset, u64::from(self.sequence));
        self.damage = Some(Damage { path: self.path.clone(), offset, block, what });
        self.ended = true;
    }
}

fn truncated(expected: usize, found: usize) -> DamageKind {
    DamageKind::Truncated { expected: expected as u64, found: found as u64 }
}

/// Reads until `buffer` is full or the input ends; says how much there was.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
