//! Writes the own format of request logs: a CSV that any spreadsheet opens.

use std::io::{self, Write};

use super::Request;
use crate::geo::{Degrees, LatLng};

/// Writes requests as rows of `requested_at_ms,pickup_lat,pickup_lng,dropoff_lat,dropoff_lng,passengers`.
///
/// # Units
/// Milliseconds since 1970 in UTC; degrees, to the last of their seven decimals.
///
/// # Guarantees
/// What is read from it is what was written, row for row, but for how long recorded trips took,
/// for which there is no column.
#[derive(Debug)]
pub struct RequestWriter<W: Write> {
    out: W,
}

impl<W: Write> RequestWriter<W> {
    /// Writes the line of column names.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "requested_at_ms,pickup_lat,pickup_lng,dropoff_lat,dropoff_lng,passengers")?;
        Ok(Self { out })
    }

    /// Writes one request.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, request: &Request) -> io::Result<()> {
        let Request { at, pickup, dropoff, passengers, .. } = request;
        let place = |place: LatLng| {
            let Degrees { lat, lng } = place.degrees();
            format!("{lat},{lng}")
        };
        let dropoff = dropoff.map_or(",".to_owned(), place);
        let (at, pickup) = (at.as_millis(), place(*pickup));
        writeln!(self.out, "{at},{pickup},{dropoff},{}", passengers.get())
    }

    /// Hands the rest to the output, and gives it back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
