//! Takes rows in, whatever their order, counts them, and hands requests to the sorter.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::path::Path;

use super::events::{Event, Events};
use super::layout::Trips;
use super::region::{Gate, Held};
use super::rides::Rides;
use super::{LogFormat, LogOptions, Request, RequestCounts, RequestReason, RowId};
use crate::limits;
use crate::trace::TraceError;
use crate::trace::intake::WATCH_ROWS;
use crate::trace::sort::Sorter;
use crate::units::Timestamp;

/// Where rows go.
pub(super) struct Intake<'a> {
    pub(super) options: &'a LogOptions,
    pub(super) counts: &'a mut RequestCounts,
    pub(super) gate: &'a mut Gate,
    pub(super) sorter: &'a mut Sorter<Request>,
    /// The span of all requests taken in.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// Told of progress now and then; may ask to stop.
    pub(super) watch: &'a mut dyn FnMut() -> ControlFlow<()>,
}

impl Intake<'_> {
    /// Reads a log, the `number`th.
    pub(super) fn log(
        &mut self,
        format: LogFormat,
        input: impl BufRead,
        path: &Path,
        number: u32,
    ) -> Result<(), TraceError> {
        match format {
            LogFormat::TaxiEvents => self.events(input, path, number),
            LogFormat::Own | LogFormat::TlcYellow | LogFormat::UberFoil | LogFormat::CabTrips => {
                self.trips(input, path, number)
            }
        }
    }

    fn trips(&mut self, input: impl BufRead, path: &Path, number: u32) -> Result<(), TraceError> {
        let mut trips = Trips::new(input, path, self.options.local_time)?;
        let mut row = RowId { input: number, row: 0 };
        while trips.advance(path)? {
            row.row += 1;
            self.counts.read += 1;
            match trips.parse(row) {
                Ok(request) => self.take(request)?,
                Err(reason) => self.counts.reject(reason),
            }
            self.look()?;
        }
        Ok(())
    }

    fn events(&mut self, input: impl BufRead, path: &Path, number: u32) -> Result<(), TraceError> {
        let mut events = Events::new(input, self.options.local_time);
        let mut rides = Rides::new(limits::MAX_RIDE_STARTS);
        let mut row = RowId { input: number, row: 0 };
        let mut ready = Vec::new();
        while events.advance(path)? {
            row.row += 1;
            self.counts.read += 1;
            match events.parse(row) {
                Ok(Event::Started(ride, request)) => rides.start(ride, request, &mut ready),
                Ok(Event::Ended(end)) => {
                    self.counts.reject(RequestReason::EndRow);
                    ready.extend(end.and_then(|(ride, at)| rides.end(ride, at)));
                }
                Err(reason) => self.counts.reject(reason),
            }
            ready.drain(..).try_for_each(|request| self.take(request))?;
            self.look()?;
        }
        rides.drain(&mut ready);
        ready.into_iter().try_for_each(|request| self.take(request))
    }

    /// Takes a request as soon as the region is known.
    fn take(&mut self, request: Request) -> Result<(), TraceError> {
        match self.gate.hold(request) {
            Held::No => self.place(request),
            Held::Yes => Ok(()),
            Held::Last => self.settle(),
        }
    }

    /// Decides on the region, and passes on what was held back.
    pub(super) fn settle(&mut self) -> Result<(), TraceError> {
        self.gate.settle().into_iter().try_for_each(|request| self.place(request))
    }

    fn place(&mut self, request: Request) -> Result<(), TraceError> {
        if !self.gate.admits(&request) {
            self.counts.reject(RequestReason::OutsideRegion);
            return Ok(());
        }
        let (first, last) = self.span.unwrap_or((request.at, request.at));
        self.span = Some((first.min(request.at), last.max(request.at)));
        self.sorter.push(request)
    }

    fn look(&mut self) -> Result<(), TraceError> {
        if self.counts.read.is_multiple_of(WATCH_ROWS) && (self.watch)().is_break() {
            return Err(TraceError::Stopped);
        }
        Ok(())
    }
}
