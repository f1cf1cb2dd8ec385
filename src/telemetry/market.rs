//! The metrics of a market. No label depends on a rider, a driver, a trip or a place.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::dispatch::{EventKind, Refusal, TripState};

/// Upper ends of the buckets of waiting times, in seconds: what a rider notices to what is given up.
pub(super) const WAIT_BUCKETS: [f64; 14] =
    [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0, 5.0, 10.0, 20.0, 60.0, 180.0, 600.0];

/// Upper ends of the buckets of batches and commits, by count.
pub(super) const COUNT_BUCKETS: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 5_000.0, 50_000.0];

/// The histograms of waiting times.
pub(super) const WAITS: [&str; 2] =
    ["hansom_request_to_offer_seconds", "hansom_request_to_assignment_seconds"];

/// The histograms of how long something took.
pub(super) const WORKS: [&str; 3] = [
    "hansom_match_batch_seconds",
    "hansom_journal_commit_seconds",
    "hansom_match_batch_late_seconds",
];

/// The histograms of counts.
pub(super) const COUNTS: [&str; 2] =
    ["hansom_match_batch_requests", "hansom_journal_commit_events"];

/// The handles of one market's metrics.
#[derive(Debug)]
pub struct MarketMetrics {
    events: [Counter; EventKind::ALL.len()],
    refusals: Vec<Counter>,
    open: [Gauge; TripState::ALL.len()],
    /// From a request to its first offer.
    pub to_offer: Histogram,
    /// From a request to a driver's acceptance.
    pub to_assignment: Histogram,
    /// How long a batch took to be matched.
    pub batch_seconds: Histogram,
    /// How long after the end of its window a batch began.
    pub batch_late: Histogram,
    /// Requests of a batch.
    pub batch_requests: Histogram,
    /// How long a commit took.
    pub commit_seconds: Histogram,
    /// Events of a commit.
    pub commit_events: Histogram,
    /// Commands that found the queue full.
    pub queue_full: Counter,
    /// Decisions written to their log.
    pub decisions_logged: Counter,
    /// Decisions that are missing from their log.
    pub decisions_dropped: Counter,
    /// 1 while the log of decisions cannot be written.
    pub decision_log_failed: Gauge,
    /// 1 while no commands are taken.
    pub down: Gauge,
    /// How far the clock is behind the market's time, which stands still meanwhile, in seconds.
    pub clock_behind: Gauge,
}

impl MarketMetrics {
    /// Made where a recorder is in place.
    pub(super) fn new() -> Self {
        describe();
        Self {
            events: EventKind::ALL
                .map(|kind| counter!("hansom_trip_events_total", "kind" => kind.name())),
            refusals: Refusal::NAMES
                .iter()
                .map(|&name| counter!("hansom_dispatch_refusals_total", "refusal" => name))
                .collect(),
            open: TripState::ALL.map(|state| gauge!("hansom_open_trips", "state" => state.name())),
            to_offer: histogram!("hansom_request_to_offer_seconds"),
            to_assignment: histogram!("hansom_request_to_assignment_seconds"),
            batch_seconds: histogram!("hansom_match_batch_seconds"),
            batch_late: histogram!("hansom_match_batch_late_seconds"),
            batch_requests: histogram!("hansom_match_batch_requests"),
            commit_seconds: histogram!("hansom_journal_commit_seconds"),
            commit_events: histogram!("hansom_journal_commit_events"),
            queue_full: counter!("hansom_market_queue_full_total"),
            decisions_logged: counter!("hansom_decisions_logged_total"),
            decisions_dropped: counter!("hansom_decisions_dropped_total"),
            decision_log_failed: gauge!("hansom_decision_log_failed"),
            down: gauge!("hansom_market_down"),
            clock_behind: gauge!("hansom_market_clock_behind_seconds"),
        }
    }

    /// Counts something that happened to a trip.
    pub fn happened(&self, kind: EventKind) {
        self.events[kind as usize].increment(1);
    }

    /// Counts a command that was refused, by [`Refusal::name`].
    pub fn refused(&self, name: &str) {
        let place = Refusal::NAMES.iter().position(|known| *known == name);
        if let Some(counter) = place.and_then(|place| self.refusals.get(place)) {
            counter.increment(1);
        }
    }

    /// Tells the open trips, in the order of [`TripState::ALL`].
    pub fn set_open(&self, by_state: &[usize; TripState::ALL.len()]) {
        for (gauge, count) in self.open.iter().zip(by_state) {
            gauge.set(*count as f64);
        }
    }
}

fn describe() {
    let count = Unit::Count;
    describe_counter!("hansom_trip_events_total", count, "What happened to trips, by kind.");
    describe_counter!(
        "hansom_dispatch_refusals_total",
        count,
        "Commands that the market refused, by the refusal's name."
    );
    describe_gauge!("hansom_open_trips", count, "Trips by state; those over are not counted.");
    describe_counter!(
        "hansom_market_queue_full_total",
        count,
        "Commands refused because the market's queue was full."
    );
    describe_counter!("hansom_decisions_logged_total", count, "Decisions written to their log.");
    describe_counter!(
        "hansom_decisions_dropped_total",
        count,
        "Decisions missing from their log: the disk was slow, full or broken."
    );
    describe_gauge!(
        "hansom_decision_log_failed",
        count,
        "1 while the log of decisions cannot be written; else 0."
    );
    describe_gauge!(
        "hansom_market_down",
        count,
        "1 while the market takes no commands since its journal failed; else 0."
    );
    let seconds = Unit::Seconds;
    describe_gauge!(
        "hansom_market_clock_behind_seconds",
        seconds,
        "How far the clock is behind the market's time, which stands still meanwhile; 0 if it is not."
    );
    describe_histogram!(WAITS[0], seconds, "From a request to its first offer.");
    describe_histogram!(WAITS[1], seconds, "From a request to a driver's acceptance.");
    describe_histogram!(WORKS[0], seconds, "How long a batch took to be matched.");
    describe_histogram!(WORKS[1], seconds, "How long a commit of the journal took.");
    describe_histogram!(WORKS[2], seconds, "How long after its window a batch began.");
    describe_histogram!(COUNTS[0], count, "Requests that were matched together.");
    describe_histogram!(COUNTS[1], count, "Events that were committed together.");
}
