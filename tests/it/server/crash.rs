//! `kill -9` under load, again and again on one journal: what was acknowledged is there, nobody has
//! two trips, every watcher sees each event once and in order, and in the end every trip ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hansom::api::proto::command_answer::Outcome;
use hansom::api::proto::connect_response::Kind as Told;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::rider_service_client::RiderServiceClient;
use hansom::api::proto::trip_event::What as Happened;
use hansom::api::proto::{
    CancelTripRequest, CompleteTrip, GetTripRequest, Journey, StatusRequest, Trip, TripEvent,
    TripState, WatchTripRequest,
};
use hansom::clock::stopwatch;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::support::{PATIENCE, at};
use super::town::{App, Town, all, request};

/// Times that the server is killed; `HANSOM_KILLS` asks for more.
const KILLS: u64 = 50;

const RIDERS: usize = 6;
/// Fewer than riders, so that somebody waits, and may be queued behind whoever is on board.
const DRIVERS: usize = 4;

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
pub(super) fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % below
}

/// How far a trip has come.
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

/// What the clients were told: it must be so for ever.
#[derive(Default)]
struct Ledger {
    /// The trip of each rider's request key.
    requests: BTreeMap<(usize, u64), String>,
    /// How far each trip was said to be, at least.
    ranks: BTreeMap<String, u32>,
    /// Who was told to have taken a trip.
    takers: BTreeMap<String, String>,
    /// Trips that a driver was told to have completed.
    completed: BTreeSet<String>,
    /// Events that watchers have seen.
    events: BTreeMap<(String, u32), TripEvent>,
    /// Offers that were declined.
    declined: u64,
    /// Trips that were queued behind another when a life began.
    queued: u64,
    /// Watches that went on after a kill.
    resumed: u64,
    /// What must never be.
    wrong: Vec<String>,
}

impl Ledger {
    fn reached(&mut self, trip: &str, rank: u32) {
        let known = self.ranks.entry(trip.to_owned()).or_default();
        *known = rank.max(*known);
    }
}

type Shared = Arc<Mutex<Ledger>>;

/// A rider who asks, watches to the end, and asks again; across all lives of the server.
#[derive(Default)]
struct Rider {
    request: u64,
    /// The last event that was seen of it.
    seen: u32,
}

impl Rider {
    /// Goes on until the server dies, or so many requests have come to their ends.
    async fn ride(
        &mut self,
        number: usize,
        channel: Channel,
        ledger: Shared,
        mut requests: u64,
    ) -> Result<(), Status> {
        let mut client = RiderServiceClient::new(channel);
        let name = format!("rider-{number}");
        if self.seen > 0 {
            ledger.lock().unwrap().resumed += 1;
        }
        loop {
            let mut wanted = request(&name, &format!("k{}", self.request));
            // Not far: whoever is on board is there soon.
            let near = Some(at(37.5, -122.249));
            wanted.journey = wanted.journey.map(|journey| Journey { dropoff: near, ..journey });
            let made = client.request_trip(wanted).await?.into_inner();
            {
                let mut ledger = ledger.lock().unwrap();
                let key = (number, self.request);
                let known = ledger.requests.entry(key).or_insert_with(|| made.trip_id.clone());
                if *known != made.trip_id {
                    let wrong = format!("{key:?} was {known} and is {}", made.trip_id);
                    ledger.wrong.push(wrong);
                }
                ledger.reached(&made.trip_id, 0);
            }
            let trip_id = made.trip_id.clone();
            if self.request % 7 == 3 {
                let cancel = CancelTripRequest {
                    trip_id: trip_id.clone(),
                    rider_id: name.clone(),
                    reason: 0,
                };
                match client.cancel_trip(cancel).await {
                    Ok(_) => ledger.lock().unwrap().reached(&trip_id, 5),
                    Err(status) if status.code() == Code::FailedPrecondition => {}
                    Err(status) => return Err(status),
                }
            }
            let watch = WatchTripRequest { trip_id: trip_id.clone(), after_ordinal: self.seen };
            let mut watch = client.watch_trip(watch).await?.into_inner();
            while let Some(response) = watch.message().await? {
                let event = response.event.unwrap();
                let mut ledger = ledger.lock().unwrap();
                if event.ordinal != self.seen + 1 {
                    let wrong = format!("{trip_id}: {} after {}", event.ordinal, self.seen);
                    ledger.wrong.push(wrong);
                }
                self.seen = event.ordinal;
                note(&mut ledger, &event);
                ledger.events.insert((trip_id.clone(), event.ordinal), event);
            }
            *self = Self { request: self.request + 1, seen: 0 };
            requests -= 1;
            if requests == 0 {
                return Ok(());
            }
        }
    }
}

/// What a watcher was told is so as well.
fn note(ledger: &mut Ledger, event: &TripEvent) {
    let rank = match event.what {
        Some(Happened::DriverArrived(_)) => 2,
        Some(Happened::TripStarted(_)) => 3,
        Some(Happened::TripEnded(_)) => 4,
        _ => 0,
    };
    ledger.reached(&event.trip_id, rank);
}

/// What a driver answers to an offer: of five trips one is declined, by each driver another, so that no
/// trip is declined by all.
fn answer(driver: usize, trip: &str, offer: String) -> (u32, What) {
    if (number(trip) + driver as u64).is_multiple_of(5) {
        (0, What::DeclineOfferId(offer))
    } else {
        (1, What::AcceptOfferId(offer))
    }
}

/// The next thing that a driver does with a trip.
fn next_step(driver: usize, trip: &Trip) -> Option<(u32, What)> {
    let id = trip.trip_id.clone();
    Some(match trip.state() {
        TripState::Offered => answer(driver, &id, trip.offer.as_ref()?.offer_id.clone()),
        TripState::EnRoute => (2, What::ArriveTripId(id)),
        TripState::Arrived => (3, What::StartTripId(id)),
        TripState::InProgress => (4, complete(id)),
        _ => return None,
    })
}

fn complete(trip_id: String) -> What {
    What::Complete(CompleteTrip { trip_id, driven_m: None })
}

/// A driver who takes most of what is offered, also while another is on board, and brings everybody, until
/// the server dies.
async fn drive(driver: usize, channel: Channel, ledger: Shared) -> Result<(), Status> {
    let name = format!("cab-{driver}");
    let mut app = App::open(channel, &name).await?;
    let mut sent = BTreeMap::new();
    loop {
        let told = app.next().await?;
        let steps: Vec<(String, u32, What)> = match told {
            Told::Trips(trips) => {
                let steps = trips.trips.iter().filter_map(|trip| {
                    let (rank, what) = next_step(driver, trip)?;
                    Some((trip.trip_id.clone(), rank, what))
                });
                steps.collect()
            }
            Told::Event(TripEvent { trip_id: id, what: Some(what), .. }) => {
                let step = match what {
                    Happened::OfferMade(offer) => Some(answer(driver, &id, offer.offer_id)),
                    Happened::PickupStarted(_) => Some((2, What::ArriveTripId(id.clone()))),
                    Happened::DriverArrived(_) => Some((3, What::StartTripId(id.clone()))),
                    Happened::TripStarted(_) => Some((4, complete(id.clone()))),
                    _ => None,
                };
                step.into_iter().map(|(rank, what)| (id.clone(), rank, what)).collect()
            }
            Told::Answer(answer) => {
                let (trip, rank): (String, u32) = sent.remove(&answer.number).unwrap();
                if let Some(Outcome::Done(_)) = answer.outcome {
                    let mut ledger = ledger.lock().unwrap();
                    ledger.reached(&trip, rank);
                    if rank == 4 {
                        ledger.completed.insert(trip.clone());
                    }
                    if rank == 0 {
                        ledger.declined += 1;
                    } else {
                        ledger.takers.insert(trip, name.clone());
                    }
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        for (trip, rank, what) in steps {
            let number = app.begin(what).await;
            sent.insert(number, (trip, rank));
        }
    }
}

/// The trips of a market from a number on.
async fn trips(town: &Town, from: u64) -> Vec<Trip> {
    let count = town.admin().status(StatusRequest {}).await.unwrap().into_inner().trips;
    let mut found = Vec::new();
    for number in from..=count {
        let request = GetTripRequest { trip_id: format!("main-{number}") };
        let trip = town.riders().get_trip(request).await.unwrap().into_inner();
        found.push(trip.trip.unwrap());
    }
    found
}

/// What a restarted server knows of trips from a number on, against what its clients were told.
fn check(ledger: &Ledger, from: u64, trips: &[Trip], life: u64) {
    assert_eq!(ledger.wrong, Vec::<String>::new(), "life {life}");
    let by_id: BTreeMap<&str, &Trip> = trips.iter().map(|t| (t.trip_id.as_str(), t)).collect();
    for (id, &told) in ledger.ranks.iter().filter(|(id, _)| number(id) >= from) {
        let trip = by_id.get(id.as_str()).unwrap_or_else(|| panic!("life {life}: {id} is lost"));
        let is = rank(trip.state());
        assert!(is >= told, "life {life}: {id} was {told} and is {:?}", trip.state());
        if ledger.completed.contains(id) {
            assert_eq!(trip.state(), TripState::Completed, "life {life}: {id}");
        }
        if let (Some(taker), Some(assignment)) = (ledger.takers.get(id), &trip.assignment) {
            assert_eq!(*taker, assignment.driver_id, "life {life}: {id} changed hands");
        }
    }
    // One under way, and one ahead, which is queued or offered.
    let (mut busy, mut ahead) = (BTreeSet::new(), BTreeMap::new());
    for trip in trips.iter().filter(|trip| rank(trip.state()) < 4) {
        let assigned = trip.assignment.as_ref().map(|a| &a.driver_id);
        let driver = assigned.or(trip.offer.as_ref().map(|offer| &offer.driver_id));
        let Some(driver) = driver else { continue };
        let alone = match trip.state() {
            TripState::Offered | TripState::Assigned => ahead.insert(driver, trip).is_none(),
            _ => busy.insert(driver),
        };
        assert!(alone, "life {life}: {driver} has two trips");
    }
    for trip in ahead.values().filter(|trip| trip.state() == TripState::Assigned) {
        let driver = &trip.assignment.as_ref().unwrap().driver_id;
        assert!(busy.contains(driver), "life {life}: {driver} waits for nothing");
    }
}

/// What the journal tells of all trips in the end, against what watchers were told in all lives.
async fn compare_events(town: &Town, ledger: &Shared, trips: &[Trip]) {
    let seen = ledger.lock().unwrap().events.clone();
    let mut told = 0;
    for trip in trips {
        for event in all(town.watch(&trip.trip_id, 0).await).await {
            if let Some(seen) = seen.get(&(trip.trip_id.clone(), event.ordinal)) {
                assert_eq!(*seen, event, "{}", trip.trip_id);
                told += 1;
            }
        }
    }
    assert_eq!(told, seen.len(), "events that were told are gone");
}

/// How many wait for their drivers to end another trip.
fn queued(trips: &[Trip]) -> u64 {
    trips.iter().filter(|trip| trip.state() == TripState::Assigned).count() as u64
}

/// The number in the name of a trip.
fn number(trip: &str) -> u64 {
    trip.strip_prefix("main-").unwrap().parse().unwrap()
}

/// Whether enough has happened between all the kills.
fn reached(ledger: &Ledger, kills: u64, checked: usize, took: Duration) {
    let (made, completed) =
        (ledger.ranks.len(), ledger.ranks.values().filter(|rank| **rank == 4).count());
    println!(
        "{kills} kills in {took:?}: {made} trips, {completed} completed, {checked} looked at after a \
         kill, {} events, {} declined, {} found queued, {} resumed watches",
        ledger.events.len(),
        ledger.declined,
        ledger.queued,
        ledger.resumed
    );
    let reach = usize::try_from(kills).unwrap();
    assert!(checked >= made, "{checked} of {made} were looked at after a kill");
    assert!(completed > reach && made > completed, "{completed} of {made} were completed");
    assert!(ledger.declined > kills, "{} offers were declined", ledger.declined);
    assert!(ledger.resumed > kills, "{} watches went on after a kill", ledger.resumed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_nothing_it_acknowledged() {
    let kills = std::env::var("HANSOM_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let ledger = Shared::default();
    let riders: Vec<_> =
        (0..RIDERS).map(|_| Arc::new(tokio::sync::Mutex::new(Rider::default()))).collect();
    let settings = [
        ["--patience", "30s"],
        ["--threads", "1"],
        // A life is short: whoever asks before the drivers are there is not to wait for the next.
        ["--retry-every", "100ms"],
    ]
    .concat();
    let (mut seed, begun) = (1, stopwatch());
    let (mut open, mut checked) = (1, 0);
    for life in 0..=kills {
        let town = Town::start(folder.path(), &settings).await;
        // All that were open when the life before began are checked each time; those that were over
        // by then, now and then.
        let now_and_then = life.is_multiple_of((kills / 5).max(1));
        let from = if now_and_then { 1 } else { open };
        let known = trips(&town, from).await;
        check(&ledger.lock().unwrap(), from, &known, life);
        ledger.lock().unwrap().queued += queued(&known);
        checked += known.len();
        let mut ended = known.iter().filter(|trip| number(&trip.trip_id) >= open);
        open += ended.by_ref().take_while(|trip| rank(trip.state()) >= 4).count() as u64;
        let mut tasks = JoinSet::new();
        for number in 0..DRIVERS {
            tasks.spawn(drive(number, town.channel.clone(), ledger.clone()));
        }
        let mut riding = JoinSet::new();
        let last = life == kills;
        let requests = if last { 1 } else { u64::MAX };
        for (number, rider) in riders.iter().cloned().enumerate() {
            let (channel, ledger) = (town.channel.clone(), ledger.clone());
            riding.spawn(async move {
                rider.lock().await.ride(number, channel, ledger, requests).await
            });
        }
        if last {
            // Left alone, everybody gets to the end.
            let ended = tokio::time::timeout(PATIENCE, riding.join_all());
            let ended = ended.await.expect("a trip does not end");
            assert!(ended.iter().all(Result::is_ok), "{ended:?}");
            let known = trips(&town, 1).await;
            check(&ledger.lock().unwrap(), 1, &known, life);
            assert!(known.iter().all(|trip| rank(trip.state()) >= 4), "an open trip is left");
            compare_events(&town, &ledger, &known).await;
            break;
        }
        let lived = Duration::from_millis(20 + random(&mut seed, 180));
        // The riders go on until they are killed: time is all that ends the wait.
        drop(tokio::time::timeout(lived, std::future::pending::<()>()).await);
        assert_eq!(town.served.kill(), Some(9));
        let gone = riding.join_all().await;
        assert!(gone.iter().all(Result::is_err), "{gone:?}");
        tasks.abort_all();
    }
    reached(&ledger.lock().unwrap(), kills, checked, begun.elapsed());
}
