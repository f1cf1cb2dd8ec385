//! The policy `batch` against the optimum over all drivers, found by trying every choice.

use super::city::place;
use super::policies::crowd;
use super::rig::{Rig, config, d, request, ten_m_s};
use crate::dispatch::policy::{Batch, Decision, POLICIES, Proof};
use crate::dispatch::{CostWeights, DriverMerits, MarketConfig, TripRequest, TripState, Urgency};
use crate::geo::{Haversine, haversine};
use crate::ids::{DriverId, TripId};
use crate::model::DriverStatus;
use crate::travel::TravelTime;
use crate::units::Millis;

/// What every driver costs for every rider: none where it is not possible. New drivers, not idle.
fn table(rig: &Rig, trips: &[TripId]) -> (Vec<Vec<Option<u64>>>, Vec<u64>) {
    let (travel, config) = (ten_m_s(), rig.market.config());
    let limit = Haversine::of_radius(config.max_radius);
    let row = |trip: &TripId| {
        let journey = rig.trip(*trip).request.journey;
        let cell = |cab: &super::city::Cab| {
            let pickup = travel.time(cab.position, journey.pickup).duration;
            let rating = cab.profile.rating;
            let merits = DriverMerits { rating, idle: Millis::ZERO, accepts_permille: 800 };
            let possible = cab.status == DriverStatus::Available
                && journey.is_served_by(&cab.profile)
                && haversine(cab.position, journey.pickup) <= limit
                && pickup <= config.max_pickup;
            possible.then(|| config.costs.terms(pickup, &merits).cost().get())
        };
        rig.city.cabs.values().map(cell).collect()
    };
    let leaving = |trip: &TripId| {
        let waiting = rig.now.since(rig.trip(*trip).requested_at);
        config.costs.leaving(waiting, Millis::ZERO).get()
    };
    (trips.iter().map(row).collect(), trips.iter().map(leaving).collect())
}

/// The least sum, by trying everything: rider by rider, each with every driver that is left.
fn least(costs: &[Vec<Option<u64>>], leaving: &[u64], taken: u64) -> u64 {
    let (Some((row, costs)), Some((price, leaving))) = (costs.split_first(), leaving.split_first())
    else {
        return 0;
    };
    let mut best = price + least(costs, leaving, taken);
    for (driver, cost) in row.iter().enumerate() {
        if let Some(cost) = cost.filter(|_| taken & (1 << driver) == 0) {
            best = best.min(cost + least(costs, leaving, taken | (1 << driver)));
        }
    }
    best
}

/// A crowd small enough to try everything, or none.
fn small_crowd(seed: u64) -> Option<(Rig, Vec<TripId>)> {
    let (mut rig, mut trips) = crowd(seed);
    while rig.city.cabs.len() > 9 {
        rig.city.cabs.pop_last();
    }
    while trips.len() > 5 {
        let trip = trips.pop()?;
        let rider = rig.trip(trip).request.rider.to_string();
        assert_eq!(rig.cancel(&rider, trip), "done");
    }
    rig.market.set_policy(Box::new(Batch::default()));
    (!rig.city.cabs.is_empty()).then_some((rig, trips))
}

fn total(decision: &Decision) -> u64 {
    u64::try_from(decision.total()).unwrap()
}

#[test]
fn batch_is_the_optimum_over_all_drivers() {
    let (mut solved, mut offers, mut left, mut greedy_worse) = (0, 0, 0, 0);
    for seed in 0..600 {
        let Some((mut rig, trips)) = small_crowd(seed) else { continue };
        let (costs, leaving) = table(&rig, &trips);
        let optimum = least(&costs, &leaving, 0);
        let Some((mut other, _)) = small_crowd(seed) else { continue };
        other.market.set_policy(Box::new(crate::dispatch::policy::Greedy::default()));
        other.batch();
        greedy_worse += u64::from(total(other.market.last_decision().unwrap()) > optimum);
        rig.batch();
        let decision = rig.market.last_decision().unwrap();
        assert_eq!(decision.proof, Proof::Within(Millis::ZERO), "seed {seed}");
        assert_eq!(total(decision), optimum, "seed {seed}");
        solved += 1;
        offers += decision.choices().count();
        left += trips.len() - decision.choices().count();
    }
    assert!(solved > 500 && offers > 300 && left > 300, "{solved}, {offers}, {left}");
    // A policy that is not optimal is told from one that is.
    assert!(greedy_worse > 30, "{greedy_worse}");
}

#[test]
fn two_riders_share_what_one_would_take() {
    // a is nearest to both; bob has hardly any choice.
    let mut rig = Rig::new().drivers(&[("a", 600.0), ("b", -800.0)]);
    rig.market.set_policy(Box::new(Batch::default()));
    let ada = rig.request("ada");
    let mut far = request("bob", "k");
    far.journey.pickup = place(1_200.0, 0.0);
    let bob = rig.ask(far);
    rig.batch();
    assert_eq!((rig.offer(ada).1, rig.offer(bob).1), ("b".to_owned(), "a".to_owned()));
    let told = rig.market.explain(ada).unwrap();
    assert_eq!((&*told.policy, told.proof), ("batch", Proof::Within(Millis::ZERO)));
    assert_eq!(told.considered[0].given, Some(bob), "the cheaper one was given to bob");
}

#[test]
fn few_travel_times_are_asked_for() {
    let mut rig = Rig::with(MarketConfig { open_trips: 1_000, ..config() });
    rig.market.set_policy(Box::new(Batch::default()));
    for i in 0_u16..200 {
        let (east, north) = (f64::from(i % 20) * 150.0, f64::from(i / 20) * 150.0);
        rig.city.add(d(&format!("d{i}")), place(east, north));
    }
    for i in 0_u16..60 {
        let mut one = request(&format!("r{i}"), "k");
        one.journey.pickup = place(f64::from(i % 8) * 370.0, f64::from(i / 8) * 170.0);
        rig.ask(one);
    }
    rig.batch();
    let decision = rig.market.last_decision().unwrap();
    assert_eq!(decision.proof, Proof::Within(Millis::ZERO));
    assert_eq!(decision.choices().count(), 60);
    assert!(decision.spent.etas < 60 * 200 / 8, "{:?} of 12,000", decision.spent);
}

#[test]
fn a_batch_that_is_stopped_says_by_how_much_it_may_be_off() {
    let (mut stopped, mut worse) = (0, 0);
    for seed in 0..600 {
        let Some((mut rig, trips)) = small_crowd(seed) else { continue };
        let (costs, leaving) = table(&rig, &trips);
        let optimum = least(&costs, &leaving, 0);
        rig.market.config.candidates = 1;
        rig.city.patience = Some(seed % 7);
        rig.batch();
        let decision = rig.market.last_decision().unwrap();
        let Proof::Within(gap) = decision.proof else { panic!("{:?}", decision.proof) };
        assert!(total(decision) <= optimum + gap.get(), "seed {seed}: {gap} is too little");
        stopped += u64::from(gap > Millis::ZERO);
        worse += u64::from(total(decision) > optimum);
    }
    assert!(stopped > 50 && worse > 30, "{stopped} were stopped, {worse} are worse for it");
}

#[test]
fn an_urgent_request_gets_whoever_is_cheapest() {
    let costs = CostWeights { idle_permille: 0, ..CostWeights::default() };
    let mut rig = Rig::with(MarketConfig { costs, candidates: 1, ..config() }).drivers(&[
        ("a", 900.0),
        ("b", -200.0),
        ("c", 400.0),
    ]);
    rig.market.set_policy(Box::new(Batch::default()));
    let urgency = Urgency::Immediate;
    let trip = rig.ask(TripRequest { urgency, ..request("ada", "k") });
    assert_eq!(rig.offer(trip).1, "b");
    let decision = rig.market.last_decision().unwrap();
    assert_eq!(decision.proof, Proof::Within(Millis::ZERO));
    // Whoever costs more than it costs to wait is not asked yet.
    let costs = CostWeights { leave: Millis::from_secs(600), ..costs };
    let mut far = Rig::with(MarketConfig { costs, ..config() }).drivers(&[("a", 6_500.0)]);
    far.market.set_policy(Box::new(Batch::default()));
    let trip = far.ask(TripRequest { urgency, ..request("ada", "k") });
    assert_eq!(far.state(trip), TripState::Searching);
    far.later(70_000).batch();
    assert_eq!(far.state(trip), TripState::Offered, "the price has grown");
}

#[test]
fn the_registry_names_each_policy_as_it_names_itself() {
    let drivers: Vec<DriverId> = vec![d("a")];
    for (name, make) in POLICIES {
        assert_eq!(make().name(), name);
        let mut rig = Rig::new().drivers(&[(drivers[0].as_str(), 100.0)]);
        rig.market.set_policy(make());
        let trip = rig.request("ada");
        rig.batch();
        assert_eq!(rig.offer(trip).1, "a", "{name}");
        assert_eq!(rig.market.explain(trip).unwrap().policy, name);
    }
}
