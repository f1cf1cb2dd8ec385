//! Messages to vocabulary and back. What comes in is parsed once, here; each refusal names the
//! field as the proto file does.
//!
//! Pure functions: no clock, no runtime, no map. They are fuzzed.

mod answer;
mod area;
mod driver;
mod filter;
mod question;
mod trip;

pub use answer::{hit, motion_message, position_message, profile_message, status_message};
pub use area::area;
pub use driver::{
    ReportValues, column_value, driver_id, heading_of_column, motion, optional_status, profile,
    report, required_status, rider_id,
};
pub use filter::filter;
pub use question::{ack_interval, nearest, page, watch_interval};
pub use trip::{
    OfferParts, driver_command, end_message, event_message, journey, journey_message,
    money_message, offer_id, offer_message, quote_message, rater, rider_reason, state_message,
    trip_id, trip_message, trip_request,
};

use std::fmt::Display;

use super::proto;
use crate::geo::{Degrees, DegreesError, LatLng};

/// A field that cannot be accepted: which, and the value beside what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FieldError {
    /// The field as a path from the request, as in `area.circle.radius_m`.
    pub field: String,
    /// The field, the value and the allowed range.
    pub detail: String,
}

impl FieldError {
    /// A field that must be set and is not.
    pub fn missing(field: impl Into<String>) -> Self {
        let field = field.into();
        Self { detail: format!("{field} is not set"), field }
    }

    /// A field whose value is outside its range.
    pub fn range(field: impl Into<String>, value: impl Display, allowed: impl Display) -> Self {
        let field = field.into();
        Self { detail: format!("{field} {value} is not in {allowed}"), field }
    }

    /// A field that another error describes.
    pub fn because(field: impl Into<String>, error: impl Display) -> Self {
        let field = field.into();
        Self { detail: format!("{field}: {error}"), field }
    }
}

/// A position that must be set, at `field`.
pub fn position(
    field: &dyn Display,
    message: Option<&proto::Position>,
) -> Result<LatLng, FieldError> {
    let Some(&proto::Position { lat, lng }) = message else {
        return Err(FieldError::missing(field.to_string()));
    };
    LatLng::try_from(Degrees { lat, lng }).map_err(|error| match error {
        DegreesError::Lat(_) => {
            FieldError { field: format!("{field}.lat"), detail: format!("{field}.{error}") }
        }
        DegreesError::Lng(_) => {
            FieldError { field: format!("{field}.lng"), detail: format!("{field}.{error}") }
        }
    })
}

#[cfg(test)]
mod tests;
