//! The policy `batch` against the optimum over all drivers, found by trying every choice.

use std::collections::BTreeMap;

use super::city::{Cab, place};
use super::policies::crowd;
use super::rig::{Rig, config, d, journey, request, ten_m_s};
use crate::dispatch::policy::{Batch, Decision, Greedy, POLICIES, Proof};
use crate::dispatch::{
    BackToBack, CostWeights, DriverMerits, Journey, MarketConfig, TripRequest, TripState, Urgency,
};
use crate::geo::{Haversine, LatLng, haversine};
use crate::ids::{DriverId, TripId};
use crate::model::DriverStatus;
use crate::test_rng::Rng;
use crate::travel::TravelTime;
use crate::units::{Meters, Millis};

/// What every driver costs for every rider, none where it is not possible, and what it costs to
/// leave each. `ending` says where those who are on a trip will be free.
fn table(
    rig: &Rig,
    trips: &[TripId],
    ending: &BTreeMap<DriverId, LatLng>,
) -> (Vec<Vec<Option<u64>>>, Vec<u64>) {
    let (travel, config) = (ten_m_s(), rig.market.config());
    let limit = Haversine::of_radius(config.max_radius);
    let begins = |driver: &DriverId, cab: &Cab| match (cab.status, config.back_to_back) {
        (DriverStatus::Available, _) => Some((cab.position, Millis::ZERO)),
        (DriverStatus::OnTrip, BackToBack::Within(within)) => {
            let dropoff = *ending.get(driver)?;
            let remaining = travel.time(cab.position, dropoff).duration;
            (remaining <= within).then_some((dropoff, remaining))
        }
        _ => None,
    };
    let row = |trip: &TripId| {
        let journey = rig.trip(*trip).request.journey;
        let cell = |(driver, cab): (&DriverId, &Cab)| {
            let (from, remaining) = begins(driver, cab)?;
            let way = travel.time(from, journey.pickup).duration;
            let pickup = Millis(remaining.get() + way.get());
            let known = rig.market.memory.merits(rig.now, driver, &cab.profile);
            let idle =
                if cab.status == DriverStatus::Available { known.idle } else { Millis::ZERO };
            let possible = journey.is_served_by(&cab.profile)
                && haversine(from, journey.pickup) <= limit
                && pickup <= config.max_pickup;
            let merits = DriverMerits { idle, ..known };
            possible.then(|| config.costs.terms(pickup, &merits).cost().get())
        };
        rig.city.cabs.iter().map(cell).collect()
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
        let (costs, leaving) = table(&rig, &trips, &BTreeMap::new());
        let optimum = least(&costs, &leaving, 0);
        let Some((mut other, _)) = small_crowd(seed) else { continue };
        other.market.set_policy(Box::new(Greedy::default()));
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

/// Several drivers on trips that end here and there, some soon, a few free ones, and riders.
fn busy_city(seed: u64) -> (Rig, Vec<TripId>, BTreeMap<DriverId, LatLng>) {
    let mut rng = Rng(seed);
    let mut rig = Rig::with(MarketConfig { back_to_back: BackToBack::Off, ..config() });
    let mut near = |most: i64| {
        let mut meters = || f64::from(i32::try_from(rng.within(-most, most)).unwrap()) * 10.0;
        place(meters(), meters())
    };
    let mut ending = BTreeMap::new();
    for i in 0..6 {
        let (name, from, to) = (format!("busy{i}"), near(100), near(100));
        rig.city.add(d(&name), from);
        let trip = Journey { pickup: from, dropoff: Some(to), ..journey() };
        let trip = rig.ask(TripRequest { journey: trip, ..request(&name, "k") });
        rig.batch();
        let offer = rig.offer(trip).0;
        for done in [rig.accept(&name, offer), rig.arrive(&name, trip), rig.start(&name, trip)] {
            assert_eq!(done, "done");
        }
        // Further on, or off the way: what remains is not what was expected.
        rig.city.cabs.get_mut(&d(&name)).unwrap().position = near(150);
        ending.insert(d(&name), to);
    }
    for i in 0..seed % 3 {
        rig.city.add(d(&format!("free{i}")), near(200));
    }
    let mut trips = Vec::new();
    for i in 0..4 {
        let journey = Journey { pickup: near(150), ..journey() };
        trips.push(rig.ask(TripRequest { journey, ..request(&format!("r{i}"), "k") }));
    }
    rig.market.config.back_to_back = BackToBack::Within(Millis(150_000));
    rig.market.config.max_radius = Meters::whole(1_500);
    rig.market.config.candidates = 1;
    rig.market.set_policy(Box::new(Batch::default()));
    (rig, trips, ending)
}

/// Whether a driver's trip was expected to end by then when it began.
fn was_expected(rig: &Rig, driver: &DriverId) -> bool {
    let by = rig.now.plus(Millis(150_000));
    let trip = rig.market.trips_of(driver).next();
    let end = trip.and_then(|trip| trip.assignment?.expected_end);
    end.is_some_and(|end| end <= by)
}

#[test]
fn batch_is_the_optimum_where_most_are_about_to_finish() {
    let (mut queued, mut free, mut without, mut too_long, mut sooner) = (0, 0, 0, 0, 0);
    for seed in 0..300 {
        let (mut rig, trips, ending) = busy_city(seed);
        let (costs, leaving) = table(&rig, &trips, &ending);
        let optimum = least(&costs, &leaving, 0);
        // What they would get if only those could be asked who were expected to be free by then.
        let expected = ending.iter().filter(|(driver, _)| was_expected(&rig, driver));
        let expected = expected.map(|(driver, to)| (*driver, *to)).collect();
        let (costs, leaving) = table(&rig, &trips, &expected);
        sooner += u32::from(least(&costs, &leaving, 0) > optimum);
        rig.batch();
        let decision = rig.market.last_decision().unwrap();
        assert_eq!(decision.proof, Proof::Within(Millis::ZERO), "seed {seed}");
        assert_eq!(total(decision), optimum, "seed {seed}");
        let finishing = decision.choices().filter(|edge| edge.after.is_some()).count();
        queued += finishing;
        free += decision.choices().count() - finishing;
        // What the same riders would get if nobody on a trip could be asked.
        let (costs, leaving) = table(&rig, &trips, &BTreeMap::new());
        without += u32::from(least(&costs, &leaving, 0) > optimum);
        too_long += rig
            .city
            .cabs
            .iter()
            .filter(|(driver, cab)| {
                let rest = |to: &LatLng| ten_m_s().time(cab.position, *to).duration;
                ending.get(driver).map(rest).is_some_and(|rest| rest > Millis(150_000))
            })
            .count();
    }
    let reach = (queued, free, without, too_long, sooner);
    assert!(queued > 600 && free > 150 && without > 290 && too_long > 100, "{reach:?}");
    assert!(sooner > 30, "{reach:?}");
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
        let (costs, leaving) = table(&rig, &trips, &BTreeMap::new());
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
