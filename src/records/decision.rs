//! Decisions as messages and back.

use super::parts::{at, known, parsed, wrong};
use super::{RecordError, proto};
use crate::dispatch::policy::{
    Certificate, Considered, Decision, DriverNumber, Proof, WeighedRider, WindowKind,
};
use crate::dispatch::{Pace, Pickup, Spent, Terms};
use crate::ids::{DriverId, MarketId};
use crate::units::{Meters, Millis, Timestamp};

use proto::log_entry::Entry as P;

/// What stands in a log of decisions.
#[derive(Clone, Debug)]
pub enum LogEntry {
    /// A decision.
    Decided(Box<LoggedDecision>),
    /// Decisions are missing here.
    Missing {
        /// When that was noted.
        at: Timestamp,
        /// How many.
        decisions: u64,
    },
}

/// A decision with its sums as they were written down.
#[derive(Clone, Debug)]
pub struct LoggedDecision {
    /// The decision.
    pub decision: Decision,
    /// What it said of itself: the sum of the costs of what was chosen and of the prices of those left
    /// out.
    pub total: i64,
    /// How many riders it said are not left out.
    pub assigned: u32,
}

impl From<Decision> for LoggedDecision {
    fn from(decision: Decision) -> Self {
        let (total, assigned) = sums(&decision);
        Self { decision, total, assigned }
    }
}

impl LogEntry {
    /// When.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Decided(logged) => logged.decision.at,
            Self::Missing { at, .. } => *at,
        }
    }

    /// The same as a message.
    pub(super) fn to_proto(&self) -> proto::LogEntry {
        let entry = match self {
            Self::Decided(logged) => {
                let LoggedDecision { decision, total, assigned } = &**logged;
                P::Decision(decision_to_proto(decision, *total, *assigned))
            }
            Self::Missing { at, decisions } => {
                P::Gap(proto::Gap { at_ms: at.as_millis(), decisions: *decisions })
            }
        };
        proto::LogEntry { entry: Some(entry) }
    }
}

/// A decision as the message of an entry.
pub(super) fn entry_of(decision: &Decision) -> proto::LogEntry {
    let (total, assigned) = sums(decision);
    proto::LogEntry { entry: Some(P::Decision(decision_to_proto(decision, total, assigned))) }
}

fn sums(decision: &Decision) -> (i64, u32) {
    let assigned = decision.riders.iter().filter(|rider| rider.chosen.is_some()).count();
    (decision.total(), u32::try_from(assigned).unwrap_or(u32::MAX))
}

fn decision_to_proto(decision: &Decision, total_ms: i64, assigned: u32) -> proto::Decision {
    let Decision { riders, edges, certificate, spent, .. } = decision;
    let market = riders.first().map(|rider| rider.trip.market().to_string());
    let kind = match decision.kind {
        WindowKind::Batch => proto::WindowKind::Batch,
        WindowKind::Immediate => proto::WindowKind::Immediate,
    };
    let millis = |all: &[Millis]| all.iter().map(|one| one.get()).collect();
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let each_rider = |of: fn(&WeighedRider) -> u64| riders.iter().map(of).collect();
    let each_edge = |of: fn(&Considered) -> u64| edges.iter().map(of).collect();
    proto::Decision {
        policy: decision.policy.to_string(),
        market: market.unwrap_or_default(),
        at_ms: decision.at.as_millis(),
        kind: kind.into(),
        stopped: decision.pace == Pace::Stop,
        gap_ms: match decision.proof {
            Proof::None => None,
            Proof::Within(gap) => Some(gap.get()),
        },
        rounds: spent.rounds,
        etas: spent.etas,
        dropped: decision.dropped as u64,
        total_ms,
        assigned,
        drivers: decision.drivers.iter().map(ToString::to_string).collect(),
        driver_prices: millis(&certificate.prices),
        trips: each_rider(|rider| rider.trip.number()),
        waited: each_rider(|rider| rider.waiting.get()),
        rider_prices: each_rider(|rider| rider.price.get()),
        edge_counts: riders.iter().map(|rider| small(rider.count)).collect(),
        chosen: riders
            .iter()
            .map(|rider| rider.chosen.map_or(0, |place| small(place).saturating_add(1)))
            .collect(),
        values: millis(&certificate.values),
        lacks: millis(&certificate.lacks),
        edge_drivers: edges.iter().map(|edge| edge.driver.0).collect(),
        after: each_edge(|edge| edge.after.unwrap_or(0)),
        pickup: each_edge(|edge| edge.pickup.duration.get()),
        pickup_m: edges.iter().map(|edge| rounded(edge.pickup.distance)).collect(),
        costs: each_edge(|edge| edge.cost.get()),
        rating: each_edge(|edge| edge.terms.rating.get()),
        idle: each_edge(|edge| edge.terms.idle.get()),
        decline: each_edge(|edge| edge.terms.decline.get()),
    }
}

/// To the nearest 64th of a metre: finer is noise, which does not pack.
fn rounded(distance: Meters) -> f64 {
    (distance.get() * 64.0).round() / 64.0
}

impl TryFrom<proto::LogEntry> for LogEntry {
    type Error = RecordError;

    fn try_from(message: proto::LogEntry) -> Result<Self, RecordError> {
        match message.entry {
            Some(P::Decision(message)) => {
                let (total, assigned) = (message.total_ms, message.assigned);
                let decision = decision(&message)?;
                Ok(Self::Decided(Box::new(LoggedDecision { decision, total, assigned })))
            }
            Some(P::Gap(gap)) => Ok(Self::Missing { at: at(gap.at_ms), decisions: gap.decisions }),
            None => Err(wrong("entry", "missing or not known to this program")),
        }
    }
}

fn decision(message: &proto::Decision) -> Result<Decision, RecordError> {
    let kind = match known("window kind", message.kind)? {
        proto::WindowKind::Batch => WindowKind::Batch,
        proto::WindowKind::Immediate => WindowKind::Immediate,
        proto::WindowKind::Unspecified => return Err(wrong("window kind", "missing")),
    };
    let mut decision = Decision::new(message.policy.clone(), at(message.at_ms), kind);
    decision.pace = if message.stopped { Pace::Stop } else { Pace::GoOn };
    decision.proof = message.gap_ms.map_or(Proof::None, |gap| Proof::Within(Millis(gap)));
    decision.spent = Spent { rounds: message.rounds, etas: message.etas };
    decision.dropped = usize::try_from(message.dropped).unwrap_or(usize::MAX);
    let drivers = message.drivers.iter().map(|id| parsed::<DriverId>("driver", id));
    decision.drivers = drivers.collect::<Result<_, _>>()?;
    decision.edges = edges(message)?;
    decision.riders = riders(message)?;
    let millis = |all: &[u64]| all.iter().copied().map(Millis).collect();
    decision.certificate = Certificate {
        values: millis(&message.values),
        lacks: millis(&message.lacks),
        prices: millis(&message.driver_prices),
    };
    Ok(decision)
}

/// The edges, whose drivers there are.
fn edges(message: &proto::Decision) -> Result<Vec<Considered>, RecordError> {
    let count = message.edge_drivers.len();
    let columns = [&message.after, &message.pickup, &message.costs, &message.rating, &message.idle];
    let uneven = columns.into_iter().any(|column| column.len() != count);
    if uneven || message.decline.len() != count || message.pickup_m.len() != count {
        return Err(wrong("edges", "columns of different lengths"));
    }
    let edge = |i: usize| {
        let driver = message.edge_drivers[i];
        if driver as usize >= message.drivers.len() {
            let drivers = message.drivers.len();
            return Err(wrong("edge", format!("driver {driver} is not in 0..{drivers}")));
        }
        let duration = Millis(message.pickup[i]);
        let distance =
            Meters::new(message.pickup_m[i]).map_err(|error| wrong("distance", error))?;
        Ok(Considered {
            driver: DriverNumber(driver),
            after: Some(message.after[i]).filter(|after| *after != 0),
            pickup: Pickup { duration, distance },
            cost: Millis(message.costs[i]),
            terms: Terms {
                pickup: duration,
                rating: Millis(message.rating[i]),
                idle: Millis(message.idle[i]),
                decline: Millis(message.decline[i]),
            },
        })
    };
    (0..count).map(edge).collect()
}

/// The riders, who between them have all edges, and of them their chosen ones.
fn riders(message: &proto::Decision) -> Result<Vec<WeighedRider>, RecordError> {
    let count = message.trips.len();
    let uneven = [&message.waited, &message.rider_prices].into_iter().any(|c| c.len() != count);
    if uneven || message.edge_counts.len() != count || message.chosen.len() != count {
        return Err(wrong("riders", "columns of different lengths"));
    }
    let mut riders = Vec::with_capacity(count);
    if count > 0 {
        let market: MarketId = parsed("market", &message.market)?;
        let mut first = 0;
        for i in 0..count {
            let (edges, chosen) = (message.edge_counts[i] as usize, message.chosen[i] as usize);
            if chosen > edges {
                return Err(wrong("choice", format!("{chosen} is not in 0..={edges}")));
            }
            riders.push(WeighedRider {
                trip: market.trip(message.trips[i]),
                waiting: Millis(message.waited[i]),
                price: Millis(message.rider_prices[i]),
                first,
                count: edges,
                chosen: chosen.checked_sub(1),
            });
            first += edges;
        }
        let there = message.edge_drivers.len();
        if first != there {
            return Err(wrong("edges", format!("{there}, and the riders have {first}")));
        }
    }
    Ok(riders)
}
