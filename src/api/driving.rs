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

/// Sets what a known driver is doing: what is dispatch's affair is for the market to take or to refuse,
/// which writes into the map what holds; the rest is noted there at once.
pub(super) async fn set_status(
    door: &Door,
    request: &SetStatusRequest,
) -> Result<SetStatusResponse, Failure> {
    let id = convert::driver_id(&request.driver_id)?;
    let status = convert::required_status("status", request.status)?;
    let map = &door.map;
    let key = map.find(&id).ok_or_else(|| Failure::unknown(&id))?;
    let bound = door.bound(&id);
    let mut response = SetStatusResponse::default();
    if let (Ok(market), Some(command)) = (door.market(), presence(id, status)) {
        match market.submit(command).await {
            Ok(Reply::GoesOffline(OfflineFrom::After(trip))) => {
                response.offline_after_trip_id = trip.to_string();
                return Ok(response);
            }
            Ok(_) => return Ok(response),
            // Where a driver is, and whether free, does not depend on the journal.
            Err(HostError::Down { .. } | HostError::NoTime { .. }) if bound.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(bound) = bound {
        return Err(Failure::StatusOwned { driver: id, status, bound });
    }
    if map.set_status(key, status) { Ok(response) } else { Err(Failure::unknown(&id)) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::watch;

    use super::*;
    use crate::clock::Clock;
    use crate::dispatch::MarketConfig;
    use crate::dispatch::policy::POLICIES;
    use crate::host::{Host, HostConfig, MarketSlot};
    use crate::index::{IndexConfig, LiveMap, ScanIndex};
    use crate::journal::MemoryJournal;
    use crate::limits;
    use crate::model::DriverKey;
    use crate::telemetry::Metrics;
    use crate::travel::StraightLine;
    use crate::units::{Millis, Timestamp};

    /// A door to a market, on whose map one driver is who is offline.
    fn offline(driver: &str) -> (Door, Host, DriverKey) {
        let map: Arc<dyn LiveMap> = Arc::new(ScanIndex::new(IndexConfig::default()));
        let clock = Arc::new(Clock::trace());
        clock.observe(Timestamp::from_secs(1_700_000_000));
        let metrics = Arc::new(Metrics::new(&[]));
        let host = Host::start(HostConfig {
            market: MarketConfig::new("sf".parse().unwrap()),
            policy: POLICIES[0].1,
            travel: Arc::new(StraightLine::default()),
            map: Arc::clone(&map),
            clock: Arc::clone(&clock),
            journal: Arc::new(MemoryJournal::default()),
            keep_history: Millis::from_secs(86_400),
            keep_trips: 1_000,
            decisions: None,
            metrics: Arc::clone(&metrics.market),
        })
        .unwrap();
        let key = map.bind(clock.now(), &driver.parse().unwrap()).unwrap();
        assert!(map.set_status(key, DriverStatus::Offline));
        let (_drain, drains) = watch::channel(false);
        let stale = Millis::from_secs(60);
        let door = Door::new(Arc::clone(&map), clock, stale, None, drains)
            .with_market(MarketSlot::here(host.handle().clone()), metrics);
        (door, host, key)
    }

    #[test]
    fn a_status_that_a_full_queue_does_not_take_does_not_hold() {
        let (door, host, key) = offline("cab-1");
        let (begun, has_begun) = std::sync::mpsc::sync_channel::<()>(1);
        let (go_on, goes_on) = std::sync::mpsc::sync_channel::<()>(1);
        let held = host.handle().look(move |_| {
            begun.send(()).unwrap();
            goes_on.recv().unwrap();
        });
        has_begun.recv().unwrap();
        let waiting: Vec<_> =
            (0..limits::MAX_MARKET_QUEUE).map(|_| host.handle().look(|_| ())).collect();
        let request = SetStatusRequest {
            driver_id: "cab-1".to_owned(),
            status: crate::api::proto::DriverStatus::Available.into(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = runtime.block_on(set_status(&door, &request)).unwrap_err();
        let status = || door.map.driver(door.now(), key).unwrap().status;
        assert_eq!(status(), DriverStatus::Offline, "it was refused: {refused}");
        go_on.send(()).unwrap();
        drop((held.wait(), waiting));
        // Once there is room it is taken, and holds as soon as it is answered.
        assert!(runtime.block_on(set_status(&door, &request)).is_ok());
        assert_eq!(status(), DriverStatus::Available);
    }
}
