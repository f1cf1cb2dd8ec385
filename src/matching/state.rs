//! What the exact solvers work on: values and mates of riders, prices and holders of drivers.
//!
//! The *slack* of an edge is its cost plus the driver's price less the rider's value. While paths
//! are searched:
//!
//! - S1: no slack is negative, and no value exceeds the rider's limit;
//! - S2: the slack of each pair is 0;
//! - S3: mates and holders are each other's inverse.
//!
//! With that, the pairs are optimal once each unmatched rider's value is the limit and each idle
//! driver's price is 0.

use super::assignment::{Assignment, Certificate};
use super::prices::Prices;
use super::problem::Problem;
use super::types::{Cost, DriverIx, NONE};

/// A rider on the way to the optimum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rider {
    /// What the rider is worth: the dual value.
    pub(super) value: u32,
    /// The rider's driver.
    pub(super) mate: u32,
}

/// A driver on the way to the optimum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Driver {
    /// What the driver's time costs: the dual value.
    pub(super) price: u32,
    /// The driver's rider.
    pub(super) holder: u32,
}

/// Values, prices and pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) riders: Vec<Rider>,
    pub(super) drivers: Vec<Driver>,
    /// The most that leaving a rider unmatched costs for now.
    pub(super) ceiling: u32,
}

impl State {
    /// Nobody has anybody, drivers have the prices given.
    pub(super) fn load(&mut self, problem: &Problem, prices: &[u32]) {
        self.riders.clear();
        self.riders.resize(problem.riders(), Rider { value: 0, mate: NONE });
        let known = &prices[..prices.len().min(problem.drivers())];
        self.drivers.clear();
        self.drivers.extend(known.iter().map(|&price| Driver { price, holder: NONE }));
        self.drivers.resize(problem.drivers(), Driver { price: 0, holder: NONE });
        self.ceiling = u32::MAX;
    }

    /// What leaving a rider unmatched costs for now.
    #[inline]
    pub(super) fn limit(&self, problem: &Problem, rider: u32) -> u32 {
        problem.unmatched_costs()[rider as usize].get().min(self.ceiling)
    }

    /// The most that a rider can be worth at these prices.
    #[inline]
    pub(super) fn best(&self, problem: &Problem, rider: u32) -> u32 {
        let mut best = self.limit(problem, rider);
        for edge in problem.row(rider) {
            if edge.cost.get() >= best {
                break;
            }
            best = best.min(edge.cost.get() + self.drivers[edge.driver.0 as usize].price);
        }
        best
    }

    /// Makes a pair of a rider and a driver who have nobody, or whose others will be given
    /// somebody else.
    #[inline]
    pub(super) fn pair(&mut self, rider: u32, driver: u32) {
        self.riders[rider as usize].mate = driver;
        self.drivers[driver as usize].holder = rider;
    }

    /// Takes a rider's driver away.
    #[inline]
    pub(super) fn part(&mut self, rider: u32) {
        let driver = std::mem::replace(&mut self.riders[rider as usize].mate, NONE);
        if driver != NONE {
            self.drivers[driver as usize].holder = NONE;
        }
    }

    /// Hands out the result: pairs and certificate, and both as the start of the next batch.
    pub(super) fn store(
        &self,
        problem: &Problem,
        prices: &mut Prices,
        assignment: &mut Assignment,
    ) {
        prices.clear();
        prices.drivers.extend(self.drivers.iter().map(|driver| driver.price));
        prices.mates.extend(self.riders.iter().map(|rider| rider.mate));
        assignment.mates.clear();
        (assignment.cost, assignment.matched) = (0, 0);
        for (rider, &unmatched) in self.riders.iter().zip(problem.unmatched_costs()) {
            let mate = (rider.mate != NONE).then_some(DriverIx(rider.mate));
            assignment.mates.push(mate);
            // A pair is tight (S2): it costs what the rider is worth less the driver's price.
            let cost = match mate {
                Some(driver) => rider.value - self.drivers[driver.0 as usize].price,
                None => unmatched.get(),
            };
            assignment.cost += i64::from(cost);
            assignment.matched += usize::from(mate.is_some());
        }
        let certificate = assignment.certificate.get_or_insert_with(Certificate::default);
        let costs = self.riders.iter().map(|rider| Cost::computed(rider.value));
        certificate.riders.clear();
        certificate.riders.extend(costs);
        let costs = self.drivers.iter().map(|driver| Cost::computed(driver.price));
        certificate.drivers.clear();
        certificate.drivers.extend(costs);
    }
}
