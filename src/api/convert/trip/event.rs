//! Events.

use super::{
    OfferParts, end_message, journey_message, money_message, offer_message, reason_message,
};
use crate::api::proto;
use crate::api::proto::trip_event::{
    Arrived, DriverCancelled, DriverNamed, Rated, Requested, SearchContinued, Started, What,
};
use crate::dispatch::{Declined, End, Ending, Event, Fact, Journey, Party};
use crate::ids::DriverId;
use crate::units::Timestamp;

/// An event; an offer in it tells the journey if there is one to tell.
pub fn event_message(event: &Event, journey: Option<&Journey>) -> proto::TripEvent {
    proto::TripEvent {
        trip_id: event.trip.to_string(),
        ordinal: event.ordinal,
        at_ms: event.at.as_millis(),
        what: Some(what(event, journey)),
    }
}

fn named(driver: DriverId) -> DriverNamed {
    DriverNamed { driver_id: driver.to_string() }
}

fn what(event: &Event, journey: Option<&Journey>) -> What {
    match event.fact {
        Fact::OfferMade { attempt, driver, deadline, pickup, after } => {
            let id = event.trip.offer(attempt);
            let parts = OfferParts { id, driver, deadline, pickup, after, journey };
            What::OfferMade(offer_message(parts))
        }
        Fact::OfferDeclined { attempt, driver, how } => {
            What::OfferDeclined(closed(event, attempt, driver, how))
        }
        Fact::OfferExpired { attempt, driver } => {
            What::OfferExpired(closed(event, attempt, driver, Declined::ByAnswer))
        }
        Fact::OfferAccepted { driver, .. } => What::OfferAccepted(named(driver)),
        Fact::PickupStarted { driver, .. } => What::PickupStarted(named(driver)),
        Fact::DriverArrived { driver, no_show_from, .. } => What::DriverArrived(Arrived {
            driver_id: driver.to_string(),
            no_show_from_ms: no_show_from.as_millis(),
        }),
        Fact::TripStarted { driver, expected_end, .. } => What::TripStarted(Started {
            driver_id: driver.to_string(),
            expected_end_ms: expected_end.map_or(0, Timestamp::as_millis),
        }),
        Fact::TripCompleted { fare, .. } => ended(event, Ending::Completed { fare }),
        Fact::TripCancelled { ending } => ended(event, ending),
        Fact::TripUnfulfilled => ended(event, Ending::Unfulfilled),
        Fact::TripAbandoned => ended(event, Ending::Abandoned),
        Fact::AssignmentRevoked { driver, .. } => What::AssignmentRevoked(named(driver)),
        Fact::DriverSignedOff { driver } => What::DriverSignedOff(named(driver)),
        Fact::DriverSignedOn { driver } => What::DriverSignedOn(named(driver)),
        Fact::TripRequested { .. }
        | Fact::SearchContinued
        | Fact::DriverCancelled { .. }
        | Fact::TripRated { .. } => search(&event.fact),
    }
}

fn search(fact: &Fact) -> What {
    match fact {
        Fact::TripRequested { request, agreed, patience_until } => What::Requested(Requested {
            rider_id: request.rider.to_string(),
            request_key: request.key.to_string(),
            journey: Some(journey_message(&request.journey)),
            agreed_fare: agreed.map(money_message),
            patience_until_ms: patience_until.as_millis(),
        }),
        Fact::DriverCancelled { driver, reason, .. } => What::DriverCancelled(DriverCancelled {
            driver_id: driver.to_string(),
            reason: reason_message(*reason).into(),
        }),
        Fact::TripRated { by, stars } => {
            let by = match by {
                Party::Rider => proto::Party::Rider,
                Party::Driver => proto::Party::Driver,
                Party::Service => proto::Party::Unspecified,
            };
            What::Rated(Rated { by: by.into(), stars: u32::from(stars.get()) })
        }
        _ => What::SearchContinued(SearchContinued {}),
    }
}

fn closed(event: &Event, attempt: u32, driver: DriverId, how: Declined) -> proto::OfferClosed {
    proto::OfferClosed {
        offer_id: event.trip.offer(attempt).to_string(),
        driver_id: driver.to_string(),
        went_offline: how == Declined::ByGoingOffline,
    }
}

fn ended(event: &Event, ending: Ending) -> What {
    What::TripEnded(end_message(End { at: event.at, ending }))
}
