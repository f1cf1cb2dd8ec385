//! A second reader's findings: each of these fails as long as the finding stands.

use super::city::place;
use super::rig::{Rig, config, d, r, request};
use crate::dispatch::policy::Batch;
use crate::dispatch::{BackToBack, Command, MarketConfig, Reply, TripRequest, TripState, Urgency};
use crate::ids::TripId;
use crate::limits;
use crate::units::Millis;

/// F1: what a driver was worth to riders who have gone for an hour.
#[test]
fn prices_of_a_batch_long_gone_send_nobody_across_the_city() {
    let mut rig = Rig::new().drivers(&[("a", 0.0), ("e", 7_000.0)]);
    rig.city.cabs.get_mut(&d("e")).unwrap().status = crate::model::DriverStatus::Offline;
    rig.market.set_policy(Box::new(Batch::default()));
    let (ada, bob) = (rig.request("ada"), rig.request("bob"));
    rig.batch();
    for (rider, trip) in [("ada", ada), ("bob", bob)] {
        assert_eq!(rig.cancel(rider, trip), "done");
    }
    // An hour later: nobody has asked since, and there is nobody else who waits.
    rig.later(3_600_000);
    assert!(rig.market.next_batch().is_none());
    rig.city.cabs.get_mut(&d("e")).unwrap().status = crate::model::DriverStatus::Available;
    let trip = rig.ask(TripRequest { urgency: Urgency::Immediate, ..request("carl", "now") });
    println!("{:?}", rig.market.explain(trip));
    assert_eq!(rig.offer(trip).1, "a", "a stands at the pickup, e is 7 km away");
}

/// F1, with a window of zero, where every request is looked at on its own.
#[test]
fn with_no_window_old_prices_leave_a_rider_without_the_driver_at_the_door() {
    let mut rig = Rig::with(MarketConfig { window: Millis::ZERO, ..config() });
    rig.market.set_policy(Box::new(Batch::default()));
    let (ada, bob) = (rig.request("ada"), rig.request("bob"));
    // The driver comes to work, and is what two riders fight for.
    rig.city.add(d("a"), place(0.0, 0.0));
    rig.later(2_000).batch();
    for (rider, trip) in [("ada", ada), ("bob", bob)] {
        assert_eq!(rig.cancel(rider, trip), "done");
    }
    rig.later(3_600_000);
    // 30 m away: at once, one should think.
    let mut near = request("carl", "now");
    near.journey.pickup = place(300.0, 0.0);
    let trip = rig.ask(near);
    println!("{:?}", rig.market.explain(trip));
    assert_eq!(rig.state(trip), TripState::Offered, "nobody else wants the driver");
}

/// F2: those who wait in vain are all that a batch looks at.
#[test]
fn whoever_asks_late_is_looked_at_while_many_wait_in_vain() {
    let mut rig = Rig::new().drivers(&[("a", 0.0)]);
    let mut last: Option<TripId> = None;
    for i in 0..=limits::MAX_BATCH_REQUESTS {
        let mut one = request(&format!("r{i}"), "k");
        if i < limits::MAX_BATCH_REQUESTS {
            one.journey.pickup = place(0.0, 50_000.0);
        }
        let asked = Command::RequestTrip(Box::new(one));
        match rig.market.apply(rig.now, asked, &mut rig.city, &mut Vec::new()) {
            Ok(Reply::Requested { trip, .. }) => last = Some(trip),
            other => panic!("{other:?}"),
        }
        rig.now = rig.now.plus(Millis(u64::from(i % 64 == 0)));
    }
    for _ in 0..3 {
        rig.later(2_000);
        let told =
            rig.market.apply(rig.now, Command::MatchBatch, &mut rig.city, &mut Vec::new());
        println!("{told:?}");
    }
    let state = rig.market.trip(last.unwrap()).unwrap().state;
    assert_eq!(state, TripState::Offered, "a driver stands at the door, and is never asked");
}

/// F3: a quote is valid for five minutes, and forgotten after 65,536 others.
#[test]
fn a_quote_is_honoured_as_long_as_it_is_valid() {
    let mut rig = Rig::new();
    let mut first = None;
    for i in 0..=limits::MAX_QUOTES {
        let (rider, journey) = (r(&format!("r{i}")), request("r", "k").journey);
        let asked = Command::Quote { rider, journey };
        match rig.market.apply(rig.now, asked, &mut rig.city, &mut Vec::new()) {
            Ok(Reply::Quoted(quote)) => drop(first.get_or_insert(quote)),
            other => panic!("{other:?}"),
        }
        // A thousand a second.
        rig.now = rig.now.plus(Millis(1));
    }
    let quote = first.unwrap();
    let left = quote.valid_until.since(rig.now);
    let wanted = TripRequest { quote: Some(quote.id), ..request("r0", "k") };
    let told = rig.market.apply(
        rig.now,
        Command::RequestTrip(Box::new(wanted)),
        &mut rig.city,
        &mut Vec::new(),
    );
    assert!(told.is_ok(), "valid for {left} more: {told:?}");
}

/// F4: who is ahead of what was estimated at the start is about to finish, and is not looked at.
#[test]
fn who_is_sooner_than_was_expected_is_about_to_finish() {
    let back_to_back = BackToBack::Within(Millis::from_secs(300));
    let mut rig = Rig::with(MarketConfig { back_to_back, ..config() }).drivers(&[("a", 0.0)]);
    rig.market.set_policy(Box::new(Batch::default()));
    let trip = rig.in_progress();
    // 500 s were expected; after 100 the driver is 100 m, ten seconds, from the end.
    rig.later(100_000);
    rig.city.cabs.get_mut(&d("a")).unwrap().position = place(4_900.0, 0.0);
    let mut near = request("bob", "k");
    near.journey.pickup = place(5_000.0, 0.0);
    let next = rig.ask(near);
    rig.batch();
    println!("{:?} {:?}", rig.trip(trip).assignment, rig.market.last_decision().unwrap().proof);
    assert_eq!(rig.state(next), TripState::Offered, "proven over all drivers, and nobody asked");
}
