//! Puts rows in time order, whatever their number: an external merge sort.
//!
//! Rows collect in memory up to a bound; then they are sorted and written to one unnamed temporary
//! file as a run, and the runs are merged through a heap. The file has no name, so the system
//! removes it however the process ends. Small inputs never touch the disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::{Record, TraceError, VehicleIx};
use crate::geo::{E7, LatLng};
use crate::limits;
use crate::model::{DriverStatus, Motion};
use crate::units::Timestamp;

/// Rows of one run that are read at once while merging.
const RUN_BUFFER_ROWS: usize = 1_024;

/// A row that can be sorted, by way of a file if need be.
pub(super) trait Sortable: Copy + Eq + Debug {
    /// Bytes of one row in the temporary file.
    const BYTES: usize;

    /// When, and the place among rows of the same time: the input it came from, then its rank
    /// there. The order is total, so that sorting needs no stability of its own.
    fn key(&self) -> (Timestamp, u32, i64);

    /// Appends the row's [`Self::BYTES`].
    fn store(&self, into: &mut Vec<u8>);

    /// The row of these bytes; `None` if it cannot be one.
    fn load(bytes: &[u8]) -> Option<Self>;
}

/// A record with its place among records of the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) record: Record,
    pub(super) source: u32,
    pub(super) rank: i64,
}

/// Collects rows in any order.
#[derive(Debug)]
pub(super) struct Sorter<T> {
    rows: Vec<T>,
    capacity: usize,
    temp_dir: PathBuf,
    spill: Option<(File, Vec<Run<T>>)>,
}

impl<T: Sortable> Sorter<T> {
    pub(super) fn new(capacity: usize, temp_dir: Option<PathBuf>) -> Self {
        let temp_dir = temp_dir.unwrap_or_else(std::env::temp_dir);
        Self { rows: Vec::new(), capacity: capacity.max(1), temp_dir, spill: None }
    }

    pub(super) fn push(&mut self, row: T) -> Result<(), TraceError> {
        if self.rows.len() >= self.capacity {
            self.spill()?;
        }
        self.rows.push(row);
        Ok(())
    }

    /// The rows in order.
    pub(super) fn finish(mut self) -> Result<Sorted<T>, TraceError> {
        if self.spill.is_some() && !self.rows.is_empty() {
            self.spill()?;
        }
        let Some((file, runs)) = self.spill else {
            self.rows.sort_unstable_by_key(T::key);
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
        self.rows.sort_unstable_by_key(T::key);
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
        let mut bytes = Vec::with_capacity(RUN_BUFFER_ROWS * T::BYTES);
        for chunk in self.rows.chunks(RUN_BUFFER_ROWS) {
            bytes.clear();
            for row in chunk {
                row.store(&mut bytes);
            }
            file.write_all(&bytes).map_err(io)?;
        }
        let end = start + (self.rows.len() * T::BYTES) as u64;
        runs.push(Run { next: start, end, buffer: Vec::new().into_iter() });
        self.rows.clear();
        Ok(())
    }
}

/// Rows in time order.
#[derive(Debug)]
pub(super) enum Sorted<T> {
    Memory(std::vec::IntoIter<T>),
    Spilled(Merge<T>),
}

impl<T: Sortable> Sorted<T> {
    pub(super) fn next(&mut self) -> Result<Option<T>, TraceError> {
        match self {
            Self::Memory(rows) => Ok(rows.next()),
            Self::Spilled(merge) => merge.next(),
        }
    }
}

/// A sorted part of the temporary file.
#[derive(Debug)]
struct Run<T> {
    next: u64,
    end: u64,
    buffer: std::vec::IntoIter<T>,
}

/// The runs, merged.
#[derive(Debug)]
pub(super) struct Merge<T> {
    file: File,
    runs: Vec<Run<T>>,
    heads: BinaryHeap<Reverse<Head<T>>>,
    temp_dir: PathBuf,
}

#[derive(Debug, PartialEq, Eq)]
struct Head<T> {
    row: T,
    run: usize,
}

impl<T: Sortable> PartialOrd for Head<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Sortable> Ord for Head<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.row.key(), self.run).cmp(&(other.row.key(), other.run))
    }
}

impl<T: Sortable> Merge<T> {
    fn next(&mut self) -> Result<Option<T>, TraceError> {
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

impl<T: Sortable> Run<T> {
    fn refill(&mut self, file: &mut File) -> io::Result<Vec<T>> {
        let rest = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let mut bytes = vec![0; rest.min(RUN_BUFFER_ROWS * T::BYTES)];
        file.seek(SeekFrom::Start(self.next))?;
        file.read_exact(&mut bytes)?;
        self.next += bytes.len() as u64;
        let rows = bytes.chunks_exact(T::BYTES).map(T::load).collect::<Option<_>>();
        rows.ok_or_else(|| io::Error::other("the temporary file was changed by somebody else"))
    }
}

impl Sortable for Placed {
    const BYTES: usize = 39;

    fn key(&self) -> (Timestamp, u32, i64) {
        (self.record.at, self.source, self.rank)
    }

    fn store(&self, into: &mut Vec<u8>) {
        let Placed { record: Record { at, vehicle, position, motion, status }, source, rank } =
            *self;
        let [heading, speed, accuracy] =
            [motion.heading_cdeg, motion.speed_cm_s, motion.accuracy_dm]
                .map(|value| value.unwrap_or(u16::MAX).to_le_bytes());
        into.extend_from_slice(&at.as_millis().to_le_bytes());
        into.extend_from_slice(&rank.to_le_bytes());
        into.extend_from_slice(&source.to_le_bytes());
        into.extend_from_slice(&vehicle.0.to_le_bytes());
        into.extend_from_slice(&position.lat_e7().to_le_bytes());
        into.extend_from_slice(&position.lng_e7().to_le_bytes());
        into.extend_from_slice(&heading);
        into.extend_from_slice(&speed);
        into.extend_from_slice(&accuracy);
        into.push(status.map_or(u8::MAX, DriverStatus::code));
    }

    fn load(bytes: &[u8]) -> Option<Self> {
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
}
