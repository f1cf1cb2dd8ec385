//! The whole structure, checked against its invariants.
//!
//! Holds up all writers and looks at everything: for tests, and for an operator who wants to
//! know. Each violation names the invariant by its tag.

use super::bucket::{CAPACITY, Rect};
use super::live::LiveIndex;
use super::meta::{STALE, status_of};
use super::node::{Block, Child, SIDE};
use super::record::{self, Place};
use super::region::{RESOLUTION, Region, cell_of};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {tag} is broken: {what}")]
pub struct Violation {
    /// Its tag, as in the documentation of its owner.
    pub tag: &'static str,
    /// Where and how.
    pub what: String,
}

/// Fails with a violation unless the condition holds.
macro_rules! holds {
    ($condition:expr, $tag:literal, $($what:tt)+) => {
        if !$condition {
            return Err(Violation { tag: $tag, what: format!($($what)+) });
        }
    };
}

/// What was counted on the way.
#[derive(Debug, Default)]
struct Tally {
    drivers: usize,
    buckets: usize,
    nodes: usize,
    supply: [u64; 6],
}

impl LiveIndex {
    /// Checks each invariant of the structure.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    ///
    /// # Complexity
    /// O(n) for n drivers, during which nothing can be written.
    pub fn check(&self) -> Result<(), Violation> {
        let _passing = self.passing.lock();
        let _alone = self.gate.write();
        let mut all = Tally::default();
        for ix in self.store.regions.all() {
            let region = self.store.regions.get(ix);
            let mut tally = Tally::default();
            self.check_child(ix, region, None, (region.rect, region.root()), &mut tally)?;
            let (len, counted) = (region.len() as usize, tally.drivers);
            holds!(len == counted, "L4", "region {ix} counts {len} drivers, has {counted}");
            let (supply, counted) = (region.supply(), tally.supply);
            holds!(supply == counted, "L4", "region {ix} supplies {supply:?}, has {counted:?}");
            all.drivers += tally.drivers;
            all.buckets += tally.buckets;
            all.nodes += tally.nodes;
        }
        let (buckets, nodes) = (self.store.buckets().in_use(), self.store.nodes().in_use());
        holds!(buckets == all.buckets, "B0", "{buckets} buckets in use, {} linked", all.buckets);
        holds!(nodes == all.nodes, "N0", "{nodes} nodes in use, {} linked", all.nodes);
        self.check_slots(all.drivers)
    }

    fn check_slots(&self, placed: usize) -> Result<(), Violation> {
        let slots = self.slots.lock();
        let wheel = self.wheel.lock();
        let (mut known, mut with_position) = (0, 0);
        for slot in slots.ever() {
            let (generation, place) = self.store.record_at(slot).place();
            let key = record::key(slot, generation);
            if place == Place::Free {
                holds!(self.names.id(key).is_none(), "L2", "free slot {slot} has a name");
                holds!(!wheel.has(slot), "L2", "free slot {slot} is in the wheel");
                continue;
            }
            known += 1;
            with_position += usize::from(matches!(place, Place::In { .. }));
            let found = self.names.id(key).and_then(|id| self.names.find(&id));
            holds!(found == Some(key), "L2", "slot {slot} is found as {found:?} by its name");
            holds!(wheel.has(slot), "L2", "slot {slot} is not in the wheel");
        }
        let in_use = slots.in_use();
        holds!(known == in_use, "L2", "{known} slots are known, {in_use} in use");
        holds!(wheel.len() == known, "L2", "{} in the wheel, {known} known", wheel.len());
        holds!(with_position == placed, "B1", "{with_position} records, {placed} lanes");
        Ok(())
    }

    fn check_child(
        &self,
        region_ix: u32,
        region: &Region,
        parent: Option<u32>,
        (rect, child): (Rect, Child),
        tally: &mut Tally,
    ) -> Result<(), Violation> {
        match child {
            Child::Empty => Ok(()),
            Child::Bucket(ix) => self.check_chain(region_ix, region, parent, (rect, ix), tally),
            Child::Node(ix) => {
                tally.nodes += 1;
                let node = self.store.node(ix);
                holds!(node.parent() == parent, "N3", "node {ix} is below {parent:?}");
                holds!(node.rect() == rect, "N3", "node {ix} has {:?}, not {rect:?}", node.rect());
                let mut covered = 0u64;
                for slot in 0..SIDE * SIDE {
                    let block = node.block(slot);
                    let head = block.head(slot);
                    let begins = node.block(head) == block;
                    holds!(begins, "N1", "slot {slot} of node {ix} is in no block");
                    let (marked, used) =
                        (node.heads() >> slot & 1 == 1, block.child != Child::Empty);
                    holds!(
                        marked == (used && head == slot),
                        "N2",
                        "slot {slot} of node {ix}: heads {marked}, {block:?}"
                    );
                    if head == slot {
                        covered += 1 << (block.w + block.h);
                        self.check_block(region_ix, region, ix, (slot, block), tally)?;
                    }
                }
                holds!(covered == 64, "N1", "blocks of node {ix} cover {covered} slots");
                Ok(())
            }
        }
    }

    fn check_block(
        &self,
        region_ix: u32,
        region: &Region,
        node: u32,
        (head, block): (usize, Block),
        tally: &mut Tally,
    ) -> Result<(), Violation> {
        let finer = matches!(block.child, Child::Node(_));
        holds!(!finer || block.w + block.h == 0, "N3", "a node fills {block:?} of node {node}");
        let rect = self.store.node(node).block_rect(head, block);
        self.check_child(region_ix, region, Some(node), (rect, block.child), tally)
    }

    fn check_chain(
        &self,
        region_ix: u32,
        region: &Region,
        parent: Option<u32>,
        (rect, head): (Rect, u32),
        tally: &mut Tally,
    ) -> Result<(), Violation> {
        let mut next = Some(head);
        while let Some(ix) = next {
            let bucket = self.store.bucket(ix);
            tally.buckets += 1;
            let belongs = bucket.region() == region_ix && bucket.parent() == parent;
            holds!(belongs, "B2", "bucket {ix} is not below {parent:?} of region {region_ix}");
            holds!(bucket.rect() == rect, "B2", "bucket {ix} has {:?}", bucket.rect());
            let len = bucket.len();
            holds!((1..=CAPACITY).contains(&len), "B1", "bucket {ix} has {len} lanes");
            holds!(ix == head || len == CAPACITY, "B3", "bucket {ix} has a gap: {len} lanes");
            let chained = ix != head || bucket.next().is_some();
            holds!(bucket.chained() == chained, "B3", "bucket {ix}: chained is not {chained}");
            let encloses = !bucket.interior() || region.encloses(rect);
            holds!(encloses, "B2", "bucket {ix} is not interior");
            for lane in 0..len {
                self.check_lane(region, ix, lane, tally)?;
            }
            next = bucket.next();
        }
        Ok(())
    }

    fn check_lane(
        &self,
        region: &Region,
        ix: u32,
        lane: usize,
        tally: &mut Tally,
    ) -> Result<(), Violation> {
        let bucket = self.store.bucket(ix);
        let value = bucket.lane(lane);
        let key = value.key();
        let here = Place::In { bucket: ix, lane: u8::try_from(lane).unwrap_or(u8::MAX) };
        let place = self.store.record(key).place();
        holds!(
            place == (record::generation(key), here),
            "B1",
            "lane {lane} of bucket {ix} is {key:?}, whose record says {place:?}"
        );
        let settled = self.store.record(key).settled(key);
        holds!(settled == Some((ix, lane)), "L1", "{key:?} is held, though nobody moves it");
        let position = value.bam().lat_lng();
        holds!(bucket.rect().holds(value.bam()), "B2", "{position} is beyond bucket {ix}");
        let cell = cell_of(position, RESOLUTION);
        holds!(cell == region.cell, "R1", "{position} is in {cell}, not {}", region.cell);
        tally.drivers += 1;
        if value.first() & STALE == 0 {
            tally.supply[usize::from(status_of(value.first()).code())] += 1;
        }
        Ok(())
    }
}
