//! Days of a few people, reckoned by hand.

use super::{Events, TEN, lived, plain, plan, rider};
use crate::dispatch::policy::Greedy;
use crate::dispatch::{Event, Fact};
use crate::model::DriverStatus;
use crate::sim::day::{Habits, Offers, Pickup, Span, run};
use crate::travel::StraightLine;
use crate::units::{Millis, Timestamp};

/// 5 m/s in a straight line: a step, which is 500.378 m, takes 100.076 s, rounded up.
fn five() -> StraightLine {
    StraightLine::new(5.0, 1.0).unwrap()
}

/// What happened, with milliseconds after ten and the driver's number.
fn told(events: &[Event]) -> Vec<(u64, u64, &'static str)> {
    let told = events
        .iter()
        .map(|event| (event.at.since(TEN).get(), event.trip.number(), event.fact.kind().name()));
    told.collect()
}

fn two_and_two(habits: Habits) -> Vec<Event> {
    // Drivers at 0 and 6; one rider from 1 to 5, and a second later one from 2 to 0.
    let plan = plan(habits, &[0, 6], vec![rider(0, 1, 5), rider(1_000, 2, 0)]);
    let (events, tally) = lived(&plan, five());
    assert_eq!((tally.requests, tally.asked, tally.served), (2, 2, 2));
    events
}

/// The first driver is nearest to both; the first rider gets that one, the second the other.
const TWO_AND_TWO: [(u64, u64, &str); 14] = [
    (0, 1, "trip_requested"),
    (1_000, 2, "trip_requested"),
    (2_000, 1, "offer_made"),
    (2_000, 2, "offer_made"),
    (5_000, 1, "offer_accepted"),
    (5_000, 1, "pickup_started"),
    (5_000, 2, "offer_accepted"),
    (5_000, 2, "pickup_started"),
    // One step.
    (5_000 + 100_076, 1, "driver_arrived"),
    (105_076 + 30_000, 1, "trip_started"),
    // Four steps.
    (5_000 + 400_303, 2, "driver_arrived"),
    (405_303 + 30_000, 2, "trip_started"),
    (135_076 + 400_303, 1, "trip_completed"),
    // Two steps.
    (435_303 + 200_152, 2, "trip_completed"),
];

#[test]
fn two_drivers_and_two_riders_to_the_millisecond() {
    let events = two_and_two(plain());
    assert_eq!(told(&events), TWO_AND_TWO);
    let drivers = events.iter().filter_map(|event| match &event.fact {
        Fact::OfferAccepted { driver, .. } => Some((event.trip.number(), driver.to_string())),
        _ => None,
    });
    let expected = [(1, "cab-0000001".to_owned()), (2, "cab-0000002".to_owned())];
    assert_eq!(drivers.collect::<Vec<_>>(), expected);
}

#[test]
fn another_second_anywhere_is_noticed() {
    let second = |habits: Habits| {
        let events = two_and_two(habits);
        assert_ne!(told(&events), TWO_AND_TWO);
        events.len()
    };
    let slow = Habits { answer: Span::exactly(Millis(4_000)), ..plain() };
    let late = Habits { boarding: Span::exactly(Millis(31_000)), ..plain() };
    assert_eq!((second(slow), second(late)), (14, 14));
    let plan = plan(plain(), &[0, 6], vec![rider(0, 1, 5), rider(1_000, 2, 0)]);
    let faster = StraightLine::new(5.1, 1.0).unwrap();
    assert_ne!(told(&lived(&plan, faster).0), TWO_AND_TWO);
}

#[test]
fn the_tally_of_two_and_two() {
    let plan = plan(plain(), &[0, 6], vec![rider(0, 1, 5), rider(1_000, 2, 0)]);
    let (events, tally) = lived(&plan, five());
    assert_eq!(tally.events, events.len() as u64);
    assert_eq!(tally.offers, Offers { made: 2, accepted: 2, declined: 0, expired: 0 });
    assert_eq!(tally.to_assignment, [Millis(5_000), Millis(4_000)]);
    assert_eq!(tally.pickup_eta, [Millis(100_076), Millis(400_303)]);
    assert_eq!(tally.pickup_mm, [500_378, 2_001_511]);
    let reached = [(TEN, 105_076), (TEN.plus(Millis(1_000)), 404_303)];
    let reached =
        reached.map(|(requested_at, waited)| Pickup { requested_at, waited: Millis(waited) });
    assert_eq!(tally.pickups, reached);
    assert_eq!(tally.empty_mm, 500_378 + 2_001_511);
    assert_eq!(tally.carried_mm, 2_001_511 + 1_000_756);
    assert_eq!(tally.settled_at, TEN.plus(Millis(635_455)));
    assert_eq!((tally.batches, tally.batched, tally.largest_batch), (1, 2, 2));
    // Time counts from the first request to the last, a second later.
    assert_eq!(tally.spent(&DriverStatus::ALL), Millis(2 * 1_000));
    assert!(tally.refusals.is_empty(), "{:?}", tally.refusals);
}

#[test]
fn a_rider_who_has_waited_long_enough_cancels_and_the_driver_stands_where_that_was() {
    let habits = Habits { patience: Span::exactly(Millis(205_000)), ..plain() };
    // Half way when the rider gives up; the next one is nearly where the driver stands then.
    let riders = vec![rider(0, 4, 5), rider(300_000, 2, 3)];
    let plan = plan(habits, &[0], riders);
    let (events, tally) = lived(&plan, five());
    assert_eq!((tally.served, tally.cancelled), (1, 1));
    let cancelled = events.iter().find(|event| event.fact.kind().name() == "trip_cancelled");
    assert_eq!(cancelled.map(|event| event.at), Some(TEN.plus(Millis(205_000))));
    // 200 s of a drive of 400.303 s over four steps: half of it but for a little.
    let driven = 2_001_511 * 200_000 / 400_303;
    let short = tally.pickup_mm[1];
    assert!(tally.empty_mm.abs_diff(driven + short) <= 1, "{tally:?}");
    let rest = 1_000_756 - driven;
    assert!(short.abs_diff(rest) <= 20, "{short} mm, not {rest} mm");
}

#[test]
fn a_shift_ends_after_the_trip_and_the_next_begins_where_it_ended() {
    let habits = Habits {
        shift: Span::exactly(Millis(60_000)),
        handover: Span::exactly(Millis(600_000)),
        ..plain()
    };
    // The first shift ends within a minute, on the way to the first rider.
    let plan = plan(habits, &[0], vec![rider(0, 1, 2), rider(400_000, 2, 1), rider(840_000, 2, 1)]);
    let (events, tally) = lived(&plan, five());
    let signed_off = events.iter().filter(|event| event.fact.kind().name() == "driver_signed_off");
    assert!(signed_off.count() >= 1);
    // Nobody is on shift when the second rider asks, who gives up before the next shift begins.
    let done = 5_000 + 100_076 + 30_000 + 100_076;
    let made = events.iter().filter(|event| matches!(event.fact, Fact::OfferMade { .. }));
    let made: Vec<Timestamp> = made.map(|event| event.at).collect();
    assert_eq!(made[0], TEN.plus(Millis(2_000)));
    assert_eq!(made[1], TEN.plus(Millis(842_000)));
    assert!(842_000 > done + 600_000, "the next shift has begun");
    assert_eq!(tally.unfulfilled + tally.cancelled, 1, "the second has waited in vain");
    assert!(tally.spent(&[DriverStatus::Offline]) >= Millis(600_000));
}

#[test]
fn a_day_can_be_ended_early() {
    let plan =
        plan(plain(), &[0, 6], vec![rider(0, 1, 5), rider(1_000, 2, 0), rider(900_000, 1, 2)]);
    let until = Some(TEN.plus(Millis(300_000)));
    let mut events = Events { until, ..Events::default() };
    let travel = std::sync::Arc::new(five());
    let tally = run(&plan, Box::new(Greedy::default()), travel, &mut events).unwrap();
    tally.add_up().unwrap();
    assert_eq!((tally.open, tally.unasked, tally.served), (2, 1, 0));
    assert!(tally.settled_at.since(TEN) < Millis(301_000));
}
