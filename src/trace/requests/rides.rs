//! Joins the end of a ride to its start, in bounded memory.
//!
//! The last so many starts are remembered. One that has not ended by then, or never does, is handed
//! on without its end; so the bound is on rows between, and one ride that never ends holds up
//! nothing.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::Request;
use super::layout::lasted;
use crate::units::Timestamp;

/// Rides that have started and not ended.
#[derive(Debug)]
pub(super) struct Rides {
    open: HashMap<u64, Request, foldhash::fast::FixedState>,
    /// The last starts, ended or not, oldest first: ride and row.
    starts: VecDeque<(u64, u64)>,
    most: usize,
}

impl Rides {
    /// Remembers the last `most` starts.
    pub(super) fn new(most: usize) -> Self {
        Self { open: HashMap::default(), starts: VecDeque::new(), most: most.max(1) }
    }

    /// A ride starts; those that will not be joined any more come into `out`: the one that started
    /// longest ago if there are too many, and one with the same number.
    pub(super) fn start(&mut self, ride: u64, request: Request, out: &mut Vec<Request>) {
        if self.starts.len() >= self.most {
            out.extend(self.forget());
        }
        self.starts.push_back((ride, request.row.row));
        out.extend(self.open.insert(ride, request));
    }

    /// A ride ends: the request, with how long it took, if its start is remembered.
    pub(super) fn end(&mut self, ride: u64, ended: Timestamp) -> Option<Request> {
        let request = self.open.remove(&ride)?;
        Some(Request { trip: lasted(request.at, Some(ended)), ..request })
    }

    /// The rides that have not ended, in the order of their starts.
    pub(super) fn drain(&mut self, out: &mut Vec<Request>) {
        while !self.starts.is_empty() {
            out.extend(self.forget());
        }
    }

    /// Forgets the oldest start: the request, if the ride is still open.
    fn forget(&mut self) -> Option<Request> {
        let (ride, row) = self.starts.pop_front()?;
        // A later start of the same number is another ride.
        let same = self.open.get(&ride).is_some_and(|request| request.row.row == row);
        if same { self.open.remove(&ride) } else { None }
    }
}
