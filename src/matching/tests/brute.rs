//! Everything is tried: the least cost, and the most riders at that cost, of small problems.

use super::random::{Kind, Unmatched, nonsense, shuffled};
use super::{Auction, AuctionConfig, Prices, Problem, RiderIx, Rng, Solver, exact_solvers};

/// Cost and riders matched of the best assignment: cheapest, then most matched. And whether an
/// equally cheap one matches fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Best {
    pub(super) cost: i64,
    pub(super) matched: usize,
    pub(super) tied: bool,
}

/// Tries each assignment.
pub(super) fn brute(problem: &Problem) -> Best {
    let mut best = Best { cost: i64::MAX, matched: 0, tied: false };
    try_rider(problem, 0, &mut vec![false; problem.drivers()], (0, 0), &mut best);
    best
}

fn try_rider(
    problem: &Problem,
    rider: usize,
    taken: &mut [bool],
    (cost, matched): (i64, usize),
    best: &mut Best,
) {
    if rider == problem.riders() {
        if cost < best.cost {
            *best = Best { cost, matched, tied: false };
        } else if cost == best.cost {
            best.tied |= matched != best.matched;
            best.matched = best.matched.max(matched);
        }
        return;
    }
    let ix = RiderIx(rider as u32);
    let unmatched = i64::from(problem.unmatched(ix).get());
    try_rider(problem, rider + 1, taken, (cost + unmatched, matched), best);
    for edge in problem.edges(ix) {
        let driver = edge.driver.0 as usize;
        if !taken[driver] {
            taken[driver] = true;
            let with = (cost + i64::from(edge.cost.get()), matched + 1);
            try_rider(problem, rider + 1, taken, with, best);
            taken[driver] = false;
        }
    }
}

/// How many random problems.
const PROBLEMS: u64 = 100_000;

/// How often the interesting cases have come up.
#[derive(Debug, Default)]
struct Reach {
    infeasible: u32,
    tied: u32,
    more_riders: u32,
    more_drivers: u32,
    nothing: u32,
    huge: u32,
    left_unmatched: u32,
    capped: u64,
    raised: u64,
    reverse: u64,
    forward: u64,
    ties: u64,
    components: u64,
}

impl Reach {
    fn look(&mut self, kind: Kind, problem: &Problem, best: Best) {
        let none = |rider| problem.edges(rider).is_empty();
        self.infeasible += u32::from(problem.each_rider().any(none));
        self.tied += u32::from(best.tied);
        self.more_riders += u32::from(problem.riders() > problem.drivers());
        self.more_drivers += u32::from(problem.riders() < problem.drivers());
        self.nothing += u32::from(kind.unmatched == Unmatched::Nothing);
        self.huge += u32::from(kind.unmatched == Unmatched::Huge);
        self.left_unmatched += u32::from(best.matched < problem.riders());
    }

    fn look_inside(&mut self, auction: &Auction) {
        let effort = auction.effort();
        self.capped += effort.capped;
        self.raised += effort.raised;
        self.reverse += effort.reverse;
        self.forward += effort.forward;
        self.ties += effort.ties;
        self.components += u64::from(effort.components > 1);
    }

    fn enough(&self) {
        println!("{self:?}");
        let problems = [
            self.infeasible,
            self.tied,
            self.more_riders,
            self.more_drivers,
            self.nothing,
            self.huge,
            self.left_unmatched,
        ];
        assert!(problems.iter().all(|&count| u64::from(count) > PROBLEMS / 20), "{self:?}");
        let efforts =
            [self.capped, self.raised, self.reverse, self.forward, self.ties, self.components];
        assert!(efforts.iter().all(|&count| count > PROBLEMS / 50), "{self:?}");
    }
}

#[test]
fn no_assignment_is_better_than_that_of_an_exact_solver() {
    let mut rng = Rng(1);
    let mut reach = Reach::default();
    let mut solvers = exact_solvers();
    // Beside the others, since it can be looked into.
    let config = AuctionConfig { small: 0, bids_per_rider: 1, ..AuctionConfig::default() };
    let mut auction = Auction::new(config);
    for number in 0..PROBLEMS {
        let most = [3, 5, 6, 7][(number % 4) as usize];
        let kind = Kind::any(&mut rng, most);
        let problem = kind.problem(&mut rng);
        let best = brute(&problem);
        reach.look(kind, &problem, best);
        let prices = if rng.once_in(2) { nonsense(&problem, &mut rng) } else { Prices::cold() };
        let found = auction.solve(&problem, &mut prices.clone());
        assert_eq!(found.prove(&problem), Ok(()), "problem {number}: {problem:?}");
        reach.look_inside(&auction);
        let other = shuffled(&problem, &mut rng);
        for (name, solver) in &mut solvers {
            let mut prices = prices.clone();
            // The second time from where the first, of another order, has ended.
            for problem in [&other, &problem] {
                let found = solver.solve(problem, &mut prices);
                assert_eq!(found.prove(problem), Ok(()), "{name}, problem {number}: {problem:?}");
                let (found, expected) =
                    ((found.cost(), found.matched()), (best.cost, best.matched));
                assert_eq!(found, expected, "{name}, problem {number}: {problem:?}");
            }
        }
    }
    reach.enough();
}

#[test]
fn trying_everything_is_right_where_it_is_obvious() {
    let mut rng = Rng(2);
    let empty = Problem::new(3).unwrap();
    assert_eq!(brute(&empty), Best { cost: 0, matched: 0, tied: false });
    // Everything costs nothing: as many as possible, and leaving all unmatched is as cheap.
    let kind =
        Kind { riders: 4, drivers: 3, density: 100, dearest: 0, unmatched: Unmatched::Nothing };
    assert_eq!(brute(&kind.problem(&mut rng)), Best { cost: 0, matched: 3, tied: true });
}
