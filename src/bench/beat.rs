//! Moments at a steady rate, for loads that do not wait for answers.
//!
//! A runtime's timer is no finer than a millisecond, and a thread that spins until the next moment takes
//! a core from the server that it measures. So the kernel is asked to wake the runtime at the moment
//! itself, and nobody spins.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::net::unix::pipe;
use tokio::sync::Notify;

use crate::clock;

/// Something with which whoever is awake wakes those who wait for a moment: it may see earlier than the
/// kernel that another is due.
pub(super) type Nudge = Arc<Notify>;

/// Moments at a steady rate.
#[derive(Debug)]
pub(super) struct Beat {
    /// A timer of the kernel, which is read as a pipe is.
    timer: pipe::Receiver,
    nudge: Nudge,
    next: Instant,
    interval: Duration,
    /// Beats since the sockets had a turn.
    late: u32,
    /// How many of them there may be.
    most: u32,
}

impl Beat {
    /// `rate` moments a second from now on. Whoever is late lets the sockets be served after
    /// `most` of them.
    ///
    /// # Errors
    /// If there is no timer to be had.
    pub(super) fn new(rate: f64, most: u32) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let timer = pipe::Receiver::from_file_unchecked(File::from(timer))?;
        let interval = Duration::from_secs_f64(1.0 / rate.max(1e-3));
        let next = clock::stopwatch();
        Ok(Self { timer, nudge: Nudge::default(), next, interval, late: 0, most })
    }

    pub(super) fn nudge(&self) -> Nudge {
        Arc::clone(&self.nudge)
    }

    /// Waits for the next moment and returns when it was due; `None` once that is not before
    /// the deadline.
    ///
    /// # Errors
    /// If the timer fails.
    pub(super) async fn next(&mut self, deadline: Instant) -> io::Result<Option<Instant>> {
        let due = self.next;
        if due >= deadline {
            return Ok(None);
        }
        self.next += self.interval;
        if clock::stopwatch() < due {
            self.late = 0;
            self.wait(due).await?;
        } else if self.late == self.most {
            // Not each time: what waits together is sent together.
            self.late = 0;
            tokio::task::yield_now().await;
        } else {
            self.late += 1;
        }
        Ok(Some(due))
    }

    /// Waits until `due`; returns at once if it has passed.
    async fn wait(&self, due: Instant) -> io::Result<()> {
        loop {
            // Registered before the clock is read, so that no nudge is missed in between.
            let nudged = self.nudge.notified();
            let left = due.saturating_duration_since(clock::stopwatch());
            if left.is_zero() {
                return Ok(());
            }
            self.set(left)?;
            tokio::select! {
                ready = self.timer.readable() => {
                    ready?;
                    // How often it has rung; nothing if that was before it was set.
                    drop(self.timer.try_read(&mut [0; 8]));
                }
                () = nudged => {}
            }
        }
    }

    /// To be woken once, after so long.
    fn set(&self, left: Duration) -> io::Result<()> {
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beats_come_when_due_and_end_at_the_deadline() {
        let mut beat = Beat::new(2_000.0, 4).unwrap();
        let first = beat.next;
        let deadline = first + Duration::from_millis(20);
        let mut dues = Vec::new();
        while let Some(due) = beat.next(deadline).await.unwrap() {
            assert!(clock::stopwatch() >= due, "a beat came early");
            dues.push(due);
        }
        assert_eq!(dues.len(), 40);
        assert_eq!(dues[39], first + Duration::from_micros(500) * 39);
    }
}
