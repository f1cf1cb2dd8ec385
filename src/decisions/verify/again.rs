//! Policies that take one rider at a time: the choices are made once more, from what was considered.

use std::collections::BTreeSet;

use super::Findings;
use crate::dispatch::policy::{Considered, Decision, DriverNumber, Proof, WeighedRider};
use crate::units::Millis;

/// `greedy`: each rider in turn gets whoever is there soonest, ties in the order of ids.
pub(super) fn first_come(decision: &Decision, findings: &mut Findings) {
    let mut taken = BTreeSet::new();
    for rider in &decision.riders {
        let free = decision.edges_of(rider).iter().filter(|edge| !taken.contains(&edge.driver));
        let best = free.min_by_key(|edge| (edge.pickup.duration, decision.driver(edge.driver)));
        compare(decision, rider, best, findings);
        taken.extend(best.map(|edge| edge.driver));
    }
    if decision.proof != Proof::None {
        findings.add(None, "what is claimed", "nothing", "a gap");
    }
}

/// `batch`, for a request that does not wait: whoever is cheapest at the prices of the last batch, if
/// that is no more than leaving the rider out.
pub(super) fn at_once(decision: &Decision, findings: &mut Findings) {
    let prices = &decision.certificate.prices;
    if prices.len() != decision.drivers.len() {
        findings.add(None, "prices of drivers", decision.drivers.len(), prices.len());
        return;
    }
    let (mut taken, mut lost) = (BTreeSet::new(), 0);
    for rider in &decision.riders {
        let row = decision.edges_of(rider);
        let total = |edge: &Considered| {
            let price = prices.get(edge.driver.0 as usize).map_or(0, |price| price.get());
            edge.cost.get().saturating_add(price)
        };
        let may =
            |edge: &&Considered| !taken.contains(&edge.driver) && total(edge) <= rider.price.get();
        let best = row.iter().filter(may);
        let best = best.min_by_key(|edge| (total(edge), decision.driver(edge.driver)));
        compare(decision, rider, best, findings);
        taken.extend(best.map(|edge| edge.driver));
        let cheapest = row.iter().map(|edge| edge.cost).min().unwrap_or(rider.price);
        let paid = best.map_or(rider.price, |edge| edge.cost);
        let more = paid.get().saturating_sub(cheapest.min(rider.price).get());
        lost = u64::saturating_add(lost, more);
    }
    let lost = Proof::Within(Millis(lost));
    if decision.proof != lost {
        findings.add(None, "the gap", format!("{lost:?}"), format!("{:?}", decision.proof));
    }
}

fn compare(
    decision: &Decision,
    rider: &WeighedRider,
    best: Option<&Considered>,
    findings: &mut Findings,
) {
    let chosen = rider.chosen.and_then(|place| decision.edges_of(rider).get(place));
    let name = |driver: Option<DriverNumber>| {
        driver.map_or_else(|| "nobody".to_owned(), |driver| decision.driver(driver).to_string())
    };
    let (expected, found) = (best.map(|edge| edge.driver), chosen.map(|edge| edge.driver));
    if expected != found {
        findings.add(Some(rider.trip), "the driver", name(expected), name(found));
    }
}
