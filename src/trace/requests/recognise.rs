//! Tells logs of requests by their content. Names of files play no part.

use std::path::Path;
use std::sync::Arc;

use super::events;
use super::layout::Layout;
use crate::trace::sniff;
use crate::trace::text::columns_of;

/// How many lines are looked at: a few bad rows at the top do not hide the format.
const HEAD_LINES: usize = 16;

/// A format of logs of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Our own: `requested_at_ms,pickup_lat,pickup_lng,dropoff_lat,dropoff_lng,passengers`.
    Own,
    /// Yellow cabs of New York, a row a trip: the TLC's CSV of 2010 to 2014, or that of 2015 and
    /// 2016.
    TlcYellow,
    /// New York's cabs as a stream of events: a START row a trip, and an END row when it ends.
    TaxiEvents,
    /// Uber's pickups in New York in 2014, to the minute.
    UberFoil,
    /// Trips with cab, times and both ends, cut from the cabs' traces of San Francisco.
    CabTrips,
}

impl LogFormat {
    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "hansom-requests",
            Self::TlcYellow => "tlc-yellow",
            Self::TaxiEvents => "taxi-events",
            Self::UberFoil => "uber-foil",
            Self::CabTrips => "cab-trips",
        }
    }
}

impl std::fmt::Display for LogFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The format of the log of requests at `path`, plain or packed with gzip.
///
/// `None` if it is something else, such as a trace of positions, a folder, or a file that cannot be
/// read: whoever opens it then says why.
pub fn recognise(path: &Path) -> Option<LogFormat> {
    let mut bytes = sniff::open(path, &Arc::default()).ok()?;
    format_of(&sniff::head(&mut bytes).ok()?)
}

/// The format of a log that starts like this, if any.
pub(in crate::trace) fn format_of(head: &[u8]) -> Option<LogFormat> {
    let text = str::from_utf8(head).or_else(|error| {
        // A character may be cut off at the end.
        str::from_utf8(&head[..error.valid_up_to()])
    });
    let text = text.ok()?;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).take(HEAD_LINES);
    if lines.any(events::recognises) {
        return Some(LogFormat::TaxiEvents);
    }
    let names: Vec<String> = columns_of(head).split(", ").map(str::to_owned).collect();
    Layout::of(&names).map(Layout::format)
}
