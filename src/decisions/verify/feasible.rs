//! Can it be carried out, and does it add up?

use std::collections::BTreeSet;

use super::Findings;
use crate::dispatch::policy::{Considered, WeighedRider};
use crate::ids::DriverId;
use crate::limits;
use crate::records::LoggedDecision;

/// Each rider and driver once, each choice an edge, each cost the sum of its terms, the sums as said.
pub(super) fn check(logged: &LoggedDecision, findings: &mut Findings) {
    let decision = &logged.decision;
    let drivers: BTreeSet<&DriverId> = decision.drivers.iter().collect();
    findings.equal("drivers with ids of their own", decision.drivers.len(), drivers.len());
    let (mut trips, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut edges = 0;
    for rider in &decision.riders {
        if !trips.insert(rider.trip) {
            findings.add(Some(rider.trip), "the rider", "once", "twice");
        }
        let row = decision.edges_of(rider);
        edges += row.len();
        let driver = |edge: &Considered| decision.driver(edge.driver);
        check_edges(rider, row, driver, decision.dropped == 0, findings);
        let Some(chosen) = rider.chosen else { continue };
        match row.get(chosen) {
            None => findings.add(Some(rider.trip), "the choice", "an edge", chosen),
            Some(edge) if !taken.insert(edge.driver) => {
                let driver = decision.driver(edge.driver);
                findings.add(
                    Some(rider.trip),
                    "the chosen driver",
                    "once",
                    format!("{driver} twice"),
                );
            }
            Some(_) => {}
        }
    }
    findings.equal("edges that belong to riders", decision.edges.len(), edges);
    findings.equal("sum of costs and prices", decision.total(), logged.total);
    findings.equal("riders with a driver", taken.len(), logged.assigned as usize);
}

/// A whole row is in the order of costs and then ids; one that was cut is not.
fn check_edges(
    rider: &WeighedRider,
    row: &[Considered],
    driver: impl Fn(&Considered) -> DriverId,
    whole: bool,
    findings: &mut Findings,
) {
    let trip = Some(rider.trip);
    let most = u64::from(limits::MAX_COST_MS);
    if rider.price.get() > most {
        findings.add(trip, "the rider's price", format!("at most {most}"), rider.price.get());
    }
    let mut drivers = BTreeSet::new();
    for edge in row {
        if !drivers.insert(edge.driver) {
            findings.add(trip, "edges to a driver", "one", "two");
        }
        let sum = edge.terms.cost();
        if edge.cost != sum {
            findings.add(trip, "the cost of an edge", sum.get(), edge.cost.get());
        }
    }
    if whole && !row.is_sorted_by_key(|edge| (edge.cost, driver(edge))) {
        findings.add(trip, "edges", "cheapest first, ties by id", "another order");
    }
}
