//! Which slots are free. A slot is a driver's dense number.

use std::collections::VecDeque;

/// Hands out slots, the longest unused first.
///
/// A key carries six bits of its slot's generation; handing out the longest unused slot makes
/// it the harder for a key that somebody kept to name a stranger.
#[derive(Debug)]
pub(super) struct Slots {
    max: usize,
    next: u32,
    free: VecDeque<u32>,
}

impl Slots {
    pub(super) fn new(max: usize) -> Self {
        Self { max, next: 0, free: VecDeque::new() }
    }

    /// A slot, unless all are in use.
    pub(super) fn take(&mut self) -> Option<u32> {
        if self.in_use() >= self.max {
            return None;
        }
        if let Some(slot) = self.free.pop_front() {
            return Some(slot);
        }
        let slot = self.next;
        self.next += 1;
        Some(slot)
    }

    /// Gives a slot back.
    pub(super) fn free(&mut self, slot: u32) {
        self.free.push_back(slot);
    }

    /// How many slots are in use.
    pub(super) fn in_use(&self) -> usize {
        self.next as usize - self.free.len()
    }

    /// All slots that were ever in use.
    pub(super) fn ever(&self) -> std::ops::Range<u32> {
        0..self.next
    }
}
