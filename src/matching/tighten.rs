//! From pairs that are nearly tight to pairs that are.
//!
//! After an auction a driver costs the rider up to a step more than the rider is worth. As long as
//! no other rider would rather have that driver, the price can come down by as much; where one would,
//! it comes down as far as that and the pair parts, for a search to decide.

use super::problem::Problem;
use super::state::State;
use super::types::NONE;

/// What is between a driver and the riders around.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// The least slack of the edges to the driver, that of the pair aside.
    slack: u32,
    /// How many edges cost no more than their rider is worth.
    edges: u32,
}

/// The memory of the pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Tighten {
    /// By driver.
    rooms: Vec<Room>,
    /// By rider: the slack of the pair.
    slack: Vec<u32>,
    /// The pairs of the last component that parted.
    pub(super) parted: Vec<Parted>,
}

/// A pair that parted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parted {
    pub(super) driver: u32,
    pub(super) rider: u32,
    /// The slack that was left.
    pub(super) slack: u32,
}

impl Tighten {
    /// Makes room for the riders and drivers of a problem.
    pub(super) fn prepare(&mut self, problem: &Problem) {
        self.rooms.clear();
        self.rooms.resize(problem.drivers(), Room { slack: u32::MAX, edges: 0 });
        self.slack.clear();
        self.slack.resize(problem.riders(), u32::MAX);
    }

    /// How many edges to a driver cost no more than their rider is worth.
    #[inline]
    pub(super) fn edges_to(&self, driver: u32) -> u32 {
        self.rooms[driver as usize].edges
    }

    /// Brings each pair's price down, once, to where nothing else is better for the rider.
    ///
    /// What others would then rather have is not looked at: they come to it in their turn, or part
    /// when pairs are tightened. Worth its time after a warm start, where most pairs stay and a change
    /// of cost goes from one to the next.
    ///
    /// # Complexity
    /// O(e) for the e edges of these riders.
    pub(super) fn lower(problem: &Problem, state: &mut State, riders: &[u32]) {
        for &rider in riders {
            let mate = state.riders[rider as usize].mate;
            if mate == NONE {
                continue;
            }
            let mut best = state.limit(problem, rider);
            let mut with_mate = None;
            for edge in problem.row(rider) {
                let cost = edge.cost.get();
                if cost >= best && with_mate.is_some() {
                    break;
                }
                let total = cost + state.drivers[edge.driver.0 as usize].price;
                if edge.driver.0 == mate {
                    with_mate = Some(total);
                }
                best = best.min(total);
            }
            let slack = with_mate.map_or(0, |total| total - best);
            let price = &mut state.drivers[mate as usize].price;
            *price = price.saturating_sub(slack);
        }
    }

    /// Gives each rider the most that they can be worth, makes pairs tight by lowering prices, and
    /// parts the pairs of which it cannot. Afterwards S1 to S3 of the state hold.
    ///
    /// # Complexity
    /// O(e) for the e edges of these riders.
    pub(super) fn run(&mut self, problem: &Problem, state: &mut State, riders: &[u32]) {
        for &rider in riders {
            let value = state.best(problem, rider);
            state.riders[rider as usize].value = value;
            let mate = state.riders[rider as usize].mate;
            for edge in problem.row(rider) {
                let (driver, cost) = (edge.driver.0, edge.cost.get());
                if cost > value {
                    break; // More slack than price: a price that is not negative leaves some.
                }
                let slack = cost + state.drivers[driver as usize].price - value;
                let room = &mut self.rooms[driver as usize];
                room.edges += 1;
                if driver == mate {
                    self.slack[rider as usize] = slack;
                } else {
                    room.slack = slack.min(room.slack);
                }
            }
        }
        self.parted.clear();
        for &rider in riders {
            let (mate, slack) = (state.riders[rider as usize].mate, self.slack[rider as usize]);
            if mate == NONE || slack == 0 {
                continue;
            }
            let price = &mut state.drivers[mate as usize].price;
            let less = slack.min(self.rooms[mate as usize].slack).min(*price);
            *price -= less;
            if less < slack {
                state.part(rider);
                self.parted.push(Parted { driver: mate, rider, slack: slack - less });
            }
        }
    }
}
