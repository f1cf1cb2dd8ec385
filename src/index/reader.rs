//! Reading without locks: visiting buckets, and making sure that the answer is one moment's.
//!
//! A reader notes the shape of each region and the members of each bucket that it visits. If
//! all are unchanged at the end, who it saw where was true at one moment, and the answer stands.
//! Otherwise it asks again, and after a few times holds up the writers for one question.

use super::bucket::{CAPACITY, Columns, Lane};
use super::kernel::{Center, Found, Scan};
use super::live::LiveIndex;
use super::meta::Mask;
use super::node::Child;
use super::raw::vectorized;
use super::store::Store;
use super::version::Stamp;
use crate::model::DriverKey;

/// How often a question is asked without locks. At a million drivers and the full speed of a
/// writer one in some hundred answers must be asked twice; eight in a row only happen to
/// questions that visit thousands of buckets.
const ATTEMPTS: usize = 8;

/// What a reader has seen, to be confirmed at the end.
#[derive(Debug, Default)]
pub(super) struct Visits {
    /// How many regions there were.
    known: u32,
    regions: Vec<(u32, Stamp)>,
    buckets: Vec<(u32, u32)>,
}

impl Visits {
    /// Begins anew.
    fn begin(&mut self, store: &Store) {
        self.known = store.regions.count();
        self.regions.clear();
        self.buckets.clear();
    }

    /// Notes a region before its tree is looked at.
    pub(super) fn enter(&mut self, store: &Store, region: u32) {
        let stamp = store.regions.get(region).shape.begin();
        self.regions.push((region, stamp));
    }

    /// Whether nobody is in a region, which is noted: somebody may go there.
    #[inline]
    pub(super) fn pass_by(&mut self, store: &Store, region: u32) -> bool {
        if store.regions.get(region).root() != Child::Empty {
            return false;
        }
        self.enter(store, region);
        if store.regions.get(region).root() == Child::Empty {
            return true;
        }
        self.regions.pop();
        false
    }

    /// Whether the trees still have the shape in which they were entered.
    pub(super) fn in_shape(&self, store: &Store) -> bool {
        self.regions.iter().all(|&(ix, stamp)| store.regions.get(ix).shape.unchanged(stamp))
    }

    /// Whether the tree entered last still has its shape.
    pub(super) fn in_shape_last(&self, store: &Store) -> bool {
        let last = self.regions.last();
        last.is_none_or(|&(ix, stamp)| store.regions.get(ix).shape.unchanged(stamp))
    }

    /// Whether everything seen was so at one moment.
    fn hold(&self, store: &Store) -> bool {
        self.buckets.iter().all(|&(ix, seen)| store.bucket(ix).members.unchanged(seen))
            && self.in_shape(store)
            && store.regions.count() == self.known
    }
}

/// Buffers of a scan.
#[derive(Debug)]
pub(super) struct ScanBuffer {
    columns: Columns,
    found: Found,
    lanes: [Lane; CAPACITY],
}

impl Default for ScanBuffer {
    fn default() -> Self {
        let lanes = [Lane { xy: 0, tm: 0, rest: 0 }; CAPACITY];
        Self { columns: Columns::default(), found: Found::default(), lanes }
    }
}

/// Asks until the answer is one moment's. `ask` returns false if it got lost in a tree that
/// was changing; it begins from nothing each time.
pub(super) fn consistently(
    index: &LiveIndex,
    visits: &mut Visits,
    mut ask: impl FnMut(&mut Visits) -> bool,
) {
    for _ in 0..ATTEMPTS {
        visits.begin(&index.store);
        if ask(visits) && visits.hold(&index.store) {
            return;
        }
    }
    let _alone = index.gate.write();
    visits.begin(&index.store);
    ask(visits);
}

/// Scans a bucket and its chain for the `k` best within `limit`: `take` is given the approximate term and the driver.
#[inline]
pub(super) fn scan(
    store: &Store,
    mut ix: u32,
    (center, mask, limit, k): (&Center, &Mask, f32, usize),
    buffer: &mut ScanBuffer,
    visits: &mut Visits,
    mut take: impl FnMut(f32, Lane),
) {
    // Who is excluded beats nobody.
    let k = if mask.is_simple() { k } else { usize::MAX };
    loop {
        let bucket = store.bucket(ix);
        let (count, next) = loop {
            let stamp = bucket.version.begin();
            let members = bucket.members.read();
            let ScanBuffer { columns, found, .. } = &mut *buffer;
            let count = vectorized(Scan { bucket, columns, center, mask, limit, k, found });
            for (lane, &at) in buffer.lanes.iter_mut().zip(&buffer.found.lanes[..count]) {
                *lane = bucket.lane(usize::from(at));
            }
            let next = bucket.next();
            if bucket.version.unchanged(stamp) {
                visits.buckets.push((ix, members));
                break (count, next);
            }
        };
        for (lane, &term) in buffer.lanes[..count].iter().zip(&buffer.found.terms) {
            if !mask.excludes(lane.key()) {
                take(term, *lane);
            }
        }
        let Some(next) = next else { return };
        ix = next;
    }
}

/// A driver that was found, as it stood in its bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) distance: crate::geo::Haversine,
    pub(super) lane: Lane,
}

impl Candidate {
    pub(super) fn key(&self) -> DriverKey {
        self.lane.key()
    }
}
