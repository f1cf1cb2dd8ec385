//! The formats that name their columns in the first line, a row a trip: each a line of a table.

use std::io::Read;
use std::path::Path;

use super::{LogFormat, Passengers, Request, RequestReason, RowId};
use crate::geo::{Degrees, LatLng};
use crate::trace::TraceError;
use crate::trace::civil::{self, LocalTime};
use crate::trace::text::{CsvRecords, Dialect};
use crate::units::{Millis, Timestamp};

/// Nearer to 0 than this a coordinate is 0 in ten-millionths of a degree.
const ZERO_DEGREES: f64 = 0.5e-7;

/// What a column gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Field {
    At,
    PickupLat,
    PickupLng,
    DropoffLat,
    DropoffLng,
    Ended,
    Passengers,
}

const FIELDS: usize = 7;

/// How times are written.
#[derive(Clone, Copy, Debug)]
enum Clock {
    /// `2014-01-09 20:45:25`, local.
    Local,
    /// `4/24/2014 0:01:00`, local.
    American,
    /// Seconds since 1970 in UTC.
    Seconds,
    /// Milliseconds since 1970 in UTC.
    Milliseconds,
}

/// A format: the names of its columns, empty for what it does not have.
#[derive(Debug)]
pub(super) struct Layout {
    format: LogFormat,
    clock: Clock,
    columns: [&'static str; FIELDS],
    /// A further column by which the format is known.
    mark: &'static str,
}

const LAYOUTS: [Layout; 5] = [
    Layout {
        format: LogFormat::Own,
        clock: Clock::Milliseconds,
        columns: [
            "requested_at_ms",
            "pickup_lat",
            "pickup_lng",
            "dropoff_lat",
            "dropoff_lng",
            "",
            "passengers",
        ],
        mark: "",
    },
    Layout {
        format: LogFormat::TlcYellow,
        clock: Clock::Local,
        columns: [
            "pickup_datetime",
            "pickup_latitude",
            "pickup_longitude",
            "dropoff_latitude",
            "dropoff_longitude",
            "dropoff_datetime",
            "passenger_count",
        ],
        mark: "",
    },
    Layout {
        format: LogFormat::TlcYellow,
        clock: Clock::Local,
        columns: [
            "tpep_pickup_datetime",
            "pickup_latitude",
            "pickup_longitude",
            "dropoff_latitude",
            "dropoff_longitude",
            "tpep_dropoff_datetime",
            "passenger_count",
        ],
        mark: "",
    },
    Layout {
        format: LogFormat::UberFoil,
        clock: Clock::American,
        columns: ["Date/Time", "Lat", "Lon", "", "", "", ""],
        mark: "Base",
    },
    Layout {
        format: LogFormat::CabTrips,
        clock: Clock::Seconds,
        columns: [
            "pickup_ts",
            "pickup_lat",
            "pickup_lon",
            "dropoff_lat",
            "dropoff_lon",
            "dropoff_ts",
            "",
        ],
        mark: "cab",
    },
];

impl Layout {
    /// The layout whose columns are all among these names, in upper or lower case.
    pub(super) fn of(names: &[String]) -> Option<&'static Self> {
        let has = |column: &&str| column.is_empty() || place(names, column).is_some();
        LAYOUTS.iter().find(|layout| layout.columns.iter().all(has) && has(&layout.mark))
    }

    pub(super) const fn format(&self) -> LogFormat {
        self.format
    }
}

/// Where a column is, if anywhere.
fn place(names: &[String], column: &str) -> Option<usize> {
    names.iter().position(|name| name.eq_ignore_ascii_case(column))
}

/// The trips of one log.
pub(super) struct Trips<R: Read> {
    records: CsvRecords<R>,
    clock: Clock,
    columns: [Option<usize>; FIELDS],
    local: LocalTime,
}

impl<R: Read> Trips<R> {
    /// Reads the first line.
    pub(super) fn new(input: R, path: &Path, local: LocalTime) -> Result<Self, TraceError> {
        let mut records = CsvRecords::new(input, Dialect::Headed);
        let names = records.names(path)?;
        let unknown = || TraceError::UnknownLog { path: path.to_path_buf() };
        let layout = Layout::of(&names).ok_or_else(unknown)?;
        let columns = layout.columns.map(|column| place(&names, column));
        Ok(Self { records, clock: layout.clock, columns, local })
    }

    /// Goes to the next row; false at the end.
    pub(super) fn advance(&mut self, path: &Path) -> Result<bool, TraceError> {
        self.records.advance(path)
    }

    /// The request that the present row is.
    pub(super) fn parse(&self, row: RowId) -> Result<Request, RequestReason> {
        let moment = |text: &str| self.moment(text).ok_or(RequestReason::BadTime);
        let (lat, lng) = (self.text(Field::DropoffLat)?, self.text(Field::DropoffLng)?);
        let at = moment(self.text(Field::At)?)?;
        let (pickup, dropoff) =
            ends([self.text(Field::PickupLat)?, self.text(Field::PickupLng)?], [lat, lng])?;
        let ended = match self.text(Field::Ended)? {
            "" => None,
            text => Some(moment(text)?),
        };
        let passengers = passengers(self.text(Field::Passengers)?)?;
        Ok(Request { at, pickup, dropoff, passengers, trip: lasted(at, ended), row })
    }

    /// The field's text, empty if the format has no such column.
    fn text(&self, field: Field) -> Result<&str, RequestReason> {
        match self.columns[field as usize] {
            Some(column) => self.records.text(column).ok_or(RequestReason::Malformed),
            None => Ok(""),
        }
    }

    fn moment(&self, text: &str) -> Option<Timestamp> {
        let unit = |millis: i64| civil::bounded(text.parse::<i64>().ok()?.checked_mul(millis)?);
        match self.clock {
            Clock::Local => civil::parse(text, self.local),
            Clock::American => civil::parse_american(text, self.local),
            Clock::Seconds => unit(1_000),
            Clock::Milliseconds => unit(1),
        }
    }
}

/// Both ends of a trip, given as latitude and longitude; a dropoff of which neither is told is none.
pub(super) fn ends(
    pickup: [&str; 2],
    dropoff: [&str; 2],
) -> Result<(LatLng, Option<LatLng>), RequestReason> {
    let number = |text: &str| text.parse::<f64>().map_err(|_| RequestReason::Malformed);
    let pickup = [number(pickup[0])?, number(pickup[1])?];
    let dropoff = match dropoff {
        ["", ""] => None,
        [lat, lng] => Some([number(lat)?, number(lng)?]),
    };
    let zero = |ends: [f64; 2]| ends.iter().any(|degrees| degrees.abs() < ZERO_DEGREES);
    if zero(pickup) || dropoff.is_some_and(zero) {
        return Err(RequestReason::ZeroCoordinates);
    }
    let position = |[lat, lng]: [f64; 2]| {
        LatLng::try_from(Degrees { lat, lng }).map_err(|_| RequestReason::NotOnGlobe)
    };
    Ok((position(pickup)?, dropoff.map(position).transpose()?))
}

/// How many ride; nothing or 0 is what drivers enter who do not count, and means one.
pub(super) fn passengers(text: &str) -> Result<Passengers, RequestReason> {
    match text {
        "" => Ok(Passengers::ONE),
        _ => match text.parse::<u32>().map_err(|_| RequestReason::Malformed)? {
            0 => Ok(Passengers::ONE),
            count => Passengers::try_from(count).map_err(|_| RequestReason::BadPassengers),
        },
    }
}

/// How long a trip took; unknown if its end is, or lies before its start.
pub(super) fn lasted(at: Timestamp, ended: Option<Timestamp>) -> Option<Millis> {
    ended.filter(|ended| *ended >= at).map(|ended| ended.since(at))
}
