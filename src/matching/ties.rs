//! Among equally cheap assignments, one that matches as many riders as any.
//!
//! All cheapest assignments use tight edges only (of slack 0), give each driver with a price a rider
//! and each rider worth less than the limit a driver; and whatever does so is cheapest. So the one
//! that matches most is found by augmenting paths of tight edges from unmatched riders to idle
//! drivers, which leave nobody without whom they need (Berge 1957).

use super::problem::Problem;
use super::state::State;
use super::types::NONE;

/// Not seen from any rider so far.
const UNSEEN: u32 = NONE;

/// The memory of the searches.
#[derive(Clone, Debug, Default)]
pub(super) struct Ties {
    /// By driver: from which rider it was reached. What a search in vain has seen leads nowhere
    /// for those after it either, and stays seen.
    from: Vec<u32>,
    /// Drivers seen by this search.
    seen: Vec<u32>,
    /// Riders whose edges are to be looked at.
    queue: Vec<u32>,
    /// How many riders have got a driver this way.
    pub(super) found: u64,
}

impl Ties {
    /// Makes room for the drivers of a problem.
    pub(super) fn prepare(&mut self, problem: &Problem) {
        self.found = 0;
        self.from.clear();
        self.from.resize(problem.drivers(), UNSEEN);
    }

    /// Gives as many of these riders a driver as is possible at no cost. The state must be optimal.
    ///
    /// # Complexity
    /// O(t) for t tight edges in reach, times one more than the number of riders that get a driver.
    pub(super) fn match_more(&mut self, problem: &Problem, state: &mut State, riders: &[u32]) {
        for &rider in riders {
            if state.riders[rider as usize].mate == NONE {
                self.seen.clear();
                if let Some(driver) = self.search(problem, state, rider) {
                    self.found += 1;
                    self.change(state, rider, driver);
                    for &driver in &self.seen {
                        self.from[driver as usize] = UNSEEN;
                    }
                }
            }
        }
    }

    /// The idle driver at the end of a path of tight edges from this rider.
    fn search(&mut self, problem: &Problem, state: &State, start: u32) -> Option<u32> {
        self.queue.clear();
        self.queue.push(start);
        while let Some(rider) = self.queue.pop() {
            let value = state.riders[rider as usize].value;
            for edge in problem.row(rider) {
                let (driver, cost) = (edge.driver.0, edge.cost.get());
                if cost > value {
                    break;
                }
                let known = state.drivers[driver as usize];
                let tight = cost + known.price == value;
                if !tight || self.from[driver as usize] != UNSEEN {
                    continue;
                }
                self.from[driver as usize] = rider;
                self.seen.push(driver);
                match known.holder {
                    NONE => return Some(driver),
                    holder => self.queue.push(holder),
                }
            }
        }
        None
    }

    /// Changes the pairs along the path that ends at this driver.
    fn change(&self, state: &mut State, start: u32, mut driver: u32) {
        loop {
            let rider = self.from[driver as usize];
            let before = state.riders[rider as usize].mate;
            state.pair(rider, driver);
            if rider == start {
                return;
            }
            driver = before;
        }
    }
}
