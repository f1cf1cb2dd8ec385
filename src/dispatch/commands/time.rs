//! What is due.

use crate::dispatch::event::{Event, Fact};
use crate::dispatch::market::Market;
use crate::dispatch::reply::Reply;
use crate::dispatch::states::TripState;
use crate::dispatch::trip::Trip;
use crate::ids::{DriverId, TripId};
use crate::limits;
use crate::units::Timestamp;

impl Market {
    /// Fires the timers that are due, in the order of their deadlines, ties in the order of trips: at
    /// most so many, and of so much weight, that one commit holds what they do, so that some may still
    /// be due afterwards.
    pub(super) fn tick(&mut self, now: Timestamp, events: &mut Vec<Event>) -> Reply {
        // Before anything ends: whoever writes down what ends now has to find it.
        let before = now.minus(self.config.ended_kept_for);
        self.book.forget(before, self.config.ended_kept);
        let (mut due, mut room) = (0, limits::MAX_TICK_BYTES);
        while room > 0
            && due < limits::MAX_TIMERS_PER_TICK
            && let Some(&(at, number)) = self.book.timers.first()
            && at <= now
        {
            due += 1;
            let first = events.len();
            self.fire(now, number, events);
            for event in events.iter().skip(first) {
                room = room.saturating_sub(self.trip(event.trip).map_or(0, Trip::weight));
            }
        }
        Reply::Ticked { due }
    }

    /// The time of a trip is up: each branch moves its timer beyond the present, or ends it.
    fn fire(&mut self, now: Timestamp, number: u64, events: &mut Vec<Event>) {
        let Some(trip) = self.book.open.get(&number) else {
            unreachable!("D3: trip number {number} has a timer and is not open");
        };
        let (id, state) = (trip.id, trip.state);
        match (state, trip.offer, trip.assignment) {
            (TripState::Requested | TripState::Searching, ..) => {
                self.emit(now, id, Fact::TripUnfulfilled, events);
            }
            (TripState::Offered, Some(offer), _) => {
                let (attempt, driver) = (offer.attempt, offer.driver);
                self.give_back(now, id, Fact::OfferExpired { attempt, driver }, events);
            }
            (TripState::Assigned | TripState::EnRoute, _, Some(assignment)) => {
                self.revoke(now, id, assignment.driver, events);
            }
            (TripState::Arrived | TripState::InProgress, _, Some(assignment)) => {
                // The driver counts as lost, and with the driver what is offered or queued behind this
                // one: an offer that ran out later would make the driver free.
                self.offer_leaves(now, assignment.driver, events);
                let queued = self.book.bonds_of(&assignment.driver).queued;
                if let Some(queued) = queued {
                    self.revoke(now, id.market().trip(queued), assignment.driver, events);
                }
                self.emit(now, id, Fact::TripAbandoned, events);
            }
            _ => unreachable!("D2: trip {id} is {state} and has a timer"),
        }
    }

    fn revoke(&mut self, now: Timestamp, trip: TripId, driver: DriverId, events: &mut Vec<Event>) {
        let found = self.book.open.get(&trip.number());
        let patience = found.map_or(now, |trip| trip.patience_until);
        let patience_until = patience.max(now.plus(self.config.patience));
        self.give_back(now, trip, Fact::AssignmentRevoked { driver, patience_until }, events);
    }

    /// Lets drivers set off whose trip under way has ended, or who had none.
    pub(in crate::dispatch) fn set_off(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        while let Some(&number) = self.book.ready.first() {
            let trip = self.book.open.get(&number);
            let Some((id, driver)) = trip.and_then(|trip| Some((trip.id, *trip.driver()?))) else {
                unreachable!("D5: trip number {number} is ready and has no driver");
            };
            let overdue_at = now.plus(self.config.pickup_overdue);
            self.emit(now, id, Fact::PickupStarted { driver, overdue_at }, events);
        }
    }
}
