//! What an assignment is made of: riders and drivers by number, costs, edges.

use std::fmt;

use crate::limits;
use crate::units::Millis;

/// A rider of one problem: riders are numbered from 0 in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RiderIx(pub u32);

/// A driver of one problem: numbers from 0, each less than the problem's count of drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverIx(pub u32);

impl fmt::Display for RiderIx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rider {}", self.0)
    }
}

impl fmt::Display for DriverIx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "driver {}", self.0)
    }
}

/// What it costs that a driver fetches a rider, or that a rider is left unmatched.
///
/// # Units
/// Milliseconds of pickup time, whole, in `0..=`[`limits::MAX_COST_MS`]. The range is what lets
/// the solvers add a cost, a price and a distance in 32 bits; sums over riders are `i64`.
///
/// # Examples
/// ```
/// use hansom::{matching::Cost, units::Millis};
/// assert_eq!(Cost::try_from(Millis(90_000))?.get(), 90_000);
/// assert_eq!(
///     Cost::new(2_000_000_000).unwrap_err().to_string(),
///     "cost 2000000000 ms is not in 0..=1073741824 ms",
/// );
/// # Ok::<(), hansom::matching::CostError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u32);

/// A cost outside of the range that solvers can add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cost {value} ms is not in 0..={max} ms", max = limits::MAX_COST_MS)]
pub struct CostError {
    /// What was given.
    pub value: u64,
}

impl Cost {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// The dearest there is: twelve days.
    pub const MAX: Self = Self(limits::MAX_COST_MS);

    /// A cost of so many milliseconds.
    ///
    /// # Errors
    /// [`CostError`] beyond [`limits::MAX_COST_MS`].
    pub const fn new(value: u32) -> Result<Self, CostError> {
        if value > limits::MAX_COST_MS {
            return Err(CostError { value: value as u64 });
        }
        Ok(Self(value))
    }

    /// A sum of terms as a cost: what is below 0 becomes 0, what is beyond [`Cost::MAX`] that.
    pub fn saturating(sum: i64) -> Self {
        u32::try_from(sum.max(0)).map_or(Self::MAX, |value| Self(value).min(Self::MAX))
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// A value that a solver computed from costs in range.
    pub(super) const fn computed(value: u32) -> Self {
        debug_assert!(value <= limits::MAX_COST_MS);
        Self(value)
    }
}

impl TryFrom<Millis> for Cost {
    type Error = CostError;

    fn try_from(duration: Millis) -> Result<Self, CostError> {
        let refused = CostError { value: duration.get() };
        u32::try_from(duration.get()).ok().and_then(|ms| Self::new(ms).ok()).ok_or(refused)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A driver who could fetch a rider, and what that would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who could.
    pub driver: DriverIx,
    /// What it would cost.
    pub cost: Cost,
}

impl Edge {
    /// An edge to this driver at this cost.
    pub const fn new(driver: DriverIx, cost: Cost) -> Self {
        Self { driver, cost }
    }

    /// What the edges of a rider are ordered by.
    pub(super) const fn order(self) -> (Cost, DriverIx) {
        (self.cost, self.driver)
    }
}

/// Nobody, in the columns of a solver.
pub(super) const NONE: u32 = u32::MAX;

/// A place in a column as a number of 32 bits.
pub(super) fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or_else(|_| unreachable!("limits keep {place} in range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_keep_to_their_range() {
        assert_eq!(Cost::new(limits::MAX_COST_MS), Ok(Cost::MAX));
        assert_eq!(Cost::new(limits::MAX_COST_MS + 1).unwrap_err().value, (1 << 30) + 1);
        for millis in [u64::MAX, 1 << 32, (1 << 30) + 1] {
            assert_eq!(Cost::try_from(Millis(millis)), Err(CostError { value: millis }));
        }
        assert_eq!(Cost::saturating(i64::MIN), Cost::ZERO);
        assert_eq!(Cost::saturating(7).get(), 7);
        assert_eq!(Cost::saturating(i64::from(u32::MAX)), Cost::MAX);
        assert_eq!(Cost::saturating(i64::MAX), Cost::MAX);
    }
}
