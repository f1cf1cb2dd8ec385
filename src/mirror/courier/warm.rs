//! A warm start: the map learns from Redis who was where, before anything is written there.
//!
//! What Redis says is judged as any report: by device time, so that whoever has reported
//! meanwhile stays where they are, and whoever was forgotten long ago stays so.
//!
//! A standby reads twice: when it starts, and when it takes over, as what was news then may be old.
//! What nobody has told it but Redis is then what Redis says, and who is not there any more is gone.

use std::collections::{BTreeSet, HashSet};

use foldhash::fast::FixedState;

use super::Courier;
use crate::ids::DriverId;
use crate::index::{BatchOutcome, Driver, LiveMap as _, Occupant, region_of};
use crate::mirror::entry::{Entry, id_of};
use crate::mirror::read::{self, Piece, Row};
use crate::mirror::shadow::Held;
use crate::mirror::verdict::LinkError;
use crate::model::{DriverKey, DriverStatus, Report};
use crate::units::Timestamp;

/// Regions of which a page is read together.
const TOGETHER: usize = 16;

/// A set of slots: a bit each.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<u64>);

impl Slots {
    pub(super) fn insert(&mut self, slot: u32) {
        let word = slot as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (slot % 64);
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if let Some(word) = self.0.get_mut(slot as usize / 64) {
            *word &= !(1 << (slot % 64));
        }
    }

    fn contains(&self, slot: u32) -> bool {
        self.0.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

/// Somebody of whom Redis has an entry.
struct Newcomer {
    id: DriverId,
    key: DriverKey,
    entry: Entry,
    /// What was known before; nothing of whom Redis alone has told.
    before: Option<Driver>,
    /// Whether the map has taken it.
    is_news: bool,
}

impl Courier {
    /// Reads all that Redis has. What it was believed to hold is forgotten.
    pub(super) async fn warm_up(&mut self) -> Result<(), LinkError> {
        let begun = crate::clock::stopwatch();
        let (mut waiting, told) = read::world(&*self.carrier.link).await?;
        let mut pieces = Vec::new();
        let (mut seen, mut unread) = (Slots::default(), BTreeSet::new());
        let mut warmed = 0;
        while !(waiting.is_empty() && pieces.is_empty()) {
            let room = TOGETHER.saturating_sub(pieces.len()).min(waiting.len());
            pieces.extend(waiting.drain(..room).map(Piece::first));
            let (rows, refused) =
                read::pages_of(&*self.carrier.link, &self.carrier.scripts.page, &mut pieces)
                    .await?;
            // What somebody else has put there says nothing of anybody. All else may pass.
            if let Some(error) = refused.values().find(|error| !error.has_code("WRONGTYPE")) {
                return Err(error.clone());
            }
            self.carrier.tell(&refused);
            unread.extend(refused.into_keys());
            let count = self.admit(self.clock.now(), &rows, &mut seen);
            self.carrier.metrics.warmed.increment(count);
            warmed += count;
        }
        let gone = self.part(self.clock.now(), &seen, &unread, told);
        let took = begun.elapsed();
        tracing::info!(drivers = warmed, gone, ?took, "the map knows what redis knew");
        Ok(())
    }

    /// Puts rows on the map; how many were news there.
    fn admit(&mut self, now: Timestamp, rows: &[Row], seen: &mut Slots) -> u64 {
        let mut fresh = HashSet::default();
        let mut newcomers: Vec<Newcomer> =
            rows.iter().filter_map(|row| self.newcomer(now, row, &mut fresh)).collect();
        let reports: Vec<Report> = newcomers
            .iter()
            .map(|Newcomer { key, entry, .. }| Report {
                driver: *key,
                position: entry.position,
                at: entry.at,
                motion: entry.motion,
                status: None,
            })
            .collect();
        let mut outcome = BatchOutcome::default();
        self.map.apply(now, &reports, &mut outcome);
        let mut rejected = outcome.rejected.iter().map(|&(i, _)| i).peekable();
        for (i, newcomer) in (0_u32..).zip(&mut newcomers) {
            newcomer.is_news = rejected.next_if_eq(&i).is_none();
            let slot = self.map.slot_of(newcomer.key);
            self.introduce(slot, newcomer);
            let Newcomer { id, entry, .. } = *newcomer;
            let held = Held { id, region: region_of(entry.position), entry };
            self.shadow.set(slot, Some(&held));
            seen.insert(slot);
        }
        outcome.applied
    }

    fn newcomer(
        &self,
        now: Timestamp,
        (id, line): &Row,
        fresh: &mut HashSet<DriverKey, FixedState>,
    ) -> Option<Newcomer> {
        let id = id_of(id)?;
        let entry = Entry::parse(str::from_utf8(line).ok()?)?;
        if now.since(entry.at) >= self.map.config().forget_after {
            return None;
        }
        let known = self.map.find(&id);
        let key = match known {
            Some(key) => key,
            None => self.map.bind(now, &id).ok()?,
        };
        if known.is_none() {
            fresh.insert(key);
        }
        // Two entries may be of one driver who is new.
        let before = self.map.driver(now, key).filter(|_| !fresh.contains(&key));
        Some(Newcomer { id, key, entry, before, is_news: false })
    }

    /// Profile and status: those of Redis, unless a gateway has said so since.
    fn introduce(&mut self, slot: u32, newcomer: &Newcomer) {
        let Newcomer { id, key, entry, before, is_news } = newcomer;
        let learnt = self.learnt_from(slot, id);
        let is_older = match before {
            None => *is_news,
            Some(driver) => match driver.fix {
                // A gateway has just introduced it.
                None => false,
                Some(fix) if fix.at == entry.at => self.is_as_learnt(slot, id, driver),
                Some(_) => *is_news,
            },
        };
        if is_older {
            self.map.set_profile(*key, entry.profile);
            self.map.set_status(*key, (self.status)(id, entry.status));
        } else if let (Some(driver), Some(learnt)) = (before, &learnt) {
            // What nobody has told since: somebody else may have run the market, and whoever runs it now
            // knows.
            if learnt.status == driver.status {
                self.map.set_status(*key, (self.status)(id, driver.status));
            }
            if learnt.profile == driver.profile {
                self.map.set_profile(*key, entry.profile);
            }
        }
        if before.is_none() && *is_news {
            self.learnt.insert(slot);
        } else if learnt.is_none() {
            // It was somebody else's place.
            self.learnt.remove(slot);
        }
    }

    /// What Redis said of a driver when it was last read, if it was the first to tell of it.
    fn learnt_from(&self, slot: u32, id: &DriverId) -> Option<Entry> {
        let held = self.shadow.get(slot).filter(|held| held.id == *id)?;
        self.learnt.contains(slot).then_some(held.entry)
    }

    /// Whether that is all that is known of a driver.
    fn is_as_learnt(&self, slot: u32, id: &DriverId, driver: &Driver) -> bool {
        self.learnt_from(slot, id).is_some_and(|learnt| Entry::of(driver) == Some(learnt))
    }

    /// Of all who were not seen in Redis: those whom nobody else has told of go, unless their region could
    /// not be read or nobody says that all is there, as after a flush. All the others are to be looked at, and
    /// who is on a trip is so only if the market says so. Tells how many went.
    fn part(
        &mut self,
        now: Timestamp,
        seen: &Slots,
        unread: &BTreeSet<u64>,
        told: Option<Timestamp>,
    ) -> u64 {
        let mut gone = 0;
        for slot in 0..self.map.slots() {
            self.note(slot);
            let is_seen = seen.contains(slot);
            let is_read = self.shadow.region(slot).is_some_and(|at| !unread.contains(&at));
            if let Some(Occupant { key, id, driver, .. }) = self.map.occupant(now, slot) {
                let may_go = !is_seen && is_read && told.is_some() && self.learnt.contains(slot);
                if may_go && self.is_as_learnt(slot, &id, &driver) {
                    gone += u64::from(self.map.forget(key));
                } else if !matches!(driver.status, DriverStatus::Available | DriverStatus::Offline)
                {
                    // This process may have run the market before, and somebody else since.
                    self.map.set_status(key, (self.status)(&id, driver.status));
                }
            }
            if !is_seen {
                self.shadow.set(slot, None);
                self.learnt.remove(slot);
            }
        }
        gone
    }
}
