//! What drivers and riders do about what has happened.

use super::agenda::{Answer, Due};
use super::cab::{Task, millimetres};
use super::draws::Reaction;
use super::tally::Pickup;
use super::world::World;
use crate::dispatch::{Command, Event, Fact, Pickup as Estimate};
use crate::geo::LatLng;
use crate::ids::{DriverId, TripId};
use crate::units::{Meters, Millis};

impl World<'_> {
    /// Everybody concerned hears of an event.
    pub(super) fn react(&mut self, event: &Event) {
        let trip = event.trip;
        match &event.fact {
            Fact::OfferMade { attempt, driver, .. } => {
                self.tally.offers.made += 1;
                self.think_about(trip, *attempt, driver);
            }
            Fact::OfferDeclined { .. } => self.tally.offers.declined += 1,
            Fact::OfferExpired { .. } => self.tally.offers.expired += 1,
            Fact::OfferAccepted { driver, .. } => self.accepted(trip, driver),
            Fact::PickupStarted { driver, .. } => self.set_out_to_pickup(trip, driver),
            Fact::DriverArrived { driver, .. } => self.at_pickup(trip, driver),
            Fact::TripStarted { driver, .. } => self.set_out_to_dropoff(trip, driver),
            Fact::TripCompleted { .. } => {
                self.tally.served += 1;
                self.tally.served_at.push(self.now);
                self.release(trip);
            }
            Fact::TripCancelled { .. } | Fact::TripAbandoned => {
                self.tally.cancelled += 1;
                self.release(trip);
            }
            Fact::TripUnfulfilled => self.tally.unfulfilled += 1,
            Fact::DriverCancelled { .. } | Fact::AssignmentRevoked { .. } => self.release(trip),
            Fact::TripRequested { .. }
            | Fact::SearchContinued
            | Fact::TripRated { .. }
            | Fact::DriverSignedOff { .. }
            | Fact::DriverSignedOn { .. } => {}
        }
    }

    /// The number of the rider of a trip.
    fn rider(&self, trip: TripId) -> u32 {
        let ix = usize::try_from(trip.number() - 1).ok();
        let rider = ix.and_then(|ix| self.riders.get(ix));
        *rider.unwrap_or_else(|| unreachable!("trip {trip} has a rider who never asked"))
    }

    fn think_about(&mut self, trip: TripId, attempt: u32, driver: &DriverId) {
        let (rider, cab) = (self.rider(trip), self.fleet.number(driver));
        let (after, answer) = match self.draws.answer(rider, cab, &self.plan.habits) {
            Reaction::Accepts(after) => (after, Answer::Yes),
            Reaction::Declines(after) => (after, Answer::No),
            Reaction::Silence => return,
        };
        let due = Due::Answer { cab, trip: trip.number(), attempt, answer };
        self.agenda.add(self.now.plus(after), due);
    }

    fn accepted(&mut self, trip: TripId, driver: &DriverId) {
        let (rider, cab) = (self.rider(trip), self.fleet.number(driver));
        if let Some(wish) = &mut self.wishes[rider as usize] {
            wish.cab = Some(cab);
        }
        self.tally.offers.accepted += 1;
        let waited = self.now.since(self.plan.riders[rider as usize].at);
        self.tally.to_assignment.push(waited);
        let assigned = self.market.trip(trip).and_then(|trip| trip.assignment);
        let none = Estimate { duration: Millis::ZERO, distance: Meters::ZERO };
        let pickup = assigned.map_or(none, |assigned| assigned.pickup);
        self.tally.pickup_eta.push(pickup.duration);
        self.tally.pickup_mm.push(millimetres(pickup.distance));
    }

    fn set_out_to_pickup(&mut self, trip: TripId, driver: &DriverId) {
        let cab = self.fleet.number(driver);
        let to = self.plan.riders[self.rider(trip) as usize].pickup;
        self.set_out(cab, Task::ToPickup(trip), to);
    }

    fn set_out_to_dropoff(&mut self, trip: TripId, driver: &DriverId) {
        let cab = self.fleet.number(driver);
        let to = self.plan.riders[self.rider(trip) as usize].dropoff;
        self.set_out(cab, Task::Riding(trip), to);
    }

    fn set_out(&mut self, number: u32, task: Task, to: LatLng) {
        let now = self.now;
        let cab = self.fleet.cab(number);
        let eta = self.travel.time(cab.position(now), to);
        cab.set_out(now, to, &eta);
        cab.task = task;
        cab.errand += 1;
        let errand = cab.errand;
        self.agenda.add(now.plus(eta.duration), Due::Arrival { cab: number, errand });
    }

    /// A cab is where it was going to: it says where it is, and then what it has done.
    pub(super) fn arrival(&mut self, number: u32, errand: u32) {
        let now = self.now;
        let cab = self.fleet.cab(number);
        if cab.errand != errand {
            return;
        }
        let (driver, task) = (cab.id, cab.task);
        let driven = cab.stop(now);
        self.fleet.report(now, number);
        match task {
            Task::ToPickup(trip) => {
                self.tally.empty_mm += driven;
                self.tell(Command::Arrive { trip, driver });
            }
            Task::Riding(trip) => {
                self.tally.carried_mm += driven;
                let driven = Meters::new(driven as f64 / 1_000.0).ok();
                self.tell(Command::CompleteTrip { trip, driver, driven });
            }
            Task::None | Task::AtPickup(_) => {}
        }
    }

    fn at_pickup(&mut self, trip: TripId, driver: &DriverId) {
        let (rider, number) = (self.rider(trip), self.fleet.number(driver));
        let requested_at = self.plan.riders[rider as usize].at;
        let waited = self.now.since(requested_at);
        self.tally.pickups.push(Pickup { requested_at, waited });
        let boarding = self.draws.boarding(rider, &self.plan.habits);
        let cab = self.fleet.cab(number);
        cab.task = Task::AtPickup(trip);
        cab.errand += 1;
        let errand = cab.errand;
        self.agenda.add(self.now.plus(boarding), Due::Boarding { cab: number, errand });
    }

    /// The rider is on board.
    pub(super) fn boarding(&mut self, number: u32, errand: u32) {
        let cab = self.fleet.cab(number);
        if let (Task::AtPickup(trip), true) = (cab.task, cab.errand == errand) {
            let driver = cab.id;
            self.tell(Command::StartTrip { trip, driver });
        }
    }

    /// Whoever had the trip, or was under way to it, has nothing to do with it any more, and stands.
    fn release(&mut self, trip: TripId) {
        let (rider, now) = (self.rider(trip), self.now);
        let wish = self.wishes[rider as usize].as_mut();
        let Some(number) = wish.and_then(|wish| wish.cab.take()) else { return };
        let cab = self.fleet.cab(number);
        // Queued behind another trip: that one goes on.
        if cab.task.trip() != Some(trip) {
            return;
        }
        let carried = matches!(cab.task, Task::Riding(_));
        cab.task = Task::None;
        cab.errand += 1;
        let driven = cab.stop(now);
        if carried {
            self.tally.carried_mm += driven;
        } else {
            self.tally.empty_mm += driven;
        }
    }
}
