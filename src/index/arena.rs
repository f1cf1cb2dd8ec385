//! Memory that is handed out by number and never moves.
//!
//! Readers hold numbers without any lock, so what a number names must stay mapped and stay of
//! its type for ever: chunks are only ever added, and a freed place is only reused for the same
//! type. A reader that comes late reads something whole but wrong, and learns so from a
//! [`super::version::Version`].

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::raw::{HugeSlice, Zeroed};

/// Chunks in an arena: with chunks of at least 4,096 places, more than any limit needs.
const CHUNKS: usize = 1 << 14;

/// A growing array of `T` whose elements never move.
pub(super) struct Arena<T: Zeroed> {
    chunks: Box<[OnceLock<HugeSlice<T>>]>,
    /// Places in a chunk, as a power of two.
    chunk_log2: u32,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    next: u32,
    free: Vec<u32>,
}

impl<T: Zeroed> Arena<T> {
    /// An empty arena with chunks of 2^`chunk_log2` places.
    pub(super) fn new(chunk_log2: u32) -> Self {
        let chunks = (0..CHUNKS).map(|_| OnceLock::new()).collect();
        Self { chunks, chunk_log2, places: Mutex::default() }
    }

    /// The element at a place that was handed out before.
    #[inline]
    pub(super) fn get(&self, place: u32) -> &T {
        let chunk = &self.chunks[(place >> self.chunk_log2) as usize];
        let Some(chunk) = chunk.get() else { unreachable!("place {place} was never handed out") };
        &chunk[(place & ((1 << self.chunk_log2) - 1)) as usize]
    }

    /// A place; what its last user left there is still there.
    pub(super) fn alloc(&self) -> u32 {
        let mut places = self.places.lock();
        if let Some(place) = places.free.pop() {
            return place;
        }
        let place = places.next;
        self.ensure(place);
        places.next += 1;
        place
    }

    /// `count` adjacent places.
    pub(super) fn alloc_run(&self, count: u32) -> u32 {
        let mut places = self.places.lock();
        let (mask, first) = ((1 << self.chunk_log2) - 1, places.next);
        // A run does not cross from one chunk to the next.
        let first = if (first & mask) + count > mask + 1 { (first | mask) + 1 } else { first };
        self.ensure(first);
        places.next = first + count;
        first
    }

    /// Gives a place back. Readers may still be looking at it.
    pub(super) fn free(&self, place: u32) {
        self.places.lock().free.push(place);
    }

    /// Makes the chunk of `place` exist.
    pub(super) fn ensure(&self, place: u32) {
        let chunk = (place >> self.chunk_log2) as usize;
        assert!(chunk < CHUNKS, "{CHUNKS} chunks of 2^{} places are in use", self.chunk_log2);
        self.chunks[chunk].get_or_init(|| HugeSlice::new(1 << self.chunk_log2));
    }

    /// How many places are in use.
    pub(super) fn in_use(&self) -> usize {
        let places = self.places.lock();
        places.next as usize - places.free.len()
    }
}
