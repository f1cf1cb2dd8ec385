//! Hands out the requests of one or more logs in time order.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::intake::Intake;
use super::region::Gate;
use super::{LogFormat, LogOptions, Request, RequestCounts, RowId, recognise};
use crate::geo::Area;
use crate::trace::sort::{Sorted, Sorter};
use crate::trace::{Phase, Progress, TraceError, sniff};
use crate::units::Timestamp;

/// Requests of one or more logs in time order.
///
/// # Guarantees
/// Times never decrease. Requests of the same time come in the order of the logs as they were
/// named, and within one log in its own order. Each row is a request or counted under one reason.
/// Memory is bounded by [`LogOptions::sort_rows`], [`crate::limits::REGION_SAMPLE_ROWS`] and
/// [`crate::limits::MAX_RIDE_STARTS`]. After an error there is nothing more to be had.
///
/// # Examples
/// ```
/// use hansom::trace::requests::{self, LogOptions};
/// let log = tempfile::NamedTempFile::new()?;
/// let text = "requested_at_ms,pickup_lat,pickup_lng,dropoff_lat,dropoff_lng,passengers\n\
///             2000,52.5,13.4,52.6,13.5,1\n1000,52.5,13.4,,,3\n";
/// std::fs::write(log.path(), text)?;
/// let reader = requests::open(log.path(), &LogOptions::default())?;
/// let times = reader.map(|request| Ok(request?.at.as_millis()));
/// let times: Result<Vec<i64>, hansom::trace::TraceError> = times.collect();
/// assert_eq!(times?, [1000, 2000]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RequestReader {
    options: LogOptions,
    inputs: Vec<(PathBuf, LogFormat)>,
    counts: RequestCounts,
    gate: Gate,
    span: Option<(Timestamp, Timestamp)>,
    read: Arc<AtomicU64>,
    total: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing has been read.
    Fresh,
    /// All has been read.
    Sorted(Sorted<Request>),
    /// There was an error.
    Failed,
}

/// Opens one log of requests.
///
/// # Errors
/// [`TraceError`] if it cannot be opened, [`TraceError::UnknownLog`] if it is of no known format.
pub fn open(path: &Path, options: &LogOptions) -> Result<RequestReader, TraceError> {
    open_all(&[path.to_path_buf()], options)
}

/// Opens several logs of requests, to be merged in time order.
///
/// # Errors
/// As [`open`]; [`TraceError::NoInput`] if there is none.
pub fn open_all(paths: &[PathBuf], options: &LogOptions) -> Result<RequestReader, TraceError> {
    let (mut inputs, mut total) = (Vec::new(), 0);
    for path in paths {
        total += std::fs::metadata(path).map_err(TraceError::io(path))?.len();
        let format = recognise(path);
        let format = format.ok_or_else(|| TraceError::UnknownLog { path: path.clone() })?;
        inputs.push((path.clone(), format));
    }
    if inputs.is_empty() {
        return Err(TraceError::NoInput);
    }
    Ok(RequestReader {
        gate: Gate::new(options.region),
        options: options.clone(),
        inputs,
        counts: RequestCounts::default(),
        span: None,
        read: Arc::default(),
        total,
        state: State::Fresh,
    })
}

impl RequestReader {
    /// Reads and sorts all logs, calling `watch` every few thousand rows; a `Break` ends it with
    /// [`TraceError::Stopped`]. Does nothing the second time.
    ///
    /// # Errors
    /// [`TraceError`] if a log cannot be read.
    pub fn prepare(
        &mut self,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), TraceError> {
        if !matches!(self.state, State::Fresh) {
            return Ok(());
        }
        // What holds if reading ends with an error.
        self.state = State::Failed;
        let (read, total) = (Arc::clone(&self.read), self.total);
        let mut look = || {
            let bytes_read = read.load(Ordering::Relaxed).min(total);
            watch(Progress { bytes_read, bytes_total: total, phase: Phase::Reading })
        };
        let mut sorter = Sorter::new(self.options.sort_rows, self.options.temp_dir.clone());
        let mut intake = Intake {
            options: &self.options,
            counts: &mut self.counts,
            gate: &mut self.gate,
            sorter: &mut sorter,
            span: None,
            watch: &mut look,
        };
        for (number, (path, format)) in (0..).zip(&self.inputs) {
            let bytes = sniff::open(path, &self.read).map_err(TraceError::io(path))?;
            intake.log(*format, bytes, path, number)?;
        }
        intake.settle()?;
        self.span = intake.span;
        self.state = State::Sorted(sorter.finish()?);
        Ok(())
    }

    /// How far reading has come.
    pub fn progress(&self) -> Progress {
        let phase = match self.state {
            State::Fresh => Phase::Reading,
            State::Sorted(_) | State::Failed => Phase::Yielding,
        };
        let bytes_read = self.read.load(Ordering::Relaxed).min(self.total);
        Progress { bytes_read, bytes_total: self.total, phase }
    }

    /// What became of the rows so far.
    pub const fn stats(&self) -> &RequestCounts {
        &self.counts
    }

    /// The logs and their formats, in the order in which they were named.
    pub fn logs(&self) -> &[(PathBuf, LogFormat)] {
        &self.inputs
    }

    /// The region outside of which nothing counts, once it is known, if there is one.
    pub const fn region(&self) -> Option<&Area> {
        self.gate.area()
    }

    /// The span of all requests once prepared; `None` before, or if there is none.
    pub const fn time_hint(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// The number of all requests, known once prepared.
    pub fn rows_hint(&self) -> Option<u64> {
        let known = matches!(self.state, State::Sorted(_));
        known.then(|| self.counts.read - self.counts.rejected_total())
    }

    /// Where a row of this reader stands, for messages: `trips.csv, row 12`.
    pub fn place(&self, row: RowId) -> String {
        let path = self.inputs.get(row.input as usize).map(|(path, _)| path.display().to_string());
        format!("{}, row {}", path.unwrap_or_default(), row.row)
    }
}

impl Iterator for RequestReader {
    type Item = Result<Request, TraceError>;

    /// The next request, or `None` at the end. The first call does what [`Self::prepare`] does,
    /// which can take seconds for large logs.
    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.prepare(&mut |_| ControlFlow::Continue(())) {
            return Some(Err(error));
        }
        let State::Sorted(sorted) = &mut self.state else { return None };
        match sorted.next() {
            Ok(request) => {
                self.counts.yielded += u64::from(request.is_some());
                request.map(Ok)
            }
            Err(error) => {
                self.state = State::Failed;
                Some(Err(error))
            }
        }
    }
}
