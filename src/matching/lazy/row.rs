//! What is known of one rider's candidates.

use super::price;
use super::source::{Candidate, EdgeSource, Next};
use crate::matching::{Cost, DriverIx, Edge, RiderIx};

/// The candidates of a rider: those whose cost is known, those with a bound, and the rest.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Those whose cost is known: the last round's in order, then those learnt since.
    edges: Vec<Edge>,
    /// How many of them the last round had.
    settled: usize,
    /// Those of which only a bound is known.
    waiting: Vec<Candidate>,
    /// What is known of the rest.
    next: Next,
    /// How many were named.
    named: usize,
}

impl Default for Row {
    fn default() -> Self {
        let (edges, waiting) = (Vec::new(), Vec::new());
        Self { edges, settled: 0, waiting, next: Next::AtLeast(Cost::ZERO), named: 0 }
    }
}

impl Row {
    /// Nothing is known, in the same memory.
    pub(super) fn clear(&mut self) {
        self.edges.clear();
        self.waiting.clear();
        (self.settled, self.named) = (0, 0);
        self.next = Next::AtLeast(Cost::ZERO);
    }

    /// How many costs are known.
    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// How many candidates were named.
    pub(super) fn named(&self) -> usize {
        self.named
    }

    /// What is known of those who were not named.
    pub(super) fn next(&self) -> Next {
        self.next
    }

    /// Has further candidates named; those.
    pub(super) fn name(
        &mut self,
        rider: RiderIx,
        count: usize,
        source: &mut dyn EdgeSource,
    ) -> &[Candidate] {
        let before = self.waiting.len();
        self.next = source.candidates(rider, count, &mut self.waiting);
        self.named += self.waiting.len() - before;
        &self.waiting[before..]
    }

    /// Whether some edge that the last round did not have may cost less than the rider is worth.
    pub(super) fn wants(&self, value: u32, prices: &[Cost]) -> bool {
        self.lack(value, prices) > 0
    }

    /// By how much an edge that the last round did not have may cost less than the rider is worth.
    pub(super) fn lack(&self, value: u32, prices: &[Cost]) -> u32 {
        let rest = match self.next {
            Next::AtLeast(bound) => bound.get(),
            Next::Exhausted => u32::MAX,
        };
        let waiting = self.waiting.iter().map(|c| c.at_least.get() + price(prices, c.driver));
        let learnt = self.edges[self.settled..].iter();
        let learnt = learnt.map(|edge| edge.cost.get() + price(prices, edge.driver));
        value.saturating_sub(waiting.chain(learnt).min().unwrap_or(u32::MAX).min(rest))
    }

    /// Whether candidates that were not named may cost less than this.
    pub(super) fn may_follow(&self, value: u32) -> bool {
        matches!(self.next, Next::AtLeast(bound) if bound.get() < value)
    }

    /// Moves up to `most` of those with only a bound into `chosen`, in the order in which they were
    /// named, as far as `wanted` says.
    pub(super) fn choose(
        &mut self,
        most: usize,
        chosen: &mut Vec<DriverIx>,
        mut wanted: impl FnMut(u32, DriverIx) -> bool,
    ) {
        chosen.clear();
        self.waiting.retain(|candidate| {
            let moves = chosen.len() < most && wanted(candidate.at_least.get(), candidate.driver);
            if moves {
                chosen.push(candidate.driver);
            }
            !moves
        });
    }

    /// Takes over costs; who is impossible after all is no candidate any more.
    pub(super) fn learn(&mut self, drivers: &[DriverIx], costs: &[Option<Cost>]) {
        let known = drivers.iter().zip(costs);
        self.edges
            .extend(known.filter_map(|(&driver, cost)| cost.map(|cost| Edge::new(driver, cost))));
    }

    /// The edges of the next round, in order.
    pub(super) fn settle(&mut self) -> &[Edge] {
        if self.settled < self.edges.len() {
            self.edges.sort_unstable_by_key(|edge| edge.order());
            self.settled = self.edges.len();
        }
        &self.edges
    }
}
