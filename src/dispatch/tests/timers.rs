//! What is due when.

use super::rig::{Rig, config, d, r, request};
use crate::dispatch::{Command, EventKind, Fact, MarketConfig, Reply, TripState};
use crate::model::DriverStatus;
use crate::units::Millis;

#[test]
fn nobody_is_found_in_time() {
    let mut rig = Rig::new();
    let trip = rig.request("ada");
    rig.later(2_000).batch();
    assert_eq!(rig.state(trip), TripState::Searching);
    rig.later(2_000).batch();
    assert_eq!(rig.kinds(), [EventKind::TripRequested, EventKind::SearchContinued], "said once");
    rig.later(295_999).tick();
    assert_eq!(rig.state(trip), TripState::Searching);
    rig.later(1).tick();
    assert_eq!(rig.state(trip), TripState::Unfulfilled);
    assert_eq!(rig.market.next_deadline(), None);
    assert_eq!(rig.market.next_batch(), None);
}

#[test]
fn an_offer_in_time_outlives_the_patience() {
    let mut rig = Rig::new().drivers(&[("a", 100.0), ("b", 200.0)]);
    rig.city.cabs.get_mut(&d("a")).unwrap().status = DriverStatus::Offline;
    let trip = rig.request("ada");
    rig.later(299_000).batch();
    let (offer, driver) = rig.offer(trip);
    assert_eq!(driver, "b");
    rig.later(10_000).tick();
    assert_eq!(rig.state(trip), TripState::Offered, "patience is over, the driver may still come");
    assert_eq!(rig.accept("b", offer), "done");
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.request("ada");
    rig.later(299_000).batch();
    rig.wait_until_due();
    assert_eq!(rig.state(trip), TripState::Unfulfilled, "silence, and no patience left");
    assert_eq!(*rig.last(), Fact::TripUnfulfilled);
}

#[test]
fn a_driver_who_gives_back_is_not_asked_again_and_the_waiting_time_is_kept() {
    let mut rig = Rig::new().drivers(&[("a", 100.0), ("b", 200.0)]);
    let trip = rig.en_route();
    let asked_at = rig.trip(trip).requested_at;
    rig.later(600_000);
    assert_eq!(rig.give_back("a", trip), "done");
    assert_eq!(rig.state(trip), TripState::Searching);
    assert_eq!(rig.doing("a"), DriverStatus::Available);
    assert_eq!(rig.give_back("a", trip), "already");
    assert_eq!(rig.arrive("a", trip), "offer_closed");
    // Behind ada in the queue, although bob asks first in this batch.
    let bob = rig.request("bob");
    rig.batch();
    assert_eq!(rig.offer(trip).1, "b");
    assert_eq!(rig.trip(trip).requested_at, asked_at);
    assert_eq!(rig.offer(bob).1, "a");
    let waited = rig.market.explain(trip).unwrap().waiting;
    assert_eq!(waited, Millis(600_000));
    assert_eq!(rig.trip(trip).patience_until, rig.now.plus(Millis(300_000)));
}

#[test]
fn a_no_show_is_one_after_the_wait() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.en_route();
    assert_eq!(rig.no_show("a", trip), "too_soon");
    rig.later(10_000);
    assert_eq!(rig.arrive("a", trip), "done");
    rig.later(299_999);
    assert_eq!(rig.no_show("a", trip), "still_waiting");
    rig.later(1);
    let reason = crate::dispatch::DriverReason::NoShow;
    let left = Command::CancelAsDriver { trip, driver: d("a"), reason };
    match rig.apply(left.clone()) {
        Ok(Reply::Cancelled { fee, .. }) => assert_eq!(fee.minor, 500),
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.so(left), "already");
    assert_eq!(rig.doing("a"), DriverStatus::Available);
    assert_eq!(rig.state(trip), TripState::Cancelled);
}

#[test]
fn cancelling_is_free_for_two_minutes_after_the_assignment() {
    for (wait, due) in [(119_999, 0), (120_000, 500)] {
        let mut rig = Rig::new().drivers(&[("a", 100.0)]);
        let trip = rig.en_route();
        rig.later(wait);
        let command = Command::CancelTrip {
            trip,
            rider: r("ada"),
            reason: crate::dispatch::RiderReason::WaitedTooLong,
        };
        match rig.apply(command) {
            Ok(Reply::Cancelled { fee, .. }) => assert_eq!(fee.minor, due),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_driver_who_is_lost_loses_the_trip_and_counts_as_offline() {
    let mut rig = Rig::new().drivers(&[("a", 100.0), ("b", 200.0)]);
    let trip = rig.en_route();
    rig.wait_until_due();
    assert_eq!(rig.state(trip), TripState::Searching);
    assert_eq!(rig.doing("a"), DriverStatus::Offline);
    assert_eq!(rig.arrive("a", trip), "offer_closed");
    rig.batch();
    let offer = rig.offer(trip).0;
    assert_eq!(rig.accept("b", offer), "done");
    assert_eq!(rig.arrive("b", trip), "done");
    rig.wait_until_due();
    assert_eq!(rig.state(trip), TripState::Cancelled, "stood at the pickup for an hour");
    assert_eq!(rig.doing("b"), DriverStatus::Offline);
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.in_progress();
    rig.wait_until_due();
    assert_eq!(rig.kinds().last(), Some(&EventKind::TripAbandoned));
    assert_eq!(rig.trip(trip).end.unwrap().ending.due(), None, "and nothing is owed");
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines_and_ties_in_that_of_trips() {
    let mut rig = Rig::new();
    let mut trips = Vec::new();
    for (i, wait) in [0, 0, 10, 0].into_iter().enumerate() {
        rig.later(wait);
        trips.push(rig.ask(request(&format!("r{i}"), "k")));
    }
    rig.later(1_000_000_000).tick();
    let ended: Vec<_> = rig.log[4..].iter().map(|event| event.trip).collect();
    assert_eq!(ended, trips);
    assert!(rig.log[4..].iter().all(|event| event.fact == Fact::TripUnfulfilled));
}

#[test]
fn a_clock_that_jumps_back_stands_still() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.request("ada");
    rig.later(5_000).batch();
    let offer = rig.offer(trip).0;
    let then = rig.now;
    rig.now = then.minus(Millis(1_000_000));
    rig.tick();
    assert_eq!(rig.accept("a", offer), "done");
    assert_eq!(rig.log.last().unwrap().at, then, "no event is older than one before");
    rig.now = then.plus(Millis(1));
    assert_eq!(rig.arrive("a", trip), "done");
}

#[test]
fn a_batch_is_due_a_window_after_its_first_request() {
    let mut rig = Rig::new();
    assert_eq!(rig.market.next_batch(), None);
    rig.later(100_000);
    rig.request("ada");
    let first = rig.now;
    rig.later(500);
    rig.request("bob");
    assert_eq!(rig.market.next_batch(), Some(first.plus(Millis(2_000))));
    rig.later(1_500).batch();
    assert_eq!(rig.market.next_batch(), Some(rig.now.plus(Millis(2_000))), "somebody was left");
    let trips: Vec<_> = rig.market.open_trips().map(|trip| trip.id).collect();
    assert_eq!(rig.cancel("ada", trips[0]), "done");
    assert_eq!(rig.cancel("bob", trips[1]), "done");
    assert_eq!(rig.market.next_batch(), None);
    rig.later(60_000);
    rig.request("ada");
    assert_eq!(rig.market.next_batch(), Some(rig.now.plus(Millis(2_000))));

    let at_once = MarketConfig { window: Millis::ZERO, ..config() };
    let mut rig = Rig::with(at_once).drivers(&[("a", 100.0)]);
    let trip = rig.request("ada");
    assert_eq!(rig.state(trip), TripState::Offered, "without a window nobody waits for a batch");
}

#[test]
fn each_driver_is_asked_once_and_then_it_is_over() {
    let names: Vec<String> =
        (0..=crate::limits::MAX_OFFERS_PER_TRIP).map(|i| format!("d{i}")).collect();
    let mut rig = Rig::with(MarketConfig { candidates: 300, ..config() });
    for (i, name) in (0_u16..).zip(&names) {
        rig.city.add(d(name), super::city::place(f64::from(i), 0.0));
    }
    let trip = rig.request("ada");
    while rig.state(trip).is_open() {
        rig.batch();
        let (offer, driver) = rig.offer(trip);
        assert_eq!(rig.decline(&driver, offer), "done");
    }
    assert_eq!(rig.state(trip), TripState::Unfulfilled);
    assert_eq!(rig.trip(trip).asked.len(), crate::limits::MAX_OFFERS_PER_TRIP);
}

#[test]
fn whoever_asks_late_is_looked_at_while_many_wait_in_vain() {
    let mut rig = Rig::new().drivers(&[("a", 0.0)]);
    let mut events = Vec::new();
    let most = crate::limits::MAX_BATCH_REQUESTS;
    for i in 0..=most {
        let mut one = request(&format!("r{i}"), "k");
        if i < most {
            one.journey.pickup = super::city::place(0.0, 50_000.0);
        }
        let asked = Command::RequestTrip(Box::new(one));
        assert!(rig.market.apply(rig.now, asked, &mut rig.city, &mut events).is_ok());
    }
    let near = events.last().unwrap().trip;
    let mut batch = |rig: &mut Rig| {
        rig.later(2_000);
        match rig.market.apply(rig.now, Command::MatchBatch, &mut rig.city, &mut events) {
            Ok(Reply::Matched(matched)) => (matched.requests, matched.left, matched.offers),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(batch(&mut rig), (most, 1, 0), "those who have waited longest");
    assert_eq!(batch(&mut rig), (most, 1, 1), "the one who was left, and others again");
    assert_eq!(rig.offer(near).1, "a");
    assert_eq!(batch(&mut rig), (most, 0, 0));
}
