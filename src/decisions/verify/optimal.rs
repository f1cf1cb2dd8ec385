//! Is it the cheapest, and does its certificate prove it?
//!
//! The certificate is checked by the definition of duality, edge by edge, and then forgotten: two
//! solvers that start from nothing must find the same sum. One is the auction that dispatch uses, the
//! other its twin.

use super::{Findings, Verifier};
use crate::dispatch::Pace;
use crate::dispatch::policy::{Decision, Proof, WeighedRider};
use crate::matching::{Cost, DriverIx, Edge, Prices, ProblemError, Solver};
use crate::units::Millis;

impl Verifier {
    /// Checks the certificate, then solves again.
    pub(super) fn optimal(&mut self, decision: &Decision, findings: &mut Findings) {
        let Proof::Within(gap) = decision.proof else {
            findings.add(None, "what is claimed", "a gap", "nothing");
            return;
        };
        if check_certificate(decision, gap, findings) {
            self.solve_again(decision, gap, findings);
        }
    }

    fn solve_again(&mut self, decision: &Decision, gap: Millis, findings: &mut Findings) {
        if let Err(error) = self.load(decision) {
            findings.add(None, "the problem", "one that can be solved", error);
            return;
        }
        let assigned = decision.riders.iter().filter(|rider| rider.chosen.is_some()).count();
        let found = decision.total();
        let Self { auction, paths, problem, assignment } = self;
        let solvers: [&mut dyn Solver; 2] = [paths, auction];
        for solver in solvers {
            solver.solve_into(problem, &mut Prices::cold(), assignment);
            let (best, over) = (assignment.cost(), found.saturating_sub(assignment.cost()));
            let what = match solver.name() {
                "paths" => "the least sum, by shortest paths",
                _ => "the least sum, by auction",
            };
            // Edges that a batch asked for when it was stopped are in the log, not in the decision.
            if over < 0 || over.unsigned_abs() > gap.get() {
                findings.add(None, what, sum_within(best, gap), found);
            } else if gap == Millis::ZERO && decision.pace == Pace::GoOn {
                findings.equal("riders who can have a driver", assignment.matched(), assigned);
            }
        }
    }

    fn load(&mut self, decision: &Decision) -> Result<(), ProblemError> {
        self.problem.reset(decision.drivers.len())?;
        let mut row = Vec::new();
        for rider in &decision.riders {
            row.clear();
            let edges = decision.edges_of(rider).iter();
            row.extend(edges.map(|edge| Edge::new(DriverIx(edge.driver.0), cost(edge.cost))));
            self.problem.add_rider(cost(rider.price), &row)?;
        }
        Ok(())
    }
}

/// Dual feasibility and complementary slackness; whether there is a certificate at all.
fn check_certificate(decision: &Decision, gap: Millis, findings: &mut Findings) -> bool {
    let (values, prices) = (&decision.certificate.values, &decision.certificate.prices);
    findings.equal("values of riders", decision.riders.len(), values.len());
    findings.equal("prices of drivers", decision.drivers.len(), prices.len());
    if values.len() != decision.riders.len() || prices.len() != decision.drivers.len() {
        return false;
    }
    check_gap(decision, gap, findings);
    let mut idle = vec![true; prices.len()];
    for (i, (rider, value)) in decision.riders.iter().zip(values).enumerate() {
        check_rider(decision, rider, *value, findings);
        // An edge that would have been cheaper with its price: none, unless the batch was stopped.
        let lack = decision.certificate.lacks.get(i).map_or(0, |lack| lack.get());
        for edge in decision.edges_of(rider) {
            let price = prices.get(edge.driver.0 as usize).map_or(0, |price| price.get());
            let less = value.get().saturating_sub(edge.cost.get().saturating_add(price));
            if less > lack {
                let least = format!("at least {}", value.get().saturating_sub(lack));
                let found = format!("{} for {}", value.get() - less, decision.driver(edge.driver));
                findings.add(Some(rider.trip), "the cost of an edge with its price", least, found);
            }
        }
        let chosen = rider.chosen.and_then(|place| decision.edges_of(rider).get(place));
        if let Some(edge) = chosen {
            idle[edge.driver.0 as usize] = false;
        }
    }
    for ((driver, price), idle) in decision.drivers.iter().zip(prices).zip(idle) {
        if idle && *price > Millis::ZERO {
            let found = format!("{} for {driver}", price.get());
            findings.add(None, "the price of a driver without a rider", 0, found);
        }
    }
    true
}

/// The gap is what all riders add to it, and there is one only where it says so.
fn check_gap(decision: &Decision, gap: Millis, findings: &mut Findings) {
    let lacks = &decision.certificate.lacks;
    let told = if gap == Millis::ZERO { 0 } else { decision.riders.len() };
    findings.equal("riders who say what they add to the gap", told, lacks.len());
    let sum = lacks.iter().fold(0_u64, |sum, lack| sum.saturating_add(lack.get()));
    findings.equal("the gap", sum, gap.get());
}

/// A rider is worth what the driver costs with the price, or what leaving them out does.
fn check_rider(decision: &Decision, rider: &WeighedRider, value: Millis, findings: &mut Findings) {
    let trip = Some(rider.trip);
    if value > rider.price {
        let most = format!("at most {}", rider.price.get());
        findings.add(trip, "the rider's value", most, value.get());
    }
    let chosen = rider.chosen.and_then(|place| decision.edges_of(rider).get(place));
    let (what, expected) = match chosen {
        None => ("the value of a rider without a driver", rider.price.get()),
        Some(edge) => {
            let price = decision.certificate.prices.get(edge.driver.0 as usize);
            let price = price.map_or(0, |price| price.get());
            ("the value of a rider with a driver", edge.cost.get().saturating_add(price))
        }
    };
    if value.get() != expected && value <= rider.price {
        findings.add(trip, what, expected, value.get());
    }
}

fn sum_within(best: i64, gap: Millis) -> String {
    match gap {
        Millis::ZERO => best.to_string(),
        gap => format!("{best} and at most {} more", gap.get()),
    }
}

/// Checked to be in range.
fn cost(cost: Millis) -> Cost {
    Cost::saturating(i64::try_from(cost.get()).unwrap_or(i64::MAX))
}
