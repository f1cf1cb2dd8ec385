//! How much time the machine itself takes away, with nothing of ours running.
//!
//! On a shared or throttled machine all cores stand still for milliseconds at a time. No program
//! can answer meanwhile, so a latency is to be read beside this.

use std::time::{Duration, Instant};

use crate::clock;

/// Shorter gaps are interrupts, which each machine has.
const NOTABLE: Duration = Duration::from_micros(300);

/// How long is looked.
const LOOK: Duration = Duration::from_secs(1);

/// What was lost in a second of doing nothing but reading the clock, on the core that lost most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stalls {
    /// All gaps longer than 0.3 ms together.
    pub(super) lost: Duration,
    /// The longest of them.
    pub(super) longest: Duration,
}

impl Stalls {
    /// Looks for a second, on as many threads as there are cores.
    pub(super) fn look() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..cores).map(|_| scope.spawn(watch)).collect();
            let of_each = threads.into_iter().filter_map(|thread| thread.join().ok());
            of_each.max_by_key(|stalls| stalls.lost).unwrap_or_default()
        })
    }
}

impl std::fmt::Display for Stalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let share = 100.0 * self.lost.as_secs_f64() / LOOK.as_secs_f64();
        let longest = self.longest.as_secs_f64() * 1e3;
        write!(f, "the machine alone stood still {share:.1} %, {longest:.1} ms at most")
    }
}

fn watch() -> Stalls {
    let began = clock::stopwatch();
    let ticks = std::iter::from_fn(|| Some(clock::stopwatch()));
    of(began, ticks.take_while(|now| now.duration_since(began) < LOOK))
}

/// The gaps between moments that follow each other.
fn of(began: Instant, ticks: impl Iterator<Item = Instant>) -> Stalls {
    let (mut stalls, mut last) = (Stalls::default(), began);
    for now in ticks {
        let gap = now.duration_since(last);
        if gap > NOTABLE {
            stalls.lost += gap;
            stalls.longest = stalls.longest.max(gap);
        }
        last = now;
    }
    stalls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_gaps_count() {
        let began = clock::stopwatch();
        let ticks = [100, 350, 2_350, 2_400, 3_400].map(|us| began + Duration::from_micros(us));
        let stalls = of(began, ticks.into_iter());
        assert_eq!(stalls.lost, Duration::from_millis(3));
        assert_eq!(stalls.longest, Duration::from_millis(2));
        let said = stalls.to_string();
        assert_eq!(said, "the machine alone stood still 0.3 %, 2.0 ms at most");
    }
}
