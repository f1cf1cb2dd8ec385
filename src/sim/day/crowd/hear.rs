//! What riders and drivers do about what they hear.

use super::{Crowd, Ended, Heard, News, Told};
use crate::ids::{OfferId, TripId};
use crate::model::DriverStatus;
use crate::sim::day::agenda::{Answer, Due};
use crate::sim::day::cab::{Task, millimetres};
use crate::sim::day::draws::Reaction;
use crate::sim::day::tally::Pickup;

impl Crowd<'_> {
    pub(super) fn react(&mut self, news: &News) {
        match *news {
            News::Taken { rider, trip } => self.taken(rider, trip),
            News::Refused { .. } => self.tally.refused += 1,
            News::Rider { rider, what } => self.rider_hears(rider, what),
            News::Driver { cab, trip, what } => self.driver_hears(cab, trip, what),
            News::Leaves { cab, after } => match after {
                // It may be that the driver has not heard yet that the trip has begun.
                Some(trip) if self.ended.get(&cab) != Some(&trip) => {
                    self.leaving.insert(cab, trip);
                }
                _ => self.shift_ended(cab),
            },
            News::Lost { rider } => {
                // The trip may go on, and with it its driver.
                self.wishes[rider as usize].settled = true;
                self.tally.lost += 1;
            }
        }
    }

    fn taken(&mut self, rider: u32, trip: TripId) {
        self.tally.asked += 1;
        self.market = Some(trip.market());
        self.wishes[rider as usize].trip = Some(trip);
        self.riders.insert(trip, rider);
        let patience = self.draws.patience(rider, &self.plan.habits);
        self.agenda.add(self.now.plus(patience), Due::Patience { rider });
        if let Some((cab, offer)) = self.early.remove(&trip) {
            self.think_about(cab, offer);
        }
    }

    fn rider_hears(&mut self, rider: u32, what: Heard) {
        self.tally.events += 1;
        let requested_at = self.plan.riders[rider as usize].at;
        let waited = self.now.since(requested_at);
        let wish = &mut self.wishes[rider as usize];
        match what {
            Heard::Offered { duration, distance } => {
                wish.pickup = (duration, distance);
                self.tally.offers.made += 1;
            }
            Heard::Declined => self.tally.offers.declined += 1,
            Heard::Expired => self.tally.offers.expired += 1,
            Heard::Accepted => {
                let (duration, distance) = wish.pickup;
                self.tally.offers.accepted += 1;
                self.tally.to_assignment.push(waited);
                self.tally.pickup_eta.push(duration);
                self.tally.pickup_mm.push(millimetres(distance));
            }
            Heard::Arrived => {
                wish.settled = true;
                self.tally.pickups.push(Pickup { requested_at, waited });
            }
            Heard::Ended(ended) => {
                wish.settled = true;
                if let Some(trip) = wish.trip {
                    self.riders.remove(&trip);
                }
                match ended {
                    Ended::Completed => {
                        self.tally.served += 1;
                        self.tally.served_at.push(self.now);
                    }
                    Ended::Cancelled => self.tally.cancelled += 1,
                    Ended::Unfulfilled => self.tally.unfulfilled += 1,
                }
            }
        }
    }

    fn driver_hears(&mut self, cab: u32, trip: TripId, what: Told) {
        let rider = self.riders.get(&trip).copied();
        let place = rider.map(|rider| self.plan.riders[rider as usize]);
        match what {
            Told::Offered(offer) => {
                self.pending.insert(cab, trip);
                if self.cab(cab).status == DriverStatus::Available {
                    self.becomes(cab, DriverStatus::OfferPending);
                }
                match rider {
                    Some(_) => self.think_about(cab, offer),
                    // Ours, who has not heard yet; or a stranger, who is not answered.
                    None => drop(self.early.insert(trip, (cab, offer))),
                }
            }
            Told::OfferClosed => self.offer_closed(cab, trip),
            Told::PickupStarted => {
                self.pending.remove(&cab);
                if let Some(rider) = place {
                    self.becomes(cab, DriverStatus::EnRoute);
                    self.set_out(cab, Task::ToPickup(trip), rider.pickup);
                }
            }
            Told::Arrived => {
                if let Some(rider) = rider {
                    self.becomes(cab, DriverStatus::Waiting);
                    let boarding = self.draws.boarding(rider, &self.plan.habits);
                    let one = self.cab(cab);
                    one.task = Task::AtPickup(trip);
                    one.errand += 1;
                    let errand = one.errand;
                    self.agenda.add(self.now.plus(boarding), Due::Boarding { cab, errand });
                }
            }
            Told::Started => {
                if let Some(rider) = place {
                    self.becomes(cab, DriverStatus::OnTrip);
                    self.set_out(cab, Task::Riding(trip), rider.dropoff);
                }
            }
            Told::Ended => self.trip_left(cab, trip),
        }
    }

    fn think_about(&mut self, cab: u32, offer: OfferId) {
        let Some(&rider) = self.riders.get(&offer.trip()) else { return };
        let (after, answer) = match self.draws.answer(rider, cab, &self.plan.habits) {
            Reaction::Accepts(after) => (after, Answer::Yes),
            Reaction::Declines(after) => (after, Answer::No),
            Reaction::Silence => return,
        };
        let (trip, attempt) = (offer.trip().number(), offer.attempt());
        self.agenda.add(self.now.plus(after), Due::Answer { cab, trip, attempt, answer });
    }

    fn offer_closed(&mut self, cab: u32, trip: TripId) {
        self.early.remove(&trip);
        if self.pending.get(&cab) == Some(&trip) {
            self.pending.remove(&cab);
            if self.cab(cab).status == DriverStatus::OfferPending {
                self.becomes(cab, DriverStatus::Available);
            }
        }
    }

    /// A driver has nothing to do with a trip any more.
    fn trip_left(&mut self, cab: u32, trip: TripId) {
        self.ended.insert(cab, trip);
        let task = self.cab(cab).task;
        if task.trip() == Some(trip) {
            self.stop(cab, task);
            let one = self.cab(cab);
            one.task = Task::None;
            one.errand += 1;
            // Asked on the way, and not answered yet.
            let asked = self.pending.contains_key(&cab);
            let free = if asked { DriverStatus::OfferPending } else { DriverStatus::Available };
            self.becomes(cab, free);
        } else {
            // Queued behind another one, or not answered.
            self.offer_closed(cab, trip);
        }
        if self.leaving.get(&cab) == Some(&trip) {
            self.leaving.remove(&cab);
            self.shift_ended(cab);
        }
    }
}
