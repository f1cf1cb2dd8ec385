//! Readers on other threads while one commits, begins segments and prunes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::journal::tests::script::Script;
use crate::journal::tests::{OnDisk, SMALL, Subject};
use crate::journal::{History, Journal, Ordinal, ReadError, Retention, Seq, StreamId};
use crate::test_rng::Rng;
use crate::units::Timestamp;

/// Asks until told to stop; how many answers there were.
fn read(journal: &dyn Journal, stop: &AtomicBool, seed: u64) -> u64 {
    let (mut rng, mut answers) = (Rng(seed), 0);
    let mut last_seen = Seq::ZERO;
    while !stop.load(Relaxed) {
        let stats = journal.stats();
        assert!(stats.last >= last_seen, "time goes on");
        last_seen = stats.last;
        let from = Seq(stats.first.0 + rng.below(stats.last.0.max(1)));
        match journal.events(from, 50) {
            Ok(page) => {
                let numbers = page.rows.iter().map(|event| event.seq.0);
                assert!(numbers.eq((from.0..).take(page.rows.len())), "no gap");
                assert!(page.more || from > last_seen || !page.rows.is_empty());
            }
            Err(ReadError::Pruned { first, .. }) => assert!(first > from),
            Err(other) => panic!("{other}"),
        }
        let page = journal.history(&History::latest(20)).unwrap();
        assert!(page.rows.windows(2).all(|two| two[0].place() > two[1].place()));
        for open in journal.open_streams(StreamId::NONE, 5).unwrap().rows {
            // It has what it had then, and may have more by now.
            let events = journal.events_of(open.stream, Ordinal(1), 1_000);
            let events = events.map(|page| page.rows.len());
            let enough = |count: usize| count >= open.last.0 as usize;
            let pruned =
                matches!(events, Err(ReadError::UnknownStream { .. } | ReadError::Pruned { .. }));
            assert!(pruned || events.as_ref().is_ok_and(|count| enough(*count)), "{events:?}");
        }
        answers += 1;
    }
    answers
}

#[test]
fn readers_see_what_is_durable_whatever_the_writer_does() {
    let subject = OnDisk::quick(SMALL);
    let journal = subject.journal();
    let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for seed in 1..=2 {
            let (stop, answers) = (&stop, &answers);
            scope.spawn(move || answers.fetch_add(read(journal, stop, seed), Relaxed));
        }
        let (mut script, mut rng) = (Script::new(), Rng(11));
        let mut pruned = 0;
        for round in 0..800 {
            let batch = script.random(&mut rng, |_| false);
            journal.commit(&batch).unwrap();
            if round % 40 == 0 {
                let before = Timestamp::from_millis(i64::MIN);
                pruned += journal.prune(Retention { before, keep: 60 }).unwrap().streams;
            }
        }
        stop.store(true, Relaxed);
        assert!(pruned > 100, "{pruned} were pruned");
    });
    assert!(answers.load(Relaxed) > 50, "{answers:?} answers");
}
