//! What two sides want at once, over gRPC: one gets it, the other is told why not.

use hansom::api::proto::command_answer::Outcome;
use hansom::api::proto::connect_request::Kind as Ask;
use hansom::api::proto::connect_response::Kind as Told;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::rider_service_client::RiderServiceClient;
use hansom::api::proto::trip_event::What as Happened;
use hansom::api::proto::{
    AcceptOfferRequest, CancelTripRequest, CompleteTrip, DriverStatus, GetDriverRequest, Offer,
    ReportRequest, TripEvent, TripState,
};
use tonic::{Code, Status};

use super::support::{channel, now_ms, report, soon};
use super::town::{App, Town, all, reason, request};

async fn town(folder: &tempfile::TempDir, drivers: &[&str]) -> (Town, Vec<App>) {
    let town = Town::start(folder.path(), &["--offer-timeout", "1s"]).await;
    let mut apps = Vec::new();
    for driver in drivers {
        let mut app = town.app(driver).await;
        app.trips().await;
        apps.push(app);
    }
    (town, apps)
}

fn cancel(rider: &str, trip: &str) -> CancelTripRequest {
    CancelTripRequest { trip_id: trip.to_owned(), rider_id: rider.to_owned(), reason: 0 }
}

/// The events of a trip in their order: what happened, and to whom.
fn story(events: &[TripEvent]) -> Vec<String> {
    let told = |event: &TripEvent| match event.what.as_ref().unwrap() {
        Happened::Requested(_) => "requested".to_owned(),
        Happened::OfferMade(offer) => format!("offered to {}", offer.driver_id),
        Happened::OfferExpired(closed) => format!("expired for {}", closed.driver_id),
        Happened::OfferAccepted(named) => format!("accepted by {}", named.driver_id),
        Happened::PickupStarted(named) => format!("{} sets off", named.driver_id),
        Happened::TripEnded(_) => "ended".to_owned(),
        other => panic!("{other:?}"),
    };
    events.iter().map(told).collect()
}

async fn status_of(town: &Town, driver: &str) -> DriverStatus {
    let request = GetDriverRequest { driver_id: driver.to_owned() };
    soon(town.drivers().get_driver(request)).await.unwrap().into_inner().status()
}

/// Leaves the other side a head start.
async fn hold_back(turns: u32) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// The head starts of two sides in a round: theirs in turn, and longer each time, so that sooner or
/// later each side comes first.
fn holds(round: u32) -> (u32, u32) {
    let turns = round * round / 2;
    if round.is_multiple_of(2) { (turns, 0) } else { (0, turns) }
}

/// Rounds after which both sides of a race must have come first often enough.
const MAX_ROUNDS: u32 = 200;

fn named(outcome: Result<bool, Status>) -> String {
    match outcome {
        Ok(already) => format!("done {already}"),
        Err(status) => reason(&status),
    }
}

#[tokio::test]
async fn two_drivers_accept_one_trip() {
    let folder = tempfile::tempdir().unwrap();
    let (town, _apps) = town(&folder, &["cab-1", "cab-2"]).await;
    let trip = town.request("ada", "k1").await.unwrap();
    let offer = town.trip(&trip).await.offer.unwrap();
    let accept = |driver: &str| {
        let mut client = town.drivers();
        let (driver_id, offer_id) = (driver.to_owned(), offer.offer_id.clone());
        async move {
            let accepted = client.accept_offer(AcceptOfferRequest { driver_id, offer_id }).await;
            accepted.map(|done| done.into_inner().already_done)
        }
    };
    let (one, two) = tokio::join!(accept("cab-1"), accept("cab-2"));
    let mut outcomes = [named(one), named(two)];
    outcomes.sort();
    assert_eq!(outcomes, ["done false", "not_your_offer"]);
    assert_eq!(town.trip(&trip).await.assignment.unwrap().driver_id, offer.driver_id);
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (town, mut apps) = town(&folder, &["cab-1"]).await;
    town.request("ada", "k1").await.unwrap();
    let offer = apps[0].offer().await;
    apps[0]
        .until(|told| match told {
            Told::Event(TripEvent { what: Some(Happened::OfferExpired(_)), .. }) => Some(()),
            _ => None,
        })
        .await;
    let refused = apps[0].is_refused(What::AcceptOfferId(offer.offer_id)).await;
    assert_eq!(refused, "offer_expired");
}

/// A market that follows device times, with two drivers in town and one far from it.
struct Timed {
    town: Town,
    apps: Vec<App>,
    now: i64,
}

/// How a driver moves the clock and accepts.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The driver's app does both, one right after the other.
    Stream,
    /// Somebody else's position moves the clock; the driver's call comes after it.
    Calls,
}

const CABS: [&str; 2] = ["cab-0", "cab-1"];

impl Timed {
    async fn start(folder: &tempfile::TempDir) -> Self {
        let more = ["--clock", "trace", "--offer-timeout", "15s"];
        let town = Town::start(folder.path(), &more).await;
        let mut timed = Self { town, apps: Vec::new(), now: 0 };
        // Before the first report there is no time for anything.
        timed.moves("far-away", 38.5, now_ms()).await;
        for cab in CABS {
            let mut app = timed.town.app(cab).await;
            app.trips().await;
            timed.apps.push(app);
        }
        timed.now = now_ms();
        timed
    }

    /// A driver reports, and it is that time.
    async fn moves(&mut self, driver: &str, lat: f64, now: i64) {
        let driver_id = driver.to_owned();
        let report = Some(report(lat, -122.25, now));
        let request = ReportRequest { driver_id, report, profile: None };
        let answer = soon(self.town.drivers().report(request)).await.unwrap().into_inner();
        assert!(answer.applied, "{answer:?}");
        self.now = now;
    }

    /// A trip that is offered to a driver: its place among the cabs, and the other's.
    async fn offered(&mut self, rider: &str) -> (String, Offer, [usize; 2]) {
        for cab in CABS {
            self.moves(cab, 37.5, self.now + 1_000).await;
        }
        let trip = self.town.request(rider, "k1").await.unwrap();
        let driver = self.town.trip(&trip).await.offer.unwrap().driver_id;
        let asked = CABS.iter().position(|cab| *cab == driver).unwrap();
        let offer = self.apps[asked].offer().await;
        assert_eq!((&offer.trip_id, offer.deadline_ms), (&trip, self.now + 15_000));
        (trip, offer, [asked, 1 - asked])
    }

    /// It is `at`, and then a driver accepts: the answer, and whether the app had been told before
    /// it that the offer has expired.
    async fn accepts(&mut self, cab: usize, offer: &Offer, at: i64, way: Way) -> (String, bool) {
        let offer_id = offer.offer_id.clone();
        if matches!(way, Way::Calls) {
            self.moves("far-away", 38.5, at).await;
            let request = AcceptOfferRequest { driver_id: offer.driver_id.clone(), offer_id };
            let accepted = soon(self.town.drivers().accept_offer(request)).await;
            return (named(accepted.map(|done| done.into_inner().already_done)), true);
        }
        let app = &mut self.apps[cab];
        app.send(Ask::Position(report(37.5, -122.25, at))).await;
        let number = app.begin(What::AcceptOfferId(offer_id)).await;
        self.now = at;
        let mut told = false;
        let outcome = app
            .until(|kind| match kind {
                Told::Event(TripEvent { what: Some(Happened::OfferExpired(_)), .. }) => {
                    told = true;
                    None
                }
                Told::Answer(answer) if answer.number == number => answer.outcome,
                _ => None,
            })
            .await;
        (outcome_name(outcome), told)
    }

    /// The rider gives up; all that has happened to the trip.
    async fn ends(&self, rider: &str, trip: &str) -> Vec<TripEvent> {
        soon(self.town.riders().cancel_trip(cancel(rider, trip))).await.unwrap();
        for cab in CABS {
            assert_eq!(status_of(&self.town, cab).await, DriverStatus::Available);
        }
        all(self.town.watch(trip, 0).await).await
    }
}

fn outcome_name(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done(done) => format!("done {}", done.already_done),
        Outcome::Refused(refused) => refused.reason,
    }
}

#[tokio::test]
async fn an_answer_a_millisecond_before_the_deadline_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut timed = Timed::start(&folder).await;
    for round in 0..8 {
        let rider = format!("rider-{round}");
        let way = if round % 2 == 0 { Way::Stream } else { Way::Calls };
        let (trip, offer, [asked, _]) = timed.offered(&rider).await;
        let (outcome, _) = timed.accepts(asked, &offer, offer.deadline_ms - 1, way).await;
        assert_eq!(outcome, "done false", "{way:?}");
        // The deadline of an offer that was accepted is nobody's.
        let (outcome, _) = timed.accepts(asked, &offer, offer.deadline_ms, way).await;
        assert_eq!(outcome, "done true", "{way:?}");
        let found = timed.town.trip(&trip).await;
        assert_eq!((found.state(), found.offers), (TripState::EnRoute, 1), "{way:?}");
        let events = timed.ends(&rider, &trip).await;
        let driver = CABS[asked];
        let (offered, accepted) = (format!("offered to {driver}"), format!("accepted by {driver}"));
        let leaves = format!("{driver} sets off");
        assert_eq!(story(&events), ["requested", &offered, &accepted, &leaves, "ended"]);
        assert_eq!(events[2].at_ms, offer.deadline_ms - 1);
    }
}

#[tokio::test]
async fn an_answer_at_the_very_deadline_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let mut timed = Timed::start(&folder).await;
    let mut refused_first = 0;
    for round in 0..16 {
        let rider = format!("rider-{round}");
        let way = if round % 4 == 3 { Way::Calls } else { Way::Stream };
        let (trip, offer, [asked, next]) = timed.offered(&rider).await;
        let (outcome, told) = timed.accepts(asked, &offer, offer.deadline_ms, way).await;
        assert_eq!(outcome, "offer_expired", "{way:?}");
        refused_first += u32::from(!told);
        // The other driver is asked, and has a deadline of their own.
        let second = timed.apps[next].offer().await;
        assert_eq!((&second.trip_id, second.deadline_ms), (&trip, offer.deadline_ms + 15_000));
        assert_eq!(timed.accepts(next, &second, timed.now + 1, way).await.0, "done false");
        assert_eq!(timed.town.trip(&trip).await.assignment.unwrap().driver_id, CABS[next]);
        let events = timed.ends(&rider, &trip).await;
        let [asked, next] = [CABS[asked], CABS[next]];
        let expected = [
            "requested".to_owned(),
            format!("offered to {asked}"),
            format!("expired for {asked}"),
            format!("offered to {next}"),
            format!("accepted by {next}"),
            format!("{next} sets off"),
            "ended".to_owned(),
        ];
        assert_eq!(story(&events), expected);
        assert_eq!(events[2].at_ms, offer.deadline_ms);
    }
    // The deadline itself decides, before any timer has: else a timer that is quick hides one that
    // is not looked at.
    assert!(refused_first > 0);
}

#[tokio::test]
async fn a_cancellation_against_an_acceptance() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody cancels for free once a driver has accepted: the fee says what the rider was told.
    let more = ["--offer-timeout", "2m", "--free-cancel", "0s", "--tariff-cancellation", "500"];
    let town = Town::start(folder.path(), &more).await;
    let mut app = town.app("cab-1").await;
    app.trips().await;
    let mut riders = RiderServiceClient::new(channel(town.served.grpc).await);
    let (mut accepted_first, mut cancelled_first, mut round) = (0, 0, 0);
    while accepted_first < 10 || cancelled_first < 10 {
        assert!(round < MAX_ROUNDS, "{accepted_first} against {cancelled_first}");
        let rider = format!("rider-{round}");
        let trip = town.request(&rider, "k1").await.unwrap();
        // Offered to the only driver, who is thus free again.
        let offer = app.offer().await;
        assert_eq!(offer.trip_id, trip);
        let (rider_holds, driver_holds) = holds(round);
        let cancelling = async {
            hold_back(rider_holds).await;
            riders.cancel_trip(cancel(&rider, &trip)).await.unwrap().into_inner()
        };
        let accepting = async {
            hold_back(driver_holds).await;
            let number = app.begin(What::AcceptOfferId(offer.offer_id)).await;
            app.answer(number).await.outcome.unwrap()
        };
        let (cancelled, answer) = soon(async { tokio::join!(cancelling, accepting) }).await;
        // The rider may always cancel before boarding; the driver had it for a moment or never.
        assert!(!cancelled.already_done);
        let fee = cancelled.fee.unwrap().minor;
        let events = all(town.watch(&trip, 0).await).await;
        let accepted = ["requested", "offered to cab-1", "accepted by cab-1", "cab-1 sets off"];
        match (outcome_name(answer).as_str(), fee) {
            ("done false", 500) => {
                accepted_first += 1;
                assert_eq!(story(&events), [&accepted[..], &["ended"]].concat());
            }
            ("trip_over", 0) => {
                cancelled_first += 1;
                assert_eq!(story(&events), [&accepted[..2], &["ended"]].concat());
            }
            other => panic!("{other:?}: {events:?}"),
        }
        let found = town.trip(&trip).await;
        let due = found.end.as_ref().unwrap().due.as_ref().map_or(0, |due| due.minor);
        assert_eq!((found.state(), &found.offer, due), (TripState::Cancelled, &None, fee));
        assert_eq!(status_of(&town, "cab-1").await, DriverStatus::Available);
        round += 1;
    }
}

#[tokio::test]
async fn the_same_request_twice_at_once_is_one_trip() {
    let folder = tempfile::tempdir().unwrap();
    let (town, _apps) = town(&folder, &[]).await;
    let ask = || {
        let mut client = town.riders();
        async move { client.request_trip(request("ada", "k1")).await.unwrap().into_inner() }
    };
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert_eq!((&one.trip_id, &one.trip_id), (&two.trip_id, &three.trip_id));
    let made = [one, two, three].iter().filter(|made| !made.already_done).count();
    assert_eq!(made, 1);
    // Another request of the same rider is another matter, as is another under the same key.
    let refused = town.request("ada", "k2").await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::FailedPrecondition, "rider_has_open_trip".to_owned())
    );
    let mut other = request("ada", "k1");
    other.immediate = true;
    let refused = town.riders().request_trip(other).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::AlreadyExists, "key_reused".to_owned()));
}

#[tokio::test]
async fn a_rider_with_two_requests_at_once_has_one_trip() {
    let folder = tempfile::tempdir().unwrap();
    let (town, _apps) = town(&folder, &[]).await;
    let (left, right) = (town.riders(), RiderServiceClient::new(channel(town.served.grpc).await));
    let (mut wins, mut round) = ([0, 0], 0);
    while wins[0] < 10 || wins[1] < 10 {
        assert!(round < MAX_ROUNDS, "{wins:?}");
        let keys = [format!("left-{round}"), format!("right-{round}")];
        let ask = |client: &RiderServiceClient<_>, key: &str, turns| {
            let (mut client, request) = (client.clone(), request("ada", key));
            async move {
                hold_back(turns).await;
                client.request_trip(request).await.map(tonic::Response::into_inner)
            }
        };
        let (left_holds, right_holds) = holds(round);
        let asking = async {
            tokio::join!(ask(&left, &keys[0], left_holds), ask(&right, &keys[1], right_holds))
        };
        let (winner, made, refused) = match soon(asking).await {
            (Ok(made), Err(refused)) => (0, made, refused),
            (Err(refused), Ok(made)) => (1, made, refused),
            other => panic!("{other:?}"),
        };
        wins[winner] += 1;
        assert!(!made.already_done);
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::FailedPrecondition, "rider_has_open_trip".to_owned())
        );
        assert!(refused.message().contains(&made.trip_id), "{refused:?}");
        assert_eq!(town.trip(&made.trip_id).await.request_key, keys[winner]);
        // The winner's key still leads to its trip; the other's has made none, and makes the next.
        assert_eq!(town.request("ada", &keys[winner]).await.unwrap(), made.trip_id);
        soon(town.riders().cancel_trip(cancel("ada", &made.trip_id))).await.unwrap();
        let next = town.request("ada", &keys[1 - winner]).await.unwrap();
        assert_ne!(next, made.trip_id);
        soon(town.riders().cancel_trip(cancel("ada", &next))).await.unwrap();
        round += 1;
    }
    // Nothing in between: each trip of the market is one that somebody was told of.
    assert_eq!(town.request("bob", "k1").await.unwrap(), format!("main-{}", 2 * round + 1));
}

#[tokio::test]
async fn a_driver_on_two_connections_is_offered_on_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let (town, mut apps) = town(&folder, &["cab-1"]).await;
    let mut newest = town.app("cab-1").await;
    newest.trips().await;
    apps[0]
        .until(|told| match told {
            Told::Superseded(_) => Some(()),
            Told::Event(event) => panic!("{event:?}"),
            _ => None,
        })
        .await;
    town.request("ada", "k1").await.unwrap();
    let offer = newest.offer().await;
    // The older one still takes commands.
    apps[0].does(What::AcceptOfferId(offer.offer_id.clone())).await;
    assert!(newest.does(What::AcceptOfferId(offer.offer_id)).await.already_done);
}

#[tokio::test]
async fn a_trip_cannot_be_completed_before_it_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let (town, mut apps) = town(&folder, &["cab-1"]).await;
    let trip = town.request("ada", "k1").await.unwrap();
    let complete = || What::Complete(CompleteTrip { trip_id: trip.clone(), driven_m: None });
    let offer = apps[0].offer().await;
    assert_eq!(apps[0].is_refused(complete()).await, "no_driver");
    apps[0].does(What::AcceptOfferId(offer.offer_id)).await;
    assert_eq!(apps[0].is_refused(complete()).await, "too_soon");
    assert_eq!(apps[0].is_refused(What::StartTripId(trip.clone())).await, "too_soon");
    assert_eq!(apps[0].is_refused(What::ArriveTripId("main-99".to_owned())).await, "unknown_trip");
    assert_eq!(apps[0].is_refused(What::ArriveTripId("99".to_owned())).await, "bad_field");
}

#[tokio::test]
async fn a_watcher_slower_than_its_trip_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (town, mut apps) = town(&folder, &["cab-1"]).await;
    let trip = town.request("ada", "k1").await.unwrap();
    // Not read while the trip has far more events than any page.
    let slow = town.watch(&trip, 0).await;
    let offer = apps[0].offer().await;
    apps[0].does(What::AcceptOfferId(offer.offer_id)).await;
    let mut drivers = town.drivers();
    for round in 0..200 {
        let status = if round % 2 == 0 { 1 } else { 2 };
        let driver_id = "cab-1".to_owned();
        let request = hansom::api::proto::SetStatusRequest { driver_id, status };
        soon(drivers.set_status(request)).await.unwrap();
    }
    soon(town.riders().cancel_trip(cancel("ada", &trip))).await.unwrap();
    let events = all(slow).await;
    let ordinals: Vec<u32> = events.iter().map(|event| event.ordinal).collect();
    assert_eq!(ordinals, (1..=205).collect::<Vec<u32>>());
}
