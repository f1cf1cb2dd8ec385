//! Who takes part in a simulated day, and how they behave.

use crate::dispatch::MarketConfig;
use crate::geo::LatLng;
use crate::limits;
use crate::model::Capacity;
use crate::sim::{PlanError, within};
use crate::units::{Millis, Timestamp};

/// A duration between two, each in between as likely as any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub low: Millis,
    /// The longest.
    pub high: Millis,
}

impl Span {
    /// Always the same duration.
    pub const fn exactly(duration: Millis) -> Self {
        Self { low: duration, high: duration }
    }

    /// Between two numbers of seconds.
    pub const fn seconds(low: u64, high: u64) -> Self {
        Self { low: Millis::from_secs(low), high: Millis::from_secs(high) }
    }

    /// From half of a duration to one and a half of it.
    pub const fn around(duration: Millis) -> Self {
        let half = duration.get() / 2;
        Self { low: Millis(half), high: Millis(duration.get().saturating_add(half)) }
    }
}

/// How drivers and riders behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// How often a driver takes an offer, in thousandths.
    pub acceptance_permille: u32,
    /// How many of those who do not take it say nothing, so that it expires, in thousandths.
    pub silence_permille: u32,
    /// How long a driver looks at an offer.
    pub answer: Span,
    /// How long a rider takes to board once the driver is there.
    pub boarding: Span,
    /// How long after the request a rider cancels whom no driver has reached.
    pub patience: Span,
    /// How long a shift is. At the beginning of the day each driver is somewhere within one.
    pub shift: Span,
    /// How long after a shift the next one begins, in the same cab and where it stands.
    pub handover: Span,
    /// How often a driver reports who drives; one who stands does so a fifth as often.
    pub report_every: Millis,
    /// How many cabs have six seats rather than four, in thousandths.
    pub large_permille: u32,
}

impl Default for Habits {
    /// Nine offers in ten are taken, within 2 to 10 s; of the others a quarter is not answered.
    /// Boarding takes 10 to 60 s. Riders wait 5 to 15 min for a driver to be there. Shifts last 4 to
    /// 12 h, handovers 10 to 30 min. Positions come every 4 s. One cab in five has six seats.
    fn default() -> Self {
        Self {
            acceptance_permille: 900,
            silence_permille: 250,
            answer: Span::seconds(2, 10),
            boarding: Span::seconds(10, 60),
            patience: Span::around(Millis::from_secs(600)),
            shift: Span::around(Millis::from_secs(8 * 3_600)),
            handover: Span::seconds(600, 1_800),
            report_every: Millis::from_secs(4),
            large_permille: 200,
        }
    }
}

/// A rider of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rider {
    /// When the rider asks.
    pub at: Timestamp,
    /// From where.
    pub pickup: LatLng,
    /// To where.
    pub dropoff: LatLng,
    /// How many seats are needed.
    pub seats: Capacity,
}

/// A day to simulate.
#[derive(Clone, Debug)]
pub struct DayPlan {
    /// How the market works.
    pub market: MarketConfig,
    /// How people behave.
    pub habits: Habits,
    /// What all draws depend on.
    pub seed: u64,
    /// Where drivers are at the beginning: one driver each.
    pub starts: Vec<LatLng>,
    /// Who asks, in the order of time.
    pub riders: Vec<Rider>,
}

impl DayPlan {
    /// Checks sizes, habits and order; the market checks its own configuration.
    ///
    /// # Errors
    /// [`PlanError`] with the first value out of range.
    pub fn check(&self) -> Result<(), PlanError> {
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        within("drivers", count(self.starts.len()), 1, limits::MAX_SIM_DRIVERS.into())?;
        within("requests", count(self.riders.len()), 1, limits::MAX_SIM_REQUESTS.into())?;
        let back = self.riders.windows(2).filter(|pair| pair[1].at < pair[0].at).count();
        within("requests before the one that they follow", count(back), 0, 0)?;
        let habits = &self.habits;
        within("acceptance in thousandths", habits.acceptance_permille.into(), 0, 1_000)?;
        within("silence in thousandths", habits.silence_permille.into(), 0, 1_000)?;
        within("large cabs in thousandths", habits.large_permille.into(), 0, 1_000)?;
        within("milliseconds between reports", habits.report_every.get(), 400, 10_000)?;
        let spans = [
            ("milliseconds to an answer", habits.answer, 0),
            ("milliseconds to board", habits.boarding, 0),
            ("milliseconds of patience", habits.patience, 1_000),
            ("milliseconds of a shift", habits.shift, 60_000),
            ("milliseconds of a handover", habits.handover, 1_000),
        ];
        for (what, span, least) in spans {
            within(what, span.low.get(), least, limits::MAX_SIM_MS)?;
            within(what, span.high.get(), span.low.get(), limits::MAX_SIM_MS)?;
        }
        Ok(())
    }
}
