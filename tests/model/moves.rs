//! A driver who moves between buckets is seen in exactly one of them, or the reader is told.

use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::holds;
use crate::sync::{AtomicU32, Ordering::Relaxed};
use crate::version::{Members, Stamp, Version};

/// What may be wrong with the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// The source is announced only after the target has been closed.
    OneByOne,
    /// The members of the source change only after the target has been closed.
    LateMembers,
    /// The reader does not ask at the end whether the members are the same.
    Unconfirmed,
    /// The reader does not note a region in which nobody is.
    Unnoted,
    /// A bucket that was used before is filled without opening it.
    Unopened,
}

/// A bucket of one lane: who is in it, 0 for nobody.
#[derive(Default)]
struct Bucket {
    version: Version,
    members: Members,
    lane: AtomicU32,
}

impl Bucket {
    fn of(driver: u32) -> Self {
        let bucket = Self::default();
        bucket.lane.store(driver, Relaxed);
        bucket
    }

    fn open(&self) {
        self.version.open();
        self.members.change();
    }

    /// Who is in it, and the members to be confirmed; none if it was being written.
    fn visit(&self) -> Option<(u32, u32)> {
        let stamp = self.version.begin();
        let (members, driver) = (self.members.read(), self.lane.load(Relaxed));
        self.version.unchanged(stamp).then_some((driver, members))
    }
}

/// As `Tree::vacate` does it.
fn transfer(source: &Bucket, target: &Bucket, flaw: Flaw) {
    let driver = source.lane.load(Relaxed);
    match flaw {
        Flaw::OneByOne => {}
        Flaw::LateMembers => source.version.open(),
        _ => source.open(),
    }
    target.open();
    target.lane.store(driver, Relaxed);
    if flaw == Flaw::OneByOne {
        target.version.close();
        source.open();
        source.lane.store(0, Relaxed);
    } else {
        source.lane.store(0, Relaxed);
        target.version.close();
    }
    if flaw == Flaw::LateMembers {
        source.members.change();
    }
    source.version.close();
}

/// As `reader::consistently` does it: how often the driver was seen, if the answer stands.
fn ask(buckets: [&Bucket; 2], flaw: Flaw) -> Option<usize> {
    let mut seen = [(0, 0); 2];
    for (bucket, seen) in buckets.iter().zip(&mut seen) {
        *seen = bucket.visit()?;
    }
    let confirmed = buckets.iter().zip(seen).all(|(b, (_, members))| b.members.unchanged(members));
    let times = seen.iter().filter(|(driver, _)| *driver != 0).count();
    (confirmed || flaw == Flaw::Unconfirmed).then_some(times)
}

fn two_buckets(flaw: Flaw, source_first: bool) {
    let buckets = Arc::new([Bucket::of(7), Bucket::default()]);
    let reader = thread::spawn({
        let buckets = Arc::clone(&buckets);
        move || {
            let [source, target] = &*buckets;
            ask(if source_first { [source, target] } else { [target, source] }, flaw)
        }
    });
    let [source, target] = &*buckets;
    transfer(source, target, flaw);
    let seen = reader.join().unwrap();
    assert!(seen.is_none_or(|times| times == 1), "missed, or there twice");
    assert_eq!(ask([source, target], Flaw::None), Some(1));
}

#[test]
fn who_moves_is_seen_once() {
    for source_first in [true, false] {
        assert!(holds(move || two_buckets(Flaw::None, source_first)), "{source_first}");
    }
    for (flaw, source_first) in
        [(Flaw::OneByOne, true), (Flaw::Unconfirmed, true), (Flaw::Unconfirmed, false)]
    {
        assert!(!holds(move || two_buckets(flaw, source_first)), "{flaw:?} was not noticed");
    }
    let late = |source_first| holds(move || two_buckets(Flaw::LateMembers, source_first));
    assert!(!late(true) || !late(false), "late members were not noticed");
}

/// A driver who moves there and back between the visits of a reader.
fn there_and_back(flaw: Flaw) {
    let buckets = Arc::new([Bucket::of(7), Bucket::default()]);
    let reader = thread::spawn({
        let buckets = Arc::clone(&buckets);
        move || ask([&buckets[1], &buckets[0]], flaw)
    });
    transfer(&buckets[0], &buckets[1], flaw);
    transfer(&buckets[1], &buckets[0], flaw);
    assert!(reader.join().unwrap().is_none_or(|times| times == 1), "missed, or there twice");
}

#[test]
fn who_comes_back_is_seen_once() {
    assert!(holds(|| there_and_back(Flaw::None)));
    assert!(!holds(|| there_and_back(Flaw::OneByOne)), "one by one was not noticed");
}

/// A region: its shape, and whether there is a bucket below it.
#[derive(Default)]
struct Region {
    shape: Version,
    root: AtomicU32,
    bucket: Bucket,
}

/// A driver moves to a region where nobody was when the reader passed by.
fn empty_region(flaw: Flaw) {
    let map = Arc::new((Bucket::of(7), Region::default()));
    let reader = thread::spawn({
        let map = Arc::clone(&map);
        move || {
            let (source, region) = &*map;
            let stamp = region.shape.begin();
            if region.root.load(Relaxed) != 0 {
                return None;
            }
            let noted = |stamp: Stamp| flaw == Flaw::Unnoted || region.shape.unchanged(stamp);
            source.visit().filter(|(_, members)| source.members.unchanged(*members) && noted(stamp))
        }
    });
    let (source, region) = &*map;
    region.shape.open();
    region.root.store(1, Relaxed);
    region.shape.close();
    transfer(source, &region.bucket, flaw);
    let seen = reader.join().unwrap();
    assert!(seen.is_none_or(|(driver, _)| driver == 7), "missed on its way");
}

#[test]
fn who_moves_to_an_empty_region_is_seen() {
    assert!(holds(|| empty_region(Flaw::None)));
    assert!(!holds(|| empty_region(Flaw::Unnoted)), "the unnoted region was not noticed");
}

/// A bucket is freed by one region and filled by another while a reader is on its way to it.
fn second_hand(flaw: Flaw) {
    let map = Arc::new((Region { bucket: Bucket::of(7), ..Region::default() }, Mutex::new(false)));
    map.0.root.store(1, Relaxed);
    let filler = thread::spawn({
        let map = Arc::clone(&map);
        move || {
            let (region, free) = &*map;
            if !std::mem::take(&mut *free.lock().unwrap()) {
                return;
            }
            if flaw == Flaw::Unopened {
                region.bucket.lane.store(8, Relaxed);
                return;
            }
            region.bucket.open();
            region.bucket.lane.store(8, Relaxed);
            region.bucket.version.close();
        }
    });
    let reader = thread::spawn({
        let map = Arc::clone(&map);
        move || {
            let (region, _) = &*map;
            let stamp = region.shape.begin();
            if region.root.load(Relaxed) == 0 {
                return None;
            }
            region.bucket.visit().filter(|_| region.shape.unchanged(stamp))
        }
    });
    let (region, free) = &*map;
    region.shape.open();
    region.root.store(0, Relaxed);
    *free.lock().unwrap() = true;
    region.shape.close();
    filler.join().unwrap();
    let seen = reader.join().unwrap();
    assert!(seen.is_none_or(|(driver, _)| driver == 7), "a stranger from another region");
}

#[test]
fn a_freed_bucket_shows_nobody_to_its_last_readers() {
    assert!(holds(|| second_hand(Flaw::None)));
    assert!(!holds(|| second_hand(Flaw::Unopened)), "the unopened bucket was not noticed");
}
