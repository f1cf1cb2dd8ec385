//! Finding the trip or the offer that a command is about, or saying why it cannot be about it.

use crate::dispatch::market::Market;
use crate::dispatch::refusal::Refusal;
use crate::dispatch::states::TripState;
use crate::dispatch::trip::{Asked, Assignment, Outcome, Party, Trip};
use crate::ids::{DriverId, RiderId, TripId};

impl Market {
    /// The trip with a name.
    pub(super) fn known(&self, trip: TripId) -> Result<&Trip, Refusal> {
        let market = self.config.market;
        if trip.market() != market {
            return Err(Refusal::OtherMarket { id: trip.to_string(), market });
        }
        self.trip(trip).ok_or(Refusal::UnknownTrip { trip })
    }

    /// The trip with a name, if it is this rider's.
    pub(super) fn ridden(&self, trip: TripId, rider: &RiderId) -> Result<&Trip, Refusal> {
        let found = self.known(trip)?;
        if found.request.rider == *rider {
            Ok(found)
        } else {
            Err(Refusal::NotYourTrip { trip, party: Party::Rider })
        }
    }

    /// The trip with a name and its assignment, if it is this driver's, or was when it ended.
    pub(super) fn driven(
        &self,
        trip: TripId,
        driver: &DriverId,
        action: &'static str,
    ) -> Result<(&Trip, &Assignment), Refusal> {
        let found = self.known(trip)?;
        match &found.assignment {
            Some(assignment) if assignment.driver == *driver => Ok((found, assignment)),
            _ => Err(not_the_driver(found, driver, action)),
        }
    }
}

/// Why a trip is not one that this driver can do something with.
fn not_the_driver(trip: &Trip, driver: &DriverId, action: &'static str) -> Refusal {
    let lost = |asked: &&Asked| {
        let lost = matches!(asked.outcome, Outcome::GivenBack(_) | Outcome::Revoked);
        lost && asked.driver == *driver
    };
    if let Some(asked) = trip.asked.iter().rev().find(lost) {
        return Refusal::OfferClosed { offer: trip.id.offer(asked.attempt), at: asked.at };
    }
    if trip.assignment.is_none() {
        return wrong_state(trip, action);
    }
    Refusal::NotYourTrip { trip: trip.id, party: Party::Driver }
}

/// Why something that a driver does cannot be done with a trip in its state.
pub(super) fn wrong_state(trip: &Trip, action: &'static str) -> Refusal {
    let (id, state) = (trip.id, trip.state);
    if let Some(end) = trip.end {
        return Refusal::TripOver { trip: id, state, end, action };
    }
    let too_soon = |hint| Refusal::TooSoon { trip: id, state, action, hint };
    match state {
        TripState::Assigned => too_soon("its driver finishes another trip first"),
        TripState::EnRoute => too_soon("its driver has to arrive first"),
        TripState::Arrived => too_soon("it has to be started first"),
        TripState::InProgress => {
            let hint = "the rider is on board, and the driver completes it";
            Refusal::TooLate { trip: id, state, action, hint }
        }
        _ => Refusal::NoDriver { trip: id, state },
    }
}
