//! A host with a journal in memory: who hears of what, and when.

mod down;
mod explain;
mod lines;
mod room;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::dispatch::{
    Command, EventKind, Journey, Needs, Refusal, Reply, RiderReason, Standing, TripRequest,
    TripState, Urgency,
};
use crate::geo::{Degrees, LatLng};
use crate::ids::{DriverId, TripId};
use crate::index::{BatchOutcome, IndexConfig, ScanIndex};
use crate::journal::{Fault, MemoryJournal};
use crate::limits;
use crate::model::{Capacity, DriverStatus, Motion, Report};
use crate::telemetry::Metrics;
use crate::travel::StraightLine;
use crate::units::Timestamp;

/// A market whose time the test moves, and what lies around it.
struct Rig {
    map: Arc<ScanIndex>,
    clock: Arc<Clock>,
    journal: Arc<MemoryJournal>,
    metrics: Arc<Metrics>,
    host: Option<Host>,
    now: Timestamp,
}

fn d(name: &str) -> DriverId {
    name.parse().unwrap()
}

fn place(lng: f64) -> LatLng {
    LatLng::try_from(Degrees { lat: 0.0, lng }).unwrap()
}

fn request(rider: &str) -> Command {
    let (rider, key) = (rider.parse().unwrap(), "k1".parse().unwrap());
    let passengers = Capacity::try_from(1).unwrap();
    let journey =
        Journey { pickup: place(0.0), dropoff: Some(place(0.05)), passengers, needs: Needs::NONE };
    let urgency = Urgency::Immediate;
    Command::RequestTrip(Box::new(TripRequest { key, rider, journey, quote: None, urgency }))
}

impl Rig {
    fn start() -> Self {
        let now = Timestamp::from_secs(1_700_000_000);
        let clock = Arc::new(Clock::trace());
        clock.observe(now);
        let mut rig = Self {
            map: Arc::new(ScanIndex::new(IndexConfig::default())),
            clock,
            journal: Arc::default(),
            metrics: Arc::new(Metrics::new(&[])),
            host: None,
            now,
        };
        rig.restart();
        rig
    }

    /// Ends the host and starts another on the same journal.
    fn restart(&mut self) {
        self.host = None;
        self.journal.restart();
        self.host = Some(Host::start(self.config()).unwrap());
    }

    fn config(&self) -> HostConfig {
        HostConfig {
            market: MarketConfig::new("sf".parse().unwrap()),
            policy: policy::POLICIES[0].1,
            travel: Arc::new(StraightLine::default()),
            map: Arc::clone(&self.map) as Arc<dyn LiveMap>,
            clock: Arc::clone(&self.clock),
            journal: Arc::clone(&self.journal) as Arc<dyn Journal>,
            keep_history: Millis::from_secs(86_400),
            keep_trips: 1_000,
            decisions: None,
            metrics: Arc::clone(&self.metrics.market),
        }
    }

    fn handle(&self) -> &MarketHandle {
        self.host.as_ref().unwrap().handle()
    }

    fn attend(&self, name: &str) -> Attendance {
        self.handle().attend(d(name), self.handle().claim()).wait().unwrap()
    }

    fn driver(&self, name: &str, lng: f64) {
        let driver = self.map.bind(self.now, &d(name)).unwrap();
        let status = Some(DriverStatus::Available);
        let report = Report {
            driver,
            position: place(lng),
            at: self.now,
            motion: Motion::default(),
            status,
        };
        let mut outcome = BatchOutcome::default();
        self.map.apply(self.now, &[report], &mut outcome);
        assert_eq!(outcome.applied, 1);
    }

    fn status(&self, name: &str) -> DriverStatus {
        let key = self.map.find(&d(name)).unwrap();
        self.map.driver(self.now, key).unwrap().status
    }

    fn so(&self, command: Command) -> Result<Reply, HostError> {
        self.handle().submit(command).wait()
    }

    fn request(&self, rider: &str) -> TripId {
        match self.so(request(rider)) {
            Ok(Reply::Requested { trip, .. }) => trip,
            other => panic!("{other:?}"),
        }
    }

    /// So many riders ask for the next batch; the answer to the last.
    fn crowd(&self, riders: usize) -> Result<Reply, HostError> {
        let mut last = None;
        for i in 0..riders {
            let Command::RequestTrip(mut wanted) = request(&format!("r{i}")) else { continue };
            wanted.urgency = Urgency::Batch;
            let pending = self.handle().submit(Command::RequestTrip(wanted));
            if i % 4_096 == 4_095 || i + 1 == riders {
                last = Some(pending.wait());
            }
        }
        last.expect("somebody")
    }

    /// Looks until it is so.
    fn until(&self, so: impl Fn(&HostState) -> bool) {
        while !so(&self.handle().state()) {
            std::thread::yield_now();
        }
    }

    fn state(&self, trip: TripId) -> TripState {
        self.handle().trip(trip).unwrap().unwrap().state
    }

    fn kinds(&self, trip: TripId, after: u32) -> Vec<EventKind> {
        let page = self.handle().events_after(trip, after).unwrap().unwrap();
        for (ordinal, event) in (after + 1..).zip(&page.rows) {
            assert_eq!(event.ordinal, ordinal);
        }
        page.rows.iter().map(|event| event.fact.kind()).collect()
    }
}

#[test]
fn a_trip_from_the_request_to_the_fare_survives_restarts() {
    let mut rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let mut line = rig.attend("cab-1");
    assert!(line.trips.is_empty());
    let trip = rig.request("ada");
    let news = line.news.blocking_recv().unwrap();
    assert_eq!(news.event.fact.kind(), EventKind::OfferMade);
    assert_eq!(rig.status("cab-1"), DriverStatus::OfferPending);
    assert_eq!(rig.handle().bound(&d("cab-1")), Some(DriverStatus::OfferPending));
    rig.restart();
    assert_eq!(line.news.blocking_recv(), None);
    assert_eq!(line.end(), LineEnd::Ended);
    // What the driver is told on coming back.
    let line = rig.attend("cab-1");
    assert_eq!(line.trips[0].offer_id(), Some(trip.offer(1)));
    let driver = d("cab-1");
    let steps = [
        Command::AcceptOffer { offer: trip.offer(1), driver },
        Command::Arrive { trip, driver },
        Command::StartTrip { trip, driver },
    ];
    for step in steps {
        assert_eq!(rig.so(step.clone()), Ok(Reply::Noted(Standing::Done)), "{step:?}");
        rig.restart();
        assert_eq!(rig.so(step.clone()), Ok(Reply::Noted(Standing::AlreadyDone)), "{step:?}");
    }
    assert_eq!(rig.status("cab-1"), DriverStatus::OnTrip);
    let done = rig.so(Command::CompleteTrip { trip, driver, driven: None }).unwrap();
    assert!(matches!(done, Reply::Completed { standing: Standing::Done, .. }), "{done:?}");
    assert_eq!(rig.status("cab-1"), DriverStatus::Available);
    rig.restart();
    assert_eq!(rig.state(trip), TripState::Completed);
    let kinds = rig.kinds(trip, 0);
    assert_eq!(
        (kinds[0], *kinds.last().unwrap()),
        (EventKind::TripRequested, EventKind::TripCompleted)
    );
    assert_eq!(rig.kinds(trip, 2), kinds[2..]);
    // The same request again is the same trip.
    let again = rig.so(request("ada"));
    assert_eq!(again, Ok(Reply::Requested { trip, standing: Standing::AlreadyDone }));
}

#[test]
fn nobody_hears_of_what_was_not_committed() {
    for fault in [Fault::Before, Fault::After] {
        let mut rig = Rig::start();
        rig.driver("cab-1", 0.001);
        let mut line = rig.attend("cab-1");
        rig.journal.fail(1, fault);
        let failed = rig.so(request("ada")).unwrap_err();
        assert!(matches!(&failed, HostError::Down { reason, .. } if reason.contains("commit")));
        assert_eq!(line.news.blocking_recv(), None, "the offer was told");
        let trip: TripId = "sf-1".parse().unwrap();
        assert_eq!(rig.handle().trip(trip), Ok(None));
        assert!(rig.handle().state().down.is_some());
        // Nor is anything taken until a restart; positions do not depend on it.
        let later = rig.so(Command::Arrive { trip, driver: d("cab-1") }).unwrap_err();
        assert!(matches!(later, HostError::Down { .. }), "{later}");
        rig.driver("cab-2", 0.002);
        rig.restart();
        let standing = match fault {
            Fault::After => Standing::AlreadyDone,
            _ => Standing::Done,
        };
        assert_eq!(rig.so(request("ada")), Ok(Reply::Requested { trip, standing }));
        assert_eq!(rig.state(trip), TripState::Offered);
    }
}

#[test]
fn the_newest_line_of_a_driver_has_the_news() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let mut first = rig.attend("cab-1");
    let mut second = rig.attend("cab-1");
    let trip = rig.request("ada");
    assert_eq!(first.news.blocking_recv(), None);
    assert_eq!(first.end(), LineEnd::Superseded);
    assert_eq!(second.news.blocking_recv().unwrap().event.trip, trip);
}

#[test]
fn a_line_that_is_not_read_ends_and_tells_how_things_stand_when_opened_anew() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let mut line = rig.attend("cab-1");
    let (trip, driver) = (rig.request("ada"), d("cab-1"));
    assert!(rig.so(Command::AcceptOffer { offer: trip.offer(1), driver }).is_ok());
    for _ in 0..limits::MAX_WAITING_NEWS / 2 {
        assert!(rig.so(Command::GoOffline { driver }).is_ok());
        assert!(rig.so(Command::GoOnline { driver }).is_ok());
    }
    let mut read = Vec::new();
    while let Some(news) = line.news.blocking_recv() {
        read.push(news.event.ordinal);
    }
    assert_eq!((read.len(), line.end()), (limits::MAX_WAITING_NEWS, LineEnd::Lagged));
    assert!(read.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{read:?}");
    let anew = rig.attend("cab-1");
    assert!(anew.trips[0].ordinal > *read.last().unwrap());
}

#[test]
fn a_gateway_that_does_not_read_is_told_who_has_to_be_attended_anew() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let mut line = rig.handle().open_fleet().wait().unwrap();
    rig.handle().attend_fleet(&line, vec![d("cab-1"), d("cab-2")]).unwrap();
    let FleetNews::Attended(all, _) = line.news.blocking_recv().unwrap() else { panic!("order") };
    assert_eq!(all.iter().map(|one| one.driver).collect::<Vec<_>>(), [d("cab-1"), d("cab-2")]);
    let driver = d("cab-1");
    // More than may wait, and of each trip fewer than it may have; the other driver's come first.
    let toggles = limits::MAX_WAITING_FLEET_NEWS / 3;
    let (ada, bob) = (rig.request("ada"), d("cab-2"));
    assert!(rig.so(Command::AcceptOffer { offer: ada.offer(1), driver }).is_ok());
    rig.driver("cab-2", 0.002);
    let trip = rig.request("bob");
    assert!(rig.so(Command::AcceptOffer { offer: trip.offer(1), driver: bob }).is_ok());
    for driver in [bob, driver] {
        for _ in 0..toggles {
            assert!(rig.so(Command::GoOffline { driver }).is_ok());
            assert!(rig.so(Command::GoOnline { driver }).is_ok());
        }
    }
    // Each is told from the offer on, which is the second event of a trip.
    let mut lasts = BTreeMap::from([(driver, 1), (bob, 1)]);
    let mut read = 0;
    while let Ok(news) = line.news.try_recv() {
        let FleetNews::Happened(who, news) = news else { panic!("{news:?}") };
        let last = lasts.get_mut(&who).unwrap();
        assert_eq!(news.event.ordinal, *last + 1, "a gap");
        (*last, read) = (*last + 1, read + 1);
    }
    assert_eq!(read, limits::MAX_WAITING_FLEET_NEWS);
    let last = lasts[&driver];
    let Some(Missed::Lagged(lagged)) = line.missed() else { panic!("nobody lags") };
    assert_eq!(lagged.iter().map(|one| one.driver).collect::<Vec<_>>(), [driver]);
    assert_eq!(line.missed(), None);
    rig.handle().attend_anew(&line, &lagged).unwrap();
    let FleetNews::Attended(anew, _) = line.news.blocking_recv().unwrap() else { panic!("order") };
    assert!(anew[0].trips.as_ref().unwrap()[0].ordinal > last);
    // From there on there is no gap again.
    assert!(rig.so(Command::GoOffline { driver }).is_ok());
    let FleetNews::Happened(_, news) = line.news.blocking_recv().unwrap() else { panic!("order") };
    assert_eq!(news.event.ordinal, anew[0].trips.as_ref().unwrap()[0].ordinal + 1);
}

#[test]
fn a_gateways_line_ends_when_a_commit_fails_and_its_name_is_not_given_again() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let mut line = rig.handle().open_fleet().wait().unwrap();
    rig.handle().attend_fleet(&line, vec![d("cab-1")]).unwrap();
    assert!(matches!(line.news.blocking_recv(), Some(FleetNews::Attended(..))));
    rig.journal.fail(1, Fault::Before);
    assert!(rig.so(request("ada")).is_err());
    assert_eq!(line.news.blocking_recv(), None, "the offer was told");
    assert!(line.down().is_some_and(|why| why.contains("commit")), "{:?}", line.down());
    assert!(matches!(rig.handle().open_fleet().wait(), Err(HostError::Down { .. })));
}

#[test]
fn a_watched_trip_wakes_its_watchers_and_is_forgotten_with_them() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let trip = rig.request("ada");
    let (mut one, other) = (rig.handle().watch(trip), rig.handle().watch(trip));
    let seen = u32::try_from(rig.kinds(trip, 0).len()).unwrap();
    assert!(rig.so(Command::AcceptOffer { offer: trip.offer(1), driver: d("cab-1") }).is_ok());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(one.changed()));
    assert_eq!(rig.kinds(trip, seen), [EventKind::OfferAccepted, EventKind::PickupStarted]);
    assert_eq!(rig.handle().watched(), 1);
    drop(one);
    assert_eq!(rig.handle().watched(), 1);
    drop(other);
    assert_eq!(rig.handle().watched(), 0);
}

#[test]
fn time_passes_without_anybody_asking() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let trip = rig.request("ada");
    let mut watch = rig.handle().watch(trip);
    rig.clock.observe(rig.now.plus(Millis::from_secs(16)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // The offer itself may be news still.
    while !rig.kinds(trip, 0).contains(&EventKind::OfferExpired) {
        assert!(runtime.block_on(watch.changed()));
    }
    assert_eq!(rig.status("cab-1"), DriverStatus::Available);
}

#[test]
fn a_clock_that_is_behind_is_told_and_the_batch_comes_once_it_has_caught_up() {
    let mut rig = Rig::start();
    let behind = |rig: &Rig, seconds: &str| {
        let line = format!("hansom_market_clock_behind_seconds {seconds}\n");
        while !rig.metrics.render().contains(&line) {
            std::thread::yield_now();
        }
    };
    behind(&rig, "0");
    rig.clock.observe(rig.now.plus(Millis::from_secs(90)));
    assert!(rig.crowd(1).is_ok());
    let trip: TripId = "sf-1".parse().unwrap();
    // A restart, after which the clock is right and was wrong before.
    let clock = Arc::new(Clock::trace());
    clock.observe(rig.now);
    rig.clock = Arc::clone(&clock);
    rig.restart();
    behind(&rig, "90");
    rig.driver("cab-1", 0.001);
    clock.observe(rig.now.plus(Millis::from_secs(60)));
    behind(&rig, "30");
    assert_eq!(rig.kinds(trip, 0), [EventKind::TripRequested]);
    rig.now = rig.now.plus(Millis::from_secs(100));
    rig.driver("cab-1", 0.001);
    clock.observe(rig.now);
    behind(&rig, "0");
    while !rig.kinds(trip, 0).contains(&EventKind::OfferMade) {
        std::thread::yield_now();
    }
}

#[test]
fn a_full_queue_says_so() {
    let rig = Rig::start();
    let (begun, has_begun) = std::sync::mpsc::sync_channel::<()>(1);
    let (go_on, goes_on) = std::sync::mpsc::sync_channel::<()>(1);
    let held = rig.handle().look(move |_| {
        begun.send(()).unwrap();
        goes_on.recv().unwrap();
    });
    has_begun.recv().unwrap();
    let waiting: Vec<_> = (0..limits::MAX_MARKET_QUEUE)
        .map(|_| rig.handle().look(|market| market.head().seq.0))
        .collect();
    assert!(waiting.iter().all(|pending| pending.error().is_none()));
    let refused = rig.so(request("ada")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "market_queue: 16384 commands wait in market sf, the most that may"
    );
    go_on.send(()).unwrap();
    assert_eq!(held.wait(), Ok(()));
    assert!(waiting.into_iter().all(|pending| pending.wait() == Ok(0)));
}

#[test]
fn a_market_that_is_full_says_so_and_goes_on() {
    let rig = Rig::start();
    let refused = rig.crowd(limits::MAX_JOURNAL_OPEN_STREAMS + 1).unwrap_err();
    assert!(matches!(refused, HostError::Refused(Refusal::MarketFull { .. })), "{refused}");
    let (trip, rider) = ("sf-1".parse().unwrap(), "r0".parse().unwrap());
    assert!(rig.so(Command::CancelTrip { trip, rider, reason: RiderReason::Other }).is_ok());
    assert!(rig.so(request("zoe")).is_ok());
}

#[test]
fn more_trips_than_are_remembered_end_at_once() {
    let rig = Rig::start();
    let riders = MarketConfig::new("sf".parse().unwrap()).ended_kept + 10_000;
    rig.crowd(riders).unwrap();
    rig.clock.observe(rig.now.plus(Millis::from_secs(400)));
    rig.until(|state| state.counts.open == 0 || state.down.is_some());
    assert_eq!(rig.handle().state().down, None);
    assert_eq!(rig.handle().journal().ended, u64::try_from(riders).unwrap());
}

#[test]
fn a_driver_who_cannot_decide_stops_nobody() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let (trip, driver) = (rig.request("ada"), d("cab-1"));
    assert!(rig.so(Command::AcceptOffer { offer: trip.offer(1), driver }).is_ok());
    let refused = loop {
        let changed = rig.so(Command::GoOffline { driver });
        if let Err(refused) = changed.and_then(|_| rig.so(Command::GoOnline { driver })) {
            break refused;
        }
    };
    assert!(matches!(refused, HostError::Refused(Refusal::TooManyChanges { .. })), "{refused}");
    for step in [Command::Arrive { trip, driver }, Command::StartTrip { trip, driver }] {
        assert!(rig.so(step).is_ok());
    }
    assert!(rig.so(Command::CompleteTrip { trip, driver, driven: None }).is_ok());
}

#[test]
fn what_the_core_remembers_is_not_pruned_and_a_refused_commit_passes() {
    let rig = Rig::start();
    let (trip, rider) = (rig.request("ada"), "ada".parse().unwrap());
    assert!(rig.so(Command::CancelTrip { trip, rider, reason: RiderReason::Other }).is_ok());
    let config = HostConfig { keep_history: Millis::ZERO, keep_trips: 0, ..rig.config() };
    let (worker, _) = worker::Worker::new(config).unwrap();
    assert_eq!(rig.journal.prune(worker.retention()).unwrap().streams, 0);
    // Somebody else does: the rating cannot be kept, and the market goes on without it.
    rig.driver("cab-1", 0.001);
    let (trip, driver) = (rig.request("bea"), d("cab-1"));
    for step in [
        Command::AcceptOffer { offer: trip.offer(1), driver },
        Command::Arrive { trip, driver },
        Command::StartTrip { trip, driver },
        Command::CompleteTrip { trip, driver, driven: None },
    ] {
        assert!(rig.so(step).is_ok());
    }
    let before = rig.now.plus(Millis(1));
    rig.journal.prune(crate::journal::Retention { before, keep: 0 }).unwrap();
    let stars = crate::dispatch::Stars::try_from(5).unwrap();
    let by = crate::dispatch::Rater::Driver(driver);
    let mut line = rig.attend("cab-1");
    let refused = rig.so(Command::RateTrip { trip, by, stars }).unwrap_err();
    assert!(matches!(refused, HostError::Down { .. }), "{refused}");
    assert_eq!((line.news.blocking_recv(), line.end()), (None, LineEnd::Ended), "not for good");
    rig.until(|state| state.down.is_none());
    assert!(rig.so(request("zoe")).is_ok());
}

#[test]
fn a_broken_invariant_is_told() {
    let rig = Rig::start();
    let (trip, mut watch) = (rig.request("ada"), rig.handle().watch("sf-1".parse().unwrap()));
    assert_eq!(trip.to_string(), "sf-1");
    let broken = rig.handle().look(|market| assert_eq!(market.head().seq.0, 0)).wait();
    assert!(matches!(broken, Err(HostError::Ended { .. })), "{broken:?}");
    rig.until(|state| state.down.as_ref().is_some_and(|why| why.contains("panicked")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let told = async {
        while watch.changed().await {}
        rig.handle().watch(trip).changed().await
    };
    let told = runtime
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(20), told).await });
    assert_eq!(told, Ok(false), "a watcher waits for ever");
}
