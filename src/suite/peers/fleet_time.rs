//! The time of a made-up fleet, which passes as its drivers report: faster than the real one, but
//! no vehicle is faster than a vehicle.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::units::Timestamp;

/// When it begins.
pub(super) const BEGINNING: Timestamp = Timestamp::from_secs(1_700_000_000);

/// How often each driver reports, in milliseconds.
const INTERVAL_MS: u64 = 4_000;

/// One clock for all clients, so that the reports of a driver are in order.
#[derive(Debug)]
pub(super) struct FleetTime {
    now_ms: AtomicI64,
    drivers: u64,
}

impl FleetTime {
    pub(super) fn new(drivers: u32) -> Self {
        Self { now_ms: AtomicI64::new(BEGINNING.as_millis()), drivers: u64::from(drivers.max(1)) }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms.load(Ordering::Relaxed))
    }

    /// Lets as much time pass as so many moves take, and returns the present after it.
    pub(super) fn pass(&self, moves: usize) -> Timestamp {
        let step = (moves as u64 * INTERVAL_MS / self.drivers).clamp(1, INTERVAL_MS);
        let step = step.cast_signed();
        Timestamp::from_millis(self.now_ms.fetch_add(step, Ordering::Relaxed) + step)
    }
}
