//! Disks that fail, fill up or lose their power, at each operation in turn.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::bad_disk::{BadDisk, Harm};
use crate::journal::store::RedbJournal;
use crate::journal::store::witness::Witness;
use crate::journal::tests::script::Script;
use crate::journal::tests::{SMALL, in_memory, same};
use crate::journal::{
    Batch, CommitError, Journal, JournalConfig, MemoryJournal, OpenError, ReadError, Seq,
};
use crate::test_rng::Rng;

/// Batches that a run tries to commit: some segments' worth.
const BATCHES: u64 = 60;

fn open(path: &Path, disk: &Arc<BadDisk>) -> Result<RedbJournal, OpenError> {
    RedbJournal::open_on(path, SMALL, disk.clone())
}

/// What became of a run.
struct Outcome {
    /// All that was acknowledged.
    acknowledged: MemoryJournal,
    /// The batch that was not, if one was tried.
    last: Option<Batch>,
    failed: bool,
}

/// Commits until it fails or there is nothing more to commit.
fn commit_all(journal: &RedbJournal, rng: &mut Rng) -> Outcome {
    let acknowledged = MemoryJournal::default();
    let mut script = Script::new();
    for _ in 0..BATCHES {
        let batch = script.random(rng, |_| true);
        match journal.commit(&batch) {
            Ok(seq) => assert_eq!(Ok(seq), acknowledged.commit(&batch)),
            Err(error) => {
                assert!(batch.is_empty() || !error.to_string().is_empty());
                let failed = matches!(error, CommitError::Failed(_));
                let poisoned = matches!(error, CommitError::Poisoned(_));
                // Poisoned without a failure: a segment could not be begun after the last commit.
                assert!(failed || poisoned, "{error}");
                return Outcome { acknowledged, last: failed.then_some(batch), failed: true };
            }
        }
    }
    Outcome { acknowledged, last: None, failed: false }
}

/// Sees that a poisoned journal commits nothing, and shows nothing but what was acknowledged.
fn expect_poisoned(journal: &RedbJournal, outcome: &Outcome) {
    let failure = journal.failure().unwrap();
    let mut batch = Batch::default();
    batch.set_head(b"late".to_vec());
    for _ in 0..2 {
        assert_eq!(journal.commit(&batch), Err(CommitError::Poisoned(failure.clone())));
    }
    assert_eq!(journal.stats().last, outcome.acknowledged.stats().last);
    let read = same::events(journal, Seq(1), 50);
    match read {
        Ok(events) => {
            assert_eq!(Ok(events), same::events(&outcome.acknowledged, Seq(1), 50));
        }
        Err(ReadError::Io { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Whether what is there is what was acknowledged, or that and the whole of the last batch.
fn expect_whole(journal: &RedbJournal, outcome: &Outcome) -> Result<bool, String> {
    let none = BTreeSet::new();
    let without = same::difference(journal, &outcome.acknowledged, &none, 50);
    let Some(last) = &outcome.last else { return without.map(|()| false) };
    if without.is_ok() {
        return Ok(false);
    }
    outcome.acknowledged.commit(last).unwrap();
    same::difference(journal, &outcome.acknowledged, &none, 50).map(|()| true).map_err(|with| {
        format!("neither without the last batch ({without:?}) nor with it ({with})")
    })
}

/// Operations of an undisturbed run.
fn operations(seed: u64) -> u64 {
    let folder = in_memory();
    let disk = Arc::new(BadDisk::default());
    let journal = open(folder.path(), &disk).unwrap();
    assert!(!commit_all(&journal, &mut Rng(seed)).failed);
    disk.operations()
}

/// Harms one operation; tells whether the last batch was there, if there was one.
fn harmed(seed: u64, operation: u64, harm: Harm) -> Option<Result<bool, String>> {
    let folder = in_memory();
    let disk = Arc::new(BadDisk::default());
    disk.harm(operation, harm);
    let mut chance = Rng(seed ^ operation);
    let Ok(journal) = open(folder.path(), &disk) else {
        // It was not even begun.
        disk.lose(&mut chance);
        let journal = open(folder.path(), &Arc::default()).unwrap();
        assert_eq!(journal.stats().commits, 0);
        return None;
    };
    let outcome = commit_all(&journal, &mut Rng(seed));
    if outcome.failed {
        assert!(disk.is_broken(), "it failed though nothing was wrong");
        expect_poisoned(&journal, &outcome);
    }
    drop(journal);
    if harm != Harm::Full {
        disk.lose(&mut chance);
    }
    match open(folder.path(), &Arc::default()) {
        Ok(journal) => Some(expect_whole(&journal, &outcome)),
        Err(error) => Some(Err(error.to_string())),
    }
}

#[test]
fn whatever_operation_fails_what_was_acknowledged_is_there_and_nothing_by_half() {
    for (harm, seed) in [(Harm::Fails, 1), (Harm::Full, 2), (Harm::PowerCut, 3)] {
        let operations = operations(seed);
        assert!(operations > 800, "only {operations} operations");
        let (mut with, mut without) = (0, 0);
        // A prime, so that each kind of operation has its turn.
        for operation in (1..=operations).step_by(7) {
            match harmed(seed, operation, harm) {
                None => {}
                Some(Ok(true)) => with += 1,
                Some(Ok(false)) => without += 1,
                Some(Err(what)) => panic!("{harm:?} at operation {operation}: {what}"),
            }
        }
        assert!(without > 50, "{harm:?}: {without} without the last batch, {with} with it");
    }
}

#[test]
fn a_disk_that_only_says_that_it_flushes_is_noticed() {
    let mut noticed = 0;
    for seed in 1..=20 {
        let folder = in_memory();
        let disk = Arc::new(BadDisk::lying());
        let journal = open(folder.path(), &disk).unwrap();
        disk.harm(400, Harm::PowerCut);
        let outcome = commit_all(&journal, &mut Rng(seed));
        assert!(outcome.failed);
        drop(journal);
        disk.lose(&mut Rng(seed));
        let lost = match open(folder.path(), &Arc::default()) {
            Err(_) => true,
            Ok(journal) => expect_whole(&journal, &outcome).is_err(),
        };
        noticed += u32::from(lost);
    }
    assert!(noticed > 15, "{noticed} of 20");
}

#[test]
fn commits_are_refused_while_there_is_too_little_space_and_taken_again_afterwards() {
    let folder = in_memory();
    let disk = Arc::new(BadDisk::default());
    let config = JournalConfig { reserve_bytes: 1_000, ..SMALL };
    let journal = RedbJournal::open_on(folder.path(), config, disk.clone()).unwrap();
    let mut batch = Batch::default();
    batch.set_head(b"head".to_vec());
    disk.set_free(999);
    let refused = journal.commit(&batch).unwrap_err();
    let text = "999 bytes are free on this disk, less than the 1000 that are kept in reserve";
    assert!(refused.to_string().ends_with(text), "{refused}");
    assert_eq!(journal.head(), Ok(None));
    assert_eq!(journal.stats().free, Some(999));
    disk.set_free(1_000);
    assert!(journal.commit(&batch).is_ok());
    assert_eq!(journal.failure(), None);
}

#[test]
fn without_room_for_another_segment_the_present_one_grows() {
    let folder = in_memory();
    let disk = Arc::new(BadDisk::default());
    let journal = open(folder.path(), &disk).unwrap();
    disk.set_free(1 << 20);
    let (twin, mut script, mut rng) = (MemoryJournal::default(), Script::new(), Rng(7));
    let segments = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = segments();
    let mut commit = |count| {
        for _ in 0..count {
            let batch = script.random(&mut rng, |_| true);
            assert_eq!(journal.commit(&batch), twin.commit(&batch));
        }
    };
    commit(200);
    assert_eq!(segments(), before);
    disk.set_free(u64::MAX);
    commit(50);
    assert!(segments() > before);
    assert_eq!(same::difference(&journal, &twin, &BTreeSet::new(), 50), Ok(()));
}

#[test]
fn a_witness_that_cannot_be_written_lets_nothing_more_be_committed() {
    let folder = in_memory();
    let journal = RedbJournal::open(folder.path(), SMALL).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    journal.writer.lock().witness = Witness::on(full, "/dev/full".into());
    let mut batch = Batch::default();
    batch.set_head(b"durable".to_vec());
    assert_eq!(journal.commit(&batch), Ok(Seq::ZERO), "this one is durable, and so acknowledged");
    let refused = journal.commit(&batch).unwrap_err();
    assert!(matches!(refused, CommitError::Poisoned(_)), "{refused}");
    let text = "since earlier /dev/full: commit 1 failed: No space left on device (os error 28)";
    assert!(refused.to_string().ends_with(text), "{refused}");
    drop(journal);
    let journal = RedbJournal::open(folder.path(), SMALL).unwrap();
    assert_eq!(journal.head(), Ok(Some(b"durable".to_vec())));
    assert!(journal.commit(&batch).is_ok());
}

#[test]
fn a_journal_is_open_in_one_place_only() {
    let folder = in_memory();
    let journal = RedbJournal::open(folder.path(), SMALL).unwrap();
    let error = RedbJournal::open(folder.path(), SMALL).unwrap_err();
    assert!(matches!(&error, OpenError::Locked { path } if path.ends_with("lock")), "{error}");
    drop(journal);
    assert!(RedbJournal::open(folder.path(), SMALL).is_ok());
}
