//! Logs that say something else than what happened: each alteration is found in each decision in which
//! it makes a difference.

use super::*;
use crate::dispatch::policy::{Considered, DriverNumber, Proof, WeighedRider};

/// Changes each decision that can be changed like this, and says of how many it was found.
fn found(decisions: &[Decision], alter: impl Fn(&mut LoggedDecision) -> Option<()>) -> (u64, u64) {
    let (mut altered, mut noticed) = (0, 0);
    let mut verifier = Verifier::default();
    for decision in decisions {
        let mut logged = LoggedDecision::from(decision.clone());
        assert_eq!(verifier.check(&logged), Verdict::Verified);
        if alter(&mut logged).is_none() {
            continue;
        }
        altered += 1;
        // Through a file: what is found is found in what is read.
        let mut writer = DecisionWriter::new(Vec::new(), Path::new("memory")).unwrap();
        writer.write_entry(&LogEntry::Decided(Box::new(logged))).unwrap();
        let (entries, _) = read(&writer.finish().unwrap());
        let verdict = verifier.check(unwrapped(&entries[0]));
        noticed += u64::from(matches!(verdict, Verdict::Different(_)));
    }
    (altered, noticed)
}

/// All of them, and more than so many.
fn all(decisions: &[Decision], least: u64, alter: impl Fn(&mut LoggedDecision) -> Option<()>) {
    let (altered, noticed) = found(decisions, alter);
    assert!(altered > least, "only {altered} could be altered");
    assert_eq!(noticed, altered);
}

/// The sums are made right again: whoever alters a log may think of that.
fn add_up(logged: &mut LoggedDecision) {
    *logged = LoggedDecision::from(logged.decision.clone());
}

/// Lets two riders change their drivers, if both can.
fn swap(logged: &mut LoggedDecision) -> Option<i64> {
    let before = logged.decision.total();
    let decision = &mut logged.decision;
    let place_of = |decision: &Decision, rider: usize, driver: DriverNumber| {
        let row = decision.edges_of(&decision.riders[rider]);
        row.iter().position(|edge| edge.driver == driver)
    };
    let chosen = |decision: &Decision, rider: usize| {
        let rider = &decision.riders[rider];
        Some(decision.edges_of(rider).get(rider.chosen?)?.driver)
    };
    for a in 0..decision.riders.len() {
        for b in 0..a {
            let (Some(of_a), Some(of_b)) = (chosen(decision, a), chosen(decision, b)) else {
                continue;
            };
            let places = (place_of(decision, a, of_b), place_of(decision, b, of_a));
            if let (Some(to_b), Some(to_a)) = places {
                decision.riders[a].chosen = Some(to_b);
                decision.riders[b].chosen = Some(to_a);
                return Some(decision.total() - before);
            }
        }
    }
    None
}

fn chosen_edge(decision: &mut Decision) -> Option<&mut Considered> {
    let place = decision.riders.iter().find_map(|rider| Some(rider.first + rider.chosen?))?;
    decision.edges.get_mut(place)
}

#[test]
fn a_swapped_assignment_is_found() {
    let differs = |logged: &mut LoggedDecision| {
        let more = swap(logged)?;
        add_up(logged);
        (more != 0).then_some(())
    };
    all(&decided("batch", WINDOW), 20, differs);
    let swapped = |logged: &mut LoggedDecision| {
        swap(logged)?;
        add_up(logged);
        Some(())
    };
    all(&decided("greedy", WINDOW), 20, swapped);
    // A swap that costs nothing is another optimum, and so no lie: those alone are let pass.
    let (altered, noticed) = found(&decided("batch", WINDOW), swapped);
    let (differ, _) = found(&decided("batch", WINDOW), differs);
    assert!(noticed >= differ && noticed <= altered, "{noticed} of {altered}, {differ} differ");
}

#[test]
fn another_driver_is_found() {
    let other = |logged: &mut LoggedDecision| {
        let decision = &mut logged.decision;
        let taken: Vec<_> = decision.choices().map(|choice| choice.driver).collect();
        let free =
            |decision: &Decision, edge: &Considered| !taken.contains(&decision.driver(edge.driver));
        let (rider, place) = (0..decision.riders.len()).find_map(|i| {
            let rider = &decision.riders[i];
            let chosen = decision.edges_of(rider).get(rider.chosen?)?.cost;
            let place = decision
                .edges_of(rider)
                .iter()
                .position(|edge| free(decision, edge) && edge.cost != chosen)?;
            Some((i, place))
        })?;
        decision.riders[rider].chosen = Some(place);
        add_up(logged);
        Some(())
    };
    all(&decided("batch", WINDOW), 40, other);
    all(&decided("greedy", WINDOW), 40, other);
    all(&decided("batch", Millis::ZERO), 40, other);
}

#[test]
fn a_changed_cost_is_found() {
    for policy in ["batch", "greedy"] {
        let decisions = decided(policy, WINDOW);
        all(&decisions, 60, |logged| {
            logged.decision.edges.last_mut()?.cost.0 += 1;
            add_up(logged);
            Some(())
        });
        // With its terms, so that it is their sum.
        all(&decisions, 60, |logged| {
            let edge = chosen_edge(&mut logged.decision)?;
            edge.cost.0 += 1;
            edge.terms.decline.0 += 1;
            Some(())
        });
    }
    all(&decided("batch", WINDOW), 60, |logged| {
        let edge = chosen_edge(&mut logged.decision)?;
        edge.cost.0 += 1;
        edge.terms.decline.0 += 1;
        add_up(logged);
        Some(())
    });
}

#[test]
fn a_changed_price_is_found() {
    let decisions = decided("batch", WINDOW);
    all(&decisions, 60, |logged| {
        logged.decision.certificate.prices.first_mut()?.0 += 1;
        Some(())
    });
    for change in [1, u64::MAX] {
        all(&decisions, 60, |logged| {
            let value = logged.decision.certificate.values.last_mut()?;
            value.0 = value.0.wrapping_add(change);
            Some(())
        });
    }
    all(&decisions, 60, |logged| logged.decision.certificate.values.pop().map(drop));
    all(&decisions, 60, |logged| {
        let price = &mut logged.decision.riders.iter_mut().find(|r| r.chosen.is_none())?.price;
        price.0 += 1;
        Some(())
    });
}

#[test]
fn a_removed_rider_is_found() {
    for policy in ["batch", "greedy"] {
        all(&decided(policy, WINDOW), 60, |logged| {
            let decision = &mut logged.decision;
            let gone = decision.riders.pop()?;
            decision.edges.truncate(gone.first);
            decision.certificate.values.pop();
            Some(())
        });
    }
}

#[test]
fn a_driver_or_rider_twice_is_found() {
    all(&decided("batch", WINDOW), 60, |logged| {
        let copy = *logged.decision.riders.last()?;
        let at = logged.decision.riders.len() - 1;
        if at == 0 || logged.decision.riders[at - 1].trip == copy.trip {
            return None;
        }
        logged.decision.riders[at - 1].trip = copy.trip;
        add_up(logged);
        Some(())
    });
    all(&decided("greedy", WINDOW), 20, |logged| {
        let decision = &mut logged.decision;
        let first = decision.choices().next()?.driver;
        let (rider, place) = (1..decision.riders.len()).find_map(|i| {
            let rider = &decision.riders[i];
            let row = decision.edges_of(rider);
            let place = row.iter().position(|edge| decision.driver(edge.driver) == first)?;
            (rider.chosen.is_some() && rider.chosen != Some(place)).then_some((i, place))
        })?;
        decision.riders[rider].chosen = Some(place);
        add_up(logged);
        Some(())
    });
}

#[test]
fn a_gap_that_is_not_so_is_found() {
    let (mut gaps, decisions) = (0, stopped());
    for change in [1, -1] {
        let (altered, noticed) = found(&decisions, |logged| {
            let Proof::Within(gap) = logged.decision.proof else { return None };
            let claimed = Millis(gap.get().checked_add_signed(change)?);
            logged.decision.proof = Proof::Within(claimed);
            Some(())
        });
        assert_eq!(noticed, altered);
        gaps += altered;
    }
    assert!(gaps > 200, "{gaps}");
}

#[test]
fn what_was_left_out_is_never_verified() {
    let mut decisions = decided("batch", WINDOW);
    for decision in &mut decisions {
        decision.dropped = 3;
    }
    let (counted, differences) = checked(&read(&written(&decisions)).0);
    assert_eq!((counted.truncated, counted.verified), (decisions.len() as u64, 0));
    assert_eq!(differences, []);
    // What can be checked is.
    for decision in &mut decisions {
        for edge in &mut decision.edges {
            edge.cost.0 += 1;
        }
    }
    let (counted, _) = checked(&read(&written(&decisions)).0);
    assert!(counted.different > 100 && counted.different + counted.truncated == counted.decisions);
}

#[test]
fn edges_that_cost_the_same_are_in_the_order_of_ids() {
    let (mut checked, mut verifier) = (0, Verifier::default());
    for mut decision in decided("batch", WINDOW) {
        let last_two = |rider: &WeighedRider| {
            let free = rider.count.checked_sub(2)?;
            let unused = rider.chosen.is_none_or(|chosen| chosen < free);
            let row = decision.edges_of(rider);
            let alone = free == 0 || row[free - 1].cost < row[free].cost;
            (unused && alone).then_some((rider.first + free, rider.first + free + 1))
        };
        let Some((a, b)) = decision.riders.iter().find_map(last_two) else { continue };
        (decision.edges[b].cost, decision.edges[b].terms) =
            (decision.edges[a].cost, decision.edges[a].terms);
        let (of_a, of_b) = (decision.edges[a].driver, decision.edges[b].driver);
        let rightly = decision.driver(of_a) < decision.driver(of_b);
        let mut order = |decision: &Decision| {
            let logged = LoggedDecision::from(decision.clone());
            let verdict = verifier.check(&logged);
            verdict.differences().iter().any(|difference| difference.what == "edges")
        };
        assert_eq!(order(&decision), !rightly);
        (decision.edges[a].driver, decision.edges[b].driver) = (of_b, of_a);
        assert_eq!(order(&decision), rightly);
        checked += 1;
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn sums_that_no_number_holds_are_different_and_no_panic() {
    let mut decision = decided("batch", WINDOW).swap_remove(100);
    assert!(decision.riders.len() > 1);
    for rider in &mut decision.riders {
        (rider.price, rider.chosen) = (Millis(u64::MAX), None);
    }
    assert_eq!(decision.total(), i64::MAX);
    let verdict = Verifier::default().check(&LoggedDecision::from(decision));
    assert!(matches!(verdict, Verdict::Different(_)), "{verdict:?}");
    let missing = LogEntry::Missing { at: TEN, decisions: u64::MAX };
    let (counted, _) = checked(&[missing.clone(), missing]);
    assert_eq!(counted.missing, u64::MAX);
}
