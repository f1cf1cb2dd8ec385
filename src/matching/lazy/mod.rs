//! Column generation: optimal over all drivers, though the cost of few edges is asked for.
//!
//! Solve with about ten edges a rider. An edge that is not among them can make the whole cheaper
//! only if it costs less than its rider is worth less its driver's price, both of which the
//! certificate tells. So each rider is given further edges while a bound says that one may; when no
//! rider wants any, the assignment is optimal over all drivers, and the same certificate proves it.

mod row;
mod source;

use std::ops::ControlFlow;

pub use source::{Candidate, EdgeSource, Next};

use super::assignment::{Assignment, Certificate};
use super::prices::Prices;
use super::problem::{Problem, ProblemError};
use super::types::{Cost, DriverIx, RiderIx, narrow};
use super::{Auction, Exact};
use crate::limits;
use row::Row;

/// How edges are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LazyConfig {
    /// How many candidates a rider has to begin with.
    pub first: usize,
    /// How many edges a rider may be given in one round, at least.
    pub step: usize,
    /// The same as a part of the edges that the rider has, in percent.
    pub growth_percent: usize,
    /// How many riders may be given an edge to the same driver in one round: those beyond ask for
    /// others first, so that a crowd does not ask for the same few. At least one.
    pub crowd: u32,
}

impl Default for LazyConfig {
    fn default() -> Self {
        Self { first: 10, step: 5, growth_percent: 50, crowd: 16 }
    }
}

/// What has been done so far: what a budget decides by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// How often the problem has been solved.
    pub rounds: u32,
    /// How many candidates have been named.
    pub named: u64,
    /// For how many edges the cost was asked.
    pub asked: u64,
}

/// How far the search for edges has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LazyOutcome {
    /// What it took.
    pub spent: Spent,
    /// By how much the assignment may be dearer than the cheapest over all drivers, in
    /// milliseconds: 0 if it is proven, more only if the budget ended it.
    pub gap: i64,
}

/// Solves with as few edges as the proof needs.
///
/// # Guarantees
/// Without a budget's stop, the assignment is the cheapest over all candidates that the source has,
/// named or not. The rule of ties, that as many riders are matched as possible, is kept over the
/// edges that were asked for: others of equal cost are not looked for.
///
/// # References
/// Column generation with bounds: U, Yiu, Mouratidis & Mamoulis, "Capacity constrained assignment
/// in spatial databases", SIGMOD 2008; Ahuja, Magnanti & Orlin, "Network Flows", 1993,
/// section 17.5 (pricing out).
#[derive(Clone, Debug)]
pub struct Lazy<S = Auction> {
    solver: S,
    config: LazyConfig,
    rows: Vec<Row>,
    problem: Problem,
    drivers: usize,
    spent: Spent,
    scratch: Scratch,
}

/// Reused from rider to rider.
#[derive(Clone, Debug, Default)]
struct Scratch {
    chosen: Vec<DriverIx>,
    costs: Vec<Option<Cost>>,
    /// By driver: how many edges to it were asked for in this round.
    given: Vec<u32>,
}

impl<S: Exact + Default> Default for Lazy<S> {
    fn default() -> Self {
        Self::new(S::default(), LazyConfig::default())
    }
}

impl<S: Exact> Lazy<S> {
    /// With this solver and these settings.
    pub fn new(solver: S, config: LazyConfig) -> Self {
        Self {
            solver,
            config,
            rows: Vec::new(),
            problem: Problem::default(),
            drivers: 0,
            spent: Spent::default(),
            scratch: Scratch::default(),
        }
    }

    /// The edges that were asked for, as a problem: what the assignment is one of.
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The solver.
    pub const fn solver(&self) -> &S {
        &self.solver
    }

    /// By how much an edge that the last round did not have may cost less than a rider is worth by the
    /// certificate of that round: what the rider adds to the gap.
    ///
    /// # Panics
    /// If the last problem had no such rider.
    pub fn lack(&self, rider: RiderIx, certificate: &Certificate) -> Cost {
        let row = &self.rows[rider.0 as usize];
        Cost::computed(row.lack(certificate.rider(rider).get(), &certificate.drivers))
    }

    /// Assigns drivers to riders, of whom each costs so much if left unmatched.
    ///
    /// Pairs in `prices` are where the first round starts; prices come from
    /// [`EdgeSource::last_price`]. The budget is asked after the first round and before each rider
    /// is given further edges. If it says to stop, or [`limits::MAX_BATCH_CANDIDATES`] have been
    /// named, the last round's assignment stands, and the gap says how far it may be from the
    /// cheapest.
    ///
    /// # Errors
    /// [`ProblemError`] if there are more riders, drivers or edges than one batch can have.
    pub fn solve(
        &mut self,
        unmatched: &[Cost],
        source: &mut dyn EdgeSource,
        prices: &mut Prices,
        assignment: &mut Assignment,
        budget: &mut dyn FnMut(Spent) -> ControlFlow<()>,
    ) -> Result<LazyOutcome, ProblemError> {
        self.begin(unmatched, source, prices)?;
        loop {
            self.problem.reset(self.drivers)?;
            for (row, &unmatched) in self.rows.iter_mut().zip(unmatched) {
                self.problem.add_rider(unmatched, row.settle())?;
            }
            self.solver.solve_into(&self.problem, prices, assignment);
            self.spent.rounds += 1;
            let none = Certificate::default();
            let certificate = assignment.certificate().unwrap_or(&none);
            let before = self.spent.asked;
            let stopped = self.extend(certificate, source, prices, budget)?.is_break();
            if stopped || self.spent.asked == before {
                return Ok(LazyOutcome { spent: self.spent, gap: self.gap(certificate) });
            }
        }
    }

    /// The first candidates of each rider.
    fn begin(
        &mut self,
        unmatched: &[Cost],
        source: &mut dyn EdgeSource,
        prices: &mut Prices,
    ) -> Result<(), ProblemError> {
        self.spent = Spent::default();
        self.drivers = 0;
        self.scratch.given.clear();
        prices.drivers.clear();
        self.rows.resize_with(unmatched.len(), Row::default);
        for (rider, &most) in (0..).map(RiderIx).zip(unmatched) {
            self.rows[rider.0 as usize].clear();
            self.name(rider, self.config.first, source, prices)?;
            let row = &mut self.rows[rider.0 as usize];
            row.choose(usize::MAX, &mut self.scratch.chosen, |at_least, _| at_least <= most.get());
            self.ask(rider, source);
        }
        Ok(())
    }

    /// Gives edges to each rider for whom one not asked for may be better than what they have.
    fn extend(
        &mut self,
        certificate: &Certificate,
        source: &mut dyn EdgeSource,
        prices: &mut Prices,
        budget: &mut dyn FnMut(Spent) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ProblemError> {
        self.scratch.given.fill(0);
        for (rider, value) in (0..).map(RiderIx).zip(&certificate.riders) {
            if !self.rows[rider.0 as usize].wants(value.get(), &certificate.drivers) {
                continue;
            }
            if self.spent.named >= limits::MAX_BATCH_CANDIDATES || budget(self.spent).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            while !self.choose(rider, *value, certificate)
                && self.rows[rider.0 as usize].may_follow(value.get())
            {
                let count = self.rows[rider.0 as usize].named().max(self.config.first).max(1);
                if !self.name(rider, count, source, prices)? {
                    break;
                }
            }
            self.ask(rider, source);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Chooses candidates of a rider who may cost less, with the price, than the rider is worth;
    /// whether there are any.
    fn choose(&mut self, rider: RiderIx, value: Cost, certificate: &Certificate) -> bool {
        let Self { rows, scratch: Scratch { chosen, given, .. }, config, .. } = self;
        let row = &mut rows[rider.0 as usize];
        let part = row.len() * config.growth_percent / 100;
        row.choose(part.max(config.step).max(1), chosen, |at_least, driver| {
            let given = &mut given[driver.0 as usize];
            let may = at_least + price(&certificate.drivers, driver) < value.get()
                && *given < config.crowd.max(1);
            *given += u32::from(may);
            may
        });
        !chosen.is_empty()
    }

    /// Has the source name further candidates of a rider; whether anything is known now that was
    /// not before.
    fn name(
        &mut self,
        rider: RiderIx,
        count: usize,
        source: &mut dyn EdgeSource,
        prices: &mut Prices,
    ) -> Result<bool, ProblemError> {
        let row = &mut self.rows[rider.0 as usize];
        let before = row.next();
        let named = row.name(rider, count, source);
        self.spent.named += named.len() as u64;
        for candidate in named {
            let driver = candidate.driver.0 as usize;
            if driver >= limits::MAX_BATCH_DRIVERS {
                return Err(ProblemError::TooManyDrivers { count: driver.saturating_add(1) });
            }
            while self.drivers <= driver {
                let driver = DriverIx(narrow(self.drivers));
                prices.set_price(driver, source.last_price(driver));
                self.scratch.given.push(0);
                self.drivers += 1;
            }
        }
        Ok(!named.is_empty() || row.next() != before)
    }

    /// Asks for the costs of the candidates chosen.
    fn ask(&mut self, rider: RiderIx, source: &mut dyn EdgeSource) {
        let Scratch { chosen, costs, .. } = &mut self.scratch;
        if chosen.is_empty() {
            return;
        }
        self.spent.asked += chosen.len() as u64;
        costs.clear();
        source.costs(rider, chosen, costs);
        self.rows[rider.0 as usize].learn(chosen, costs);
    }

    /// By how much the certificate's bound falls if each rider is worth no more than any edge that
    /// the last round did not have could cost.
    fn gap(&self, certificate: &Certificate) -> i64 {
        let values = certificate.riders.iter().zip(&self.rows);
        values.map(|(value, row)| i64::from(row.lack(value.get(), &certificate.drivers))).sum()
    }
}

/// The price of a driver; 0 for one whom the last round did not have.
#[inline]
fn price(prices: &[Cost], driver: DriverIx) -> u32 {
    prices.get(driver.0 as usize).map_or(0, |price| price.get())
}
