//! First come, first served: each rider takes the cheapest driver that is left.

use super::Solver;
use super::assignment::Assignment;
use super::prices::Prices;
use super::problem::Problem;
use super::types::NONE;

/// Serves riders in the order of their numbers, each by the cheapest driver that is still free.
///
/// # Guarantees
/// Ties are broken by the driver's number. No certificate is given, and prices are left as they
/// are.
///
/// # Complexity
/// O(n + E).
#[derive(Clone, Debug, Default)]
pub struct FirstCome {
    mates: Vec<u32>,
    taken: Vec<bool>,
}

impl Solver for FirstCome {
    fn name(&self) -> &'static str {
        "first come"
    }

    fn solve_into(&mut self, problem: &Problem, _: &mut Prices, assignment: &mut Assignment) {
        let Self { mates, taken } = self;
        taken.clear();
        taken.resize(problem.drivers(), false);
        mates.clear();
        mates.extend(problem.rider_numbers().map(|rider| {
            let mut useful = problem.useful(rider).iter().map(|edge| edge.driver.0);
            let free = useful.find(|&driver| !taken[driver as usize]);
            free.inspect(|&driver| taken[driver as usize] = true).unwrap_or(NONE)
        }));
        assignment.fill(problem, mates);
        assignment.certificate = None;
    }
}
