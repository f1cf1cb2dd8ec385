//! The obvious twin: a list of drivers, read from one end to the other for each question.
//!
//! It is the oracle of the tests and the baseline of the benchmarks. It is not meant to be
//! fast; it is meant to be right at a glance.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use parking_lot::RwLock;

use super::{
    Advance, Answer, BatchOutcome, Driver, Fix, FullError, Hit, IndexConfig, LiveMap, Present,
    Supply, present, rules,
};
use crate::geo::{Area, Haversine, LatLng, Origin};
use crate::ids::DriverId;
use crate::model::{DriverKey, DriverStatus, Filter, Nearest, Profile, Reason, Report, Within};
use crate::units::Timestamp;

/// A map that answers each question by looking at each driver.
#[derive(Debug)]
pub struct ScanIndex {
    config: IndexConfig,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    drivers: BTreeMap<u32, Entry>,
    keys: HashMap<DriverId, u32, FixedState>,
    next: u32,
    /// When time passed last; none before the first call.
    passed: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: DriverId,
    driver: Driver,
    /// The device time of the last report, or when the driver was bound.
    seen: Timestamp,
    stale: bool,
}

impl ScanIndex {
    /// An empty map.
    pub fn new(config: IndexConfig) -> Self {
        Self { config: config.in_range(), state: RwLock::default() }
    }

    /// The present, with the time before it passed.
    fn present(&self, now: Timestamp) -> Timestamp {
        let passed = {
            let mut state = self.state.write();
            // A clock that has not started stands at the beginning of all time.
            let started = state.passed.filter(|passed| passed.as_millis() > i64::MIN);
            *state.passed.insert(started.unwrap_or(now))
        };
        match present(passed, now) {
            Present::Is(now) => now,
            Present::MustPass => {
                self.advance(now);
                now
            }
        }
    }

    /// Each driver with a position that passes the filter.
    fn passing(&self, now: Timestamp, filter: &Filter, mut take: impl FnMut(u32, &Entry, &Fix)) {
        for (&key, entry) in &self.state.read().drivers {
            if let Some(fix) = &entry.driver.fix
                && filter.passes(
                    &entry.id,
                    entry.driver.status,
                    &entry.driver.profile,
                    now.since(fix.at),
                )
            {
                take(key, entry, fix);
            }
        }
    }
}

fn hit(key: u32, entry: &Entry, fix: &Fix, distance: Haversine) -> Hit {
    Hit {
        driver: DriverKey(key),
        position: fix.position,
        distance,
        at: fix.at,
        status: entry.driver.status,
        profile: entry.driver.profile,
    }
}

impl LiveMap for ScanIndex {
    fn bind(&self, now: Timestamp, id: &DriverId) -> Result<DriverKey, FullError> {
        let now = self.present(now);
        let mut state = self.state.write();
        if let Some(&key) = state.keys.get(id) {
            return Ok(DriverKey(key));
        }
        if state.keys.len() >= self.config.max_drivers {
            return Err(FullError { max: self.config.max_drivers });
        }
        let key = state.next;
        state.next += 1;
        state.keys.insert(*id, key);
        let driver =
            Driver { fix: None, status: DriverStatus::Available, profile: Profile::default() };
        state.drivers.insert(key, Entry { id: *id, driver, seen: now, stale: true });
        Ok(DriverKey(key))
    }

    fn find(&self, id: &DriverId) -> Option<DriverKey> {
        self.state.read().keys.get(id).copied().map(DriverKey)
    }

    fn id(&self, driver: DriverKey) -> Option<DriverId> {
        self.state.read().drivers.get(&driver.0).map(|entry| entry.id)
    }

    fn set_status(&self, driver: DriverKey, status: DriverStatus) -> bool {
        let mut state = self.state.write();
        let entry = state.drivers.get_mut(&driver.0);
        entry.map(|entry| entry.driver.status = status).is_some()
    }

    fn set_profile(&self, driver: DriverKey, profile: Profile) -> bool {
        let mut state = self.state.write();
        let entry = state.drivers.get_mut(&driver.0);
        entry.map(|entry| entry.driver.profile = profile).is_some()
    }

    fn apply(&self, now: Timestamp, reports: &[Report], outcome: &mut BatchOutcome) {
        let now = self.present(now);
        let mut state = self.state.write();
        for (row, report) in (0..).zip(reports) {
            match apply_one(&mut state, now, report, &self.config) {
                Ok(plausible) => {
                    outcome.applied += 1;
                    outcome.implausible += u64::from(!plausible);
                }
                Err(reason) => outcome.rejected.push((row, reason)),
            }
        }
    }

    fn forget(&self, driver: DriverKey) -> bool {
        let mut state = self.state.write();
        let Some(entry) = state.drivers.remove(&driver.0) else { return false };
        state.keys.remove(&entry.id).is_some()
    }

    fn driver(&self, now: Timestamp, driver: DriverKey) -> Option<Driver> {
        self.present(now);
        self.state.read().drivers.get(&driver.0).map(|entry| entry.driver)
    }

    fn nearest(&self, now: Timestamp, question: &Nearest, answer: &mut Answer) {
        let now = self.present(now);
        let origin = Origin::new(question.center);
        let limit = Haversine::of_radius(question.radius);
        let mut found: Vec<(Haversine, DriverId, Hit)> = Vec::new();
        self.passing(now, &question.filter, |key, entry, fix| {
            let distance = origin.to(fix.position);
            if distance <= limit {
                found.push((distance, entry.id, hit(key, entry, fix, distance)));
            }
        });
        found.sort_unstable_by_key(|(distance, id, _)| (*distance, *id));
        found.truncate(question.k.get());
        answer.more = false;
        answer.hits.clear();
        answer.hits.extend(found.iter().map(|(_, _, hit)| hit));
    }

    fn within(&self, now: Timestamp, question: &Within, answer: &mut Answer) {
        let now = self.present(now);
        let origin = Origin::new(question.area.anchor());
        let mut found: Vec<(DriverId, Hit)> = Vec::new();
        self.passing(now, &question.filter, |key, entry, fix| {
            if question.page.after.is_none_or(|after| entry.id > after)
                && question.area.contains(fix.position)
            {
                found.push((entry.id, hit(key, entry, fix, origin.to(fix.position))));
            }
        });
        found.sort_unstable_by_key(|(id, _)| *id);
        answer.more = found.len() > question.page.size;
        found.truncate(question.page.size);
        answer.hits.clear();
        answer.hits.extend(found.iter().map(|(_, hit)| hit));
    }

    fn count(&self, now: Timestamp, area: &Area, filter: &Filter) -> u64 {
        let now = self.present(now);
        let mut count = 0;
        self.passing(now, filter, |_, _, fix| count += u64::from(area.contains(fix.position)));
        count
    }

    fn walk(
        &self,
        now: Timestamp,
        from: u32,
        most: usize,
        take: &mut dyn FnMut(DriverId, Driver),
    ) -> Option<u32> {
        self.present(now);
        let state = self.state.read();
        let mut placed =
            state.drivers.range(from..).filter(|(_, entry)| entry.driver.fix.is_some());
        placed.by_ref().take(most.max(1)).for_each(|(_, entry)| take(entry.id, entry.driver));
        placed.next().map(|(key, _)| *key)
    }

    fn advance(&self, now: Timestamp) -> Advance {
        let mut state = self.state.write();
        state.passed = state.passed.max(Some(now));
        let mut advance = Advance::default();
        let mut forgotten = Vec::new();
        for (&key, entry) in &mut state.drivers {
            let silent = now.since(entry.seen);
            if silent >= self.config.forget_after {
                forgotten.push((key, entry.id));
            }
            if silent >= self.config.stale_after && !entry.stale {
                entry.stale = true;
                advance.went_stale += 1;
            }
        }
        for (key, id) in &forgotten {
            state.drivers.remove(key);
            state.keys.remove(id);
        }
        advance.forgotten = forgotten.len() as u64;
        advance
    }

    fn supply(&self) -> Vec<Supply> {
        let mut regions: BTreeMap<u64, [u64; 6]> = BTreeMap::new();
        for entry in self.state.read().drivers.values().filter(|entry| !entry.stale) {
            if let Some(fix) = &entry.driver.fix {
                let counts = regions.entry(region_of(fix.position)).or_default();
                counts[usize::from(entry.driver.status.code())] += 1;
            }
        }
        regions.into_iter().map(|(region, by_status)| Supply { region, by_status }).collect()
    }

    fn len(&self) -> usize {
        self.state.read().drivers.len()
    }
}

/// Whether the move was plausible, or why the report was refused.
fn apply_one(
    state: &mut State,
    now: Timestamp,
    report: &Report,
    config: &IndexConfig,
) -> Result<bool, Reason> {
    let entry = state.drivers.get_mut(&report.driver.0).ok_or(Reason::UnknownDriver)?;
    if let Some(reason) = rules::judge_time(now, report.at, config) {
        return Err(reason);
    }
    let mut plausible = true;
    if let Some(last) = &entry.driver.fix {
        if let Some(reason) = rules::judge_order(last, entry.driver.status, report) {
            return Err(reason);
        }
        plausible = rules::plausible(last, report, config);
    }
    entry.driver.fix =
        Some(Fix { position: report.position, at: report.at, motion: report.motion });
    entry.driver.status = report.status.unwrap_or(entry.driver.status);
    entry.seen = report.at;
    entry.stale = now.since(report.at) >= config.stale_after;
    Ok(plausible)
}

/// The H3 region of a position.
fn region_of(position: LatLng) -> u64 {
    super::region::cell_of(position, super::region::RESOLUTION).into()
}
