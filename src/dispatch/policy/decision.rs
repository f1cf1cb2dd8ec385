//! What a policy chose, and from among whom: enough to explain it, and to solve it again.

use std::collections::{BTreeMap, VecDeque};

use super::{WaitingRider, WindowKind};
use crate::dispatch::candidates::Edge;
use crate::dispatch::costs::Terms;
use crate::dispatch::supply::Spent;
use crate::dispatch::trip::Pickup;
use crate::ids::{DriverId, TripId};
use crate::limits;
use crate::units::{Millis, Timestamp};

/// A batch as it was decided.
///
/// # Guarantees
/// Riders stand in the order of the window. Their edges stand one rider after the other, cheapest
/// first, ties in the order of ids. At most [`limits::MAX_DECISION_EDGES`] edges are kept, and for
/// each rider the cheapest few and the one that was chosen however large the batch; what was left
/// out is counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Which policy.
    pub policy: &'static str,
    /// When.
    pub at: Timestamp,
    /// Whether the window was gathered.
    pub kind: WindowKind,
    /// For whom.
    pub riders: Vec<WeighedRider>,
    /// From among whom: see [`WeighedRider::edges`].
    pub edges: Vec<Considered>,
    /// Edges that were considered and not kept.
    pub dropped: usize,
    /// What is known about how good it is.
    pub proof: Proof,
    /// What it took.
    pub spent: Spent,
    /// Who got whom.
    given: BTreeMap<DriverId, TripId>,
}

/// How good a decision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing is known: the policy does not look for the optimum.
    None,
    /// The sum of all costs and of the prices of those left out is at most this much above the least
    /// possible, over all drivers; zero: it is optimal.
    Within(Millis),
}

/// A rider of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeighedRider {
    /// The trip.
    pub trip: TripId,
    /// How long it had waited.
    pub waiting: Millis,
    /// What it would have cost to leave it out.
    pub price: Millis,
    /// Where its edges begin in [`Decision::edges`].
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// Which of them was chosen.
    pub chosen: Option<usize>,
}

/// A driver who was considered for a rider.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Considered {
    /// Who.
    pub driver: DriverId,
    /// The way to the pickup.
    pub pickup: Pickup,
    /// The trip that would be finished first.
    pub after: Option<TripId>,
    /// What it would have cost.
    pub cost: Millis,
    /// How that comes about.
    pub terms: Terms,
}

impl From<&Edge> for Considered {
    fn from(edge: &Edge) -> Self {
        let &Edge { driver, pickup, after, cost, terms } = edge;
        Self { driver, pickup, after, cost, terms }
    }
}

/// One choice: ask this driver for this trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// For which trip.
    pub trip: TripId,
    /// Whom, and why.
    pub driver: Considered,
}

/// Why a trip was offered to whom, or to nobody.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The trip.
    pub trip: TripId,
    /// When it was decided.
    pub at: Timestamp,
    /// By which policy.
    pub policy: &'static str,
    /// How long it had waited.
    pub waiting: Millis,
    /// What it would have cost to leave it out.
    pub price: Millis,
    /// Who was considered, cheapest first; each with the trip that it was offered in this batch.
    pub considered: Vec<(Considered, Option<TripId>)>,
    /// Which of them was asked.
    pub chosen: Option<usize>,
    /// Who would have been next: the cheapest whom nobody else was given.
    pub next: Option<usize>,
    /// How good the whole batch was.
    pub proof: Proof,
}

impl Decision {
    /// An empty decision.
    pub fn new(policy: &'static str, at: Timestamp, kind: WindowKind) -> Self {
        Self {
            policy,
            at,
            kind,
            riders: Vec::new(),
            edges: Vec::new(),
            dropped: 0,
            proof: Proof::None,
            spent: Spent::default(),
            given: BTreeMap::new(),
        }
    }

    /// Notes what was chosen for the next rider: one of `edges`, or none of them.
    pub fn decide(&mut self, rider: &WaitingRider<'_>, edges: &[Edge], chosen: Option<&Edge>) {
        let mut kept: Vec<Considered> = edges.iter().map(Considered::from).collect();
        kept.sort_by_key(|edge| (edge.cost, edge.driver));
        kept.dedup_by_key(|edge| edge.driver);
        let place = |kept: &[Considered]| {
            chosen.and_then(|chosen| kept.iter().position(|edge| edge.driver == chosen.driver))
        };
        let room = limits::MAX_DECISION_EDGES.saturating_sub(self.edges.len());
        let room = room.max(limits::MIN_EXPLAINED_EDGES);
        if kept.len() > room {
            self.dropped += kept.len() - room;
            // The chosen one stays, in the place of the dearest of those kept.
            match place(&kept) {
                Some(at) if at >= room => kept.swap(room - 1, at),
                _ => {}
            }
            kept.truncate(room);
        }
        let chosen = place(&kept);
        if let Some(edge) = chosen.and_then(|at| kept.get(at)) {
            self.given.insert(edge.driver, rider.trip);
        }
        self.riders.push(WeighedRider {
            trip: rider.trip,
            waiting: rider.waiting,
            price: rider.price,
            first: self.edges.len(),
            count: kept.len(),
            chosen,
        });
        self.edges.append(&mut kept);
    }

    /// The edges of a rider.
    pub fn edges_of(&self, rider: &WeighedRider) -> &[Considered] {
        self.edges.get(rider.first..rider.first + rider.count).unwrap_or_default()
    }

    /// What was chosen, in the order of the window.
    pub fn choices(&self) -> impl Iterator<Item = Choice> + '_ {
        self.riders.iter().filter_map(|rider| {
            let driver = *self.edges_of(rider).get(rider.chosen?)?;
            Some(Choice { trip: rider.trip, driver })
        })
    }

    /// The sum of the costs of what was chosen and of the prices of those left out.
    pub fn total(&self) -> i64 {
        let costs = self.riders.iter().map(|rider| {
            let chosen = rider.chosen.and_then(|chosen| self.edges_of(rider).get(chosen));
            chosen.map_or(rider.price, |edge| edge.cost)
        });
        // Each is at most 2^30 and there are at most 2^16 of them.
        costs.map(|cost| i64::try_from(cost.get()).unwrap_or(i64::MAX)).sum()
    }

    /// Why a trip was offered to whom; none if it was not in this batch.
    pub fn explain(&self, trip: TripId) -> Option<Explanation> {
        let rider = self.riders.iter().find(|rider| rider.trip == trip)?;
        let considered: Vec<(Considered, Option<TripId>)> = self
            .edges_of(rider)
            .iter()
            .map(|edge| (*edge, self.given.get(&edge.driver).copied()))
            .collect();
        Some(Explanation {
            trip,
            at: self.at,
            policy: self.policy,
            waiting: rider.waiting,
            price: rider.price,
            next: considered.iter().position(|(_, given)| given.is_none()),
            considered,
            chosen: rider.chosen,
            proof: self.proof,
        })
    }
}

/// The last decisions of a market.
#[derive(Debug, Default)]
pub(in crate::dispatch) struct Decisions {
    decisions: VecDeque<Decision>,
    edges: usize,
}

impl Decisions {
    /// Remembers a decision, and forgets the oldest beyond [`limits::MAX_DECISIONS`] and
    /// [`limits::MAX_REMEMBERED_EDGES`].
    pub(in crate::dispatch) fn keep(&mut self, decision: Decision) {
        self.edges += decision.edges.len();
        self.decisions.push_back(decision);
        while self.decisions.len() > limits::MAX_DECISIONS
            || (self.decisions.len() > 1 && self.edges > limits::MAX_REMEMBERED_EDGES)
        {
            let oldest = self.decisions.pop_front();
            self.edges -= oldest.map_or(0, |oldest| oldest.edges.len());
        }
    }

    /// The last one.
    pub(in crate::dispatch) fn last(&self) -> Option<&Decision> {
        self.decisions.back()
    }

    /// What the last one that a trip was part of says of it.
    pub(in crate::dispatch) fn explain(&self, trip: TripId) -> Option<Explanation> {
        self.decisions.iter().rev().find_map(|decision| decision.explain(trip))
    }
}
