//! Two who want different things at the same time: each race has one winner, and the other is told.

use super::rig::{Rig, config, d, r, request};
use crate::dispatch::{Command, MarketConfig, Refusal, Reply, RiderReason, TripState, Urgency};
use crate::model::DriverStatus;

#[test]
fn two_drivers_accept_one_trip() {
    let mut rig = Rig::new().drivers(&[("a", 100.0), ("b", 200.0)]);
    let trip = rig.request("ada");
    rig.batch();
    let (first, driver) = rig.offer(trip);
    assert_eq!(driver, "a");
    rig.wait_until_due();
    rig.batch();
    let (second, driver) = rig.offer(trip);
    assert_eq!(driver, "b");
    // The first answers after all, while the second is being asked: too late, and told when.
    assert_eq!(rig.accept("a", first), "offer_expired");
    assert_eq!(rig.accept("b", second), "done");
    let driver = d("a");
    let refusal = rig.apply(Command::AcceptOffer { offer: first, driver }).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "offer sf-1.1 expired at 2023-11-14T22:13:35Z; another driver has taken the trip since"
    );
    assert_eq!(rig.trip(trip).driver(), Some(&d("b")));
    assert_eq!((rig.doing("a"), rig.doing("b")), (DriverStatus::Available, DriverStatus::EnRoute));
}

#[test]
fn accept_at_the_very_deadline() {
    for (early, outcome) in [(1, "done"), (0, "offer_expired")] {
        let mut rig = Rig::new().drivers(&[("a", 100.0)]);
        let trip = rig.request("ada");
        rig.batch();
        let offer = rig.offer(trip).0;
        rig.later(15_000 - early);
        // Whether the timer has fired makes no difference.
        assert_eq!(rig.accept("a", offer), outcome, "{early} ms before");
        rig.tick();
        assert_eq!(rig.state(trip) == TripState::EnRoute, early == 1);
        rig.tick();
        let again = if early == 1 { "already" } else { outcome };
        assert_eq!(rig.accept("a", offer), again);
    }
}

#[test]
fn cancel_against_accept() {
    let both = || {
        let mut rig = Rig::new().drivers(&[("a", 100.0)]);
        let trip = rig.request("ada");
        rig.batch();
        let offer = rig.offer(trip).0;
        (rig, trip, offer)
    };
    let (mut rig, trip, offer) = both();
    assert_eq!(rig.cancel("ada", trip), "done");
    let refusal = rig.apply(Command::AcceptOffer { offer, driver: d("a") }).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "trip sf-1 is CANCELLED (by rider at 2023-11-14T22:13:20Z: changed mind); it can no longer be accepted or declined"
    );
    assert_eq!(rig.doing("a"), DriverStatus::Available);

    let (mut rig, trip, offer) = both();
    assert_eq!(rig.accept("a", offer), "done");
    assert_eq!(rig.doing("a"), DriverStatus::EnRoute);
    let (rider, reason) = (r("ada"), RiderReason::Other);
    match rig.apply(Command::CancelTrip { trip, rider, reason }) {
        Ok(Reply::Cancelled { fee, .. }) => assert_eq!(fee.minor, 0, "within the free window"),
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.doing("a"), DriverStatus::Available);
    assert_eq!(rig.arrive("a", trip), "trip_over");
}

#[test]
fn cancel_against_arrival() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.en_route();
    rig.later(120_000);
    assert_eq!(rig.arrive("a", trip), "done");
    let (rider, reason) = (r("ada"), RiderReason::Other);
    match rig.apply(Command::CancelTrip { trip, rider, reason }) {
        Ok(Reply::Cancelled { fee, .. }) => assert_eq!(fee.minor, 500, "the window is over"),
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.start("a", trip), "trip_over");
}

#[test]
fn the_same_request_key_twice() {
    // One writer a market: what is concurrent outside comes one after the other, in either order.
    let mut rig = Rig::new();
    let first = rig.ask(request("ada", "key"));
    let second = rig.ask(request("ada", "key"));
    assert_eq!(first, second);
    assert_eq!(rig.market.counts().open, 1);
    assert_eq!(rig.log.len(), 1, "one event");
}

#[test]
fn a_driver_on_two_connections() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.request("ada");
    rig.batch();
    let offer = rig.offer(trip).0;
    // Both apps show the offer; both answer.
    assert_eq!(rig.accept("a", offer), "done");
    assert_eq!(rig.accept("a", offer), "already");
    assert_eq!(rig.decline("a", offer), "offer_accepted");
    assert_eq!(rig.arrive("a", trip), "done");
    assert_eq!(rig.arrive("a", trip), "already");
    // One app says goodbye while the other drives on.
    assert_eq!(rig.offline("a"), "done");
    assert_eq!(rig.doing("a"), DriverStatus::Waiting);
    assert_eq!(rig.start("a", trip), "done");
    assert_eq!(rig.complete("a", trip), "done");
    assert_eq!(rig.complete("a", trip), "already");
    assert_eq!(rig.doing("a"), DriverStatus::Offline);
}

#[test]
fn declined_on_one_connection_and_accepted_on_the_other() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.request("ada");
    rig.batch();
    let offer = rig.offer(trip).0;
    assert_eq!(rig.decline("a", offer), "done");
    assert_eq!(rig.accept("a", offer), "offer_declined");
    rig.batch();
    assert_eq!(rig.state(trip), TripState::Searching, "who declined is not asked again");
}

#[test]
fn a_rider_with_two_open_requests() {
    let mut rig = Rig::new();
    let trip = rig.ask(request("ada", "1"));
    let refusal = rig.apply(Command::RequestTrip(Box::new(request("ada", "2")))).unwrap_err();
    assert_eq!(refusal, Refusal::RiderHasOpenTrip { rider: r("ada"), open: trip, limit: 1 });
    assert_eq!(rig.cancel("ada", trip), "done");
    assert_ne!(rig.ask(request("ada", "2")), trip);

    let mut rig = Rig::with(MarketConfig { open_trips_per_rider: 2, ..config() })
        .drivers(&[("a", 100.0), ("b", 200.0)]);
    let trips = [rig.ask(request("ada", "1")), rig.ask(request("ada", "2"))];
    rig.batch();
    assert_eq!(trips.map(|trip| rig.offer(trip).1), ["a", "b"]);
    let ids: Vec<_> = rig.market.trips_of_rider(&r("ada")).map(|trip| trip.id).collect();
    assert_eq!(ids, trips);
}

#[test]
fn complete_before_start() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.en_route();
    assert_eq!(rig.complete("a", trip), "too_soon");
    assert_eq!(rig.start("a", trip), "too_soon");
    assert_eq!(rig.arrive("a", trip), "done");
    assert_eq!(rig.complete("a", trip), "too_soon");
    assert_eq!(rig.start("a", trip), "done");
    assert_eq!(rig.complete("a", trip), "done");
    assert_eq!(rig.start("a", trip), "trip_over");
}

#[test]
fn an_urgent_request_is_offered_at_once_and_again_at_once() {
    let mut rig = Rig::new().drivers(&[("a", 100.0), ("b", 200.0)]);
    let trip = rig
        .ask(crate::dispatch::TripRequest { urgency: Urgency::Immediate, ..request("ada", "now") });
    let (offer, driver) = rig.offer(trip);
    assert_eq!(driver, "a");
    assert_eq!(rig.decline("a", offer), "done");
    assert_eq!(rig.offer(trip).1, "b");
    // Silence is a decline; nobody is left.
    rig.wait_until_due();
    assert_eq!(rig.state(trip), TripState::Searching);
    // Somebody comes to work: the next batch finds them.
    rig.city.add(d("c"), super::city::place(0.0, 500.0));
    assert!(rig.market.next_batch().is_some());
    rig.batch();
    assert_eq!(rig.offer(trip).1, "c");
}

#[test]
fn a_supply_that_has_not_heard_gives_nobody_away_twice() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let first = rig.request("ada");
    rig.batch();
    let offer = rig.offer(first).0;
    // The map still has a as free.
    rig.city.lies = super::city::Lies::Yes;
    rig.city.cabs.get_mut(&d("a")).unwrap().status = DriverStatus::Available;
    let second = rig.request("bob");
    rig.batch();
    assert_eq!(rig.state(second), TripState::Searching);
    assert_eq!(rig.accept("a", offer), "done");
    rig.batch();
    assert_eq!(rig.state(second), TripState::Searching);
}

#[test]
fn going_offline_with_a_pending_offer_declines_it() {
    let mut rig = Rig::new().drivers(&[("a", 100.0), ("b", 200.0)]);
    let trip = rig.request("ada");
    rig.batch();
    let offer = rig.offer(trip).0;
    assert_eq!(rig.offline("a"), "done");
    assert_eq!(rig.doing("a"), DriverStatus::Offline);
    assert_eq!(rig.accept("a", offer), "offer_declined");
    rig.batch();
    assert_eq!(rig.offer(trip).1, "b");
    assert_eq!(rig.online("a"), "done");
    assert_eq!(rig.doing("a"), DriverStatus::Available);
    assert_eq!(rig.online("a"), "already");
}

#[test]
fn staying_after_all() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.in_progress();
    assert_eq!(rig.online("a"), "already");
    let events = rig.log.len();
    assert_eq!(rig.offline("a"), "done");
    assert_eq!(rig.offline("a"), "done");
    assert_eq!(rig.log.len(), events + 1, "signed off once");
    assert_eq!(rig.online("a"), "done");
    assert_eq!(rig.complete("a", trip), "done");
    assert_eq!(rig.doing("a"), DriverStatus::Available);
}
