//! Many numbers in a few.

use serde::Serialize;

/// The spread of numbers.
///
/// # Guarantees
/// Percentiles are exact, by nearest rank: the least number that so many of a hundred do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Half of them are at most this.
    pub p50: f64,
    /// Nine of ten are.
    pub p90: f64,
    /// Ninety-nine of a hundred are.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of whole numbers, each divided by `unit`; none if there are none.
    pub fn of(numbers: impl Iterator<Item = u64>, unit: f64) -> Option<Self> {
        let mut sorted: Vec<u64> = numbers.collect();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        let sum: u128 = sorted.iter().map(|number| u128::from(*number)).sum();
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().unwrap_or(max) as f64 / unit
        };
        Some(Self {
            count: sorted.len() as u64,
            mean: sum as f64 / sorted.len() as f64 / unit,
            p50: rank(50),
            p90: rank(90),
            p99: rank(99),
            max: max as f64 / unit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_sharp() {
        let all = Spread::of((1..=1_000).rev(), 10.0).unwrap();
        assert_eq!((all.count, all.p50, all.p90, all.p99), (1_000, 50.0, 90.0, 99.0));
        assert_eq!((all.mean, all.max), (50.05, 100.0));
        let one = Spread::of([7].into_iter(), 1.0).unwrap();
        assert_eq!((one.mean, one.p50, one.p99, one.max), (7.0, 7.0, 7.0, 7.0));
        assert_eq!(Spread::of(std::iter::empty(), 1.0), None);
    }
}
