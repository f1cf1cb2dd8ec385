//! What is due when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::Timestamp;

/// Something that is due. Of what is due at the same moment this order decides: the kind, then the
/// numbers in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A part of the fleet reports where it is.
    Round {
        /// The number of the round.
        number: u64,
    },
    /// A shift begins, or ends.
    Shift {
        /// Whose.
        cab: u32,
        /// The number of the turn; another one means that it came differently.
        turn: u32,
    },
    /// A cab is where it was going to.
    Arrival {
        /// Which.
        cab: u32,
        /// The number of the errand; another one means that it was called off.
        errand: u32,
    },
    /// The rider has boarded.
    Boarding {
        /// Which cab.
        cab: u32,
        /// The number of the errand.
        errand: u32,
    },
    /// A driver answers an offer.
    Answer {
        /// Who.
        cab: u32,
        /// For which trip.
        trip: u64,
        /// Which offer.
        attempt: u32,
        /// What.
        answer: Answer,
    },
    /// A rider has waited long enough.
    Patience {
        /// Who.
        rider: u32,
    },
    /// A rider asks.
    Request {
        /// Who.
        rider: u32,
    },
}

/// A driver's yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    Yes,
    No,
}

/// What is due, in order.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BinaryHeap<Reverse<(Timestamp, Due)>>,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Timestamp, due: Due) {
        self.due.push(Reverse((at, due)));
    }

    /// When the next is due.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next one.
    pub(super) fn take(&mut self) -> Option<Due> {
        self.due.pop().map(|Reverse((_, due))| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_decides_then_the_kind_then_the_numbers() {
        let at = Timestamp::from_secs;
        let sorted = [
            (at(1), Due::Request { rider: 9 }),
            (at(2), Due::Round { number: 7 }),
            (at(2), Due::Shift { cab: 5, turn: 1 }),
            (at(2), Due::Arrival { cab: 2, errand: 8 }),
            (at(2), Due::Arrival { cab: 3, errand: 1 }),
            (at(2), Due::Answer { cab: 1, trip: 1, attempt: 1, answer: Answer::Yes }),
            (at(2), Due::Patience { rider: 1 }),
            (at(2), Due::Request { rider: 0 }),
            (at(3), Due::Round { number: 1 }),
        ];
        let mut agenda = Agenda::default();
        for number in [4, 0, 8, 2, 6, 1, 7, 3, 5] {
            agenda.add(sorted[number].0, sorted[number].1);
        }
        let mut taken = Vec::new();
        while let (Some(at), Some(due)) = (agenda.next_at(), agenda.take()) {
            taken.push((at, due));
        }
        assert_eq!(taken, sorted);
    }
}
