//! What one commit holds: events, the states they lead to, and the market's head.

use std::collections::BTreeSet;

use crate::dispatch::{Event, Fact, Market};
use crate::ids::TripId;
use crate::journal::{self, Batch, Ordinal, StreamId};
use crate::limits;
use crate::records;

/// A batch being written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    batch: Batch,
    /// The trips that end in this batch.
    ended: BTreeSet<TripId>,
}

impl Ledger {
    /// Adds what a command has led to, with the trips as they are right after it: a trip that has
    /// ended is forgotten by the core before long.
    pub(super) fn add(&mut self, events: &[Event], market: &Market) {
        let mut trips = BTreeSet::new();
        for event in events {
            let mut bytes = Vec::new();
            records::encode_event(event, &mut bytes);
            self.batch.event(journal::Event {
                seq: journal::Seq(event.seq.0),
                stream: StreamId(event.trip.number()),
                ordinal: Ordinal(event.ordinal),
                at: event.at,
                bytes,
            });
            trips.insert(event.trip);
            if ends(&event.fact) {
                self.ended.insert(event.trip);
            }
        }
        // One without a state makes the journal refuse the batch, which is what should happen then.
        for trip in trips.into_iter().filter_map(|trip| market.trip(trip)) {
            let mut state = Vec::new();
            records::encode_trip(trip, &mut state);
            let stream = StreamId(trip.id.number());
            match trip.end {
                None => self.batch.put(stream, state),
                Some(end) if self.ended.contains(&trip.id) => {
                    self.batch.end(stream, end.at, state);
                }
                Some(_) => self.batch.amend(stream, state),
            }
        }
    }

    /// The batch, complete: nothing if nothing has happened.
    pub(super) fn seal(&mut self, market: &Market) -> &Batch {
        if !self.batch.events().is_empty() {
            let mut head = Vec::new();
            records::encode_head(&market.head(), &mut head);
            self.batch.set_head(head);
        }
        &self.batch
    }

    /// Whether whoever gathers may go on.
    pub(super) fn has_room(&self) -> bool {
        self.batch.events().len() < limits::MARKET_TURN_EVENTS && self.batch.has_room()
    }

    /// Whether a window's batch can be added, which takes up to half of a commit.
    pub(super) fn has_room_for_window(&self) -> bool {
        self.batch.has_room()
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.batch.clear();
        self.ended.clear();
    }
}

/// Whether a trip is over after this.
pub(super) const fn ends(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::TripCompleted { .. }
            | Fact::TripCancelled { .. }
            | Fact::TripUnfulfilled
            | Fact::TripAbandoned
    )
}
