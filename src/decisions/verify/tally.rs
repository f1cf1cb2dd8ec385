//! What was checked, counted; and how much there was to check.

use super::{Difference, Unverifiable, Verdict};
use crate::dispatch::Pace;
use crate::dispatch::policy::{Considered, Decision, WindowKind};
use crate::records::LogEntry;

/// What came of checking a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Checked {
    /// Decisions read.
    pub decisions: u64,
    /// Those that are what they claim to be.
    pub verified: u64,
    /// Those of which edges were left out: they can be carried out, and no more can be told.
    pub truncated: u64,
    /// Those of policies that are not known here and prove nothing.
    pub unproven: u64,
    /// Those that are not what they claim to be.
    pub different: u64,
    /// Decisions that the log says are missing from it.
    pub missing: u64,
    /// How much there was to check.
    pub reach: Reach,
}

/// How much there was to check.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reach {
    /// Riders of all decisions.
    pub riders: u64,
    /// Of them, those who got a driver.
    pub assigned: u64,
    /// Edges of all decisions.
    pub edges: u64,
    /// Edges of drivers who finish a trip first.
    pub back_to_back: u64,
    /// Decisions about a request that does not wait.
    pub immediate: u64,
    /// Decisions in which somebody did not get the cheapest driver.
    pub contended: u64,
    /// Decisions that asked for further edges after a first solution.
    pub extended: u64,
    /// Decisions in which the two best edges of a rider cost the same with their prices.
    pub tied: u64,
    /// Decisions in which somebody got no driver though there were edges.
    pub left_out: u64,
    /// Decisions that were told to stop.
    pub stopped: u64,
}

impl Checked {
    /// Counts an entry, with the verdict if it is a decision.
    pub fn count(&mut self, entry: &LogEntry, verdict: Option<&Verdict>) {
        match entry {
            LogEntry::Missing { decisions, .. } => {
                self.missing = self.missing.saturating_add(*decisions);
            }
            LogEntry::Decided(logged) => {
                self.decisions += 1;
                self.reach.count(&logged.decision);
            }
        }
        match verdict {
            None => {}
            Some(Verdict::Verified) => self.verified += 1,
            Some(Verdict::Unverifiable(Unverifiable::Truncated(_))) => self.truncated += 1,
            Some(Verdict::Unverifiable(Unverifiable::Unproven)) => self.unproven += 1,
            Some(Verdict::Different(_)) => self.different += 1,
        }
    }
}

impl Verdict {
    /// What is different; nothing if nothing is.
    pub fn differences(&self) -> &[Difference] {
        match self {
            Self::Different(differences) => differences,
            Self::Verified | Self::Unverifiable(_) => &[],
        }
    }
}

impl Reach {
    fn count(&mut self, decision: &Decision) {
        let riders = &decision.riders;
        let prices = &decision.certificate.prices;
        self.riders += riders.len() as u64;
        self.assigned += riders.iter().filter(|rider| rider.chosen.is_some()).count() as u64;
        self.edges += decision.edges.len() as u64;
        let behind = decision.edges.iter().filter(|edge| edge.after.is_some()).count();
        self.back_to_back += behind as u64;
        self.immediate += u64::from(decision.kind == WindowKind::Immediate);
        self.stopped += u64::from(decision.pace == Pace::Stop);
        self.extended += u64::from(decision.kind == WindowKind::Batch && decision.spent.rounds > 1);
        self.contended += u64::from(riders.iter().any(|rider| rider.chosen.is_some_and(|i| i > 0)));
        let left = |count: usize, chosen: Option<usize>| count > 0 && chosen.is_none();
        self.left_out += u64::from(riders.iter().any(|rider| left(rider.count, rider.chosen)));
        let tied = riders.iter().any(|rider| {
            let with_price = |edge: &Considered| {
                let price = prices.get(edge.driver.0 as usize).map_or(0, |price| price.get());
                edge.cost.get().saturating_add(price)
            };
            let mut sums: Vec<u64> = decision.edges_of(rider).iter().map(with_price).collect();
            sums.sort_unstable();
            sums.len() > 1 && sums[0] == sums[1]
        });
        self.tied += u64::from(tied);
    }
}
