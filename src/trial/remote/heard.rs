//! What the server tells, in the crowd's terms.

use std::collections::BTreeSet;

use crate::api::proto::trip_event::What;
use crate::api::proto::{DriverAttended, Trip, TripEnd, TripEnding, TripEvent, TripState};
use crate::ids::TripId;
use crate::sim::day::{Ended, Heard, Told};
use crate::units::{Meters, Millis};

/// What a driver hears of a trip; none of what is not the driver's affair.
pub(super) fn driver(event: &TripEvent) -> Option<(TripId, Told)> {
    let trip = event.trip_id.parse().ok()?;
    let told = match event.what.as_ref()? {
        What::OfferMade(offer) => Told::Offered(offer.offer_id.parse().ok()?),
        What::OfferDeclined(_) | What::OfferExpired(_) => Told::OfferClosed,
        What::PickupStarted(_) => Told::PickupStarted,
        What::DriverArrived(_) => Told::Arrived,
        What::TripStarted(_) => Told::Started,
        What::TripEnded(_) | What::DriverCancelled(_) | What::AssignmentRevoked(_) => Told::Ended,
        What::Requested(_)
        | What::SearchContinued(_)
        | What::OfferAccepted(_)
        | What::Rated(_)
        | What::DriverSignedOff(_)
        | What::DriverSignedOn(_) => return None,
    };
    Some((trip, told))
}

/// How things stand with a driver, as if each trip's last event was heard now.
pub(super) fn standing(attended: &DriverAttended) -> Vec<(TripId, Told)> {
    let told = |trip: &Trip| {
        let told = match trip.state() {
            TripState::Offered => Told::Offered(trip.offer.as_ref()?.offer_id.parse().ok()?),
            TripState::EnRoute => Told::PickupStarted,
            TripState::Arrived => Told::Arrived,
            TripState::InProgress => Told::Started,
            _ => return None,
        };
        Some((trip.trip_id.parse().ok()?, told))
    };
    attended.trips.iter().filter_map(told).collect()
}

/// Those trips of which a driver believes that they go on, and that are over.
pub(super) fn over(attended: &DriverAttended, mut believed: BTreeSet<TripId>) -> BTreeSet<TripId> {
    let binds = |trip: &TripId| {
        attended.trips.iter().any(|one| one.trip_id.parse::<TripId>().is_ok_and(|id| id == *trip))
    };
    believed.retain(|trip| !binds(trip));
    believed
}

/// What a rider hears of the trip; none of what makes no difference.
pub(super) fn rider(event: &TripEvent) -> Option<Heard> {
    Some(match event.what.as_ref()? {
        What::OfferMade(offer) => Heard::Offered {
            duration: Millis(offer.pickup_ms),
            distance: Meters::new(offer.pickup_m).unwrap_or(Meters::ZERO),
        },
        What::OfferDeclined(_) => Heard::Declined,
        What::OfferExpired(_) => Heard::Expired,
        What::OfferAccepted(_) => Heard::Accepted,
        What::DriverArrived(_) => Heard::Arrived,
        What::TripEnded(end) => Heard::Ended(ended(end)),
        _ => return None,
    })
}

fn ended(end: &TripEnd) -> Ended {
    match end.ending() {
        TripEnding::Completed => Ended::Completed,
        TripEnding::Unfulfilled => Ended::Unfulfilled,
        TripEnding::Unspecified
        | TripEnding::CancelledByRider
        | TripEnding::NoShow
        | TripEnding::Abandoned => Ended::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_bind_a_driver_any_more_is_over() {
        let [under_way, queued, gone] =
            ["sf-1", "sf-2", "sf-3"].map(|id| id.parse::<TripId>().unwrap());
        let trip = |id: TripId, state: TripState| Trip {
            trip_id: id.to_string(),
            state: state.into(),
            ..Trip::default()
        };
        let attended = DriverAttended {
            trips: vec![trip(under_way, TripState::InProgress), trip(queued, TripState::Assigned)],
            ..DriverAttended::default()
        };
        assert_eq!(standing(&attended), [(under_way, Told::Started)]);
        let believed = BTreeSet::from([under_way, queued, gone]);
        assert_eq!(over(&attended, believed), BTreeSet::from([gone]));
    }
}
