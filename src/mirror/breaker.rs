//! When Redis is left alone: a circuit breaker, time and chance as arguments.
//!
//! Closed, everything may go. After a failure it is open: nothing may, for a pause that doubles
//! from failure to failure up to a cap. When the pause is over *one* may go, a probe, and what
//! becomes of it decides: closed again, or open for longer.

use crate::units::Millis;

/// How long the pauses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Millis,
    /// At most.
    pub cap: Millis,
}

/// Whether something may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// As usual.
    Go,
    /// As the one that finds out whether Redis is back.
    Probe,
    /// Not before this much time has passed.
    Refused {
        /// How long.
        retry_in: Millis,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Millis,
    },
    /// A probe is under way since then.
    Probing {
        since: Millis,
    },
}

/// A circuit breaker. Moments are counted from any fixed one.
///
/// # Invariants
/// K1: at most one probe is under way; one that is never heard of again is given up after a cap.
/// K2: a pause is between half of its nominal length and all of it, and never beyond the cap.
///
/// # Examples
/// ```
/// use hansom::mirror::{Admission, Backoff, Breaker};
/// use hansom::units::Millis;
/// let mut breaker = Breaker::new(Backoff { first: Millis(100), cap: Millis(2_000) });
/// assert_eq!(breaker.admit(Millis(0)), Admission::Go);
/// breaker.failed(Millis(0), u32::MAX);
/// assert_eq!(breaker.admit(Millis(40)), Admission::Refused { retry_in: Millis(60) });
/// assert_eq!(breaker.admit(Millis(100)), Admission::Probe);
/// assert_ne!(breaker.admit(Millis(100)), Admission::Probe, "one at a time");
/// breaker.succeeded();
/// assert_eq!(breaker.admit(Millis(101)), Admission::Go);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    backoff: Backoff,
    state: State,
    failures: u32,
}

impl Breaker {
    /// A closed one.
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, state: State::Closed, failures: 0 }
    }

    /// Whether something may go now.
    pub fn admit(&mut self, now: Millis) -> Admission {
        let until = match self.state {
            State::Closed => return Admission::Go,
            State::Open { until } => until,
            State::Probing { since } => Millis(since.0.saturating_add(self.backoff.cap.0)),
        };
        if now >= until {
            self.state = State::Probing { since: now };
            return Admission::Probe;
        }
        Admission::Refused { retry_in: Millis(until.0 - now.0) }
    }

    /// What was let go has come back well.
    pub const fn succeeded(&mut self) {
        self.state = State::Closed;
        self.failures = 0;
    }

    /// What was let go has failed. `chance` is any number, and moves the end of the pause.
    pub fn failed(&mut self, now: Millis, chance: u32) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pause(chance);
        let until = Millis(now.0.saturating_add(pause.0));
        self.state = match self.state {
            // Of several that fail together the first has opened it.
            State::Open { until: before } if now < before => {
                self.failures -= 1;
                State::Open { until: before }
            }
            _ => State::Open { until },
        };
    }

    /// Whether nothing but a probe may go.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    fn pause(&self, chance: u32) -> Millis {
        let doublings = self.failures.saturating_sub(1).min(31);
        let nominal = self.backoff.first.0.saturating_mul(1 << doublings).min(self.backoff.cap.0);
        let half = nominal / 2;
        let part = (u128::from(nominal - half) * (u128::from(chance) + 1)) >> 32;
        Millis(half + u64::try_from(part).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Millis(100), cap: Millis(1_000) };

    #[test]
    fn pauses_double_up_to_the_cap_and_end_by_chance() {
        for chance in [0, u32::MAX / 2, u32::MAX] {
            let mut breaker = Breaker::new(BACKOFF);
            let mut now = Millis(0);
            for nominal in [100, 200, 400, 800, 1_000, 1_000] {
                breaker.failed(now, chance);
                let Admission::Refused { retry_in } = breaker.admit(now) else {
                    panic!("it is open")
                };
                assert!((nominal / 2..=nominal).contains(&retry_in.0), "{retry_in} of {nominal}");
                now = Millis(now.0 + retry_in.0);
                assert_eq!(breaker.admit(now), Admission::Probe);
            }
        }
    }

    #[test]
    fn failures_that_come_together_count_once() {
        let mut breaker = Breaker::new(BACKOFF);
        for _ in 0..50 {
            breaker.failed(Millis(0), u32::MAX);
        }
        assert_eq!(breaker.admit(Millis(0)), Admission::Refused { retry_in: Millis(100) });
    }

    #[test]
    fn a_probe_that_is_never_heard_of_again_is_given_up() {
        let mut breaker = Breaker::new(BACKOFF);
        breaker.failed(Millis(0), u32::MAX);
        assert_eq!(breaker.admit(Millis(100)), Admission::Probe);
        assert_eq!(breaker.admit(Millis(600)), Admission::Refused { retry_in: Millis(500) });
        assert_eq!(breaker.admit(Millis(1_100)), Admission::Probe);
        breaker.succeeded();
        assert!(!breaker.is_open());
    }
}
