//! Trips as messages and back.

use super::parts::{at, driver_reason, end, known, money, parsed, pickup, request, stars, wrong};
use super::{RecordError, proto};
use crate::dispatch::{
    Afterwards, Asked, Assignment, Declined, DriverReason, Offer, Outcome, Stars, Trip, TripState,
};
use crate::ids::{MarketId, TripId};
use crate::units::Timestamp;

impl From<&Trip> for proto::Trip {
    fn from(trip: &Trip) -> Self {
        let given = |stars: Option<Stars>| stars.map_or(0, |stars| u32::from(stars.get()));
        Self {
            market: trip.id.market().to_string(),
            number: trip.id.number(),
            ordinal: trip.ordinal,
            state: state_to_proto(trip.state).into(),
            since_ms: trip.since.as_millis(),
            request: Some((&trip.request).into()),
            requested_at_ms: trip.requested_at.as_millis(),
            patience_until_ms: trip.patience_until.as_millis(),
            agreed: trip.agreed.map(Into::into),
            attempts: trip.attempts,
            asked: trip.asked.iter().map(Into::into).collect(),
            offer: trip.offer.as_ref().map(Into::into),
            assignment: trip.assignment.as_ref().map(Into::into),
            end: trip.end.map(Into::into),
            rated_by_rider: given(trip.rated_by_rider),
            rated_by_driver: given(trip.rated_by_driver),
        }
    }
}

impl TryFrom<proto::Trip> for Trip {
    type Error = RecordError;

    fn try_from(trip: proto::Trip) -> Result<Self, RecordError> {
        let market: MarketId = parsed("market", &trip.market)?;
        Ok(Self {
            id: market.trip(trip.number),
            ordinal: trip.ordinal,
            state: state_from_proto(trip.state)?,
            since: at(trip.since_ms),
            request: request(market, trip.request)?,
            requested_at: at(trip.requested_at_ms),
            patience_until: at(trip.patience_until_ms),
            agreed: trip.agreed.map(|agreed| money("agreed", &agreed)).transpose()?,
            attempts: trip.attempts,
            asked: trip.asked.iter().map(asked).collect::<Result<_, _>>()?,
            offer: trip.offer.map(|message| offer(market, &message)).transpose()?,
            assignment: trip.assignment.map(|message| assignment(market, &message)).transpose()?,
            end: trip.end.map(|message| end(&message)).transpose()?,
            rated_by_rider: stars("rider's stars", trip.rated_by_rider)?,
            rated_by_driver: stars("driver's stars", trip.rated_by_driver)?,
        })
    }
}

fn state_to_proto(state: TripState) -> proto::TripState {
    match state {
        TripState::Requested => proto::TripState::Requested,
        TripState::Searching => proto::TripState::Searching,
        TripState::Offered => proto::TripState::Offered,
        TripState::Assigned => proto::TripState::Assigned,
        TripState::EnRoute => proto::TripState::EnRoute,
        TripState::Arrived => proto::TripState::Arrived,
        TripState::InProgress => proto::TripState::InProgress,
        TripState::Completed => proto::TripState::Completed,
        TripState::Cancelled => proto::TripState::Cancelled,
        TripState::Unfulfilled => proto::TripState::Unfulfilled,
    }
}

fn state_from_proto(number: i32) -> Result<TripState, RecordError> {
    Ok(match known("state", number)? {
        proto::TripState::Requested => TripState::Requested,
        proto::TripState::Searching => TripState::Searching,
        proto::TripState::Offered => TripState::Offered,
        proto::TripState::Assigned => TripState::Assigned,
        proto::TripState::EnRoute => TripState::EnRoute,
        proto::TripState::Arrived => TripState::Arrived,
        proto::TripState::InProgress => TripState::InProgress,
        proto::TripState::Completed => TripState::Completed,
        proto::TripState::Cancelled => TripState::Cancelled,
        proto::TripState::Unfulfilled => TripState::Unfulfilled,
        proto::TripState::Unspecified => return Err(wrong("state", "missing")),
    })
}

impl From<&Asked> for proto::Asked {
    fn from(asked: &Asked) -> Self {
        let (outcome, reason) = match asked.outcome {
            Outcome::Declined(Declined::ByAnswer) => (proto::Outcome::Declined, None),
            Outcome::Declined(Declined::ByGoingOffline) => (proto::Outcome::WentOffline, None),
            Outcome::Expired => (proto::Outcome::Expired, None),
            Outcome::Withdrawn => (proto::Outcome::Withdrawn, None),
            Outcome::GivenBack(reason) => (proto::Outcome::GivenBack, Some(reason)),
            Outcome::Revoked => (proto::Outcome::Revoked, None),
        };
        let reason = proto::DriverReason::from(reason.unwrap_or(DriverReason::Other));
        Self {
            attempt: asked.attempt,
            driver: asked.driver.to_string(),
            at_ms: asked.at.as_millis(),
            outcome: outcome.into(),
            reason: reason.into(),
        }
    }
}

fn asked(asked: &proto::Asked) -> Result<Asked, RecordError> {
    let outcome = match known("outcome", asked.outcome)? {
        proto::Outcome::Declined => Outcome::Declined(Declined::ByAnswer),
        proto::Outcome::WentOffline => Outcome::Declined(Declined::ByGoingOffline),
        proto::Outcome::Expired => Outcome::Expired,
        proto::Outcome::Withdrawn => Outcome::Withdrawn,
        proto::Outcome::GivenBack => Outcome::GivenBack(driver_reason(asked.reason)),
        proto::Outcome::Revoked => Outcome::Revoked,
        proto::Outcome::Unspecified => return Err(wrong("outcome", "missing")),
    };
    let driver = parsed("driver", &asked.driver)?;
    Ok(Asked { attempt: asked.attempt, driver, at: at(asked.at_ms), outcome })
}

impl From<&Offer> for proto::Offer {
    fn from(offer: &Offer) -> Self {
        Self {
            attempt: offer.attempt,
            driver: offer.driver.to_string(),
            made_at_ms: offer.made_at.as_millis(),
            deadline_ms: offer.deadline.as_millis(),
            pickup: Some(offer.pickup.into()),
            after: offer.after.map(TripId::number),
        }
    }
}

fn offer(market: MarketId, offer: &proto::Offer) -> Result<Offer, RecordError> {
    Ok(Offer {
        attempt: offer.attempt,
        driver: parsed("driver", &offer.driver)?,
        made_at: at(offer.made_at_ms),
        deadline: at(offer.deadline_ms),
        pickup: pickup(offer.pickup)?,
        after: offer.after.map(|number| market.trip(number)),
    })
}

impl From<&Assignment> for proto::Assignment {
    fn from(assignment: &Assignment) -> Self {
        let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
        Self {
            attempt: assignment.attempt,
            driver: assignment.driver.to_string(),
            accepted_at_ms: assignment.accepted_at.as_millis(),
            pickup: Some(assignment.pickup.into()),
            after: assignment.after.map(TripId::number),
            arrived_at_ms: millis(assignment.arrived_at),
            no_show_from_ms: millis(assignment.no_show_from),
            started_at_ms: millis(assignment.started_at),
            expected_end_ms: millis(assignment.expected_end),
            overdue_at_ms: assignment.overdue_at.as_millis(),
            goes_offline: assignment.afterwards == Afterwards::GoesOffline,
        }
    }
}

fn assignment(market: MarketId, assignment: &proto::Assignment) -> Result<Assignment, RecordError> {
    let afterwards =
        if assignment.goes_offline { Afterwards::GoesOffline } else { Afterwards::Stays };
    Ok(Assignment {
        attempt: assignment.attempt,
        driver: parsed("driver", &assignment.driver)?,
        accepted_at: at(assignment.accepted_at_ms),
        pickup: pickup(assignment.pickup)?,
        after: assignment.after.map(|number| market.trip(number)),
        arrived_at: assignment.arrived_at_ms.map(at),
        no_show_from: assignment.no_show_from_ms.map(at),
        started_at: assignment.started_at_ms.map(at),
        expected_end: assignment.expected_end_ms.map(at),
        overdue_at: at(assignment.overdue_at_ms),
        afterwards,
    })
}
