//! Drivers who are asked for the next trip before the present one is over.

use super::city::place;
use super::rig::{Rig, config, d, request};
use crate::dispatch::{BackToBack, Fact, MarketConfig, TripRequest, TripState};
use crate::ids::TripId;
use crate::model::DriverStatus;
use crate::units::Millis;

/// a is on a trip that ends 300 m east of the middle, 30 seconds from now; b is free, 2 km west.
fn finishing() -> (Rig, TripId) {
    finishing_in(config())
}

fn finishing_in(config: MarketConfig) -> (Rig, TripId) {
    let mut rig = Rig::with(config).drivers(&[("a", 0.0)]);
    let mut first = request("bob", "first");
    first.journey.dropoff = Some(place(300.0, 0.0));
    let trip = rig.ask(first);
    rig.batch();
    let offer = rig.offer(trip).0;
    for done in [rig.accept("a", offer), rig.arrive("a", trip), rig.start("a", trip)] {
        assert_eq!(done, "done");
    }
    rig.city.add(d("b"), place(-2_000.0, 0.0));
    (rig, trip)
}

#[test]
fn who_is_about_to_finish_nearby_beats_who_is_free_far_away() {
    let (mut rig, first) = finishing();
    let next = rig.request("ada");
    rig.batch();
    let (offer, driver) = rig.offer(next);
    assert_eq!(driver, "a");
    let Fact::OfferMade { pickup, after, .. } = rig.last() else { panic!("{:?}", rig.last()) };
    assert_eq!(*after, Some(first));
    let expected = 30_000 + 30_000;
    assert!(pickup.duration.get().abs_diff(expected) <= 10, "{pickup:?}: the rest and the way");
    assert_eq!(rig.doing("a"), DriverStatus::OnTrip, "an offer does not end a trip");
    assert_eq!(rig.accept("a", offer), "done");
    assert_eq!(rig.state(next), TripState::Assigned);
    assert_eq!(rig.arrive("a", next), "too_soon");
    // With a trip ahead a driver is not asked for a third.
    let third = rig.request("eve");
    rig.batch();
    assert_eq!(rig.offer(third).1, "b");
    assert_eq!(rig.complete("a", first), "done");
    assert_eq!(rig.state(next), TripState::EnRoute, "and sets off at once");
    assert_eq!(rig.doing("a"), DriverStatus::EnRoute);
    assert_eq!(rig.arrive("a", next), "done");
}

#[test]
fn only_within_the_limit_and_only_if_it_is_on() {
    let limit = |limit| finishing_in(MarketConfig { back_to_back: limit, ..config() });
    for (setting, driver) in [
        (BackToBack::Within(Millis(31_000)), "a"),
        (BackToBack::Within(Millis(29_000)), "b"),
        (BackToBack::Off, "b"),
    ] {
        let (mut rig, _) = limit(setting);
        let next = rig.request("ada");
        rig.batch();
        assert_eq!(rig.offer(next).1, driver, "{setting:?}");
    }
}

#[test]
fn who_is_sooner_than_was_expected_is_about_to_finish() {
    let mut rig = Rig::new().drivers(&[("a", 0.0)]);
    let trip = rig.in_progress();
    // 500 s were expected; after 100 the driver is 100 m, ten seconds, from the end.
    rig.later(100_000);
    rig.city.cabs.get_mut(&d("a")).unwrap().position = place(4_900.0, 0.0);
    let mut near = request("bob", "k");
    near.journey.pickup = place(5_000.0, 0.0);
    let next = rig.ask(near);
    rig.batch();
    assert_eq!(rig.offer(next).1, "a");
    let late = rig.trip(trip).assignment.unwrap().expected_end.unwrap().since(rig.now);
    assert!(late > Millis(399_000), "{late}");
}

#[test]
fn who_has_no_known_end_or_has_signed_off_is_not_asked() {
    let (mut rig, _) = finishing();
    assert_eq!(rig.offline("a"), "done");
    let next = rig.request("ada");
    rig.batch();
    assert_eq!(rig.offer(next).1, "b");

    let mut rig = Rig::new().drivers(&[("a", 0.0)]);
    let open_end = TripRequest {
        journey: crate::dispatch::Journey { dropoff: None, ..super::rig::journey() },
        ..request("bob", "k")
    };
    let trip = rig.ask(open_end);
    rig.batch();
    let offer = rig.offer(trip).0;
    for done in [rig.accept("a", offer), rig.arrive("a", trip), rig.start("a", trip)] {
        assert_eq!(done, "done");
    }
    let next = rig.request("ada");
    rig.batch();
    assert_eq!(rig.state(next), TripState::Searching);
}

#[test]
fn the_trip_ahead_survives_whatever_happens_to_the_present_one() {
    // The rider of the trip ahead cancels.
    let (mut rig, first) = finishing();
    let next = rig.en_route();
    assert_eq!(rig.state(next), TripState::Assigned);
    assert_eq!(rig.cancel("ada", next), "done");
    assert_eq!(rig.complete("a", first), "done");
    assert_eq!(rig.doing("a"), DriverStatus::Available);

    // The driver gives the trip ahead back.
    let (mut rig, first) = finishing();
    let next = rig.en_route();
    assert_eq!(rig.give_back("a", next), "done");
    assert_eq!(rig.doing("a"), DriverStatus::OnTrip);
    rig.batch();
    assert_eq!(rig.offer(next).1, "b");
    assert_eq!(rig.complete("a", first), "done");

    // The driver signs off: the trip ahead is looked for anew at once, the present one goes on.
    let (mut rig, first) = finishing();
    let next = rig.en_route();
    assert_eq!(rig.offline("a"), "done");
    assert_eq!((rig.state(first), rig.state(next)), (TripState::InProgress, TripState::Searching));
    assert_eq!(rig.complete("a", first), "done");
    assert_eq!(rig.doing("a"), DriverStatus::Offline);

    // The driver is lost: both trips are.
    let (mut rig, first) = finishing();
    rig.market.config.pickup_overdue = Millis::from_secs(24 * 3_600);
    let next = rig.en_route();
    rig.wait_until_due();
    assert_eq!((rig.state(first), rig.state(next)), (TripState::Cancelled, TripState::Searching));
    assert_eq!(rig.doing("a"), DriverStatus::Offline);
}

#[test]
fn a_lost_driver_is_offline_whatever_was_offered() {
    let market = MarketConfig {
        ride_overdue: Millis::from_secs(60),
        patience: Millis::from_secs(3_600),
        ..config()
    };
    let (mut rig, first) = finishing_in(market);
    rig.later(50_000);
    let next = rig.request("ada");
    rig.batch();
    assert_eq!(rig.offer(next).1, "a");
    rig.wait_until_due();
    assert_eq!(rig.state(first), TripState::Cancelled);
    assert_eq!(rig.doing("a"), DriverStatus::Offline);
    // Also when the offer would have run out; and somebody else is asked at once.
    rig.batch();
    assert_eq!(rig.offer(next).1, "b");
    rig.later(6_000).tick();
    assert_eq!(rig.state(next), TripState::Offered);
    rig.later(12_000).tick();
    assert_eq!(rig.state(next), TripState::Searching);
    assert_eq!(rig.doing("a"), DriverStatus::Offline);
    assert_eq!(rig.online("a"), "done");
    assert_eq!(rig.doing("a"), DriverStatus::Available);
}

#[test]
fn an_offer_outlives_the_present_trip() {
    let (mut rig, first) = finishing();
    let next = rig.request("ada");
    rig.batch();
    let offer = rig.offer(next).0;
    assert_eq!(rig.complete("a", first), "done");
    assert_eq!(rig.doing("a"), DriverStatus::OfferPending);
    assert_eq!(rig.accept("a", offer), "done");
    assert_eq!(rig.state(next), TripState::EnRoute);
}
