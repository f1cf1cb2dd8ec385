//! Trips through the whole binary: a life from end to end, what survives, what watchers see.

use hansom::api::proto::connect_response::Kind as Told;
use hansom::api::proto::driver_command::What;
use hansom::api::proto::rate_trip_request::By;
use hansom::api::proto::trip_event::What as Happened;
use hansom::api::proto::{
    CompleteTrip, DriverStatus, ExplainRequest, GetDriverRequest, QuoteRequest, RateTripRequest,
    SetStatusRequest, StatusRequest, TripEnding, TripEvent, TripState,
};
use tonic::Code;

use super::support::{http_get, soon};
use super::town::{Town, all, journey, reason, request};

fn ordinals(events: &[TripEvent]) -> Vec<u32> {
    events.iter().map(|event| event.ordinal).collect()
}

#[tokio::test]
async fn a_trip_from_the_quote_to_the_rating() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    let mut app = town.app("cab-1").await;
    assert!(app.trips().await.is_empty());
    let mut riders = town.riders();
    let quote = QuoteRequest { rider_id: "ada".to_owned(), journey: Some(journey()) };
    let quote = soon(riders.quote(quote)).await.unwrap().into_inner();
    assert!(quote.ride_m > 4_000.0 && quote.pickup_ms.is_some(), "{quote:?}");

    let mut wanted = request("ada", "k1");
    wanted.quote_id.clone_from(&quote.quote_id);
    let made = soon(riders.request_trip(wanted.clone())).await.unwrap().into_inner();
    assert!(!made.already_done);
    let again = soon(riders.request_trip(wanted)).await.unwrap().into_inner();
    assert_eq!((&again.trip_id, again.already_done), (&made.trip_id, true));
    let trip = made.trip_id;
    let offer = app.offer().await;
    assert_eq!((&offer.trip_id, offer.driver_id.as_str()), (&trip, "cab-1"));
    assert_eq!(offer.journey.unwrap().pickup, journey().pickup);
    let live = town.watch(&trip, 0).await;

    app.does(What::AcceptOfferId(offer.offer_id.clone())).await;
    assert!(app.does(What::AcceptOfferId(offer.offer_id)).await.already_done);
    let asked = GetDriverRequest { driver_id: "cab-1".to_owned() };
    let driver = town.drivers().get_driver(asked).await.unwrap().into_inner();
    assert_eq!(driver.status(), DriverStatus::EnRoute);
    app.does(What::ArriveTripId(trip.clone())).await;
    app.does(What::StartTripId(trip.clone())).await;
    let complete = CompleteTrip { trip_id: trip.clone(), driven_m: Some(9_000.0) };
    let done = app.does(What::Complete(complete)).await;
    assert_eq!(done.fare, quote.fare, "the quote is honoured");

    let events = all(live).await;
    assert_eq!(ordinals(&events), (1..=7).collect::<Vec<u32>>());
    let Some(Happened::TripEnded(end)) = &events[6].what else { panic!("{:?}", events[6]) };
    assert_eq!((end.ending(), &end.due), (TripEnding::Completed, &quote.fare));
    assert_eq!(ordinals(&all(town.watch(&trip, 5).await).await), [6, 7]);
    let beyond = hansom::api::proto::WatchTripRequest { trip_id: trip.clone(), after_ordinal: 8 };
    let refused = riders.watch_trip(beyond).await.unwrap_err();
    assert_eq!(refused.message(), "after_ordinal 8 is not in 0..=7");

    let by = Some(By::RiderId("ada".to_owned()));
    let rating = RateTripRequest { trip_id: trip.clone(), by, stars: 5 };
    soon(riders.rate_trip(rating)).await.unwrap();
    let found = town.trip(&trip).await;
    assert_eq!((found.state(), found.rated_by_rider), (TripState::Completed, 5));
    let explained = ExplainRequest { trip_id: trip.clone() };
    let explained = town.admin().explain(explained).await.unwrap().into_inner();
    assert!(explained.candidates.iter().any(|c| c.chosen && c.driver_id == "cab-1"));
    let status = town.admin().status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.trips, status.events, status.ended_trips), (1, 8, 1));
    let (_, metrics) = http_get(town.served.http, "/metrics").await;
    assert!(metrics.contains("hansom_trip_events_total{kind=\"trip_completed\"} 1\n"), "{metrics}");
    assert!(metrics.contains("hansom_request_to_offer_seconds_count 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_server_that_is_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    let mut app = town.app("cab-1").await;
    app.trips().await;
    let trip = town.request("ada", "k1").await.unwrap();
    let offer = app.offer().await;
    let seen = soon(town.watch(&trip, 0).await.message()).await.unwrap().unwrap();
    assert_eq!(seen.event.unwrap().ordinal, 1);
    assert_eq!(town.served.kill(), Some(9));

    let town = Town::start(folder.path(), &[]).await;
    let mut app = town.app("cab-1").await;
    let trips = app.trips().await;
    assert_eq!(trips[0].offer.as_ref().unwrap().offer_id, offer.offer_id);
    let watch = town.watch(&trip, 1).await;
    app.does(What::AcceptOfferId(offer.offer_id)).await;
    app.does(What::ArriveTripId(trip.clone())).await;
    app.does(What::StartTripId(trip.clone())).await;
    let complete = CompleteTrip { trip_id: trip.clone(), driven_m: None };
    app.does(What::Complete(complete)).await;
    assert_eq!(ordinals(&all(watch).await), (2..=7).collect::<Vec<u32>>());
    drop(app);
    town.served.signal("-TERM");
    assert_eq!(town.served.end().0, Some(0));
    // The history of what has ended is there for those who come later.
    let journal = folder.path().to_str().unwrap();
    let exported = super::serve::output(&["trips", "export", "--journal", journal]);
    let text = String::from_utf8(exported.stdout).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows[0].starts_with("trip_id,state,ended_by,"), "{text}");
    assert!(rows[1].starts_with(&format!("{trip},completed,driver,brought,ada,k1,cab-1,")));
    assert_eq!(rows.len(), 2);
    let file = folder.path().join("trips.parquet");
    let parquet = ["--format", "parquet", "--output", file.to_str().unwrap()];
    let export = ["trips", "export", "--journal", journal];
    let exported = super::serve::output(&[&export[..], &parquet[..]].concat());
    assert_eq!(exported.status.code(), Some(0));
    let bytes = std::fs::read(file).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{} bytes", bytes.len());
    let listed = super::serve::output(&["trips", "list", "--journal", journal]);
    assert!(String::from_utf8(listed.stdout).unwrap().starts_with(&format!("{trip}  ")));
}

#[tokio::test]
async fn what_dispatch_decides_cannot_be_set_and_a_driver_leaves_after_the_trip() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    let mut app = town.app("cab-1").await;
    app.trips().await;
    let trip = town.request("ada", "k1").await.unwrap();
    let offer = app.offer().await;
    app.does(What::AcceptOfferId(offer.offer_id)).await;
    app.until(|told| match told {
        Told::Event(TripEvent { what: Some(Happened::PickupStarted(_)), .. }) => Some(()),
        _ => None,
    })
    .await;
    let mut drivers = town.drivers();
    let set = |status: DriverStatus| SetStatusRequest {
        driver_id: "cab-1".to_owned(),
        status: status.into(),
    };
    let refused = drivers.set_status(set(DriverStatus::OnTrip)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::FailedPrecondition, "status_owned".to_owned())
    );
    let left = drivers.set_status(set(DriverStatus::Offline)).await.unwrap().into_inner();
    // The pickup still lies ahead: it is the current trip, and is brought to its end.
    assert_eq!(left.offline_after_trip_id, trip);
    app.does(What::ArriveTripId(trip.clone())).await;
    app.does(What::StartTripId(trip.clone())).await;
    app.does(What::Complete(CompleteTrip { trip_id: trip, driven_m: None })).await;
    let asked = GetDriverRequest { driver_id: "cab-1".to_owned() };
    let driver = drivers.get_driver(asked).await.unwrap().into_inner();
    assert_eq!(driver.status(), DriverStatus::Offline);
}
