//! Filters.

use super::{FieldError, required_status};
use crate::api::proto;
use crate::limits;
use crate::model::{Attributes, Capacity, Filter, Rating, StatusSet, ValueError, VehicleTypes};
use crate::units::Millis;

/// A filter in the field `filter`; `stale_after` is the maximum age if none is set.
pub fn filter(message: Option<&proto::Filter>, stale_after: Millis) -> Result<Filter, FieldError> {
    let Some(message) = message else {
        return Ok(Filter { max_age: Some(stale_after), ..Filter::default() });
    };
    let refused = |field: &str, error: ValueError| {
        FieldError::range(field, error.value, format_args!("0..={}", error.max))
    };
    Ok(Filter {
        statuses: statuses(&message.statuses)?,
        vehicle_types: VehicleTypes::try_from(message.vehicle_types)
            .map_err(|e| refused("filter.vehicle_types", e))?,
        min_capacity: Capacity::try_from(message.min_capacity)
            .map_err(|e| refused("filter.min_capacity", e))?,
        min_rating: Rating::try_from(message.min_rating)
            .map_err(|e| refused("filter.min_rating", e))?,
        attributes: Attributes::try_from(message.attributes)
            .map_err(|e| refused("filter.attributes", e))?,
        max_age: Some(message.max_age_ms.map_or(stale_after, Millis)),
        excluded: excluded(&message.excluded_driver_ids)?,
    })
}

fn statuses(codes: &[i32]) -> Result<StatusSet, FieldError> {
    if codes.is_empty() {
        return Ok(StatusSet::AVAILABLE);
    }
    let mut statuses = Vec::with_capacity(codes.len().min(limits::MAX_EXCLUDED));
    for (i, &code) in codes.iter().enumerate() {
        let status = required_status("filter.statuses", code)
            .map_err(|_| FieldError::range(format!("filter.statuses[{i}]"), code, "1..=6"))?;
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    Ok(StatusSet::of(&statuses))
}

fn excluded(ids: &[String]) -> Result<Vec<crate::ids::DriverId>, FieldError> {
    if ids.len() > limits::MAX_EXCLUDED {
        let detail = format!(
            "filter.excluded_driver_ids has {} ids; at most {} are allowed",
            ids.len(),
            limits::MAX_EXCLUDED
        );
        return Err(FieldError { field: "filter.excluded_driver_ids".to_owned(), detail });
    }
    let parse = |(i, id): (usize, &String)| {
        id.parse()
            .map_err(|error| FieldError::because(format!("filter.excluded_driver_ids[{i}]"), error))
    };
    ids.iter().enumerate().map(parse).collect()
}
