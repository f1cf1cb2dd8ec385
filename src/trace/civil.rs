//! Dates and times of day as text, to and from [`Timestamp`].
//!
//! The proleptic Gregorian calendar, fixed offsets, and New York's rule, since its logs do not say
//! which offset held: no time zone database, no leap seconds.

mod local;

pub use local::LocalTime;

use std::fmt;
use std::str::FromStr;

use crate::units::Timestamp;
pub use crate::units::rfc3339;

/// The last moment of the year 9999: the latest that a text trace may name.
pub const LATEST: Timestamp = Timestamp::from_millis(253_402_300_799_999);

const DAY_MS: i64 = 86_400_000;

/// A fixed distance from UTC, at most 18 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtcOffset {
    minutes: i32,
}

/// A text that is no offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("utc offset {text:?} is not Z or -18:00..=+18:00, like +08:00")]
pub struct UtcOffsetError {
    text: String,
}

impl UtcOffset {
    /// UTC itself.
    pub const UTC: Self = Self { minutes: 0 };

    /// Beijing, all year.
    pub const BEIJING: Self = Self { minutes: 480 };
}

impl FromStr for UtcOffset {
    type Err = UtcOffsetError;

    /// Reads `Z`, `+8`, `+08`, `+08:00` and `+0800`.
    fn from_str(text: &str) -> Result<Self, UtcOffsetError> {
        let refused = || UtcOffsetError { text: text.into() };
        if text.eq_ignore_ascii_case("z") {
            return Ok(Self::UTC);
        }
        let (sign, rest) = match text.as_bytes() {
            [b'+', rest @ ..] => (1, rest),
            [b'-', rest @ ..] => (-1, rest),
            _ => return Err(refused()),
        };
        let (hours, minutes) = match rest {
            [h] => (number(&[*h]), Some(0)),
            [a, b] => (number(&[*a, *b]), Some(0)),
            [a, b, b':', c, d] | [a, b, c, d] => (number(&[*a, *b]), number(&[*c, *d])),
            _ => return Err(refused()),
        };
        match (hours, minutes) {
            (Some(h), Some(m @ 0..60)) if h * 60 + m <= 18 * 60 => {
                Ok(Self { minutes: sign * (h * 60 + m) })
            }
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, m) = (if self.minutes < 0 { '-' } else { '+' }, self.minutes.abs());
        write!(f, "{sign}{:02}:{:02}", m / 60, m % 60)
    }
}

/// Reads `YYYY-MM-DD HH:MM:SS` with an optional fraction and an optional offset, which wins over
/// `local`; a `T` may stand for the blank. `None` if it is anything else or no real moment.
pub fn parse(text: &str, local: impl Into<LocalTime>) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (date_time, rest) = bytes.split_at_checked(19)?;
    let separators: [(usize, &[u8]); 5] =
        [(4, b"-"), (7, b"-"), (10, b" Tt"), (13, b":"), (16, b":")];
    let shaped = separators.iter().all(|(at, allowed)| allowed.contains(&date_time[*at]));
    if !shaped {
        return None;
    }
    let part = |from: usize, to: usize| number(&date_time[from..to]).map(i64::from);
    let date = [part(0, 4)?, part(5, 7)?, part(8, 10)?];
    let clock = [part(11, 13)?, part(14, 16)?, part(17, 19)?];
    let (fraction_ms, rest) = fraction(rest)?;
    let local = if rest.is_empty() {
        local.into()
    } else {
        LocalTime::Fixed(str::from_utf8(rest).ok()?.trim_start().parse().ok()?)
    };
    bounded(local.utc(wall(date, clock)? + fraction_ms))
}

/// Reads `M/D/YYYY H:MM:SS`, the American way, in which the first three numbers and the hour may
/// have one digit. `None` if it is anything else or no real moment.
///
/// # Examples
/// ```
/// use hansom::{trace::civil::{self, UtcOffset}, units::Timestamp};
/// let at = civil::parse_american("1/9/1970 0:05:13", UtcOffset::UTC);
/// assert_eq!(at, Some(Timestamp::from_secs(8 * 86_400 + 313)));
/// ```
pub fn parse_american(text: &str, local: impl Into<LocalTime>) -> Option<Timestamp> {
    let (date, clock) = text.split_once(' ')?;
    let parts = |text: &str, separator: char, widths: [usize; 3]| {
        let mut fields = text.split(separator);
        let mut next = |width: usize| {
            let field = fields.next().filter(|field| (1..=width).contains(&field.len()))?;
            number(field.as_bytes()).map(i64::from)
        };
        let parts = [next(widths[0])?, next(widths[1])?, next(widths[2])?];
        fields.next().is_none().then_some(parts)
    };
    let [month, day, year] = parts(date, '/', [2, 2, 4])?;
    let clock = parts(clock, ':', [2, 2, 2])?;
    bounded(local.into().utc(wall([year, month, day], clock)?))
}

/// Milliseconds from 1970-01-01 00:00 to this reading of a calendar and a clock on the wall; `None`
/// if none ever shows it.
fn wall([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let month_index = usize::try_from(month).ok()?.checked_sub(1)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if !(1..=*days.get(month_index)?).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_from_civil(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000)
}

/// The moment, if it lies in the years 1970 to 9999.
pub fn bounded(millis: i64) -> Option<Timestamp> {
    (0..=LATEST.as_millis()).contains(&millis).then(|| Timestamp::from_millis(millis))
}

/// Milliseconds of a leading `.123…`, cut after three digits, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', digits @ ..] = text else { return Some((0, text)) };
    let length = digits.iter().take_while(|c| c.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let (digits, rest) = digits.split_at(length);
    let millis = (0..3)
        .fold(0, |sum, i| sum * 10 + digits.get(i).map_or(0, |digit| i64::from(digit - b'0')));
    Some((millis, rest))
}

/// Up to four ASCII digits as a number.
fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0'))
    })
}

/// Days since 1970-01-01, counting in eras of 400 years that start on 1 March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (text, millis) in [
            ("1970-01-01 00:00:00", 0),
            ("2008-02-04T00:05:13+08:00", 1_202_054_713_000),
            ("2000-02-29 23:59:59.5Z", 951_868_799_500),
            ("2026-01-01 00:00:00.1239 -0730", 1_767_252_600_123),
            ("9999-12-31 23:59:59.999", LATEST.as_millis()),
        ] {
            let parsed = parse(text, UtcOffset::UTC).map(Timestamp::as_millis);
            assert_eq!(parsed, Some(millis), "{text}");
        }
        let local = parse("2008-02-04 00:05:13", UtcOffset::BEIJING);
        assert_eq!(local, Some(Timestamp::from_secs(1_202_054_713)));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2008",
            "2007-02-29 00:00:00",
            "2008-13-01 00:00:00",
            "2008-00-01 00:00:00",
            "2008-01-32 00:00:00",
            "2008-01-01 24:00:00",
            "2008-01-01 00:60:00",
            "2008-01-01 00:00:60",
            "2008-01-01_00:00:00",
            "2008-01-01 00:00:00.",
            "20x8-01-01 00:00:00",
            "2008-01-01 00:00:00+19:00",
            "1969-12-31 23:59:59",
            "2008-01-01 00:00:00 east",
            "2008-01-01 00:00:0é",
        ] {
            assert_eq!(parse(text, UtcOffset::UTC), None, "{text}");
        }
    }

    #[test]
    fn each_day_of_eight_hundred_years_round_trips() {
        for day in 0..292_200 {
            let at = Timestamp::from_millis(day * DAY_MS + 12_345);
            assert_eq!(parse(&rfc3339(at), UtcOffset::UTC), Some(at));
        }
    }

    #[test]
    fn american_dates_are_read_with_one_digit_or_two() {
        let april = parse("2014-04-09 07:05:09", UtcOffset::UTC);
        for text in ["4/9/2014 7:05:09", "04/09/2014 07:05:09", "4/09/2014 7:5:9"] {
            assert_eq!(parse_american(text, UtcOffset::UTC), april, "{text}");
        }
        for text in [
            "",
            "4/9/2014",
            "4/9/2014 7:05",
            "4/9/2014 7:05:09:1",
            "4/9/2014 7:05:09 PM",
            "4/31/2014 7:05:09",
            "13/9/2014 7:05:09",
            "4/009/2014 7:05:09",
            "4//2014 7:05:09",
            "4/9/20141 7:05:09",
            "4/9/1969 7:05:09",
            "4/9/2014 24:05:09",
            "+4/9/2014 7:05:09",
        ] {
            assert_eq!(parse_american(text, UtcOffset::UTC), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_read_and_bounded() {
        for (text, minutes) in
            [("Z", 0), ("+8", 480), ("-07", -420), ("+05:30", 330), ("-0930", -570)]
        {
            assert_eq!(text.parse(), Ok(UtcOffset { minutes }), "{text}");
        }
        for text in ["", "8", "+", "+18:01", "+08:60", "+8:00", "east"] {
            assert!(text.parse::<UtcOffset>().is_err(), "{text}");
        }
    }
}
