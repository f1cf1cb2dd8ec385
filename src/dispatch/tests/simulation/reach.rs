//! What a run has reached, to prove that it tested what it claims.

use std::collections::BTreeMap;
use std::fmt;

use crate::dispatch::EventKind;

/// How often each thing has happened.
#[derive(Debug, Default)]
pub(super) struct Reach {
    counts: BTreeMap<String, u64>,
    /// Of all events, in their order.
    pub(super) digest: u64,
}

/// What has to happen beside each kind of event.
const FAULTS: [&str; 14] = [
    "crash",
    "crash between two events of one command",
    "journal error",
    "restored from a snapshot",
    "restored from the beginning",
    "jump forward",
    "jump back",
    "late command",
    "lost command",
    "repeated command",
    "stale map",
    "trip queued behind another",
    "settled by timers",
    "settled with help",
];

/// What has to be refused.
const REFUSALS: [&str; 23] = [
    "other_market",
    "unknown_trip",
    "not_your_trip",
    "no_driver",
    "too_soon",
    "too_late",
    "trip_over",
    "still_waiting",
    "unknown_offer",
    "not_your_offer",
    "offer_expired",
    "already_taken",
    "offer_declined",
    "offer_closed",
    "offer_accepted",
    "key_reused",
    "rider_has_open_trip",
    "market_full",
    "unknown_quote",
    "quote_expired",
    "quote_differs",
    "no_dropoff",
    "already_rated",
];

impl Reach {
    pub(super) fn count(&mut self, what: &str) {
        match self.counts.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(what.to_owned(), 1);
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
    }

    /// What should have happened and never did.
    pub(super) fn missing(&self) -> Vec<String> {
        let kinds = EventKind::ALL.iter().map(|kind| kind.name());
        let all = kinds.chain(FAULTS).chain(REFUSALS);
        all.filter(|what| !self.counts.contains_key(*what)).map(str::to_owned).collect()
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.counts {
            write!(f, "{what} {count}, ")?;
        }
        Ok(())
    }
}
