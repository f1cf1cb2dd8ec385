//! Drivers and what they report.

use super::{FieldError, position};
use crate::api::proto;
use crate::geo::LatLng;
use crate::ids::{DriverId, RiderId};
use crate::model::{
    Attributes, Capacity, DriverStatus, Motion, Profile, Rating, Reason, ValueError, VehicleTypes,
};
use crate::units::Timestamp;

/// The value of a bulk column that means "unknown".
const UNKNOWN: u32 = 65_535;

/// What a report says, without whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportValues {
    /// Where.
    pub position: LatLng,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// How it moves.
    pub motion: Motion,
    /// The status from now on, if it changes.
    pub status: Option<DriverStatus>,
}

/// A driver id in the field `driver_id`.
pub fn driver_id(text: &str) -> Result<DriverId, FieldError> {
    text.parse().map_err(|error| FieldError::because("driver_id", error))
}

/// A rider id in the field `rider_id`.
pub fn rider_id(text: &str) -> Result<RiderId, FieldError> {
    text.parse().map_err(|error| FieldError::because("rider_id", error))
}

/// A status that may be left unspecified, which one that is not known counts as.
#[inline]
pub fn optional_status(code: i32) -> Option<DriverStatus> {
    let code = u8::try_from(code.checked_sub(1)?).ok()?;
    DriverStatus::from_code(code)
}

/// A status that must be given.
pub fn required_status(field: &str, code: i32) -> Result<DriverStatus, FieldError> {
    optional_status(code).ok_or_else(|| FieldError::range(field, code, "1..=6"))
}

/// A profile; what is not set takes its default.
pub fn profile(message: &proto::Profile) -> Result<Profile, FieldError> {
    let default = Profile::default();
    let refused = |field: &str, error: ValueError| {
        FieldError::range(field, error.value, format_args!("0..={}", error.max))
    };
    Ok(Profile {
        vehicle_types: message.vehicle_types.map_or(Ok(default.vehicle_types), |bits| {
            VehicleTypes::try_from(bits).map_err(|e| refused("profile.vehicle_types", e))
        })?,
        capacity: message.capacity.map_or(Ok(default.capacity), |seats| {
            Capacity::try_from(seats).map_err(|e| refused("profile.capacity", e))
        })?,
        rating: message.rating.map_or(Ok(default.rating), |stars| {
            Rating::try_from(stars).map_err(|e| refused("profile.rating", e))
        })?,
        attributes: message.attributes.map_or(Ok(default.attributes), |bits| {
            Attributes::try_from(bits).map_err(|e| refused("profile.attributes", e))
        })?,
    })
}

/// A report whose fields start with `prefix`, which is empty or ends in a dot.
pub fn report(prefix: &str, message: &proto::PositionReport) -> Result<ReportValues, FieldError> {
    Ok(ReportValues {
        position: position(&format_args!("{prefix}position"), message.position.as_ref())?,
        at: Timestamp::from_millis(message.device_time_ms),
        motion: message.motion.as_ref().map_or(Ok(Motion::default()), |m| motion(prefix, m))?,
        status: optional_status(message.status),
    })
}

/// A motion in the field `motion` after `prefix`.
pub fn motion(prefix: &str, message: &proto::Motion) -> Result<Motion, FieldError> {
    let heading = match message.heading_deg {
        // A heading of 359.999 rounds up to a full turn, which is north.
        Some(degrees) if (0.0..360.0).contains(&degrees) => Some(scaled(degrees, 100.0) % 36_000),
        Some(degrees) => {
            return Err(FieldError::range(
                format!("{prefix}motion.heading_deg"),
                degrees,
                "0..360",
            ));
        }
        None => None,
    };
    let limited = |name: &str, value: Option<f64>, scale: f64| match value {
        Some(value) if (0.0..=65_534.0 / scale).contains(&value) => Ok(Some(scaled(value, scale))),
        Some(value) => {
            let allowed = format!("0..={}", 65_534.0 / scale);
            Err(FieldError::range(format!("{prefix}motion.{name}"), value, allowed))
        }
        None => Ok(None),
    };
    Ok(Motion {
        heading_cdeg: heading,
        speed_cm_s: limited("speed_m_s", message.speed_m_s, 100.0)?,
        accuracy_dm: limited("accuracy_m", message.accuracy_m, 10.0)?,
    })
}

/// `value` times `scale`, rounded; the caller has checked that it fits.
fn scaled(value: f64, scale: f64) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let whole = (value * scale).round() as u16;
    whole
}

/// An entry of the column `heading_cdeg`.
#[inline]
pub fn heading_of_column(value: u32) -> Result<Option<u16>, Reason> {
    match value {
        UNKNOWN => Ok(None),
        0..36_000 => column_value(value),
        _ => Err(Reason::BadValue),
    }
}

/// An entry of the columns `speed_cm_s` and `accuracy_dm`.
#[inline]
pub fn column_value(value: u32) -> Result<Option<u16>, Reason> {
    match value {
        UNKNOWN => Ok(None),
        _ => u16::try_from(value).map(Some).map_err(|_| Reason::BadValue),
    }
}
