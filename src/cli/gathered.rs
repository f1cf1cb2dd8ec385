//! What reading a trace or a log to its end gathers for the table.

use super::output::{Summary, grouped};
use crate::geo::LatLng;
use crate::trace::civil;
use crate::trace::requests::{Request, RequestDigest};
use crate::units::Timestamp;

const MINUTE_MS: i64 = 60_000;

/// When and where things were.
#[derive(Debug, Default)]
pub(super) struct Extent {
    span: Option<(Timestamp, Timestamp)>,
    /// South, west, north, east in ten-millionths of a degree.
    bounds: Option<[i32; 4]>,
}

impl Extent {
    pub(super) fn take(&mut self, at: Timestamp, position: LatLng) {
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        self.reach(position);
    }

    fn reach(&mut self, position: LatLng) {
        let (lat, lng) = (position.lat_e7(), position.lng_e7());
        let [south, west, north, east] = self.bounds.unwrap_or([lat, lng, lat, lng]);
        self.bounds = Some([south.min(lat), west.min(lng), north.max(lat), east.max(lng)]);
    }

    pub(super) fn rows(&self, summary: &mut Summary) {
        let bounds = self.bounds.map_or("none".to_owned(), bounds_text);
        summary.span(self.span).row("bounding box", bounds);
    }
}

/// Requests in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Requests {
    count: u64,
    extent: Extent,
    dropoffs: u64,
    lengths: u64,
    /// The present minute since 1970 and how many requests it has so far.
    minute: (i64, u64),
    /// How many the busiest minute has, and which that is: the first of several.
    busiest: (u64, i64),
    digest: RequestDigest,
}

impl Requests {
    pub(super) fn take(&mut self, request: &Request) {
        self.count += 1;
        self.extent.take(request.at, request.pickup);
        if let Some(dropoff) = request.dropoff {
            self.extent.reach(dropoff);
            self.dropoffs += 1;
        }
        self.lengths += u64::from(request.trip.is_some());
        let minute = request.at.as_millis().div_euclid(MINUTE_MS);
        if self.minute.0 != minute {
            self.minute = (minute, 0);
        }
        self.minute.1 += 1;
        if self.minute.1 > self.busiest.0 {
            self.busiest = (self.minute.1, minute);
        }
        self.digest.update(request);
    }

    pub(super) fn rows(self, summary: &mut Summary) {
        let (most, minute) = self.busiest;
        let from = civil::rfc3339(Timestamp::from_millis(minute * MINUTE_MS));
        let busiest = if most == 0 {
            "none".to_owned()
        } else {
            format!("{} requests from {from}", grouped(most))
        };
        summary
            .row("requests", grouped(self.count))
            .row("  with a dropoff", grouped(self.dropoffs))
            .row("  with the trip's length", grouped(self.lengths));
        self.extent.rows(summary);
        summary.row("busiest minute", busiest).row("digest", self.digest.finish());
    }
}

fn bounds_text([south, west, north, east]: [i32; 4]) -> String {
    let degrees = |e7: i32| f64::from(e7) / 1e7;
    let (south, west, north, east) = (degrees(south), degrees(west), degrees(north), degrees(east));
    format!("lat {south} to {north}, lng {west} to {east}")
}
