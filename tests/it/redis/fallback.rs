//! Answers from Redis beside those of the map that is copied there: equal, whoever is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hansom::api::CopyUse;
use hansom::api::proto::proximity_service_client::ProximityServiceClient;
use hansom::api::proto::{CountRequest, NearestRequest, Source, WatchAreaRequest};
use hansom::clock::{Clock, stopwatch, wall_now};
use hansom::geo::{Area, BoundingBox, Circle, Degrees, LatLng};
use hansom::ids::DriverId;
use hansom::index::{Answer, IndexConfig, LiveIndex, LiveMap, region_of};
use hansom::mirror::{Fallback, FallbackError, FallbackOptions};
use hansom::model::{
    Attributes, Capacity, DriverStatus, Filter, K, Nearest, Page, Rating, StatusSet, VehicleTypes,
    Within,
};
use hansom::server::{Server as Hansom, ServerConfig};
use hansom::units::{Meters, Millis, Timestamp};
use tonic::Code;
use tonic::transport::Endpoint;

use super::fleet::{Dice, Fleet, link, options, somewhere};
use super::process::{PATIENCE, Server};
use super::setups::{Cluster, Watched, replica_of};
use super::{binaries, binary};

const DRIVERS: u64 = 600;

fn patient() -> FallbackOptions {
    FallbackOptions { link: options(), deadline: PATIENCE, ..FallbackOptions::default() }
}

fn fallback(address: &str) -> Fallback {
    Fallback::new(address.parse().unwrap(), patient(), 3)
}

/// Whoever can be asked for: drivers who are offline are not in the copy.
fn filter(dice: &mut Dice) -> Filter {
    use DriverStatus::{Available, EnRoute, OfferPending, OnTrip, Waiting};
    let statuses = match dice.below(3) {
        0 => StatusSet::AVAILABLE,
        1 => StatusSet::of(&[Available, OnTrip]),
        _ => StatusSet::of(&[Available, OfferPending, EnRoute, Waiting, OnTrip]),
    };
    let excluded: Vec<DriverId> = (0..dice.below(3))
        .map(|_| format!("driver-{}", dice.below(DRIVERS)).parse().unwrap())
        .collect();
    let mut sometimes = || dice.below(4) == 0;
    Filter {
        statuses,
        vehicle_types: [VehicleTypes::NONE, VehicleTypes::from_bits(6)][usize::from(sometimes())],
        min_capacity: [Capacity::ZERO, Capacity::try_from(5).unwrap()][usize::from(sometimes())],
        min_rating: [Rating::ZERO, Rating::from_centi_stars(250)][usize::from(sometimes())],
        attributes: [Attributes::NONE, Attributes::try_from(2).unwrap()][usize::from(sometimes())],
        max_age: [None, Some(MIDDLE_AGE)][usize::from(sometimes())],
        excluded,
    }
}

/// Who has reported longer ago is one of the `old`.
const MIDDLE_AGE: Millis = Millis::from_secs(90);

/// Half of the drivers were last heard of long ago, and some have said what they are like.
fn age(fleet: &mut Fleet) {
    for i in (0..DRIVERS).step_by(2) {
        let id: DriverId = format!("driver-{i}").parse().unwrap();
        if let Some(key) = fleet.map.find(&id) {
            fleet.map.forget(key);
        }
        let ago = 100_000 + i64::try_from(fleet.dice.below(100_000)).unwrap();
        let position = somewhere(&mut fleet.dice);
        assert!(fleet.report(&id, position, Timestamp::from_millis(wall_now().as_millis() - ago)));
        if i % 4 == 0 {
            let key = fleet.map.find(&id).unwrap();
            let profile = fleet.some_profile();
            fleet.map.set_profile(key, profile);
        }
    }
}

/// The fields of a filter, and the filter without each.
fn without(filter: &Filter) -> [(&'static str, Filter); 7] {
    let with = || filter.clone();
    [
        ("statuses", Filter { statuses: StatusSet::ALL, ..with() }),
        ("vehicle types", Filter { vehicle_types: VehicleTypes::NONE, ..with() }),
        ("capacity", Filter { min_capacity: Capacity::ZERO, ..with() }),
        ("rating", Filter { min_rating: Rating::ZERO, ..with() }),
        ("attributes", Filter { attributes: Attributes::NONE, ..with() }),
        ("age", Filter { max_age: None, ..with() }),
        ("excluded", Filter { excluded: Vec::new(), ..with() }),
    ]
}

fn nearest_question(dice: &mut Dice) -> Nearest {
    let radius = [500.0, 3_000.0, 20_000.0, 60_000.0, 400_000.0];
    Nearest {
        center: somewhere(dice),
        k: K::try_from(1 + dice.below(30)).unwrap(),
        radius: Meters::new(radius[usize::try_from(dice.below(5)).unwrap()]).unwrap(),
        filter: filter(dice),
    }
}

fn area(dice: &mut Dice) -> Area {
    let center = somewhere(dice);
    if dice.below(2) == 0 {
        return Area::Circle(Circle::new(
            center,
            Meters::new(1_000.0 + dice.part() * 90_000.0).unwrap(),
        ));
    }
    let Degrees { lat, lng } = center.degrees();
    let north = (lat + dice.part() * 0.5).min(90.0);
    let east = (lng + dice.part() + 540.0).rem_euclid(360.0) - 180.0;
    let corner = LatLng::try_from(Degrees { lat: north, lng: east }).unwrap();
    Area::Box(BoundingBox::new(center, corner).unwrap())
}

/// How often something worth comparing was compared.
#[derive(Debug, Default)]
struct Reach {
    hits: usize,
    full: usize,
    several_regions: usize,
    antimeridian: usize,
    polar: usize,
    /// How often an answer would have been another without a field of the filter.
    decided: BTreeMap<&'static str, usize>,
}

/// Asks both the same.
async fn compare(fleet: &mut Fleet, copy: &Fallback, questions: usize) -> Reach {
    let mut reach = Reach::default();
    let mut answer = Answer::default();
    for _ in 0..questions {
        let now = wall_now();
        let mut question = nearest_question(&mut fleet.dice);
        fleet.map.nearest(now, &question, &mut answer);
        if let (0, Some(hit)) = (fleet.dice.below(4), answer.hits.first()) {
            question.filter.excluded.push(fleet.map.id(hit.driver).unwrap());
            fleet.map.nearest(now, &question, &mut answer);
        }
        let truth: Vec<(DriverId, LatLng)> =
            answer.hits.iter().map(|h| (fleet.map.id(h.driver).unwrap(), h.position)).collect();
        let copied = copy.nearest(now, &question).await.unwrap();
        let said: Vec<(DriverId, LatLng)> =
            copied.hits.iter().map(|found| (found.id, found.entry.position)).collect();
        assert_eq!(said, truth, "{question:?}");
        let regions: BTreeSet<u64> = truth.iter().map(|(_, at)| region_of(*at)).collect();
        reach.hits += truth.len();
        reach.full += usize::from(truth.len() == question.k.get());
        reach.several_regions += usize::from(regions.len() > 1);
        reach.antimeridian +=
            usize::from(truth.iter().any(|(_, at)| at.lng_e7().abs() > 1_795_000_000));
        reach.polar += usize::from(truth.iter().any(|(_, at)| at.lat_e7() > 850_511_287));
        // A field that is left out must be noticed.
        let positions: Vec<LatLng> = said.iter().map(|(_, at)| *at).collect();
        for (field, filter) in without(&question.filter) {
            fleet.map.nearest(now, &Nearest { filter, ..question.clone() }, &mut answer);
            let other: Vec<LatLng> = answer.hits.iter().map(|hit| hit.position).collect();
            *reach.decided.entry(field).or_default() += usize::from(other != positions);
        }

        let (area, filter) = (area(&mut fleet.dice), filter(&mut fleet.dice));
        let count = copy.count(now, &area, &filter).await.unwrap().count;
        assert_eq!(count, fleet.map.count(now, &area, &filter), "{area:?} {filter:?}");
        let mut page =
            Page { after: None, size: 1 + usize::try_from(fleet.dice.below(20)).unwrap() };
        for _ in 0..3 {
            let question =
                Within { area: area.clone(), filter: filter.clone(), page: page.clone() };
            fleet.map.within(now, &question, &mut answer);
            let truth: Vec<DriverId> =
                answer.hits.iter().map(|hit| fleet.map.id(hit.driver).unwrap()).collect();
            let copied = copy.within(now, &question).await.unwrap();
            let said: Vec<DriverId> = copied.hits.iter().map(|found| found.id).collect();
            assert_eq!((said, copied.more), (truth.clone(), answer.more), "{question:?}");
            page.after = truth.last().copied();
        }
    }
    reach
}

fn assert_reach(reach: &Reach, questions: usize) {
    assert!(reach.hits > questions, "{reach:?}");
    for (what, times) in [
        ("full answers", reach.full),
        ("borders of regions", reach.several_regions),
        ("the antimeridian", reach.antimeridian),
        ("high latitudes", reach.polar),
    ] {
        assert!(times >= questions / 50, "{what}: {reach:?}");
    }
    assert_eq!(reach.decided.len(), 7);
    assert!(reach.decided.values().all(|&times| times >= questions / 50), "{reach:?}");
}

#[tokio::test]
async fn one_server_answers_as_the_map() {
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let mut fleet = Fleet::mirrored(21, &server.url());
        fleet.live(DRIVERS, 6_000);
        age(&mut fleet);
        fleet.settled(&link(&server.url())).await;
        let copy = fallback(&server.url());
        assert_reach(&compare(&mut fleet, &copy, 300).await, 300);
    }
}

#[tokio::test]
async fn sentinel_and_cluster_answer_as_the_map() {
    let Some(binary) = binary() else { return };
    let (watched, cluster) = (Watched::start(&binary), Cluster::start(&binary));
    for address in [watched.address(), cluster.address()] {
        let mut fleet = Fleet::mirrored(21, &address);
        fleet.live(DRIVERS, 6_000);
        age(&mut fleet);
        fleet.settled(&link(&address)).await;
        let copy = fallback(&address);
        assert_reach(&compare(&mut fleet, &copy, 300).await, 300);
    }
}

#[tokio::test]
async fn a_stadium_is_searched_in_full() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let fleet = Fleet::mirrored(23, &server.url());
    let spot = LatLng::try_from(Degrees { lat: 37.7, lng: -122.4 }).unwrap();
    for i in 0..3_000 {
        let id: DriverId = format!("fan-{i:04}").parse().unwrap();
        fleet.report(&id, spot, wall_now());
        if i < 2_990 {
            fleet.map.set_status(fleet.map.find(&id).unwrap(), DriverStatus::OnTrip);
        }
    }
    fleet.settled(&link(&server.url())).await;
    let copy = fallback(&server.url());
    let question = Nearest {
        center: spot,
        k: K::TEN,
        radius: Meters::whole(5_000),
        filter: Filter::default(),
    };
    // More than one search names lie at the same place, and few of them pass.
    let answer = copy.nearest(wall_now(), &question).await.unwrap();
    let ids: Vec<&str> = answer.hits.iter().map(|found| found.id.as_str()).collect();
    assert_eq!((ids.len(), ids[0], ids[9]), (10, "fan-2990", "fan-2999"));
}

const FRISCO: fn() -> LatLng = || LatLng::try_from(Degrees { lat: 37.7, lng: -122.4 }).unwrap();

/// Waits until a replica has what the map has.
async fn caught_up(fleet: &Fleet, replica: &Server) {
    fleet.settled(&link(&replica.url())).await;
}

#[tokio::test]
async fn a_primary_that_hangs_does_not_cost_its_time_at_each_step() {
    let Some(binary) = binary() else { return };
    let primary = Server::start(&binary, &[]);
    let replica = replica_of(&binary, &primary);
    let fleet = Fleet::mirrored(26, &primary.url());
    // Few in each of many regions, and almost nobody is free: all circles have to be looked at.
    for (i, (lat, lng)) in (0..15).flat_map(|lat| (0..16).map(move |lng| (lat, lng))).enumerate() {
        let place =
            Degrees { lat: 36.3 + f64::from(lat) * 0.2, lng: -124.0 + f64::from(lng) * 0.2 };
        let id: DriverId = format!("cab-{i}").parse().unwrap();
        fleet.report(&id, LatLng::try_from(place).unwrap(), wall_now());
        if i % 80 != 7 {
            fleet.map.set_status(fleet.map.find(&id).unwrap(), DriverStatus::OnTrip);
        }
    }
    fleet.settled(&link(&primary.url())).await;
    caught_up(&fleet, &replica).await;
    // Eight steps, each with this pause, would be later.
    let (deadline, hedge_after) = (Duration::from_millis(1_500), Duration::from_millis(250));
    let options = FallbackOptions { deadline, hedge_after, ..patient() };
    let copy = Fallback::new(primary.url().parse().unwrap(), options, 3);
    let question = Nearest {
        center: FRISCO(),
        k: K::TEN,
        radius: Meters::whole(95_000),
        filter: Filter::default(),
    };
    let mut answer = Answer::default();
    let now = wall_now();
    fleet.map.nearest(now, &question, &mut answer);
    let truth: Vec<DriverId> =
        answer.hits.iter().map(|hit| fleet.map.id(hit.driver).unwrap()).collect();
    assert!((1..10).contains(&truth.len()), "{truth:?}");
    // The primary's link learns of the replica beside the questions, at most once a second.
    let begun = stopwatch();
    let mut pace = tokio::time::interval(Duration::from_millis(300));
    let said = loop {
        pace.tick().await;
        drop(copy.nearest(wall_now(), &question).await);
        pace.tick().await;
        primary.pause();
        match copy.nearest(now, &question).await {
            Ok(answer) => break answer,
            // As long as no replica is known. Too late is too late.
            Err(FallbackError::Link(_)) => {}
            Err(error) => panic!("{error}"),
        }
        primary.resume();
        assert!(begun.elapsed() < PATIENCE, "the replica is never asked");
    };
    let said: Vec<DriverId> = said.hits.iter().map(|found| found.id).collect();
    assert_eq!(said, truth);
    primary.resume();
}

#[tokio::test]
async fn a_slow_primary_is_helped_out_by_its_replica() {
    let Some(binary) = binary() else { return };
    let primary = Server::start(&binary, &[]);
    let mut replica = replica_of(&binary, &primary);
    let mut fleet = Fleet::mirrored(24, &primary.url());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link(&primary.url())).await;
    let deadline = Duration::from_secs(2);
    let options = FallbackOptions { deadline, ..patient() };
    let copy = Fallback::new(primary.url().parse().unwrap(), options, 3);
    let filter = Filter { max_age: Some(MIDDLE_AGE), ..Filter::default() };
    let question = Nearest { filter, radius: Meters::whole(400_000), k: K::TEN, center: FRISCO() };
    let before = copy.nearest(wall_now(), &question).await.unwrap();
    assert!(before.complete.is_some());
    caught_up(&fleet, &replica).await;
    let now = wall_now();
    let mut truth = Answer::default();
    fleet.map.nearest(now, &question, &mut truth);
    let truth: Vec<DriverId> =
        truth.hits.iter().map(|hit| fleet.map.id(hit.driver).unwrap()).collect();
    assert!(truth.len() > 2, "{question:?}");
    // The primary's link learns of the replica beside the questions, at most once a second.
    let begun = stopwatch();
    let mut pace = tokio::time::interval(Duration::from_millis(300));
    loop {
        pace.tick().await;
        drop(copy.nearest(wall_now(), &question).await);
        pace.tick().await;
        primary.pause();
        if let Ok(answer) = copy.nearest(now, &question).await {
            let said: Vec<DriverId> = answer.hits.iter().map(|found| found.id).collect();
            assert_eq!(said, truth, "the replica answers as the map");
            break;
        }
        primary.resume();
        assert!(begun.elapsed() < PATIENCE, "the replica is never asked");
    }
    // Nobody answers: an error by the deadline.
    replica.kill();
    let begun = stopwatch();
    let error = copy.nearest(wall_now(), &question).await.unwrap_err();
    assert!(matches!(error, FallbackError::Late { .. } | FallbackError::Link(_)), "{error}");
    assert!(begun.elapsed() < deadline + Duration::from_millis(500), "{:?}", begun.elapsed());
    primary.resume();
}

#[tokio::test]
async fn a_server_without_a_map_answers_and_says_from_where() {
    let Some(binary) = binary() else { return };
    let mut redis = Server::start(&binary, &[]);
    let fleet = Fleet::mirrored(25, &redis.url());
    let place = LatLng::try_from(Degrees { lat: 37.7, lng: -122.4 }).unwrap();
    fleet.report(&"cab".parse().unwrap(), place, wall_now());
    let silent = Timestamp::from_millis(wall_now().as_millis() - 120_000);
    fleet.report(&"ghost".parse().unwrap(), place, silent);
    fleet.settled(&link(&redis.url())).await;

    let copy = Fallback::new(redis.url().parse().unwrap(), FallbackOptions::default(), 3);
    let config = ServerConfig {
        http: None,
        threads: 1,
        copy: Some((Arc::new(copy), CopyUse::Always)),
        ..ServerConfig::default()
    };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
    let running = Hansom::start(config, map, Arc::new(Clock::Wall)).unwrap();
    let url = format!("http://{}", running.grpc_addr());
    let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    let mut client = ProximityServiceClient::new(channel);
    let position = Some(hansom::api::proto::Position { lat: 37.7, lng: -122.4 });
    let question = NearestRequest { position, k: 5, radius_m: Some(1_000.0), filter: None };
    // The mirror says how old the copy is at most once it has looked at everybody.
    let begun = stopwatch();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    let answer = loop {
        pace.tick().await;
        let answer = client.nearest(question.clone()).await.unwrap().into_inner();
        if answer.staleness_ms.is_some() {
            break answer;
        }
        assert!(begun.elapsed() < PATIENCE, "never told how old it is: {answer:?}");
    };
    assert_eq!(answer.source(), Source::Redis);
    let ids: Vec<&str> = answer.hits.iter().map(|hit| hit.driver_id.as_str()).collect();
    assert_eq!(ids, ["cab"], "who is silent does not haunt it");
    assert!(answer.staleness_ms.unwrap() < 10_000, "{answer:?}");
    let status = client.watch_area(WatchAreaRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let status = client.count(CountRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    redis.kill();
    let begun = stopwatch();
    let status = client.nearest(question).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
