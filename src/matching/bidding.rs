//! The auction: riders bid for drivers until all have one or would rather be left unmatched.

use super::problem::Problem;
use super::state::State;
use super::types::NONE;

/// Riders without a driver, and how often somebody has bid.
#[derive(Clone, Debug, Default)]
pub(super) struct Bidding {
    /// Who bids next: the last first.
    waiting: Vec<u32>,
    /// How many bids there were.
    pub(super) bids: u64,
}

impl Bidding {
    /// Keeps the pairs that are within `epsilon` of the rider's best; the others wait to bid.
    ///
    /// `hints` are the pairs of the batch before, by rider.
    pub(super) fn open(
        &mut self,
        problem: &Problem,
        state: &mut State,
        riders: &[u32],
        hints: &[u32],
        epsilon: u32,
    ) {
        self.waiting.clear();
        // The last waiting bids first: so that the first rider does, from behind.
        for &rider in riders.iter().rev() {
            let hint = hints.get(rider as usize).copied().unwrap_or(NONE);
            let free = state.drivers.get(hint as usize).is_some_and(|driver| driver.holder == NONE);
            if free && is_near_best(problem, state, rider, hint, epsilon) {
                state.pair(rider, hint);
            } else {
                self.waiting.push(rider);
            }
        }
    }

    /// Lets those who wait bid, one at a time, and whom they outbid after them, until nobody waits
    /// or there were `most` bids.
    ///
    /// A bid raises the price of the rider's best driver to where the second best, or being left
    /// unmatched, is better by `epsilon`. Then each pair is within `epsilon` of the rider's best.
    ///
    /// # Complexity
    /// With prices up to P, no driver's price rises more than P / `epsilon` times.
    ///
    /// # References
    /// Bertsekas, "The auction algorithm: a distributed relaxation method for the assignment
    /// problem", Annals of Operations Research 14 (1988); one bid at a time is the Gauss-Seidel version.
    pub(super) fn run(&mut self, problem: &Problem, state: &mut State, epsilon: u32, most: u64) {
        let last = self.bids.saturating_add(most);
        while let Some(rider) = self.waiting.pop() {
            if self.bids == last {
                break;
            }
            let limit = state.limit(problem, rider);
            let (mut best, mut second, mut driver) = (limit, limit, NONE);
            for edge in problem.row(rider) {
                let cost = edge.cost.get();
                if cost >= second {
                    break; // No price is negative, and what follows is no cheaper.
                }
                let total = cost + state.drivers[edge.driver.0 as usize].price;
                if total < best {
                    (second, best, driver) = (best, total, edge.driver.0);
                } else if total < second {
                    second = total;
                }
            }
            if driver == NONE {
                continue; // Prices only rise: this rider will not bid again.
            }
            self.bids += 1;
            let won = &mut state.drivers[driver as usize];
            won.price += second - best + epsilon;
            if won.holder != NONE {
                self.waiting.push(won.holder);
                state.riders[won.holder as usize].mate = NONE;
            }
            state.pair(rider, driver);
        }
        self.waiting.clear();
    }
}

/// Whether there is an edge to this driver, within `epsilon` of the rider's best.
fn is_near_best(problem: &Problem, state: &State, rider: u32, driver: u32, epsilon: u32) -> bool {
    let mut best = state.limit(problem, rider);
    let mut total = None;
    for edge in problem.row(rider) {
        if edge.cost.get() > best + epsilon {
            break;
        }
        let with_price = edge.cost.get() + state.drivers[edge.driver.0 as usize].price;
        best = best.min(with_price);
        if edge.driver.0 == driver {
            total = Some(with_price);
        }
    }
    total.is_some_and(|total| total <= best + epsilon)
}
