//! Moments at a steady rate, for loads that do not wait for answers.
//!
//! A runtime's timer is no finer than a millisecond, and a thread that spins until the next
//! moment takes a core from the server that it measures. So a small thread of its own wakes
//! whoever waits, up to ten thousand times a second, and nobody spins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock;

/// How long the ticking thread sleeps; the kernel adds its timer slack, 50 µs on Linux.
const TICK: Duration = Duration::from_micros(60);

/// Wakes those who wait for a moment, until it is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    tick: Arc<Notify>,
    stopped: Arc<AtomicBool>,
}

impl Ticker {
    /// Begins to tick.
    ///
    /// # Errors
    /// If the thread cannot be made.
    pub(super) fn start() -> std::io::Result<Self> {
        let ticker = Self { tick: Arc::default(), stopped: Arc::default() };
        let (tick, stopped) = (Arc::clone(&ticker.tick), Arc::clone(&ticker.stopped));
        std::thread::Builder::new().name("hansom-ticker".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                tick.notify_waiters();
            }
        })?;
        Ok(ticker)
    }

    /// Something with which others, too, can wake whoever waits: who is awake at this moment sees
    /// earlier that another is due than a thread that has to be woken for it.
    pub(super) fn nudge(&self) -> Arc<Notify> {
        Arc::clone(&self.tick)
    }

    /// Waits until `due`, to within a tick; returns at once if it has passed.
    async fn wait(&self, due: Instant) {
        loop {
            // Registered before the clock is read, so that no tick is missed in between.
            let tick = self.tick.notified();
            if clock::stopwatch() >= due {
                return;
            }
            tick.await;
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Moments at a steady rate.
#[derive(Debug)]
pub(super) struct Beat<'a> {
    ticker: &'a Ticker,
    next: Instant,
    interval: Duration,
    /// Beats since the sockets had a turn.
    late: u32,
    /// How many of them there may be.
    most: u32,
}

impl<'a> Beat<'a> {
    /// `rate` moments a second from now on. Whoever is late lets the sockets be served after
    /// `most` of them.
    pub(super) fn new(ticker: &'a Ticker, rate: f64, most: u32) -> Self {
        let interval = Duration::from_secs_f64(1.0 / rate.max(1e-3));
        Self { ticker, next: clock::stopwatch(), interval, late: 0, most }
    }

    /// Waits for the next moment and returns when it was due; `None` once that is not before
    /// the deadline.
    pub(super) async fn next(&mut self, deadline: Instant) -> Option<Instant> {
        let due = self.next;
        if due >= deadline {
            return None;
        }
        self.next += self.interval;
        if clock::stopwatch() < due {
            self.late = 0;
            self.ticker.wait(due).await;
        } else if self.late == self.most {
            // Not each time: what waits together is sent together.
            self.late = 0;
            tokio::task::yield_now().await;
        } else {
            self.late += 1;
        }
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beats_come_when_due_and_end_at_the_deadline() {
        let ticker = Ticker::start().unwrap();
        let mut beat = Beat::new(&ticker, 2_000.0, 4);
        let first = beat.next;
        let deadline = first + Duration::from_millis(20);
        let mut dues = Vec::new();
        while let Some(due) = beat.next(deadline).await {
            assert!(clock::stopwatch() >= due, "a beat came early");
            dues.push(due);
        }
        assert_eq!(dues.len(), 40);
        assert_eq!(dues[39], first + Duration::from_micros(500) * 39);
    }
}
