//! Memory that is handed out by number and never moves.
//!
//! Readers hold numbers without any lock, so what a number names must stay mapped and stay of
//! its type for ever: the addresses of all places are reserved at the start, pages come when
//! they are first touched, and a freed place is only reused for the same type. A reader that
//! comes late reads something whole but wrong, and learns so from a
//! [`super::version::Version`].

use parking_lot::Mutex;

use super::raw::{HugeSlice, Zeroed};

/// An array of `T` of which places are handed out.
pub(super) struct Arena<T: Zeroed> {
    all: HugeSlice<T>,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    next: u32,
    free: Vec<u32>,
}

impl<T: Zeroed> Arena<T> {
    /// An arena of at most so many places.
    pub(super) fn new(places: usize) -> Self {
        Self { all: HugeSlice::new(places), places: Mutex::default() }
    }

    /// The element at a place.
    #[inline]
    pub(super) fn get(&self, place: u32) -> &T {
        &self.all[place as usize]
    }

    /// A place, if there is one; what its last user left there is still there.
    pub(super) fn alloc(&self) -> Option<u32> {
        let mut places = self.places.lock();
        if let Some(place) = places.free.pop() {
            return Some(place);
        }
        self.extend(&mut places, 1)
    }

    /// `count` adjacent places that were never used, if there are so many.
    pub(super) fn alloc_run(&self, count: u32) -> Option<u32> {
        self.extend(&mut self.places.lock(), count)
    }

    fn extend(&self, places: &mut Places, count: u32) -> Option<u32> {
        let place = places.next;
        let next = place.checked_add(count)?;
        if next as usize > self.all.len() {
            return None;
        }
        places.next = next;
        Some(place)
    }

    /// Gives a place back. Readers may still be looking at it.
    pub(super) fn free(&self, place: u32) {
        self.places.lock().free.push(place);
    }

    /// How many places are in use.
    pub(super) fn in_use(&self) -> usize {
        let places = self.places.lock();
        places.next as usize - places.free.len()
    }
}
