//! How far others are in a search for the shortest path, and the queue of those to look at.

use super::heap::Heap;

/// The memory of Dijkstra's algorithm, from search to search.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// The number of the search that reached somebody, and how near: the larger, the better, and
    /// what an earlier search left is worse than anything of this one, so nothing needs clearing.
    marks: Vec<u64>,
    /// From whom somebody was reached.
    from: Vec<u32>,
    /// The number of the search.
    number: u32,
    heap: Heap,
    /// Those whose distance is final, with it.
    settled: Vec<(u32, u32)>,
    /// How many searches there were.
    pub(super) count: u64,
}

impl Search {
    /// Makes room for numbers below `count`.
    pub(super) fn prepare(&mut self, count: usize) {
        if self.marks.len() < count {
            self.marks.resize(count, 0);
            self.from.resize(count, 0);
        }
    }

    /// Begins a search: nobody has been reached.
    pub(super) fn begin(&mut self) {
        self.count += 1;
        self.heap.clear();
        self.settled.clear();
        self.number = self.number.wrapping_add(1);
        if self.number == 0 {
            self.marks.fill(0);
            self.number = 1;
        }
    }

    #[inline]
    fn mark(&self, distance: u32) -> u64 {
        u64::from(self.number) << 32 | u64::from(!distance)
    }

    /// Notes that somebody can be reached at this distance, if that is less than was known.
    #[inline]
    pub(super) fn reach(&mut self, number: u32, distance: u32, from: u32) {
        let (at, mark) = (number as usize, self.mark(distance));
        if self.marks[at] < mark {
            self.marks[at] = mark;
            self.from[at] = from;
            self.heap.push(distance, number);
        }
    }

    /// Makes the nearest who is not settled so, if nearer than `bound`: number and distance.
    #[inline]
    pub(super) fn settle(&mut self, bound: u32) -> Option<(u32, u32)> {
        while let Some((distance, number)) = self.heap.pop() {
            if distance >= bound {
                return None;
            }
            // Who is reached again by a shorter way is queued again: only the shortest counts.
            if self.marks[number as usize] == self.mark(distance) {
                self.settled.push((number, distance));
                return Some((number, distance));
            }
        }
        None
    }

    /// From whom somebody was reached.
    #[inline]
    pub(super) fn from(&self, number: u32) -> u32 {
        self.from[number as usize]
    }

    /// Those whose distance is final, with it.
    #[inline]
    pub(super) fn settled(&self) -> &[(u32, u32)] {
        &self.settled
    }
}
