//! What a busy market commits: events of 108 bytes, each with the state of its trip.

use std::collections::VecDeque;

use hansom::journal::{Batch, Event, Ordinal, Seq, StreamId};
use hansom::units::{Millis, Timestamp};

/// Bytes of an event, as of a small protobuf message.
pub(crate) const EVENT_BYTES: usize = 108;

/// Bytes of a trip's state.
const STATE_BYTES: usize = 300;

/// Events of a trip from its request to its end.
pub(crate) const EVENTS_PER_TRIP: u32 = 8;

/// Writes batch after batch: trips in turn take a step; who has taken the last makes room for a new
/// one.
#[derive(Debug)]
pub(crate) struct Load {
    open: VecDeque<(StreamId, u32)>,
    newest: u64,
    last: Seq,
    now: Timestamp,
    trips: usize,
    step: Millis,
}

impl Load {
    /// As of a market in which so many trips are under way, with so much time between two batches.
    pub(crate) fn new(trips: usize, step: Millis) -> Self {
        let now = Timestamp::from_secs(1_768_006_800);
        let open = VecDeque::new();
        Self { open, newest: 0, last: Seq::ZERO, now, trips, step }
    }

    /// The next batch, of so many events.
    pub(crate) fn batch(&mut self, events: usize) -> Batch {
        self.now = self.now.plus(self.step);
        let mut batch = Batch::default();
        for _ in 0..events {
            let (stream, taken) = if self.open.len() < self.trips {
                self.newest += 1;
                (StreamId(self.newest), 0)
            } else {
                self.open.pop_front().expect("there are trips")
            };
            self.last = self.last.next();
            let (seq, ordinal, at) = (self.last, Ordinal(taken + 1), self.now);
            let bytes = filled(seq.0, EVENT_BYTES);
            batch.event(Event { seq, stream, ordinal, at, bytes });
            if ordinal.0 == EVENTS_PER_TRIP {
                batch.end(stream, at, filled(stream.0, STATE_BYTES));
            } else {
                batch.put(stream, filled(stream.0, STATE_BYTES));
                self.open.push_back((stream, taken + 1));
            }
        }
        batch
    }
}

/// Bytes that do not repeat.
fn filled(mut seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        seed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bytes.extend((seed ^ (seed >> 29)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
