//! Hands out the records of one or more traces in time order.
//!
//! Inputs that promise time order are streamed; all others go through the sorter first. Then
//! everything is merged through a heap, ties in the order in which the inputs were named.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::inputs::{Input, Inputs, Kind};
use super::intake::Intake;
use super::own::{Order, TraceFile};
use super::sniff::{self, Format};
use super::sort::{Placed, Sorted, Sorter};
use super::{
    Damage, Phase, Progress, ReadOptions, Record, RowCounts, Skipped, TraceError, VehicleIx,
    Vehicles,
};
use crate::ids::DriverId;
use crate::units::Timestamp;

/// Records of one or more traces in time order.
///
/// # Guarantees
/// Times never decrease. Records of the same time come in the order of the inputs as they were
/// named, and within one input in its own order (from the bottom up if it runs backwards). The
/// same name is the same vehicle, whichever input it comes from. Memory is bounded by
/// [`ReadOptions::sort_rows`], one block for each time-ordered input, and the vehicles' names.
#[derive(Debug)]
pub struct TraceReader {
    options: ReadOptions,
    inputs: Vec<Input>,
    format: Format,
    vehicles: Vehicles,
    counts: RowCounts,
    damage: Vec<Damage>,
    read: Arc<AtomicU64>,
    total: u64,
    skipped: Skipped,
    hints: Option<Hints>,
    streams: Vec<Stream>,
    heads: BinaryHeap<Reverse<(Timestamp, u32, usize)>>,
    prepared: bool,
}

/// What is known about all records together.
#[derive(Clone, Copy, Debug, Default)]
struct Hints {
    rows: u64,
    span: Option<(Timestamp, Timestamp)>,
}

/// Records in time order from one place, the next one taken out.
#[derive(Debug)]
struct Stream {
    records: Records,
    head: Option<Record>,
}

#[derive(Debug)]
enum Records {
    Own(Box<TraceFile>, u32),
    Sorted(Sorted<Placed>),
}

/// Opens one trace: a file, or a folder of files.
///
/// # Errors
/// [`TraceError`] if it cannot be opened or is of no known format.
pub fn open(path: &Path, options: &ReadOptions) -> Result<TraceReader, TraceError> {
    open_all(&[path.to_path_buf()], options)
}

/// Opens several traces, to be merged in time order.
///
/// # Errors
/// As [`open`]; [`TraceError::NoInput`] if there is none.
pub fn open_all(paths: &[PathBuf], options: &ReadOptions) -> Result<TraceReader, TraceError> {
    let inputs = Inputs::open(paths, options)?;
    let mut hints = Hints::default();
    let known = inputs.list.iter().all(|input| match &input.kind {
        Kind::Own(file) => hints.add(file.rows_hint(), file.time_hint()),
        Kind::Tar | Kind::Text(_) => false,
    });
    Ok(TraceReader {
        options: options.clone(),
        format: inputs.format,
        total: inputs.bytes,
        skipped: inputs.skipped,
        inputs: inputs.list,
        vehicles: Vehicles::new(),
        counts: RowCounts::default(),
        damage: Vec::new(),
        read: Arc::default(),
        hints: known.then_some(hints),
        streams: Vec::new(),
        heads: BinaryHeap::new(),
        prepared: false,
    })
}

impl TraceReader {
    /// The next record, or `None` at the end.
    ///
    /// The first call does what [`Self::prepare`] does, which can take seconds for large inputs.
    /// After an error there is nothing more to be had.
    ///
    /// # Errors
    /// [`TraceError`] if an input cannot be read further.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not borrow the names")]
    pub fn next(&mut self) -> Result<Option<Record>, TraceError> {
        if !self.prepared {
            self.prepare(&mut |_| ControlFlow::Continue(()))?;
        }
        let Some(Reverse((_, _, stream))) = self.heads.pop() else { return Ok(None) };
        let record = self.streams[stream].head.take();
        self.advance(stream)?;
        self.counts.yielded += u64::from(record.is_some());
        Ok(record)
    }

    /// Reads and sorts what is not in time order, calling `watch` every few thousand rows; a
    /// `Break` ends it with [`TraceError::Stopped`]. Does nothing the second time.
    ///
    /// # Errors
    /// [`TraceError`] if an input cannot be read.
    pub fn prepare(
        &mut self,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), TraceError> {
        if std::mem::replace(&mut self.prepared, true) {
            return Ok(());
        }
        let (read, total) = (Arc::clone(&self.read), self.total);
        let mut look = || {
            let bytes_read = read.load(Ordering::Relaxed).min(total);
            watch(Progress { bytes_read, bytes_total: total, phase: Phase::Reading })
        };
        let mut sorter = Sorter::new(self.options.sort_rows, self.options.temp_dir.clone());
        let mut intake = Intake {
            options: &self.options,
            vehicles: &mut self.vehicles,
            counts: &mut self.counts,
            sorter: &mut sorter,
            source: 0,
            span: None,
            skipped: &mut self.skipped,
            watch: &mut look,
        };
        let mut ordered = Vec::new();
        for Input { path, kind } in self.inputs.drain(..) {
            let bytes = || sniff::open(&path, &self.read).map_err(TraceError::io(&path));
            match kind {
                Kind::Own(file) if file.order() == Order::ByTime => {
                    ordered.push((file, intake.next_source()?));
                }
                Kind::Own(mut file) => {
                    intake.own(&mut file)?;
                    self.read.fetch_add(file.length(), Ordering::Relaxed);
                    self.damage.extend(file.damage().cloned());
                }
                Kind::Tar => intake.archive(bytes()?, &path)?,
                Kind::Text(text) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    intake.text(text, bytes()?, &path, &name)?;
                }
            }
        }
        let span = intake.span;
        let rows = self.counts.read - self.counts.rejected_total();
        let mut hints = Hints { rows, span };
        let known = ordered.iter().all(|(file, _)| hints.add(file.rows_hint(), file.time_hint()));
        self.hints = known.then_some(hints);
        self.streams.push(Stream { records: Records::Sorted(sorter.finish()?), head: None });
        let ordered = ordered.into_iter().map(|(file, source)| Records::Own(file, source));
        self.streams.extend(ordered.map(|records| Stream { records, head: None }));
        (0..self.streams.len()).try_for_each(|stream| self.advance(stream))
    }

    /// The name of a vehicle of this reader.
    ///
    /// # Panics
    /// If the number comes from another reader and names nothing here.
    pub fn vehicle_name(&self, vehicle: VehicleIx) -> &DriverId {
        self.vehicles.name(vehicle)
    }

    /// How many vehicles have had a valid row so far.
    pub fn vehicles(&self) -> usize {
        self.vehicles.len()
    }

    /// How far reading has come.
    pub fn progress(&self) -> Progress {
        let streamed = self.streams.iter().map(|stream| match &stream.records {
            Records::Own(file, _) if stream.head.is_none() => file.length(),
            Records::Own(file, _) => file.position(),
            Records::Sorted(_) => 0,
        });
        let read = self.read.load(Ordering::Relaxed) + streamed.sum::<u64>();
        let phase = if self.prepared { Phase::Yielding } else { Phase::Reading };
        Progress { bytes_read: read.min(self.total), bytes_total: self.total, phase }
    }

    /// What became of the rows so far.
    pub const fn stats(&self) -> &RowCounts {
        &self.counts
    }

    /// The first damage met in a file of the own format, once its readable part has been handed
    /// out.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.first()
    }

    /// All damage met, one a file at most.
    pub fn damages(&self) -> &[Damage] {
        &self.damage
    }

    /// The inputs' format.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Files in folders and archives that were passed over; those in archives once prepared.
    pub const fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// The span of all records: exact once prepared; before, only for files of the own format;
    /// `None` if it is not known or there is no record.
    pub fn time_hint(&self) -> Option<(Timestamp, Timestamp)> {
        self.hints?.span
    }

    /// The number of all records, known as [`Self::time_hint`] is.
    pub fn rows_hint(&self) -> Option<u64> {
        Some(self.hints?.rows)
    }

    fn advance(&mut self, number: usize) -> Result<(), TraceError> {
        let stream = &mut self.streams[number];
        let (head, source) = match &mut stream.records {
            Records::Own(file, source) => {
                let head = file.next(&mut self.vehicles)?;
                self.counts.read += u64::from(head.is_some());
                if head.is_none() {
                    self.damage.extend(file.damage().cloned());
                }
                (head, *source)
            }
            Records::Sorted(rows) => match rows.next()? {
                Some(row) => (Some(row.record), row.source),
                None => (None, 0),
            },
        };
        stream.head = head;
        if let Some(record) = head {
            self.heads.push(Reverse((record.at, source, number)));
        }
        Ok(())
    }
}

impl Hints {
    /// Adds one file's; false if they are not known.
    fn add(&mut self, rows: Option<u64>, span: Option<(Timestamp, Timestamp)>) -> bool {
        let Some(rows) = rows else { return false };
        self.rows += rows;
        self.span = match (self.span, span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (known, None) | (None, known) => known,
        };
        true
    }
}
