//! Random batches on disk and in memory: the same answers to all questions, the same refusals.

use std::collections::BTreeSet;

use super::script::Script;
use super::{OnDisk, SMALL, Subject, same};
use crate::journal::{
    Batch, CommitError, EndedStream, Event, Fault, History, Journal, MemoryJournal, Ordinal, Place,
    Retention, Seq, StreamId,
};
use crate::test_rng::Rng;
use crate::units::Millis;

/// What a run came across.
#[derive(Debug, Default)]
struct Reach {
    segments: u64,
    refused: u64,
    reopened: u64,
    pruned: u64,
    gone: usize,
    amended: u64,
    compared: u64,
}

/// A batch that is wrong in some way.
fn wrong(rng: &mut Rng, script: &Script) -> Batch {
    let mut after = script.clone();
    let right = after.random(rng, |_| true);
    let mut batch = Batch::default();
    let spoiled = rng.below(right.events().len().max(1) as u64);
    let kind = rng.below(4);
    for (event, n) in right.events().iter().zip(0..) {
        let mut event = event.clone();
        match kind {
            _ if n != spoiled => {}
            0 => event.seq = Seq(event.seq.0 + rng.below(2) + 1),
            1 => event.ordinal = Ordinal(event.ordinal.0 + 1),
            2 => event.stream = StreamId(rng.below(script.newest.0 + 3)),
            _ => continue,
        }
        batch.event(event);
    }
    if kind == 3 {
        batch.put(StreamId(rng.below(script.newest.0 + 3)), vec![7]);
    }
    batch
}

fn run(seed: u64, steps: u64) -> Reach {
    let mut rng = Rng(seed);
    let mut subject = OnDisk::quick(SMALL);
    let twin = MemoryJournal::default();
    let mut script = Script::new();
    let mut gone: BTreeSet<Place> = BTreeSet::new();
    let mut reach = Reach::default();
    for step in 0..steps {
        let kept = |stream| !gone.iter().any(|place: &Place| place.stream == stream);
        match rng.below(40) {
            0 => {
                subject.reopen();
                reach.reopened += 1;
            }
            1 => {
                let keep = rng.below(400);
                let before = script.now.minus(Millis(rng.below(900_000)));
                let pruned = subject.journal().prune(Retention { before, keep }).unwrap();
                reach.pruned += pruned.streams;
                let all = same::history(&twin, History::latest(1_000)).unwrap();
                let removable = |(rank, row): &(u64, EndedStream)| *rank >= keep || row.at < before;
                let removable = (0..).zip(all).filter(removable);
                gone.extend(removable.map(|(_, row)| row.place()));
            }
            2..=5 => {
                let batch = wrong(&mut rng, &script);
                let (found, expected) = (subject.journal().commit(&batch), twin.commit(&batch));
                // What was pruned cannot be amended, and the twin does not prune.
                let pruned = batch.changes().keys().any(|stream| !kept(*stream));
                assert!(pruned || found == expected, "step {step}: {found:?}, {expected:?}");
                let fine = matches!(expected, Err(CommitError::Refused(_)));
                reach.refused += u64::from(fine);
                if expected.is_ok() && !pruned {
                    script = follow(&script, &batch);
                }
                assert!(!pruned || expected.is_err(), "step {step}: a wrong batch that is right");
            }
            _ => {
                let batch = script.random(&mut rng, kept);
                let ended = batch.changes().values();
                reach.amended +=
                    ended.filter(|c| format!("{c:?}").starts_with("Amended")).count() as u64;
                let (found, expected) = (subject.journal().commit(&batch), twin.commit(&batch));
                assert_eq!(found, expected, "step {step}");
            }
        }
        if rng.once_in(60) || step + 1 == steps {
            let size = usize::try_from(1 + rng.below(40)).unwrap();
            let difference = same::difference(subject.journal(), &twin, &gone, size);
            assert_eq!(difference, Ok(()), "seed {seed}, step {step}");
            reach.compared += 1;
        }
        reach.segments = reach.segments.max(subject.segments() as u64);
    }
    reach.gone = gone.len();
    reach
}

/// What a dispatcher knows after a batch that was not its own but fits.
fn follow(script: &Script, batch: &Batch) -> Script {
    let mut script = script.clone();
    for Event { seq, stream, ordinal, .. } in batch.events() {
        script.last = *seq;
        if *stream != StreamId::NONE {
            script.newest = script.newest.max(*stream);
            let known = if script.ended.contains_key(stream) {
                &mut script.ended
            } else {
                &mut script.open
            };
            known.insert(*stream, *ordinal);
        }
    }
    script
}

#[test]
fn the_journal_on_disk_answers_like_the_one_in_memory() {
    let mut total = Reach::default();
    for seed in 1..=4 {
        let reach = run(seed, 1_500);
        assert!(reach.segments > 5 && reach.refused > 50 && reach.reopened > 10, "{reach:?}");
        assert!(reach.amended > 50 && reach.compared > 10 && reach.gone > 20, "{reach:?}");
        total.pruned += reach.pruned;
    }
    assert!(total.pruned > 50, "{total:?}");
}

#[test]
fn a_journal_that_keeps_half_a_batch_is_noticed() {
    let (torn, twin) = (MemoryJournal::default(), MemoryJournal::default());
    let mut script = Script::new();
    for _ in 0..5 {
        let mut batch = Batch::default();
        script.begin(&mut batch);
        torn.commit(&batch).unwrap();
        twin.commit(&batch).unwrap();
    }
    let none = BTreeSet::new();
    assert_eq!(same::difference(&torn, &twin, &none, 9), Ok(()));
    torn.fail(1, Fault::Torn);
    let mut batch = Batch::default();
    script.step(&mut batch, StreamId(2));
    assert!(torn.commit(&batch).is_err());
    assert_eq!(same::difference(&torn, &twin, &none, 9), Ok(()), "until the restart");
    torn.restart();
    let whole = MemoryJournal::default();
    for acknowledged in [&twin, &whole] {
        let difference = same::difference(&torn, acknowledged, &none, 9).unwrap_err();
        assert!(difference.starts_with("last"), "{difference}");
    }
    twin.commit(&batch).unwrap();
    assert!(same::difference(&torn, &twin, &none, 9).is_err(), "nor is it the whole batch");
}
