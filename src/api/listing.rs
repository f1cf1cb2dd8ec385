//! Everything that is known, page by page: what somebody compares who does not believe a copy.

use super::convert::{self, FieldError};
use super::door::{Door, time_ms};
use super::proto::{
    KnownDriver, ListDriversRequest, ListDriversResponse, ListOpenTripsRequest,
    ListOpenTripsResponse,
};
use super::status::Failure;
use crate::ids::{DriverId, TripId};
use crate::index::Driver;
use crate::limits;

/// A page of the drivers with a position, or those who are asked for.
pub(super) fn drivers(
    door: &Door,
    request: &ListDriversRequest,
) -> Result<ListDriversResponse, Failure> {
    door.has_map()?;
    let size = size("page_size", request.page_size, limits::MAX_PAGE)?;
    let now = door.now();
    let mut drivers = Vec::new();
    let mut take = |id: DriverId, driver: Driver| drivers.extend(message(&id, &driver));
    let mut next = None;
    if request.driver_ids.is_empty() {
        next = door.map.walk(now, request.cursor, size, &mut take);
    } else {
        at_most("driver_ids", request.driver_ids.len(), limits::MAX_LISTED_IDS)?;
        for id in &request.driver_ids {
            let id = convert::driver_id(id)?;
            let found = door.map.find(&id).and_then(|key| door.map.driver(now, key));
            if let Some(driver) = found {
                take(id, driver);
            }
        }
    }
    Ok(ListDriversResponse { drivers, next_cursor: next.unwrap_or(0), time_ms: time_ms(now) })
}

/// A page of the open trips.
pub(super) async fn open_trips(
    door: &Door,
    request: &ListOpenTripsRequest,
) -> Result<ListOpenTripsResponse, Failure> {
    let size = size("page_size", request.page_size, limits::MAX_LISTED_TRIPS)?;
    let after = match request.after_trip_id.as_str() {
        "" => None,
        text => Some(convert::trip_id("after_trip_id", text)?),
    };
    let market = door.market()?;
    let look = market.look(move |market| {
        let after = after.map_or(0, TripId::number);
        let mut rest = market.open_trips().filter(|trip| trip.id.number() > after);
        let trips = rest.by_ref().take(size).map(convert::trip_message).collect();
        ListOpenTripsResponse { trips, more: rest.next().is_some() }
    });
    Ok(look.await?)
}

fn size(field: &str, given: u32, most: usize) -> Result<usize, FieldError> {
    let given = usize::try_from(given).unwrap_or(usize::MAX);
    at_most(field, given, most)?;
    Ok(if given == 0 { limits::DEFAULT_PAGE.min(most) } else { given })
}

fn at_most(field: &str, given: usize, most: usize) -> Result<(), FieldError> {
    if given > most {
        return Err(FieldError::range(field, given, format_args!("0..={most}")));
    }
    Ok(())
}

/// A driver with a position.
fn message(id: &DriverId, driver: &Driver) -> Option<KnownDriver> {
    let fix = driver.fix?;
    Some(KnownDriver {
        driver_id: id.as_str().to_owned(),
        lat_e7: fix.position.lat_e7(),
        lng_e7: fix.position.lng_e7(),
        device_time_ms: fix.at.as_millis(),
        status: convert::status_message(driver.status).into(),
        profile: Some(convert::profile_message(driver.profile)),
        heading_cdeg: fix.motion.heading_cdeg.map(u32::from),
        speed_cm_s: fix.motion.speed_cm_s.map(u32::from),
        accuracy_dm: fix.motion.accuracy_dm.map(u32::from),
    })
}
