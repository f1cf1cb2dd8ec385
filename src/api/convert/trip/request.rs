//! What riders and drivers ask for.

use std::str::FromStr;

use crate::api::convert::{FieldError, area, position};
use crate::api::proto;
use crate::api::proto::driver_command::What;
use crate::api::proto::rate_trip_request::By;
use crate::dispatch::{
    Command, DriverReason, Journey, Needs, Rater, RiderReason, TripRequest, Urgency,
};
use crate::ids::{DriverId, OfferId, TripId};
use crate::model::{Attributes, Capacity, Rating, ValueError, VehicleTypes};

/// An id in a field.
fn id<T: FromStr>(field: &str, text: &str) -> Result<T, FieldError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| FieldError::because(field, error))
}

/// A trip's id at `field`.
pub fn trip_id(field: &str, text: &str) -> Result<TripId, FieldError> {
    id(field, text)
}

/// An offer's id at `field`.
pub fn offer_id(field: &str, text: &str) -> Result<OfferId, FieldError> {
    id(field, text)
}

/// A journey in the field `journey`.
pub fn journey(message: Option<&proto::Journey>) -> Result<Journey, FieldError> {
    let message = message.ok_or_else(|| FieldError::missing("journey"))?;
    let pickup = position(&"journey.pickup", message.pickup.as_ref())?;
    let dropoff = message.dropoff.as_ref();
    let dropoff = dropoff.map(|place| position(&"journey.dropoff", Some(place))).transpose()?;
    let passengers = Capacity::try_from(message.passengers.max(1)).map_err(|error| {
        let allowed = format_args!("0..={}", error.max);
        FieldError::range("journey.passengers", message.passengers, allowed)
    })?;
    let needs = message.needs.as_ref().map_or(Ok(Needs::NONE), needs)?;
    Ok(Journey { pickup, dropoff, passengers, needs })
}

fn needs(message: &proto::Needs) -> Result<Needs, FieldError> {
    let refused = |field: &str, error: ValueError| {
        FieldError::range(field, error.value, format_args!("0..={}", error.max))
    };
    Ok(Needs {
        vehicle_types: VehicleTypes::try_from(message.vehicle_types)
            .map_err(|e| refused("journey.needs.vehicle_types", e))?,
        attributes: Attributes::try_from(message.attributes)
            .map_err(|e| refused("journey.needs.attributes", e))?,
        min_rating: Rating::try_from(message.min_rating)
            .map_err(|e| refused("journey.needs.min_rating", e))?,
    })
}

/// A request for a trip.
pub fn trip_request(message: &proto::RequestTripRequest) -> Result<TripRequest, FieldError> {
    let quote = match message.quote_id.as_str() {
        "" => None,
        text => Some(id("quote_id", text)?),
    };
    Ok(TripRequest {
        key: id("request_key", &message.request_key)?,
        rider: id("rider_id", &message.rider_id)?,
        journey: journey(message.journey.as_ref())?,
        quote,
        urgency: if message.immediate { Urgency::Immediate } else { Urgency::Batch },
    })
}

/// Why a rider calls a trip off; what is not known decides nothing either.
pub fn rider_reason(code: i32) -> RiderReason {
    match proto::RiderReason::try_from(code) {
        Ok(proto::RiderReason::ChangedMind) => RiderReason::ChangedMind,
        Ok(proto::RiderReason::WaitedTooLong) => RiderReason::WaitedTooLong,
        Ok(proto::RiderReason::WrongPlace) => RiderReason::WrongPlace,
        Ok(proto::RiderReason::DriverAsked) => RiderReason::DriverAsked,
        Ok(proto::RiderReason::Unspecified) | Err(_) => RiderReason::Other,
    }
}

/// Why a driver gives a trip back.
fn driver_reason(field: &str, code: i32) -> Result<DriverReason, FieldError> {
    Ok(match proto::DriverReason::try_from(code) {
        Ok(proto::DriverReason::NoShow) => DriverReason::NoShow,
        Ok(proto::DriverReason::CannotReach) => DriverReason::CannotReach,
        Ok(proto::DriverReason::Vehicle) => DriverReason::Vehicle,
        Ok(proto::DriverReason::Safety) => DriverReason::Safety,
        Ok(proto::DriverReason::WentOffline) => {
            let detail = format!("{field} WENT_OFFLINE cannot be given; set the status to OFFLINE");
            return Err(FieldError { field: field.to_owned(), detail });
        }
        Ok(proto::DriverReason::Unspecified) | Err(_) => DriverReason::Other,
    })
}

/// Who rates.
pub fn rater(by: Option<&By>) -> Result<Rater, FieldError> {
    match by {
        Some(By::RiderId(text)) => Ok(Rater::Rider(id("rider_id", text)?)),
        Some(By::DriverId(text)) => Ok(Rater::Driver(id("driver_id", text)?)),
        None => Err(FieldError::missing("by")),
    }
}

/// What a driver wants done. Fields are named without where they stand in a stream's message, as
/// in the unary calls.
pub fn driver_command(driver: DriverId, what: Option<&What>) -> Result<Command, FieldError> {
    let what = what.ok_or_else(|| FieldError::missing("command.what"))?;
    Ok(match what {
        What::AcceptOfferId(text) => {
            Command::AcceptOffer { offer: offer_id("offer_id", text)?, driver }
        }
        What::DeclineOfferId(text) => {
            Command::DeclineOffer { offer: offer_id("offer_id", text)?, driver }
        }
        What::ArriveTripId(text) => Command::Arrive { trip: trip_id("trip_id", text)?, driver },
        What::StartTripId(text) => Command::StartTrip { trip: trip_id("trip_id", text)?, driver },
        What::Complete(complete) => Command::CompleteTrip {
            trip: trip_id("trip_id", &complete.trip_id)?,
            driver,
            driven: complete.driven_m.map(|m| area::radius(&"driven_m", m)).transpose()?,
        },
        What::Cancel(cancel) => Command::CancelAsDriver {
            trip: trip_id("trip_id", &cancel.trip_id)?,
            driver,
            reason: driver_reason("reason", cancel.reason)?,
        },
    })
}
