//! The memory of the index: buckets, nodes and records, by number.

use super::arena::Arena;
use super::bucket::{Bucket, Lane, Rect};
use super::node::{Child, Node, SIDE_LOG2};
use super::record::{self, Place, Record};
use super::region::Region;
use super::regions::Regions;
use crate::geo::Bam;
use crate::model::DriverKey;

/// Places beyond one a driver, for what is in the making.
const SPARE: usize = 1 << 12;

/// Levels of the deepest tree: from the whole turn down to less than a unit.
const LEVELS: usize = 11;

/// The nodes of a region that lie above each other around a position, the root first.
#[derive(Debug)]
pub(super) struct Path {
    root: Rect,
    /// The position, from the root's corner.
    dx: u32,
    dy: u32,
    nodes: [u32; LEVELS],
    len: usize,
}

impl Path {
    /// The side of the nodes of a level as a power of two.
    #[inline]
    fn side(&self, level: usize) -> Option<u32> {
        self.root.w.checked_sub(u32::try_from(level).ok()? * SIDE_LOG2)
    }

    /// The smallest node whose square satisfies `fits`; the root if none does.
    #[inline]
    pub(super) fn smallest(&self, fits: impl Fn(Rect) -> bool) -> Option<u32> {
        let level = (1..self.len).rev().find(|&level| {
            self.side(level).is_some_and(|w| {
                let corner = |from: i32, d: u32| from.wrapping_add_unsigned(d >> w << w);
                let (x0, y0) = (corner(self.root.x0, self.dx), corner(self.root.y0, self.dy));
                fits(Rect { x0, y0, w, h: w })
            })
        });
        self.nodes[..self.len].get(level.unwrap_or(0)).copied()
    }
}

/// Everything that readers reach without a lock.
pub(super) struct Store {
    pub(super) regions: Regions,
    buckets: Arena<Bucket>,
    nodes: Arena<Node>,
    records: Arena<Record>,
}

impl Store {
    /// Memory for so many drivers.
    pub(super) fn new(drivers: usize) -> Self {
        Self {
            regions: Regions::new(),
            // Each bucket in use has a driver, but for the one that is just being filled in
            // each region.
            buckets: Arena::new(drivers + SPARE),
            // A node comes with a full bucket and goes when its buckets have emptied; should
            // the nodes run out, buckets form chains.
            nodes: Arena::new(drivers / 2 + SPARE),
            records: Arena::new(drivers),
        }
    }

    #[inline]
    pub(super) fn bucket(&self, ix: u32) -> &Bucket {
        self.buckets.get(ix)
    }

    #[inline]
    pub(super) fn node(&self, ix: u32) -> &Node {
        self.nodes.get(ix)
    }

    /// The record of a key's slot.
    #[inline]
    pub(super) fn record(&self, key: DriverKey) -> &Record {
        self.records.get(record::slot(key))
    }

    /// The record of a slot.
    pub(super) fn record_at(&self, slot: u32) -> &Record {
        self.records.get(slot)
    }

    /// Bytes of buckets, nodes and regions in use.
    pub(super) fn memory(&self) -> usize {
        self.buckets.in_use() * size_of::<Bucket>()
            + self.nodes.in_use() * size_of::<Node>()
            + self.regions.all().len() * size_of::<Region>()
    }

    pub(super) fn buckets(&self) -> &Arena<Bucket> {
        &self.buckets
    }

    pub(super) fn nodes(&self) -> &Arena<Node> {
        &self.nodes
    }

    /// What stands in the block of a position, a bucket or nothing, and the way there.
    #[inline]
    pub(super) fn descend(&self, region: &Region, p: Bam) -> (Child, Path) {
        // The slots follow from the root's square alone, so that each level costs one miss.
        let dx = p.x.wrapping_sub(region.rect.x0).cast_unsigned();
        let dy = p.y.wrapping_sub(region.rect.y0).cast_unsigned();
        let mut path = Path { root: region.rect, dx, dy, nodes: [0; LEVELS], len: 0 };
        let mut child = region.root();
        while let Child::Node(ix) = child {
            let Some(shift) = path.side(path.len + 1).filter(|_| path.len < LEVELS) else {
                // No tree is so deep: it is being changed, which the reader will find out.
                return (Child::Empty, path);
            };
            path.nodes[path.len] = ix;
            path.len += 1;
            let slot = (dy >> shift & 7) * 8 + (dx >> shift & 7);
            child = self.node(ix).block(slot as usize).child;
        }
        if let Child::Bucket(ix) = child {
            self.bucket(ix).prefetch_scan(false);
        }
        if let Some(last) = path.len.checked_sub(1) {
            // The caller is likely to open it.
            self.node(path.nodes[last]).prefetch();
        }
        (child, path)
    }

    /// Writes a driver to a lane and points its record there; the bucket is open.
    #[inline]
    pub(super) fn put(&self, bucket: u32, lane: usize, value: Lane) {
        self.bucket(bucket).set_lane(lane, value);
        let key = value.key();
        #[expect(clippy::cast_possible_truncation, reason = "lanes are 0..64")]
        let place = Place::In { bucket, lane: lane as u8 };
        self.record(key).set_place(record::generation(key), place);
    }
}
