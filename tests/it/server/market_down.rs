//! A journal that fails under a running server: trips are refused with the reason, positions and
//! questions go on, and a restart knows all that was acknowledged.

use hansom::api::proto::connect_response::Kind as Told;
use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::{
    CountRequest, DriverStatus, GetTripRequest, ReportRequest, SetStatusRequest, StatusRequest,
    WatchTripRequest,
};
use hansom::client::attend;
use hansom::journal::Fault;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::serve::Served;
use super::support::{http_get, now_ms, report, soon};
use super::town::{App, Hosted, Town, reason, request};

fn here(driver: &str) -> ReportRequest {
    let report = Some(report(37.5, -122.25, now_ms()));
    ReportRequest { driver_id: driver.to_owned(), report, profile: None }
}

#[tokio::test]
async fn a_disk_that_takes_no_more_ends_trips_and_not_positions() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().to_str().unwrap();
    // 2,048 blocks of 512 or 1,024 bytes are all that this process may write into one file.
    let script = "ulimit -f 2048; exec \"$@\"";
    let settings = ["--journal", journal, "--window", "0s"];
    let town = Town::of(Served::start_in(script, &settings)).await;
    let mut acknowledged = Vec::new();
    let refused = loop {
        let rider = format!("{:x<60}", acknowledged.len());
        match town.request(&rider, "k1").await {
            Ok(trip) => acknowledged.push(trip),
            Err(status) => break status,
        }
        assert!(acknowledged.len() < 20_000, "it never fails");
    };
    assert!(acknowledged.len() > 50, "{} were acknowledged", acknowledged.len());
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "market_down".to_owned()));
    assert!(refused.message().contains("File too large"), "{}", refused.message());
    assert!(refused.get_error_details().retry_info().is_some());
    // Positions, questions and what is durable are not touched.
    let applied = soon(town.drivers().report(here("cab-1"))).await.unwrap().into_inner();
    assert!(applied.applied);
    let status = DriverStatus::Offline.into();
    let away = SetStatusRequest { driver_id: "cab-1".to_owned(), status };
    soon(town.drivers().set_status(away)).await.unwrap();
    let state = town.admin().status(StatusRequest {}).await.unwrap().into_inner();
    assert!(state.down.contains("File too large"), "{}", state.down);
    let (_, metrics) = http_get(town.served.http, "/metrics").await;
    assert!(metrics.contains("hansom_market_down 1\n"), "{metrics}");
    let (ready, _) = http_get(town.served.http, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    for (service, last) in [
        ("hansom.v1.RiderService", ServingStatus::NotServing),
        ("hansom.v1.DriverService", ServingStatus::Serving),
    ] {
        let mut health = HealthClient::new(town.channel.clone());
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut watch = soon(health.watch(request)).await.unwrap().into_inner();
        while soon(watch.message()).await.unwrap().unwrap().status() != last {}
    }
    assert_eq!(town.trip(&acknowledged[0]).await.trip_id, acknowledged[0]);
    town.served.kill();

    let town = Town::start(folder.path(), &[]).await;
    for trip in &acknowledged {
        let request = GetTripRequest { trip_id: trip.clone() };
        soon(town.riders().get_trip(request)).await.unwrap();
    }
    let status = town.admin().status(StatusRequest {}).await.unwrap().into_inner();
    let kept = usize::try_from(status.trips).unwrap();
    assert!((acknowledged.len()..=acknowledged.len() + 1).contains(&kept), "{kept}");
    town.request("bea", "k1").await.unwrap();
}

#[tokio::test]
async fn an_fsync_that_fails_acknowledges_nothing_more() {
    let hosted = Hosted::start().await;
    let (channel, journal) = (hosted.channel.clone(), &hosted.journal);
    let mut riders =
        hansom::api::proto::rider_service_client::RiderServiceClient::new(channel.clone());
    let trip_id =
        soon(riders.request_trip(request("ada", "k1"))).await.unwrap().into_inner().trip_id;
    let watch = WatchTripRequest { trip_id, after_ordinal: 0 };
    let mut watch = soon(riders.watch_trip(watch)).await.unwrap().into_inner();
    let mut app = App::open(channel.clone(), "cab-7").await.unwrap();
    app.until(|told| matches!(told, Told::Trips(_)).then_some(())).await;
    let gateway = attend(channel.clone(), vec!["cab-9".to_owned()]);
    let (_commands, mut told, _) = soon(gateway).await.unwrap();
    // The state of the disk is not known then: the batch may be there or not.
    journal.fail(1, Fault::After);
    for key in ["k1", "k2"] {
        let refused = soon(riders.request_trip(request("bea", key))).await.unwrap_err();
        assert_eq!(reason(&refused), "market_down");
    }
    // Nor is anybody told that the market has ended, which has not.
    let ended = soon(told.next()).await.unwrap_err();
    assert_eq!(ended.reason(), "market_down", "{ended}");
    let ended = async {
        loop {
            if let Err(status) = app.next().await {
                return status;
            }
        }
    };
    assert_eq!(reason(&soon(ended).await), "market_down");
    let ended = async {
        loop {
            match watch.message().await {
                Ok(told) => assert!(told.is_some(), "it ends without a word"),
                Err(status) => return status,
            }
        }
    };
    assert_eq!(reason(&soon(ended).await), "market_down");
    // On a new stream the app's positions are taken.
    let mut app = App::open(channel.clone(), "cab-7").await.unwrap();
    app.until(|told| matches!(told, Told::Ack(_)).then_some(())).await;
    let request = GetTripRequest { trip_id: "main-2".to_owned() };
    let unknown = soon(riders.get_trip(request)).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "unknown_trip".to_owned()));
    let mut drivers = DriverServiceClient::new(channel.clone());
    assert!(soon(drivers.report(here("cab-1"))).await.unwrap().into_inner().applied);
    let mut proximity =
        hansom::api::proto::proximity_service_client::ProximityServiceClient::new(channel);
    let question = CountRequest { area: Some(super::proximity::world()), filter: None };
    assert_eq!(soon(proximity.count(question)).await.unwrap().into_inner().count, 2);
}
