//! What events and trips have in common, as messages and back.

use std::fmt::Display;
use std::str::FromStr;

use super::{RecordError, proto};
use crate::dispatch::{
    DriverReason, End, Ending, Journey, Needs, Pickup, RiderReason, Stars, TripRequest, Urgency,
};
use crate::geo::{E7, LatLng};
use crate::ids::{MarketId, QuoteId};
use crate::model::{Attributes, Capacity, Rating, VehicleTypes};
use crate::units::{Meters, Millis, Money, Timestamp};

pub(super) fn wrong(field: &'static str, why: impl Display) -> RecordError {
    RecordError::Field { field, why: why.to_string() }
}

/// What a text says.
pub(super) fn parsed<T: FromStr<Err: Display>>(
    field: &'static str,
    text: &str,
) -> Result<T, RecordError> {
    text.parse().map_err(|error| wrong(field, error))
}

/// What has to be there.
pub(super) fn present<T>(field: &'static str, value: Option<T>) -> Result<T, RecordError> {
    value.ok_or_else(|| wrong(field, "missing"))
}

/// The value of an enumeration that has to be known.
pub(super) fn known<T: TryFrom<i32>>(field: &'static str, number: i32) -> Result<T, RecordError> {
    let unknown = || wrong(field, format!("{number} is not known to this program"));
    T::try_from(number).map_err(|_| unknown())
}

pub(super) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn stars(field: &'static str, stars: u32) -> Result<Option<Stars>, RecordError> {
    let given = (stars != 0).then(|| Stars::try_from(stars));
    given.transpose().map_err(|error| wrong(field, error))
}

impl From<LatLng> for proto::Place {
    fn from(place: LatLng) -> Self {
        Self { lat_e7: place.lat_e7(), lng_e7: place.lng_e7() }
    }
}

pub(super) fn place(field: &'static str, place: proto::Place) -> Result<LatLng, RecordError> {
    let e7 = E7 { lat: place.lat_e7, lng: place.lng_e7 };
    LatLng::try_from(e7).map_err(|error| wrong(field, error))
}

impl From<Money> for proto::Money {
    fn from(money: Money) -> Self {
        Self { minor: money.minor, currency: money.currency.to_string() }
    }
}

pub(super) fn money(field: &'static str, money: &proto::Money) -> Result<Money, RecordError> {
    Ok(Money { minor: money.minor, currency: parsed(field, &money.currency)? })
}

impl From<Pickup> for proto::Pickup {
    fn from(pickup: Pickup) -> Self {
        Self { duration_ms: pickup.duration.get(), distance_m: pickup.distance.get() }
    }
}

pub(super) fn pickup(pickup: Option<proto::Pickup>) -> Result<Pickup, RecordError> {
    let pickup = present("pickup", pickup)?;
    let distance = Meters::new(pickup.distance_m).map_err(|error| wrong("distance", error))?;
    Ok(Pickup { duration: Millis(pickup.duration_ms), distance })
}

impl From<&Journey> for proto::Journey {
    fn from(journey: &Journey) -> Self {
        Self {
            pickup: Some(journey.pickup.into()),
            dropoff: journey.dropoff.map(Into::into),
            passengers: u32::from(journey.passengers.get()),
            vehicle_types: u32::from(journey.needs.vehicle_types.bits()),
            attributes: journey.needs.attributes.bits(),
            min_rating_centi_stars: u32::from(journey.needs.min_rating.centi_stars()),
        }
    }
}

fn journey(journey: &proto::Journey) -> Result<Journey, RecordError> {
    let rating = u16::try_from(journey.min_rating_centi_stars).ok();
    let rating = rating.filter(|rating| *rating <= Rating::BEST.centi_stars());
    Ok(Journey {
        pickup: place("pickup", present("pickup", journey.pickup)?)?,
        dropoff: journey.dropoff.map(|dropoff| place("dropoff", dropoff)).transpose()?,
        passengers: Capacity::try_from(journey.passengers)
            .map_err(|error| wrong("passengers", error))?,
        needs: Needs {
            vehicle_types: VehicleTypes::try_from(journey.vehicle_types)
                .map_err(|error| wrong("vehicle types", error))?,
            attributes: Attributes::try_from(journey.attributes)
                .map_err(|error| wrong("attributes", error))?,
            min_rating: Rating::from_centi_stars(present("minimum rating up to 500", rating)?),
        },
    })
}

impl From<&TripRequest> for proto::TripRequest {
    fn from(request: &TripRequest) -> Self {
        Self {
            key: request.key.to_string(),
            rider: request.rider.to_string(),
            journey: Some((&request.journey).into()),
            quote: request.quote.map(QuoteId::number),
            immediate: request.urgency == Urgency::Immediate,
        }
    }
}

pub(super) fn request(
    market: MarketId,
    request: Option<proto::TripRequest>,
) -> Result<TripRequest, RecordError> {
    let request = present("request", request)?;
    Ok(TripRequest {
        key: parsed("request key", &request.key)?,
        rider: parsed("rider", &request.rider)?,
        journey: journey(&present("journey", request.journey)?)?,
        quote: request.quote.map(|number| market.quote(number)),
        urgency: if request.immediate { Urgency::Immediate } else { Urgency::Batch },
    })
}

impl From<DriverReason> for proto::DriverReason {
    fn from(reason: DriverReason) -> Self {
        match reason {
            DriverReason::Other => Self::Other,
            DriverReason::NoShow => Self::NoShow,
            DriverReason::CannotReach => Self::CannotReach,
            DriverReason::Vehicle => Self::Vehicle,
            DriverReason::Safety => Self::Safety,
            DriverReason::WentOffline => Self::WentOffline,
        }
    }
}

pub(super) fn driver_reason(number: i32) -> DriverReason {
    match proto::DriverReason::try_from(number) {
        Ok(proto::DriverReason::NoShow) => DriverReason::NoShow,
        Ok(proto::DriverReason::CannotReach) => DriverReason::CannotReach,
        Ok(proto::DriverReason::Vehicle) => DriverReason::Vehicle,
        Ok(proto::DriverReason::Safety) => DriverReason::Safety,
        Ok(proto::DriverReason::WentOffline) => DriverReason::WentOffline,
        Ok(proto::DriverReason::Other) | Err(_) => DriverReason::Other,
    }
}

impl From<RiderReason> for proto::RiderReason {
    fn from(reason: RiderReason) -> Self {
        match reason {
            RiderReason::Other => Self::Other,
            RiderReason::ChangedMind => Self::ChangedMind,
            RiderReason::WaitedTooLong => Self::WaitedTooLong,
            RiderReason::WrongPlace => Self::WrongPlace,
            RiderReason::DriverAsked => Self::DriverAsked,
        }
    }
}

fn rider_reason(number: i32) -> RiderReason {
    match proto::RiderReason::try_from(number) {
        Ok(proto::RiderReason::ChangedMind) => RiderReason::ChangedMind,
        Ok(proto::RiderReason::WaitedTooLong) => RiderReason::WaitedTooLong,
        Ok(proto::RiderReason::WrongPlace) => RiderReason::WrongPlace,
        Ok(proto::RiderReason::DriverAsked) => RiderReason::DriverAsked,
        Ok(proto::RiderReason::Other) | Err(_) => RiderReason::Other,
    }
}

impl From<Ending> for proto::Ending {
    fn from(ending: Ending) -> Self {
        let (kind, reason) = match ending {
            Ending::Completed { .. } => (proto::EndingKind::Completed, RiderReason::Other),
            Ending::CancelledByRider { reason, .. } => {
                (proto::EndingKind::CancelledByRider, reason)
            }
            Ending::NoShow { .. } => (proto::EndingKind::NoShow, RiderReason::Other),
            Ending::Abandoned => (proto::EndingKind::Abandoned, RiderReason::Other),
            Ending::Unfulfilled => (proto::EndingKind::Unfulfilled, RiderReason::Other),
        };
        let mut message = Self { due: ending.due().map(Into::into), ..Self::default() };
        message.set_kind(kind);
        message.set_reason(reason.into());
        message
    }
}

pub(super) fn ending(ending: &proto::Ending) -> Result<Ending, RecordError> {
    let due = || money("due", present("due", ending.due.as_ref())?);
    match known("ending", ending.kind)? {
        proto::EndingKind::Completed => Ok(Ending::Completed { fare: due()? }),
        proto::EndingKind::CancelledByRider => {
            Ok(Ending::CancelledByRider { reason: rider_reason(ending.reason), fee: due()? })
        }
        proto::EndingKind::NoShow => Ok(Ending::NoShow { fee: due()? }),
        proto::EndingKind::Abandoned => Ok(Ending::Abandoned),
        proto::EndingKind::Unfulfilled => Ok(Ending::Unfulfilled),
        proto::EndingKind::Unspecified => Err(wrong("ending", "missing")),
    }
}

impl From<End> for proto::End {
    fn from(end: End) -> Self {
        Self { at_ms: end.at.as_millis(), ending: Some(end.ending.into()) }
    }
}

pub(super) fn end(end: &proto::End) -> Result<End, RecordError> {
    let ending = ending(present("ending", end.ending.as_ref())?)?;
    Ok(End { at: at(end.at_ms), ending })
}
