//! Randomness that is the same on each machine and for ever.
//!
//! ChaCha8 by seed and stream, with our own mappings to ranges: neither a change in another
//! crate's distributions nor a C library's logarithm can change a fleet. Not for secrets.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// A source of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// Streams of one seed are independent of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        // The seed is spelt out because `seed_from_u64` may expand it otherwise one day.
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(bytes);
        rng.set_stream(stream);
        Self(rng)
    }

    /// In `0.0..1.0`, with 53 bits.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// In `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number of milliseconds in `low..high`.
    pub(super) fn millis(&mut self, low: u32, high: u32) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "between two u32")]
        let millis = self.between(low.into(), high.into()) as i64;
        millis
    }

    /// Nearly normal with mean 0 and deviation 1, within ±3.5: the sum of four uniform numbers.
    pub(super) fn bell(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 3.0_f64.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_change() {
        let mut dice = Dice::new(7, 1);
        let first: Vec<u64> = (0..3).map(|_| dice.0.next_u64()).collect();
        assert_eq!(
            first,
            [17_236_010_905_523_606_670, 5_195_008_117_022_965_769, 17_764_640_449_397_211_813]
        );
    }

    #[test]
    fn mappings_stay_in_range_and_are_centred() {
        let mut dice = Dice::new(1, 0);
        let mut sum = 0.0;
        for _ in 0..100_000 {
            let (unit, bell) = (dice.unit(), dice.bell());
            assert!((0.0..1.0).contains(&unit) && bell.abs() < 3.5);
            assert!((5..9).contains(&dice.millis(5, 9)));
            sum += bell;
        }
        assert!(sum.abs() < 1_500.0, "the bell's sum is {sum}");
    }
}
