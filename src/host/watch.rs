//! Trips that somebody watches: a number each, no queue.
//!
//! A watcher is told how far its trip has got, and reads the events themselves from the journal.
//! So there is nothing to overflow: one that is slower than its trip reads later, and more at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::dispatch::Event;

/// The watched trips by number, with the ordinal of the last durable event that was told.
#[derive(Debug)]
pub(super) struct Watched {
    /// None once there will be no more events.
    trips: Mutex<Option<BTreeMap<u64, watch::Sender<u32>>>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self { trips: Mutex::new(Some(BTreeMap::new())) }
    }
}

impl Watched {
    /// Wakes those who watch the trips of these events, which are durable.
    pub(super) fn publish(&self, events: &[Event]) {
        let trips = self.trips.lock();
        let Some(trips) = trips.as_ref().filter(|trips| !trips.is_empty()) else { return };
        for event in events {
            if let Some(sender) = trips.get(&event.trip.number()) {
                sender.send_replace(event.ordinal);
            }
        }
    }

    /// No more will be published: whoever watches, now or later, is told.
    pub(super) fn end(&self) {
        *self.trips.lock() = None;
    }

    /// Begins to watch a trip.
    pub(super) fn watch(self: &Arc<Self>, number: u64) -> TripWatch {
        let mut trips = self.trips.lock();
        let new = || watch::channel(0).0;
        let receiver = match &mut *trips {
            Some(trips) => trips.entry(number).or_insert_with(new).subscribe(),
            // Of a sender that is gone.
            None => new().subscribe(),
        };
        TripWatch { number, receiver, watched: Arc::clone(self) }
    }

    /// How many trips are watched.
    pub(super) fn len(&self) -> usize {
        self.trips.lock().as_ref().map_or(0, BTreeMap::len)
    }
}

/// A trip that is watched, until it is dropped.
///
/// # Guarantees
/// Whoever begins to watch, then reads the journal, and reads it again after each
/// [`TripWatch::changed`], misses no event.
#[derive(Debug)]
pub struct TripWatch {
    number: u64,
    receiver: watch::Receiver<u32>,
    watched: Arc<Watched>,
}

impl TripWatch {
    /// Waits until more events of the trip have become durable; false if the market has ended, or takes
    /// nothing until a restart.
    pub async fn changed(&mut self) -> bool {
        self.receiver.changed().await.is_ok()
    }
}

impl Drop for TripWatch {
    fn drop(&mut self) {
        let mut trips = self.watched.trips.lock();
        let Some(trips) = &mut *trips else { return };
        // Under the lock nobody else begins to watch; ours is still there.
        if trips.get(&self.number).is_some_and(|sender| sender.receiver_count() <= 1) {
            trips.remove(&self.number);
        }
    }
}
