//! `kill -9` of the active process: the standby goes on with what was acknowledged.

use std::time::Duration;

use hansom::api::proto::driver_command::What;
use hansom::api::proto::{
    CompleteTrip, GetTripRequest, RateTripRequest, StatusRequest, TripState, rate_trip_request,
};
use hansom::clock::stopwatch;
use tokio::task::JoinSet;
use tonic::Code;

use super::{LEASE_MS, Pair, active, is_active, knows, metric, points_to};
use crate::server::support::{eventually, soon};
use crate::server::town::{Town, all, request};

/// As the promise is: within the lease and two seconds.
const PROMISED: Duration = Duration::from_millis(LEASE_MS + 2_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_finishes_the_trips_of_a_process_that_was_killed() {
    let Some(pair) = Pair::new() else { return };
    let one = pair.start(0, &["--ack", "redis"]).await;
    active(&one).await;
    let two = pair.start(1, &["--ack", "redis"]).await;
    knows(&two, &one).await;
    let refused = two.request("ada", "k").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(points_to(&refused), Some(one.served.grpc.to_string()));

    let mut app = one.app("cab-1").await;
    app.trips().await;
    let over = one.request("bob", "b").await.unwrap();
    let offer = app.offer().await;
    app.does(What::AcceptOfferId(offer.offer_id)).await;
    for what in [What::ArriveTripId(over.clone()), What::StartTripId(over.clone())] {
        app.does(what).await;
    }
    let complete = |trip_id: &str| {
        What::Complete(CompleteTrip { trip_id: trip_id.to_owned(), driven_m: None })
    };
    app.does(complete(&over)).await;
    let taken = one.request("ada", "a").await.unwrap();
    let offer = app.offer().await;
    app.does(What::AcceptOfferId(offer.offer_id.clone())).await;
    let waiting = one.request("eve", "e").await.unwrap();
    let before = one.trip(&taken).await;
    let seen = before.ordinal;

    let killed = stopwatch();
    assert_eq!(one.served.kill(), Some(9));
    eventually("the standby has the trip", || async {
        let asked = GetTripRequest { trip_id: taken.clone() };
        two.riders().get_trip(asked).await.is_ok()
    })
    .await;
    let took = killed.elapsed();
    println!("the standby went on {took:?} after the kill, with a lease of {LEASE_MS} ms");
    assert!(took < PROMISED, "{took:?}");
    assert_eq!(two.trip(&taken).await, before);
    assert_eq!(two.request("ada", "a").await.unwrap(), taken, "asked again, it is the same");
    assert_eq!(two.request("bob", "b").await.unwrap(), over, "also where it is over");

    // The app connects anew, is told of its trip, and brings it to its end; answers are idempotent.
    let mut app = two.app("cab-1").await;
    let bound = app.trips().await;
    assert_eq!(bound.iter().map(|trip| &trip.trip_id).collect::<Vec<_>>(), [&taken]);
    app.does(What::AcceptOfferId(offer.offer_id)).await;
    app.does(complete(&over)).await;
    for what in [What::ArriveTripId(taken.clone()), What::StartTripId(taken.clone())] {
        app.does(what).await;
    }
    app.does(complete(&taken)).await;
    let watched = all(two.watch(&taken, seen).await).await;
    let ordinals: Vec<u32> = watched.iter().map(|event| event.ordinal).collect();
    let last = two.trip(&taken).await.ordinal;
    assert_eq!(ordinals, (seen + 1..=last).collect::<Vec<_>>(), "a watch resumes without a gap");
    assert_eq!(all(two.watch(&taken, 0).await).await.len(), last as usize);
    let by = Some(rate_trip_request::By::RiderId("bob".to_owned()));
    let rating = RateTripRequest { trip_id: over.clone(), stars: 5, by };
    soon(two.riders().rate_trip(rating)).await.unwrap();
    // Who waited is offered a driver.
    let offer = app.offer().await;
    app.does(What::AcceptOfferId(offer.offer_id)).await;
    assert_eq!(two.trip(&waiting).await.state(), TripState::EnRoute);

    comes_back(&pair, two, &taken, &waiting).await;
}

/// The first comes back as a standby, and takes over with what the second has done.
async fn comes_back(pair: &Pair, two: Town, taken: &str, waiting: &str) {
    let one = pair.start(0, &["--ack", "redis"]).await;
    knows(&one, &two).await;
    assert_eq!(two.served.kill(), Some(9));
    active(&one).await;
    assert_eq!(one.trip(taken).await.state(), TripState::Completed);
    assert_eq!(one.trip(waiting).await.state(), TripState::EnRoute);
    assert!(pair.folders[0].path().join("main").is_dir());
    let kept = std::fs::read_dir(pair.folders[0].path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("main.before-")
    });
    assert_eq!(kept.count(), 1, "its old journal is kept beside the new one");
    let next = one.request("zoe", "z").await.unwrap();
    assert_eq!(next, "main-4", "numbers go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_ends_in_order_hands_over_at_once() {
    let Some(pair) = Pair::new() else { return };
    let one = pair.start(0, &["--market-lease", "1m"]).await;
    active(&one).await;
    let trip = one.request("ada", "a").await.unwrap();
    one.served.signal("-TERM");
    let served = one.served;
    let ended = tokio::task::spawn_blocking(move || served.end());
    let (code, errors) = soon(ended).await.unwrap();
    assert_eq!(code, Some(0), "{errors}");
    // Nobody has to wait for the end of a lease that was given back, nor was anything left to ship.
    let two = pair.start(1, &["--market-lease", "1m"]).await;
    active(&two).await;
    assert_eq!(two.trip(&trip).await.trip_id, trip);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_open_trips_none_is_lost_with_the_disk() {
    const TRIPS: usize = 10_000;
    let Some(pair) = Pair::new() else { return };
    let more = ["--ack", "redis", "--retry-every", "1m", "--patience", "1h"];
    let one = pair.start(0, &more).await;
    active(&one).await;
    let mut asking = JoinSet::new();
    for lane in 0..64 {
        let mut client = one.riders();
        asking.spawn(async move {
            let mut made = Vec::new();
            for number in (lane..TRIPS).step_by(64) {
                let wanted = request(&format!("rider-{number}"), "k");
                made.push((
                    number,
                    client.request_trip(wanted).await.unwrap().into_inner().trip_id,
                ));
            }
            made
        });
    }
    let made: Vec<(usize, String)> = asking.join_all().await.into_iter().flatten().collect();
    assert_eq!(made.len(), TRIPS);
    let killed = stopwatch();
    assert_eq!(one.served.kill(), Some(9));
    // On a machine where nothing is.
    let two = pair.start(1, &more).await;
    active(&two).await;
    println!("{TRIPS} open trips are there {:?} after the kill", killed.elapsed());
    let status = two.admin().status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.open.iter().map(|row| row.count).sum::<u64>(), TRIPS as u64);
    let mut looking = JoinSet::new();
    for lane in made.chunks(TRIPS / 16) {
        let (mut client, lane) = (two.riders(), lane.to_vec());
        looking.spawn(async move {
            for (number, trip_id) in lane {
                let asked = GetTripRequest { trip_id: trip_id.clone() };
                let trip = client.get_trip(asked).await.unwrap().into_inner().trip.unwrap();
                assert_eq!(trip.rider_id, format!("rider-{number}"), "{trip_id}");
            }
        });
    }
    looking.join_all().await;
    assert!(is_active(&two).await);
    assert!(metric(&two, "hansom_trips_copies_total").await < 1.5, "the copy was taken as it was");
}
