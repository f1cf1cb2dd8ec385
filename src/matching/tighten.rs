//! From pairs that are nearly tight to pairs that are.
//!
//! After an auction a driver costs the rider up to a step more than the rider is worth. As long as
//! no other rider would rather have that driver, the price can come down by as much; where one would,
//! it comes down as far as that and the pair parts, for a search to decide.

use super::problem::Problem;
use super::state::State;
use super::types::NONE;

/// The memory of the pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Tighten {
    /// By driver: the least slack of the edges to it, that of its pair aside.
    room: Vec<u32>,
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
        self.room.clear();
        self.room.resize(problem.drivers(), u32::MAX);
        self.slack.clear();
        self.slack.resize(problem.riders(), u32::MAX);
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
                if driver == mate {
                    self.slack[rider as usize] = slack;
                } else {
                    let room = &mut self.room[driver as usize];
                    *room = slack.min(*room);
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
            let less = slack.min(self.room[mate as usize]).min(*price);
            *price -= less;
            if less < slack {
                state.part(rider);
                self.parted.push(Parted { driver: mate, rider, slack: slack - less });
            }
        }
    }
}
