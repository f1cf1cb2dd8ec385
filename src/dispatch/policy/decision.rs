//! What a policy chose, and from among whom: enough to explain it, and to solve it again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{WaitingRider, WindowKind};
use crate::dispatch::candidates::Edge;
use crate::dispatch::costs::Terms;
use crate::dispatch::supply::{Pace, Spent};
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
#[derive(Clone, Debug)]
pub struct Decision {
    /// Which policy.
    pub policy: Cow<'static, str>,
    /// When.
    pub at: Timestamp,
    /// Whether the window was gathered.
    pub kind: WindowKind,
    /// For whom.
    pub riders: Vec<WeighedRider>,
    /// Who was considered at all, in the order in which they first were.
    pub drivers: Vec<DriverId>,
    /// From among whom: see [`Decision::edges_of`].
    pub edges: Vec<Considered>,
    /// Edges that were considered and not kept.
    pub dropped: usize,
    /// What is known about how good it is.
    pub proof: Proof,
    /// What proves it.
    pub certificate: Certificate,
    /// Whether the host said that it has taken long enough.
    pub pace: Pace,
    /// What it took.
    pub spent: Spent,
    /// Numbers of drivers, while it is made.
    numbers: HashMap<DriverId, DriverNumber, FixedState>,
}

/// The place of a driver in [`Decision::drivers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverNumber(pub u32);

/// The dual values that a decision was made with: what [`crate::matching::Certificate`] says, by the
/// numbers of the decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// What each rider is worth at most, in the order of [`Decision::riders`]; empty if that was not
    /// asked: a request that does not wait, or a policy without prices.
    pub values: Vec<Millis>,
    /// By how much a driver who was not weighed may cost less than each rider is worth: what the rider
    /// adds to the gap. Empty if there is none.
    pub lacks: Vec<Millis>,
    /// What each driver's time costs beside its use, in the order of [`Decision::drivers`]; empty for
    /// a policy without prices.
    pub prices: Vec<Millis>,
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
    pub driver: DriverNumber,
    /// The number of the trip that would be finished first, in the same market.
    pub after: Option<u64>,
    /// The way to the pickup.
    pub pickup: Pickup,
    /// What it would have cost.
    pub cost: Millis,
    /// How that comes about.
    pub terms: Terms,
}

/// One choice: ask this driver for this trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// For which trip.
    pub trip: TripId,
    /// Whom.
    pub driver: DriverId,
    /// The trip that is to be finished first.
    pub after: Option<TripId>,
    /// The way to the pickup.
    pub pickup: Pickup,
    /// What it costs.
    pub cost: Millis,
}

/// A driver in an explanation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// Who, with the cost.
    pub edge: Edge,
    /// The trip that the driver was given in the same decision.
    pub given: Option<TripId>,
}

/// Why a trip was offered to whom, or to nobody.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The trip.
    pub trip: TripId,
    /// When it was decided.
    pub at: Timestamp,
    /// By which policy.
    pub policy: Cow<'static, str>,
    /// How long it had waited.
    pub waiting: Millis,
    /// What it would have cost to leave it out.
    pub price: Millis,
    /// Who was considered, cheapest first.
    pub considered: Vec<Alternative>,
    /// Which of them was asked.
    pub chosen: Option<usize>,
    /// Who would have been next: the cheapest whom nobody else was given.
    pub next: Option<usize>,
    /// How good the whole batch was.
    pub proof: Proof,
}

impl Decision {
    /// An empty decision.
    pub fn new(policy: impl Into<Cow<'static, str>>, at: Timestamp, kind: WindowKind) -> Self {
        Self {
            policy: policy.into(),
            at,
            kind,
            riders: Vec::new(),
            drivers: Vec::new(),
            edges: Vec::new(),
            dropped: 0,
            proof: Proof::None,
            certificate: Certificate::default(),
            pace: Pace::GoOn,
            spent: Spent::default(),
            numbers: HashMap::with_hasher(FixedState::with_seed(0)),
        }
    }

    /// Notes what was chosen for the next rider: one of `edges`, or none of them.
    pub fn decide(&mut self, rider: &WaitingRider<'_>, edges: &[Edge], chosen: Option<&Edge>) {
        let mut order: Vec<&Edge> = edges.iter().collect();
        // Who moved while the window was open may have come twice: the cheaper counts.
        order.sort_unstable_by_key(|edge| (edge.driver, edge.cost));
        order.dedup_by_key(|edge| edge.driver);
        order.sort_unstable_by_key(|edge| (edge.cost, edge.driver));
        let place = |order: &[&Edge]| {
            chosen.and_then(|chosen| order.iter().position(|edge| edge.driver == chosen.driver))
        };
        let room = limits::MAX_DECISION_EDGES.saturating_sub(self.edges.len());
        let room = room.max(limits::MIN_EXPLAINED_EDGES);
        if order.len() > room {
            self.dropped += order.len() - room;
            // The chosen one stays, in the place of the dearest of those kept.
            match place(&order) {
                Some(at) if at >= room => order.swap(room - 1, at),
                _ => {}
            }
            order.truncate(room);
        }
        let (first, chosen) = (self.edges.len(), place(&order));
        for edge in &order {
            let driver = self.number(edge.driver);
            let after = edge.after.map(TripId::number);
            let &&Edge { pickup, cost, terms, .. } = edge;
            self.edges.push(Considered { driver, after, pickup, cost, terms });
        }
        let WaitingRider { trip, waiting, price, .. } = *rider;
        let count = order.len();
        self.riders.push(WeighedRider { trip, waiting, price, first, count, chosen });
    }

    /// Notes the prices of the drivers, once all riders are decided.
    pub fn price(&mut self, price: impl Fn(&DriverId) -> Millis) {
        self.certificate.prices = self.drivers.iter().map(price).collect();
    }

    fn number(&mut self, driver: DriverId) -> DriverNumber {
        let next = DriverNumber(u32::try_from(self.drivers.len()).unwrap_or(u32::MAX));
        let number = *self.numbers.entry(driver).or_insert(next);
        if number == next {
            self.drivers.push(driver);
        }
        number
    }

    /// A driver by number.
    ///
    /// # Panics
    /// If the number is another decision's.
    pub fn driver(&self, number: DriverNumber) -> DriverId {
        self.drivers[number.0 as usize]
    }

    /// The edges of a rider.
    pub fn edges_of(&self, rider: &WeighedRider) -> &[Considered] {
        self.edges.get(rider.first..rider.first + rider.count).unwrap_or_default()
    }

    /// What was chosen, in the order of the window.
    pub fn choices(&self) -> impl Iterator<Item = Choice> + '_ {
        self.riders.iter().filter_map(|rider| {
            let edge = self.edges_of(rider).get(rider.chosen?)?;
            Some(Choice {
                trip: rider.trip,
                driver: self.driver(edge.driver),
                after: edge.after.map(|number| rider.trip.market().trip(number)),
                pickup: edge.pickup,
                cost: edge.cost,
            })
        })
    }

    /// The sum of the costs of what was chosen and of the prices of those left out.
    pub fn total(&self) -> i64 {
        let costs = self.riders.iter().map(|rider| {
            let chosen = rider.chosen.and_then(|chosen| self.edges_of(rider).get(chosen));
            chosen.map_or(rider.price, |edge| edge.cost)
        });
        // Each is at most 2^30 and there are at most 2^16 of them, unless a log says otherwise.
        costs.fold(0, |sum, cost| {
            i64::saturating_add(sum, i64::try_from(cost.get()).unwrap_or(i64::MAX))
        })
    }

    /// Why a trip was offered to whom; none if it was not in this batch.
    pub fn explain(&self, trip: TripId) -> Option<Explanation> {
        let rider = self.riders.iter().find(|rider| rider.trip == trip)?;
        let given: BTreeMap<DriverId, TripId> =
            self.choices().map(|choice| (choice.driver, choice.trip)).collect();
        let alternative = |edge: &Considered| Alternative {
            edge: Edge {
                driver: self.driver(edge.driver),
                pickup: edge.pickup,
                after: edge.after.map(|number| trip.market().trip(number)),
                cost: edge.cost,
                terms: edge.terms,
            },
            given: given.get(&self.driver(edge.driver)).copied(),
        };
        let considered: Vec<Alternative> = self.edges_of(rider).iter().map(alternative).collect();
        Some(Explanation {
            trip,
            at: self.at,
            policy: self.policy.clone(),
            waiting: rider.waiting,
            price: rider.price,
            next: considered.iter().position(|alternative| alternative.given.is_none()),
            considered,
            chosen: rider.chosen,
            proof: self.proof,
        })
    }

    /// How much there is to remember: riders and edges.
    pub fn rows(&self) -> usize {
        self.edges.len() + self.riders.len()
    }
}
