//! First come, first served: each rider in turn gets whoever is there soonest.
//!
//! What most dispatchers do, and the baseline for those that do better. It looks at the time to the
//! pickup alone and leaves nobody out for the sake of others.

use std::collections::BTreeSet;

use super::{Decision, Policy, Window};
use crate::dispatch::candidates::Edge;
use crate::dispatch::supply::{Pace, Spent, Supply};
use crate::ids::DriverId;

/// When time is up somebody is still looked for, as long as there is one among so many: beyond them a
/// rider waits for the next window, lest a city without a free driver be searched for each.
const STOPPED_AFTER: usize = 64;

/// The policy `greedy`.
#[derive(Debug, Default)]
pub struct Greedy {
    edges: Vec<Edge>,
}

impl Policy for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    fn assign(&mut self, window: &Window<'_>, supply: &mut dyn Supply, decision: &mut Decision) {
        let mut taken: BTreeSet<DriverId> = BTreeSet::new();
        for rider in &window.riders {
            self.edges.clear();
            let mut candidates = window.candidates(rider);
            let mut soonest: Option<Edge> = None;
            loop {
                let seen = self.edges.len();
                candidates.more(supply, &mut self.edges);
                decision.spent.rounds += 1;
                for edge in &self.edges[seen..] {
                    let sooner = soonest.as_ref().is_none_or(|best| rank(edge) < rank(best));
                    if sooner && !taken.contains(&edge.driver) {
                        soonest = Some(*edge);
                    }
                }
                // Nobody who was not looked at yet can be there sooner, or there is nobody.
                let beaten =
                    |bound| soonest.as_ref().is_some_and(|best| best.pickup.duration < bound);
                if candidates.pickup_bound().is_none_or(beaten) {
                    break;
                }
                let spent =
                    Spent { etas: decision.spent.etas + count(&self.edges), ..decision.spent };
                let will_do = soonest.is_some() || self.edges.len() >= STOPPED_AFTER;
                if will_do && supply.pace(spent) == Pace::Stop {
                    break;
                }
            }
            decision.spent.etas += count(&self.edges);
            taken.extend(soonest.as_ref().map(|edge| edge.driver));
            decision.decide(rider, &self.edges, soonest.as_ref());
        }
    }
}

fn rank(edge: &Edge) -> (u64, DriverId) {
    (edge.pickup.duration.get(), edge.driver)
}

fn count(edges: &[Edge]) -> u64 {
    u64::try_from(edges.len()).unwrap_or(u64::MAX)
}
