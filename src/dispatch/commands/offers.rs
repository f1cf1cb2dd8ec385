//! What drivers answer to offers.

use super::lookup::wrong_state;
use crate::dispatch::event::{Event, Fact};
use crate::dispatch::market::Market;
use crate::dispatch::refusal::Refusal;
use crate::dispatch::reply::{Reply, Standing};
use crate::dispatch::states::TripState;
use crate::dispatch::trip::{Declined, Outcome, Trip};
use crate::ids::{DriverId, OfferId, TripId};
use crate::limits;
use crate::units::Timestamp;

/// How an offer stands for a driver.
enum OfferState {
    /// It can be answered.
    Pending,
    /// This driver has accepted it and still has the trip.
    Accepted,
    /// This driver has declined it.
    Declined,
    /// It is over; why, as somebody who accepts is told.
    Over(Refusal),
}

impl Market {
    pub(super) fn accept_offer(
        &mut self,
        now: Timestamp,
        offer: OfferId,
        driver: DriverId,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let trip = self.known(offer.trip())?;
        match stand(now, trip, offer, &driver)? {
            OfferState::Accepted => return Ok(Reply::Noted(Standing::AlreadyDone)),
            OfferState::Declined => {
                let at = trip.asked.iter().find(|asked| asked.attempt == offer.attempt());
                let at = at.map_or(trip.since, |asked| asked.at);
                return Err(Refusal::OfferDeclined { offer, at });
            }
            OfferState::Over(refusal) => return Err(refusal),
            OfferState::Pending => {}
        }
        let (attempt, overdue_at) = (offer.attempt(), now.plus(self.config.pickup_overdue));
        let fact = Fact::OfferAccepted { attempt, driver, overdue_at };
        self.emit(now, offer.trip(), fact, events);
        Ok(Reply::Noted(Standing::Done))
    }

    pub(super) fn decline_offer(
        &mut self,
        now: Timestamp,
        offer: OfferId,
        driver: DriverId,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let trip = self.known(offer.trip())?;
        match stand(now, trip, offer, &driver)? {
            OfferState::Accepted => return Err(Refusal::OfferAccepted { offer }),
            OfferState::Declined => return Ok(Reply::Noted(Standing::AlreadyDone)),
            OfferState::Over(refusal) => return Err(refusal),
            OfferState::Pending => {}
        }
        let how = Declined::ByAnswer;
        let fact = Fact::OfferDeclined { attempt: offer.attempt(), driver, how };
        self.give_back(now, offer.trip(), fact, events);
        Ok(Reply::Noted(Standing::Done))
    }

    /// Makes an event happen that sends a trip back to waiting, and ends the trip if it has waited
    /// for too long, or asked too many.
    pub(super) fn give_back(
        &mut self,
        now: Timestamp,
        trip: TripId,
        fact: Fact,
        events: &mut Vec<Event>,
    ) {
        self.emit(now, trip, fact, events);
        let asked_all = |trip: &Trip| trip.asked.len() >= limits::MAX_OFFERS_PER_TRIP;
        let found = self.book.open.get(&trip.number());
        let hopeless = found.is_some_and(|trip| {
            trip.state == TripState::Searching && (now >= trip.patience_until || asked_all(trip))
        });
        if hopeless {
            self.emit(now, trip, Fact::TripUnfulfilled, events);
        }
    }
}

/// How an offer stands for a driver who answers it now.
fn stand(
    now: Timestamp,
    trip: &Trip,
    offer: OfferId,
    driver: &DriverId,
) -> Result<OfferState, Refusal> {
    let attempt = offer.attempt();
    let own = |other: &DriverId| {
        if other == driver { Ok(()) } else { Err(Refusal::NotYourOffer { offer }) }
    };
    if let Some(pending) = trip.offer.filter(|pending| pending.attempt == attempt) {
        own(&pending.driver)?;
        if now < pending.deadline {
            return Ok(OfferState::Pending);
        }
        return Ok(OfferState::Over(Refusal::OfferExpired { offer, at: pending.deadline }));
    }
    if let Some(assigned) = trip.assignment.filter(|assigned| assigned.attempt == attempt) {
        own(&assigned.driver)?;
        return Ok(match trip.end {
            None => OfferState::Accepted,
            Some(_) => OfferState::Over(over(trip)),
        });
    }
    let Some(asked) = trip.asked.iter().find(|asked| asked.attempt == attempt) else {
        return Err(Refusal::UnknownOffer { offer });
    };
    own(&asked.driver)?;
    Ok(match asked.outcome {
        Outcome::Declined(_) => OfferState::Declined,
        Outcome::Withdrawn => OfferState::Over(over(trip)),
        Outcome::GivenBack(_) | Outcome::Revoked => {
            OfferState::Over(Refusal::OfferClosed { offer, at: asked.at })
        }
        // Whoever comes late learns the most that can be said.
        Outcome::Expired => OfferState::Over(if trip.end.is_some() {
            over(trip)
        } else if trip.assignment.is_some() {
            Refusal::AlreadyTaken { offer, expired_at: asked.at }
        } else {
            Refusal::OfferExpired { offer, at: asked.at }
        }),
    })
}

fn over(trip: &Trip) -> Refusal {
    wrong_state(trip, "accepted or declined")
}
