//! Changes to a region's tree of buckets: making room, moving drivers, tidying up.
//!
//! All of it runs under the region's lock. Readers are told in two ways: a bucket's own
//! version and members for what happens in its lanes, the region's shape for what happens to
//! the directories. A change of members that touches several buckets announces it in all
//! before it closes any, so that a reader sees the driver in exactly one of them.

use super::bucket::{CAPACITY, Lane, Rect};
use super::node::{Block, Child, Node, SIDE, SIDE_LOG2};
use super::region::Region;
use super::store::Store;
use crate::geo::Bam;
use crate::model::Motion;
use crate::sync::{Ordering, fence};

/// Slots are not cut below 2^3 units, 7 cm: beyond that, buckets form a chain.
const MIN_SHIFT: u32 = 3;

/// A bucket that shrinks to this looks for a neighbour to join.
const TIDY_AT: usize = CAPACITY / 8;

/// Neighbours join if together they have no more than this.
const JOIN_AT: usize = CAPACITY / 2;

/// The right to change the tree of one region: made by whoever holds its lock.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a> {
    pub(super) store: &'a Store,
    pub(super) region: &'a Region,
    pub(super) region_ix: u32,
}

/// A block of the tree: in a node, or the root itself.
#[derive(Clone, Copy, Debug)]
struct Spot {
    /// The node and the first slot of the block; none for the root.
    above: Option<(u32, usize)>,
    block: Block,
}

impl Tree<'_> {
    /// A bucket for this position with a free lane, made by cutting or chaining if need be.
    ///
    /// `near` is a bucket of this tree that is likely close by, where the way begins.
    pub(super) fn room_for(&self, p: Bam, near: Option<u32>) -> u32 {
        let mut start = near.map_or(self.root(), |near| self.climb(near, p));
        loop {
            let spot = self.descend(start, p);
            match spot.block.child {
                Child::Empty => return self.plant(spot),
                Child::Bucket(ix) if self.store.bucket(ix).len() < CAPACITY => return ix,
                Child::Bucket(ix) => {
                    let rect = self.rect(spot);
                    if spot.above.is_none() || spot.block.w | spot.block.h == 0 {
                        if rect.w < SIDE_LOG2 + MIN_SHIFT || !self.refine(spot, ix) {
                            return self.chain(spot, ix);
                        }
                        start = self.root();
                    } else {
                        self.halve(spot, ix);
                    }
                }
                Child::Node(_) => unreachable!("locate descends through nodes"),
            }
        }
    }

    /// Adds a driver, who was nowhere, to a bucket with a free lane.
    pub(super) fn add(&self, to: u32, value: Lane, motion: Motion) {
        let bucket = self.store.bucket(to);
        bucket.version.open();
        bucket.members.change();
        self.append(to, value);
        // Before it is closed: the word held something else while the driver was nowhere. Who
        // reads the motion there learns, after a fence, that it waits no more.
        fence(Ordering::Release);
        self.store.record(value.key()).set_motion(motion);
        bucket.version.close();
    }

    fn append(&self, to: u32, value: Lane) {
        let bucket = self.store.bucket(to);
        let lane = bucket.len();
        self.store.put(to, lane, value);
        bucket.set_len(lane + 1);
    }

    /// Moves a driver from a lane of this tree to a bucket, of this or another locked tree, as
    /// `value`; then tidies what it left.
    pub(super) fn transfer(
        &self,
        from: u32,
        lane: usize,
        to: u32,
        (value, motion): (Lane, Motion),
    ) {
        self.vacate(from, lane, Some((to, value, motion)));
    }

    /// Removes the driver at a lane; then tidies what it left.
    pub(super) fn remove(&self, from: u32, lane: usize) {
        self.vacate(from, lane, None);
    }

    fn vacate(&self, from: u32, lane: usize, target: Option<(u32, Lane, Motion)>) {
        let source = self.store.bucket(from);
        let chained = source.chained();
        if chained {
            self.region.shape.open();
        }
        source.version.open();
        source.members.change();
        if let Some((to, value, motion)) = target {
            let bucket = self.store.bucket(to);
            bucket.version.open();
            bucket.members.change();
            self.append(to, value);
            self.store.record(value.key()).set_motion(motion);
        }
        let (shorter, emptied) =
            if chained { self.refill(from, lane) } else { (self.close_gap(from, lane), None) };
        // Both are announced by now: a reader that sees one change is told of the other.
        if let Some((to, _, _)) = target {
            self.store.bucket(to).version.close();
        }
        source.version.close();
        if chained {
            self.region.shape.close();
        }
        if let Some(head) = emptied {
            self.store.buckets().free(head);
        }
        self.tidy(shorter);
    }

    /// Fills a lane with the last one; returns the bucket that got shorter.
    fn close_gap(&self, from: u32, lane: usize) -> u32 {
        let bucket = self.store.bucket(from);
        let last = bucket.len() - 1;
        if lane != last {
            self.store.put(from, lane, bucket.lane(last));
        }
        bucket.set_len(last);
        from
    }

    /// Fills a lane of a chain from the chain's head (B3); the shape is open. Returns the new
    /// head, and the old one if that emptied it.
    fn refill(&self, from: u32, lane: usize) -> (u32, Option<u32>) {
        let p = self.store.bucket(from).lane(lane).bam();
        let spot = self.locate(p);
        let Child::Bucket(head) = spot.block.child else {
            unreachable!("bucket {from} is not below its spot")
        };
        if head == from {
            self.close_gap(from, lane);
        } else {
            let bucket = self.store.bucket(head);
            bucket.version.open();
            bucket.members.change();
            let last = bucket.len() - 1;
            self.store.put(from, lane, bucket.lane(last));
            bucket.set_len(last);
            bucket.version.close();
        }
        let (len, next) = (self.store.bucket(head).len(), self.store.bucket(head).next());
        let (0, Some(next)) = (len, next) else { return (head, None) };
        self.replace(spot, Child::Bucket(next));
        self.store.bucket(next).set_chained(self.store.bucket(next).next().is_some());
        (next, Some(head))
    }

    fn root(&self) -> Spot {
        Spot { above: None, block: Block::single(self.region.root()) }
    }

    /// The lowest node above a bucket that covers a position, as a place to descend from.
    fn climb(&self, near: u32, p: Bam) -> Spot {
        let mut above = self.store.bucket(near).parent();
        while let Some(ix) = above {
            let node = self.store.node(ix);
            if node.rect().holds(p) {
                let block = Block::single(Child::Node(ix));
                return Spot { above: None, block };
            }
            above = node.parent();
        }
        self.root()
    }

    /// The block that holds a position.
    fn locate(&self, p: Bam) -> Spot {
        self.descend(self.root(), p)
    }

    /// The block that holds a position, below `start`.
    fn descend(&self, start: Spot, p: Bam) -> Spot {
        let mut spot = start;
        while let Child::Node(ix) = spot.block.child {
            let node = self.store.node(ix);
            let slot = node.slot_of(p);
            let block = node.block(slot);
            spot = Spot { above: Some((ix, block.head(slot))), block };
        }
        spot
    }

    fn rect(&self, spot: Spot) -> Rect {
        match spot.above {
            None => self.region.rect,
            Some((node, head)) => self.store.node(node).block_rect(head, spot.block),
        }
    }

    /// Puts another child in a block; the shape is open.
    fn replace(&self, spot: Spot, child: Child) {
        match spot.above {
            None => self.region.set_root(child),
            Some((node, head)) => {
                self.store.node(node).set_block(head, Block { child, ..spot.block });
            }
        }
    }

    fn new_bucket(&self, parent: Option<u32>, rect: Rect, interior: bool) -> u32 {
        let Some(ix) = self.store.buckets().alloc() else {
            unreachable!("B0: each bucket in use has a driver")
        };
        let bucket = self.store.bucket(ix);
        bucket.version.open();
        bucket.members.change();
        bucket.init(self.region_ix, parent, rect, interior);
        bucket.version.close();
        ix
    }

    /// Gives an empty block a bucket.
    fn plant(&self, spot: Spot) -> u32 {
        let rect = self.rect(spot);
        let parent = spot.above.map(|(node, _)| node);
        let ix = self.new_bucket(parent, rect, self.region.encloses(rect));
        self.region.shape.open();
        self.replace(spot, Child::Bucket(ix));
        self.region.shape.close();
        ix
    }

    /// Puts an empty bucket in front of a full one that cannot be cut.
    fn chain(&self, spot: Spot, full: u32) -> u32 {
        let old = self.store.bucket(full);
        let head = self.new_bucket(old.parent(), old.rect(), old.interior());
        self.region.shape.open();
        old.set_chained(true);
        self.store.bucket(head).set_chained(true);
        self.store.bucket(head).set_next(Some(full));
        self.replace(spot, Child::Bucket(head));
        self.region.shape.close();
        head
    }

    /// Puts a node between a block of one slot and its bucket, which fills it; false if the
    /// nodes have run out.
    fn refine(&self, spot: Spot, ix: u32) -> bool {
        if self.store.bucket(ix).chained() {
            return false;
        }
        let rect = self.rect(spot);
        let Some(node_ix) = self.store.nodes().alloc() else { return false };
        let node = self.store.node(node_ix);
        self.region.shape.open();
        node.init(spot.above.map(|(node, _)| node), rect.x0, rect.y0, rect.w - SIDE_LOG2);
        node.set_block(0, Block { child: Child::Bucket(ix), w: SIDE_LOG2, h: SIDE_LOG2 });
        self.store.bucket(ix).set_parent(Some(node_ix));
        self.replace(spot, Child::Node(node_ix));
        self.region.shape.close();
        true
    }

    /// Cuts a block of several slots in two, across its longer side on the ground.
    fn halve(&self, spot: Spot, ix: u32) {
        let Some((node_ix, head)) = spot.above else { unreachable!("a root is refined first") };
        let node = self.store.node(node_ix);
        let Block { w, h, .. } = spot.block;
        let by_x = w > 0 && (h == 0 || Self::wider(self.rect(spot)));
        let half =
            if by_x { Block { w: w - 1, ..spot.block } } else { Block { h: h - 1, ..spot.block } };
        let upper_head = head + if by_x { 1 << half.w } else { SIDE << half.h };
        let upper_rect = node.block_rect(upper_head, half);
        let bucket = self.store.bucket(ix);
        let upper = self.new_bucket(Some(node_ix), upper_rect, bucket.interior());

        self.region.shape.open();
        bucket.version.open();
        bucket.members.change();
        self.store.bucket(upper).version.open();
        bucket.set_rect(node.block_rect(head, half));
        self.separate(ix, upper, upper_rect);
        self.store.bucket(upper).version.close();
        bucket.version.close();
        let lower_child = self.keep_or_free(ix);
        let upper_child = self.keep_or_free(upper);
        node.set_block(head, Block { child: lower_child, ..half });
        node.set_block(upper_head, Block { child: upper_child, ..half });
        self.region.shape.close();
    }

    /// Moves the lanes that lie in `rect` from one bucket to another, and settles both flags.
    fn separate(&self, from: u32, to: u32, rect: Rect) {
        let (source, target) = (self.store.bucket(from), self.store.bucket(to));
        let mut kept = 0;
        for lane in 0..source.len() {
            let value = source.lane(lane);
            if rect.holds(value.bam()) {
                self.append(to, value);
            } else {
                if lane != kept {
                    self.store.put(from, kept, value);
                }
                kept += 1;
            }
        }
        source.set_len(kept);
        if !source.interior() {
            source.set_interior(self.region.encloses(source.rect()));
            target.set_interior(self.region.encloses(rect));
        }
    }

    fn keep_or_free(&self, ix: u32) -> Child {
        if self.store.bucket(ix).len() > 0 {
            return Child::Bucket(ix);
        }
        self.store.buckets().free(ix);
        Child::Empty
    }

    /// Whether a rectangle is wider than high on the ground.
    fn wider(rect: Rect) -> bool {
        let unit = std::f64::consts::PI / 2_147_483_648.0;
        let middle = i64::from(rect.y0) + (1i64 << rect.h) / 2;
        let cos = (middle as f64 * unit).cos().max(0.0);
        (1i64 << rect.w) as f64 * cos >= (1i64 << rect.h) as f64
    }

    /// Joins a bucket that has become small with its neighbours, and shrinks the directories.
    fn tidy(&self, ix: u32) {
        let bucket = self.store.bucket(ix);
        let len = bucket.len();
        if len > TIDY_AT || bucket.chained() {
            return;
        }
        let Some(mut node_ix) = bucket.parent() else {
            if len == 0 {
                self.region.shape.open();
                self.region.set_root(self.keep_or_free(ix));
                self.region.shape.close();
            }
            return;
        };
        let Rect { x0, y0, .. } = bucket.rect();
        let corner = Bam { x: x0, y: y0 };
        self.region.shape.open();
        if len == 0 {
            let node = self.store.node(node_ix);
            let slot = node.slot_of(corner);
            let block = node.block(slot);
            node.set_block(block.head(slot), Block { child: self.keep_or_free(ix), ..block });
        }
        while self.join_neighbours(node_ix, corner) {
            match self.collapse(node_ix) {
                Some(above) => node_ix = above,
                None => break,
            }
        }
        self.region.shape.close();
    }

    /// Joins blocks around `corner` as long as they fit; whether one fills the whole node.
    fn join_neighbours(&self, node_ix: u32, corner: Bam) -> bool {
        let node = self.store.node(node_ix);
        loop {
            let slot = node.slot_of(corner);
            let block = node.block(slot);
            if block.w == SIDE_LOG2 && block.h == SIDE_LOG2 {
                return true;
            }
            let head = block.head(slot);
            let by_x = block.w < SIDE_LOG2 && self.join(node, head, block, true);
            if !(by_x || block.h < SIDE_LOG2 && self.join(node, head, block, false)) {
                return false;
            }
        }
    }

    /// Joins a block with its neighbour of the same size in one direction, if they fit.
    fn join(&self, node: &Node, head: usize, block: Block, by_x: bool) -> bool {
        let step = if by_x { 1 << block.w } else { SIDE << block.h };
        let other_head = head ^ step;
        let other = node.block(other_head);
        if (other.w, other.h) != (block.w, block.h) {
            return false;
        }
        let Some(child) = self.join_children(block.child, other.child) else { return false };
        let joined = if by_x {
            Block { child, w: block.w + 1, h: block.h }
        } else {
            Block { child, w: block.w, h: block.h + 1 }
        };
        let joined_head = head & !step;
        if let Child::Bucket(ix) = child {
            let bucket = self.store.bucket(ix);
            let rect = node.block_rect(joined_head, joined);
            bucket.version.open();
            bucket.members.change();
            bucket.set_rect(rect);
            bucket.set_interior(self.region.encloses(rect));
            bucket.version.close();
        }
        node.set_block(joined_head, joined);
        true
    }

    /// One child with the drivers of both, if they fit.
    fn join_children(&self, a: Child, b: Child) -> Option<Child> {
        match (a, b) {
            (Child::Node(_), _) | (_, Child::Node(_)) => None,
            (Child::Empty, other) | (other, Child::Empty) => match other {
                Child::Bucket(ix) if self.store.bucket(ix).chained() => None,
                Child::Bucket(ix) if self.store.bucket(ix).len() > JOIN_AT => None,
                _ => Some(other),
            },
            (Child::Bucket(a), Child::Bucket(b)) => {
                let (into, from) = (self.store.bucket(a), self.store.bucket(b));
                let fits = into.len() + from.len() <= JOIN_AT;
                if !fits || into.chained() || from.chained() {
                    return None;
                }
                for bucket in [into, from] {
                    bucket.version.open();
                    bucket.members.change();
                }
                for lane in 0..from.len() {
                    self.append(a, from.lane(lane));
                }
                from.set_len(0);
                for bucket in [from, into] {
                    bucket.version.close();
                }
                self.store.buckets().free(b);
                Some(Child::Bucket(a))
            }
        }
    }

    /// Replaces a node that one block fills by that block; the node above, if there is one.
    fn collapse(&self, node_ix: u32) -> Option<u32> {
        let node = self.store.node(node_ix);
        let child = node.block(0).child;
        let above = node.parent();
        if let Child::Bucket(ix) = child {
            self.store.bucket(ix).set_parent(above);
        }
        match above {
            None => self.region.set_root(child),
            Some(above) => {
                let Rect { x0, y0, .. } = node.rect();
                let parent = self.store.node(above);
                parent.set_block(parent.slot_of(Bam { x: x0, y: y0 }), Block::single(child));
            }
        }
        self.store.nodes().free(node_ix);
        above
    }
}
