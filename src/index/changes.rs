//! Which drivers have changed since somebody last looked: a bit a slot, and nothing else.
//!
//! Whoever copies the map somewhere else takes the bits and reads what the drivers are *now*, so
//! that a driver who changes often is copied once, and the set is never larger than the fleet.
//! Setting a bit that is set already, as most are, writes nothing.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::record::slot;
use crate::model::{DriverKey, Reason, Report};

/// A set of slots that anybody adds to and one takes from.
///
/// # Guarantees
/// A change that was made before its slot was noted is seen by who takes the slot afterwards; a
/// slot that is noted while it is looked at is taken once more.
pub struct Changes {
    words: Box<[AtomicU64]>,
}

impl Changes {
    pub(super) fn new(drivers: usize) -> Self {
        Self { words: (0..drivers.div_ceil(64)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Notes who was changed by a batch: all but those rejected, whose places ascend.
    #[inline]
    pub(super) fn note_applied(&self, reports: &[Report], rejected: &[(u32, Reason)]) {
        // What was changed is visible to whoever takes a bit that is set already.
        fence(Ordering::SeqCst);
        let mut rejected = rejected.iter().map(|&(i, _)| i).peekable();
        for (i, report) in (0_u32..).zip(reports) {
            if rejected.next_if_eq(&i).is_none() {
                self.set(slot(report.driver));
            }
        }
    }

    pub(super) fn note_driver(&self, driver: DriverKey) {
        self.note(slot(driver));
    }

    /// Notes a slot: somebody will look at it.
    pub fn note(&self, slot: u32) {
        fence(Ordering::SeqCst);
        self.set(slot);
    }

    #[inline]
    fn set(&self, slot: u32) {
        let (word, bit) = (&self.words[slot as usize / 64], 1 << (slot % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Release);
        }
    }

    /// Takes those noted among the 64 slots of a word; the slot 64 · `word` is the lowest bit.
    pub fn take(&self, word: usize) -> u64 {
        let Some(word) = self.words.get(word) else { return 0 };
        if word.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let taken = word.swap(0, Ordering::AcqRel);
        // What is read of the drivers is read after this.
        fence(Ordering::SeqCst);
        taken
    }

    /// Those noted among the 64 slots of a word, which stay noted.
    pub fn noted(&self, word: usize) -> u64 {
        self.words.get(word).map_or(0, |word| word.load(Ordering::Relaxed))
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_taken_once() {
        let changes = Changes::new(200);
        for slot in [0, 63, 64, 199, 64] {
            changes.note(slot);
        }
        assert_eq!((changes.noted(0), changes.noted(9)), (1 | 1 << 63, 0));
        assert_eq!(changes.take(0), 1 | 1 << 63);
        assert_eq!((changes.take(0), changes.take(1), changes.take(3)), (0, 1, 1 << 7));
        assert_eq!((changes.take(4), changes.noted(0)), (0, 0), "beyond the last there are none");
    }
}
