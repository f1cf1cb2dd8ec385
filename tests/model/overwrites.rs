//! Who overwrites a driver in place beside who moves it: both reports count, and none is written over
//! somebody else who has the lane by then.
//!
//! Reports add to what is there, so that a lost one shows.

use loom::sync::Arc;
use loom::thread;

use crate::holds;
use crate::sync::{AtomicU32, Ordering};
use crate::version::Version;

/// What may be wrong with the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// The place is not looked at again once the bucket is open.
    Unchecked,
    /// The one who moves does not hold the driver between its judgement and the move.
    Unheld,
    /// The new place is told before the new bucket is open.
    EarlyPlace,
}

/// Added to a driver's value by who moves it, and by who overwrites it.
const MOVED: u32 = 16;
const OVERWRITTEN: u32 = 1;

/// Who takes the lane that is left, and its value.
const STRANGER: u32 = 100;

/// The place of a driver that is being moved.
const HELD: u32 = 1 << 8;

/// A bucket of one lane.
#[derive(Default)]
struct Bucket {
    version: Version,
    value: AtomicU32,
}

/// Two buckets, and in which of them the driver is.
#[derive(Default)]
struct Map {
    buckets: [Bucket; 2],
    place: AtomicU32,
}

impl Map {
    /// As `Record::settled` does it.
    fn settled(&self) -> Option<usize> {
        let place = self.place.load(Ordering::Acquire);
        (place & HELD == 0).then_some(place as usize)
    }

    /// As `writer::overwrite` does it; whether the report was applied.
    fn overwrite(&self, flaw: Flaw) -> bool {
        let Some(at) = self.settled() else { return false };
        let bucket = &self.buckets[at];
        if !bucket.version.try_open() {
            return false;
        }
        if flaw != Flaw::Unchecked && self.settled() != Some(at) {
            bucket.version.abandon();
            return false;
        }
        let value = bucket.value.load(Ordering::Relaxed);
        bucket.value.store(value + OVERWRITTEN, Ordering::Relaxed);
        bucket.version.close();
        true
    }

    /// As `writer::relocate` and `Tree::vacate` do it, under the locks that keep others who move out.
    fn relocate(&self, flaw: Flaw) {
        let [source, target] = &self.buckets;
        source.version.open();
        let judged = source.value.load(Ordering::Relaxed);
        if flaw != Flaw::Unheld {
            let place = self.place.load(Ordering::Relaxed);
            self.place.store(place | HELD, Ordering::Release);
        }
        source.version.abandon();
        if flaw == Flaw::EarlyPlace {
            self.place.store(1, Ordering::Release);
        }
        source.version.open();
        target.version.open();
        target.value.store(judged + MOVED, Ordering::Relaxed);
        if flaw != Flaw::EarlyPlace {
            self.place.store(1, Ordering::Release);
        }
        source.value.store(STRANGER, Ordering::Relaxed);
        target.version.close();
        source.version.close();
    }
}

fn program(flaw: Flaw) {
    let map = Arc::new(Map::default());
    let rival = thread::spawn({
        let map = Arc::clone(&map);
        move || map.overwrite(flaw)
    });
    map.relocate(flaw);
    let applied = rival.join().unwrap();
    let [left, new] = &map.buckets;
    assert_eq!(left.value.load(Ordering::Relaxed), STRANGER, "written over somebody else");
    let both = MOVED + if applied { OVERWRITTEN } else { 0 };
    assert_eq!(new.value.load(Ordering::Relaxed), both, "a report that was applied is lost");
}

#[test]
fn an_overwrite_beside_a_move_is_neither_lost_nor_misplaced() {
    assert!(holds(|| program(Flaw::None)));
    for flaw in [Flaw::Unchecked, Flaw::Unheld, Flaw::EarlyPlace] {
        assert!(!holds(move || program(flaw)), "{flaw:?} was not noticed");
    }
}
