//! What can be set for a market, with the ranges that it may be set to.

use std::fmt;

use super::costs::CostWeights;
use super::tariff::Tariff;
use crate::ids::MarketId;
use crate::limits;
use crate::units::{Meters, Millis};

/// How a market works.
///
/// # Guarantees
/// The history says what was agreed: a market that is restored under another configuration keeps
/// the deadlines, fares and fees of the trips it has.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketConfig {
    /// The market's name.
    pub market: MarketId,
    /// How long requests gather before they are solved together; zero: each at once.
    pub window: Millis,
    /// With a window of zero: how often those for whom nobody was found are looked at again.
    pub retry_every: Millis,
    /// How long a driver has for an answer.
    pub offer_timeout: Millis,
    /// How long a driver is looked for, from the request or from when a driver gave the trip back.
    pub patience: Millis,
    /// How long after a driver accepted the rider may cancel without a fee.
    pub free_cancel: Millis,
    /// How long after the arrival the driver may leave with a no-show fee.
    pub no_show_after: Millis,
    /// How long an accepted driver may take to the pickup before the trip is given to another.
    pub pickup_overdue: Millis,
    /// How long a trip may stand at the pickup before it is abandoned.
    pub wait_overdue: Millis,
    /// How long a ride may take before it is abandoned.
    pub ride_overdue: Millis,
    /// How long a quote is valid.
    pub quote_valid: Millis,
    /// Drivers whose position is older are not asked.
    pub position_max_age: Millis,
    /// Drivers further away, in a straight line, are not asked.
    pub max_radius: Meters,
    /// Drivers who would take longer to the pickup are not asked.
    pub max_pickup: Millis,
    /// Drivers on a trip that ends within this may be asked for the next one.
    pub back_to_back: BackToBack,
    /// How many drivers nearby are looked at first.
    pub candidates: usize,
    /// The most trips that may be open.
    pub open_trips: usize,
    /// The most trips that one rider may have open.
    pub open_trips_per_rider: usize,
    /// How many ended trips are kept in memory; their request keys are remembered as long.
    pub ended_kept: usize,
    /// For how long, at most.
    pub ended_kept_for: Millis,
    /// What things cost.
    pub tariff: Tariff,
    /// What makes a driver the better one.
    pub costs: CostWeights,
    /// Keeps clients from choosing ids that collide in tables; decides nothing. Random in a server.
    pub hash_seed: u64,
}

/// Whether drivers are asked for their next trip before the present one is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackToBack {
    /// Never.
    Off,
    /// When the present one ends within this.
    Within(Millis),
}

impl MarketConfig {
    /// The defaults for a market.
    pub fn new(market: MarketId) -> Self {
        Self {
            market,
            window: Millis::from_secs(2),
            retry_every: Millis::from_secs(2),
            offer_timeout: Millis::from_secs(15),
            patience: Millis::from_secs(5 * 60),
            free_cancel: Millis::from_secs(2 * 60),
            no_show_after: Millis::from_secs(5 * 60),
            pickup_overdue: Millis::from_secs(60 * 60),
            wait_overdue: Millis::from_secs(60 * 60),
            ride_overdue: Millis::from_secs(12 * 3_600),
            quote_valid: Millis::from_secs(5 * 60),
            position_max_age: Millis::from_secs(60),
            max_radius: Meters::whole(8_000),
            max_pickup: Millis::from_secs(20 * 60),
            back_to_back: BackToBack::Within(Millis::from_secs(5 * 60)),
            candidates: 10,
            open_trips: limits::MAX_JOURNAL_OPEN_STREAMS,
            open_trips_per_rider: 1,
            ended_kept: 65_536,
            ended_kept_for: Millis::from_secs(3_600),
            tariff: Tariff::default(),
            costs: CostWeights::default(),
            hash_seed: 0,
        }
    }

    /// Checks each value against its range.
    ///
    /// # Errors
    /// All [`ConfigProblem`]s at once.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        let long = limits::MAX_DISPATCH_WAIT_MS;
        let mut problems = Vec::new();
        let mut range = |field: &'static str, value: u64, min: u64, max: u64| {
            if !(min..=max).contains(&value) {
                problems.push(ConfigProblem { field, value, min, max });
            }
        };
        range("window_ms", self.window.get(), 0, 600_000);
        range("retry_every_ms", self.retry_every.get(), 100, 600_000);
        range("offer_timeout_ms", self.offer_timeout.get(), 1_000, 600_000);
        range("patience_ms", self.patience.get(), 1_000, long);
        range("free_cancel_ms", self.free_cancel.get(), 0, long);
        range("no_show_after_ms", self.no_show_after.get(), 0, long);
        range("pickup_overdue_ms", self.pickup_overdue.get(), 60_000, long);
        range("wait_overdue_ms", self.wait_overdue.get(), 60_000, long);
        range("ride_overdue_ms", self.ride_overdue.get(), 60_000, long);
        range("quote_valid_ms", self.quote_valid.get(), 1_000, long);
        range("position_max_age_ms", self.position_max_age.get(), 1_000, long);
        range("max_pickup_ms", self.max_pickup.get(), 1_000, long);
        if let BackToBack::Within(within) = self.back_to_back {
            range("back_to_back_ms", within.get(), 1_000, 3_600_000);
        }
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let most = u64::from(limits::MAX_K);
        range("candidates", count(self.candidates), 1, most);
        range("open_trips", count(self.open_trips), 1, count(limits::MAX_OPEN_TRIPS));
        let per_rider = count(limits::MAX_OPEN_TRIPS_PER_RIDER);
        range("open_trips_per_rider", count(self.open_trips_per_rider), 1, per_rider);
        range("ended_kept", count(self.ended_kept), 0, count(limits::MAX_ENDED_TRIPS));
        range("ended_kept_for_ms", self.ended_kept_for.get(), 0, long);
        self.tariff.check(&mut range);
        self.costs.check(&mut range);
        if problems.is_empty() { Ok(()) } else { Err(ConfigErrors { problems }) }
    }
}

/// A value outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Which setting, with its unit.
    pub field: &'static str,
    /// What it was set to.
    pub value: u64,
    /// The least allowed.
    pub min: u64,
    /// The most allowed.
    pub max: u64,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, min, max } = self;
        write!(f, "{field} {value} is not in {min}..={max}")
    }
}

/// All that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(problems))]
pub struct ConfigErrors {
    /// Each of them; there is at least one.
    pub problems: Vec<ConfigProblem>,
}

fn list(problems: &[ConfigProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let mut config = MarketConfig::new("sf".parse().unwrap());
        assert_eq!(config.check(), Ok(()));
        config.offer_timeout = Millis::ZERO;
        config.open_trips = usize::MAX;
        config.tariff.per_km = -1;
        config.costs.idle_permille = 100_000;
        let told = config.check().unwrap_err();
        let fields: Vec<&str> = told.problems.iter().map(|problem| problem.field).collect();
        assert_eq!(
            fields,
            ["offer_timeout_ms", "open_trips", "tariff_per_km", "cost_idle_permille"]
        );
        assert!(told.to_string().starts_with("offer_timeout_ms 0 is not in 1000..=600000; "));
    }
}
