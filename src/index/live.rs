//! The engine: who is known, and the doors to everything else.
//!
//! Locks, in the order in which they are taken: `passing`, `gate`, a part of the names, regions by
//! number (drivers without a position before all), then the slots or the wheel. Last of all come
//! open buckets: who has one open awaits no lock of those above, and who overwrites in place awaits
//! nothing, so that waiting for an open bucket ends.
//!
//! # Invariants
//! L1: a driver's place changes only under the lock of the region that it is in, and while its
//!     bucket is open. Who holds only the open bucket may overwrite position, time and motion of
//!     a driver whose place says that it is there ([`super::record::Record::settled`]).
//! L2: each known driver is in the wheel, in a list that comes up no later than its deadline,
//!     or is about to be looked at by who holds `passing`.
//! L3: who is where is one moment's in an answer: the members of each region and bucket visited
//!     were unchanged to the end. Moves inside a bucket do not count as changes, so positions
//!     may be from different moments of the time that the question took.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard, RwLock};

use super::bucket::Lane;
use super::changes::Changes;
use super::meta::{Mask, Meta, STALE};
use super::names::Names;
use super::record::{self, Place};
use super::region::Count;
use super::slots::Slots;
use super::store::Store;
use super::tree::Tree;
use super::wheel::Wheel;
use super::{
    Advance, Answer, BatchOutcome, Driver, FullError, IndexConfig, LiveMap, Present, Supply,
    narrow, present, widen,
};
use crate::geo::Area;
use crate::ids::DriverId;
use crate::model::{DriverKey, DriverStatus, Filter, Nearest, Profile, Report, Within};
use crate::units::{Millis, Timestamp};

/// The live map that serves production.
///
/// An adaptive grid of buckets below H3 regions: an update that stays in its bucket writes one
/// cache line beside two that it reads; a search visits regions, directories and buckets in
/// the order of their lower bounds.
///
/// # Complexity
/// An update: O(1), amortized over cuts and joins. The k nearest: O(k + b log b) for b buckets
/// whose bound is below the k-th distance, usually 2 to 6. Memory: about 60 bytes a driver and
/// 30 more for an id of 8 bytes.
pub struct LiveIndex {
    pub(super) config: IndexConfig,
    pub(super) store: Store,
    pub(super) names: Names,
    pub(super) slots: Mutex<Slots>,
    pub(super) wheel: Mutex<Wheel>,
    /// Held shared by writers, a batch at a time; exclusively by a reader that was unlucky too
    /// often (see [`super::reader`]).
    pub(super) gate: RwLock<()>,
    /// Held while time passes.
    pub(super) passing: Mutex<()>,
    /// When it passed last, in milliseconds; [`i64::MIN`] before the first call.
    passed: AtomicI64,
    /// Guards the drivers that have no position, and so no region.
    pub(super) limbo: Mutex<()>,
    /// Who has changed, if somebody wants to know.
    pub(super) changes: Option<Changes>,
}

/// A locked region, or the locked limbo.
pub(super) struct Held<'a> {
    pub(super) ix: u32,
    _guard: MutexGuard<'a, ()>,
}

/// After so many steps of [`crate::limits::MAX_TIME_STEP_MS`] everybody has been forgotten: one
/// that time may have moved unnoticed, one of silence, and one for clocks that run ahead.
const STEPS: usize = 3;

/// The number under which drivers without a position are locked.
pub(super) const LIMBO: u32 = u32::MAX;

impl LiveIndex {
    /// An empty map. The seed keys the table of ids; it changes no answer.
    pub fn new(config: IndexConfig, seed: u64) -> Self {
        let config = config.in_range();
        let max = config.max_drivers;
        Self {
            config,
            store: Store::new(max),
            names: Names::new(seed, max),
            slots: Mutex::new(Slots::new(max)),
            wheel: Mutex::new(Wheel::new()),
            gate: RwLock::new(()),
            passing: Mutex::new(()),
            passed: AtomicI64::new(i64::MIN),
            limbo: Mutex::new(()),
            changes: None,
        }
    }

    /// The same, noting who changes: a bit a driver that may be known.
    pub fn noting_changes(self) -> Self {
        Self { changes: Some(Changes::new(self.config.max_drivers)), ..self }
    }

    /// What it was made with.
    pub const fn config(&self) -> &IndexConfig {
        &self.config
    }

    /// The memory in use, in bytes: for the engine, and for the table of ids.
    pub fn memory(&self) -> (usize, usize) {
        // One lock at a time: a binder holds a part of the names and waits for the slots.
        let slots = self.slots.lock().ever().len();
        let wheel = self.wheel.lock().memory();
        let engine = self.store.memory() + wheel + slots * size_of::<record::Record>();
        (engine, self.names.memory(slots))
    }

    /// The present, with the time before it passed.
    #[inline]
    pub(super) fn present(&self, now: Timestamp) -> Timestamp {
        match present(self.passed(now), now) {
            Present::Is(now) => now,
            Present::MustPass => {
                self.advance(now);
                now
            }
        }
    }

    /// When time passed last; `now` if this is the first call.
    #[inline]
    fn passed(&self, now: Timestamp) -> Timestamp {
        let mut passed = self.passed.load(Relaxed);
        if passed == i64::MIN {
            passed = self.passed.fetch_max(now.as_millis(), Relaxed).max(now.as_millis());
        }
        Timestamp::from_millis(passed)
    }

    /// Lets time pass up to a moment that is less than half a turn of the narrow clock away.
    fn pass(&self, now: Timestamp, advance: &mut Advance) {
        let mut slots = Vec::new();
        self.wheel.lock().come_up(now, &mut slots);
        for slot in slots {
            let _gate = self.gate.read();
            self.attend(now, slot, advance);
        }
    }

    pub(super) fn tree(&self, region_ix: u32) -> Tree<'_> {
        Tree { store: &self.store, region: self.store.regions.get(region_ix), region_ix }
    }

    /// Locks a region, or the limbo.
    pub(super) fn lock(&self, ix: u32) -> Held<'_> {
        let mutex = if ix == LIMBO { &self.limbo } else { &self.store.regions.get(ix).writer };
        Held { ix, _guard: mutex.lock() }
    }

    /// Locks the region that a driver is in, unless `held` is it, and tells where it is.
    #[inline]
    pub(super) fn lock_driver<'a>(
        &'a self,
        key: DriverKey,
        held: &mut Option<Held<'a>>,
    ) -> Option<Place> {
        loop {
            let place = self.store.record(key).place_of(key)?;
            let ix = self.region_of(place);
            if held.as_ref().is_some_and(|held| held.ix == ix) {
                // Under its lock a record is still: what was just read holds, if it was read
                // after the lock was taken. Read again in case it was before.
                return Some(place);
            }
            *held = None;
            *held = Some(self.lock(ix));
        }
    }

    fn region_of(&self, place: Place) -> u32 {
        match place {
            Place::In { bucket, .. } => self.store.bucket(bucket).region(),
            Place::Waiting { .. } | Place::Free => LIMBO,
        }
    }

    /// Changes a driver's packed state; false if it has been forgotten.
    fn change_meta(&self, key: DriverKey, change: impl FnOnce(Meta) -> Meta) -> bool {
        let _gate = self.gate.read();
        let mut held = None;
        let changed = match self.lock_driver(key, &mut held) {
            None | Some(Place::Free) => false,
            Some(Place::Waiting { .. }) => {
                let record = self.store.record(key);
                let meta = Meta::from_bits(record.waiting_meta());
                record.set_waiting_meta(change(meta).to_bits());
                true
            }
            Some(Place::In { bucket: ix, lane }) => {
                let bucket = self.store.bucket(ix);
                bucket.version.open();
                let was = bucket.lane(usize::from(lane));
                let meta = Meta { first: was.first(), second: was.second() };
                let changed = change(meta);
                let now = Lane::new(was.bam(), was.at(), changed.first, key, changed.second);
                bucket.set_xy_tm(usize::from(lane), now.xy, now.tm);
                bucket.set_rest(usize::from(lane), now.rest);
                bucket.version.close();
                if meta.first & STALE == 0 && meta.status() != changed.status() {
                    let region = self.store.regions.get(bucket.region());
                    region.count_supply(Count::Down, meta.status());
                    region.count_supply(Count::Up, changed.status());
                }
                true
            }
        };
        if let Some(changes) = self.changes.as_ref().filter(|_| changed) {
            changes.note_driver(key);
        }
        changed
    }

    /// A filter for the scan, its excluded ids looked up.
    pub(super) fn mask(&self, now: Timestamp, filter: &Filter) -> Mask {
        let excluded = filter.excluded.iter().filter_map(|id| self.names.find(id));
        Mask::new(now, filter, excluded.map(|key| key.0).collect())
    }

    /// Removes a driver whose part of the names is locked by the caller; only if `now` is the
    /// end of its silence, if that is asked.
    fn remove(&self, key: DriverKey, silent_at: Option<Timestamp>) -> bool {
        let mut held = None;
        let spoke = |seen| {
            silent_at.is_some_and(|now| now.since(widen(now, seen)) < self.config.forget_after)
        };
        // Before its bucket can be freed: a record that points into a bucket of another region
        // would send its reader to the wrong lock.
        let free = || {
            let next = record::generation(key).wrapping_add(1);
            self.store.record(key).set_place(next, Place::Free);
        };
        match self.lock_driver(key, &mut held) {
            None | Some(Place::Free) => return false,
            Some(Place::Waiting { since }) if spoke(since) => return false,
            Some(Place::Waiting { .. }) => free(),
            Some(Place::In { bucket, lane }) => {
                let (ix, lane) = (self.store.bucket(bucket).region(), usize::from(lane));
                let version = &self.store.bucket(bucket).version;
                version.open();
                let was = self.store.bucket(bucket).lane(lane);
                if spoke(was.at()) {
                    version.abandon();
                    return false;
                }
                free();
                version.close();
                let stale = was.first() & STALE != 0;
                let tree = self.tree(ix);
                tree.remove(bucket, lane);
                tree.region.count(Count::Down, super::meta::status_of(was.first()), stale);
            }
        }
        self.wheel.lock().cancel(record::slot(key));
        true
    }

    /// Forgets a driver and releases its name and slot.
    fn release(&self, key: DriverKey, silent_at: Option<Timestamp>) -> bool {
        let Some(id) = self.names.id(key) else { return false };
        let mut shard = self.names.lock(&id);
        if !self.remove(key, silent_at) {
            return false;
        }
        shard.remove(&id, key);
        drop(shard);
        self.slots.lock().free(record::slot(key));
        if let Some(changes) = &self.changes {
            changes.note_driver(key);
        }
        true
    }

    /// Looks at a driver whose deadline may have come.
    fn attend(&self, now: Timestamp, slot: u32, advance: &mut Advance) {
        let (generation, place) = self.store.record_at(slot).place();
        if place == Place::Free {
            return;
        }
        let key = record::key(slot, generation);
        let mut held = None;
        let due = match self.lock_driver(key, &mut held) {
            None | Some(Place::Free) => return,
            Some(Place::Waiting { since }) => widen(now, since).plus(self.config.forget_after),
            Some(Place::In { bucket, lane }) => {
                let (bucket, lane) = (self.store.bucket(bucket), usize::from(lane));
                bucket.version.open();
                let was = bucket.lane(lane);
                let seen = widen(now, was.at());
                let fresh = was.first() & STALE == 0;
                let silent = fresh && now.since(seen) >= self.config.stale_after;
                let first = was.first() | STALE;
                if silent {
                    bucket.set_xy_tm(lane, was.xy, super::bucket::pair(was.at(), first));
                    bucket.version.close();
                } else {
                    bucket.version.abandon();
                }
                if silent {
                    let region = self.store.regions.get(bucket.region());
                    region.count_supply(Count::Down, super::meta::status_of(first));
                    advance.went_stale += 1;
                    seen.plus(self.config.forget_after)
                } else if fresh {
                    seen.plus(self.config.stale_after)
                } else {
                    seen.plus(self.config.forget_after)
                }
            }
        };
        // Scheduled even if it is to go: should it report before it is gone, it stays.
        self.wheel.lock().schedule(slot, now, due);
        drop(held);
        if due <= now {
            advance.forgotten += u64::from(self.release(key, Some(now)));
        }
    }
}

impl LiveMap for LiveIndex {
    fn bind(&self, now: Timestamp, id: &DriverId) -> Result<DriverKey, FullError> {
        let now = self.present(now);
        if let Some(key) = self.names.find(id) {
            return Ok(key);
        }
        let _gate = self.gate.read();
        let mut shard = self.names.lock(id);
        if let Some(key) = shard.find(id) {
            return Ok(key);
        }
        let full = FullError { max: self.config.max_drivers };
        let slot = self.slots.lock().take().ok_or(full)?;
        let record = self.store.record_at(slot);
        let (generation, _) = record.place();
        let key = record::key(slot, generation);
        let meta = Meta::new(DriverStatus::Available, Profile::default());
        record.set_waiting_meta(meta.to_bits());
        shard.insert(id, key);
        record.set_place(generation, Place::Waiting { since: narrow(now) });
        self.wheel.lock().schedule(slot, now, now.plus(self.config.forget_after));
        Ok(key)
    }

    fn find(&self, id: &DriverId) -> Option<DriverKey> {
        self.names.find(id)
    }

    fn id(&self, driver: DriverKey) -> Option<DriverId> {
        self.names.id(driver)
    }

    fn expect_ids(&self, hits: &[super::Hit]) {
        self.names.expect(hits.iter().map(|hit| hit.driver));
    }

    fn set_status(&self, driver: DriverKey, status: DriverStatus) -> bool {
        self.change_meta(driver, |meta| meta.with_status(status))
    }

    fn set_profile(&self, driver: DriverKey, profile: Profile) -> bool {
        self.change_meta(driver, |meta| meta.with_profile(profile))
    }

    fn apply(&self, now: Timestamp, reports: &[Report], outcome: &mut BatchOutcome) {
        let now = self.present(now);
        let before = outcome.rejected.len();
        super::writer::apply(self, now, reports, outcome);
        if let Some(changes) = &self.changes {
            changes.note_applied(reports, &outcome.rejected[before..]);
        }
    }

    fn forget(&self, driver: DriverKey) -> bool {
        let _gate = self.gate.read();
        self.release(driver, None)
    }

    fn driver(&self, now: Timestamp, driver: DriverKey) -> Option<Driver> {
        self.look(self.present(now), driver).map(|(driver, _)| driver)
    }

    fn nearest(&self, now: Timestamp, question: &Nearest, answer: &mut Answer) {
        let now = self.present(now);
        super::search::nearest(self, now, question, answer);
    }

    fn within(&self, now: Timestamp, question: &Within, answer: &mut Answer) {
        let now = self.present(now);
        super::sweep::within(self, now, question, answer);
    }

    fn count(&self, now: Timestamp, area: &Area, filter: &Filter) -> u64 {
        let now = self.present(now);
        super::sweep::count(self, now, area, filter)
    }

    fn walk(
        &self,
        now: Timestamp,
        from: u32,
        most: usize,
        take: &mut dyn FnMut(DriverId, Driver),
    ) -> Option<u32> {
        let mut room = most.max(1);
        for slot in from..self.slots() {
            if room == 0 {
                return Some(slot);
            }
            if let Some(occupant) = self.occupant(now, slot)
                && occupant.driver.fix.is_some()
            {
                take(occupant.id, occupant.driver);
                room -= 1;
            }
        }
        None
    }

    fn advance(&self, now: Timestamp) -> Advance {
        let _passing = self.passing.lock();
        let mut advance = Advance::default();
        let mut passed = self.passed(now);
        let step = Millis(crate::limits::MAX_TIME_STEP_MS);
        for _ in 0..STEPS {
            passed = passed.plus(step);
            if now <= passed {
                break;
            }
            self.pass(passed, &mut advance);
        }
        // Who is still here was heard of less than a step ago, or time did not jump.
        self.pass(now, &mut advance);
        self.passed.fetch_max(now.as_millis(), Relaxed);
        advance
    }

    fn supply(&self) -> Vec<Supply> {
        let mut supply: Vec<Supply> = self
            .store
            .regions
            .all()
            .map(|ix| {
                let region = self.store.regions.get(ix);
                Supply { region: region.cell.into(), by_status: region.supply() }
            })
            .filter(|supply| supply.by_status != [0; 6])
            .collect();
        supply.sort_unstable_by_key(|supply| supply.region);
        supply
    }

    fn len(&self) -> usize {
        self.slots.lock().in_use()
    }
}

impl std::fmt::Debug for LiveIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveIndex").field("config", &self.config).finish_non_exhaustive()
    }
}
