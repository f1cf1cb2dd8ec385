//! Takes rows in, whatever their order, counts them, and hands them to the sorter.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use super::lines::{self, Line};
use super::own::{MAGIC, TraceFile};
use super::sniff::{self, Text};
use super::sort::{Placed, Sorter};
use super::text::{Cabspotting, CsvRows, LineFormat, Row, TDrive};
use super::{
    ReadOptions, Record, RowCounts, RowReason, SkipReason, Skipped, TraceError, Vehicles, archive,
};
use crate::limits;
use crate::units::Timestamp;

/// Rows between two looks at whether the caller wants to stop.
pub(super) const WATCH_ROWS: u64 = 8_192;

/// Where rows go.
pub(super) struct Intake<'a> {
    pub(super) options: &'a ReadOptions,
    pub(super) vehicles: &'a mut Vehicles,
    pub(super) counts: &'a mut RowCounts,
    pub(super) sorter: &'a mut Sorter<Placed>,
    /// The place of the next input among records of the same time.
    pub(super) source: u32,
    /// The span of all rows taken in.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// Files in archives that are of no known format.
    pub(super) skipped: &'a mut Skipped,
    /// Told of progress now and then; may ask to stop.
    pub(super) watch: &'a mut dyn FnMut() -> ControlFlow<()>,
}

impl Intake<'_> {
    /// Takes a number for the next input.
    pub(super) fn next_source(&mut self) -> Result<u32, TraceError> {
        let source = self.source;
        let full = TraceError::TooMany { what: "input files", limit: u32::MAX.into() };
        self.source = source.checked_add(1).ok_or(full)?;
        Ok(source)
    }

    /// Reads each file of a tar archive.
    pub(super) fn archive(&mut self, input: impl Read, path: &Path) -> Result<(), TraceError> {
        let visited = archive::each_file(input, |name, file| -> Result<(), Stop> {
            let head = sniff::head(file)?;
            if head.is_empty() {
                return Ok(());
            }
            let Some(text) = sniff::text(&head, self.options) else {
                let own = head.starts_with(&MAGIC);
                let reason = if own { SkipReason::PackedOwn } else { SkipReason::NoTrace };
                self.skipped.in_archive(path, name, reason);
                return Ok(());
            };
            let whole = BufReader::new(head.as_slice().chain(file));
            Ok(self.text(text, whole, path, name)?)
        });
        visited.map_err(|stop| match stop {
            Stop::Trace(error) => error,
            Stop::Io(error) => TraceError::io(path)(error),
        })
    }

    /// Reads a file of text rows; `name` names the vehicle where the rows do not.
    pub(super) fn text(
        &mut self,
        text: Text,
        input: impl BufRead,
        path: &Path,
        name: &str,
    ) -> Result<(), TraceError> {
        match text {
            Text::Cabspotting => self.lines(&Cabspotting::new(name), input, path),
            Text::TDrive => self.lines(&TDrive, input, path),
            Text::Csv => self.csv(input, path),
        }
    }

    /// Reads a file of the own format that is not in time order.
    pub(super) fn own(&mut self, file: &mut TraceFile) -> Result<(), TraceError> {
        let source = self.next_source()?;
        let mut rank = 0;
        while let Some(record) = file.next(self.vehicles)? {
            self.counts.read += 1;
            self.place(Placed { record, source, rank })?;
            rank += 1;
            self.look()?;
        }
        Ok(())
    }

    fn lines(
        &mut self,
        format: &impl LineFormat,
        mut input: impl BufRead,
        path: &Path,
    ) -> Result<(), TraceError> {
        let mut lead = Lead::new(self.next_source()?);
        let mut line = Vec::new();
        loop {
            let row = match lines::read(&mut input, &mut line).map_err(TraceError::io(path))? {
                Line::End => break,
                Line::TooLong => Ok(Err(RowReason::Malformed)),
                Line::Whole => match str::from_utf8(&line) {
                    Ok(text) if text.trim().is_empty() => continue,
                    Ok(text) => format.parse(text, self.vehicles),
                    Err(_) => Ok(Err(RowReason::Malformed)),
                },
            };
            self.row(row, &mut lead)?;
        }
        lead.settle(self)
    }

    fn csv(&mut self, input: impl BufRead, path: &Path) -> Result<(), TraceError> {
        let Some(mapping) = &self.options.csv else {
            return Err(TraceError::NeedsColumns { path: path.into(), columns: String::new() });
        };
        let mut rows = CsvRows::new(input, path, mapping, self.options.utc_offset)?;
        let mut lead = Lead::new(self.next_source()?);
        while let Some(row) = rows.next(path, self.vehicles) {
            self.row(row, &mut lead)?;
        }
        lead.settle(self)
    }

    fn row(&mut self, row: Row, lead: &mut Lead) -> Result<(), TraceError> {
        let row = row?;
        self.counts.read += 1;
        match row {
            Ok(record) => lead.push(record, self)?,
            Err(reason) => self.counts.reject(reason),
        }
        self.look()
    }

    fn place(&mut self, row: Placed) -> Result<(), TraceError> {
        let at = row.record.at;
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        self.sorter.push(row)
    }

    fn look(&mut self) -> Result<(), TraceError> {
        if self.counts.read.is_multiple_of(WATCH_ROWS) && (self.watch)().is_break() {
            return Err(TraceError::Stopped);
        }
        Ok(())
    }
}

/// An error on the way through an archive.
enum Stop {
    Io(std::io::Error),
    Trace(TraceError),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TraceError> for Stop {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

/// Tells from the first rows of an input whether it runs backwards in time; if so, rows of equal
/// time are ranked from the bottom up.
struct Lead {
    source: u32,
    rank: i64,
    step: i64,
    held: Option<Vec<Record>>,
}

impl Lead {
    fn new(source: u32) -> Self {
        Self { source, rank: 0, step: 1, held: Some(Vec::new()) }
    }

    fn push(&mut self, record: Record, intake: &mut Intake<'_>) -> Result<(), TraceError> {
        match &mut self.held {
            Some(held) => {
                held.push(record);
                if held.len() < limits::TRACE_LEAD_ROWS { Ok(()) } else { self.settle(intake) }
            }
            None => self.place(record, intake),
        }
    }

    /// Decides the direction and passes on what was held back.
    fn settle(&mut self, intake: &mut Intake<'_>) -> Result<(), TraceError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let steps = |later: fn(&Timestamp, &Timestamp) -> bool| {
            held.windows(2).filter(|pair| later(&pair[1].at, &pair[0].at)).count()
        };
        let (ups, downs) = (steps(Timestamp::gt), steps(Timestamp::lt));
        // A stray row does not turn a file around, and a file in no order runs forwards.
        if downs > 8 * ups {
            self.step = -1;
        }
        held.into_iter().try_for_each(|record| self.place(record, intake))
    }

    fn place(&mut self, record: Record, intake: &mut Intake<'_>) -> Result<(), TraceError> {
        self.rank += self.step;
        intake.place(Placed { record, source: self.source, rank: self.rank })
    }
}
