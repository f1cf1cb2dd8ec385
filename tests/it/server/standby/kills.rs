//! Kills and pauses of the active process at random moments, under load: no acknowledged trip is lost,
//! no driver has two, nothing stale lands, and all that clients were told can be put into one order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::rider_service_client::RiderServiceClient;
use hansom::api::proto::{
    AcceptOfferRequest, ArriveRequest, CancelTripRequest, CompleteTripRequest, DriverStatus,
    GetTripRequest, PositionReport, ReportRequest, StartTripRequest, StatusRequest, Trip,
    TripState,
};
use hansom::clock::stopwatch;
use hansom::limits;
use hansom::records;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::history::{
    Call, DriverModel, OfDriver, OfTrip, TripModel, double_assignment, is_linearizable,
};
use super::outages::pass;
use super::{LEASE_MS, Pair, Redis, active, is_active};
use crate::server::crash::random;
use crate::server::support::{PATIENCE, eventually, now_ms, report, soon};
use crate::server::town::{Town, request};

/// Kills, and as many pauses; `HANSOM_KILLS` asks for more.
const KILLS: u64 = 2;

const RIDERS: usize = 4;
const DRIVERS: usize = 6;

/// As the promise is: within the lease and two seconds.
const PROMISED: Duration = Duration::from_millis(LEASE_MS + 2_000);

/// The most calls on one trip, so that its history can be judged.
const MOST_CALLS: usize = 100;

/// What clients were told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) trips: BTreeMap<String, Vec<Call<OfTrip>>>,
    drivers: BTreeMap<String, Vec<Call<OfDriver>>>,
    /// The trip of each request.
    pub(super) requests: BTreeMap<(usize, u64), String>,
    /// Trips that somebody was told are completed.
    completed: BTreeSet<String>,
    unknown: u64,
    wrong: Vec<String>,
}

impl Told {
    /// How many trips somebody was told are completed.
    pub(super) fn completed(&self) -> usize {
        self.completed.len()
    }
}

/// Where clients go, and where they write down what they are told.
pub(super) struct World {
    epoch: Instant,
    /// The two processes, as they were last started.
    pub(super) doors: Mutex<[Channel; 2]>,
    pub(super) told: Mutex<Told>,
    pub(super) over: std::sync::atomic::AtomicBool,
}

impl World {
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap()
    }

    fn is_over(&self) -> bool {
        self.over.load(std::sync::atomic::Ordering::Acquire)
    }

    fn door(&self, which: usize) -> Channel {
        self.doors.lock().unwrap()[which % 2].clone()
    }

    fn of_trip(&self, trip: &str, call: Call<OfTrip>) {
        let mut told = self.told.lock().unwrap();
        told.unknown += u64::from(call.ended.is_none());
        if call.ended.is_some() && matches!(call.what, OfTrip::Step(_, 4)) {
            told.completed.insert(trip.to_owned());
        }
        told.trips.entry(trip.to_owned()).or_default().push(call);
    }

    fn of_driver(&self, driver: &str, call: Call<OfDriver>) {
        self.told.lock().unwrap().drivers.entry(driver.to_owned()).or_default().push(call);
    }
}

/// Whether it is not known what became of a call.
fn is_unknown(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Internal
    )
}

/// One client's view: which door it knocks at, and how a call went.
struct Client {
    world: Arc<World>,
    at: usize,
}

/// How long a client waits for an answer before it asks elsewhere.
const TIMEOUT: Duration = Duration::from_millis(700);

impl Client {
    /// Makes a call, at the other door after one that was not answered; with its times.
    async fn call<T, F: Future<Output = Result<tonic::Response<T>, Status>>>(
        &mut self,
        ask: impl FnOnce(Channel) -> F,
    ) -> (u64, Option<u64>, Result<T, Status>) {
        let begun = self.world.now();
        let asked = tokio::time::timeout(TIMEOUT, ask(self.world.door(self.at))).await;
        let answer = asked.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer")));
        match answer {
            Err(status) if is_unknown(&status) => {
                self.at += 1;
                let pause =
                    tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>());
                drop(pause.await);
                (begun, None, Err(status))
            }
            answer => (begun, Some(self.world.now()), answer.map(tonic::Response::into_inner)),
        }
    }

    /// Writes down a call on a trip that was done, or may have been.
    fn note(&self, trip: &str, what: OfTrip, begun: u64, ended: Option<u64>) {
        self.world.of_trip(trip, Call { what, begun, ended });
    }

    async fn look(&mut self, trip: &str) -> Option<Trip> {
        let asked = GetTripRequest { trip_id: trip.to_owned() };
        let ask = |door| async move { RiderServiceClient::new(door).get_trip(asked).await };
        let (begun, ended, answer) = self.call(ask).await;
        match answer {
            Ok(found) => {
                let found = found.trip?;
                let driver = found.assignment.as_ref().map(|a| a.driver_id.clone());
                let seen = OfTrip::Seen(rank(found.state()), driver);
                self.note(trip, seen, begun, ended);
                Some(found)
            }
            Err(status) if status.code() == Code::NotFound => {
                self.note(trip, OfTrip::Missing, begun, ended);
                None
            }
            Err(_) => None,
        }
    }

    /// Asks for a trip until there is one.
    async fn request(&mut self, number: usize, key: u64) -> Option<String> {
        let mut begun_first = None;
        loop {
            if self.world.is_over() {
                return None;
            }
            let wanted = request(&format!("rider-{number}"), &format!("k{key}"));
            let ask =
                |door| async move { RiderServiceClient::new(door).request_trip(wanted).await };
            let (begun, ended, answer) = self.call(ask).await;
            let begun = *begun_first.get_or_insert(begun);
            if let Ok(made) = answer {
                let mut told = self.world.told.lock().unwrap();
                let known = told.requests.entry((number, key)).or_insert(made.trip_id.clone());
                if *known != made.trip_id {
                    let wrong = format!("{number} {key} was {known} and is {}", made.trip_id);
                    told.wrong.push(wrong);
                }
                drop(told);
                // It may have been made by any of these calls.
                self.note(&made.trip_id, OfTrip::Request, begun, ended);
                return Some(made.trip_id);
            }
        }
    }

    /// Does the next thing with a trip, as its driver or its rider would.
    async fn go_on(&mut self, trip: &Trip, cancels: Cancels) {
        let id = trip.trip_id.clone();
        let driver = trip.assignment.as_ref().map(|a| a.driver_id.clone());
        if cancels == Cancels::Yes && rank(trip.state()) < 3 {
            let rider_id = trip.rider_id.clone();
            let asked = CancelTripRequest { trip_id: id.clone(), rider_id, reason: 0 };
            let ask = |door| async move { RiderServiceClient::new(door).cancel_trip(asked).await };
            let (begun, ended, answer) = self.call(ask).await;
            if answer.is_ok() || ended.is_none() {
                self.note(&id, OfTrip::Cancel, begun, ended);
                if let Some(driver) = driver {
                    self.world.of_driver(&driver, Call { what: OfDriver::Leave(id), begun, ended });
                }
            }
            return;
        }
        if let Some(offer) = trip.offer.clone() {
            let driver = offer.driver_id.clone();
            let asked = AcceptOfferRequest { driver_id: driver.clone(), offer_id: offer.offer_id };
            let ask =
                |door| async move { DriverServiceClient::new(door).accept_offer(asked).await };
            let (begun, ended, answer) = self.call(ask).await;
            if answer.is_ok() || ended.is_none() {
                self.note(&id, OfTrip::Accept(driver.clone()), begun, ended);
                self.world.of_driver(&driver, Call { what: OfDriver::Accept(id), begun, ended });
            }
            return;
        }
        let Some(driver) = driver else { return };
        let (driver_id, trip_id) = (driver.clone(), id.clone());
        let to = rank(trip.state()) + 1;
        let ask = |door| async move {
            let mut client = DriverServiceClient::new(door);
            match to {
                2 => client.arrive(ArriveRequest { driver_id, trip_id }).await.map(drop_answer),
                3 => client
                    .start_trip(StartTripRequest { driver_id, trip_id })
                    .await
                    .map(drop_answer),
                _ => {
                    let asked = CompleteTripRequest { driver_id, trip_id, driven_m: None };
                    client.complete_trip(asked).await.map(drop_answer)
                }
            }
        };
        let (begun, ended, answer) = self.call(ask).await;
        if answer.is_ok() || ended.is_none() {
            self.note(&id, OfTrip::Step(driver.clone(), to), begun, ended);
            if to == 4 {
                self.world.of_driver(&driver, Call { what: OfDriver::Leave(id), begun, ended });
            }
        }
    }
}

fn drop_answer<T>(answer: tonic::Response<T>) -> tonic::Response<()> {
    answer.map(drop)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cancels {
    Yes,
    No,
}

fn rank(state: TripState) -> u32 {
    match state {
        TripState::Assigned | TripState::EnRoute => 1,
        TripState::Arrived => 2,
        TripState::InProgress => 3,
        TripState::Completed => 4,
        TripState::Cancelled | TripState::Unfulfilled => 5,
        _ => 0,
    }
}

/// A rider who asks for one trip after the other, and whoever drives.
async fn ride(world: Arc<World>, number: usize) {
    let mut client = Client { world: Arc::clone(&world), at: number };
    for key in 0.. {
        let Some(trip) = client.request(number, key).await else { return };
        let mut looks = 0;
        while looks < MOST_CALLS / 2 {
            // Nor does a rider go away from a trip for which drivers would be asked in vain.
            let tired = key % 5 == 4 || looks > MOST_CALLS / 4;
            let cancels = if tired { Cancels::Yes } else { Cancels::No };
            if world.is_over() {
                return;
            }
            // Whoever gave up while nobody answers would leave a driver with a trip for ever.
            let Some(found) = client.look(&trip).await else { continue };
            looks += 1;
            if rank(found.state()) >= 4 {
                break;
            }
            client.go_on(&found, cancels).await;
            if found.offer.is_none() && found.assignment.is_none() {
                // Nobody has been found yet.
                pass(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Keeps both processes told of where drivers are.
async fn report_all(world: Arc<World>) {
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    while !world.is_over() {
        pace.tick().await;
        for which in 0..2 {
            let mut client = DriverServiceClient::new(world.door(which));
            for number in 0..DRIVERS {
                let status = DriverStatus::Available.into();
                let here = PositionReport { status, ..report(37.5, -122.25, now_ms()) };
                let (driver_id, report) = (format!("cab-{number}"), Some(here));
                let asked = ReportRequest { driver_id, report, profile: None };
                // A process that sleeps or is gone learns it later.
                let asked = client.report(asked);
                if !matches!(tokio::time::timeout(TIMEOUT, asked).await, Ok(Ok(_))) {
                    break;
                }
            }
        }
    }
}

/// Begins the load: riders, and whoever drives, who knock at these doors.
pub(super) fn begin(doors: [&Channel; 2]) -> (Arc<World>, JoinSet<()>) {
    let doors = Mutex::new(doors.map(Clone::clone));
    let (told, over) = (Mutex::default(), false.into());
    let world = Arc::new(World { epoch: stopwatch(), doors, told, over });
    let mut clients = JoinSet::new();
    for number in 0..RIDERS {
        clients.spawn(ride(Arc::clone(&world), number));
    }
    clients.spawn(report_all(Arc::clone(&world)));
    (world, clients)
}

/// Waits until Redis has all that a process has committed.
pub(super) async fn caught_up(redis: &Redis, town: &Town) {
    let cursor = ["HGET", "hansom:1:{m:main}:cursor", "seq"];
    eventually("Redis has all of the market", || async {
        let Ok(status) = town.admin().status(StatusRequest {}).await else { return false };
        let there: Option<u64> = redis.ask(&cursor).unwrap();
        there == Some(status.into_inner().events)
    })
    .await;
}

/// The trips that Redis has as open, against what the active process says of them.
pub(super) async fn compare_with_redis(redis: &Redis, town: &Town) -> usize {
    let mut compared = 0;
    caught_up(redis, town).await;
    for name in ["open", "ended"] {
        let key = format!("hansom:1:{{m:main}}:{name}");
        let rows: BTreeMap<String, Vec<u8>> = redis.ask(&["HGETALL", &key]).unwrap();
        for (number, record) in rows {
            let copied = records::decode_trip(&record).unwrap();
            let is = town.trip(&format!("main-{number}")).await;
            assert_eq!(copied.ordinal, is.ordinal, "trip {number} in Redis is another");
            compared += 1;
        }
    }
    compared
}

/// Which of two runs the market, once one does.
pub(super) async fn one_of(towns: &[Town]) -> usize {
    eventually("one runs the market", || async {
        is_active(&towns[0]).await || is_active(&towns[1]).await
    })
    .await;
    usize::from(!is_active(&towns[0]).await)
}

pub(super) fn judge(told: &Told) {
    assert_eq!(told.wrong, Vec::<String>::new());
    for (trip, calls) in &told.trips {
        assert!(is_linearizable(&TripModel, calls), "{trip}: {calls:#?}");
    }
    for (driver, calls) in &told.drivers {
        assert_eq!(double_assignment(calls), None, "{driver} has two trips at once");
        // And in parts, as there are many, in which the order of what may have been done counts too.
        let mut calls = calls.clone();
        calls.sort_unstable_by_key(|call| call.begun);
        for part in calls.chunks(MOST_CALLS) {
            assert!(is_linearizable(&DriverModel, part), "{driver}: {part:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_and_pauses_lose_nothing_that_redis_has_confirmed() {
    let kills = std::env::var("HANSOM_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let Some(pair) = Pair::new() else { return };
    let more = ["--ack", "redis", "--back-to-back", "0s", "--offer-timeout", "10s"];
    let mut towns = [pair.start(0, &more).await, pair.start(1, &more).await];
    let first = one_of(&towns).await;
    let (world, clients) = begin([&towns[0].channel, &towns[1].channel]);
    let (mut seed, mut at) = (7, first);
    let mut longest = Duration::ZERO;
    for round in 0..2 * kills {
        let lived = Duration::from_millis(300 + random(&mut seed, 700));
        drop(tokio::time::timeout(lived, std::future::pending::<()>()).await);
        let next = 1 - at;
        let begun = stopwatch();
        if round % 2 == 0 {
            let folder = pair.folders[at].path().to_owned();
            let [one, two] = towns;
            let (dies, other) = if at == 0 { (one, two) } else { (two, one) };
            assert_eq!(dies.served.kill(), Some(9));
            let reborn = super::start(&folder, &pair.redis.url(), &more).await;
            world.doors.lock().unwrap()[at] = reborn.channel.clone();
            towns = if at == 0 { [reborn, other] } else { [other, reborn] };
            at = one_of(&towns).await;
            longest = longest.max(begun.elapsed());
        } else {
            towns[at].served.signal("-STOP");
            active(&towns[next]).await;
            longest = longest.max(begun.elapsed());
            let asleep = Duration::from_millis(random(&mut seed, LEASE_MS));
            drop(tokio::time::timeout(asleep, std::future::pending::<()>()).await);
            towns[at].served.signal("-CONT");
            at = next;
        }
    }
    drop(tokio::time::timeout(Duration::from_millis(LEASE_MS), std::future::pending::<()>()).await);
    world.over.store(true, std::sync::atomic::Ordering::Release);
    tokio::time::timeout(PATIENCE, clients.join_all()).await.expect("a client hangs");
    let compared = compare_with_redis(&pair.redis, &towns[at]).await;
    let mut busy = BTreeSet::new();
    let trips: Vec<String> = world.told.lock().unwrap().trips.keys().cloned().collect();
    // A successor knows all that are open, and of those that have ended as many as Redis keeps.
    let number = |id: &String| id.rsplit_once('-').and_then(|(_, n)| n.parse::<usize>().ok());
    let newest = trips.iter().filter_map(number).max().unwrap_or(0);
    let known = newest.saturating_sub(limits::MAX_SHIPPED_ENDED_TRIPS - RIDERS)..;
    for id in trips.iter().filter(|id| number(id).is_none_or(|number| known.contains(&number))) {
        // Lost trips are panics here.
        let trip = soon(async { towns[at].trip(id).await }).await;
        if rank(trip.state()) < 4
            && let Some(assignment) = &trip.assignment
        {
            assert!(busy.insert(assignment.driver_id.clone()), "{id}: a driver has two trips");
        }
    }
    let told = world.told.lock().unwrap();
    judge(&told);
    let calls: usize = told.trips.values().map(Vec::len).sum();
    let (unknown, made) = (told.unknown, trips.len());
    println!(
        "{kills} kills and as many pauses: {made} trips, {calls} calls judged, {unknown} of unknown \
         outcome, {compared} trips compared with Redis, the longest takeover {longest:?}"
    );
    assert!(longest < PROMISED, "{longest:?} with a lease of {LEASE_MS} ms");
    // Few cuts may hit no call under way.
    let cut = unknown > 0 || kills < 10;
    assert!(made as u64 > 2 * kills && cut && compared > 0, "it reaches what it is for");
}
