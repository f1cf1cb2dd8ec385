//! Few edges, the optimum over all drivers.

use std::ops::ControlFlow;

use super::city::{City, Ways};
use super::{
    Assignment, Auction, Candidate, Cost, DriverIx, EdgeSource, Exact, Lazy, LazyConfig,
    LazyOutcome, Next, Paths, Prices, RiderIx, Rng, Solver, Spent, draw, seconds,
};

/// Never stops.
fn no_end(_: Spent) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Solves lazily to the end.
fn lazily<S: Exact>(
    solver: S,
    config: LazyConfig,
    city: &mut City,
    unmatched: Cost,
) -> (Lazy<S>, Assignment, LazyOutcome) {
    city.settle();
    let mut lazy = Lazy::new(solver, config);
    let riders = vec![unmatched; city.riders.len()];
    let (mut prices, mut assignment) = (Prices::cold(), Assignment::default());
    let outcome = lazy.solve(&riders, city, &mut prices, &mut assignment, &mut no_end).unwrap();
    assert_eq!(assignment.prove(lazy.problem()), Ok(()));
    (lazy, assignment, outcome)
}

/// How many pairs of all cost less than the proof of optimality allows.
fn pairs_against(city: &City, assignment: &Assignment) -> usize {
    let proof = assignment.certificate().unwrap();
    let known = proof.drivers.len();
    let mut against = 0;
    for rider in 0..city.riders.len() {
        let value = proof.riders[rider].get();
        for driver in 0..city.drivers.len() {
            let price = if driver < known { proof.drivers[driver].get() } else { 0 };
            against += usize::from(city.cost(rider, driver).get() + price < value);
        }
    }
    against
}

#[test]
fn a_saturated_city_is_optimal_over_all_pairs() {
    let mut rng = Rng(11);
    let mut city = City::clustered(&mut draw(&mut rng), 2_000, 2_000);
    for ways in [Ways::Straight, Ways::Crooked] {
        city.ways = ways;
        let (_, found, outcome) =
            lazily(Auction::default(), LazyConfig::default(), &mut city, seconds(600));
        assert_eq!((pairs_against(&city, &found), outcome.gap), (0, 0), "{ways:?}");
        println!("saturated, {ways:?}: {outcome:?}, {} matched", found.matched());
        // A fixed number of edges is not enough, and many times as many are not needed.
        let fixed = Auction::default().solve(&city.problem(15, seconds(600)), &mut Prices::cold());
        assert!(fixed.cost() > found.cost() + 1_000_000, "15 edges a rider are enough here");
        assert!(outcome.spent.rounds > 3 && outcome.spent.asked < 2_000 * 40, "{outcome:?}");
    }
}

#[test]
fn a_stadium_is_optimal_over_all_pairs() {
    let mut rng = Rng(12);
    let mut city = City::stadium(&mut draw(&mut rng), 2_000, 500, 4_000);
    let (_, found, outcome) =
        lazily(Auction::default(), LazyConfig::default(), &mut city, seconds(600));
    assert_eq!((pairs_against(&city, &found), outcome.gap), (0, 0));
    println!("stadium: {outcome:?}, {} matched", found.matched());
    let fixed = Auction::default().solve(&city.problem(15, seconds(600)), &mut Prices::cold());
    assert!(fixed.matched() + 100 < found.matched(), "15 edges a rider are enough here");
    assert!(outcome.spent.asked < 2_500 * 100, "{outcome:?}");
}

#[test]
fn lazy_is_the_complete_graph() {
    let mut rng = Rng(13);
    let mut rounds = 0;
    for number in 0..60 {
        let (riders, drivers) = (rng.below(120) as usize, rng.below(120) as usize);
        let mut city = City::clustered(&mut draw(&mut rng), riders, drivers);
        city.ways = if rng.once_in(2) { Ways::Straight } else { Ways::Crooked };
        let unmatched = [Cost::ZERO, seconds(200), seconds(1_200), Cost::MAX][number % 4];
        let complete = city.problem(drivers, unmatched);
        let complete = Paths::default().solve(&complete, &mut Prices::cold());
        let config = LazyConfig {
            first: rng.below(4) as usize,
            step: rng.below(3) as usize,
            growth_percent: rng.below(100) as usize,
            crowd: 1 + rng.below(4) as u32,
        };
        let (_, one, outcome) = lazily(Auction::default(), config, &mut city, unmatched);
        let (_, other, _) = lazily(Paths::default(), config, &mut city, unmatched);
        let costs = (complete.cost(), complete.cost());
        assert_eq!((one.cost(), other.cost()), costs, "city {number}, {config:?}");
        assert_eq!(pairs_against(&city, &one), 0, "city {number}, {config:?}");
        rounds += outcome.spent.rounds;
    }
    assert!(rounds > 60 * 4, "{rounds} rounds: the first edges were mostly enough");
}

#[test]
fn a_budget_ends_it_and_the_gap_is_told() {
    let mut rng = Rng(14);
    let mut city = City::clustered(&mut draw(&mut rng), 400, 400);
    city.ways = Ways::Crooked;
    let (_, best, full) =
        lazily(Auction::default(), LazyConfig::default(), &mut city, seconds(600));
    let mut larger = 0;
    for stop in (0..full.spent.asked).step_by(500) {
        city.settle();
        let mut lazy = Lazy::<Auction>::default();
        let riders = vec![seconds(600); 400];
        let (mut prices, mut found) = (Prices::cold(), Assignment::default());
        let mut budget = |spent: Spent| {
            if spent.asked < stop { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let outcome = lazy.solve(&riders, &mut city, &mut prices, &mut found, &mut budget).unwrap();
        assert_eq!(found.prove(lazy.problem()), Ok(()));
        let over = found.cost() - best.cost();
        assert!(0 <= over && over <= outcome.gap, "{over} over, a gap of {}", outcome.gap);
        assert!(outcome.gap > 0, "it stopped at {stop} of {}", full.spent.asked);
        larger += u32::from(over > 0);
    }
    assert!(larger > 5, "{larger} of the early ends cost anything");
}

/// Counts what it is asked, and refuses some pairs at the last moment.
struct Fussy {
    city: City,
    last_price: Cost,
    asked: usize,
}

impl Fussy {
    fn refuses(rider: RiderIx, driver: DriverIx) -> bool {
        (rider.0 + driver.0).is_multiple_of(3)
    }
}

impl EdgeSource for Fussy {
    fn candidates(&mut self, rider: RiderIx, count: usize, found: &mut Vec<Candidate>) -> Next {
        self.city.candidates(rider, count, found)
    }

    fn costs(&mut self, rider: RiderIx, drivers: &[DriverIx], costs: &mut Vec<Option<Cost>>) {
        self.asked += drivers.len();
        let first = costs.len();
        self.city.costs(rider, drivers, costs);
        for (cost, &driver) in costs[first..].iter_mut().zip(drivers) {
            *cost = cost.filter(|_| !Self::refuses(rider, driver));
        }
    }

    fn last_price(&self, _: DriverIx) -> Cost {
        self.last_price
    }
}

#[test]
fn who_is_impossible_after_all_is_no_candidate() {
    let mut rng = Rng(15);
    let city = City::clustered(&mut draw(&mut rng), 150, 150);
    let mut expected = super::Problem::new(150).unwrap();
    let complete = city.problem(150, seconds(900));
    for rider in (0..150).map(RiderIx) {
        let edges = complete.edges(rider).iter().copied();
        let edges: Vec<_> = edges.filter(|edge| !Fussy::refuses(rider, edge.driver)).collect();
        expected.add_rider(seconds(900), &edges).unwrap();
    }
    let expected = Paths::default().solve(&expected, &mut Prices::cold());
    // Whatever the prices were.
    for last_price in [Cost::ZERO, seconds(100), Cost::MAX] {
        let mut fussy = Fussy { city: city.clone(), last_price, asked: 0 };
        let mut lazy = Lazy::<Auction>::default();
        let (mut prices, mut found) = (Prices::cold(), Assignment::default());
        let riders = [seconds(900); 150];
        let outcome =
            lazy.solve(&riders, &mut fussy, &mut prices, &mut found, &mut no_end).unwrap();
        assert_eq!((found.cost(), outcome.gap), (expected.cost(), 0));
        assert_eq!(outcome.spent.asked, fussy.asked as u64);
        assert!(
            found
                .mates()
                .iter()
                .zip((0..).map(RiderIx))
                .all(|(mate, rider)| { mate.is_none_or(|driver| !Fussy::refuses(rider, driver)) })
        );
    }
}

/// Names one candidate a rider and says, for ever, that there may be cheaper ones.
struct Stuck {
    named: [bool; 2],
}

impl EdgeSource for Stuck {
    fn candidates(&mut self, rider: RiderIx, _: usize, found: &mut Vec<Candidate>) -> Next {
        if !std::mem::replace(&mut self.named[rider.0 as usize], true) {
            found.push(Candidate { driver: DriverIx(rider.0), at_least: Cost::ZERO });
        }
        Next::AtLeast(Cost::ZERO)
    }

    fn costs(&mut self, _: RiderIx, drivers: &[DriverIx], costs: &mut Vec<Option<Cost>>) {
        costs.extend(drivers.iter().map(|_| Some(seconds(7))));
    }
}

/// Names a driver whom no batch can have.
struct Boundless;

impl EdgeSource for Boundless {
    fn candidates(&mut self, _: RiderIx, _: usize, found: &mut Vec<Candidate>) -> Next {
        found.push(Candidate { driver: DriverIx(u32::MAX), at_least: Cost::ZERO });
        Next::Exhausted
    }

    fn costs(&mut self, _: RiderIx, _: &[DriverIx], _: &mut Vec<Option<Cost>>) {}
}

#[test]
fn a_source_that_breaks_its_promise_does_no_harm() {
    let (mut lazy, mut prices) = (Lazy::<Auction>::default(), Prices::cold());
    let mut found = Assignment::default();
    let riders = [seconds(60), seconds(60)];
    let mut solve = |source: &mut dyn EdgeSource| {
        lazy.solve(&riders, source, &mut prices, &mut found, &mut no_end)
    };
    assert_eq!(solve(&mut Stuck { named: [false; 2] }).map(|outcome| outcome.gap), Ok(14_000));
    let refused = solve(&mut Boundless).unwrap_err().to_string();
    assert_eq!(refused, "4294967296 drivers are more than 4194304, the most in one batch");
}
