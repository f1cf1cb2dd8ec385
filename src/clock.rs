//! The clocks of the outside. Nothing in the core may use this module.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::limits;
use crate::units::Timestamp;

/// Where a server takes its time from.
#[derive(Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Wall,
    /// The newest device time seen: a recorded day lives in its own time.
    Trace(AtomicI64),
}

impl Clock {
    /// What a clock that follows the reports says before the first.
    pub const UNSTARTED: Timestamp = Timestamp::from_millis(i64::MIN);

    /// A clock that follows the reports.
    pub const fn trace() -> Self {
        Self::Trace(AtomicI64::new(Self::UNSTARTED.as_millis()))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Wall => wall_now(),
            Self::Trace(newest) => Timestamp::from_millis(newest.load(Ordering::Relaxed)),
        }
    }

    /// Tells the clock of a device time; the wall clock does not care, nor does any clock for a
    /// time that is not [`plausible`].
    pub fn observe(&self, at: Timestamp) {
        if let (Self::Trace(newest), Some(at)) = (self, plausible(at)) {
            newest.fetch_max(at.as_millis(), Ordering::Relaxed);
        }
    }
}

/// A device time that a clock may follow: one that lies far beyond any calendar would make each
/// later report too old for good.
#[inline]
pub fn plausible(at: Timestamp) -> Option<Timestamp> {
    Some(at).filter(|at| at.as_millis() <= limits::MAX_TRACE_CLOCK_MS)
}

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A monotonic instant, for measuring how long something took.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_any_calendar_does_not_move_the_clock() {
        let clock = Clock::trace();
        let ends = [i64::MAX, limits::MAX_TRACE_CLOCK_MS + 1];
        for at in ends {
            clock.observe(Timestamp::from_millis(at));
            assert_eq!(clock.now(), Clock::UNSTARTED);
        }
        for at in [1_000, 999, i64::MAX] {
            clock.observe(Timestamp::from_millis(at));
            assert_eq!(clock.now(), Timestamp::from_millis(1_000));
        }
        let last = Timestamp::from_millis(limits::MAX_TRACE_CLOCK_MS);
        clock.observe(last);
        assert_eq!(clock.now(), last);
    }
}
