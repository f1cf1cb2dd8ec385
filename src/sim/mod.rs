//! Made-up fleets and demand: seeded, pure, the same on each machine and for ever.
//!
//! [`generate`] drives a number of made-up drivers along a made-up street grid laid over a real
//! city's coordinates, and yields what their phones would have reported; [`demand`] yields what
//! riders of that city would ask for. They are meant for demos, tests and load, not for studying
//! traffic: drivers do not see each other, and do not know of the riders. [`day`] brings drivers and
//! riders together in a simulated market.

mod city;
pub mod day;
mod demand;
mod dice;
mod driver;
mod hotspots;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub use city::{City, CityError};
pub use demand::{Demand, DemandPlan, demand};

use crate::ids::DriverId;
use crate::limits;
use crate::trace::{Record, VehicleIx};
use crate::units::{Millis, Timestamp};

use dice::Dice;
use driver::Driver;
use hotspots::HotSpots;

/// The stream of random numbers that lays out the city; drivers have those from zero on, riders the
/// one before.
const CITY_STREAM: u64 = u64::MAX;

/// The shortest and the longest time between two reports of a driver.
const REPORT_EVERY_MS: std::ops::RangeInclusive<u64> = 100..=600_000;

/// Which fleet to make up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetPlan {
    city: City,
    drivers: u32,
    start: Timestamp,
    duration: Millis,
    report_every: u32,
    seed: u64,
}

/// Why a fleet or demand cannot be made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value} is not in {min}..={max}")]
pub struct PlanError {
    /// Which value.
    pub what: &'static str,
    /// What was given.
    pub value: u64,
    /// The least allowed.
    pub min: u64,
    /// The most allowed.
    pub max: u64,
}

impl FleetPlan {
    /// Friday, 9 January 2026, five in the afternoon in San Francisco: where time starts unless
    /// told otherwise. A constant, so that the same seed is the same fleet.
    pub const DEFAULT_START: Timestamp = Timestamp::from_secs(1_768_006_800);

    /// How often a driver reports unless told otherwise.
    pub const DEFAULT_REPORT_EVERY: Millis = Millis::from_secs(4);

    /// `drivers` drivers for `duration`, who report each four seconds or so.
    ///
    /// # Errors
    /// [`PlanError`] beyond [`limits::MAX_SIM_DRIVERS`] or [`limits::MAX_SIM_MS`].
    pub fn new(city: City, drivers: u32, duration: Millis, seed: u64) -> Result<Self, PlanError> {
        let most = u64::from(limits::MAX_SIM_DRIVERS);
        within("drivers", drivers.into(), 1, most)?;
        within("milliseconds of duration", duration.get(), 1_000, limits::MAX_SIM_MS)?;
        let start = Self::DEFAULT_START;
        let plan = Self { city, drivers, start, duration, report_every: 0, seed };
        plan.with_report_every(Self::DEFAULT_REPORT_EVERY)
    }

    /// The same fleet, reporting about this often.
    ///
    /// # Errors
    /// [`PlanError`] outside 100 ms to 10 minutes.
    pub fn with_report_every(mut self, every: Millis) -> Result<Self, PlanError> {
        let (min, max) = (*REPORT_EVERY_MS.start(), *REPORT_EVERY_MS.end());
        let value = every.get();
        let refused = PlanError { what: "milliseconds between reports", value, min, max };
        within(refused.what, value, min, max)?;
        self.report_every = u32::try_from(value).map_err(|_| refused)?;
        Ok(self)
    }

    /// The same fleet at another time.
    pub const fn starting_at(mut self, start: Timestamp) -> Self {
        self.start = start;
        self
    }

    /// How many drivers there are.
    pub const fn drivers(&self) -> u32 {
        self.drivers
    }

    /// The id of a driver of this fleet, like `sf-0042`.
    pub fn driver_id(&self, driver: VehicleIx) -> DriverId {
        let id = format!("{}-{:04}", self.city.code(), u64::from(driver.0) + 1);
        id.parse()
            .unwrap_or_else(|_| unreachable!("{id} has letters, a dash and ten digits at most"))
    }
}

fn within(what: &'static str, value: u64, min: u64, max: u64) -> Result<(), PlanError> {
    let fine = (min..=max).contains(&value);
    if fine { Ok(()) } else { Err(PlanError { what, value, min, max }) }
}

/// A fleet's reports in the order of their times, then of the drivers' numbers.
#[derive(Debug)]
pub struct Fleet {
    plan: FleetPlan,
    spots: HotSpots,
    drivers: Vec<Driver>,
    due: BinaryHeap<Reverse<(i64, usize)>>,
}

/// Makes up the fleet of this plan.
///
/// # Guarantees
/// Equal plans yield equal reports, on each machine. Times never decrease and lie within the
/// plan's span; a driver's times strictly increase. Vehicle numbers are those that
/// [`FleetPlan::driver_id`] takes.
///
/// # Examples
/// ```
/// use hansom::{sim::{City, FleetPlan, generate}, units::Millis};
/// let plan = FleetPlan::new(City::SAN_FRANCISCO, 20, Millis::from_secs(60), 1)?;
/// assert!(generate(&plan).count() > 200);
/// assert_eq!(generate(&plan).collect::<Vec<_>>(), generate(&plan).collect::<Vec<_>>());
/// # Ok::<(), hansom::sim::PlanError>(())
/// ```
pub fn generate(plan: &FleetPlan) -> Fleet {
    let spots = HotSpots::new(&plan.city, &mut Dice::new(plan.seed, CITY_STREAM));
    let start = plan.start.as_millis();
    let end = plan.start.plus(plan.duration).as_millis();
    let span = plan.duration.get() as f64;
    let drivers: Vec<Driver> = (0..plan.drivers)
        .map(|number| {
            let mut dice = Dice::new(plan.seed, number.into());
            // Most are at work all the time; some begin or end meanwhile.
            #[expect(clippy::cast_possible_truncation, reason = "a part of the duration")]
            let mut part = |low: f64, high: f64| (span * dice.between(low, high)) as i64;
            let (late, early) = (part(0.05, 0.6), part(0.0, 0.35));
            let phase = i64::from(plan.report_every).min(part(0.0, 1.0));
            let phase = dice.millis(0, u32::try_from(phase).unwrap_or(0).max(1));
            let from = if dice.chance(0.15) { start + late } else { start + phase };
            let until = if dice.chance(0.12) { end - early } else { end + 1_000_000 };
            let until = until.max(from + 1);
            Driver::new(VehicleIx(number), dice, [from, until], &plan.city, &spots)
        })
        .collect();
    let due = drivers.iter().enumerate().map(|(i, driver)| Reverse((driver.next_at(), i)));
    Fleet { plan: *plan, spots, due: due.collect(), drivers }
}

impl Iterator for Fleet {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let Reverse((at, number)) = self.due.pop()?;
        let end = self.plan.start.plus(self.plan.duration).as_millis();
        if at >= end {
            return None; // All others are due later still.
        }
        let driver = &mut self.drivers[number];
        let (record, more) = driver.report(&self.plan.city, &self.spots, self.plan.report_every);
        if more {
            self.due.push(Reverse((driver.next_at(), number)));
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests;
