//! A bucket: up to 64 drivers who stand in one rectangle, as columns for the scan.
//!
//! # Invariants
//! B1: lanes `0..len` are drivers; each one's record points back at its lane.
//! B2: each driver lies in the rectangle `x0..x0 + 2^w` × `y0..y0 + 2^h`.
//! B3: buckets of a chain share a rectangle that cannot be cut, and all but the head are full.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed};

use super::raw;
use super::version::{Members, Version};
use crate::geo::Bam;
use crate::model::DriverKey;

/// Drivers in a bucket: 128 make updates a third cheaper and searches a tenth dearer.
pub(super) const CAPACITY: usize = 64;

/// Drivers in a block: as many as fit a 256-bit register.
pub(super) const BLOCK: usize = 8;

const INTERIOR: u32 = 1 << 16;
const CHAINED: u32 = 1 << 17;

/// A header line and eight blocks of three lines.
#[repr(C, align(64))]
pub(super) struct Bucket {
    /// Odd while lanes are being written.
    pub(super) version: Version,
    /// Changes with who is in the bucket.
    pub(super) members: Members,
    len: AtomicU32,
    region: AtomicU32,
    /// The node above plus one; 0 below a region's root.
    parent: AtomicU32,
    /// The next bucket of the chain plus one; 0 at its end.
    next: AtomicU32,
    x0: AtomicU32,
    y0: AtomicU32,
    /// Width and height as powers of two, and the flags.
    shape: AtomicU32,
    blocks: [Block; CAPACITY / BLOCK],
}

/// Eight drivers: positions in one cache line, times and first words in the next.
#[repr(C, align(64))]
struct Block {
    xy: [AtomicU64; BLOCK],
    tm: [AtomicU64; BLOCK],
    rest: [AtomicU64; BLOCK],
}

/// One driver in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    /// x low, y high.
    pub(super) xy: u64,
    /// 32-bit time low, first word of the meta high.
    pub(super) tm: u64,
    /// Key low, second word of the meta high.
    pub(super) rest: u64,
}

impl Lane {
    pub(super) fn new(bam: Bam, at: u32, first: u32, key: DriverKey, second: u32) -> Self {
        Self { xy: pack_xy(bam), tm: pair(at, first), rest: pair(key.0, second) }
    }

    #[inline]
    pub(super) fn bam(self) -> Bam {
        unpack_xy(self.xy)
    }

    #[inline]
    pub(super) fn at(self) -> u32 {
        low(self.tm)
    }

    #[inline]
    pub(super) fn first(self) -> u32 {
        high(self.tm)
    }

    #[inline]
    pub(super) fn key(self) -> DriverKey {
        DriverKey(low(self.rest))
    }

    #[inline]
    pub(super) fn second(self) -> u32 {
        high(self.rest)
    }
}

/// A square-ish piece of the plane of binary angles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    /// Western edge; the plane wraps.
    pub(super) x0: i32,
    /// Southern edge.
    pub(super) y0: i32,
    /// Width as a power of two.
    pub(super) w: u32,
    /// Height as a power of two.
    pub(super) h: u32,
}

impl Rect {
    #[inline]
    pub(super) fn holds(&self, p: Bam) -> bool {
        let dx = u64::from(p.x.wrapping_sub(self.x0).cast_unsigned());
        let dy = u64::from(p.y.wrapping_sub(self.y0).cast_unsigned());
        (dx >> self.w) | (dy >> self.h) == 0
    }
}

impl Bucket {
    /// Makes a free bucket an empty one of a region.
    pub(super) fn init(&self, region: u32, parent: Option<u32>, rect: Rect, interior: bool) {
        self.len.store(0, Relaxed);
        self.region.store(region, Relaxed);
        self.next.store(0, Relaxed);
        self.shape.store(0, Relaxed);
        self.set_parent(parent);
        self.set_rect(rect);
        self.set_flag(INTERIOR, interior);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        // A reader that raced may see any number that was stored, never more than the capacity.
        self.len.load(Relaxed) as usize
    }

    pub(super) fn set_len(&self, len: usize) {
        debug_assert!(len <= CAPACITY, "B1: {len} lanes");
        #[expect(clippy::cast_possible_truncation, reason = "at most CAPACITY")]
        self.len.store(len as u32, Relaxed);
    }

    #[inline]
    pub(super) fn region(&self) -> u32 {
        // With the fence of the writer's `Version::open`: a region is known before its buckets.
        self.region.load(Acquire)
    }

    pub(super) fn parent(&self) -> Option<u32> {
        self.parent.load(Relaxed).checked_sub(1)
    }

    pub(super) fn set_parent(&self, parent: Option<u32>) {
        self.parent.store(parent.map_or(0, |node| node + 1), Relaxed);
    }

    #[inline]
    pub(super) fn next(&self) -> Option<u32> {
        self.next.load(Relaxed).checked_sub(1)
    }

    pub(super) fn set_next(&self, next: Option<u32>) {
        self.next.store(next.map_or(0, |bucket| bucket + 1), Relaxed);
    }

    #[inline]
    pub(super) fn rect(&self) -> Rect {
        let shape = self.shape.load(Relaxed);
        Rect {
            x0: self.x0.load(Relaxed).cast_signed(),
            y0: self.y0.load(Relaxed).cast_signed(),
            w: shape & 0x3f,
            h: shape >> 8 & 0x3f,
        }
    }

    pub(super) fn set_rect(&self, rect: Rect) {
        let flags = self.shape.load(Relaxed) & (INTERIOR | CHAINED);
        self.x0.store(rect.x0.cast_unsigned(), Relaxed);
        self.y0.store(rect.y0.cast_unsigned(), Relaxed);
        self.shape.store(flags | rect.w | rect.h << 8, Relaxed);
    }

    /// Whether the rectangle surely lies in the region's hexagon.
    #[inline]
    pub(super) fn interior(&self) -> bool {
        self.shape.load(Relaxed) & INTERIOR != 0
    }

    pub(super) fn set_interior(&self, interior: bool) {
        self.set_flag(INTERIOR, interior);
    }

    /// Whether the bucket is part of a chain (B3).
    pub(super) fn chained(&self) -> bool {
        self.shape.load(Relaxed) & CHAINED != 0
    }

    pub(super) fn set_chained(&self, chained: bool) {
        self.set_flag(CHAINED, chained);
    }

    fn set_flag(&self, flag: u32, on: bool) {
        let shape = self.shape.load(Relaxed);
        self.shape.store(if on { shape | flag } else { shape & !flag }, Relaxed);
    }

    #[inline]
    fn at(&self, lane: usize) -> (&Block, usize) {
        (&self.blocks[lane / BLOCK % (CAPACITY / BLOCK)], lane % BLOCK)
    }

    #[inline]
    pub(super) fn lane(&self, lane: usize) -> Lane {
        let (block, i) = self.at(lane);
        Lane {
            xy: block.xy[i].load(Relaxed),
            tm: block.tm[i].load(Relaxed),
            rest: block.rest[i].load(Relaxed),
        }
    }

    pub(super) fn set_lane(&self, lane: usize, value: Lane) {
        let (block, i) = self.at(lane);
        block.xy[i].store(value.xy, Relaxed);
        block.tm[i].store(value.tm, Relaxed);
        block.rest[i].store(value.rest, Relaxed);
    }

    /// Position, time and first word, without touching the rest's cache line.
    #[inline]
    pub(super) fn xy_tm(&self, lane: usize) -> (u64, u64) {
        let (block, i) = self.at(lane);
        (block.xy[i].load(Relaxed), block.tm[i].load(Relaxed))
    }

    #[inline]
    pub(super) fn set_xy_tm(&self, lane: usize, xy: u64, tm: u64) {
        let (block, i) = self.at(lane);
        block.xy[i].store(xy, Relaxed);
        block.tm[i].store(tm, Relaxed);
    }

    pub(super) fn set_rest(&self, lane: usize, rest: u64) {
        let (block, i) = self.at(lane);
        block.rest[i].store(rest, Relaxed);
    }

    /// Copies the columns of the used blocks, the rest if asked to; returns the number of drivers.
    #[expect(clippy::inline_always, reason = "part of the scan's vectorized work")]
    #[inline(always)]
    pub(super) fn copy(&self, columns: &mut Columns, with_rest: bool) -> usize {
        let len = self.len().min(CAPACITY);
        for (b, block) in self.blocks.iter().enumerate().take(len.div_ceil(BLOCK)) {
            for i in 0..BLOCK {
                columns.xy[b * BLOCK + i] = block.xy[i].load(Relaxed);
                columns.tm[b * BLOCK + i] = block.tm[i].load(Relaxed);
            }
            if with_rest {
                for i in 0..BLOCK {
                    columns.rest[b * BLOCK + i] = block.rest[i].load(Relaxed);
                }
            }
        }
        len
    }

    /// Asks for the lines that an update of `lane` will touch.
    #[inline]
    pub(super) fn prefetch_lane(&self, lane: usize) {
        let (block, _) = self.at(lane);
        raw::prefetch(&self.version);
        raw::prefetch(&block.xy);
        raw::prefetch(&block.tm);
    }

    /// Asks for the lines of a lane that a driver goes to or comes from.
    #[inline]
    pub(super) fn prefetch_whole_lane(&self, lane: usize) {
        let (block, _) = self.at(lane);
        raw::prefetch(&block.xy);
        raw::prefetch(&block.tm);
        raw::prefetch(&block.rest);
    }

    /// Asks for the header, as soon as a scan becomes likely.
    #[inline]
    pub(super) fn prefetch_header(&self) {
        raw::prefetch(&self.version);
        raw::prefetch(&self.blocks[0].xy);
    }

    /// Asks for the lines that a scan reads.
    #[inline]
    pub(super) fn prefetch_scan(&self, with_rest: bool) {
        raw::prefetch(&self.version);
        for block in &self.blocks {
            raw::prefetch(&block.xy);
            raw::prefetch(&block.tm);
            if with_rest {
                raw::prefetch(&block.rest);
            }
        }
    }
}

/// The columns of a bucket that the scan looks at.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Columns {
    pub(super) xy: [u64; CAPACITY],
    pub(super) tm: [u64; CAPACITY],
    pub(super) rest: [u64; CAPACITY],
}

impl Default for Columns {
    fn default() -> Self {
        Self { xy: [0; CAPACITY], tm: [0; CAPACITY], rest: [0; CAPACITY] }
    }
}

#[inline]
pub(super) fn pack_xy(bam: Bam) -> u64 {
    pair(bam.x.cast_unsigned(), bam.y.cast_unsigned())
}

#[inline]
pub(super) fn unpack_xy(xy: u64) -> Bam {
    Bam { x: low(xy).cast_signed(), y: high(xy).cast_signed() }
}

#[inline]
pub(super) fn pair(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

#[inline]
pub(super) fn low(word: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half")]
    let half = word as u32;
    half
}

#[inline]
pub(super) fn high(word: u64) -> u32 {
    low(word >> 32)
}
