//! What is left to chance, by whom it is about.
//!
//! Each draw has a stream of its own, named by its purpose, the rider and the cab. So it does not
//! matter in which order things happen, and two policies meet the same people.

use super::plan::{Habits, Span};
use crate::geo::LatLng;
use crate::sim::dice::Dice;
use crate::units::Millis;

/// What a draw is for: the highest byte of its stream. Fleets and made-up demand have those of 0
/// and 255.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Start = 1,
    Seats = 2,
    Shift = 3,
    Answer = 4,
    Boarding = 5,
    Patience = 6,
    Dropoff = 7,
    Handover = 8,
}

/// A driver's answer to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Yes, after so long.
    Accepts(Millis),
    /// No, after so long.
    Declines(Millis),
    /// None.
    Silence,
}

/// The draws of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    seed: u64,
}

impl Draws {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// At most 2³² riders and 2²⁴ cabs have streams of their own: more than a plan may have.
    fn dice(self, purpose: Purpose, rider: u32, cab: u32) -> Dice {
        let stream = ((purpose as u64) << 56) | (u64::from(rider) << 24) | u64::from(cab);
        Dice::new(self.seed, stream)
    }

    /// One of the places; none if there is none.
    pub(super) fn start(self, cab: u32, places: &[LatLng]) -> Option<LatLng> {
        one_of(places, &mut self.dice(Purpose::Start, 0, cab))
    }

    /// One of the places for a rider who has not said where to.
    pub(super) fn dropoff(self, rider: u32, places: &[LatLng]) -> Option<LatLng> {
        one_of(places, &mut self.dice(Purpose::Dropoff, rider, 0))
    }

    pub(super) fn is_large(self, cab: u32, habits: &Habits) -> bool {
        chance(habits.large_permille, &mut self.dice(Purpose::Seats, 0, cab))
    }

    /// How long the shift of this number lasts; of the first, how much is left.
    pub(super) fn shift(self, cab: u32, number: u32, habits: &Habits) -> Millis {
        let mut dice = self.dice(Purpose::Shift, number, cab);
        let whole = duration(habits.shift, &mut dice);
        if number > 0 { whole } else { part(whole, &mut dice) }
    }

    pub(super) fn handover(self, cab: u32, number: u32, habits: &Habits) -> Millis {
        duration(habits.handover, &mut self.dice(Purpose::Handover, number, cab))
    }

    pub(super) fn answer(self, rider: u32, cab: u32, habits: &Habits) -> Reaction {
        let mut dice = self.dice(Purpose::Answer, rider, cab);
        let after = duration(habits.answer, &mut dice);
        if chance(habits.acceptance_permille, &mut dice) {
            Reaction::Accepts(after)
        } else if chance(habits.silence_permille, &mut dice) {
            Reaction::Silence
        } else {
            Reaction::Declines(after)
        }
    }

    pub(super) fn boarding(self, rider: u32, habits: &Habits) -> Millis {
        duration(habits.boarding, &mut self.dice(Purpose::Boarding, rider, 0))
    }

    pub(super) fn patience(self, rider: u32, habits: &Habits) -> Millis {
        duration(habits.patience, &mut self.dice(Purpose::Patience, rider, 0))
    }
}

fn chance(permille: u32, dice: &mut Dice) -> bool {
    dice.chance(f64::from(permille) / 1_000.0)
}

fn duration(span: Span, dice: &mut Dice) -> Millis {
    let more = Millis(span.high.get() - span.low.get());
    Millis(span.low.get() + part(more, dice).get())
}

/// A part of a duration of at most [`crate::limits::MAX_SIM_MS`].
fn part(whole: Millis, dice: &mut Dice) -> Millis {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of days")]
    let part = (whole.get() as f64 * dice.unit()) as u64;
    Millis(part)
}

fn one_of(places: &[LatLng], dice: &mut Dice) -> Option<LatLng> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a length")]
    let number = (places.len() as f64 * dice.unit()) as usize;
    places.get(number).or(places.last()).copied()
}
