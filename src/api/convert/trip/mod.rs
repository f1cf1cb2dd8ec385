//! Trips, offers and what happens to them.

mod event;
mod request;

pub use event::event_message;
pub use request::{driver_command, journey, offer_id, rater, rider_reason, trip_id, trip_request};

use crate::api::convert::position_message;
use crate::api::proto;
use crate::dispatch::{
    Assignment, DriverReason, End, Ending, Journey, Offer, Pickup, Quote, Stars, Trip, TripRequest,
    TripState,
};
use crate::ids::{DriverId, OfferId, TripId};
use crate::units::{Millis, Money, Timestamp};

/// An amount.
pub fn money_message(money: Money) -> proto::Money {
    proto::Money { minor: money.minor, currency: money.currency.to_string() }
}

/// A journey.
pub fn journey_message(journey: &Journey) -> proto::Journey {
    let needs = journey.needs;
    proto::Journey {
        pickup: Some(position_message(journey.pickup)),
        dropoff: journey.dropoff.map(position_message),
        passengers: u32::from(journey.passengers.get()),
        needs: Some(proto::Needs {
            vehicle_types: u32::from(needs.vehicle_types.bits()),
            attributes: needs.attributes.bits(),
            min_rating: needs.min_rating.stars(),
        }),
    }
}

/// A state.
pub fn state_message(state: TripState) -> proto::TripState {
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

/// What is needed to tell of an offer.
#[derive(Clone, Copy, Debug)]
pub struct OfferParts<'a> {
    /// Its name.
    pub id: OfferId,
    /// Who is asked.
    pub driver: DriverId,
    /// Until when.
    pub deadline: Timestamp,
    /// The way to the pickup.
    pub pickup: Pickup,
    /// The trip that is finished first.
    pub after: Option<TripId>,
    /// For what; not told where it is known.
    pub journey: Option<&'a Journey>,
}

/// An offer.
pub fn offer_message(offer: OfferParts<'_>) -> proto::Offer {
    let Millis(pickup_ms) = offer.pickup.duration;
    proto::Offer {
        offer_id: offer.id.to_string(),
        trip_id: offer.id.trip().to_string(),
        driver_id: offer.driver.to_string(),
        deadline_ms: offer.deadline.as_millis(),
        journey: offer.journey.map(journey_message),
        pickup_ms,
        pickup_m: offer.pickup.distance.get(),
        after_trip_id: offer.after.map(|trip| trip.to_string()).unwrap_or_default(),
    }
}

fn pending(trip: &Trip, offer: &Offer) -> proto::Offer {
    let &Offer { attempt, driver, deadline, pickup, after, .. } = offer;
    let (id, journey) = (trip.id.offer(attempt), Some(&trip.request.journey));
    offer_message(OfferParts { id, driver, deadline, pickup, after, journey })
}

fn assignment_message(assignment: &Assignment) -> proto::Assignment {
    let moment = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_millis);
    proto::Assignment {
        driver_id: assignment.driver.to_string(),
        accepted_at_ms: assignment.accepted_at.as_millis(),
        pickup_ms: assignment.pickup.duration.get(),
        arrived_at_ms: moment(assignment.arrived_at),
        no_show_from_ms: moment(assignment.no_show_from),
        started_at_ms: moment(assignment.started_at),
        expected_end_ms: moment(assignment.expected_end),
    }
}

/// The end of a trip.
pub fn end_message(end: End) -> proto::TripEnd {
    let ending = match end.ending {
        Ending::Completed { .. } => proto::TripEnding::Completed,
        Ending::CancelledByRider { .. } => proto::TripEnding::CancelledByRider,
        Ending::NoShow { .. } => proto::TripEnding::NoShow,
        Ending::Abandoned => proto::TripEnding::Abandoned,
        Ending::Unfulfilled => proto::TripEnding::Unfulfilled,
    };
    proto::TripEnd {
        ending: ending.into(),
        at_ms: end.at.as_millis(),
        due: end.ending.due().map(money_message),
    }
}

fn reason_message(reason: DriverReason) -> proto::DriverReason {
    match reason {
        DriverReason::Other => proto::DriverReason::Unspecified,
        DriverReason::NoShow => proto::DriverReason::NoShow,
        DriverReason::CannotReach => proto::DriverReason::CannotReach,
        DriverReason::Vehicle => proto::DriverReason::Vehicle,
        DriverReason::Safety => proto::DriverReason::Safety,
        DriverReason::WentOffline => proto::DriverReason::WentOffline,
    }
}

/// A trip.
pub fn trip_message(trip: &Trip) -> proto::Trip {
    let TripRequest { key, rider, journey, .. } = &trip.request;
    let stars = |stars: Option<Stars>| stars.map_or(0, |stars| u32::from(stars.get()));
    proto::Trip {
        trip_id: trip.id.to_string(),
        ordinal: trip.ordinal,
        state: state_message(trip.state).into(),
        since_ms: trip.since.as_millis(),
        rider_id: rider.to_string(),
        request_key: key.to_string(),
        journey: Some(journey_message(journey)),
        requested_at_ms: trip.requested_at.as_millis(),
        agreed_fare: trip.agreed.map(money_message),
        offers: trip.attempts,
        offer: trip.offer.as_ref().map(|offer| pending(trip, offer)),
        assignment: trip.assignment.as_ref().map(assignment_message),
        end: trip.end.map(end_message),
        rated_by_rider: stars(trip.rated_by_rider),
        rated_by_driver: stars(trip.rated_by_driver),
    }
}

/// A quote.
pub fn quote_message(quote: &Quote) -> proto::QuoteResponse {
    proto::QuoteResponse {
        quote_id: quote.id.to_string(),
        fare: Some(money_message(quote.fare)),
        pickup_ms: quote.pickup.map(Millis::get),
        ride_ms: quote.ride.duration.get(),
        ride_m: quote.ride.distance.get(),
        valid_until_ms: quote.valid_until.as_millis(),
    }
}
