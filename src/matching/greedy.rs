//! The cheapest edge first: what is left when time is short, and what the optimum is compared with.

use super::Solver;
use super::assignment::Assignment;
use super::prices::Prices;
use super::problem::Problem;
use super::types::{Edge, NONE};

/// Takes edges from the cheapest to the dearest, each whose rider and driver are still free.
///
/// # Guarantees
/// Ties are broken by the rider's number, then the driver's. No certificate is given, and prices
/// are left as they are.
///
/// # Complexity
/// O(E log E).
#[derive(Clone, Debug, Default)]
pub struct Greedy {
    /// Rider and edge, cheapest first.
    order: Vec<(u32, Edge)>,
    mates: Vec<u32>,
    taken: Vec<bool>,
}

impl Solver for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    fn solve_into(&mut self, problem: &Problem, _: &mut Prices, assignment: &mut Assignment) {
        let Self { order, mates, taken } = self;
        order.clear();
        for rider in problem.rider_numbers() {
            order.extend(problem.useful(rider).iter().map(|&edge| (rider, edge)));
        }
        order.sort_unstable_by_key(|(rider, edge)| (edge.cost, *rider, edge.driver));
        mates.clear();
        mates.resize(problem.riders(), NONE);
        taken.clear();
        taken.resize(problem.drivers(), false);
        for &(rider, edge) in &*order {
            let (mate, taken) = (&mut mates[rider as usize], &mut taken[edge.driver.0 as usize]);
            if *mate == NONE && !*taken {
                (*mate, *taken) = (edge.driver.0, true);
            }
        }
        assignment.fill(problem, mates);
        assignment.certificate = None;
    }
}
