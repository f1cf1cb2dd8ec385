//! Quantities with a unit: lengths, durations, moments, money.
//!
//! A quantity that crosses a function boundary or lives in a struct has one of these types, so
//! that metres and milliseconds cannot be confused. Nothing here reads a clock: a [`Timestamp`]
//! is always handed in.

mod money;
mod utc;

use std::fmt;

pub use money::{Currency, CurrencyError, Money};
pub(crate) use utc::civil_from_days;
pub use utc::rfc3339;

use serde::{Deserialize, Serialize};

/// A length in metres: finite and not negative.
///
/// # Examples
/// ```
/// use hansom::units::Meters;
/// assert_eq!(Meters::new(5_000.0)?.get(), 5_000.0);
/// assert_eq!(Meters::new(-1.0).unwrap_err().to_string(), "-1 m is not in 0..=20015115 m");
/// # Ok::<(), hansom::units::MetersError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Meters(f64);

/// A length that is not a number, negative, or longer than half the globe.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{value} m is not in 0..={max:.0} m", max = Meters::HALF_GLOBE.0)]
pub struct MetersError {
    /// What was given.
    pub value: f64,
}

impl Meters {
    /// No length at all.
    pub const ZERO: Self = Self(0.0);

    /// Longer than any great-circle distance on our sphere: the radius that excludes nobody.
    pub const HALF_GLOBE: Self = Self(20_015_115.0);

    /// A length in `0..=HALF_GLOBE`.
    ///
    /// # Errors
    /// [`MetersError`] for NaN, infinities, negative values and values beyond the range.
    pub fn new(value: f64) -> Result<Self, MetersError> {
        if (0.0..=Self::HALF_GLOBE.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(MetersError { value })
        }
    }

    /// A length known to be in range when the program is written.
    pub const fn whole(value: u32) -> Self {
        let value = value as f64;
        if value > Self::HALF_GLOBE.0 { Self::HALF_GLOBE } else { Self(value) }
    }

    /// The number of metres.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} m", self.0)
    }
}

/// A duration in whole milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The duration in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A moment: milliseconds since the Unix epoch, UTC, leap seconds ignored.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment `seconds` seconds after the Unix epoch, saturating.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long `earlier` lies back; zero when it lies ahead.
    pub const fn since(self, earlier: Self) -> Millis {
        let difference = self.0.saturating_sub(earlier.0);
        Millis(if difference < 0 { 0 } else { difference.unsigned_abs() })
    }

    /// This moment, later by `duration`, saturating.
    pub const fn plus(self, duration: Millis) -> Self {
        Self(self.0.saturating_add_unsigned(duration.0))
    }

    /// This moment, earlier by `duration`, saturating.
    pub const fn minus(self, duration: Millis) -> Self {
        Self(self.0.saturating_sub_unsigned(duration.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meters_refuse_what_is_no_length() {
        for value in [f64::NAN, f64::INFINITY, -1.0, -f64::MIN_POSITIVE, 2.1e7] {
            assert!(Meters::new(value).is_err(), "{value} was accepted");
        }
        for value in [0.0, 0.001, 2e7] {
            assert_eq!(Meters::new(value).map(Meters::get), Ok(value));
        }
    }

    #[test]
    fn since_saturates_at_zero_and_at_the_ends() {
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(late.since(early), Millis(4));
        assert_eq!(early.since(late), Millis::ZERO);
        let ends = Timestamp::from_millis(i64::MAX).since(Timestamp::from_millis(i64::MIN));
        assert_eq!(ends, Millis(i64::MAX.unsigned_abs()));
    }
}
