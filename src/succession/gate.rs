//! What a market's thread asks before it acts and before it answers: whether the lease still holds.
//!
//! It is a number to compare with the monotonic clock, so that a process that was paused finds out
//! by itself, without anybody who would have to tell it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::lease::Open;
use crate::clock;

/// Whether a process may act for a market. Made closed.
#[derive(Debug)]
pub struct Gate {
    origin: Instant,
    /// In nanoseconds from the origin.
    open_until: AtomicU64,
}

impl Default for Gate {
    fn default() -> Self {
        Self { origin: clock::stopwatch(), open_until: AtomicU64::new(0) }
    }
}

impl Gate {
    /// Opens or closes it.
    pub fn set(&self, open: Open) {
        let until = match open {
            Open::Never => 0,
            Open::Until(until) => nanos(until.saturating_duration_since(self.origin)),
            Open::Always => u64::MAX,
        };
        self.open_until.store(until, Ordering::Release);
    }

    /// Whether it is open at this moment.
    pub fn is_open_at(&self, now: Instant) -> bool {
        nanos(now.saturating_duration_since(self.origin)) < self.open_until.load(Ordering::Acquire)
    }

    /// Whether it is open now.
    pub fn is_open(&self) -> bool {
        self.is_open_at(clock::stopwatch())
    }
}

fn nanos(duration: Duration) -> u64 {
    // 584 years.
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
