//! What makes one driver the better one for a request: a sum of terms in whole milliseconds.
//!
//! Each term is a cost and none is below zero, so that a bound of the first, the time to the pickup,
//! bounds the sum. What does not depend on the driver (how long the rider has waited, what the
//! destination is worth) cannot decide between drivers; it decides between riders, and so it is
//! part of the price of leaving the rider waiting.

use crate::limits;
use crate::model::Rating;
use crate::units::Millis;

/// The most that a cost can be: what the solvers can add up.
const MAX_COST_MS: u64 = limits::MAX_COST_MS as u64;

/// How much each term counts.
///
/// # Units
/// A cost is in milliseconds of pickup time: a weight says for how much longer a pickup one would
/// accept to avoid what it stands for. Weights in permille turn a duration into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostWeights {
    /// For each star that the driver's rating lacks to five.
    pub per_missing_star: Millis,
    /// For each millisecond that the driver has been idle less than [`CostWeights::idle_cap`], in
    /// thousandths: who has waited longer gets the trip if the pickups are about as long.
    pub idle_permille: u32,
    /// Idling longer than this makes no difference.
    pub idle_cap: Millis,
    /// What a declined offer costs the rider: it is multiplied by the chance of a decline.
    pub decline: Millis,
    /// The price of leaving a rider without an offer in a batch.
    pub leave: Millis,
    /// By how much that price grows with each millisecond that the rider has waited, in thousandths.
    pub leave_growth_permille: u32,
    /// How much of what a destination is worth counts for the price, in thousandths.
    pub destination_permille: u32,
}

impl Default for CostWeights {
    /// - Rating: 0. Riders who want one ask for it, which is a hard condition.
    /// - Idle: a fiftieth, up to ten minutes: a driver who has waited ten minutes is worth twelve
    ///   seconds of pickup, so that the order among near equals is fair and hardly anybody waits
    ///   for it.
    /// - Decline: fifteen seconds, which is what an unanswered offer takes.
    /// - Leaving a rider: fifteen minutes, and one more for each minute of waiting, so that nobody is
    ///   left out for ever for the sake of the sum: when the five minutes of patience are over, it is
    ///   the twenty minutes of the longest pickup that is allowed.
    /// - Destination: 0. Only who knows a city's demand can say what a place is worth.
    fn default() -> Self {
        Self {
            per_missing_star: Millis::ZERO,
            idle_permille: 20,
            idle_cap: Millis::from_secs(600),
            decline: Millis::from_secs(15),
            leave: Millis::from_secs(900),
            leave_growth_permille: 1_000,
            destination_permille: 0,
        }
    }
}

/// What is known of a driver beyond the way to the pickup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverMerits {
    /// The riders' mean rating.
    pub rating: Rating,
    /// How long the driver has had nothing to do.
    pub idle: Millis,
    /// The chance that the driver accepts, in thousandths.
    pub accepts_permille: u32,
}

/// What a driver costs for a request, term by term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The time to the pickup.
    pub pickup: Millis,
    /// For the rating.
    pub rating: Millis,
    /// For being less idle than others may be.
    pub idle: Millis,
    /// For the chance of a decline.
    pub decline: Millis,
}

impl Terms {
    /// Their sum, at most [`limits::MAX_COST_MS`].
    pub fn cost(&self) -> Millis {
        let sum = [self.rating, self.idle, self.decline]
            .iter()
            .fold(self.pickup.get(), |sum, term| sum.saturating_add(term.get()));
        Millis(sum.min(MAX_COST_MS))
    }
}

impl CostWeights {
    /// What a driver costs who takes so long to the pickup.
    pub fn terms(&self, pickup: Millis, merits: &DriverMerits) -> Terms {
        let missing = Rating::BEST.centi_stars() - merits.rating.centi_stars();
        let busy = Millis(self.idle_cap.get().saturating_sub(merits.idle.get()));
        let declines = 1_000_u32.saturating_sub(merits.accepts_permille);
        Terms {
            pickup,
            rating: share(self.per_missing_star, u64::from(missing), 100),
            idle: share(busy, u64::from(self.idle_permille), 1_000),
            decline: share(self.decline, u64::from(declines), 1_000),
        }
    }

    /// No driver who takes at least so long to the pickup costs less than this.
    pub fn lower_bound(&self, pickup: Millis) -> Millis {
        Millis(pickup.get().min(MAX_COST_MS))
    }

    /// The price of leaving a rider without an offer who has waited so long, and whose destination
    /// is worth so much.
    pub fn leaving(&self, waiting: Millis, worth: Millis) -> Millis {
        let grown = share(waiting, u64::from(self.leave_growth_permille), 1_000);
        let worth = share(worth, u64::from(self.destination_permille), 1_000);
        let sum = self.leave.get().saturating_add(grown.get()).saturating_add(worth.get());
        Millis(sum.min(MAX_COST_MS))
    }

    /// Hands each value to `range`, with the least and the most that it may be.
    pub(super) fn check(&self, range: &mut dyn FnMut(&'static str, u64, u64, u64)) {
        let most = MAX_COST_MS;
        range("cost_per_missing_star_ms", self.per_missing_star.get(), 0, most);
        range("cost_idle_permille", u64::from(self.idle_permille), 0, 10_000);
        range("cost_idle_cap_ms", self.idle_cap.get(), 0, most);
        range("cost_decline_ms", self.decline.get(), 0, most);
        range("cost_leave_ms", self.leave.get(), 0, most);
        range("cost_leave_growth_permille", u64::from(self.leave_growth_permille), 0, 100_000);
        range("cost_destination_permille", u64::from(self.destination_permille), 0, 10_000);
    }
}

/// A part of a duration, rounded down.
fn share(whole: Millis, parts: u64, of: u64) -> Millis {
    let product = u128::from(whole.get()) * u128::from(parts) / u128::from(of);
    Millis(u64::try_from(product).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rng::Rng;

    const ALL: CostWeights = CostWeights {
        per_missing_star: Millis(20_000),
        idle_permille: 50,
        idle_cap: Millis(600_000),
        decline: Millis(15_000),
        leave: Millis(600_000),
        leave_growth_permille: 500,
        destination_permille: 250,
    };

    #[test]
    fn a_cost_is_the_sum_of_its_terms() {
        let merits = DriverMerits {
            rating: Rating::from_centi_stars(450),
            idle: Millis(200_000),
            accepts_permille: 800,
        };
        let terms = ALL.terms(Millis(90_000), &merits);
        let [pickup, rating, idle, decline] = [90_000, 10_000, 20_000, 3_000].map(Millis);
        assert_eq!(terms, Terms { pickup, rating, idle, decline });
        assert_eq!(terms.cost(), Millis(123_000));
        assert_eq!(ALL.leaving(Millis(60_000), Millis(8_000)), Millis(632_000));
    }

    #[test]
    fn the_bound_holds_and_nothing_overflows() {
        let mut rng = Rng(1);
        for _ in 0..10_000 {
            let mut any = || rng.next() >> (rng.next() % 64);
            let weights = CostWeights {
                per_missing_star: Millis(any()),
                idle_permille: 10_000,
                idle_cap: Millis(any()),
                decline: Millis(any()),
                ..ALL
            };
            let merits = DriverMerits {
                rating: Rating::from_centi_stars(300),
                idle: Millis(any()),
                accepts_permille: 100,
            };
            let pickup = Millis(any());
            let cost = weights.terms(pickup, &merits).cost();
            assert!(weights.lower_bound(pickup) <= cost);
            assert!(cost.get() <= MAX_COST_MS);
            assert!(weights.leaving(Millis(any()), Millis(any())) >= weights.leave);
        }
    }

    #[test]
    fn with_the_defaults_the_pickup_decides_and_idling_breaks_near_ties() {
        let weights = CostWeights::default();
        let driver = |idle_s| DriverMerits {
            rating: Rating::BEST,
            idle: Millis::from_secs(idle_s),
            accepts_permille: 800,
        };
        let cost =
            |pickup_s, idle_s| weights.terms(Millis::from_secs(pickup_s), &driver(idle_s)).cost();
        assert!(cost(100, 600) < cost(95, 0), "five seconds more, but idle for ten minutes");
        assert!(cost(100, 0) < cost(115, 3_600), "fifteen seconds are not worth it");
    }
}
