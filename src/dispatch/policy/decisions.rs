//! The last decisions of a market, numbered as they were made.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Decision, Explanation};
use crate::ids::TripId;
use crate::limits;

/// What a market remembers of what it decided.
#[derive(Debug, Default)]
pub(in crate::dispatch) struct Decisions {
    kept: VecDeque<Arc<Decision>>,
    rows: usize,
    /// How many were made, those forgotten too.
    made: u64,
}

impl Decisions {
    /// Remembers a decision, and forgets the oldest beyond [`limits::MAX_DECISIONS`] and
    /// [`limits::MAX_REMEMBERED_ROWS`].
    pub(in crate::dispatch) fn keep(&mut self, decision: Decision) {
        self.rows += decision.rows();
        self.kept.push_back(Arc::new(decision));
        self.made += 1;
        while self.kept.len() > limits::MAX_DECISIONS
            || (self.kept.len() > 1 && self.rows > limits::MAX_REMEMBERED_ROWS)
        {
            let oldest = self.kept.pop_front();
            self.rows -= oldest.map_or(0, |oldest| oldest.rows());
        }
    }

    /// How many were made.
    pub(in crate::dispatch) fn made(&self) -> u64 {
        self.made
    }

    /// Those remembered of all but the first `count` that were made, in order.
    pub(in crate::dispatch) fn after(&self, count: u64) -> impl Iterator<Item = &Arc<Decision>> {
        let fresh = usize::try_from(self.made.saturating_sub(count)).unwrap_or(usize::MAX);
        self.kept.range(self.kept.len().saturating_sub(fresh)..)
    }

    /// The last one.
    pub(in crate::dispatch) fn last(&self) -> Option<&Decision> {
        self.kept.back().map(Arc::as_ref)
    }

    /// What the last one that a trip was part of says of it.
    pub(in crate::dispatch) fn explain(&self, trip: TripId) -> Option<Explanation> {
        self.kept.iter().rev().find_map(|decision| decision.explain(trip))
    }
}
