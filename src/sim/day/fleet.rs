//! The drivers and the map that knows them.

use super::cab::Cab;
use super::draws::Draws;
use super::plan::{DayPlan, Rider};
use crate::geo::LatLng;
use crate::ids::DriverId;
use crate::index::{BatchOutcome, FullError, LiveIndex, LiveMap};
use crate::model::{Capacity, DriverStatus, Motion, Profile, Report};
use crate::units::{Millis, Timestamp};

/// The parts of the fleet, one of which reports in each round.
pub(super) const PARTS: u32 = 16;

/// One who stands reports in each round of this number that one who drives reports in.
pub(super) const STANDING: u64 = 5;

const PREFIX: &str = "cab-";

/// All drivers.
pub(super) struct Fleet<'a> {
    plan: &'a DayPlan,
    map: &'a LiveIndex,
    pub(super) cabs: Vec<Cab>,
    /// The first request and the last: what drivers do before and after is not counted.
    counted: (Timestamp, Timestamp),
    reports: Vec<Report>,
    outcome: BatchOutcome,
    pub(super) applied: u64,
    pub(super) refused: u64,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(plan: &'a DayPlan, map: &'a LiveIndex, now: Timestamp) -> Self {
        let cabs =
            (1..).zip(&plan.starts).map(|(number, place)| Cab::new(id_of(number), *place, now));
        let at = |rider: Option<&Rider>| rider.map_or(now, |rider| rider.at);
        Self {
            plan,
            map,
            cabs: cabs.collect(),
            counted: (at(plan.riders.first()), at(plan.riders.last())),
            reports: Vec::new(),
            outcome: BatchOutcome::default(),
            applied: 0,
            refused: 0,
        }
    }

    /// The number of a driver's cab.
    pub(super) fn number(&self, driver: &DriverId) -> u32 {
        let number = driver.as_str().strip_prefix(PREFIX).and_then(|text| text.parse::<u32>().ok());
        match number.and_then(|number| number.checked_sub(1)) {
            Some(number) if (number as usize) < self.cabs.len() => number,
            _ => unreachable!("the market names {driver}, who is not of this fleet"),
        }
    }

    pub(super) fn cab(&mut self, number: u32) -> &mut Cab {
        &mut self.cabs[number as usize]
    }

    /// Makes a driver known to the map, at the beginning of a shift.
    pub(super) fn sign_on(&mut self, now: Timestamp, number: u32) -> Result<(), FullError> {
        let cab = &mut self.cabs[number as usize];
        let key = self.map.bind(now, &cab.id)?;
        let capacity = seats(self.plan, number);
        self.map.set_profile(key, Profile { capacity, ..Profile::default() });
        cab.key = Some(key);
        self.report(now, number);
        Ok(())
    }

    /// A driver is doing something else from now on.
    pub(super) fn becomes(&mut self, now: Timestamp, number: u32, status: DriverStatus) {
        let counted = self.counted;
        let cab = &mut self.cabs[number as usize];
        cab.becomes(now, status, counted);
        if let Some(key) = cab.key {
            self.map.set_status(key, status);
        }
    }

    /// A driver reports at once, as apps do when something has happened.
    pub(super) fn report(&mut self, now: Timestamp, number: u32) {
        self.note(now, number as usize);
        self.flush(now);
    }

    /// The part of the fleet that is due reports: who drives each time, who stands now and then.
    pub(super) fn round(&mut self, now: Timestamp, number: u64) {
        let rest = Millis(self.plan.habits.report_every.get() * STANDING);
        let part = usize::try_from(number % u64::from(PARTS)).unwrap_or(0);
        for ix in (part..self.cabs.len()).step_by(PARTS as usize) {
            let cab = &self.cabs[ix];
            let rested = cab.reported_at.is_none_or(|at| now.since(at) >= rest);
            if cab.status != DriverStatus::Offline && (cab.is_driving() || rested) {
                self.note(now, ix);
            }
        }
        self.flush(now);
    }

    /// Lets time pass in the map.
    pub(super) fn advance(&self, now: Timestamp) {
        self.map.advance(now);
    }

    fn note(&mut self, now: Timestamp, ix: usize) {
        let cab = &mut self.cabs[ix];
        // What was reported at this moment already would be the same again.
        let (Some(driver), true) = (cab.key, cab.reported_at != Some(now)) else { return };
        cab.reported_at = Some(now);
        let position: LatLng = cab.position(now);
        let motion = Motion::default();
        self.reports.push(Report { driver, position, at: now, motion, status: None });
    }

    fn flush(&mut self, now: Timestamp) {
        if self.reports.is_empty() {
            return;
        }
        self.outcome.clear();
        self.map.apply(now, &self.reports, &mut self.outcome);
        self.applied += self.outcome.applied;
        self.refused += self.outcome.rejected.len() as u64;
        self.reports.clear();
    }
}

/// How many seats a cab has.
pub(super) fn seats(plan: &DayPlan, number: u32) -> Capacity {
    let large = Draws::new(plan.seed).is_large(number, &plan.habits);
    Capacity::try_from(if large { 6 } else { 4 }).unwrap_or(Capacity::MAX)
}

/// The name of the driver with this number, from 1.
pub(super) fn id_of(number: u32) -> DriverId {
    let id = format!("{PREFIX}{number:07}");
    id.parse().unwrap_or_else(|_| unreachable!("{id} has letters, a dash and ten digits at most"))
}
