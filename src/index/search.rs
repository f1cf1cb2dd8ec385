//! The k nearest: best first over groups, regions, directories and buckets.
//!
//! A heap holds what has not been looked at, by a lower bound of its distance. The k-th best
//! found so far is the limit; when the least bound exceeds it, nothing unseen can be better.
//! The bounds and the scan are approximate with a proved margin; what survives is decided by
//! the exact formula, and ties by id.
//!
//! # References
//! G. R. Hjaltason & H. Samet, "Distance browsing in spatial databases", TODS 24 (2), 1999,
//! section 3: the search. [`super::kernel`]: the bound.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::kernel::{self, Center, Slots};
use super::live::LiveIndex;
use super::meta::{Mask, Meta};
use super::names::Names;
use super::node::Child;
use super::raw::vectorized;
use super::reader::{self, Candidate, ScanBuffer, Visits};
use super::{Answer, Hit, widen};
use crate::geo::{Bam, Haversine, Origin};
use crate::model::Nearest;
use crate::units::Timestamp;

/// More candidates than asked for by so many are cut back to the exact best: they all but tie.
const TIES: usize = 512;

/// How often a long search makes sure that it is not walking through a tree that is gone.
const CHECK_EVERY: usize = 64;

/// The memory of a search.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) visits: Visits,
    pub(super) buffer: ScanBuffer,
    heap: BinaryHeap<Reverse<u64>>,
    /// Approximate term and place in `found`, for those not settled yet.
    open: Vec<u64>,
    found: Vec<Candidate>,
    /// The exact best so far, in order, once ties or the end asked for them.
    settled: Vec<Candidate>,
}

/// Something not looked at yet.
#[derive(Clone, Copy, Debug)]
enum Unseen {
    Group(u32),
    Region(u32),
    Node(u32),
    Bucket(u32),
}

impl Unseen {
    /// Bound, kind and number in one word that sorts by the bound.
    #[inline]
    fn to_bits(self, bound: f32) -> u64 {
        let (kind, ix) = match self {
            Self::Bucket(ix) => (0, ix),
            Self::Node(ix) => (1, ix),
            Self::Region(ix) => (2, ix),
            Self::Group(ix) => (3, ix),
        };
        u64::from(bound.to_bits()) << 32 | kind << 30 | u64::from(ix)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fields of a packed word")]
    fn from_bits(bits: u64) -> (f32, Self) {
        let ix = bits as u32 & ((1 << 30) - 1);
        let unseen = match bits as u32 >> 30 {
            0 => Self::Bucket(ix),
            1 => Self::Node(ix),
            2 => Self::Region(ix),
            _ => Self::Group(ix),
        };
        (f32::from_bits((bits >> 32) as u32), unseen)
    }
}

/// One question, being answered.
struct Search<'a> {
    index: &'a LiveIndex,
    origin: Origin,
    center: Center,
    unit: [f64; 3],
    mask: &'a Mask,
    k: usize,
    radius: Haversine,
    /// Approximate terms beyond it are of no interest.
    limit: f32,
    /// The root of the limit that the question began with.
    reach: f64,
    /// How many open candidates there may be before the limit is tightened.
    tighten_at: usize,
    /// The bucket around the centre, scanned before all.
    seed: Option<u32>,
    scratch: &'a mut Scratch,
}

/// Answers a question. See [`super::LiveMap::nearest`].
pub(super) fn nearest(index: &LiveIndex, now: Timestamp, question: &Nearest, answer: &mut Answer) {
    let mask = index.mask(now, &question.filter);
    let origin = Origin::new(question.center);
    let bam = Bam::from(question.center);
    let unit = super::region::unit_vector(question.center);
    let radius = Haversine::of_radius(question.radius);
    let scratch = &mut answer.scratch;
    let mut visits = std::mem::take(&mut scratch.visits);
    reader::consistently(index, &mut visits, |visits| {
        let mut search = Search {
            index,
            origin,
            center: Center::new(bam),
            unit,
            mask: &mask,
            k: question.k.get(),
            radius,
            limit: kernel::inflate_exact(radius),
            reach: f64::from(kernel::inflate_exact(radius)).sqrt(),
            tighten_at: question.k.get(),
            seed: None,
            scratch,
        };
        search.run(visits)
    });
    scratch.visits = visits;
    answer.more = false;
    answer.hits.clear();
    answer.hits.extend(scratch.settled.iter().map(|candidate| hit(now, candidate)));
}

/// A candidate as the caller sees it.
pub(super) fn hit(now: Timestamp, candidate: &Candidate) -> Hit {
    let lane = candidate.lane;
    let meta = Meta { first: lane.first(), second: lane.second() };
    Hit {
        driver: lane.key(),
        position: lane.bam().lat_lng(),
        distance: candidate.distance,
        at: widen(now, lane.at()),
        status: meta.status(),
        profile: meta.profile(),
    }
}

impl Search<'_> {
    /// False if the search lost its way in a changing tree.
    fn run(&mut self, visits: &mut Visits) -> bool {
        let Scratch { heap, open, found, settled, .. } = &mut *self.scratch;
        heap.clear();
        open.clear();
        found.clear();
        settled.clear();
        for ix in 0..self.index.store.regions.groups() {
            let cap = &self.index.store.regions.group(ix).cap;
            if let Some(bound) = cap.bound(self.unit, self.reach) {
                self.push(bound, Unseen::Group(ix));
            }
        }
        let mut looked_at = 0;
        while let Some(Reverse(bits)) = self.scratch.heap.pop() {
            let (bound, unseen) = Unseen::from_bits(bits);
            if bound > self.limit {
                break;
            }
            looked_at += 1;
            if looked_at % CHECK_EVERY == 0 && !visits.in_shape(&self.index.store) {
                return false;
            }
            match unseen {
                Unseen::Group(ix) => self.open_group(ix, visits),
                Unseen::Region(ix) => self.open_region(ix, bound, visits),
                Unseen::Node(ix) => self.open_node(ix),
                Unseen::Bucket(ix) => self.scan(ix, visits),
            }
        }
        self.settle();
        true
    }

    #[inline]
    fn push(&mut self, bound: f32, unseen: Unseen) {
        if bound <= self.limit {
            self.scratch.heap.push(Reverse(unseen.to_bits(bound)));
        }
    }

    fn open_group(&mut self, ix: u32, visits: &mut Visits) {
        let store = &self.index.store;
        for member in store.regions.group(ix).regions() {
            if let Some(bound) = member.cap.bound(self.unit, self.reach)
                && bound <= self.limit
                && !visits.pass_by(store, member.region)
            {
                self.push(bound, Unseen::Region(member.region));
            }
        }
    }

    fn open_region(&mut self, ix: u32, bound: f32, visits: &mut Visits) {
        let store = &self.index.store;
        visits.enter(store, ix);
        let region = store.regions.get(ix);
        // What stands around the centre gives a good limit before anything else is opened.
        let around = bound <= 0.0 && self.seed.is_none() && region.rect.holds(self.center.bam);
        if around && let (Child::Bucket(ix), path) = store.descend(region, self.center.bam) {
            self.scan(ix, visits);
            self.seed = Some(ix);
            let (center, limit) = (&self.center, self.limit);
            let fits = |part| kernel::encloses(center, part, region.rect, limit);
            if let Some(node) = path.smallest(fits) {
                self.open_node(node);
            }
            return;
        }
        match region.root() {
            Child::Empty => {}
            Child::Node(ix) => self.open_node(ix),
            Child::Bucket(ix) => {
                self.push(kernel::bound(&self.center, region.rect), Unseen::Bucket(ix));
            }
        }
    }

    fn open_node(&mut self, ix: u32) {
        let store = &self.index.store;
        let node = store.node(ix);
        let (rect, shift, center, limit) = (node.rect(), node.shift(), &self.center, self.limit);
        let near = vectorized(Slots { center, rect, shift, limit });
        let mut left = near.slots;
        while left != 0 {
            let slot = left.trailing_zeros() as usize;
            let block = node.block(slot);
            let slots = block.slots(slot);
            left &= !slots;
            let unseen = match block.child {
                Child::Bucket(ix) if self.seed != Some(ix) => {
                    if self.seed.is_some() {
                        // With a limit from the seed, few get here, and most will be scanned.
                        store.bucket(ix).prefetch_header();
                    }
                    Unseen::Bucket(ix)
                }
                Child::Node(ix) => {
                    store.node(ix).prefetch();
                    Unseen::Node(ix)
                }
                Child::Empty | Child::Bucket(_) => continue,
            };
            self.scratch.heap.push(Reverse(unseen.to_bits(near.of(slots))));
        }
    }

    fn scan(&mut self, ix: u32, visits: &mut Visits) {
        let store = &self.index.store;
        let Scratch { heap, open, found, buffer, .. } = &mut *self.scratch;
        if let Some(&Reverse(next)) = heap.peek()
            && let (_, Unseen::Bucket(next)) = Unseen::from_bits(next)
        {
            store.bucket(next).prefetch_scan(self.mask.looks_at_rest());
        }
        let with = (&self.center, self.mask, self.limit, self.k);
        reader::scan(store, ix, with, buffer, visits, |term, lane| {
            open.push(u64::from(term.to_bits()) << 32 | found.len() as u64);
            found.push(Candidate { distance: Haversine::ZERO, lane });
        });
        if open.len() >= self.tighten_at {
            self.tighten();
        }
    }

    /// Lowers the limit to the k-th best, and lets go of what lies beyond.
    fn tighten(&mut self) {
        let open = &mut self.scratch.open;
        if open.len() >= self.k {
            let (_, kth, _) = open.select_nth_unstable(self.k - 1);
            let term = f32::from_bits(super::bucket::high(*kth));
            self.limit = self.limit.min(kernel::inflate_approximate(term));
            let most = u64::from(self.limit.to_bits()) << 32 | u64::from(u32::MAX);
            open.retain(|&candidate| candidate <= most);
        }
        if open.len() > self.k + TIES {
            self.settle();
        }
        self.tighten_at = self.scratch.open.len().max(self.k) + self.k / 2 + 8;
    }

    /// Decides exactly among all found so far; what loses is let go.
    fn settle(&mut self) {
        let Scratch { open, found, settled, .. } = &mut *self.scratch;
        let names = &self.index.names;
        let many = open.len() > TIES;
        if many {
            prefetch_names(names, open, found);
        }
        let worst = if settled.len() == self.k { settled.last().copied() } else { None };
        for &bits in open.iter() {
            let candidate = &mut found[place(bits)];
            candidate.distance = self.origin.to(candidate.lane.bam().lat_lng());
            let loses = candidate.distance > self.radius
                || worst.is_some_and(|worst| order(names, candidate, &worst).is_ge());
            if !loses {
                settled.push(*candidate);
            }
        }
        open.clear();
        if settled.len() > self.k && many {
            settled.select_nth_unstable_by(self.k - 1, |a, b| order(names, a, b));
            settled.truncate(self.k);
        }
        settled.sort_unstable_by_key(|candidate| candidate.distance);
        for ties in settled.chunk_by_mut(|a, b| a.distance == b.distance) {
            if ties.len() > 1 {
                super::order::by_id(names, ties);
            }
        }
        settled.truncate(self.k);
        if let (true, Some(last)) = (settled.len() == self.k, settled.last()) {
            self.limit = self.limit.min(kernel::inflate_exact(last.distance));
        }
        if many {
            // Nobody points into it any more.
            found.clear();
        }
    }
}

fn place(bits: u64) -> usize {
    super::bucket::low(bits) as usize
}

/// Nearer first, then by id.
fn order(names: &Names, a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    a.distance.cmp(&b.distance).then_with(|| names.compare(a.key(), b.key()))
}

/// Brings the names of many candidates into the cache side by side.
fn prefetch_names(names: &Names, open: &[u64], found: &[Candidate]) {
    for &bits in open {
        names.prefetch_entry(found[place(bits)].key());
    }
    for &bits in open {
        names.prefetch_name(found[place(bits)].key());
    }
}
