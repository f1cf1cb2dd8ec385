//! Who fetches whom: the assignment problem, solved to proven optimality.
//!
//! A [`Problem`] has riders, drivers, edges with costs, and for each rider a price of being left
//! unmatched. A [`Solver`] finds an [`Assignment`] of least total cost; the exact ones prove it by a
//! [`Certificate`]. [`Auction`] is the one for production, [`Paths`] its obvious twin, [`Greedy`] and
//! [`FirstCome`] are what others do and what is left when time is short. [`Lazy`] finds the optimum
//! over all drivers while it asks for the cost of few edges. [`Standing`] takes riders one at a time.
//!
//! Everything is an integer, nothing is random, nothing asks for the time: the same problem has the
//! same answer. Who riders and drivers are, where they are and what a cost consists of is not known
//! here.

mod assignment;
mod auction;
mod bidding;
mod components;
mod first_come;
mod forward;
mod greedy;
mod heap;
mod lazy;
mod paths;
mod prices;
mod problem;
mod reverse;
mod search;
mod standing;
mod state;
#[cfg(test)]
mod tests;
mod ties;
mod tighten;
mod types;

pub use assignment::{Assignment, Certificate, Violation};
pub use auction::{Auction, AuctionConfig, Effort};
pub use first_come::FirstCome;
pub use greedy::Greedy;
pub use lazy::{Candidate, EdgeSource, Lazy, LazyConfig, LazyOutcome, Next, Spent};
pub use paths::Paths;
pub use prices::Prices;
pub use problem::{Problem, ProblemError};
pub use standing::{Inserted, Standing};
pub use types::{Cost, CostError, DriverIx, Edge, RiderIx};

/// A way to assign drivers to riders.
///
/// # Guarantees
/// - The same problem and prices give the same assignment, bit for bit.
/// - A solver that is [`Exact`] gives a cheapest assignment, and of the cheapest one that matches
///   as many riders as any. So cost and count depend neither on the prices nor on the order in
///   which the riders were added.
///
/// # Examples
/// ```
/// use hansom::matching::{Auction, Cost, DriverIx, Edge, Prices, Problem, Solver};
/// let cost = |seconds: u32| Cost::new(seconds * 1_000).expect("in range");
/// let edge = |driver, seconds| Edge::new(DriverIx(driver), cost(seconds));
/// // Both riders are nearest to driver 0; the second one has hardly any choice.
/// let mut problem = Problem::new(2)?;
/// let first = problem.add_rider(cost(600), &[edge(0, 60), edge(1, 90)])?;
/// let second = problem.add_rider(cost(600), &[edge(0, 120), edge(1, 400)])?;
/// let assignment = Auction::default().solve(&problem, &mut Prices::cold());
/// assert_eq!(assignment.mate(first), Some(DriverIx(1)));
/// assert_eq!(assignment.mate(second), Some(DriverIx(0)));
/// assert_eq!(assignment.cost(), 210_000);
/// assert_eq!(assignment.prove(&problem), Ok(()));
/// # Ok::<(), hansom::matching::ProblemError>(())
/// ```
pub trait Solver {
    /// What it is called in reports.
    fn name(&self) -> &'static str;

    /// Solves a problem, starting from these prices, and replaces the assignment by the answer.
    ///
    /// In the steady state nothing is allocated: memory grows with the largest problem seen. The
    /// exact solvers leave the prices and pairs with which they ended in `prices`.
    fn solve_into(&mut self, problem: &Problem, prices: &mut Prices, assignment: &mut Assignment);

    /// The same with an assignment of its own.
    fn solve(&mut self, problem: &Problem, prices: &mut Prices) -> Assignment {
        let mut assignment = Assignment::default();
        self.solve_into(problem, prices, &mut assignment);
        assignment
    }
}

/// A solver whose assignments are the cheapest, each with the certificate that proves it.
pub trait Exact: Solver {}
