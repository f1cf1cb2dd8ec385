//! A queue of numbers by distance, nearest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Distance and number in one integer, so that one comparison orders both: ties go by number.
///
/// The nearest is kept apart: in a chain of searches the one just added is mostly the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap {
    first: Option<u64>,
    others: BinaryHeap<Reverse<u64>>,
}

impl Heap {
    pub(super) fn clear(&mut self) {
        self.first = None;
        self.others.clear();
    }

    #[inline]
    pub(super) fn push(&mut self, distance: u32, number: u32) {
        let packed = u64::from(distance) << 32 | u64::from(number);
        match self.first {
            None => self.first = Some(packed),
            Some(first) if packed < first => {
                self.first = Some(packed);
                self.others.push(Reverse(first));
            }
            Some(_) => self.others.push(Reverse(packed)),
        }
    }

    /// The nearest, with its distance first.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(u32, u32)> {
        let least = match (self.first, self.others.peek()) {
            (Some(first), Some(&Reverse(other))) if other < first => self.others.pop()?.0,
            (Some(first), _) => {
                self.first = None;
                first
            }
            (None, _) => self.others.pop()?.0,
        };
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let halves = ((least >> 32) as u32, least as u32);
        Some(halves)
    }
}
