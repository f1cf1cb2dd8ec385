//! For how long a driver is kept for riders who wait, from one who does not.

use super::city::place;
use super::rig::{Rig, config, d, request};
use crate::dispatch::policy::Batch;
use crate::dispatch::{MarketConfig, TripRequest, TripState, Urgency};
use crate::ids::TripId;
use crate::model::DriverStatus;
use crate::units::Millis;

fn batching(mut rig: Rig) -> Rig {
    rig.market.set_policy(Box::new(Batch::default()));
    rig
}

fn at_once(rider: &str) -> TripRequest {
    TripRequest { urgency: Urgency::Immediate, ..request(rider, "at once") }
}

/// Two who have waited for a, who has declined one of them; and the two.
fn wanted() -> (Rig, [(&'static str, TripId); 2]) {
    let mut rig = batching(Rig::new().drivers(&[("a", 0.0)]));
    let riders = ["ada", "bob"].map(|rider| (rider, rig.request(rider)));
    rig.later(2_000).batch();
    let asked = riders.iter().find(|(_, trip)| rig.state(*trip) == TripState::Offered);
    let offer = rig.offer(asked.unwrap().1).0;
    assert_eq!(rig.decline("a", offer), "done");
    (rig, riders)
}

#[test]
fn a_driver_is_kept_for_others_while_they_wait_and_for_two_windows() {
    let (mut rig, _) = wanted();
    rig.later(4_000);
    let carl = rig.ask(at_once("carl"));
    assert_eq!(rig.state(carl), TripState::Searching, "others have waited longer for a");
    // No batch has come meanwhile.
    rig.later(1);
    let dora = rig.ask(at_once("dora"));
    assert_eq!(rig.offer(dora).1, "a");

    let (mut rig, riders) = wanted();
    for (rider, trip) in riders {
        assert_eq!(rig.cancel(rider, trip), "done");
    }
    let carl = rig.ask(at_once("carl"));
    assert_eq!(rig.offer(carl).1, "a", "nobody else waits");
}

#[test]
fn prices_of_a_batch_long_gone_send_nobody_across_the_city() {
    let mut rig = batching(Rig::new().drivers(&[("a", 0.0), ("e", 7_000.0)]));
    rig.city.cabs.get_mut(&d("e")).unwrap().status = DriverStatus::Offline;
    let (ada, bob) = (rig.request("ada"), rig.request("bob"));
    rig.batch();
    for (rider, trip) in [("ada", ada), ("bob", bob)] {
        assert_eq!(rig.cancel(rider, trip), "done");
    }
    rig.later(3_600_000);
    assert_eq!(rig.market.next_batch(), None);
    rig.city.cabs.get_mut(&d("e")).unwrap().status = DriverStatus::Available;
    let trip = rig.ask(at_once("carl"));
    assert_eq!(rig.offer(trip).1, "a", "a stands at the pickup, e is 7 km away");
}

#[test]
fn nor_do_they_without_a_window() {
    let mut rig = batching(Rig::with(MarketConfig { window: Millis::ZERO, ..config() }));
    let (ada, bob) = (rig.request("ada"), rig.request("bob"));
    // The driver comes to work, and is what two riders fight for.
    rig.city.add(d("a"), place(0.0, 0.0));
    rig.later(2_000).batch();
    for (rider, trip) in [("ada", ada), ("bob", bob)] {
        assert_eq!(rig.cancel(rider, trip), "done");
    }
    rig.later(3_600_000);
    let mut near = request("carl", "now");
    near.journey.pickup = place(300.0, 0.0);
    let trip = rig.ask(near);
    assert_eq!(rig.state(trip), TripState::Offered, "nobody else wants the driver");
}
