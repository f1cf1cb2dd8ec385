//! Questions.

use super::{FieldError, area, filter, position};
use crate::api::proto;
use crate::limits;
use crate::model::{K, Nearest, Page};
use crate::units::{Meters, Millis};

/// "The k nearest".
pub fn nearest(
    message: &proto::NearestRequest,
    stale_after: Millis,
) -> Result<Nearest, FieldError> {
    let center = position(&"position", message.position.as_ref())?;
    let k = K::try_from(u64::from(message.k))
        .map_err(|error| FieldError { field: "k".to_owned(), detail: error.to_string() })?;
    let radius = match message.radius_m {
        Some(value) => area::radius(&"radius_m", value)?,
        None => Meters::HALF_GLOBE,
    };
    Ok(Nearest { center, k, radius, filter: filter(message.filter.as_ref(), stale_after)? })
}

/// The page of a `Within`.
pub fn page(message: &proto::WithinRequest) -> Result<Page, FieldError> {
    let size = match usize::try_from(message.page_size) {
        Ok(0) => limits::DEFAULT_PAGE,
        Ok(size) if size <= limits::MAX_PAGE => size,
        _ => {
            let allowed = format_args!("0..={}", limits::MAX_PAGE);
            return Err(FieldError::range("page_size", message.page_size, allowed));
        }
    };
    let after = match message.after_driver_id.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|error| FieldError::because("after_driver_id", error))?),
    };
    Ok(Page { after, size })
}

/// How often a watched area is looked at.
pub fn watch_interval(interval_ms: Option<u32>) -> Result<Millis, FieldError> {
    let (min, max) = (limits::MIN_WATCH_INTERVAL_MS, limits::MAX_WATCH_INTERVAL_MS);
    interval("interval_ms", interval_ms.unwrap_or(limits::DEFAULT_WATCH_INTERVAL_MS), min, max)
}

/// How long `Connect` may keep an acknowledgement back.
pub fn ack_interval(interval_ms: Option<u32>) -> Result<Millis, FieldError> {
    let max = limits::MAX_ACK_INTERVAL_MS;
    let value = interval_ms.unwrap_or(limits::DEFAULT_ACK_INTERVAL_MS);
    interval("hello.ack_interval_ms", value, 0, max)
}

fn interval(field: &str, value: u32, min: u32, max: u32) -> Result<Millis, FieldError> {
    if (min..=max).contains(&value) {
        Ok(Millis(u64::from(value)))
    } else {
        Err(FieldError::range(field, value, format_args!("{min}..={max}")))
    }
}
