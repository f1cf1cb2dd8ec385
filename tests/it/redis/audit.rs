//! `hansom redis audit`: nothing differs after ordinary life, and what is planted is found.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hansom::api::proto::rider_service_client::RiderServiceClient;
use hansom::api::proto::{Journey, Position, RequestTripRequest};
use hansom::audit::{AuditOptions, AuditReport, Counts, audit};
use hansom::bench::ServeProcess;
use hansom::clock::wall_now;
use hansom::geo::{Degrees, LatLng};
use hansom::index::{LiveMap as _, region_of};
use hansom::mirror::{REGIONS, RegionKeys, region_name};
use hansom::model::DriverStatus;
use hansom::server::{Running, Server as Hansom, ServerConfig};
use redis::Value;
use tonic::transport::Endpoint;

use super::fleet::{Fleet, link};
use super::process::{Server, until};
use super::setups::{Cluster, Watched};
use super::{binaries, binary};

const DRIVERS: u64 = 400;

/// A server of the fleet's map.
fn serve(fleet: &Fleet) -> Running {
    let config = ServerConfig { http: None, threads: 1, ..ServerConfig::default() };
    let (map, clock) = (Arc::clone(&fleet.map), Arc::clone(&fleet.clock));
    Hansom::start(config, map, clock).unwrap()
}

fn options(running: &Running, redis: &str, settle: Duration) -> AuditOptions {
    let target = format!("http://{}", running.grpc_addr());
    AuditOptions { target, redis: redis.parse().unwrap(), settle, show: 50 }
}

async fn nothing_differs(address: &str, seed: u64) {
    let mut fleet = Fleet::mirrored(seed, address);
    let running = serve(&fleet);
    fleet.live(DRIVERS, 2_000);
    // Not settled yet: what differs is looked at again.
    let found = audit(&options(&running, address, Duration::from_secs(20))).await.unwrap();
    assert_eq!(found.differences(), 0, "{found:?}");
    fleet.settled(&link(address)).await;
    let found = audit(&options(&running, address, Duration::ZERO)).await.unwrap();
    assert_eq!(found.differences(), 0, "{found:?}");
    let drivers = &found.drivers;
    assert!(drivers.compared > 150 && drivers.same == drivers.compared, "{drivers:?}");
    assert_eq!((drivers.entries, drivers.newer, &found.trips), (drivers.compared, 0, &None));
    assert!(found.trips_left_out.unwrap().contains("no market"));
    running.drain();
}

#[tokio::test]
async fn nothing_differs_after_ordinary_life() {
    for binary in binaries() {
        nothing_differs(&Server::start(&binary, &[]).url(), 31).await;
    }
}

#[tokio::test]
async fn nothing_differs_with_sentinels_and_in_a_cluster() {
    let Some(binary) = binary() else { return };
    nothing_differs(&Watched::start(&binary).address(), 32).await;
    nothing_differs(&Cluster::start(&binary).address(), 33).await;
}

/// Seven drivers in one place, of whom nothing differs; what is planted is not repaired.
async fn seven(server: &Server) -> (Fleet, RegionKeys) {
    let mut fleet = Fleet::mirrored(34, &server.url());
    let now = wall_now();
    for i in 0..7 {
        let place = LatLng::try_from(Degrees { lat: 37.79, lng: -122.40 + f64::from(i) / 1e3 });
        assert!(fleet.report(&format!("cab-{i}").parse().unwrap(), place.unwrap(), now));
    }
    fleet.settled(&link(&server.url())).await;
    fleet.abandon();
    let region = fleet.map.occupant(now, 0).unwrap().region.unwrap();
    (fleet, RegionKeys::of(region))
}

#[tokio::test]
async fn each_kind_of_difference_is_found() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let (fleet, keys) = seven(&server).await;
    let running = serve(&fleet);
    let ask = |words: &[&str]| drop(server.ask::<Value>(words).unwrap());
    let line = |id: &str| server.ask::<String>(&["HGET", &keys.meta, id]).unwrap();
    let set = |id: &str, field: usize, change: i64| {
        let text = line(id);
        let mut fields: Vec<String> = text.split(',').map(str::to_owned).collect();
        fields[field] = (fields[field].parse::<i64>().unwrap() + change).to_string();
        ask(&["HSET", &keys.meta, id, &fields.join(",")]);
    };
    let look = async |settle: Duration| {
        audit(&options(&running, &server.url(), settle)).await.unwrap().drivers
    };
    assert_eq!(look(Duration::ZERO).await.differences, Counts::default());

    ask(&["HDEL", &keys.meta, "cab-0"]);
    ask(&["ZREM", &keys.geo, "cab-0"]);
    // Alone in the geo set, alone in the hash, offline, in another region.
    ask(&["GEOADD", &keys.geo, "-122.4", "37.79", "ghost"]);
    ask(&["HSET", &keys.meta, "stranger", &line("cab-1")]);
    fleet.map.set_status(fleet.map.find(&"cab-1".parse().unwrap()).unwrap(), DriverStatus::Offline);
    let paris = region_of(LatLng::try_from(Degrees { lat: 48.85, lng: 2.35 }).unwrap());
    let far = RegionKeys::of(paris);
    ask(&["SADD", REGIONS, &region_name(paris)]);
    ask(&["HSET", &far.meta, "cab-2", &line("cab-2")]);
    // The line is elsewhere; the geo set alone is.
    set("cab-3", 0, 50);
    ask(&["GEOADD", &keys.geo, "-122.41", "37.78", "cab-4"]);
    set("cab-5", 3, 4);
    set("cab-6", 6, -100);
    let found = look(Duration::from_millis(1_200)).await;
    let expected =
        Counts { missing: 1, haunting: 4, behind: 0, position: 2, status: 1, content: 1 };
    assert_eq!(found.differences, expected, "{:#?}", found.examples);
    assert_eq!(found.looked_again, 9);
    assert!(found.rounds >= 1 && found.examples.len() == 9, "{found:?}");

    ask(&["HSET", &keys.meta, "cab-6", "no line"]);
    set("cab-5", 2, -1);
    let found = look(Duration::ZERO).await;
    assert_eq!((found.differences.behind, found.differences.content), (1, 1), "{found:?}");
    assert_eq!((found.differences.status, found.differences.total()), (0, 9), "{found:?}");
    running.drain();
}

/// A market whose riders wait for drivers who are not there.
async fn riders_wait(target: &str, count: usize) {
    let channel = Endpoint::from_shared(target.to_owned()).unwrap().connect().await.unwrap();
    let mut riders = RiderServiceClient::new(channel);
    for rider in 0..count {
        let at = |lat: f64| Some(Position { lat, lng: -122.4 });
        let request = RequestTripRequest {
            rider_id: format!("rider-{rider}"),
            request_key: "k".to_owned(),
            journey: Some(Journey { pickup: at(37.79), dropoff: at(37.75), ..Journey::default() }),
            ..RequestTripRequest::default()
        };
        riders.request_trip(request).await.unwrap();
    }
}

#[tokio::test]
async fn open_trips_are_compared_and_the_program_says_so() {
    let Some(binary) = binary() else { return };
    let redis = Server::start(&binary, &[]);
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().to_str().unwrap().to_owned();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_hansom"));
    let url = redis.url();
    let flags = ["--redis", &url, "--market-lease", "none", "--journal", &journal];
    let served = ServeProcess::start(program, &flags).unwrap();
    let target = format!("http://{}", served.grpc);
    let look = |settle: &str| {
        let output = Command::new(program)
            .args(["redis", "audit", "--target", &target, "--redis", &url, "--json", "-"])
            .args(["--settle", settle])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice::<AuditReport>(&output.stdout);
        (output.status.code(), report.map_err(|error| format!("{error}: {said}")))
    };
    let run = |settle: &str| {
        let (code, report) = look(settle);
        (code, report.unwrap())
    };
    let open = "hansom:1:{m:main}:open";
    // A server that starts has no map yet, and then no market.
    until("the market is here", || {
        let (code, report) = look("0.1s");
        code != Some(1) && report.is_ok_and(|report| report.trips.is_some())
    });
    riders_wait(&target, 6).await;
    let (code, report) = run("20s");
    assert_eq!((code, report.differences()), (Some(0), 0), "{report:?}");
    let trips = report.trips.unwrap();
    assert_eq!((trips.compared, trips.same + trips.newer), (6, 6), "{trips:?}");

    let numbers: Vec<String> = redis.ask(&["HKEYS", open]).unwrap();
    assert_eq!(numbers.len(), 6, "{numbers:?}");
    let record: Vec<u8> = redis.ask(&["HGET", open, &numbers[1]]).unwrap();
    redis.ask::<Value>(&["HDEL", open, &numbers[0]]).unwrap();
    for (number, bytes) in
        [(&numbers[2], &record[..]), (&"999".to_owned(), &record), (&numbers[3], b"?")]
    {
        let mut connection = redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd("HSET").arg(open).arg(number).arg(bytes).exec(&mut connection).unwrap();
    }
    let (code, report) = run("0.1s");
    let trips = report.trips.as_ref().unwrap();
    let expected = Counts { missing: 1, haunting: 1, content: 2, ..Counts::default() };
    assert_eq!((code, trips.differences), (Some(3), expected), "{trips:?}");
    let table = Command::new(program)
        .args(["redis", "audit", "--target", &target, "--redis", &url, "--settle", "0.1s"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&table.stdout);
    assert!(told.contains("missing: main-") && told.ends_with("4 differences\n"), "{told}");
}
