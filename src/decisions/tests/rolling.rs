//! A log keeps to its size, and what it still has can be looked up.

use std::cell::Cell;

use super::*;
use crate::decisions::rolling::{Disk, Files, RollingLog};

/// Whoever asks waits for the answer.
const WANTED: fn() -> bool = || true;

fn place(folder: &tempfile::TempDir, max_bytes: u64) -> LogPlace {
    let folder = folder.path().to_path_buf();
    LogPlace { folder, market: "sf".parse().unwrap(), max_bytes }
}

fn bytes_in(place: &LogPlace) -> u64 {
    place.segments().unwrap().iter().map(|segment| segment.bytes).sum()
}

#[test]
fn the_oldest_files_are_deleted_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(&folder, 400_000);
    let others = ["sf-2-00000001.hdecisions", "sf-00000001.htrace", "precious"];
    for name in others {
        std::fs::write(folder.path().join(name), "precious").unwrap();
    }
    let decisions = decided("batch", WINDOW);
    let (mut written, mut most) = (0, 0);
    for _ in 0..2 {
        let mut log = RollingLog::new(Files, place.clone()).unwrap();
        for decision in decisions.iter().cycle().take(3_000) {
            log.write(decision).unwrap();
            log.flush().unwrap();
            written += 1;
            if written % 50 == 0 {
                most = most.max(bytes_in(&place));
            }
        }
        log.finish().unwrap();
    }
    // A footer more than what was counted while it was written.
    assert!((200_000..450_000).contains(&most), "{most}");
    let segments = place.segments().unwrap();
    assert!((4..=9).contains(&segments.len()), "{segments:?}");
    assert!(segments[0].number > 10, "numbers go on after a restart: {segments:?}");
    for segment in &segments {
        let mut file = DecisionFile::open(&segment.path).unwrap();
        while file.next_entry().unwrap().is_some() {}
        assert_eq!(file.damage(), None);
    }
    for name in others {
        assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), "precious");
    }
}

#[test]
fn files_are_in_the_order_of_their_numbers_whatever_these_are() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(&folder, 1 << 20);
    let strange = ["sf-18446744073709551615.hdecisions", "sf-99999999999999999.hdecisions"];
    let ours = ["sf-00000007.hdecisions", "sf-99999999.hdecisions", "sf-100000000.hdecisions"];
    for name in strange.iter().chain(&ours) {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let segments = place.segments().unwrap();
    let paths: Vec<_> = segments.into_iter().map(|segment| segment.path).collect();
    assert_eq!(paths, ours.map(|name| folder.path().join(name)));
    let mut sorted = paths.clone();
    sorted.reverse();
    sort_as_begun(&mut sorted);
    assert_eq!(sorted, paths);
    let by_name = |paths: &mut Vec<std::path::PathBuf>| paths.sort();
    by_name(&mut sorted);
    assert_ne!(sorted, paths, "names do not tell");
    let mut log = RollingLog::new(Files, place.clone()).unwrap();
    log.write(&decided("batch", WINDOW)[0]).unwrap();
    log.finish().unwrap();
    assert!(place.path(100_000_001).exists());
}

/// A disk that keeps the oldest file.
struct Keeps(Files);

impl Disk for Keeps {
    type File = std::fs::File;

    fn create(&mut self, path: &Path) -> std::io::Result<Self::File> {
        self.0.create(path)
    }

    fn remove(&mut self, path: &Path) -> std::io::Result<()> {
        if path.ends_with("sf-00000001.hdecisions") {
            return Err(std::io::ErrorKind::PermissionDenied.into());
        }
        self.0.remove(path)
    }
}

#[test]
fn a_file_that_cannot_be_deleted_still_counts() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(&folder, 200_000);
    let decisions = decided("batch", WINDOW);
    let mut log = RollingLog::new(Keeps(Files), place.clone()).unwrap();
    let mut failures = 0;
    for decision in decisions.iter().cycle().take(4_000) {
        let written = log.write(decision).and_then(|()| log.flush());
        if written.is_err() {
            failures += 1;
            log.abandon();
        }
    }
    assert!(failures > 100, "{failures}");
    // Whatever is written is beside it, and no more than a file.
    let bytes = bytes_in(&place);
    assert!(bytes < 300_000, "{bytes} bytes");
}

#[test]
fn what_was_decided_of_a_trip_is_found_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(&folder, 1 << 20);
    let mut log = RollingLog::new(Files, place.clone()).unwrap();
    let decisions: Vec<_> = decided("batch", WINDOW).iter().map(rounded).collect();
    for decision in &decisions {
        log.write(decision).unwrap();
        // Files of a few decisions each.
        if decision.riders.len() > 8 {
            log.finish().unwrap();
        }
    }
    log.flush().unwrap();
    let archive = Archive::new(place.clone());
    let always = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
    let (mut several, mut found) = (0, 0);
    for decision in decisions.iter().step_by(7) {
        for rider in decision.riders.iter().take(2) {
            let of: Vec<_> = decisions.iter().filter_map(|one| one.explain(rider.trip)).collect();
            let last = of.last().cloned();
            let span = (of[0].at, of[of.len() - 1].at);
            assert_eq!(archive.explain(rider.trip, always, &WANTED).unwrap(), last);
            assert_eq!(archive.explain(rider.trip, span, &WANTED).unwrap(), last);
            if of.len() > 1 {
                let first = archive.explain(rider.trip, (of[0].at, of[0].at), &WANTED).unwrap();
                assert_eq!(first, Some(of[0].clone()));
                several += 1;
            }
            found += 1;
        }
    }
    assert!(found > 50 && several > 10, "{found} trips, {several} in several decisions");
    assert!(place.segments().unwrap().len() > 3);
    let nobody = archive.explain("sf-999999".parse().unwrap(), always, &WANTED).unwrap();
    assert_eq!(nobody, None);
    // Whoever does not want to know any more is not looked for to the end.
    let (asked, oldest) = (Cell::new(0), decisions[0].riders[0].trip);
    let wanted = |times: u32| {
        asked.set(0);
        let wanted = || {
            asked.set(asked.get() + 1);
            asked.get() <= times
        };
        archive.explain(oldest, (decisions[0].at, decisions[0].at), &wanted).unwrap()
    };
    assert!(wanted(u32::MAX).is_some());
    let all = asked.get();
    assert!(all > 3, "{all}");
    assert_eq!((wanted(3), asked.get()), (None, 4));
}
