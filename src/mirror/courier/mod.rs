//! The courier: carries what has changed on the map to Redis, batch by batch, on a thread of its
//! own.
//!
//! It takes the bits of [`crate::index::Changes`], looks at who the drivers are *now*, and writes
//! that; so a driver is written once however often it changed meanwhile, and what Redis does
//! costs reports and questions nothing. What could not be written is noted again.
//!
//! While Redis works on some batches the next is gathered. In one pass a driver is in one batch, and
//! a pass ends when all of its batches have, so that no two batches under way are about one driver.

mod batch;
mod census;
mod flight;
mod reconcile;
mod warm;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use tokio::sync::watch;

use self::batch::{Carrier, Op};
use self::flight::Flight;
use self::warm::Slots;
use super::entry::Entry;
use super::keys::{PULSE, Scripts};
use super::link::Link;
use super::read::Refused;
use super::service::{Leads, StatusOf};
use super::shadow::{Held, Pace, Shadow, plan};
use super::verdict::LinkError;
use crate::clock::{self, Clock};
use crate::index::{Changes, LiveIndex, Occupant};
use crate::limits;
use crate::telemetry::MirrorMetrics;
use crate::units::Timestamp;

/// How often Redis is told how far the mirror has come.
const PULSE_EVERY: Duration = Duration::from_secs(1);

/// How long a region is left alone that did not take what was written.
const SPARED: Duration = Duration::from_secs(1);

/// How far the courier has come with a Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What Redis knew before us is to be read first.
    Cold,
    /// What Redis holds may differ from what we believe.
    Doubtful,
    /// What Redis holds is what we have written.
    Sure,
}

/// What the courier works with.
pub(super) struct Courier {
    pub(super) map: Arc<LiveIndex>,
    pub(super) clock: Arc<Clock>,
    carrier: Carrier,
    under_way: Flight,
    /// True once what Redis knew is on the map.
    pub(super) warm: watch::Sender<bool>,
    status: StatusOf,
    leads: Leads,
    shadow: Shadow,
    /// Those of whom nobody but Redis has told anything, as far as is known.
    learnt: Slots,
    stage: Stage,
    generation: u64,
    /// Regions that are known to be in the set of regions.
    listed: HashSet<u64, FixedState>,
    /// When the drivers of each region were last looked at.
    looked: HashMap<u64, Instant, FixedState>,
    /// When this began.
    begun: Instant,
    /// Short moves that were put off, and what concerns regions that are spared, as the set of changes
    /// has them.
    put_off: Vec<u64>,
    /// Regions that did not take what was written, and until when they are left alone.
    spared: HashMap<u64, Instant, FixedState>,
    /// Regions that could not be compared, and when that is tried again.
    unsure: BTreeSet<u64>,
    unsure_until: Option<Instant>,
    /// When it is counted again what Redis holds, if not at once.
    count_from: Option<Instant>,
    pace: Pace,
    pulse: Option<Instant>,
}

impl Courier {
    pub(super) fn new(
        map: Arc<LiveIndex>,
        clock: Arc<Clock>,
        link: Arc<Link>,
        metrics: Arc<MirrorMetrics>,
        warm: watch::Sender<bool>,
        (status, leads): (StatusOf, Leads),
    ) -> Self {
        Self {
            map,
            clock,
            carrier: Carrier { link, metrics, scripts: Scripts::new() },
            under_way: Flight::default(),
            warm,
            status,
            leads,
            shadow: Shadow::default(),
            learnt: Slots::default(),
            stage: Stage::Cold,
            generation: 0,
            listed: HashSet::default(),
            looked: HashMap::default(),
            begun: clock::stopwatch(),
            put_off: Vec::new(),
            spared: HashMap::default(),
            unsure: BTreeSet::new(),
            unsure_until: None,
            count_from: None,
            pace: Pace::Even,
            pulse: None,
        }
    }

    /// Carries until `stop` becomes true, and then what is left, if Redis takes it.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let pause = Duration::from_millis(limits::MIRROR_PAUSE_MS);
            let stopped = tokio::select! {
                () = tokio::time::sleep(pause) => false,
                _ = stop.wait_for(|&stop| stop) => true,
            };
            self.attempt().await;
            if stopped {
                return;
            }
        }
    }

    /// A round, and what its failure means.
    async fn attempt(&mut self) {
        let round = self.round().await;
        self.carrier.metrics.set_open(self.carrier.link.is_open());
        if let Err(error) = &round {
            if !matches!(error, LinkError::Open { .. }) {
                self.carrier.metrics.failures.increment(1);
            }
            // Whether the last batch was done is unknown, and what was done before may be lost; that
            // the breaker is open may be all that is told of it.
            self.doubt();
        }
    }

    /// What Redis holds may differ from what is believed.
    fn doubt(&mut self) {
        if self.stage == Stage::Sure {
            self.stage = Stage::Doubtful;
        }
        self.listed.clear();
    }

    /// One look at everything.
    async fn round(&mut self) -> Result<(), LinkError> {
        let Some(now) = self.started() else { return Ok(()) };
        self.tell_backlog();
        let leads = (self.leads)();
        if self.stage == Stage::Cold && (leads || !*self.warm.borrow()) {
            self.warm_up().await?;
            self.stage = Stage::Doubtful;
            self.warm.send_replace(true);
        }
        if !leads {
            // Somebody else writes: all of that is to be read when this changes.
            self.doubt();
            self.stage = Stage::Cold;
            return Ok(());
        }
        let due = self.pulse.is_none_or(|last| last.elapsed() >= PULSE_EVERY);
        if due || self.carrier.link.is_open() {
            // While Redis fails one question finds out, and not a whole batch.
            self.look_for_pulse().await?;
        }
        if due && let Err(error) = self.carrier.link.check().await {
            // Without sentinels the primary may be well.
            tracing::debug!(%error, "the primary cannot be checked");
        }
        let begun = self.clock.now();
        self.pass(now).await?;
        if self.carrier.link.generation() != self.generation {
            self.doubt();
            self.generation = self.carrier.link.generation();
        }
        if due && self.stage == Stage::Sure && !self.is_whole().await? {
            self.doubt();
        }
        let differences = match self.stage {
            Stage::Sure => self.look_again().await?,
            Stage::Cold | Stage::Doubtful => self.reconcile().await?,
        };
        if !(self.leads)() {
            // Who is there without being known was left where it is.
            self.doubt();
            return Ok(());
        }
        self.stage = Stage::Sure;
        if differences > 0 {
            // Before anybody is told that all is there, or it ends.
            self.pass(now).await?;
        }
        if due || self.pulse.is_none() {
            self.tell_pulse(begun).await?;
        }
        Ok(())
    }

    fn started(&self) -> Option<Timestamp> {
        Some(self.clock.now()).filter(|&now| now != Clock::UNSTARTED)
    }

    /// Carries all that has changed up to now.
    async fn pass(&mut self, now: Timestamp) -> Result<(), LinkError> {
        let begun = clock::stopwatch();
        self.spared.retain(|_, until| *until > begun);
        let passed = self.gather_all(now).await;
        let ended = self.settle(0).await;
        passed.and(ended)?;
        let late = begun.elapsed() > Duration::from_millis(limits::MIRROR_BEHIND_MS);
        self.pace = if late { Pace::Behind } else { Pace::Even };
        Ok(())
    }

    /// Region by region, so that Redis, and the map, have at hand what the next driver needs.
    async fn gather_all(&mut self, now: Timestamp) -> Result<(), LinkError> {
        let mut waiting = self.take_changes();
        let mut batch = Vec::new();
        while let Some((region, slots)) = waiting.pop_first() {
            let looked = self.looked.insert(region, clock::stopwatch());
            let since = looked.unwrap_or(self.begun);
            for &slot in &slots {
                self.gather(now, slot, since, &mut batch);
                if batch.len() >= limits::MIRROR_BATCH
                    && let Err(error) = self.deliver(std::mem::take(&mut batch)).await
                {
                    // Who has been sent is looked at once more, and found as it should be.
                    slots
                        .iter()
                        .chain(waiting.values().flatten())
                        .for_each(|slot| self.note(*slot));
                    return Err(error);
                }
            }
        }
        self.deliver(batch).await
    }

    /// Takes all that is noted, by the region in which Redis has the driver; 0 is none.
    fn take_changes(&mut self) -> BTreeMap<u64, Vec<u32>> {
        let words = (self.map.slots() as usize).div_ceil(64);
        self.put_off.resize(words, 0);
        let mut waiting: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        let Some(changes) = self.map.changes() else { return waiting };
        for word in 0..words {
            let mut bits = changes.take(word);
            if self.pace == Pace::Even {
                bits |= std::mem::take(&mut self.put_off[word]);
            }
            while bits != 0 {
                let slot = u32::try_from(word * 64).unwrap_or(u32::MAX);
                let slot = slot.saturating_add(bits.trailing_zeros());
                bits &= bits - 1;
                waiting.entry(self.shadow.region(slot).unwrap_or(0)).or_default().push(slot);
            }
        }
        waiting
    }

    /// What is to be done about a slot.
    fn gather(&mut self, now: Timestamp, slot: u32, since: Instant, batch: &mut Vec<Op>) {
        let is = self.map.occupant(now, slot).as_ref().and_then(held);
        match plan(self.shadow.get(slot), is, self.pace) {
            None => {
                self.put_off[slot as usize / 64] |= 1 << (slot % 64);
                self.carrier.metrics.put_off.increment(1);
            }
            Some(plan) if plan.put.is_none() && plan.drop.is_none() => {}
            Some(plan) if plan.regions().any(|region| self.spared.contains_key(&region)) => {
                self.put_off[slot as usize / 64] |= 1 << (slot % 64);
            }
            Some(plan) => batch.push(Op { slot, plan, since }),
        }
    }

    /// Lets a batch go, as soon as few enough are under way.
    async fn deliver(&mut self, batch: Vec<Op>) -> Result<(), LinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let regions = batch.iter().filter_map(|op| Some(op.plan.put.as_ref()?.region));
        let room = match self.list(regions).await {
            Ok(()) => self.settle(limits::MIRROR_UNDER_WAY - 1).await,
            Err(error) => Err(error),
        };
        if let Err(error) = room {
            self.note_all(&batch);
            return Err(error);
        }
        let (carrier, batch): (_, Arc<[Op]>) = (self.carrier.clone(), batch.into());
        let sent = Arc::clone(&batch);
        self.under_way.launch(batch, async move { carrier.send(&sent).await });
        Ok(())
    }

    /// Waits until at most so many batches are under way; what could not be sent is noted again.
    async fn settle(&mut self, most: usize) -> Result<(), LinkError> {
        let mut settled = Ok(());
        while self.under_way.len() > most {
            let Some((batch, sent)) = self.under_way.next().await else { break };
            match sent {
                Ok(refused) => self.carried(&batch, &refused),
                Err(error) => {
                    self.note_all(&batch);
                    settled = Err(error);
                }
            }
        }
        settled
    }

    /// A batch is in Redis, but for the regions that did not take their part.
    fn carried(&mut self, batch: &[Op], refused: &Refused) {
        self.carrier.tell(refused);
        let until = clock::stopwatch() + SPARED;
        self.spared.extend(refused.keys().map(|&region| (region, until)));
        let mut written = 0;
        for op in batch {
            if op.plan.regions().any(|region| refused.contains_key(&region)) {
                self.note(op.slot);
                continue;
            }
            self.shadow.set(op.slot, op.plan.put.as_ref());
            self.learnt.remove(op.slot);
            self.carrier.metrics.lag.record(op.since.elapsed().as_secs_f64());
            written += 1;
        }
        self.carrier.metrics.written.increment(written);
    }

    fn note_all(&self, batch: &[Op]) {
        for op in batch {
            self.note(op.slot);
        }
    }

    fn note(&self, slot: u32) {
        if let Some(changes) = self.map.changes() {
            Changes::note(changes, slot);
        }
    }

    fn tell_backlog(&self) {
        let words = (self.map.slots() as usize).div_ceil(64);
        let noted = |word: usize| self.map.changes().map_or(0, |changes| changes.noted(word));
        let put_off = |word: usize| self.put_off.get(word).copied().unwrap_or(0);
        // Who was put off and has moved again waits once.
        let waiting = (0..words).map(|word| u64::from((noted(word) | put_off(word)).count_ones()));
        self.carrier.metrics.backlog.set(waiting.sum::<u64>() as f64);
    }

    /// Whether what was told of the mirror is still there: without, Redis was emptied.
    async fn look_for_pulse(&mut self) -> Result<(), LinkError> {
        let mut command = redis::cmd("EXISTS");
        command.arg(PULSE);
        let there: u64 = self.carrier.link.query(&command).await?;
        if there == 0 && self.pulse.take().is_some() {
            tracing::warn!(redis = %self.carrier.link.address(), "redis was emptied: all is written again");
            self.doubt();
        }
        Ok(())
    }

    /// Tells readers of the copy how far it has come: to all that had changed at `complete`.
    async fn tell_pulse(&mut self, complete: Timestamp) -> Result<(), LinkError> {
        let mut command = redis::cmd("HSET");
        command.arg(PULSE).arg("at_ms").arg(self.clock.now().as_millis());
        command.arg("complete_ms").arg(complete.as_millis());
        self.carrier.link.query::<redis::Value>(&command).await?;
        self.pulse = Some(clock::stopwatch());
        Ok(())
    }
}

/// What is mirrored of who has a slot.
fn held(occupant: &Occupant) -> Option<Held> {
    let entry = Entry::of(&occupant.driver)?;
    Some(Held { id: occupant.id, region: occupant.region?, entry })
}

#[cfg(test)]
mod tests;
