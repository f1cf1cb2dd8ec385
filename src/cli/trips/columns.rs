//! What is told of an ended trip, column by column: the same in each format.

use std::fmt;

use crate::dispatch::{Stars, Trip};
use crate::geo::LatLng;
use crate::units::{Timestamp, rfc3339};

/// A column of the export.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) presence: Presence,
}

/// What a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A moment, to the millisecond, UTC.
    Moment,
    Degrees,
    Count,
    /// Whole minor units of the currency in the column `currency`.
    Minor,
}

/// Whether each trip has a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Maybe,
}

/// What is known of one trip in one column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Moment(Timestamp),
    Degrees(f64),
    Count(i32),
    Minor(i64),
}

/// As CSV has it.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Moment(at) => f.write_str(&rfc3339(*at)),
            Self::Degrees(degrees) => degrees.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Minor(minor) => minor.fmt(f),
        }
    }
}

const fn always(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, presence: Presence::Always }
}

const fn maybe(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, presence: Presence::Maybe }
}

/// The columns, in their order.
pub(super) const COLUMNS: [Column; 23] = [
    always("trip_id", Kind::Text),
    always("state", Kind::Text),
    maybe("ended_by", Kind::Text),
    maybe("reason", Kind::Text),
    always("rider_id", Kind::Text),
    always("request_key", Kind::Text),
    maybe("driver_id", Kind::Text),
    always("requested_at", Kind::Moment),
    maybe("accepted_at", Kind::Moment),
    maybe("arrived_at", Kind::Moment),
    maybe("started_at", Kind::Moment),
    maybe("ended_at", Kind::Moment),
    always("pickup_lat", Kind::Degrees),
    always("pickup_lng", Kind::Degrees),
    maybe("dropoff_lat", Kind::Degrees),
    maybe("dropoff_lng", Kind::Degrees),
    always("passengers", Kind::Count),
    always("offers", Kind::Count),
    maybe("agreed_fare", Kind::Minor),
    maybe("due", Kind::Minor),
    maybe("currency", Kind::Text),
    maybe("rated_by_rider", Kind::Count),
    maybe("rated_by_driver", Kind::Count),
];

/// The cells of a trip, in the order of [`COLUMNS`].
pub(super) fn cells(trip: &Trip) -> [Option<Cell>; COLUMNS.len()] {
    let text = |text: String| Some(Cell::Text(text));
    let count = |count: u32| Some(Cell::Count(i32::try_from(count).unwrap_or(i32::MAX)));
    let stars = |stars: Option<Stars>| stars.and_then(|stars| count(stars.get().into()));
    let assignment = trip.assignment.as_ref();
    let pickup = trip.request.journey.pickup.degrees();
    let dropoff = trip.request.journey.dropoff.map(LatLng::degrees);
    let due = trip.end.and_then(|end| end.ending.due());
    let currency = due.or(trip.agreed).map(|due| due.currency.to_string());
    [
        text(trip.id.to_string()),
        text(trip.state.name().to_owned()),
        trip.end.and_then(|end| text(end.ending.by().to_string())),
        trip.end.and_then(|end| text(end.ending.reason().to_owned())),
        text(trip.request.rider.to_string()),
        text(trip.request.key.to_string()),
        assignment.and_then(|assignment| text(assignment.driver.to_string())),
        Some(Cell::Moment(trip.requested_at)),
        assignment.map(|assignment| Cell::Moment(assignment.accepted_at)),
        assignment.and_then(|assignment| assignment.arrived_at).map(Cell::Moment),
        assignment.and_then(|assignment| assignment.started_at).map(Cell::Moment),
        trip.end.map(|end| Cell::Moment(end.at)),
        Some(Cell::Degrees(pickup.lat)),
        Some(Cell::Degrees(pickup.lng)),
        dropoff.map(|place| Cell::Degrees(place.lat)),
        dropoff.map(|place| Cell::Degrees(place.lng)),
        count(trip.request.journey.passengers.get().into()),
        count(trip.attempts),
        trip.agreed.map(|fare| Cell::Minor(fare.minor)),
        due.map(|due| Cell::Minor(due.minor)),
        currency.map(Cell::Text),
        stars(trip.rated_by_rider),
        stars(trip.rated_by_driver),
    ]
}
