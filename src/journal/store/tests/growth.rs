//! How a journal grows: when segments are begun, what they cost, and what is given back.

use std::collections::BTreeSet;

use crate::journal::tests::script::Script;
use crate::journal::tests::{OnDisk, SMALL, Subject, same};
use crate::journal::{Batch, Journal, JournalConfig, MemoryJournal, Retention};
use crate::test_rng::Rng;
use crate::units::{Millis, Timestamp};

const WIDE: JournalConfig = JournalConfig { segment_bytes: u64::MAX, ..SMALL };

#[test]
fn a_segment_is_sealed_when_its_events_span_too_much_time() {
    let subject = OnDisk::quick(WIDE);
    let mut script = Script::new();
    let mut commit = |pass| {
        script.pass(pass);
        let mut batch = Batch::default();
        script.begin(&mut batch);
        subject.journal().commit(&batch).unwrap();
        subject.segments()
    };
    assert_eq!(commit(Millis::ZERO), 1);
    assert_eq!(commit(Millis(SMALL.segment_span.get() - 1)), 1);
    assert_eq!(commit(Millis(1)), 2, "with the event that makes it too long");
    assert_eq!(commit(Millis(SMALL.segment_span.get() - 1)), 2, "counted from its first event");
    assert_eq!(commit(Millis(SMALL.segment_span.get())), 3);
}

#[test]
fn what_is_open_is_not_copied_over_and_over() {
    let config = JournalConfig { segment_span: Millis(u64::MAX), ..SMALL };
    let subject = OnDisk::quick(config);
    let (twin, mut script) = (MemoryJournal::default(), Script::new());
    let commit = |batch: &Batch| {
        assert_eq!(subject.journal().commit(batch), twin.commit(batch));
    };
    let mut batch = Batch::default();
    for _ in 0..1_000 {
        script.begin(&mut batch);
    }
    commit(&batch);
    let carried = batch.bytes() as u64;
    let mut written = 0;
    let before = subject.segments();
    while written < 20 * carried {
        let mut batch = Batch::default();
        for stream in script.open.clone().into_keys().take(50) {
            script.step(&mut batch, stream);
        }
        commit(&batch);
        written += batch.bytes() as u64;
    }
    let begun = subject.segments() - before;
    assert!((2..=6).contains(&begun), "{begun} segments for 20 times what is open");
    assert_eq!(same::difference(subject.journal(), &twin, &BTreeSet::new(), 500), Ok(()));
}

#[test]
fn space_is_bounded_by_what_is_kept() {
    let mut subject = OnDisk::quick(SMALL);
    let (mut script, mut rng) = (Script::new(), Rng(9));
    let mut most = 0;
    for round in 0..1_200_u32 {
        let batch = script.random(&mut rng, |_| false);
        subject.journal().commit(&batch).unwrap();
        if round % 10 == 0 {
            let keep = Retention { before: Timestamp::from_millis(i64::MIN), keep: 50 };
            subject.journal().prune(keep).unwrap();
        }
        most = most.max(subject.segments());
    }
    assert!(most < 60, "{most} segments at once");
    let stats = subject.journal().stats();
    assert!((50..200).contains(&stats.ended), "{stats:?}");
    let files = std::fs::read_dir(subject.path()).unwrap();
    let bytes: u64 = files.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!((stats.bytes..stats.bytes + 2_000).contains(&bytes), "{stats:?}, {bytes} on disk");
    subject.reopen();
    assert_eq!(subject.journal().stats(), stats_without_file(stats, subject.journal()));
}

/// The same but for what the store gives back to its file when it is closed.
fn stats_without_file(stats: crate::journal::Stats, now: &dyn Journal) -> crate::journal::Stats {
    crate::journal::Stats { bytes: now.stats().bytes, ..stats }
}

#[test]
fn what_a_crash_leaves_behind_is_removed_at_the_next_start() {
    let mut subject = OnDisk::quick(SMALL);
    let (mut script, mut rng) = (Script::new(), Rng(4));
    for _ in 0..300 {
        subject.journal().commit(&script.random(&mut rng, |_| false)).unwrap();
    }
    let oldest = subject.path().join("00000001.redb");
    let copy = std::fs::read(&oldest).unwrap();
    let keep = Retention { before: Timestamp::from_millis(i64::MIN), keep: 10 };
    assert!(subject.journal().prune(keep).unwrap().streams > 0);
    assert!(!oldest.exists());
    // As if the process had died between the books and the disk, and while making a segment.
    std::fs::write(&oldest, copy).unwrap();
    let unfinished = subject.path().join("00009999.tmp");
    std::fs::write(&unfinished, b"half").unwrap();
    let before = subject.journal().stats();
    subject.reopen();
    assert!(!oldest.exists() && !unfinished.exists());
    assert_eq!(subject.journal().stats().ended, before.ended);
}
