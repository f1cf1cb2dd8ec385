//! `kill -9` at random moments: what was acknowledged is there, nothing else, and nothing by half.

use std::time::Duration;

use hansom::clock::stopwatch;
use hansom::journal::{Journal as _, OpenError, RedbJournal};

use super::Worker;
use super::ledger::{CONFIG, Ledger};

/// Times that the process is killed; `HANSOM_KILLS` asks for other multiples of it.
const KILLS: u64 = 24;

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % below
}

#[test]
fn a_process_that_is_killed_leaves_all_that_it_acknowledged() {
    let kills = std::env::var("HANSOM_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut folder = tempfile::tempdir().unwrap();
    let mut seed = 1;
    let (mut acknowledged, mut segments) = (0, 0);
    for kill in 0..kills {
        // Reading all of it after each kill should not take ever longer.
        if kill % KILLS == 0 {
            folder = tempfile::tempdir().unwrap();
            acknowledged = 0;
        }
        let mut worker = Worker::start("exec \"$@\"", "commit", folder.path());
        for _ in 0..=random(&mut seed, 120) {
            let (what, number) = worker.next().unwrap();
            assert_eq!(what, "acknowledged", "{number}");
            acknowledged = number.parse().unwrap();
        }
        if kill == 0 {
            let elsewhere = RedbJournal::open(folder.path(), CONFIG).unwrap_err();
            assert!(matches!(elsewhere, OpenError::Locked { .. }), "{elsewhere}");
            assert!(elsewhere.to_string().contains("the journal is open elsewhere"));
        }
        // Somewhere in one of the next commits.
        let wait = Duration::from_micros(random(&mut seed, 3_000));
        let begun = stopwatch();
        while begun.elapsed() < wait {
            std::hint::spin_loop();
        }
        acknowledged = worker.kill().unwrap_or(acknowledged);
        let journal = RedbJournal::open(folder.path(), CONFIG).unwrap();
        let found = journal.stats().commits;
        // The last may have been durable and not yet told.
        assert!((acknowledged..=acknowledged + 1).contains(&found), "{acknowledged}, {found}");
        assert_eq!(Ledger::after(found).compare(&journal), Ok(()), "after kill {kill}");
        acknowledged = found;
        segments = std::fs::read_dir(folder.path()).unwrap().count();
    }
    assert!(acknowledged > 500, "{acknowledged} commits in the last lives");
    assert!(segments > 10, "{segments} files: a segment was seldom begun");
}
