//! One batch after the other: old prices and pairs never spoil a proof.

use super::city::City;
use super::random::{Kind, nonsense};
use super::{Auction, Cost, DriverIx, Edge, Paths, Prices, Problem, Rng, Solver, draw, seconds};

/// Solves warm, proves it, and compares with the twin, which starts cold.
fn check(auction: &mut Auction, problem: &Problem, prices: &mut Prices, what: &str) -> i64 {
    let warm = auction.solve(problem, prices);
    assert_eq!(warm.prove(problem), Ok(()), "{what}");
    let cold = Paths::default().solve(problem, &mut Prices::cold());
    assert_eq!((warm.cost(), warm.matched()), (cold.cost(), cold.matched()), "{what}");
    warm.cost()
}

#[test]
fn a_city_is_solved_window_after_window() {
    let mut rng = Rng(5);
    let mut draw = draw(&mut rng);
    let mut city = City::clustered(&mut draw, 1_000, 1_000);
    let (mut auction, mut prices) = (Auction::default(), Prices::cold());
    let problem = city.problem(15, seconds(600));
    check(&mut auction, &problem, &mut prices, "cold");
    let cold = auction.effort();
    let mut warm_bids = 0;
    for window in 0..20 {
        let (riders, drivers) = city.turn_over(&mut draw, 5);
        city.drive(&mut draw, 16.0);
        for rider in riders {
            prices.set_mate(rider, None);
        }
        for driver in drivers {
            prices.set_price(driver, Cost::ZERO);
        }
        let problem = city.problem(15, seconds(600));
        check(&mut auction, &problem, &mut prices, &format!("window {window}"));
        warm_bids += auction.effort().bids;
    }
    assert!(cold.bids > 2_000, "an auction was held: {cold:?}");
    assert!(warm_bids / 20 < cold.bids / 2, "{warm_bids} in all for {}", cold.bids);
}

#[test]
fn large_prices_of_being_left_do_not_start_price_wars() {
    let mut rng = Rng(6);
    let city = City::clustered(&mut draw(&mut rng), 1_000, 800);
    let mut auction = Auction::default();
    let problem = city.problem(12, seconds(90_000));
    check(&mut auction, &problem, &mut Prices::cold(), "most riders first");
    let effort = auction.effort();
    assert!(effort.raised > 0 && effort.capped == 0 && effort.bids < 30_000, "{effort:?}");
}

/// The same problem after some costs, edges and prices of being left unmatched have changed.
fn changed(problem: &Problem, rng: &mut Rng) -> Problem {
    let mut other = Problem::new(problem.drivers()).unwrap();
    let cost = |ms: u64| Cost::new(ms as u32).unwrap();
    for rider in problem.each_rider() {
        let mut edges = problem.edges(rider).to_vec();
        if rng.once_in(3) && !edges.is_empty() {
            edges.swap_remove(rng.below(edges.len() as u64) as usize);
        }
        if rng.once_in(3) {
            let driver = DriverIx(rng.below(problem.drivers() as u64) as u32);
            edges.push(Edge::new(driver, cost(rng.below(2_000))));
        }
        for edge in &mut edges {
            if rng.once_in(4) {
                edge.cost = cost(rng.below(2_000));
            }
        }
        let unmatched = match rng.below(8) {
            0 => Cost::ZERO,
            1 => Cost::MAX,
            2 => cost(rng.below(3_000)),
            _ => problem.unmatched(rider),
        };
        other.add_rider(unmatched, &edges).unwrap();
    }
    other
}

#[test]
fn any_changes_are_survived() {
    let mut rng = Rng(7);
    let (mut auction, mut searches) = (Auction::default(), 0);
    for number in 0..300 {
        let most = [8, 30, 120][number % 3];
        let kind = Kind { drivers: 1 + rng.below(most), ..Kind::any(&mut rng, most) };
        let mut problem = kind.problem(&mut rng);
        let mut prices = nonsense(&problem, &mut rng);
        for step in 0..8 {
            check(&mut auction, &problem, &mut prices, &format!("problem {number}, step {step}"));
            searches += auction.effort().reverse;
            problem = changed(&problem, &mut rng);
        }
    }
    assert!(searches > 2_000, "prices had to come down only {searches} times");
}

/// Riders of the largest problem that a test solves, and drivers.
const LARGE: usize = 50_000;

#[test]
fn a_large_city_is_proven() {
    let mut rng = Rng(8);
    let city = City::clustered(&mut draw(&mut rng), LARGE, LARGE);
    let problem = city.problem(15, seconds(600));
    let mut auction = Auction::default();
    let assignment = auction.solve(&problem, &mut Prices::cold());
    assert_eq!(assignment.prove(&problem), Ok(()));
    assert_eq!(assignment.certificate().map(|proof| proof.gap(&assignment)), Some(0));
    assert!(assignment.matched() > LARGE / 2 && auction.effort().reverse > 1_000);
}

#[test]
fn a_crowd_on_one_spot_is_no_cliff() {
    // Everybody is as near to each driver as everybody else: nothing but ties.
    let mut problem = Problem::new(200).unwrap();
    let edges: Vec<Edge> = (0..200).map(|i| Edge::new(DriverIx(i), seconds(100 + i))).collect();
    for _ in 0..1_000 {
        problem.add_rider(seconds(600), &edges).unwrap();
    }
    let mut auction = Auction::default();
    let assignment = auction.solve(&problem, &mut Prices::cold());
    assert_eq!(assignment.prove(&problem), Ok(()));
    assert_eq!(assignment.matched(), 200);
    let effort = auction.effort();
    assert!(effort.bids + effort.forward + effort.reverse < 30_000, "{effort:?}");
}
