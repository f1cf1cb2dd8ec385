//! The clocks of the outside. Nothing in the core may use this module.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    /// A clock that follows the reports.
    pub const fn trace() -> Self {
        Self::Trace(AtomicI64::new(i64::MIN))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Wall => wall_now(),
            Self::Trace(newest) => Timestamp::from_millis(newest.load(Ordering::Relaxed)),
        }
    }

    /// Tells the clock of a device time; the wall clock does not care.
    pub fn observe(&self, at: Timestamp) {
        if let Self::Trace(newest) = self {
            newest.fetch_max(at.as_millis(), Ordering::Relaxed);
        }
    }
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
