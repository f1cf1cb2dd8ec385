//! Puts rows in time order, whatever their number: an external merge sort.
//!
//! Rows collect in memory up to a bound; then they are sorted and written to one unnamed temporary
//! file as a run, and the runs are merged through a heap. The file has no name, so the system
//! removes it however the process ends. Small inputs never touch the disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::{Record, TraceError, VehicleIx};
use crate::geo::{E7, LatLng};
use crate::limits;
use crate::model::{DriverStatus, Motion};
use crate::units::Timestamp;

/// Bytes of one row in the temporary file.
const ROW_BYTES: usize = 39;

/// Rows of one run that are read at once while merging.
const RUN_BUFFER_ROWS: usize = 1_024;

/// A record with its place among records of the same time: the input it came from, then its rank
/// there. The order is total, so that sorting needs no stability of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) record: Record,
    pub(super) source: u32,
    pub(super) rank: i64,
}

impl Placed {
    fn key(&self) -> (Timestamp, u32, i64) {
        (self.record.at, self.source, self.rank)
    }
}

/// Collects rows in any order.
#[derive(Debug)]
pub(super) struct Sorter {
    rows: Vec<Placed>,
    capacity: usize,
    temp_dir: PathBuf,
    spill: Option<(File, Vec<Run>)>,
}

impl Sorter {
    pub(super) fn new(capacity: usize, temp_dir: Option<PathBuf>) -> Self {
        let temp_dir = temp_dir.unwrap_or_else(std::env::temp_dir);
        Self { rows: Vec::new(), capacity: capacity.max(1), temp_dir, spill: None }
    }

    pub(super) fn push(&mut self, row: Placed) -> Result<(), TraceError> {
        if self.rows.len() >= self.capacity {
            self.spill()?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// The rows in order.
    pub(super) fn finish(mut self) -> Result<Sorted, TraceError> {
        if self.spill.is_some() && !self.rows.is_empty() {
            self.spill()?;
        }
        let Some((file, runs)) = self.spill else {
            self.rows.sort_unstable_by_key(Placed::key);
            return Ok(Sorted::Memory(self.rows.into_iter()));
        };
        self.rows = Vec::new();
        let mut merge = Merge { file, runs, heads: BinaryHeap::new(), temp_dir: self.temp_dir };
        for run in 0..merge.runs.len() {
            merge.advance(run)?;
        }
        Ok(Sorted::Spilled(merge))
    }

    fn spill(&mut self) -> Result<(), TraceError> {
        self.rows.sort_unstable_by_key(Placed::key);
        let io = |cause| TraceError::Io { path: self.temp_dir.clone(), cause };
        let (file, runs) = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert((tempfile::tempfile_in(&self.temp_dir).map_err(io)?, Vec::new())),
        };
        if runs.len() >= limits::MAX_SORT_RUNS {
            let what = "sorted runs; split the input by time";
            return Err(TraceError::TooMany { what, limit: limits::MAX_SORT_RUNS as u64 });
        }
        let start = runs.last().map_or(0, |run| run.end);
        let mut bytes = Vec::with_capacity(RUN_BUFFER_ROWS * ROW_BYTES);
        for chunk in self.rows.chunks(RUN_BUFFER_ROWS) {
            bytes.clear();
            bytes.extend(chunk.iter().flat_map(to_bytes));
            file.write_all(&bytes).map_err(io)?;
        }
        let end = start + (self.rows.len() * ROW_BYTES) as u64;
        runs.push(Run { next: start, end, buffer: Vec::new().into_iter() });
        self.rows.clear();
        Ok(())
    }
}

/// Rows in time order.
#[derive(Debug)]
pub(super) enum Sorted {
    Memory(std::vec::IntoIter<Placed>),
    Spilled(Merge),
}

impl Sorted {
    pub(super) fn next(&mut self) -> Result<Option<Placed>, TraceError> {
        match self {
            Self::Memory(rows) => Ok(rows.next()),
            Self::Spilled(merge) => merge.next(),
        }
    }
}

/// A sorted part of the temporary file.
#[derive(Debug)]
struct Run {
    next: u64,
    end: u64,
    buffer: std::vec::IntoIter<Placed>,
}

/// The runs, merged.
#[derive(Debug)]
pub(super) struct Merge {
    file: File,
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<Head>>,
    temp_dir: PathBuf,
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    row: Placed,
    run: usize,
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.row.key(), self.run).cmp(&(other.row.key(), other.run))
    }
}

impl Merge {
    fn next(&mut self) -> Result<Option<Placed>, TraceError> {
        let Some(Reverse(Head { row, run })) = self.heads.pop() else { return Ok(None) };
        self.advance(run)?;
        Ok(Some(row))
    }

    fn advance(&mut self, number: usize) -> Result<(), TraceError> {
        let run = &mut self.runs[number];
        if run.buffer.as_slice().is_empty() && run.next < run.end {
            let rows = run.refill(&mut self.file);
            let io = |cause| TraceError::Io { path: self.temp_dir.clone(), cause };
            run.buffer = rows.map_err(io)?.into_iter();
        }
        if let Some(row) = run.buffer.next() {
            self.heads.push(Reverse(Head { row, run: number }));
        }
        Ok(())
    }
}

impl Run {
    fn refill(&mut self, file: &mut File) -> io::Result<Vec<Placed>> {
        let rest = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let mut bytes = vec![0; rest.min(RUN_BUFFER_ROWS * ROW_BYTES)];
        file.seek(SeekFrom::Start(self.next))?;
        file.read_exact(&mut bytes)?;
        self.next += bytes.len() as u64;
        let rows = bytes.chunks_exact(ROW_BYTES).map(from_bytes).collect::<Option<_>>();
        rows.ok_or_else(|| io::Error::other("the temporary file was changed by somebody else"))
    }
}

fn to_bytes(row: &Placed) -> [u8; ROW_BYTES] {
    let Placed { record: Record { at, vehicle, position, motion, status }, source, rank } = *row;
    let [heading, speed, accuracy] = [motion.heading_cdeg, motion.speed_cm_s, motion.accuracy_dm]
        .map(|value| value.unwrap_or(u16::MAX).to_le_bytes());
    let mut bytes = [0; ROW_BYTES];
    let mut end = 0;
    let mut put = |part: &[u8]| {
        bytes[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    };
    put(&at.as_millis().to_le_bytes());
    put(&rank.to_le_bytes());
    put(&source.to_le_bytes());
    put(&vehicle.0.to_le_bytes());
    put(&position.lat_e7().to_le_bytes());
    put(&position.lng_e7().to_le_bytes());
    put(&heading);
    put(&speed);
    put(&accuracy);
    put(&[status.map_or(u8::MAX, DriverStatus::code)]);
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Placed> {
    let eight = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(i64::from_le_bytes);
    let four = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_le_bytes);
    let two = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes);
    let known = |value: u16| (value != u16::MAX).then_some(value);
    let motion = Motion {
        heading_cdeg: known(two(32)?),
        speed_cm_s: known(two(34)?),
        accuracy_dm: known(two(36)?),
    };
    let status = match *bytes.get(38)? {
        u8::MAX => None,
        code => Some(DriverStatus::from_code(code)?),
    };
    let record = Record {
        at: Timestamp::from_millis(eight(0)?),
        vehicle: VehicleIx(four(20)?.cast_unsigned()),
        position: LatLng::try_from(E7 { lat: four(24)?, lng: four(28)? }).ok()?,
        motion,
        status,
    };
    Some(Placed { record, source: four(16)?.cast_unsigned(), rank: eight(8)? })
}
