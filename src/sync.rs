//! The atomics of the lock-free code, in one place, so that the model checker can stand in.

pub(crate) use std::sync::atomic::{AtomicU32, Ordering, fence};

/// Waits a moment for another thread: spins at first, then lets the scheduler run it.
///
/// A writer that was pre-empted with a bucket open would otherwise cost its readers a whole
/// time slice of spinning.
pub(crate) fn relax(attempt: u32) {
    if attempt < 64 { std::hint::spin_loop() } else { std::thread::yield_now() }
}
