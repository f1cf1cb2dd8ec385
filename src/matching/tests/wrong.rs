//! Wrong solvers and wrong proofs, to show that the checks are awake: each flaw must be caught.

use super::bidding::Bidding;
use super::brute::brute;
use super::random::Kind;
use super::state::State;
use super::types::NONE;
use super::{
    Assignment, Auction, Cost, DriverIx, FirstCome, Greedy, Prices, Problem, RiderIx, Rng, Solver,
    Violation,
};

/// What is wrong with a solver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// Takes the cheapest edge first and calls it the optimum.
    IsGreedy,
    /// Serves riders as they come and calls it the optimum.
    ServesAsTheyCome,
    /// Takes the end of the auction for the optimum.
    DoesNotRepair,
    /// Does not see the dearest edge of each rider.
    DropsTheLastEdge,
    /// Does not see the last driver.
    ForgetsADriver,
    /// Takes leaving riders unmatched for free.
    LeavesForFree,
    /// Takes leaving riders unmatched for forbidden.
    NeverLeaves,
    /// Leaves a rider unmatched where that costs the same.
    BreaksTiesTheOtherWay,
    /// Off by one: what costs a millisecond more is taken for as good.
    IsAMillisecondOff,
}

const FLAWS: [Flaw; 9] = [
    Flaw::IsGreedy,
    Flaw::ServesAsTheyCome,
    Flaw::DoesNotRepair,
    Flaw::DropsTheLastEdge,
    Flaw::ForgetsADriver,
    Flaw::LeavesForFree,
    Flaw::NeverLeaves,
    Flaw::BreaksTiesTheOtherWay,
    Flaw::IsAMillisecondOff,
];

impl Flaw {
    /// The problem as a solver with this flaw sees it.
    fn seen(self, problem: &Problem) -> Problem {
        let mut seen = Problem::new(problem.drivers()).unwrap();
        for rider in problem.each_rider() {
            let mut edges = problem.edges(rider).to_vec();
            let mut unmatched = problem.unmatched(rider);
            match self {
                Self::DropsTheLastEdge => _ = edges.pop(),
                Self::ForgetsADriver => {
                    edges.retain(|edge| edge.driver.0 + 1 < problem.drivers() as u32);
                }
                Self::LeavesForFree => unmatched = Cost::ZERO,
                Self::NeverLeaves => unmatched = Cost::MAX,
                Self::BreaksTiesTheOtherWay => edges.retain(|edge| edge.cost < unmatched),
                Self::IsAMillisecondOff => {
                    for edge in &mut edges {
                        edge.cost = Cost::saturating(i64::from(edge.cost.get()) / 2 * 2);
                    }
                }
                Self::None | Self::IsGreedy | Self::ServesAsTheyCome | Self::DoesNotRepair => {}
            }
            seen.add_rider(unmatched, &edges).unwrap();
        }
        seen
    }

    /// What a solver with this flaw finds, with true sums.
    fn solve(self, problem: &Problem) -> Assignment {
        let mut solver: Box<dyn Solver> = match self {
            Self::IsGreedy => Box::<Greedy>::default(),
            Self::ServesAsTheyCome => Box::<FirstCome>::default(),
            _ => Box::<Auction>::default(),
        };
        let mut found = solver.solve(&self.seen(problem), &mut Prices::cold());
        let mates: Vec<u32> = match self {
            Self::DoesNotRepair => after_bidding(problem),
            _ => found.mates().iter().map(|mate| mate.map_or(NONE, |driver| driver.0)).collect(),
        };
        found.fill(problem, &mates);
        found
    }
}

/// The pairs at the end of an auction in coarse steps.
fn after_bidding(problem: &Problem) -> Vec<u32> {
    let (mut state, mut bidding) = (State::default(), Bidding::default());
    state.load(problem, &[]);
    let riders: Vec<u32> = problem.rider_numbers().collect();
    bidding.open(problem, &mut state, &riders, &[], 5);
    bidding.run(problem, &mut state, 5, u64::MAX);
    state.riders.iter().map(|rider| rider.mate).collect()
}

/// Whether trying everything finds nothing to complain about.
fn passes(flaw: Flaw) -> bool {
    let mut rng = Rng(16);
    (0..2_000).all(|_| {
        let problem = Kind::any(&mut rng, 5).problem(&mut rng);
        let (best, found) = (brute(&problem), flaw.solve(&problem));
        assert_eq!(found.check(&problem), Ok(()), "{flaw:?} is an assignment, if a bad one");
        (found.cost(), found.matched()) == (best.cost, best.matched)
    })
}

#[test]
fn trying_everything_catches_each_flaw() {
    assert!(passes(Flaw::None), "the solver itself");
    for flaw in FLAWS {
        assert!(!passes(flaw), "{flaw:?} was not caught");
    }
}

/// Whether the certificates find nothing to complain about; ties are not theirs to judge.
fn is_proven(flaw: Flaw) -> bool {
    let mut rng = Rng(17);
    (0..2_000).all(|_| {
        let problem = Kind::any(&mut rng, 40).problem(&mut rng);
        flaw.solve(&problem).prove(&problem).is_ok()
    })
}

#[test]
fn certificates_catch_each_flaw() {
    assert!(is_proven(Flaw::None), "the solver itself");
    for flaw in FLAWS.into_iter().filter(|&flaw| flaw != Flaw::BreaksTiesTheOtherWay) {
        assert!(!is_proven(flaw), "{flaw:?} was not caught");
    }
}

/// A problem of two riders and three drivers, and its proven assignment.
fn proven() -> (Problem, Assignment) {
    let cost = |ms| Cost::new(ms).unwrap();
    let edge = |driver, ms| super::Edge::new(DriverIx(driver), cost(ms));
    let mut problem = Problem::new(3).unwrap();
    problem.add_rider(cost(100), &[edge(0, 10), edge(1, 30)]).unwrap();
    problem.add_rider(cost(100), &[edge(0, 20)]).unwrap();
    problem.add_rider(cost(5), &[edge(1, 40)]).unwrap();
    let assignment = Auction::default().solve(&problem, &mut Prices::cold());
    assert_eq!(assignment.prove(&problem), Ok(()));
    assert_eq!(assignment.mates(), [Some(DriverIx(1)), Some(DriverIx(0)), None]);
    (problem, assignment)
}

/// The values of the riders and the prices of the drivers.
fn proof(assignment: &mut Assignment) -> (&mut [Cost], &mut [Cost]) {
    let proof = assignment.certificate.as_mut().unwrap();
    (&mut proof.riders, &mut proof.drivers)
}

#[test]
fn each_kind_of_violation_is_told() {
    let (problem, right) = proven();
    let told = |change: fn(&mut Assignment)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        wrong.prove(&problem).unwrap_err()
    };
    let (rider, driver) = (RiderIx(0), DriverIx(0));
    assert_eq!(told(|a| _ = a.mates.pop()), Violation::Size { what: "riders", has: 2 });
    assert_eq!(
        told(|a| _ = a.certificate.as_mut().unwrap().drivers.pop()),
        Violation::Size { what: "drivers", has: 2 }
    );
    assert_eq!(
        told(|a| a.mates[0] = Some(DriverIx(2))),
        Violation::NoEdge { rider, driver: DriverIx(2) }
    );
    assert_eq!(told(|a| a.mates[0] = Some(DriverIx(0))), Violation::TakenTwice { driver });
    assert_eq!(told(|a| a.cost += 1), Violation::Sums { cost: 55, matched: 2 });
    assert_eq!(told(|a| a.matched += 1), Violation::Sums { cost: 55, matched: 2 });
    assert_eq!(told(|a| a.certificate = None), Violation::NoCertificate);
    let raised = |a: &mut Assignment| proof(a).0[2] = Cost::new(6).unwrap();
    assert!(matches!(told(raised), Violation::DearerThanUnmatched { rider: RiderIx(2), .. }));
    let raised = |a: &mut Assignment| proof(a).0[0] = Cost::new(31).unwrap();
    assert!(matches!(told(raised), Violation::DearerThanEdge { rider: RiderIx(0), .. }));
    let lowered = |a: &mut Assignment| proof(a).0[2] = Cost::new(4).unwrap();
    assert_eq!(told(lowered), Violation::LeftTooSoon { rider: RiderIx(2) });
    let lowered = |a: &mut Assignment| proof(a).0[0] = Cost::new(29).unwrap();
    assert_eq!(told(lowered), Violation::NotTight { rider, driver: DriverIx(1) });
    let priced = |a: &mut Assignment| proof(a).1[2] = Cost::new(1).unwrap();
    assert_eq!(told(priced), Violation::IdleAtAPrice { driver: DriverIx(2) });
    let mut dearer = right.clone();
    dearer.cost += 7;
    assert_eq!(right.certificate().map(|proof| proof.gap(&dearer)), Some(7));
}
