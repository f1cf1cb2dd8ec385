//! What a ride costs, in whole minor units of one currency.
//!
//! All arithmetic is on integers and rounds half up, once, at the end; the same ride costs the same
//! on each machine.

use crate::travel::Eta;
use crate::units::{Currency, Meters, Millis, Money};

/// A market's prices, in minor units (cents) of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// The currency of all of them.
    pub currency: Currency,
    /// For getting in.
    pub base: i64,
    /// For each kilometre.
    pub per_km: i64,
    /// For each minute.
    pub per_minute: i64,
    /// No ride costs less.
    pub minimum: i64,
    /// For cancelling beyond the free window.
    pub cancellation: i64,
    /// For not coming to the pickup.
    pub no_show: i64,
}

/// The most that one price may be: ten million of a currency with cents.
const MAX_PRICE: u64 = 1_000_000_000;

impl Default for Tariff {
    /// Made-up prices of a usual size, in US cents: 2.50 to begin with, 1.25 a kilometre, 0.35 a
    /// minute, at least 7.00; 5.00 for cancelling late or not showing up.
    fn default() -> Self {
        Self {
            currency: Currency::USD,
            base: 250,
            per_km: 125,
            per_minute: 35,
            minimum: 700,
            cancellation: 500,
            no_show: 500,
        }
    }
}

impl Tariff {
    /// What a ride of this length and duration costs.
    ///
    /// # Examples
    /// ```
    /// use hansom::dispatch::Tariff;
    /// use hansom::units::{Meters, Millis};
    /// let fare = Tariff::default().fare(Meters::whole(10_000), Millis::from_secs(1_200));
    /// assert_eq!(fare.minor, 250 + 10 * 125 + 20 * 35);
    /// ```
    pub fn fare(&self, distance: Meters, duration: Millis) -> Money {
        #[expect(clippy::cast_possible_truncation, reason = "at most half the globe, in metres")]
        let meters = i128::from(distance.get().round() as i64);
        let millis = i128::from(duration.get());
        // In sixty-thousandths of a minor unit, in which both prices are whole.
        let parts = i128::from(self.per_km) * meters * 60 + i128::from(self.per_minute) * millis;
        let driven = (parts + 30_000).div_euclid(60_000);
        let total = (i128::from(self.base) + driven).max(i128::from(self.minimum));
        self.money(i64::try_from(total).unwrap_or(i64::MAX))
    }

    /// What an estimated ride costs.
    pub fn estimate(&self, ride: Eta) -> Money {
        self.fare(ride.distance, ride.duration)
    }

    /// The fee for cancelling beyond the free window.
    pub const fn cancellation_fee(&self) -> Money {
        self.money(self.cancellation)
    }

    /// The fee for not coming to the pickup.
    pub const fn no_show_fee(&self) -> Money {
        self.money(self.no_show)
    }

    /// Nothing.
    pub const fn nothing(&self) -> Money {
        self.money(0)
    }

    const fn money(&self, minor: i64) -> Money {
        Money { minor, currency: self.currency }
    }

    /// Hands each value to `range`, with the least and the most that it may be.
    pub(super) fn check(&self, range: &mut dyn FnMut(&'static str, u64, u64, u64)) {
        for (field, price) in [
            ("tariff_base", self.base),
            ("tariff_per_km", self.per_km),
            ("tariff_per_minute", self.per_minute),
            ("tariff_minimum", self.minimum),
            ("tariff_cancellation", self.cancellation),
            ("tariff_no_show", self.no_show),
        ] {
            // A negative price is beyond any limit.
            range(field, u64::try_from(price).unwrap_or(u64::MAX), 0, MAX_PRICE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fares_round_half_up_once() {
        let tariff = Tariff { base: 0, per_km: 1, per_minute: 1, minimum: 0, ..Tariff::default() };
        for (meters, seconds, minor) in [
            (0, 0, 0),
            (499, 0, 0),
            (500, 0, 1),
            (0, 29, 0),
            (0, 30, 1),
            (250, 15, 1),
            (250, 14, 0),
        ] {
            let fare = tariff.fare(Meters::whole(meters), Millis::from_secs(seconds));
            assert_eq!(fare.minor, minor, "{meters} m, {seconds} s");
        }
    }

    #[test]
    fn the_longest_ride_has_a_fare() {
        let dear = 1_000_000_000;
        let tariff = Tariff { per_km: dear, per_minute: dear, ..Tariff::default() };
        assert_eq!(tariff.fare(Meters::HALF_GLOBE, Millis(u64::MAX)).minor, i64::MAX);
        assert_eq!(tariff.fare(Meters::ZERO, Millis::ZERO).minor, 700);
    }
}
