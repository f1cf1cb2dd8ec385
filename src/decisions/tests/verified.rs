//! What policies decide is what they claim, and the log says it whole.

use super::*;

/// Checks what was written and read, and says how much there was.
fn verified(decisions: &[Decision]) -> Checked {
    let (entries, damage) = read(&written(decisions));
    assert_eq!((entries.len(), damage), (decisions.len(), None));
    let (checked, differences) = checked(&entries);
    assert_eq!(differences, [], "of {} decisions", checked.decisions);
    assert_eq!((checked.verified, checked.missing), (decisions.len() as u64, 0));
    checked
}

#[test]
fn what_batch_decides_is_proven_and_solved_again() {
    let reach = verified(&decided("batch", WINDOW)).reach;
    assert!(reach.contended > 50 && reach.left_out > 20, "{reach:?}");
    assert!(reach.extended > 50 && reach.tied > 50, "{reach:?}");
    assert!(reach.back_to_back > 500 && reach.assigned > 500, "{reach:?}");
}

#[test]
fn what_greedy_decides_is_decided_again() {
    let reach = verified(&decided("greedy", WINDOW)).reach;
    assert!(reach.contended > 50 && reach.back_to_back > 500, "{reach:?}");
    let reach = verified(&decided("greedy", Millis::ZERO)).reach;
    assert!(reach.immediate > 500, "{reach:?}");
}

#[test]
fn requests_that_do_not_wait_are_weighed_again() {
    // With a window, so that the last batch has prices, and requests that do not wait among it.
    let reach = verified(&decided("batch", Millis::ZERO)).reach;
    assert!(reach.immediate > 500 && reach.assigned > 500, "{reach:?}");
    assert!(reach.left_out > 20, "{reach:?}");
}

#[test]
fn batches_that_were_stopped_are_as_good_as_they_claim() {
    let reach = verified(&stopped()).reach;
    assert!(reach.stopped > 50, "{reach:?}");
}

#[test]
fn a_log_says_all_that_the_market_knew() {
    let decisions = decided("batch", WINDOW);
    let (entries, _) = read(&written(&decisions));
    let mut explained = 0;
    for (entry, decision) in entries.iter().zip(&decisions) {
        let logged = unwrapped(entry);
        let read = &logged.decision;
        assert_eq!(
            (&read.policy, read.at, read.kind),
            (&decision.policy, decision.at, decision.kind)
        );
        assert_eq!(
            (read.proof, read.pace, read.spent),
            (decision.proof, decision.pace, decision.spent)
        );
        assert_eq!(read.riders, decision.riders);
        assert_eq!(read.drivers, decision.drivers);
        assert_eq!(read.edges, rounded(decision).edges);
        assert_eq!(read.certificate, decision.certificate);
        assert_eq!((read.dropped, logged.total), (decision.dropped, decision.total()));
        for rider in &read.riders {
            assert_eq!(read.explain(rider.trip), rounded(decision).explain(rider.trip));
            explained += 1;
        }
    }
    assert!(explained > 900, "{explained}");
}

#[test]
fn a_policy_that_proves_nothing_is_not_taken_at_its_word() {
    let mut decisions = decided("greedy", WINDOW);
    for decision in &mut decisions {
        decision.policy = "lottery".into();
    }
    let (entries, _) = read(&written(&decisions));
    let (counted, _) = checked(&entries);
    assert_eq!((counted.unproven, counted.verified), (decisions.len() as u64, 0));
    // As `batch`, it would have had to prove it.
    for decision in &mut decisions {
        decision.policy = "batch".into();
    }
    let (counted, _) = checked(&read(&written(&decisions)).0);
    assert_eq!((counted.different, counted.verified), (decisions.len() as u64, 0));
}
