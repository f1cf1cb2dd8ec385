//! Random problems, small enough to try everything or large enough to matter.

use super::{Cost, DriverIx, Edge, Prices, Problem, RiderIx, Rng};

/// What a random problem is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) riders: u64,
    pub(super) drivers: u64,
    /// Of a hundred pairs so many are edges.
    pub(super) density: u64,
    /// The dearest edge.
    pub(super) dearest: u64,
    pub(super) unmatched: Unmatched,
}

/// What it costs to leave riders unmatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unmatched {
    Nothing,
    /// As much as an edge may.
    Moderate,
    Huge,
    /// Any of these, differently for each rider.
    Mixed,
}

impl Kind {
    /// At most so many riders and drivers, and of everything else any.
    pub(super) fn any(rng: &mut Rng, most: u64) -> Self {
        let unmatched =
            [Unmatched::Nothing, Unmatched::Moderate, Unmatched::Huge, Unmatched::Mixed];
        Self {
            riders: rng.below(most + 1),
            drivers: rng.below(most + 1),
            density: [15, 40, 70, 100][rng.below(4) as usize],
            // The cheapest kinds are full of ties.
            dearest: [0, 1, 3, 12, 1_000, 1 << 30][rng.below(6) as usize],
            unmatched: unmatched[rng.below(4) as usize],
        }
    }

    fn price(self, rng: &mut Rng) -> u64 {
        match self.unmatched {
            Unmatched::Nothing => 0,
            Unmatched::Moderate => rng.below(self.dearest + 2),
            Unmatched::Huge => (1 << 30) - rng.below(2),
            Unmatched::Mixed => [0, rng.below(self.dearest + 2), 1 << 30][rng.below(3) as usize],
        }
    }

    /// A problem of this kind.
    pub(super) fn problem(self, rng: &mut Rng) -> Problem {
        let mut problem = Problem::new(self.drivers as usize).unwrap();
        for _ in 0..self.riders {
            let mut edges = Vec::new();
            for driver in 0..self.drivers {
                if rng.below(100) < self.density {
                    edges.push(Edge::new(
                        DriverIx(driver as u32),
                        cost(rng.below(self.dearest + 1)),
                    ));
                    // Now and then twice, dearer or cheaper.
                    if rng.once_in(20) {
                        let again = cost(rng.below(self.dearest + 1));
                        edges.push(Edge::new(DriverIx(driver as u32), again));
                    }
                }
            }
            problem.add_rider(cost(self.price(rng).min(1 << 30)), &edges).unwrap();
        }
        problem
    }
}

fn cost(ms: u64) -> Cost {
    Cost::new(u32::try_from(ms).unwrap()).unwrap()
}

/// The same problem with its riders in another order.
pub(super) fn shuffled(problem: &Problem, rng: &mut Rng) -> Problem {
    let mut order: Vec<RiderIx> = problem.each_rider().collect();
    for at in (1..order.len()).rev() {
        order.swap(at, rng.below(at as u64 + 1) as usize);
    }
    let mut other = Problem::new(problem.drivers()).unwrap();
    for rider in order {
        let mut edges = problem.edges(rider).to_vec();
        edges.reverse();
        other.add_rider(problem.unmatched(rider), &edges).unwrap();
    }
    other
}

/// Prices and pairs that have nothing to do with the problem, or nearly nothing.
pub(super) fn nonsense(problem: &Problem, rng: &mut Rng) -> Prices {
    let mut prices = Prices::cold();
    for driver in 0..problem.drivers() as u64 + rng.below(3) {
        if rng.once_in(2) {
            let most = [1, 10, 1_000, (1 << 30) + 1][rng.below(4) as usize];
            prices.set_price(DriverIx(driver as u32), cost(rng.below(most)));
        }
    }
    for rider in 0..problem.riders() as u64 + rng.below(3) {
        let driver = DriverIx(rng.below(problem.drivers() as u64 + 2) as u32);
        prices.set_mate(RiderIx(rider as u32), (!rng.once_in(3)).then_some(driver));
    }
    prices
}
