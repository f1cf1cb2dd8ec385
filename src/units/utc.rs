//! Moments as people read them.
//!
//! The proleptic Gregorian calendar in UTC: no time zones, no leap seconds.

use super::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// `at` as RFC 3339 in UTC: to the millisecond if it is not a whole second.
///
/// # Examples
/// ```
/// use hansom::units::{Timestamp, rfc3339};
/// assert_eq!(rfc3339(Timestamp::from_secs(1_212_735_767)), "2008-06-06T07:02:47Z");
/// ```
pub fn rfc3339(at: Timestamp) -> String {
    let millis = at.as_millis();
    let (days, of_day) = (millis.div_euclid(DAY_MS), millis.rem_euclid(DAY_MS));
    let (year, month, day) = civil_from_days(days);
    let (seconds, fraction) = (of_day / 1_000, of_day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Year, month and day of a day since 1970-01-01, counting in eras of 400 years that start on
/// 1 March.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}
