//! The cheapest way to bring an idle driver's price down to where the driver has a rider, or to 0.
//!
//! A shortest path from the driver, over riders who have somebody and would change, to a rider who
//! has nobody or to a driver who can be let go at price 0. The mirror image of a forward search.

use super::problem::Problem;
use super::search::Search;
use super::state::State;
use super::tighten::{Parted, Tighten};
use super::types::NONE;

/// An edge as the driver sees it.
#[derive(Clone, Copy, Debug, Default)]
struct Back {
    rider: u32,
    cost: u32,
}

/// Where the shortest path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// This driver's price comes down to 0, and the driver stays, or becomes, idle.
    Idle(u32),
    /// At this unmatched rider, reached from this driver.
    Unmatched { rider: u32, from: u32 },
}

impl End {
    /// 1 if it lets a driver go.
    fn lets_go(self) -> u32 {
        u32::from(matches!(self, Self::Idle(_)))
    }
}

/// The edges by driver, and searches for idle drivers with a price.
#[derive(Clone, Debug, Default)]
pub(super) struct Backward {
    /// By driver: where its edges begin and end.
    ranges: Vec<(u32, u32)>,
    edges: Vec<Back>,
    /// By rider.
    search: Search,
}

impl Backward {
    /// Makes room for the riders and drivers of a problem.
    pub(super) fn prepare(&mut self, problem: &Problem) {
        self.ranges.resize(problem.drivers(), (0, 0));
        self.search.prepare(problem.riders());
        self.search.count = 0;
    }

    /// How many searches there were for this problem.
    pub(super) fn searches(&self) -> u64 {
        self.search.count
    }

    /// Turns the edges around that matter to searches among these riders and drivers: those that
    /// cost no more than the rider is worth. For others the slack exceeds the driver's price, at
    /// which each search ends, and while prices are lowered values fall too.
    ///
    /// # Complexity
    /// O(n + e) for the e edges of these riders.
    fn turn(
        &mut self,
        problem: &Problem,
        state: &State,
        (riders, drivers): (&[u32], &[u32]),
        tighten: &Tighten,
    ) {
        let mut count = 0;
        for &driver in drivers {
            self.ranges[driver as usize] = (count, count);
            count += tighten.edges_to(driver);
        }
        self.edges.clear();
        self.edges.resize(count as usize, Back::default());
        for &rider in riders {
            let value = state.riders[rider as usize].value;
            for edge in problem.row(rider).iter().take_while(|edge| edge.cost.get() <= value) {
                let end = &mut self.ranges[edge.driver.0 as usize].1;
                self.edges[*end as usize] = Back { rider, cost: edge.cost.get() };
                *end += 1;
            }
        }
    }

    /// Lowers the price of each idle driver of a component that has one.
    ///
    /// Riders and drivers `among` whom it happens are those that were tightened. Of pairs that
    /// parted then, the rider who was left is the first end in sight: nothing further
    /// away is looked at.
    pub(super) fn lower_all(
        &mut self,
        problem: &Problem,
        state: &mut State,
        among: (&[u32], &[u32]),
        tighten: &Tighten,
    ) {
        let known = |&driver: &u32| Parted { driver, rider: NONE, slack: 0 };
        let mut turned = false;
        for start in tighten.parted.iter().copied().chain(among.1.iter().map(known)) {
            let found = state.drivers[start.driver as usize];
            if found.holder == NONE && found.price > 0 {
                if !turned {
                    self.turn(problem, state, among, tighten);
                    turned = true;
                }
                self.lower(state, start);
            }
        }
    }

    /// Brings the price of an idle driver down until the driver has a rider or the price is 0;
    /// others change if that is what it takes. Of equal ends, one at an unmatched rider is
    /// preferred.
    ///
    /// Needs S1 to S3 of the state and keeps them; afterwards this driver has a rider or price 0,
    /// and so has whoever lost a rider.
    ///
    /// # References
    /// Bertsekas & Castañon, "A forward/reverse auction algorithm for asymmetric assignment
    /// problems", Computational Optimization and Applications 1 (1992), for why idle drivers must
    /// not keep a price; the repair of one column by one augmentation: Mills-Tettey, Stentz & Dias,
    /// "The dynamic Hungarian algorithm for the assignment problem with changing costs",
    /// CMU-RI-TR-07-27 (2007).
    fn lower(&mut self, state: &mut State, start: Parted) {
        let driver = start.driver;
        let (best, end) = self.find(state, start);
        state.drivers[driver as usize].price -= best;
        for &(rider, distance) in self.search.settled() {
            let rider = &mut state.riders[rider as usize];
            rider.value -= best - distance;
            state.drivers[rider.mate as usize].price -= best - distance;
        }
        self.change(state, driver, end);
    }

    /// Finds the best end and its distance.
    fn find(&mut self, state: &State, start: Parted) -> (u32, End) {
        let Self { ranges, edges, search } = self;
        search.begin();
        // What is at the bound or beyond it is too far: an end at an unmatched rider may be as far
        // as the best so far if that lets a driver go.
        let Parted { mut driver, rider, slack } = start;
        let price = state.drivers[driver as usize].price;
        let (mut bound, mut end) = (price + 1, End::Idle(driver));
        if rider != NONE && state.riders[rider as usize].mate == NONE && slack <= price {
            (bound, end) = (slack, End::Unmatched { rider, from: driver });
        }
        let mut distance = 0;
        loop {
            let so_far = state.drivers[driver as usize].price + distance;
            let (begin, end_of) = ranges[driver as usize];
            for &Back { rider, cost } in &edges[begin as usize..end_of as usize] {
                let known = state.riders[rider as usize];
                let reached = cost + so_far - known.value;
                if reached >= bound {
                    continue;
                }
                if known.mate == NONE {
                    (bound, end) = (reached, End::Unmatched { rider, from: driver });
                } else {
                    search.reach(rider, reached, driver);
                }
            }
            let Some((rider, settled)) = search.settle(bound) else { break };
            driver = state.riders[rider as usize].mate;
            distance = settled;
            let left = distance + state.drivers[driver as usize].price;
            if left + end.lets_go() < bound {
                (bound, end) = (left + 1, End::Idle(driver));
            }
        }
        (bound - end.lets_go(), end)
    }

    /// Changes the pairs along the path to its end.
    fn change(&self, state: &mut State, start: u32, end: End) {
        let (mut rider, mut driver) = match end {
            End::Unmatched { rider, from } => (rider, from),
            End::Idle(driver) if driver == start => return,
            End::Idle(driver) => {
                let rider = std::mem::replace(&mut state.drivers[driver as usize].holder, NONE);
                (rider, self.search.from(rider))
            }
        };
        loop {
            let before = state.drivers[driver as usize].holder;
            state.pair(rider, driver);
            if driver == start {
                return;
            }
            rider = before;
            driver = self.search.from(rider);
        }
    }
}
