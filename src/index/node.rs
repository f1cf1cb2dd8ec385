//! A node: an 8 × 8 directory of buckets and smaller nodes.
//!
//! A bucket owns a block of slots that is 1, 2, 4 or 8 wide and high, so that cutting one in
//! two is cheap and looking one up is a shift.
//!
//! # Invariants
//! N1: the blocks tile the 64 slots; each begins at a multiple of its own width and height.
//! N2: `heads` has a bit at the first slot of each block that holds a bucket or a node.
//! N3: a node below another covers exactly one slot of it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::bucket::Rect;
use super::raw;
use crate::geo::Bam;

/// Slots on each side.
pub(super) const SIDE: usize = 8;

/// Log₂ of [`SIDE`].
pub(super) const SIDE_LOG2: u32 = 3;

/// The directory.
#[repr(C, align(64))]
pub(super) struct Node {
    children: [AtomicU32; SIDE * SIDE],
    heads: AtomicU64,
    x0: AtomicU32,
    y0: AtomicU32,
    /// Side of a slot as a power of two.
    shift: AtomicU32,
    /// The node above plus one; 0 below a region's root.
    parent: AtomicU32,
}

/// What a block of slots holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// Nobody.
    Empty,
    /// The drivers of a bucket (the head of its chain).
    Bucket(u32),
    /// A finer directory.
    Node(u32),
}

/// A child and the size of its block: width and height as powers of two, in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) child: Child,
    pub(super) w: u32,
    pub(super) h: u32,
}

impl Block {
    /// A block of one slot.
    pub(super) fn single(child: Child) -> Self {
        Self { child, w: 0, h: 0 }
    }

    /// One word: kind, height, width, number.
    pub(super) fn to_bits(self) -> u32 {
        let (kind, ix) = match self.child {
            Child::Empty => (0, 0),
            Child::Bucket(ix) => (1, ix),
            Child::Node(ix) => (2, ix),
        };
        debug_assert!(ix < 1 << 26, "26 bits name a bucket or a node");
        kind << 30 | self.h << 28 | self.w << 26 | ix
    }

    /// The inverse of [`Block::to_bits`].
    #[inline]
    pub(super) fn from_bits(bits: u32) -> Self {
        let ix = bits & ((1 << 26) - 1);
        let child = match bits >> 30 {
            0 => Child::Empty,
            1 => Child::Bucket(ix),
            _ => Child::Node(ix),
        };
        Self { child, w: bits >> 26 & 3, h: bits >> 28 & 3 }
    }

    /// The first slot of the block that contains `slot`.
    #[inline]
    pub(super) fn head(&self, slot: usize) -> usize {
        let (ix, iy) = (slot % SIDE, slot / SIDE);
        (iy >> self.h << self.h) * SIDE + (ix >> self.w << self.w)
    }

    /// A bit for each slot of the block that contains `slot`.
    #[inline]
    pub(super) fn slots(&self, slot: usize) -> u64 {
        /// The lowest bit of as many rows as a block has.
        const ROWS: [u64; 4] = [0x01, 0x0101, 0x0101_0101, 0x0101_0101_0101_0101];
        let row = (1u64 << (1 << (self.w & 3))) - 1;
        (row * ROWS[self.h as usize & 3]) << (self.head(slot) % (SIDE * SIDE))
    }
}

impl Node {
    /// Makes a free node an empty directory of `slots` of side 2^`shift`.
    pub(super) fn init(&self, parent: Option<u32>, x0: i32, y0: i32, shift: u32) {
        self.x0.store(x0.cast_unsigned(), Relaxed);
        self.y0.store(y0.cast_unsigned(), Relaxed);
        self.shift.store(shift, Relaxed);
        self.parent.store(parent.map_or(0, |node| node + 1), Relaxed);
        self.set_block(0, Block { child: Child::Empty, w: SIDE_LOG2, h: SIDE_LOG2 });
    }

    pub(super) fn parent(&self) -> Option<u32> {
        self.parent.load(Relaxed).checked_sub(1)
    }

    /// The directory's own rectangle.
    #[inline]
    pub(super) fn rect(&self) -> Rect {
        let side = self.shift() + SIDE_LOG2;
        Rect {
            x0: self.x0.load(Relaxed).cast_signed(),
            y0: self.y0.load(Relaxed).cast_signed(),
            w: side,
            h: side,
        }
    }

    #[inline]
    pub(super) fn shift(&self) -> u32 {
        self.shift.load(Relaxed) & 31
    }

    /// The slot of a position in the directory's rectangle.
    #[inline]
    pub(super) fn slot_of(&self, p: Bam) -> usize {
        let shift = self.shift();
        let dx = p.x.wrapping_sub(self.x0.load(Relaxed).cast_signed()).cast_unsigned();
        let dy = p.y.wrapping_sub(self.y0.load(Relaxed).cast_signed()).cast_unsigned();
        ((dy >> shift & 7) * 8 + (dx >> shift & 7)) as usize
    }

    #[inline]
    pub(super) fn block(&self, slot: usize) -> Block {
        Block::from_bits(self.children[slot % (SIDE * SIDE)].load(Relaxed))
    }

    /// Asks for all of its lines.
    #[inline]
    pub(super) fn prefetch(&self) {
        raw::prefetch(&self.heads);
        for line in self.children.chunks(16) {
            raw::prefetch(&line[0]);
        }
    }

    /// Bits of the first slots of blocks that hold a bucket or a node.
    #[inline]
    pub(super) fn heads(&self) -> u64 {
        self.heads.load(Relaxed)
    }

    /// The rectangle of the block that begins at slot `head`.
    pub(super) fn block_rect(&self, head: usize, block: Block) -> Rect {
        let shift = self.shift();
        #[expect(clippy::cast_possible_truncation, reason = "slots are 0..64")]
        let (ix, iy) = ((head % SIDE) as u32, (head / SIDE) as u32);
        let Rect { x0, y0, .. } = self.rect();
        Rect {
            x0: x0.wrapping_add_unsigned(ix << shift),
            y0: y0.wrapping_add_unsigned(iy << shift),
            w: shift + block.w,
            h: shift + block.h,
        }
    }

    /// Fills the block that begins at slot `head`.
    pub(super) fn set_block(&self, head: usize, block: Block) {
        let bits = block.to_bits();
        let mut covered = 0u64;
        for iy in 0..1 << block.h {
            for ix in 0..1 << block.w {
                let slot = head + iy * SIDE + ix;
                covered |= 1 << slot;
                self.children[slot].store(bits, Relaxed);
            }
        }
        let first = if block.child == Child::Empty { 0 } else { 1 << head };
        self.heads.store(self.heads() & !covered | first, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_survive_packing_and_know_their_heads() {
        for child in [Child::Empty, Child::Bucket((1 << 26) - 1), Child::Node(7)] {
            let block = Block { child, w: 3, h: 1 };
            assert_eq!(Block::from_bits(block.to_bits()), block);
        }
        let block = Block { child: Child::Empty, w: 1, h: 2 };
        assert_eq!(block.head(7 * SIDE + 5), 4 * SIDE + 4);
        assert_eq!(block.slots(7 * SIDE + 5), 0x3030_3030 << 32);
        let all = Block { w: 3, h: 3, ..block };
        assert_eq!(all.slots(41), u64::MAX);
        assert_eq!(Block::single(Child::Empty).slots(63), 1 << 63);
    }
}
