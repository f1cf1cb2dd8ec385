//! Threads that report, describe and silence the *same* drivers: the newest report wins, and no
//! change is lost, whether it is an overwrite in place or a move between buckets.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::geo::{E7, LatLng};
use crate::index::{BatchOutcome, IndexConfig, LiveIndex, LiveMap};
use crate::model::{Capacity, DriverKey, DriverStatus, Motion, Profile, Reason, Report};
use crate::test_rng::Rng;
use crate::units::{Millis, Timestamp};

const WRITERS: usize = 3;
/// Few, so that the threads meet at each of them all the time.
const DRIVERS: usize = 3;
const ROUNDS: i64 = 60_000;
const BATCH: usize = 24;
const CROWD: usize = 900;
const START: i64 = 1_700_000_000_000;

fn at(lat: i64, lng: i64) -> LatLng {
    let e7 = |value: i64| i32::try_from(value).unwrap();
    LatLng::try_from(E7 { lat: e7(lat), lng: e7(lng) }).unwrap()
}

/// Where any driver is at this time: mostly near the last place, at times in another bucket or
/// another region, so that overwrites and moves meet.
fn place(driver: usize, time: i64) -> LatLng {
    let mut rng = Rng(time.cast_unsigned() << 8 ^ driver as u64);
    let (lat, lng) = (377_749_000, -1_224_194_000);
    let reach = match rng.below(16) {
        0 => 3_000_000,
        1 | 2 => 60_000,
        _ => 20,
    };
    at(lat + rng.within(-reach, reach), lng + rng.within(-reach, reach))
}

/// Motion that belongs to a time, so that a mixture of two reports shows.
fn motion(time: i64) -> Motion {
    let low = u16::try_from(time & 0x7fff).unwrap();
    Motion { heading_cdeg: Some(low), speed_cm_s: Some(low), accuracy_dm: None }
}

#[derive(Default)]
struct Counts {
    applied: AtomicU64,
    late: AtomicU64,
    duplicate: AtomicU64,
}

struct Stage {
    index: LiveIndex,
    keys: Vec<DriverKey>,
    /// The newest time that some writer has begun to report.
    newest: AtomicI64,
    counts: Counts,
}

impl Stage {
    fn new() -> Self {
        let config = IndexConfig {
            stale_after: Millis::from_secs(3_600),
            forget_after: Millis::from_secs(7_200),
            max_drivers: 1_000,
            ..IndexConfig::default()
        };
        let index = LiveIndex::new(config, 7);
        let now = Timestamp::from_millis(START);
        let keys: Vec<_> = (0..DRIVERS)
            .map(|n| index.bind(now, &format!("rival-{n}").parse().unwrap()).unwrap())
            .collect();
        // A crowd around them: alone they would share a bucket as large as the region, and none
        // of their moves would be an overwrite without the region's lock.
        let mut rng = Rng(5);
        let crowd: Vec<_> = (0..CROWD)
            .map(|n| {
                let driver = index.bind(now, &format!("crowd-{n}").parse().unwrap()).unwrap();
                let reach = if n % 2 == 0 { 60_000 } else { 3_000_000 };
                let (lat, lng) = (rng.within(-reach, reach), rng.within(-reach, reach));
                let position = at(377_749_000 + lat, -1_224_194_000 + lng);
                Report { driver, position, at: now, motion: motion(START), status: None }
            })
            .collect();
        let mut outcome = BatchOutcome::default();
        index.apply(now, &crowd, &mut outcome);
        assert_eq!(outcome.applied, CROWD as u64);
        Self { index, keys, newest: AtomicI64::new(START), counts: Counts::default() }
    }

    /// Reports drivers at times that all writers draw from one counter, in batches that others
    /// cut into.
    fn write(&self, writer: usize) {
        let mut outcome = BatchOutcome::default();
        let mut rng = Rng(writer as u64 + 1);
        for _ in 0..ROUNDS {
            let reports: Vec<_> = (0..BATCH)
                .map(|_| {
                    let n = usize::try_from(rng.below(DRIVERS as u64)).unwrap();
                    let time = self.newest.fetch_add(1, Relaxed) + 1;
                    let at = Timestamp::from_millis(time);
                    let (driver, position) = (self.keys[n], place(n, time));
                    Report { driver, position, at, motion: motion(time), status: None }
                })
                .collect();
            outcome.clear();
            let now = Timestamp::from_millis(self.newest.load(Relaxed));
            self.index.apply(now, &reports, &mut outcome);
            self.all_stand(&reports, &outcome);
            let of = |reason| outcome.rejected.iter().filter(|(_, r)| *r == reason).count() as u64;
            let (late, twice) = (of(Reason::OutOfOrder), of(Reason::Duplicate));
            assert_eq!(outcome.applied + late + twice, BATCH as u64, "{outcome:?}");
            self.counts.applied.fetch_add(outcome.applied, Relaxed);
            self.counts.late.fetch_add(late, Relaxed);
            self.counts.duplicate.fetch_add(twice, Relaxed);
        }
    }

    /// What was applied is there, or something newer.
    fn all_stand(&self, reports: &[Report], outcome: &BatchOutcome) {
        let mut refused = outcome.rejected.iter().map(|&(row, _)| row as usize).peekable();
        for (row, report) in reports.iter().enumerate() {
            if refused.next_if_eq(&row).is_some() {
                continue;
            }
            let n = self.keys.iter().position(|&key| key == report.driver).unwrap();
            let fix = self.index.driver(report.at, report.driver).unwrap().fix.unwrap();
            assert!(fix.at >= report.at, "driver {n} was moved back to {}", fix.at.as_millis());
            assert_eq!(fix.position, place(n, fix.at.as_millis()), "a mixture of two reports");
        }
    }

    /// Describes drivers anew: nobody else does, so that the last description must stand.
    fn describe(&self) -> Vec<(DriverStatus, Profile)> {
        let mut rng = Rng(99);
        let mut last = vec![(DriverStatus::Available, Profile::default()); DRIVERS];
        for _ in 0..ROUNDS * 24 {
            let n = usize::try_from(rng.below(DRIVERS as u64)).unwrap();
            if rng.below(2) == 0 {
                let seats = Capacity::try_from(u32::try_from(rng.below(60)).unwrap()).unwrap();
                last[n].1.capacity = seats;
                assert!(self.index.set_profile(self.keys[n], last[n].1));
            } else {
                last[n].0 = DriverStatus::ALL[usize::try_from(rng.below(6)).unwrap()];
                assert!(self.index.set_status(self.keys[n], last[n].0));
            }
        }
        last
    }

    /// Each driver is where its newest applied report says, as it was last described.
    fn settle(&self, described: &[(DriverStatus, Profile)]) {
        let now = Timestamp::from_millis(self.newest.load(Relaxed) + 10);
        // The last word on each driver, whoever else had one.
        for (n, &key) in self.keys.iter().enumerate() {
            let known = self.index.driver(now, key).expect("nobody was forgotten");
            let fix = known.fix.expect("all have reported");
            assert_eq!(fix.position, place(n, fix.at.as_millis()), "a mixture of two reports");
            assert_eq!(fix.motion, motion(fix.at.as_millis()), "the motion of another report");
            assert_eq!((known.status, known.profile), described[n], "driver {n} was undone");
        }
        self.index.check().expect("the structure is sound");
    }
}

#[test]
fn rivals_over_the_same_drivers_lose_no_change() {
    let stage = Stage::new();
    let described = std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let stage = &stage;
            scope.spawn(move || stage.write(writer));
        }
        scope.spawn(|| stage.describe()).join().unwrap()
    });
    stage.settle(&described);
    let [applied, late] = [&stage.counts.applied, &stage.counts.late].map(|c| c.load(Relaxed));
    assert!(applied > 30_000 && late > 10, "{applied} applied, {late} late");
}

#[test]
fn the_newest_of_rival_reports_stands() {
    // All report every driver at the same ascending times, so that at the end each must be at
    // the last: an older report that lands after a newer one would show.
    let stage = Stage::new();
    let last = START + 400_000;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let stage = &stage;
            scope.spawn(move || {
                let mut outcome = BatchOutcome::default();
                for time in START + 1..=last {
                    let reports: Vec<_> = (0..DRIVERS)
                        .map(|n| Report {
                            driver: stage.keys[(n + writer) % DRIVERS],
                            position: place((n + writer) % DRIVERS, time),
                            at: Timestamp::from_millis(time),
                            motion: motion(time),
                            status: None,
                        })
                        .collect();
                    outcome.clear();
                    stage.index.apply(Timestamp::from_millis(last), &reports, &mut outcome);
                    stage.counts.applied.fetch_add(outcome.applied, Relaxed);
                    stage.counts.duplicate.fetch_add(outcome.rejected.len() as u64, Relaxed);
                }
            });
        }
    });
    for (n, &key) in stage.keys.iter().enumerate() {
        let fix = stage.index.driver(Timestamp::from_millis(last), key).unwrap().fix.unwrap();
        assert_eq!((fix.at.as_millis(), fix.position), (last, place(n, last)));
    }
    let refused = stage.counts.duplicate.load(Relaxed);
    assert!(refused > 1_000, "only {refused} reports met a rival's");
    stage.index.check().expect("the structure is sound");
}

/// Reports for `driver` at the shared time; whether it was applied, having been bound anew if it
/// had been forgotten.
fn report_guest(index: &LiveIndex, time: &AtomicI64, n: usize, outcome: &mut BatchOutcome) -> bool {
    // Reports make the time pass, so that a guest's silence is a matter of chance.
    let now = time.fetch_add(1, Relaxed) + 1;
    let at = Timestamp::from_millis(now);
    let key = index.bind(at, &format!("guest-{n}").parse().unwrap()).unwrap();
    let position = place(n, now);
    outcome.clear();
    let report = Report { driver: key, position, at, motion: motion(now), status: None };
    index.apply(at, &[report], outcome);
    match outcome.rejected.first() {
        // Another is newer, or it was forgotten between the two calls.
        Some((_, Reason::OutOfOrder | Reason::Duplicate | Reason::UnknownDriver)) => return false,
        Some((_, reason)) => panic!("guest {n} was refused: {reason:?}"),
        None => {}
    }
    let fix = index.driver(at, key).and_then(|driver| driver.fix);
    let silent = time.load(Relaxed) - now;
    match fix {
        Some(fix) => assert!(fix.at >= at, "guest {n} was moved back"),
        None => assert!(silent >= 120, "guest {n} was forgotten after {silent} ms"),
    }
    true
}

#[test]
fn who_reports_while_falling_silent_is_kept_or_was_silent_for_long() {
    const GUESTS: u64 = 60;
    let config = IndexConfig {
        stale_after: Millis(60),
        forget_after: Millis(120),
        max_drivers: 2_000,
        ..IndexConfig::default()
    };
    let (index, time) = (LiveIndex::new(config, 3), AtomicI64::new(START));
    let (forgotten, stale, applied) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (index, time) = (&index, &time);
        let (forgotten, stale, applied) = (&forgotten, &stale, &applied);
        for seed in 0..WRITERS as u64 {
            scope.spawn(move || {
                let (mut rng, mut outcome) = (Rng(seed + 11), BatchOutcome::default());
                for _ in 0..60_000 {
                    let n = usize::try_from(rng.below(GUESTS)).unwrap();
                    let done = report_guest(index, time, n, &mut outcome);
                    applied.fetch_add(u64::from(done), Relaxed);
                    if rng.below(16) == 0 {
                        let now = Timestamp::from_millis(time.load(Relaxed));
                        let advance = index.advance(now);
                        forgotten.fetch_add(advance.forgotten, Relaxed);
                        stale.fetch_add(advance.went_stale, Relaxed);
                    }
                }
            });
        }
    });
    let [forgotten, stale, applied] = [&forgotten, &stale, &applied].map(|c| c.load(Relaxed));
    let reached = forgotten > 1_000 && stale > 1_000 && applied > 10_000;
    assert!(reached, "{forgotten} forgotten, {stale} fell silent, {applied} applied");
    index.check().expect("the structure is sound");
}
