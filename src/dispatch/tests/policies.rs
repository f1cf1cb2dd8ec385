//! Who is asked, against somebody who looks at everybody; and that each choice can be explained.

use super::city::place;
use super::rig::{Rig, config, d, journey, request, ten_m_s};
use crate::dispatch::policy::{Decision, Proof, WeighedRider, Window};
use crate::dispatch::{
    Command, CostWeights, Edge, Journey, MarketConfig, Needs, Policy, Reply, Supply, TripRequest,
    TripState,
};
use crate::ids::{DriverId, TripId};
use crate::limits;
use crate::model::{Attributes, Capacity, DriverStatus, Profile, Rating, VehicleTypes};
use crate::test_rng::Rng;
use crate::travel::TravelTime;
use crate::units::{Meters, Millis};

/// A random city and random requests.
pub(super) fn crowd(seed: u64) -> (Rig, Vec<TripId>) {
    let mut rng = Rng(seed);
    let candidates = 1 + usize::try_from(rng.below(6)).unwrap();
    let max_radius = Meters::whole(2_000 + u32::try_from(rng.below(3_000)).unwrap());
    let max_pickup = Millis(100_000 + rng.below(400_000));
    let mut rig = Rig::with(MarketConfig { max_radius, max_pickup, candidates, ..config() });
    let anywhere = |rng: &mut Rng| {
        let meters = |rng: &mut Rng| f64::from(i32::try_from(rng.within(-30, 30)).unwrap()) * 100.0;
        place(meters(rng), meters(rng))
    };
    let bits = |rng: &mut Rng| u32::try_from(rng.below(4)).unwrap();
    for i in 0..rng.below(40) {
        let position = anywhere(&mut rng);
        let cab = rig.city.add(d(&format!("d{i}")), position);
        cab.profile = Profile {
            vehicle_types: VehicleTypes::try_from(bits(&mut rng)).unwrap(),
            capacity: Capacity::try_from(bits(&mut rng)).unwrap(),
            rating: Rating::from_centi_stars(400 + u16::try_from(rng.below(101)).unwrap()),
            attributes: Attributes::try_from(bits(&mut rng)).unwrap(),
        };
        if rng.once_in(5) {
            cab.status = DriverStatus::ALL[usize::try_from(rng.below(6)).unwrap()];
        }
    }
    let mut trips = Vec::new();
    for i in 0..=rng.below(12) {
        let needs = Needs {
            vehicle_types: VehicleTypes::try_from(bits(&mut rng)).unwrap(),
            attributes: Attributes::try_from(bits(&mut rng) & bits(&mut rng)).unwrap(),
            min_rating: Rating::from_centi_stars(u16::try_from(rng.below(450)).unwrap()),
        };
        let passengers = Capacity::try_from(bits(&mut rng)).unwrap();
        let pickup = anywhere(&mut rng);
        let journey = Journey { pickup, passengers, needs, ..journey() };
        trips.push(rig.ask(TripRequest { journey, ..request(&format!("r{i}"), "k") }));
        rig.later(rng.below(3) * 500);
    }
    (rig, trips)
}

/// First come, first served, by looking at everybody.
fn obvious(rig: &Rig, trips: &[TripId]) -> Vec<Option<DriverId>> {
    let travel = ten_m_s();
    let config = rig.market.config();
    let mut taken: Vec<DriverId> = Vec::new();
    let mut chosen = Vec::new();
    for trip in trips {
        let journey = rig.trip(*trip).request.journey;
        let limit = crate::geo::Haversine::of_radius(config.max_radius);
        let best = rig
            .city
            .cabs
            .iter()
            .filter(|(driver, cab)| {
                cab.status == DriverStatus::Available
                    && journey.is_served_by(&cab.profile)
                    && !taken.contains(driver)
                    && crate::geo::haversine(cab.position, journey.pickup) <= limit
            })
            .map(|(driver, cab)| (travel.time(cab.position, journey.pickup).duration, *driver))
            .filter(|(pickup, _)| *pickup <= config.max_pickup)
            .min();
        taken.extend(best.map(|(_, driver)| driver));
        chosen.push(best.map(|(_, driver)| driver));
    }
    chosen
}

/// How many of how many seeds differ from the obvious, with how many offers and rejects.
fn compare(mut batch: impl FnMut(&mut Rig)) -> (u64, u64, u64) {
    let (mut wrong, mut offers, mut left) = (0, 0, 0);
    for seed in 0..400 {
        let (mut rig, trips) = crowd(seed);
        let expected = obvious(&rig, &trips);
        batch(&mut rig);
        let offered = |trip: &TripId| rig.trip(*trip).offer.map(|offer| offer.driver);
        let found: Vec<Option<DriverId>> = trips.iter().map(offered).collect();
        wrong += u64::from(found != expected);
        offers += found.iter().flatten().count() as u64;
        left += found.iter().filter(|driver| driver.is_none()).count() as u64;
    }
    (wrong, offers, left)
}

#[test]
fn greedy_is_first_come_first_served() {
    let (wrong, offers, left) = compare(Rig::batch);
    assert_eq!(wrong, 0);
    assert!(offers > 500 && left > 500, "{offers} offers, {left} left");
}

/// Takes the first candidate that comes, which is the nearest in a straight line.
struct Hasty;

impl Policy for Hasty {
    fn name(&self) -> &'static str {
        "hasty"
    }

    fn assign(&mut self, window: &Window<'_>, supply: &mut dyn Supply, decision: &mut Decision) {
        for rider in &window.riders {
            let mut edges: Vec<Edge> = Vec::new();
            window.candidates(rider).more(supply, &mut edges);
            decision.decide(rider, &edges, edges.first());
        }
    }
}

#[test]
fn a_policy_that_gives_a_driver_away_twice_is_noticed_and_does_no_harm() {
    let (mut refused, mut offers) = (0, 0);
    let (wrong, ..) = compare(|rig| {
        rig.market.set_policy(Box::new(Hasty));
        match rig.apply(Command::MatchBatch) {
            Ok(Reply::Matched(matched)) => {
                refused += matched.refused;
                offers += matched.offers;
            }
            other => panic!("{other:?}"),
        }
    });
    assert!(wrong > 50, "{wrong} seeds differ: the comparison is awake");
    assert!(refused > 50 && offers > 50, "{refused} refused, {offers} offers");
}

#[test]
fn each_choice_is_explained() {
    let mut rig = Rig::new().drivers(&[("a", 100.0), ("b", 300.0), ("c", 700.0)]);
    let (ada, bob) = (rig.request("ada"), rig.request("bob"));
    rig.later(4_000).batch();
    let told = rig.market.explain(bob).unwrap();
    let order: Vec<(String, Option<TripId>)> =
        told.considered.iter().map(|one| (one.edge.driver.to_string(), one.given)).collect();
    let named = |name: &str, given| (name.to_owned(), given);
    assert_eq!(order, [named("a", Some(ada)), named("b", Some(bob)), named("c", None)]);
    assert_eq!((told.chosen, told.next), (Some(1), Some(2)));
    assert_eq!((&*told.policy, told.proof, told.waiting), ("greedy", Proof::None, Millis(4_000)));
    assert_eq!(told.price, Millis(904_000));
    let edge = told.considered[1].edge;
    assert_eq!(edge.cost.get(), edge.terms.pickup.get() + 12_000 + 3_000, "new, and not idle");
    assert!(rig.market.explain("sf-77".parse().unwrap()).is_none());
    let decision = rig.market.last_decision().unwrap();
    let sum: i64 = [100, 300].iter().map(|meters| meters * 100 + 15_000).sum();
    assert!((decision.total() - sum).abs() < 10, "{} is the sum of costs", decision.total());
    assert_eq!(decision.spent.etas, 6);
}

#[test]
fn costs_see_idling_answers_and_what_a_destination_is_worth() {
    let costs = CostWeights { destination_permille: 500, ..CostWeights::default() };
    let mut rig = Rig::with(MarketConfig { costs, ..config() }).drivers(&[("a", 100.0)]);
    rig.city.worth = Millis(8_000);
    assert_eq!(rig.online("a"), "done");
    rig.later(100_000);
    let trip = rig.request("ada");
    rig.batch();
    let offer = rig.offer(trip).0;
    let first = rig.market.explain(trip).unwrap();
    assert_eq!(first.price, Millis(904_000));
    let terms = first.considered[0].edge.terms;
    assert_eq!((terms.idle, terms.decline), (Millis(10_000), Millis(3_000)), "a sixth of the cap");
    assert_eq!(rig.decline("a", offer), "done");
    assert_eq!(rig.cancel("ada", trip), "done");
    let trip = rig.request("ada");
    rig.batch();
    let terms = rig.market.explain(trip).unwrap().considered[0].edge.terms;
    assert_eq!(terms.decline, Millis(5_010), "four of six are taken to be accepted");
    assert_eq!(terms.idle, Millis(10_000), "an offer does not end idling");
}

#[test]
fn a_batch_that_is_told_to_stop_takes_what_it_has() {
    let mut rig = Rig::with(MarketConfig { candidates: 1, ..config() }).drivers(&[
        ("a", 100.0),
        ("b", 300.0),
        ("c", 700.0),
    ]);
    rig.city.patience = Some(1);
    let trips = [rig.request("ada"), rig.request("bob")];
    rig.batch();
    assert_eq!(
        trips.map(|trip| rig.offer(trip).1),
        ["a", "b"],
        "somebody, as long as there is one"
    );
}

#[test]
fn large_decisions_keep_the_cheapest_and_the_chosen() {
    let (rig, trips) = crowd(5);
    let trip = rig.trip(trips[0]);
    let rider = crate::dispatch::policy::WaitingRider {
        trip: trip.id,
        journey: &trip.request.journey,
        waiting: Millis::ZERO,
        price: Millis(1),
        asked: &[],
    };
    let edge = |i: u64| Edge {
        driver: format!("{i}").parse().unwrap(),
        pickup: crate::dispatch::Pickup { duration: Millis(i), distance: Meters::ZERO },
        after: None,
        cost: Millis(i),
        terms: crate::dispatch::Terms::default(),
    };
    let edges: Vec<Edge> = (0..1_000).rev().map(edge).collect();
    let mut decision = Decision::new("test", rig.now, crate::dispatch::policy::WindowKind::Batch);
    let riders = limits::MAX_DECISION_EDGES / edges.len() + 3;
    for _ in 0..riders {
        decision.decide(&rider, &edges, Some(&edges[0]));
    }
    let kept = |rider: &WeighedRider| decision.edges_of(rider).len();
    let last = decision.riders.last().unwrap();
    assert_eq!((kept(&decision.riders[0]), kept(last)), (1_000, limits::MIN_EXPLAINED_EDGES));
    assert_eq!(decision.choices().count(), riders, "the chosen one is kept");
    assert!(decision.choices().all(|choice| choice.cost == Millis(999)));
    let costs: Vec<u64> = decision.edges_of(last).iter().map(|edge| edge.cost.get()).collect();
    assert_eq!(costs, [0, 1, 2, 999]);
    assert_eq!(decision.edges.len() + decision.dropped, riders * edges.len());
}

#[test]
fn a_driver_who_is_offline_is_not_asked_even_before_the_map_has_heard() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let mut events = Vec::new();
    let gone = Command::GoOffline { driver: d("a") };
    assert!(rig.market.apply(rig.now, gone, &mut rig.city, &mut events).is_ok());
    let trip = rig.request("ada");
    // `request` has told the city; take the word back.
    rig.city.cabs.get_mut(&d("a")).unwrap().status = DriverStatus::Available;
    let gone = Command::GoOffline { driver: d("a") };
    assert!(rig.market.apply(rig.now, gone, &mut rig.city, &mut events).is_ok());
    rig.batch();
    assert_eq!(rig.state(trip), TripState::Searching);
}
