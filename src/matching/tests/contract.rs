//! What each solver must do, exact or not.

use super::random::{Kind, nonsense, shuffled};
use super::{
    Assignment, Auction, Cost, DriverIx, Edge, FirstCome, Greedy, Paths, Prices, Problem, RiderIx,
    Rng, Solver, exact_solvers, seconds,
};

fn solvers() -> Vec<Box<dyn Solver>> {
    vec![
        Box::new(Auction::default()),
        Box::new(Paths::default()),
        Box::new(Greedy::default()),
        Box::new(FirstCome::default()),
    ]
}

fn edge(driver: u32, cost: Cost) -> Edge {
    Edge::new(DriverIx(driver), cost)
}

#[test]
fn each_solver_keeps_the_contract() {
    let mut rng = Rng(3);
    for mut solver in solvers() {
        let name = solver.name();
        let mut reused = Assignment::default();
        for number in 0..2_000 {
            let most = [4, 9, 30, 60][number % 4];
            let problem = Kind::any(&mut rng, most).problem(&mut rng);
            let prices = nonsense(&problem, &mut rng);
            let (mut one, mut other) = (prices.clone(), prices.clone());
            let assignment = solver.solve(&problem, &mut one);
            assert_eq!(assignment.check(&problem), Ok(()), "{name}, problem {number}");
            solver.solve_into(&problem, &mut other, &mut reused);
            assert_eq!((&assignment, &one), (&reused, &other), "{name}: the same again");
            match assignment.certificate() {
                Some(certificate) => {
                    assert_eq!(certificate.check(&problem, &assignment), Ok(()), "{name}");
                    assert_eq!(certificate.gap(&assignment), 0, "{name}");
                    let mates = problem.each_rider();
                    assert!(mates.eq_by_mates(&one, &assignment), "{name} leaves its pairs");
                }
                None => assert_eq!(one, prices, "{name} leaves prices alone"),
            }
        }
    }
}

/// Compares the pairs of prices and assignment.
trait EqByMates {
    fn eq_by_mates(self, prices: &Prices, assignment: &Assignment) -> bool;
}

impl<I: Iterator<Item = RiderIx>> EqByMates for I {
    fn eq_by_mates(mut self, prices: &Prices, assignment: &Assignment) -> bool {
        self.all(|rider| prices.mate(rider) == assignment.mate(rider))
    }
}

#[test]
fn ties_go_to_whom_the_contract_says() {
    // Both riders are as near to either driver; the heuristics go by number.
    let mut problem = Problem::new(2).unwrap();
    for _ in 0..2 {
        problem.add_rider(seconds(9), &[edge(1, seconds(5)), edge(0, seconds(5))]).unwrap();
    }
    for mut solver in [Box::new(Greedy::default()) as Box<dyn Solver>, Box::<FirstCome>::default()]
    {
        let assignment = solver.solve(&problem, &mut Prices::cold());
        assert_eq!(assignment.mates(), [Some(DriverIx(0)), Some(DriverIx(1))]);
    }
}

#[test]
fn a_rider_as_dear_to_fetch_as_to_leave_is_fetched() {
    for (name, mut solver) in exact_solvers() {
        // A chain: each driver is as good for two riders, the last driver for one only.
        let mut problem = Problem::new(5).unwrap();
        let price = seconds(60);
        for rider in 0..5_u32 {
            let edges: Vec<Edge> =
                [rider, (rider + 1) % 5].map(|driver| edge(driver, price)).to_vec();
            problem.add_rider(price, &edges[..if rider == 0 { 1 } else { 2 }]).unwrap();
        }
        let assignment = solver.solve(&problem, &mut Prices::cold());
        assert_eq!((assignment.cost(), assignment.matched()), (300_000, 5), "{name}");
    }
}

#[test]
fn whom_nobody_can_reach_is_left_and_paid_for() {
    let mut problem = Problem::new(1).unwrap();
    problem.add_rider(seconds(7), &[]).unwrap();
    problem.add_rider(seconds(8), &[edge(0, seconds(9))]).unwrap();
    for mut solver in solvers() {
        let assignment = solver.solve(&problem, &mut Prices::cold());
        assert_eq!((assignment.cost(), assignment.matched()), (15_000, 0), "{}", solver.name());
    }
}

#[test]
fn nobody_is_a_problem_too() {
    for drivers in [0, 3] {
        let problem = Problem::new(drivers).unwrap();
        for mut solver in solvers() {
            let assignment = solver.solve(&problem, &mut Prices::cold());
            assert_eq!(
                assignment,
                Assignment { certificate: assignment.certificate.clone(), ..Assignment::default() }
            );
            assert_eq!(assignment.check(&problem), Ok(()), "{}", solver.name());
        }
    }
}

#[test]
fn the_exact_are_never_dearer_than_the_others() {
    let mut rng = Rng(4);
    let (mut cheaper_than_greedy, mut cheaper_than_first) = (0, 0);
    for _ in 0..500 {
        let problem = Kind::any(&mut rng, 40).problem(&mut rng);
        let cost = |solver: &mut dyn Solver| solver.solve(&problem, &mut Prices::cold()).cost();
        let least = cost(&mut Auction::default());
        assert_eq!(least, cost(&mut Paths::default()));
        let other = shuffled(&problem, &mut rng);
        let again = Auction::default().solve(&other, &mut Prices::cold()).cost();
        assert_eq!(least, again, "the order of the riders changes nothing");
        let (greedy, first) = (cost(&mut Greedy::default()), cost(&mut FirstCome::default()));
        assert!(least <= greedy && least <= first, "{least}, {greedy}, {first}");
        cheaper_than_greedy += u32::from(least < greedy);
        cheaper_than_first += u32::from(least < first);
    }
    assert!(cheaper_than_greedy > 100 && cheaper_than_first > 100, "the problems are too easy");
}
