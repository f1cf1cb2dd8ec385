//! The solver of production: an auction that comes near the optimum, and exact repair.
//!
//! In each connected component: riders bid for drivers, in steps so coarse that few bids are needed
//! (`bidding`); pairs that are then not exactly tight part; each idle driver's price is brought down
//! (`reverse`), each unmatched rider served (`forward`); last, ties (`ties`). The auction does most
//! of the work and proves nothing, the searches are short because of it and prove everything.
//!
//! The last batch's prices and pairs are where the auction starts. They may be wrong in any way: only
//! the searches decide.

use super::assignment::Assignment;
use super::bidding::Bidding;
use super::components::Components;
use super::forward::Forward;
use super::prices::Prices;
use super::problem::Problem;
use super::reverse::Backward;
use super::state::State;
use super::ties::Ties;
use super::tighten::Tighten;
use super::types::{Cost, NONE};
use super::{Exact, Solver};

/// How the auction is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuctionConfig {
    /// By how much a bid exceeds what it needs to. Coarser: fewer bids, more to repair. What is
    /// used is at most a thirtieth of the dearest that matters.
    pub epsilon: Cost,
    /// The same where half of the riders or more had a driver in the batch before: there are few
    /// bids then, and finer ones leave less to repair.
    pub warm_epsilon: Cost,
    /// How many bids there may be for each rider of a component. Beyond it, whoever is unmatched is
    /// left to the searches, which take longer and end surely.
    pub bids_per_rider: u32,
    /// Up to so many riders a component goes without an auction.
    pub small: usize,
}

impl AuctionConfig {
    /// Twenty seconds of pickup time, three when warm, thirty bids a rider.
    pub const DEFAULT: Self = Self {
        epsilon: Cost::computed(20_000),
        warm_epsilon: Cost::computed(3_000),
        bids_per_rider: 30,
        small: 4,
    };
}

impl Default for AuctionConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a solution took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Connected components.
    pub components: u64,
    /// Bids of all auctions.
    pub bids: u64,
    /// Components whose auction was ended by the limit on bids.
    pub capped: u64,
    /// Components with riders whose price of being left unmatched had to be raised in a second step.
    pub raised: u64,
    /// Searches for idle drivers' prices.
    pub reverse: u64,
    /// Searches for unmatched riders.
    pub forward: u64,
    /// Riders who got a driver at no cost, by a tie.
    pub ties: u64,
}

/// The auction with exact repair.
///
/// # Guarantees
/// The assignment is the cheapest, and of the cheapest one that matches as many riders as any; its
/// certificate proves the first. Both numbers depend on the problem alone. Which of several such
/// assignments it is depends on the problem, the order of its riders and the prices given, and on
/// nothing else: equal input, equal output.
///
/// # Complexity
/// In practice near-linear in the edges. At worst, O(n E log n).
///
/// # References
/// Bertsekas 1988 for the auction, Jonker & Volgenant 1987 for the searches, Mills-Tettey et al. 2007
/// for starting from old prices: each at the function that does it.
#[derive(Clone, Debug, Default)]
pub struct Auction {
    config: AuctionConfig,
    state: State,
    components: Components,
    bidding: Bidding,
    tighten: Tighten,
    backward: Backward,
    forward: Forward,
    ties: Ties,
    effort: Effort,
}

impl Auction {
    /// A solver with these settings.
    pub fn new(config: AuctionConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// What the last solution took.
    pub const fn effort(&self) -> Effort {
        self.effort
    }

    fn begin(&mut self, problem: &Problem, prices: &Prices) {
        self.effort = Effort::default();
        self.bidding.bids = 0;
        self.state.load(problem, &prices.drivers);
        self.components.find(problem);
        self.tighten.prepare(problem);
        self.forward.prepare(problem);
        self.ties.prepare(problem);
        self.backward.prepare(problem);
        for driver in self.components.idle() {
            self.state.drivers[driver].price = 0;
        }
        for rider in problem.rider_numbers() {
            if problem.first_useful(rider).is_none() {
                self.state.riders[rider as usize].value =
                    problem.unmatched_costs()[rider as usize].get();
            }
        }
    }

    fn solve_component(&mut self, problem: &Problem, prices: &Prices, component: usize) {
        let Self { components, state, .. } = self;
        let (riders, drivers) = (components.riders(component), components.drivers(component));
        let (dearest_edge, dearest) = dearest(problem, riders);
        // Left unmatched at far more than any edge costs, riders would outbid each other for ever:
        // up to a moderate price first, then as far as needed.
        let moderate = dearest_edge.saturating_mul(2).saturating_add(1);
        let raise = moderate < dearest;
        state.ceiling = moderate.min(dearest);
        if riders.len() <= self.config.small {
            for &driver in drivers {
                state.drivers[driver as usize].price = 0;
            }
        } else {
            let warm = is_warm(riders, &prices.mates);
            let step = if warm { self.config.warm_epsilon } else { self.config.epsilon };
            let epsilon = step.get().min(state.ceiling / 30).max(1);
            let most = u64::from(self.config.bids_per_rider) * riders.len() as u64;
            let before = self.bidding.bids;
            self.bidding.open(problem, state, riders, &prices.mates, epsilon);
            self.bidding.run(problem, state, epsilon, most);
            self.effort.capped += u64::from(self.bidding.bids - before >= most);
            if warm {
                Tighten::lower(problem, state, riders);
            }
        }
        self.tighten.run(problem, state, riders);
        self.backward.lower_all(problem, state, (riders, drivers), &self.tighten);
        self.forward.serve_all(problem, state, riders);
        if raise {
            self.effort.raised += 1;
            state.ceiling = u32::MAX;
            self.forward.serve_all(problem, state, riders);
        }
        self.ties.match_more(problem, state, riders);
    }
}

impl Solver for Auction {
    fn name(&self) -> &'static str {
        "auction"
    }

    fn solve_into(&mut self, problem: &Problem, prices: &mut Prices, assignment: &mut Assignment) {
        self.begin(problem, prices);
        for component in 0..self.components.count() {
            self.solve_component(problem, prices, component);
        }
        self.state.store(problem, prices, assignment);
        self.effort = Effort {
            components: self.components.count() as u64,
            bids: self.bidding.bids,
            reverse: self.backward.searches(),
            forward: self.forward.searches(),
            ties: self.ties.found,
            ..self.effort
        };
    }
}

impl Exact for Auction {}

/// The dearest edge that may be used, and the dearest price of leaving a rider unmatched.
fn dearest(problem: &Problem, riders: &[u32]) -> (u32, u32) {
    let mut dearest = (0, 0);
    for &rider in riders {
        let edge = problem.useful(rider).last().map_or(0, |edge| edge.cost.get());
        let unmatched = problem.unmatched_costs()[rider as usize].get();
        dearest = (dearest.0.max(edge), dearest.1.max(unmatched));
    }
    dearest
}

/// Whether at least half of these riders had a driver in the batch before.
fn is_warm(riders: &[u32], hints: &[u32]) -> bool {
    let had = |rider: &&u32| hints.get(**rider as usize).is_some_and(|&hint| hint != NONE);
    2 * riders.iter().filter(had).count() >= riders.len()
}
