//! What has been committed and may have to be shipped: the newest batches, in order, bounded.
//!
//! Batches stay after they were confirmed, as long as there is room: a Redis that lost its latest
//! writes in a failover is brought up to date from here. One that lacks more than there is gets a
//! whole new copy.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::journal::{Batch, Seq};
use crate::limits;

/// A committed batch, and the event before its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) after: Seq,
    pub(super) last: Seq,
    pub(super) batch: Batch,
    /// When it was committed.
    pub(super) at: Instant,
}

/// The newest batches.
#[derive(Debug)]
pub(super) struct Backlog {
    parcels: VecDeque<Arc<Parcel>>,
    events: usize,
    bytes: usize,
    /// The last event committed.
    last: Seq,
    /// The last event that is known to be where it has to be.
    confirmed: Seq,
}

impl Backlog {
    /// Nothing after an event.
    pub(super) const fn new(last: Seq) -> Self {
        Self { parcels: VecDeque::new(), events: 0, bytes: 0, last, confirmed: Seq::ZERO }
    }

    /// Adds what was committed; the oldest goes if there is too much.
    pub(super) fn push(&mut self, at: Instant, batch: Batch) {
        let Some(last) = batch.events().last().map(|event| event.seq) else { return };
        let parcel = Parcel { after: self.last, last, batch, at };
        self.events += parcel.batch.events().len();
        self.bytes += parcel.batch.bytes();
        self.last = last;
        self.parcels.push_back(Arc::new(parcel));
        while self.events > limits::MAX_BACKLOG_EVENTS || self.bytes > limits::MAX_BACKLOG_BYTES {
            let Some(oldest) = self.parcels.pop_front() else { break };
            self.events -= oldest.batch.events().len();
            self.bytes -= oldest.batch.bytes();
        }
    }

    /// Whether all after this event is here.
    pub(super) fn reaches(&self, seq: Seq) -> bool {
        seq == self.last || self.place(seq).is_some()
    }

    /// Batches after an event, as many as one shipment takes and at least one; empty if there are
    /// none, or if what follows it has gone.
    pub(super) fn after(&self, seq: Seq) -> Vec<Arc<Parcel>> {
        let Some(place) = self.place(seq) else { return Vec::new() };
        let (mut taken, mut events, mut bytes) = (Vec::new(), 0, 0);
        for parcel in self.parcels.range(place..) {
            events += parcel.batch.events().len();
            bytes += parcel.batch.bytes();
            let fits = events <= limits::SHIPMENT_EVENTS && bytes <= limits::SHIPMENT_BYTES;
            if !taken.is_empty() && !fits {
                break;
            }
            taken.push(Arc::clone(parcel));
        }
        taken
    }

    fn place(&self, seq: Seq) -> Option<usize> {
        self.parcels.binary_search_by_key(&seq, |parcel| parcel.after).ok()
    }

    /// All up to this event is where it has to be.
    pub(super) fn confirm(&mut self, seq: Seq) {
        self.confirmed = self.confirmed.max(seq.min(self.last));
    }

    pub(super) const fn last(&self) -> Seq {
        self.last
    }

    pub(super) const fn confirmed(&self) -> Seq {
        self.confirmed
    }

    /// How long the first commit that is not known to be where it has to be has waited.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        let first = self.parcels.partition_point(|parcel| parcel.last <= self.confirmed);
        let waits = |parcel: &Arc<Parcel>| now.saturating_duration_since(parcel.at);
        self.parcels.get(first).map_or(Duration::ZERO, waits)
    }

    /// Events that are not known to be where they have to be.
    pub(super) const fn unconfirmed(&self) -> u64 {
        self.last.0.saturating_sub(self.confirmed.0)
    }
}
