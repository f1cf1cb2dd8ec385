//! What each event does to its trip.
//!
//! Pure: from a trip and an event to the trip after it, or to the reason why the event cannot be
//! one of this trip. Which event may happen in which state is said by the table in `states`; here
//! is what else has to fit, and what is noted.

use super::event::{Event, Fact, Seq};
use super::states::{EventKind, TripState, next_state};
use super::trip::{Afterwards, Asked, Assignment, End, Ending, Offer, Outcome, Party, Trip};
use crate::ids::{DriverId, MarketId, TripId};
use crate::units::Timestamp;

/// Why an event does not follow from the state: the history is damaged, or of another market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvolveError {
    /// It belongs elsewhere.
    #[error("trip {trip} is not of market {market}")]
    OtherMarket {
        /// Whose event.
        trip: TripId,
        /// Which market this is.
        market: MarketId,
    },
    /// Events are missing, or it is one from before.
    #[error("event {seq} does not follow event {after}")]
    Gap {
        /// The last event.
        after: Seq,
        /// This one.
        seq: Seq,
    },
    /// It is older than the one before it.
    #[error("event {seq} is of {at}, before the one it follows, of {after}")]
    BackInTime {
        /// Which event.
        seq: Seq,
        /// When it says it happened.
        at: Timestamp,
        /// When the one before it did.
        after: Timestamp,
    },
    /// Trips are numbered without gaps.
    #[error("trip {trip} was requested after trip number {after}")]
    TripOutOfTurn {
        /// Which.
        trip: TripId,
        /// The last one.
        after: u64,
    },
    /// No such trip.
    #[error("trip {trip} is not known")]
    UnknownTrip {
        /// Which.
        trip: TripId,
    },
    /// Events of the trip are missing.
    #[error("trip {trip} has had {had} events; number {ordinal} does not follow")]
    Ordinal {
        /// Which.
        trip: TripId,
        /// How many it has had.
        had: u32,
        /// The number of this one.
        ordinal: u32,
    },
    /// The table of transitions does not have it.
    #[error("trip {trip} is {state}; {kind} cannot happen to it")]
    Illegal {
        /// Which.
        trip: TripId,
        /// How it stands.
        state: TripState,
        /// What should have happened.
        kind: EventKind,
    },
    /// It names another driver, or another offer, than the trip has.
    #[error("trip {trip}: {kind} names {driver}, who is not the one")]
    WrongDriver {
        /// Which.
        trip: TripId,
        /// What should have happened.
        kind: EventKind,
        /// Who is named.
        driver: DriverId,
    },
    /// It carries something that it cannot.
    #[error("trip {trip}: {kind} cannot be so: {what}")]
    Malformed {
        /// Which.
        trip: TripId,
        /// What should have happened.
        kind: EventKind,
        /// What is wrong.
        what: &'static str,
    },
    /// The driver is bound by another trip.
    #[error("driver {driver} is not free for trip {trip}")]
    DriverTaken {
        /// Who.
        driver: DriverId,
        /// For which trip.
        trip: TripId,
    },
}

impl Trip {
    /// The trip that a request makes.
    pub(super) fn requested(event: &Event) -> Result<Self, EvolveError> {
        let (trip, kind) = (event.trip, event.fact.kind());
        let Fact::TripRequested { request, agreed, patience_until } = &event.fact else {
            return Err(EvolveError::UnknownTrip { trip });
        };
        if event.ordinal != 1 {
            return Err(EvolveError::Ordinal { trip, had: 0, ordinal: event.ordinal });
        }
        if agreed.is_some() != request.quote.is_some() {
            let what = "a quote goes with a fare";
            return Err(EvolveError::Malformed { trip, kind, what });
        }
        Ok(Self {
            id: trip,
            ordinal: 1,
            state: TripState::Requested,
            since: event.at,
            request: **request,
            requested_at: event.at,
            patience_until: *patience_until,
            agreed: *agreed,
            attempts: 0,
            asked: Vec::new(),
            offer: None,
            assignment: None,
            end: None,
            rated_by_rider: None,
            rated_by_driver: None,
        })
    }

    /// The trip after an event.
    pub(super) fn evolved(&self, event: &Event) -> Result<Self, EvolveError> {
        let (trip, kind) = (self.id, event.fact.kind());
        if event.ordinal != self.ordinal.wrapping_add(1) {
            return Err(EvolveError::Ordinal { trip, had: self.ordinal, ordinal: event.ordinal });
        }
        let Some(state) = next_state(self.state, kind) else {
            return Err(EvolveError::Illegal { trip, state: self.state, kind });
        };
        let mut next = self.clone();
        next.ordinal = event.ordinal;
        if state != self.state {
            next.state = state;
            next.since = event.at;
        }
        next.note(event)?;
        Ok(next)
    }

    fn note(&mut self, event: &Event) -> Result<(), EvolveError> {
        let at = event.at;
        match &event.fact {
            Fact::SearchContinued => Ok(()),
            Fact::OfferMade { .. }
            | Fact::OfferDeclined { .. }
            | Fact::OfferExpired { .. }
            | Fact::OfferAccepted { .. } => self.note_offer(event),
            Fact::TripCompleted { driver, fare } => {
                self.assigned_to(driver, event)?;
                self.finish(at, Ending::Completed { fare: *fare });
                Ok(())
            }
            Fact::TripCancelled { ending } => {
                if !matches!(ending, Ending::CancelledByRider { .. } | Ending::NoShow { .. }) {
                    return Err(malformed(event, "a cancelled trip ends by cancelling"));
                }
                self.finish(at, *ending);
                Ok(())
            }
            Fact::TripUnfulfilled => {
                self.finish(at, Ending::Unfulfilled);
                Ok(())
            }
            Fact::TripAbandoned => {
                self.finish(at, Ending::Abandoned);
                Ok(())
            }
            Fact::TripRated { by, stars } => {
                let rating = match by {
                    Party::Rider => &mut self.rated_by_rider,
                    Party::Driver => &mut self.rated_by_driver,
                    Party::Service => return Err(malformed(event, "the service does not rate")),
                };
                if rating.is_some() {
                    return Err(malformed(event, "it was rated before"));
                }
                *rating = Some(*stars);
                Ok(())
            }
            _ => self.note_drive(event),
        }
    }

    fn note_offer(&mut self, event: &Event) -> Result<(), EvolveError> {
        let at = event.at;
        match event.fact {
            Fact::OfferMade { attempt, driver, deadline, pickup, after } => {
                if attempt != self.attempts + 1 {
                    return Err(malformed(event, "attempts count up"));
                }
                if self.has_asked(&driver) {
                    return Err(malformed(event, "the driver was asked before"));
                }
                self.attempts = attempt;
                let made_at = at;
                self.offer = Some(Offer { attempt, driver, made_at, deadline, pickup, after });
            }
            Fact::OfferDeclined { attempt, driver, how } => {
                self.close_offer(attempt, &driver, Outcome::Declined(how), event)?;
            }
            Fact::OfferExpired { attempt, driver } => {
                self.close_offer(attempt, &driver, Outcome::Expired, event)?;
            }
            Fact::OfferAccepted { attempt, driver, overdue_at } => {
                let offer = self.pending(attempt, &driver, event)?;
                self.offer = None;
                self.assignment = Some(Assignment {
                    attempt,
                    driver,
                    accepted_at: at,
                    pickup: offer.pickup,
                    after: offer.after,
                    arrived_at: None,
                    no_show_from: None,
                    started_at: None,
                    expected_end: None,
                    overdue_at,
                    afterwards: Afterwards::Stays,
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn note_drive(&mut self, event: &Event) -> Result<(), EvolveError> {
        let at = event.at;
        match &event.fact {
            Fact::PickupStarted { driver, overdue_at } => {
                self.assigned_to(driver, event)?.overdue_at = *overdue_at;
            }
            Fact::DriverArrived { driver, no_show_from, overdue_at } => {
                let assignment = self.assigned_to(driver, event)?;
                assignment.arrived_at = Some(at);
                assignment.no_show_from = Some(*no_show_from);
                assignment.overdue_at = *overdue_at;
            }
            Fact::TripStarted { driver, expected_end, overdue_at } => {
                let assignment = self.assigned_to(driver, event)?;
                assignment.started_at = Some(at);
                assignment.expected_end = *expected_end;
                assignment.overdue_at = *overdue_at;
            }
            Fact::DriverCancelled { driver, reason, patience_until } => {
                self.leave(driver, Outcome::GivenBack(*reason), *patience_until, event)?;
            }
            Fact::AssignmentRevoked { driver, patience_until } => {
                self.leave(driver, Outcome::Revoked, *patience_until, event)?;
            }
            Fact::DriverSignedOff { driver } => {
                self.assigned_to(driver, event)?.afterwards = Afterwards::GoesOffline;
            }
            Fact::DriverSignedOn { driver } => {
                self.assigned_to(driver, event)?.afterwards = Afterwards::Stays;
            }
            _ => {}
        }
        Ok(())
    }

    /// The pending offer, if it is this one.
    fn pending(
        &self,
        attempt: u32,
        driver: &DriverId,
        event: &Event,
    ) -> Result<Offer, EvolveError> {
        let offer = self.offer.filter(|offer| offer.attempt == attempt && offer.driver == *driver);
        offer.ok_or_else(|| wrong_driver(event, *driver))
    }

    fn close_offer(
        &mut self,
        attempt: u32,
        driver: &DriverId,
        outcome: Outcome,
        event: &Event,
    ) -> Result<(), EvolveError> {
        self.pending(attempt, driver, event)?;
        self.offer = None;
        self.asked.push(Asked { attempt, driver: *driver, at: event.at, outcome });
        Ok(())
    }

    /// The assignment, if it is to this driver.
    fn assigned_to(
        &mut self,
        driver: &DriverId,
        event: &Event,
    ) -> Result<&mut Assignment, EvolveError> {
        let assigned = self.assignment.as_mut();
        assigned
            .filter(|assignment| assignment.driver == *driver)
            .ok_or_else(|| wrong_driver(event, *driver))
    }

    /// The driver leaves the trip, which goes on waiting.
    fn leave(
        &mut self,
        driver: &DriverId,
        outcome: Outcome,
        patience_until: Timestamp,
        event: &Event,
    ) -> Result<(), EvolveError> {
        let attempt = self.assigned_to(driver, event)?.attempt;
        self.assignment = None;
        self.asked.push(Asked { attempt, driver: *driver, at: event.at, outcome });
        self.patience_until = patience_until;
        Ok(())
    }

    /// The trip is over; a pending offer with it.
    fn finish(&mut self, at: Timestamp, ending: Ending) {
        if let Some(Offer { attempt, driver, .. }) = self.offer.take() {
            self.asked.push(Asked { attempt, driver, at, outcome: Outcome::Withdrawn });
        }
        self.end = Some(End { at, ending });
    }
}

fn malformed(event: &Event, what: &'static str) -> EvolveError {
    EvolveError::Malformed { trip: event.trip, kind: event.fact.kind(), what }
}

fn wrong_driver(event: &Event, driver: DriverId) -> EvolveError {
    EvolveError::WrongDriver { trip: event.trip, kind: event.fact.kind(), driver }
}
