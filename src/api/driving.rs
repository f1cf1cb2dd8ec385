//! What drivers do with their trips, as unary calls.

use tonic::{Response, Status};

use super::convert;
use super::door::Door;
use super::proto::driver_command::What;
use super::proto::{SetStatusRequest, SetStatusResponse};
use super::rider::{already, odd};
use super::status::Failure;
use crate::dispatch::{Command, OfflineFrom, Reply};
use crate::host::HostError;
use crate::ids::DriverId;
use crate::model::DriverStatus;

/// Does what a driver wants done.
pub(super) async fn command(door: &Door, driver: &str, what: What) -> Result<Reply, Failure> {
    let market = door.market()?;
    let driver = convert::driver_id(driver)?;
    let command = convert::driver_command(driver, Some(&what))?;
    Ok(market.submit(command).await?)
}

/// The same for what is answered by whether it had been done before.
pub(super) async fn note<T>(
    door: &Door,
    driver: &str,
    what: What,
    answer: impl FnOnce(bool) -> T,
) -> Result<Response<T>, Status> {
    match command(door, driver, what).await? {
        Reply::Noted(standing) => Ok(Response::new(answer(already(standing)))),
        reply => Err(odd(&reply).into()),
    }
}

/// What dispatch is told when a driver says this; none if that is not its affair.
pub(super) const fn presence(driver: DriverId, status: DriverStatus) -> Option<Command> {
    match status {
        DriverStatus::Available => Some(Command::GoOnline { driver }),
        DriverStatus::Offline => Some(Command::GoOffline { driver }),
        _ => None,
    }
}

/// Sets what a known driver is doing.
pub(super) async fn set_status(
    door: &Door,
    request: &SetStatusRequest,
) -> Result<SetStatusResponse, Failure> {
    let id = convert::driver_id(&request.driver_id)?;
    let status = convert::required_status("status", request.status)?;
    let map = &door.map;
    let key = map.find(&id).ok_or_else(|| Failure::unknown(&id))?;
    let bound = door.bound(&id);
    if bound.is_none() && !map.set_status(key, status) {
        return Err(Failure::unknown(&id));
    }
    let mut response = SetStatusResponse::default();
    let Ok(market) = door.market() else { return Ok(response) };
    match (presence(id, status), bound) {
        (Some(command), _) => match market.submit(command).await {
            Ok(Reply::GoesOffline(OfflineFrom::After(trip))) => {
                response.offline_after_trip_id = trip.to_string();
            }
            Ok(_) => {}
            // Where a driver is, and whether free, does not depend on the journal.
            Err(HostError::Down { .. } | HostError::NoTime { .. }) if bound.is_none() => {}
            Err(error) => return Err(error.into()),
        },
        (None, Some(bound)) => return Err(Failure::StatusOwned { driver: id, status, bound }),
        (None, None) => {}
    }
    Ok(response)
}
