//! New York's cabs as a stream of events, without a line of names: `rideId, START or END, the event's
//! time, the other end's time, startLon, startLat, endLon, endLat, passengers, taxiId, driverId`.
//!
//! A START row holds both ends' places, known in hindsight, and 1970 for its other time. So it is
//! the request, and only how long the trip took is to be had from its END row.

use std::io::Read;
use std::path::Path;

use super::layout::{ends, passengers};
use super::{Request, RequestReason, RowId};
use crate::trace::TraceError;
use crate::trace::civil::{self, LocalTime, UtcOffset};
use crate::trace::text::{CsvRecords, Dialect};
use crate::units::Timestamp;

/// How many fields a row has.
const FIELDS: usize = 11;

/// What a row tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A request, and the ride's number.
    Started(u64, Request),
    /// The ride with this number ended then, if that can be read.
    Ended(Option<(u64, Timestamp)>),
}

/// Whether a line has this format's fields, whatever their values.
pub(super) fn recognises(line: &str) -> bool {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [ride, event, at, other, rest @ ..] = fields.as_slice() else { return false };
    fields.len() == FIELDS
        && ride.parse::<u64>().is_ok()
        && matches!(*event, "START" | "END")
        && [at, other].iter().all(|time| civil::parse(time, UtcOffset::UTC).is_some())
        && rest[..4].iter().all(|number| number.parse::<f64>().is_ok())
}

/// The events of one log.
pub(super) struct Events<R: Read> {
    records: CsvRecords<R>,
    local: LocalTime,
}

impl<R: Read> Events<R> {
    pub(super) fn new(input: R, local: LocalTime) -> Self {
        Self { records: CsvRecords::new(input, Dialect::Bare), local }
    }

    /// Goes to the next row; false at the end.
    pub(super) fn advance(&mut self, path: &Path) -> Result<bool, TraceError> {
        self.records.advance(path)
    }

    /// What the present row tells.
    pub(super) fn parse(&self, row: RowId) -> Result<Event, RequestReason> {
        if self.records.fields() != FIELDS {
            return Err(RequestReason::Malformed);
        }
        let text = |field: usize| self.records.text(field).ok_or(RequestReason::Malformed);
        let ride = text(0)?.parse::<u64>().map_err(|_| RequestReason::Malformed);
        let at = civil::parse(text(2)?, self.local).ok_or(RequestReason::BadTime);
        match text(1)? {
            "START" => {
                let (ride, at) = (ride?, at?);
                let (pickup, dropoff) = ends([text(5)?, text(4)?], [text(7)?, text(6)?])?;
                let passengers = passengers(text(8)?)?;
                let request = Request { at, pickup, dropoff, passengers, trip: None, row };
                Ok(Event::Started(ride, request))
            }
            "END" => Ok(Event::Ended(ride.ok().zip(at.ok()))),
            _ => Err(RequestReason::Malformed),
        }
    }
}
