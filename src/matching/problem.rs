//! The problem: who could fetch whom at which cost, and what it costs to leave a rider unmatched.

use super::types::{Cost, DriverIx, Edge, RiderIx, narrow};
use crate::limits;

/// Riders, drivers, and the edges between them, by rider (compressed sparse rows).
///
/// Built rider by rider, and valid after each. The memory can be used again: [`Problem::reset`].
///
/// # Guarantees
/// The edges of a rider are in the order of their cost, then of the driver's number, whatever the
/// order in which they were given; each driver is there once, at its least cost.
///
/// # Examples
/// ```
/// use hansom::matching::{Cost, DriverIx, Edge, Problem};
/// let cost = |seconds: u32| Cost::new(seconds * 1_000).expect("in range");
/// let mut problem = Problem::new(2)?;
/// let edges = [Edge::new(DriverIx(1), cost(90)), Edge::new(DriverIx(0), cost(60))];
/// let rider = problem.add_rider(cost(600), &edges)?;
/// assert_eq!(problem.edges(rider)[0].driver, DriverIx(0));
/// let error = problem.add_rider(cost(600), &[Edge::new(DriverIx(2), cost(1))]).unwrap_err();
/// assert_eq!(error.to_string(), "driver 2 is not in 0..2");
/// # Ok::<(), hansom::matching::ProblemError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    drivers: u32,
    /// What it costs to leave a rider unmatched.
    unmatched: Vec<Cost>,
    /// Where the edges of a rider begin; one more entry than there are riders.
    starts: Vec<u32>,
    edges: Vec<Edge>,
    /// By driver: one more than the last rider whose edges it was among.
    seen: Vec<u32>,
}

/// What a problem cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// More riders than [`limits::MAX_BATCH_RIDERS`].
    #[error("one rider more than {max}, the most in one batch", max = limits::MAX_BATCH_RIDERS)]
    TooManyRiders,
    /// More drivers than [`limits::MAX_BATCH_DRIVERS`].
    #[error("{count} drivers are more than {max}, the most in one batch",
            max = limits::MAX_BATCH_DRIVERS)]
    TooManyDrivers {
        /// How many were wanted.
        count: usize,
    },
    /// More edges than [`limits::MAX_BATCH_EDGES`].
    #[error("{count} edges are more than {max}, the most in one batch",
            max = limits::MAX_BATCH_EDGES)]
    TooManyEdges {
        /// How many there would be.
        count: usize,
    },
    /// An edge leads to a driver that the problem does not have.
    #[error("{driver} is not in 0..{drivers}")]
    NoSuchDriver {
        /// Who was named.
        driver: DriverIx,
        /// How many drivers there are.
        drivers: u32,
    },
}

impl Default for Problem {
    /// Nobody at all.
    fn default() -> Self {
        let (unmatched, edges, seen) = (Vec::new(), Vec::new(), Vec::new());
        Self { drivers: 0, unmatched, starts: vec![0], edges, seen }
    }
}

impl Problem {
    /// A problem with so many drivers and no riders yet.
    ///
    /// # Errors
    /// [`ProblemError::TooManyDrivers`].
    pub fn new(drivers: usize) -> Result<Self, ProblemError> {
        let mut problem = Self::default();
        problem.reset(drivers)?;
        Ok(problem)
    }

    /// Forgets all riders and edges, keeping the memory, and has so many drivers from now on.
    ///
    /// # Errors
    /// [`ProblemError::TooManyDrivers`]; then nothing has changed.
    pub fn reset(&mut self, drivers: usize) -> Result<(), ProblemError> {
        let count = checked_drivers(drivers)?;
        self.drivers = count;
        self.unmatched.clear();
        self.starts.truncate(1);
        self.edges.clear();
        self.seen.clear();
        self.seen.resize(drivers, 0);
        Ok(())
    }

    /// One more driver, who has no edges yet.
    ///
    /// # Errors
    /// [`ProblemError::TooManyDrivers`]; then nothing has changed.
    pub fn add_driver(&mut self) -> Result<DriverIx, ProblemError> {
        let driver = DriverIx(self.drivers);
        self.drivers = checked_drivers(self.drivers as usize + 1)?;
        self.seen.push(0);
        Ok(driver)
    }

    /// One more rider, what it costs to leave them unmatched, and who could fetch them.
    ///
    /// Edges may come in any order and name a driver more than once: the cheapest counts. An edge
    /// that costs more than leaving the rider unmatched is kept, and never used.
    ///
    /// # Errors
    /// [`ProblemError`]; then nothing has changed.
    ///
    /// # Complexity
    /// O(e) for e edges in the order of their costs, O(e log e) for others.
    pub fn add_rider(&mut self, unmatched: Cost, edges: &[Edge]) -> Result<RiderIx, ProblemError> {
        let rider = self.unmatched.len();
        if rider >= limits::MAX_BATCH_RIDERS {
            return Err(ProblemError::TooManyRiders);
        }
        let count = self.edges.len() + edges.len();
        if count > limits::MAX_BATCH_EDGES {
            return Err(ProblemError::TooManyEdges { count });
        }
        if let Some(edge) = edges.iter().find(|edge| edge.driver.0 >= self.drivers) {
            let (driver, drivers) = (edge.driver, self.drivers);
            return Err(ProblemError::NoSuchDriver { driver, drivers });
        }
        let first = self.edges.len();
        self.edges.extend_from_slice(edges);
        let added = &mut self.edges[first..];
        if !added.is_sorted_by_key(|edge| edge.order()) {
            added.sort_unstable_by_key(|edge| edge.order());
        }
        let mark = narrow(rider) + 1;
        let mut kept = first;
        for at in first..self.edges.len() {
            let edge = self.edges[at];
            if std::mem::replace(&mut self.seen[edge.driver.0 as usize], mark) != mark {
                self.edges[kept] = edge;
                kept += 1;
            }
        }
        self.edges.truncate(kept);
        self.starts.push(narrow(kept));
        self.unmatched.push(unmatched);
        Ok(RiderIx(mark - 1))
    }

    /// How many riders there are.
    pub fn riders(&self) -> usize {
        self.unmatched.len()
    }

    /// The riders in the order of their numbers.
    pub fn each_rider(&self) -> impl Iterator<Item = RiderIx> + use<> {
        self.rider_numbers().map(RiderIx)
    }

    /// How many drivers there are.
    pub fn drivers(&self) -> usize {
        self.drivers as usize
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// The edges of a rider, cheapest first.
    ///
    /// # Panics
    /// If the problem has no such rider.
    #[inline]
    pub fn edges(&self, rider: RiderIx) -> &[Edge] {
        self.row(rider.0)
    }

    /// What it costs to leave a rider unmatched.
    ///
    /// # Panics
    /// If the problem has no such rider.
    pub fn unmatched(&self, rider: RiderIx) -> Cost {
        self.unmatched[rider.0 as usize]
    }

    /// What it costs that this driver fetches this rider; `None` if there is no such edge.
    ///
    /// # Panics
    /// If the problem has no such rider.
    ///
    /// # Complexity
    /// O(e) for the e edges of the rider.
    pub fn cost(&self, rider: RiderIx, driver: DriverIx) -> Option<Cost> {
        self.row(rider.0).iter().find(|edge| edge.driver == driver).map(|edge| edge.cost)
    }

    /// The edges of the rider of this number.
    #[inline]
    pub(super) fn row(&self, rider: u32) -> &[Edge] {
        let at = rider as usize;
        &self.edges[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// The edges of the rider of this number that cost no more than leaving them unmatched.
    pub(super) fn useful(&self, rider: u32) -> &[Edge] {
        let (row, most) = (self.row(rider), self.unmatched[rider as usize]);
        if row.last().is_none_or(|edge| edge.cost <= most) {
            return row;
        }
        &row[..row.partition_point(|edge| edge.cost <= most)]
    }

    /// The cheapest of these, if there is any.
    #[inline]
    pub(super) fn first_useful(&self, rider: u32) -> Option<&Edge> {
        self.row(rider).first().filter(|edge| edge.cost <= self.unmatched[rider as usize])
    }

    /// The numbers of all riders.
    pub(super) fn rider_numbers(&self) -> std::ops::Range<u32> {
        0..narrow(self.unmatched.len())
    }

    /// What it costs to leave each rider unmatched.
    pub(super) fn unmatched_costs(&self) -> &[Cost] {
        &self.unmatched
    }
}

fn checked_drivers(count: usize) -> Result<u32, ProblemError> {
    if count > limits::MAX_BATCH_DRIVERS {
        return Err(ProblemError::TooManyDrivers { count });
    }
    Ok(narrow(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(driver: u32, cost: u32) -> Edge {
        Edge::new(DriverIx(driver), Cost::new(cost).unwrap())
    }

    #[test]
    fn edges_are_in_order_and_once_a_driver() {
        let mut problem = Problem::new(4).unwrap();
        let edges = [edge(3, 9), edge(1, 5), edge(3, 2), edge(0, 5), edge(1, 5)];
        let rider = problem.add_rider(Cost::MAX, &edges).unwrap();
        assert_eq!(problem.edges(rider), [edge(3, 2), edge(0, 5), edge(1, 5)]);
        // The marks of one rider must not hide edges of the next.
        let next = problem.add_rider(Cost::ZERO, &edges[..2]).unwrap();
        assert_eq!(problem.edges(next), [edge(1, 5), edge(3, 9)]);
        assert_eq!((problem.riders(), problem.edge_count()), (2, 5));
        assert_eq!(problem.cost(next, DriverIx(3)), Some(Cost::new(9).unwrap()));
        assert_eq!(problem.cost(next, DriverIx(0)), None);
        problem.reset(2).unwrap();
        assert_eq!((problem.riders(), problem.drivers(), problem.edge_count()), (0, 2, 0));
        let again = problem.add_rider(Cost::MAX, &[edge(1, 1)]).unwrap();
        assert_eq!(problem.edges(again), [edge(1, 1)]);
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut problem = Problem::new(1).unwrap();
        let refused = problem.add_rider(Cost::MAX, &[edge(0, 1), edge(1, 1)]).unwrap_err();
        assert_eq!(refused, ProblemError::NoSuchDriver { driver: DriverIx(1), drivers: 1 });
        assert_eq!((problem.riders(), problem.edge_count()), (0, 0));
        assert_eq!(problem.add_driver(), Ok(DriverIx(1)));
        assert!(problem.add_rider(Cost::MAX, &[edge(0, 1), edge(1, 1)]).is_ok());
        let many = limits::MAX_BATCH_DRIVERS + 1;
        assert_eq!(problem.reset(many), Err(ProblemError::TooManyDrivers { count: many }));
        assert_eq!(problem.riders(), 1);
        assert!(
            Problem::new(many).unwrap_err().to_string().starts_with("4194305 drivers are more")
        );
    }

    #[test]
    fn useful_edges_are_those_that_may_be_used() {
        let mut problem = Problem::new(3).unwrap();
        let edges = [edge(0, 1), edge(1, 7), edge(2, 8)];
        for (price, useful) in [(0, 0), (1, 1), (7, 2), (8, 3), (9, 3)] {
            let rider = problem.add_rider(Cost::new(price).unwrap(), &edges).unwrap();
            assert_eq!(problem.useful(rider.0).len(), useful, "at {price}");
            assert_eq!(problem.first_useful(rider.0), problem.useful(rider.0).first());
        }
    }
}
