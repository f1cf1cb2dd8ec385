//! Plain successive shortest paths: the twin of the auction.
//!
//! Nobody is matched and each price is 0; then one rider after the other is served by the cheapest
//! path. No auction, no components, no old prices: what could go wrong with those cannot here.

use super::assignment::Assignment;
use super::forward::Forward;
use super::prices::Prices;
use super::problem::Problem;
use super::state::State;
use super::ties::Ties;
use super::{Exact, Solver};

/// Successive shortest paths.
///
/// # Guarantees
/// Those of [`super::Auction`], but that the prices given do not matter.
///
/// # Complexity
/// O(n E log n).
///
/// # References
/// Ahuja, Magnanti & Orlin, "Network Flows", 1993, sections 9.7 and 12.4.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    state: State,
    forward: Forward,
    ties: Ties,
    riders: Vec<u32>,
}

impl Solver for Paths {
    fn name(&self) -> &'static str {
        "paths"
    }

    fn solve_into(&mut self, problem: &Problem, prices: &mut Prices, assignment: &mut Assignment) {
        let Self { state, forward, ties, riders } = self;
        state.load(problem, &[]);
        forward.prepare(problem);
        ties.prepare(problem);
        riders.clear();
        riders.extend(problem.rider_numbers());
        for &rider in &*riders {
            state.riders[rider as usize].value = state.best(problem, rider);
        }
        forward.serve_all(problem, state, riders);
        ties.match_more(problem, state, riders);
        state.store(problem, prices, assignment);
    }
}

impl Exact for Paths {}
