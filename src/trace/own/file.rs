//! Reads the own format: block by block, up to the first damage, from any moment on.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::columns::Columns;
use super::frame::{
    self, BLOCK_HEADER_BYTES, BlockHeader, Entry, FILE_HEADER_BYTES, FOOTER_FIXED_BYTES,
    FOOTER_MAGIC, MAGIC, Order, TAIL_BYTES, VERSION,
};
use crate::limits;
use crate::trace::{Damage, DamageKind, Record, TraceError, VehicleIx, Vehicles};
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

/// A file of the own format, read in the order in which it was written.
///
/// # Guarantees
/// Each record handed out comes from a block whose checksum and content are sound. Memory is
/// bounded by one block, whatever the file says.
#[derive(Debug)]
pub struct TraceFile<R: Read + Seek = BufReader<File>> {
    inner: R,
    path: PathBuf,
    length: u64,
    /// What the header says; `None` if it is damaged or incomplete.
    header: Option<Order>,
    index: Option<Vec<Entry>>,
    /// Where the next block starts, and its number.
    offset: u64,
    sequence: u32,
    /// The block being handed out, its vehicles as the caller numbers them, and the next record.
    block: Columns,
    names: Vec<VehicleIx>,
    next: usize,
    info: Option<BlockInfo>,
    from: Option<Timestamp>,
    last: Option<Timestamp>,
    damage: Option<Damage>,
    ended: bool,
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
    pub fn new(mut inner: R, path: &Path) -> Result<Self, TraceError> {
        let io = |cause| TraceError::Io { path: path.to_path_buf(), cause };
        let length = inner.seek(SeekFrom::End(0)).map_err(io)?;
        inner.seek(SeekFrom::Start(0)).map_err(io)?;
        let mut header = [0; FILE_HEADER_BYTES];
        let found = fill(&mut inner, &mut header).map_err(io)?;
        if header[..8] != MAGIC {
            return Err(TraceError::UnknownFormat { path: path.to_path_buf() });
        }
        let mut file = Self {
            inner,
            path: path.to_path_buf(),
            length,
            header: None,
            index: None,
            offset: FILE_HEADER_BYTES as u64,
            sequence: 0,
            block: Columns::default(),
            names: Vec::new(),
            next: 0,
            info: None,
            from: None,
            last: None,
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
            Ok((version @ 1..=VERSION, order)) => {
                debug_assert_eq!(version, VERSION, "an older version needs its own reader");
                file.header = Some(order);
                file.index = file.read_index().map_err(io)?;
                file.inner.seek(SeekFrom::Start(file.offset)).map_err(io)?;
            }
            Ok((found, _)) => {
                let path = path.to_path_buf();
                return Err(TraceError::UnsupportedVersion { path, found, newest: VERSION });
            }
            Err(kind) => {
                file.offset = 0;
                file.end_with(kind);
            }
        }
        Ok(file)
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
        if self.offset == 0 {
            return Ok(()); // The file header is damaged: there is nothing to seek in.
        }
        (self.offset, self.sequence) = (FILE_HEADER_BYTES as u64, 0);
        (self.damage, self.ended) = (None, false);
        self.skip_early()?;
        self.inner.seek(SeekFrom::Start(self.offset)).map_err(TraceError::io(&self.path))?;
        Ok(())
    }

    /// What the header says of the order of records; `None` if it is damaged or incomplete.
    pub const fn header(&self) -> Option<Order> {
        self.header
    }

    /// Whether records stand in time order; without a sound header there are none.
    pub const fn order(&self) -> Order {
        match self.header {
            Some(order) => order,
            None => Order::AsArrived,
        }
    }

    /// Where and why the file ended early, once it has.
    pub const fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Whether the file has a sound footer, and so was finished.
    pub const fn finished(&self) -> bool {
        self.index.is_some()
    }

    /// The span of all records, if the footer tells it.
    pub fn time_hint(&self) -> Option<(Timestamp, Timestamp)> {
        let index = self.index.as_ref()?;
        let first = index.iter().map(|entry| entry.first).min()?;
        Some((first, index.iter().map(|entry| entry.last).max()?))
    }

    /// The number of records, if the footer tells it.
    pub fn rows_hint(&self) -> Option<u64> {
        Some(self.index.as_ref()?.iter().map(|entry| u64::from(entry.rows)).sum())
    }

    /// The block of the record handed out last.
    pub const fn block(&self) -> Option<&BlockInfo> {
        self.info.as_ref()
    }

    /// Up to which byte the file has been read.
    pub const fn position(&self) -> u64 {
        self.offset
    }

    /// The file's length in bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Reads the next sound block; `None` at the end or at damage.
    fn next_block(&mut self) -> Result<Option<()>, TraceError> {
        self.block.clear();
        self.next = 0;
        if !self.ended {
            self.skip_early()?;
        }
        if self.ended {
            return Ok(None);
        }
        match self.read_block() {
            Ok(Some((columns, info))) => {
                self.block = columns;
                self.info = Some(info);
                self.offset += info.bytes;
                self.sequence += 1;
                Ok(Some(()))
            }
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Err(Trouble::Io(cause)) => Err(TraceError::Io { path: self.path.clone(), cause }),
            Err(Trouble::Damage(kind)) => {
                self.end_with(kind);
                Ok(None)
            }
        }
    }

    fn read_block(&mut self) -> Result<Option<(Columns, BlockInfo)>, Trouble> {
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
        let header = BlockHeader::parse(&head)?;
        let mut packed = vec![0; header.packed_bytes as usize];
        let found = fill(&mut self.inner, &mut packed)?;
        if found < packed.len() {
            let whole = BLOCK_HEADER_BYTES + packed.len();
            return Err(truncated(whole, BLOCK_HEADER_BYTES + found).into());
        }
        header.check(&packed)?;
        if header.sequence != self.sequence || self.sequence >= limits::MAX_TRACE_BLOCKS {
            let (found, expected) = (header.sequence, self.sequence);
            return Err(DamageKind::Sequence { found, expected }.into());
        }
        let columns = header.decode(&packed)?;
        if self.order() == Order::ByTime {
            let times = self.last.into_iter().chain(columns.records.iter().map(|r| r.at));
            if !times.is_sorted() {
                return Err(DamageKind::Content("records break the promised time order").into());
            }
            self.last = columns.records.last().map(|r| r.at);
        }
        let bytes = (BLOCK_HEADER_BYTES + packed.len()) as u64;
        let (rows, first, last) = (header.shape.rows, header.shape.first, header.shape.last);
        Ok(Some((columns, BlockInfo { offset: self.offset, rows, bytes, first, last })))
    }

    /// Passes over blocks that the footer says hold nothing from the moment sought.
    fn skip_early(&mut self) -> Result<(), TraceError> {
        let (Some(from), Some(index)) = (self.from, &self.index) else { return Ok(()) };
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
        self.inner.seek(SeekFrom::Start(next.offset)).map_err(TraceError::io(&self.path))?;
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
        let most = limits::MAX_TRACE_BLOCKS as usize * frame::ENTRY_BYTES + FOOTER_FIXED_BYTES;
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
        let expected = u64::from(count) * frame::ENTRY_BYTES as u64 + fixed;
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
