//! What drivers do with a trip that they have.

use super::lookup::wrong_state;
use crate::dispatch::event::{Event, Fact};
use crate::dispatch::market::Market;
use crate::dispatch::refusal::Refusal;
use crate::dispatch::reply::{Reply, Standing};
use crate::dispatch::states::{EventKind, TripState, next_state};
use crate::dispatch::trip::{DriverReason, Ending, Outcome, Trip};
use crate::ids::{DriverId, TripId};
use crate::units::{Meters, Money, Timestamp};

impl Market {
    pub(super) fn arrive(
        &mut self,
        now: Timestamp,
        trip: TripId,
        driver: DriverId,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let (found, assignment) = self.driven(trip, &driver, "arrived at")?;
        if found.end.is_none() && assignment.arrived_at.is_some() {
            return Ok(Reply::Noted(Standing::AlreadyDone));
        }
        may(found, EventKind::DriverArrived, "arrived at")?;
        let no_show_from = now.plus(self.config.no_show_after);
        let overdue_at = now.plus(self.config.wait_overdue).max(no_show_from);
        let fact = Fact::DriverArrived { driver, no_show_from, overdue_at };
        self.emit(now, trip, fact, events);
        Ok(Reply::Noted(Standing::Done))
    }

    pub(super) fn start_trip(
        &mut self,
        now: Timestamp,
        trip: TripId,
        driver: DriverId,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let (found, _) = self.driven(trip, &driver, "started")?;
        if found.state == TripState::InProgress {
            return Ok(Reply::Noted(Standing::AlreadyDone));
        }
        may(found, EventKind::TripStarted, "started")?;
        let journey = &found.request.journey;
        let ride = journey.dropoff.map(|dropoff| self.travel.time(journey.pickup, dropoff));
        let expected_end = ride.map(|ride| now.plus(ride.duration));
        let overdue_at = now.plus(self.config.ride_overdue);
        self.emit(now, trip, Fact::TripStarted { driver, expected_end, overdue_at }, events);
        Ok(Reply::Noted(Standing::Done))
    }

    pub(super) fn complete_trip(
        &mut self,
        now: Timestamp,
        trip: TripId,
        driver: DriverId,
        driven: Option<Meters>,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let (found, _) = self.driven(trip, &driver, "completed")?;
        if let Some(Ending::Completed { fare }) = found.end.map(|end| end.ending) {
            return Ok(Reply::Completed { fare, standing: Standing::AlreadyDone });
        }
        may(found, EventKind::TripCompleted, "completed")?;
        let fare = found.agreed.unwrap_or_else(|| self.metered(now, found, driven));
        self.emit(now, trip, Fact::TripCompleted { driver, fare }, events);
        Ok(Reply::Completed { fare, standing: Standing::Done })
    }

    /// The fare of a ride that none was agreed for: by the time it took, and by the distance as it
    /// was measured, else as it is estimated, else by the time alone.
    fn metered(&self, now: Timestamp, trip: &Trip, driven: Option<Meters>) -> Money {
        let journey = &trip.request.journey;
        let estimated = || {
            let dropoff = journey.dropoff?;
            Some(self.travel.time(journey.pickup, dropoff).distance)
        };
        let distance = driven.or_else(estimated).unwrap_or(Meters::ZERO);
        let started = trip.assignment.and_then(|assignment| assignment.started_at);
        self.config.tariff.fare(distance, now.since(started.unwrap_or(now)))
    }

    pub(super) fn cancel_as_driver(
        &mut self,
        now: Timestamp,
        trip: TripId,
        driver: DriverId,
        reason: DriverReason,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        if self.known(trip)?.is_given_back_by(&driver) {
            return Ok(Reply::Noted(Standing::AlreadyDone));
        }
        let (found, assignment) = self.driven(trip, &driver, "given back")?;
        if reason == DriverReason::NoShow {
            if let Some(Ending::NoShow { fee }) = found.end.map(|end| end.ending) {
                return Ok(Reply::Cancelled { fee, standing: Standing::AlreadyDone });
            }
            let from = assignment.no_show_from.filter(|_| found.state == TripState::Arrived);
            let Some(from) = from else { return Err(wrong_state(found, "left as a no-show")) };
            if now < from {
                return Err(Refusal::StillWaiting { trip, from });
            }
            let fee = self.config.tariff.no_show_fee();
            let ending = Ending::NoShow { fee };
            self.emit(now, trip, Fact::TripCancelled { ending }, events);
            return Ok(Reply::Cancelled { fee, standing: Standing::Done });
        }
        may(found, EventKind::DriverCancelled, "given back")?;
        let patience_until = found.patience_until.max(now.plus(self.config.patience));
        let fact = Fact::DriverCancelled { driver, reason, patience_until };
        self.give_back(now, trip, fact, events);
        Ok(Reply::Noted(Standing::Done))
    }
}

/// Whether something may happen to a trip.
fn may(trip: &Trip, kind: EventKind, action: &'static str) -> Result<(), Refusal> {
    match next_state(trip.state, kind) {
        Some(_) => Ok(()),
        None => Err(wrong_state(trip, action)),
    }
}

impl Trip {
    /// Whether a driver gave it back and does not have it.
    fn is_given_back_by(&self, driver: &DriverId) -> bool {
        let has = self.assignment.is_some_and(|assignment| assignment.driver == *driver);
        let gave = |outcome| matches!(outcome, Outcome::GivenBack(_));
        !has && self.asked.iter().any(|asked| asked.driver == *driver && gave(asked.outcome))
    }
}
