//! An optimal assignment that is kept while riders arrive one at a time.

use super::assignment::{Assignment, Violation};
use super::forward::Forward;
use super::prices::Prices;
use super::problem::{Problem, ProblemError};
use super::state::{Driver, Rider, State};
use super::types::{Cost, DriverIx, Edge, NONE, RiderIx};

/// A problem, its cheapest assignment and the prices that prove it.
///
/// A rider who cannot wait for the next batch is inserted by one search over the prices and pairs
/// that there are: the result is the cheapest for all riders together, not the nearest driver.
///
/// # Guarantees
/// After each call the assignment is the cheapest of the problem so far, and certified. Of equally
/// cheap ones the new rider is rather matched; unlike a solver, an insertion does not look for ties
/// that would match others.
///
/// # Examples
/// ```
/// use hansom::matching::{Auction, Cost, DriverIx, Edge, Prices, Problem, Solver, Standing};
/// let edge = |driver, ms| Edge::new(DriverIx(driver), Cost::saturating(ms));
/// let mut problem = Problem::new(2)?;
/// let first = problem.add_rider(Cost::MAX, &[edge(0, 60_000), edge(1, 70_000)])?;
/// let assignment = Auction::default().solve(&problem, &mut Prices::cold());
/// let mut standing = Standing::new(problem, &assignment)?;
/// assert_eq!(standing.mate(first), Some(DriverIx(0)));
/// // Driver 0 is the only one for the second rider, so the first gets driver 1.
/// let inserted = standing.insert(Cost::MAX, &[edge(0, 90_000)])?;
/// assert_eq!(inserted.mate, Some(DriverIx(0)));
/// assert_eq!(inserted.added, 90_000 + 10_000);
/// assert_eq!(standing.mate(first), Some(DriverIx(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Standing {
    problem: Problem,
    state: State,
    forward: Forward,
}

/// What became of a rider who was inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The rider's number.
    pub rider: RiderIx,
    /// Their driver.
    pub mate: Option<DriverIx>,
    /// By how much the whole has become dearer, in milliseconds.
    pub added: i64,
}

impl Standing {
    /// Keeps the assignment of a problem.
    ///
    /// # Errors
    /// A [`Violation`] unless the assignment is proven to be the cheapest.
    ///
    /// # Complexity
    /// O(n + E).
    pub fn new(problem: Problem, assignment: &Assignment) -> Result<Self, Violation> {
        assignment.prove(&problem)?;
        let certificate = assignment.certificate().ok_or(Violation::NoCertificate)?;
        let mut state = State::default();
        state.load(&problem, &[]);
        for (rider, mate) in problem.rider_numbers().zip(assignment.mates()) {
            state.riders[rider as usize].value = certificate.rider(RiderIx(rider)).get();
            if let Some(DriverIx(driver)) = *mate {
                state.pair(rider, driver);
            }
        }
        for (driver, price) in state.drivers.iter_mut().zip(&certificate.drivers) {
            driver.price = price.get();
        }
        Ok(Self { problem, state, forward: Forward::default() })
    }

    /// The problem with all who were added.
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Who fetches this rider now.
    ///
    /// # Panics
    /// If there is no such rider.
    pub fn mate(&self, rider: RiderIx) -> Option<DriverIx> {
        let mate = self.state.riders[rider.0 as usize].mate;
        (mate != NONE).then_some(DriverIx(mate))
    }

    /// One more driver, idle and without edges to those who are there.
    ///
    /// # Errors
    /// [`ProblemError::TooManyDrivers`]; then nothing has changed.
    pub fn add_driver(&mut self) -> Result<DriverIx, ProblemError> {
        let driver = self.problem.add_driver()?;
        self.state.drivers.push(Driver { price: 0, holder: NONE });
        Ok(driver)
    }

    /// One more rider: matched at once if that is cheapest, others moving to other drivers, or one
    /// of them left unmatched, where that is cheaper.
    ///
    /// # Errors
    /// [`ProblemError`]; then nothing has changed.
    ///
    /// # Complexity
    /// One search: O(e log e) for e edges within the distance of the best end.
    pub fn insert(&mut self, unmatched: Cost, edges: &[Edge]) -> Result<Inserted, ProblemError> {
        let rider = self.problem.add_rider(unmatched, edges)?;
        let Self { problem, state, forward } = self;
        let value = state.best(problem, rider.0);
        state.riders.push(Rider { value, mate: NONE });
        forward.prepare(problem);
        // Also if the rider is worth what leaving them costs: a tie may match them.
        forward.serve(problem, state, rider.0);
        // The whole costs the sum of the values less that of the prices, and the search raised both
        // by the same along the path: what is left is the rider's own.
        let added = i64::from(state.riders[rider.0 as usize].value);
        Ok(Inserted { rider, mate: self.mate(rider), added })
    }

    /// The assignment as it is now, certified.
    ///
    /// # Complexity
    /// O(n + E).
    pub fn assignment(&self) -> Assignment {
        let (mut prices, mut assignment) = (Prices::cold(), Assignment::default());
        self.state.store(&self.problem, &mut prices, &mut assignment);
        assignment
    }
}
