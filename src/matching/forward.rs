//! The cheapest way to give one more rider a driver, or to find that there is none.
//!
//! A shortest path from the rider, over drivers who have somebody and would have to change, to an
//! idle driver or to whoever is cheapest left unmatched. Distances are sums of slacks.

use super::problem::Problem;
use super::search::Search;
use super::state::State;
use super::types::NONE;

/// Where the shortest path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// This rider stays, or becomes, unmatched.
    Unmatched(u32),
    /// At this idle driver, reached from this rider.
    Idle { driver: u32, from: u32 },
}

impl End {
    /// 1 if it leaves somebody unmatched.
    fn leaves_somebody(self) -> u32 {
        u32::from(matches!(self, Self::Unmatched(_)))
    }
}

/// Searches for unmatched riders.
#[derive(Clone, Debug, Default)]
pub(super) struct Forward {
    /// By driver.
    search: Search,
}

impl Forward {
    /// Makes room for the drivers of a problem.
    pub(super) fn prepare(&mut self, problem: &Problem) {
        self.search.prepare(problem.drivers());
        self.search.count = 0;
    }

    /// How many searches there were for this problem.
    pub(super) fn searches(&self) -> u64 {
        self.search.count
    }

    /// Serves each unmatched rider who is worth less than leaving them unmatched costs.
    pub(super) fn serve_all(&mut self, problem: &Problem, state: &mut State, riders: &[u32]) {
        for &rider in riders {
            let found = state.riders[rider as usize];
            if found.mate == NONE && found.value < state.limit(problem, rider) {
                self.serve(problem, state, rider);
            }
        }
    }

    /// Gives an unmatched rider the driver that makes the whole cheapest, moving others if that is
    /// cheaper; or leaves unmatched whom to leave is cheapest. Of equal ends, one at an idle driver
    /// is preferred, so that more riders have one.
    ///
    /// Needs S1 to S3 of the state and keeps them; afterwards this rider is matched or worth the
    /// limit, and so is whoever lost a driver.
    ///
    /// # Complexity
    /// O(e log e) for e edges within the distance of the best end: nothing further is looked at.
    ///
    /// # References
    /// Jonker & Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
    /// assignment problems", Computing 38 (1987); potentials as in Ahuja, Magnanti &
    /// Orlin, "Network Flows", 1993, section 12.4.
    pub(super) fn serve(&mut self, problem: &Problem, state: &mut State, rider: u32) {
        let (best, end) = self.find(problem, state, rider);
        state.riders[rider as usize].value += best;
        for &(driver, distance) in self.search.settled() {
            let driver = &mut state.drivers[driver as usize];
            driver.price += best - distance;
            state.riders[driver.holder as usize].value += best - distance;
        }
        self.change(state, rider, end);
    }

    /// Finds the best end and its distance.
    fn find(&mut self, problem: &Problem, state: &State, start: u32) -> (u32, End) {
        let search = &mut self.search;
        search.begin();
        let unmatched =
            |rider: u32| state.limit(problem, rider) - state.riders[rider as usize].value;
        // What is at the bound or beyond it is too far: an end at an idle driver may be as far as
        // the best so far if that leaves somebody unmatched.
        let (mut bound, mut end) = (unmatched(start) + 1, End::Unmatched(start));
        let (mut rider, mut distance) = (start, 0);
        loop {
            let value = state.riders[rider as usize].value;
            for edge in problem.row(rider) {
                let (driver, cost) = (edge.driver.0, edge.cost.get());
                // No slack is negative, and no price: this edge is too far, and all that follow.
                if cost + distance >= bound + value {
                    break;
                }
                let known = state.drivers[driver as usize];
                let reached = cost + known.price + distance - value;
                if reached >= bound {
                    continue;
                }
                if known.holder == NONE {
                    (bound, end) = (reached, End::Idle { driver, from: rider });
                } else {
                    search.reach(driver, reached, rider);
                }
            }
            let Some((driver, settled)) = search.settle(bound) else { break };
            rider = state.drivers[driver as usize].holder;
            distance = settled;
            let left = distance + unmatched(rider);
            if left + end.leaves_somebody() < bound {
                (bound, end) = (left + 1, End::Unmatched(rider));
            }
        }
        (bound - end.leaves_somebody(), end)
    }

    /// Changes the pairs along the path to its end.
    fn change(&self, state: &mut State, start: u32, end: End) {
        let (mut driver, mut rider) = match end {
            End::Idle { driver, from } => (driver, from),
            End::Unmatched(rider) if rider == start => return,
            End::Unmatched(rider) => {
                let driver = std::mem::replace(&mut state.riders[rider as usize].mate, NONE);
                (driver, self.search.from(driver))
            }
        };
        loop {
            let before = state.riders[rider as usize].mate;
            state.pair(rider, driver);
            if rider == start {
                return;
            }
            driver = before;
            rider = self.search.from(driver);
        }
    }
}
