//! Which moment a clock on the wall means: a fixed offset, or New York's rule.
//!
//! The one rule is here because the public logs of New York are in local time and span its changes;
//! other places are given by their offset.

use super::{DAY_MS, UtcOffset, days_from_civil};
use crate::units::civil_from_days;

const HOUR_MS: i64 = 3_600_000;

/// Whose clock on the wall a text shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalTime {
    /// One that is never changed.
    Fixed(UtcOffset),
    /// New York's since 2007: UTC-4 from the second Sunday of March, 2 o'clock, to the first Sunday
    /// of November, 2 o'clock; else UTC-5. A time that the clock skips counts as UTC-4, and one that
    /// it shows twice is the first.
    ///
    /// # References
    /// Energy Policy Act of 2005, section 110 (Public Law 109-58).
    NewYork,
}

impl From<UtcOffset> for LocalTime {
    fn from(offset: UtcOffset) -> Self {
        Self::Fixed(offset)
    }
}

impl LocalTime {
    /// Milliseconds since 1970-01-01 UTC when the clock on the wall shows `wall_ms`.
    pub(super) fn utc(self, wall_ms: i64) -> i64 {
        match self {
            Self::Fixed(offset) => wall_ms - i64::from(offset.minutes) * 60_000,
            Self::NewYork if daylight(wall_ms) => wall_ms + 4 * HOUR_MS,
            Self::NewYork => wall_ms + 5 * HOUR_MS,
        }
    }
}

/// Whether daylight time holds in New York when the clock shows `wall_ms`.
fn daylight(wall_ms: i64) -> bool {
    let (year, _, _) = civil_from_days(wall_ms.div_euclid(DAY_MS));
    let from = sunday_from(days_from_civil(year, 3, 8)) * DAY_MS + 2 * HOUR_MS;
    let until = sunday_from(days_from_civil(year, 11, 1)) * DAY_MS + 2 * HOUR_MS;
    (from..until).contains(&wall_ms)
}

/// The first Sunday on or after this day; day 0 was a Thursday.
fn sunday_from(day: i64) -> i64 {
    day + (7 - (day + 4).rem_euclid(7)) % 7
}

#[cfg(test)]
mod tests {
    use crate::trace::civil::{LocalTime, parse, rfc3339};

    #[test]
    fn new_york_changes_its_clock_when_it_does() {
        // The days of the change as the years' calendars have them.
        for (wall, utc) in [
            ("2013-01-01 00:00:00", "2013-01-01T05:00:00Z"),
            ("2014-03-09 01:59:59", "2014-03-09T06:59:59Z"),
            ("2014-03-09 03:00:00", "2014-03-09T07:00:00Z"),
            ("2014-04-30 23:48:00", "2014-05-01T03:48:00Z"),
            ("2014-11-02 00:59:59", "2014-11-02T04:59:59Z"),
            ("2014-11-02 01:30:00", "2014-11-02T05:30:00Z"),
            ("2014-11-02 02:00:00", "2014-11-02T07:00:00Z"),
            ("2009-03-08 12:00:00", "2009-03-08T16:00:00Z"),
            ("2015-11-01 12:00:00", "2015-11-01T17:00:00Z"),
            ("2026-03-07 12:00:00", "2026-03-07T17:00:00Z"),
            ("2026-03-08 12:00:00", "2026-03-08T16:00:00Z"),
        ] {
            assert_eq!(parse(wall, LocalTime::NewYork).map(rfc3339).as_deref(), Some(utc));
        }
        let told = parse("2014-07-01 00:00:00+00:00", LocalTime::NewYork).map(rfc3339);
        assert_eq!(told.as_deref(), Some("2014-07-01T00:00:00Z"), "a told offset wins");
    }
}
