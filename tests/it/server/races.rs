//! What two sides want at once, over gRPC: one gets it, the other is told why not.

use hansom::api::proto::connect_response::Kind as Told;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::trip_event::What as Happened;
use hansom::api::proto::{
    AcceptOfferRequest, CancelTripRequest, CompleteTrip, TripEvent, TripState,
};
use tonic::{Code, Status};

use super::support::soon;
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

#[tokio::test]
async fn a_cancellation_against_an_acceptance() {
    let folder = tempfile::tempdir().unwrap();
    let (town, mut apps) = town(&folder, &["cab-1"]).await;
    for round in 0..20 {
        let rider = format!("rider-{round}");
        let trip = town.request(&rider, "k1").await.unwrap();
        let offer = apps[0].offer().await;
        let mut riders = town.riders();
        let (cancelled, number) = tokio::join!(
            riders.cancel_trip(cancel(&rider, &trip)),
            apps[0].begin(What::AcceptOfferId(offer.offer_id))
        );
        // The rider may always cancel before boarding; the driver had it for a moment or never.
        cancelled.unwrap();
        let answer = apps[0].answer(number).await;
        assert!(answer.outcome.is_some());
        let events = all(town.watch(&trip, 0).await).await;
        let accepted = events.iter().any(|e| matches!(e.what, Some(Happened::OfferAccepted(_))));
        let done =
            matches!(answer.outcome, Some(hansom::api::proto::command_answer::Outcome::Done(_)));
        assert_eq!(accepted, done, "{events:?}");
        assert_eq!(town.trip(&trip).await.state(), TripState::Cancelled);
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
