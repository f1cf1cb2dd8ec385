//! What is counted while a market is loaded.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Scene;
use crate::bench::stage::nanos;
use crate::client::ClientError;
use crate::ids::TripId;
use crate::limits;

/// What is known of a trip under way.
#[derive(Debug, Default)]
struct Open {
    /// When its request was due, once it is acknowledged.
    due: Option<Instant>,
    /// Whether its request counts.
    counts: bool,
    /// When its first offer was heard.
    offered: Option<Instant>,
    /// When its acceptance was due.
    accepted: Option<Instant>,
}

impl Open {
    /// Whether its request counts, and nobody was asked.
    fn was_not_offered(&self) -> bool {
        self.counts && self.offered.is_none()
    }
}

/// All counts and times. Requests count that were due while it was measured.
#[derive(Debug)]
pub(super) struct Ledger {
    trips: BTreeMap<TripId, Open>,
    /// Trips that have ended whose request counts and that were offered to nobody.
    ended_unoffered: u64,
    /// Requests that were due.
    pub(super) requests: u64,
    /// Of them, those not made since too many trips were open.
    pub(super) overdue: u64,
    /// Those that were taken.
    pub(super) taken: u64,
    /// Those that were refused, by reason.
    pub(super) refused: BTreeMap<String, u64>,
    /// From when a request was due to its first offer, as heard by the driver's gateway.
    pub(super) to_offer: Histogram<u64>,
    /// The same since the last sample.
    pub(super) lately: Histogram<u64>,
    /// From when a request was due to its answer.
    pub(super) to_answer: Histogram<u64>,
    /// From when a driver's command was due to its answer.
    pub(super) command: Histogram<u64>,
    /// From when an acceptance was due until the rider heard of it.
    pub(super) heard: Histogram<u64>,
    /// Offers heard, and of them those that were not the first of their trip.
    pub(super) offers: u64,
    pub(super) offers_again: u64,
    /// Commands that were refused, by reason.
    pub(super) commands_refused: BTreeMap<String, u64>,
    /// Trips that ended while it was measured.
    pub(super) completed: u64,
    /// Trips that ended otherwise than at their destination.
    pub(super) ended_otherwise: u64,
    /// Trips that a rider watched to the end.
    pub(super) watched: u64,
    /// Watches that failed, by reason.
    pub(super) watches_failed: BTreeMap<String, u64>,
    /// Drivers for whom the gateway was told anew how things stand, having read too slowly.
    pub(super) told_anew: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            trips: BTreeMap::new(),
            ended_unoffered: 0,
            requests: 0,
            overdue: 0,
            taken: 0,
            refused: BTreeMap::new(),
            to_offer: nanos(),
            lately: nanos(),
            to_answer: nanos(),
            command: nanos(),
            heard: nanos(),
            offers: 0,
            offers_again: 0,
            commands_refused: BTreeMap::new(),
            completed: 0,
            ended_otherwise: 0,
            watched: 0,
            watches_failed: BTreeMap::new(),
            told_anew: 0,
        }
    }
}

impl Ledger {
    /// Trips that have not ended, and how many of them were accepted by a driver.
    pub(super) fn open(&self) -> (usize, usize) {
        let accepted = self.trips.values().filter(|trip| trip.accepted.is_some());
        (self.trips.len(), accepted.count())
    }

    /// Trips that have not ended.
    pub(super) fn open_trips(&self) -> Vec<TripId> {
        self.trips.keys().copied().collect()
    }

    /// Requests that count, were taken, and were offered to nobody, whether their trips have ended or
    /// not.
    pub(super) fn never_offered(&self) -> u64 {
        let open = self.trips.values().filter(|trip| trip.was_not_offered());
        self.ended_unoffered + open.count() as u64
    }

    /// A request is due; whether it is made.
    pub(super) fn asks(&mut self, counts: bool) -> bool {
        let room = self.trips.len() < limits::MAX_BENCH_TRIPS;
        self.requests += u64::from(counts);
        self.overdue += u64::from(counts && !room);
        room
    }

    pub(super) fn request_refused(&mut self, reason: String, counts: bool) {
        if counts {
            *self.refused.entry(reason).or_default() += 1;
        }
    }

    pub(super) fn request_taken(&mut self, trip: TripId, due: Instant, now: Instant, counts: bool) {
        let open = self.trips.entry(trip).or_default();
        (open.due, open.counts) = (Some(due), counts);
        let offered = open.offered;
        if counts {
            self.taken += 1;
            record(&mut self.to_answer, now.duration_since(due));
            if let Some(offered) = offered {
                self.first_offer(offered.duration_since(due));
            }
        }
    }

    /// An offer was heard, before or after the answer to the request.
    pub(super) fn offered(&mut self, trip: TripId, attempt: u32, now: Instant, scene: &Scene) {
        self.offers += u64::from(scene.counts(now));
        if attempt > 1 {
            self.offers_again += u64::from(scene.counts(now));
            return;
        }
        let open = self.trips.entry(trip).or_default();
        open.offered = Some(now);
        if let Some(due) = open.due.filter(|_| open.counts) {
            self.first_offer(now.duration_since(due));
        }
    }

    fn first_offer(&mut self, took: Duration) {
        record(&mut self.to_offer, took);
        record(&mut self.lately, took);
    }

    /// A driver accepts.
    pub(super) fn accepts(&mut self, trip: TripId, due: Instant) {
        if let Some(open) = self.trips.get_mut(&trip) {
            open.accepted = Some(due);
        }
    }

    /// A rider heard that a driver has accepted.
    pub(super) fn rider_heard(&mut self, trip: TripId, now: Instant, counts: bool) {
        let accepted = self.trips.get(&trip).and_then(|open| open.accepted);
        if let Some(due) = accepted.filter(|_| counts) {
            record(&mut self.heard, now.duration_since(due));
        }
    }

    pub(super) fn watch_failed(&mut self, error: &ClientError) {
        *self.watches_failed.entry(error.reason()).or_default() += 1;
    }

    pub(super) fn command_done(&mut self, took: Duration, counts: bool) {
        if counts {
            record(&mut self.command, took);
        }
    }

    pub(super) fn command_refused(&mut self, reason: String, counts: bool) {
        *self.commands_refused.entry(reason).or_default() += u64::from(counts);
    }

    pub(super) fn trip_ended(&mut self, trip: TripId, completed: bool, counts: bool) {
        // The driver's gateway and a rider who watches both tell of it.
        let Some(open) = self.trips.remove(&trip) else { return };
        self.ended_unoffered += u64::from(open.was_not_offered());
        if counts {
            self.completed += u64::from(completed);
            self.ended_otherwise += u64::from(!completed);
        }
    }
}

fn record(times: &mut Histogram<u64>, took: Duration) {
    times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::stopwatch;

    #[test]
    fn a_trip_that_ended_without_an_offer_was_offered_to_nobody() {
        let (mut ledger, now) = (Ledger::default(), stopwatch());
        let trip: TripId = "main-1".parse().unwrap();
        assert!(ledger.asks(true));
        ledger.request_taken(trip, now, now, true);
        assert_eq!(ledger.never_offered(), 1);
        // Its rider watches, and hears that nobody was found.
        ledger.trip_ended(trip, false, true);
        assert_eq!(ledger.never_offered(), 1);
    }
}
