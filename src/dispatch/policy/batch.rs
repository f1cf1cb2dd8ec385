//! All who wait together: the choice that is cheapest for everybody, proven to be.
//!
//! The costs of drivers and the prices of leaving riders make an assignment problem, which
//! `crate::matching` solves to the optimum over all drivers in reach, while travel times are asked for
//! only where they can matter. Prices of the last batch are where the next one starts.
//!
//! A request that does not wait is one search over those prices: a driver whom the last batch would
//! rather have kept for others costs that much more. Prices are of those who wait: they hold for
//! [`PRICES_HOLD`] windows, and for nobody once nobody else waits.

use std::cell::RefCell;
use std::ops::ControlFlow;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{Decision, Greedy, Policy, Proof, WaitingRider, Window, WindowKind};
use crate::dispatch::candidates::{Candidates, Edge, Named};
use crate::dispatch::supply::{Pace, Spent, Supply};
use crate::ids::DriverId;
use crate::matching::{
    Assignment, Auction, Candidate, Cost, DriverIx, EdgeSource, Lazy, LazyOutcome, Next, Prices,
    ProblemError, RiderIx,
};
use crate::units::{Millis, Timestamp};

/// For so many windows the prices of a batch hold, if no other has come since.
const PRICES_HOLD: u64 = 2;

/// The policy `batch`.
#[derive(Debug)]
pub struct Batch {
    solver: Lazy<Auction>,
    prices: Prices,
    assignment: Assignment,
    /// What the last batch found drivers to be worth beside their use; those at zero are not here.
    last: HashMap<DriverId, Cost, FixedState>,
    /// When that was.
    last_at: Timestamp,
    /// For batches that are larger than a problem can be.
    fallback: Greedy,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            solver: Lazy::default(),
            prices: Prices::cold(),
            assignment: Assignment::default(),
            last: HashMap::with_hasher(FixedState::with_seed(0)),
            last_at: Timestamp::from_millis(i64::MIN),
            fallback: Greedy::default(),
        }
    }
}

impl Policy for Batch {
    fn name(&self) -> &'static str {
        "batch"
    }

    fn assign(&mut self, window: &Window<'_>, supply: &mut dyn Supply, decision: &mut Decision) {
        self.forget_prices(window);
        match window.kind {
            WindowKind::Immediate => self.assign_at_once(window, supply, decision),
            WindowKind::Batch => {
                let supply: RefCell<&mut dyn Supply> = RefCell::new(supply);
                let mut source = Source::new(window, &supply, &self.last);
                let solved = source.solve(&mut self.solver, &mut self.prices, &mut self.assignment);
                match solved {
                    Ok(outcome) => {
                        source.tell(&self.assignment, outcome, decision);
                        // Drivers named after the last round have no price yet.
                        let known = self.solver.problem().drivers();
                        self.last = source.worth(&self.assignment, known);
                        self.last_at = window.now;
                        certify(&self.solver, &self.assignment, decision);
                        decision.price(|driver| worth(&self.last, driver));
                    }
                    Err(_too_large) => {
                        // It says so: the decision is the fallback's.
                        decision.policy = self.fallback.name().into();
                        self.fallback.assign(window, *supply.borrow_mut(), decision);
                    }
                }
            }
        }
    }
}

impl Batch {
    /// Forgets prices of riders who need not be there any more.
    fn forget_prices(&mut self, window: &Window<'_>) {
        let hold = Millis(window.every.get().saturating_mul(PRICES_HOLD));
        let nobody = window.kind == WindowKind::Immediate && window.others == 0;
        if nobody || window.now.since(self.last_at) > hold {
            self.last.clear();
        }
    }

    /// Each rider in turn gets whoever is cheapest at the prices of the last batch.
    fn assign_at_once(
        &mut self,
        window: &Window<'_>,
        supply: &mut dyn Supply,
        decision: &mut Decision,
    ) {
        let (mut taken, mut lost): (Vec<DriverId>, u64) = (Vec::new(), 0);
        for rider in &window.riders {
            let mut edges: Vec<Edge> = Vec::new();
            let mut candidates = window.candidates(rider);
            let mut best: Option<(u64, Edge)> = None;
            loop {
                let seen = edges.len();
                candidates.more(supply, &mut edges);
                decision.spent.rounds += 1;
                for edge in &edges[seen..] {
                    let price = self.last.get(&edge.driver).map_or(0, |price| price.get());
                    let total = edge.cost.get() + u64::from(price);
                    let rank = (total, edge.driver);
                    let better = best.as_ref().is_none_or(|(t, best)| rank < (*t, best.driver));
                    if better && total <= rider.price.get() && !taken.contains(&edge.driver) {
                        best = Some((total, *edge));
                    }
                }
                let limit = best.as_ref().map_or(rider.price.get(), |(total, _)| *total);
                if candidates.cost_bound().is_none_or(|bound| bound.get() > limit) {
                    break;
                }
            }
            decision.spent.etas += edges.len() as u64;
            let chosen = best.map(|(_, edge)| edge);
            let cheapest = edges.iter().map(|edge| edge.cost).min().unwrap_or(rider.price);
            let paid = chosen.map_or(rider.price, |edge| edge.cost);
            lost += paid.get().saturating_sub(cheapest.min(rider.price).get());
            taken.extend(chosen.map(|edge| edge.driver));
            decision.decide(rider, &edges, chosen.as_ref());
        }
        decision.proof = Proof::Within(Millis(lost));
        decision.price(|driver| worth(&self.last, driver));
    }
}

/// Tells a decision what its riders are worth, and what each adds to the gap if there is one.
fn certify(solver: &Lazy<Auction>, assignment: &Assignment, decision: &mut Decision) {
    let Some(certificate) = assignment.certificate() else { return };
    let riders = || (0..).map(RiderIx).take(assignment.mates().len());
    let millis = |cost: Cost| Millis(cost.get().into());
    decision.certificate.values = riders().map(|rider| millis(certificate.rider(rider))).collect();
    if decision.proof != Proof::Within(Millis::ZERO) {
        decision.certificate.lacks =
            riders().map(|rider| millis(solver.lack(rider, certificate))).collect();
    }
}

fn worth(prices: &HashMap<DriverId, Cost, FixedState>, driver: &DriverId) -> Millis {
    Millis(prices.get(driver).map_or(0, |price| price.get().into()))
}

/// The candidates of a window, as the solver asks for them.
struct Source<'w, 's, 'b> {
    riders: &'w [WaitingRider<'w>],
    supply: &'s RefCell<&'b mut (dyn Supply + 'b)>,
    rows: Vec<Row<'w>>,
    last: &'s HashMap<DriverId, Cost, FixedState>,
    /// Drivers by the numbers that the solver knows them by, and the numbers.
    drivers: Vec<DriverId>,
    numbers: HashMap<DriverId, DriverIx, FixedState>,
    /// Whether the host has said that it has taken long enough.
    pace: Pace,
    spent: Spent,
    named: Vec<Named>,
    costs: Vec<Option<Edge>>,
}

/// The candidates of one rider.
struct Row<'w> {
    candidates: Candidates<'w>,
    named: Vec<(DriverIx, Named)>,
    edges: Vec<Edge>,
}

impl<'w, 's, 'b> Source<'w, 's, 'b> {
    fn new(
        window: &'w Window<'w>,
        supply: &'s RefCell<&'b mut (dyn Supply + 'b)>,
        last: &'s HashMap<DriverId, Cost, FixedState>,
    ) -> Self {
        let row = |rider| {
            let (named, edges) = (Vec::new(), Vec::new());
            Row { candidates: window.candidates(rider), named, edges }
        };
        Self {
            riders: &window.riders,
            rows: window.riders.iter().map(row).collect(),
            supply,
            last,
            drivers: Vec::new(),
            numbers: HashMap::with_hasher(FixedState::with_seed(0)),
            pace: Pace::GoOn,
            spent: Spent::default(),
            named: Vec::new(),
            costs: Vec::new(),
        }
    }

    fn solve(
        &mut self,
        solver: &mut Lazy<Auction>,
        prices: &mut Prices,
        assignment: &mut Assignment,
    ) -> Result<LazyOutcome, ProblemError> {
        prices.clear();
        let unmatched: Vec<Cost> = self.riders.iter().map(|rider| cost(rider.price)).collect();
        let supply = self.supply;
        let mut budget = |spent: crate::matching::Spent| {
            let spent = Spent { rounds: spent.rounds, etas: spent.asked };
            match supply.borrow_mut().pace(spent) {
                Pace::GoOn => ControlFlow::Continue(()),
                Pace::Stop => ControlFlow::Break(()),
            }
        };
        solver.solve(&unmatched, self, prices, assignment, &mut budget)
    }

    fn number(&mut self, driver: DriverId) -> DriverIx {
        let next = DriverIx(u32::try_from(self.drivers.len()).unwrap_or(u32::MAX));
        let number = *self.numbers.entry(driver).or_insert(next);
        if number == next {
            self.drivers.push(driver);
        }
        number
    }

    /// Tells the decision what came of it.
    fn tell(&self, assignment: &Assignment, outcome: LazyOutcome, decision: &mut Decision) {
        let mates = assignment.mates().iter();
        for ((rider, row), mate) in self.riders.iter().zip(&self.rows).zip(mates) {
            let driver = mate.and_then(|mate| self.drivers.get(mate.0 as usize));
            let chosen = driver.and_then(|driver| row.edges.iter().find(|e| e.driver == *driver));
            decision.decide(rider, &row.edges, chosen);
        }
        let (rounds, etas) = (outcome.spent.rounds, outcome.spent.asked);
        decision.spent = Spent { rounds, etas };
        decision.proof = Proof::Within(Millis(outcome.gap.unsigned_abs()));
    }

    /// What drivers are worth beside their use, if anything.
    fn worth(&self, assignment: &Assignment, known: usize) -> HashMap<DriverId, Cost, FixedState> {
        let mut worth = HashMap::with_hasher(FixedState::with_seed(0));
        if let Some(certificate) = assignment.certificate() {
            for (number, driver) in (0..).map(DriverIx).zip(self.drivers.iter().take(known)) {
                let price = certificate.driver(number);
                if price > Cost::ZERO {
                    worth.insert(*driver, price);
                }
            }
        }
        worth
    }
}

impl EdgeSource for Source<'_, '_, '_> {
    fn candidates(&mut self, rider: RiderIx, count: usize, found: &mut Vec<Candidate>) -> Next {
        let at = rider.0 as usize;
        let before = found.len();
        self.pace = match self.pace {
            Pace::GoOn => self.supply.borrow_mut().pace(self.spent),
            Pace::Stop => Pace::Stop,
        };
        while self.pace == Pace::GoOn && found.len() == before {
            let mut named = std::mem::take(&mut self.named);
            named.clear();
            self.rows[at].candidates.name(*self.supply.borrow_mut(), count, &mut named);
            for candidate in &named {
                let driver = self.number(candidate.driver);
                let row = &mut self.rows[at];
                // Who moved meanwhile may come twice.
                if row.named.iter().all(|(known, _)| *known != driver) {
                    row.named.push((driver, *candidate));
                    found.push(Candidate { driver, at_least: cost(candidate.at_least) });
                }
            }
            let nobody = named.is_empty();
            self.named = named;
            if nobody {
                break;
            }
        }
        match self.rows[at].candidates.cost_bound() {
            Some(bound) => Next::AtLeast(cost(bound)),
            None => Next::Exhausted,
        }
    }

    fn costs(&mut self, rider: RiderIx, drivers: &[DriverIx], costs: &mut Vec<Option<Cost>>) {
        let row = &mut self.rows[rider.0 as usize];
        self.named.clear();
        let find = |driver| row.named.iter().find(|(known, _)| known == driver);
        self.named.extend(drivers.iter().filter_map(find).map(|(_, named)| *named));
        self.costs.clear();
        row.candidates.cost(&self.named, &mut self.costs);
        self.spent.etas += self.costs.len() as u64;
        costs.extend(self.costs.iter().map(|edge| edge.map(|edge| cost(edge.cost))));
        row.edges.extend(self.costs.iter().flatten());
    }

    fn last_price(&self, driver: DriverIx) -> Cost {
        let id = self.drivers.get(driver.0 as usize);
        id.and_then(|id| self.last.get(id)).copied().unwrap_or(Cost::ZERO)
    }
}

/// A cost as the solver has it: both are whole milliseconds, and end at the same limit.
fn cost(cost: Millis) -> Cost {
    Cost::saturating(i64::try_from(cost.get()).unwrap_or(i64::MAX))
}
