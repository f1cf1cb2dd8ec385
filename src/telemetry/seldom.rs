//! What would be told again and again while something lasts is told now and then.

use std::time::{Duration, Instant};

/// Between two lines about the same trouble.
const PAUSE: Duration = Duration::from_secs(10);

/// Tells the first of many alike, and then one in ten seconds.
///
/// # Examples
/// ```
/// use hansom::telemetry::Seldom;
/// use std::time::{Duration, Instant};
/// let (mut seldom, now) = (Seldom::default(), Instant::now());
/// assert_eq!(seldom.due(now), Some(0));
/// assert_eq!(seldom.due(now + Duration::from_secs(1)), None);
/// assert_eq!(seldom.due(now + Duration::from_secs(10)), Some(1), "one was kept back");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Seldom {
    told: Option<Instant>,
    kept_back: u64,
}

impl Seldom {
    /// Whether it is to be told now, and then how many were kept back since the last that was.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < PAUSE) {
            self.kept_back += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.kept_back))
    }

    /// The trouble is over: the next is told at once.
    pub const fn over(&mut self) {
        self.told = None;
        self.kept_back = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn what_comes_after_it_was_over_is_told_at_once() {
        let (mut seldom, now) = (Seldom::default(), Instant::now());
        let due: Vec<Option<u64>> =
            (0..25).map(|s| seldom.due(now + Duration::from_secs(s))).collect();
        let told: Vec<(usize, u64)> =
            due.iter().enumerate().filter_map(|(s, due)| Some((s, (*due)?))).collect();
        assert_eq!(told, [(0, 0), (10, 9), (20, 9)]);
        seldom.over();
        assert_eq!(seldom.due(now + Duration::from_secs(25)), Some(0));
    }
}
