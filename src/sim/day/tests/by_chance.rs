//! Days of many people, looked over by somebody who reads the events alone.

use std::sync::Arc;

use super::audit::{Hurried, Reach, audit};
use super::{Events, lived};
use crate::dispatch::policy::Greedy;
use crate::dispatch::{Event, Fact, MarketConfig};
use crate::sim::day::{DayPlan, Habits, Span, places_of, riders_of, run, starts};
use crate::sim::{City, DemandPlan, demand};
use crate::trace::requests::LogFormat;
use crate::travel::StraightLine;
use crate::units::Millis;

/// Forty drivers who are not all reliable, on short shifts, and more riders than they can carry.
pub(super) fn busy(seed: u64) -> DayPlan {
    let wishes = DemandPlan::new(City::SAN_FRANCISCO, 400, Millis::from_secs(2_400), seed).unwrap();
    let requests: Vec<_> = demand(&wishes).map(|request| (request, LogFormat::Own)).collect();
    let habits = Habits {
        acceptance_permille: 700,
        patience: Span::seconds(120, 900),
        shift: Span::seconds(900, 3_600),
        handover: Span::seconds(60, 300),
        ..Habits::default()
    };
    let plan = DayPlan {
        market: MarketConfig::new("sf".parse().unwrap()),
        habits,
        seed,
        starts: starts(40, &places_of(&requests), seed),
        riders: riders_of(&requests, seed),
    };
    plan.check().unwrap();
    plan
}

#[test]
fn each_rider_meets_one_end_and_everybody_moves_as_the_model_says() {
    let travel = StraightLine::default();
    let mut all = Reach::default();
    for seed in 0..5 {
        let plan = busy(seed);
        let (events, tally) = lived(&plan, travel);
        let reach =
            audit(&plan, &travel, &events).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert_eq!(tally.open + tally.unasked + tally.refused, 0, "seed {seed}");
        assert_eq!(tally.served + tally.unfulfilled + tally.cancelled, 400, "seed {seed}");
        assert!(tally.served > 50, "seed {seed}: {} served", tally.served);
        assert!(tally.unfulfilled > 20 && tally.cancelled > 10, "seed {seed}: {tally:?}");
        assert!(tally.offers.declined > 15 && tally.offers.expired > 3, "{:?}", tally.offers);
        all.rides += reach.rides;
        all.drives += reach.drives;
        all.signed_off += reach.signed_off;
        all.queued += reach.queued;
    }
    assert!(all.rides > 300 && all.drives > 150, "{all:?}");
    assert!(all.signed_off > 20 && all.queued > 20, "{all:?}");
}

#[test]
fn what_cannot_be_is_noticed() {
    let travel = StraightLine::default();
    let plan = busy(1);
    let (events, _) = lived(&plan, travel);
    let refused = |events: &[Event]| audit(&plan, &travel, events).unwrap_err();
    let is_end = |event: &&Event| matches!(event.fact, Fact::TripCompleted { .. });
    let end = events.iter().position(|event| is_end(&event)).unwrap();

    let mut lost = events.clone();
    lost.remove(end);
    let why = refused(&lost);
    assert!(why.contains("two trips") || why.contains("never heard"), "{why}");
    let mut twice = events.clone();
    twice.insert(end, events[end].clone());
    assert!(refused(&twice).contains("trip_completed after completed"));

    // A fleet that drives faster than the model says, and one that began elsewhere.
    let (fast, _) = lived(&plan, Hurried(travel));
    let why = refused(&fast);
    assert!(why.contains("a pickup took") || why.contains("a ride took"), "{why}");
    let elsewhere = DayPlan { starts: plan.starts.iter().rev().copied().collect(), ..plan.clone() };
    let why = audit(&elsewhere, &travel, &events).unwrap_err();
    assert!(why.contains("a pickup took"), "{why}");
}

#[test]
fn a_seed_is_a_day() {
    let day = |plan: &DayPlan| lived(plan, StraightLine::default());
    let (first, tally) = day(&busy(1));
    let (again, same) = day(&busy(1));
    assert_eq!(first, again);
    assert_eq!(tally, same);
    let other = DayPlan { seed: 2, ..busy(1) };
    assert_ne!(first, day(&other).0, "the same riders meet other drivers");
    // Who looks on changes nothing.
    let plan = busy(1);
    let travel = Arc::new(StraightLine::default());
    let unseen = run(&plan, Box::new(Greedy::default()), travel, &mut ()).unwrap();
    assert_eq!(unseen, tally);
    assert_eq!(Events::default().all.len(), 0);
}
