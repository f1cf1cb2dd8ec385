//! After doubt: what Redis holds and what we believe are made equal again, region by region, and
//! only where their digests differ. Removals included: what Redis has and we have not goes.
//!
//! The courier writes nothing meanwhile, so that what is compared stands still.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use foldhash::fast::FixedState;
use redis::Value;

use super::Courier;
use crate::clock;
use crate::ids::DriverId;
use crate::limits;
use crate::mirror::entry::{Entry, id_of};
use crate::mirror::keys::RegionKeys;
use crate::mirror::read::{self, Piece, Refused};
use crate::mirror::shadow::{Digests, Held};
use crate::mirror::verdict::LinkError;

/// When a region that refused to be compared is looked at again.
const PAUSE: Duration = Duration::from_secs(10);

impl Courier {
    /// Makes sure that Redis will hold what the map holds, and nothing else: what it lacks is noted. Tells
    /// how many entries differed. Regions that refuse are left out.
    pub(super) async fn reconcile(&mut self) -> Result<u64, LinkError> {
        let ours = self.shadow.digests(|_| true);
        let listed = read::regions(&*self.carrier.link).await?;
        self.listed = listed.iter().copied().collect();
        self.list(ours.keys().copied()).await?;
        let regions: BTreeSet<u64> = listed.into_iter().chain(ours.keys().copied()).collect();
        self.unsure.clear();
        self.compare(regions, &ours).await
    }

    /// The same with the regions that refused, when they have been left alone for long enough.
    pub(super) async fn look_again(&mut self) -> Result<u64, LinkError> {
        if self.unsure.is_empty() || self.unsure_until.is_some_and(|end| clock::stopwatch() < end) {
            return Ok(0);
        }
        let regions = std::mem::take(&mut self.unsure);
        let ours = self.shadow.digests(|region| regions.contains(&region));
        self.compare(regions, &ours).await
    }

    async fn compare(&mut self, regions: BTreeSet<u64>, ours: &Digests) -> Result<u64, LinkError> {
        let regions: Vec<u64> = regions.into_iter().collect();
        let (theirs, mut refused) =
            read::digests(&*self.carrier.link, &self.carrier.scripts.digest, &regions).await?;
        let differs = |region: &u64| {
            let ours = ours.get(region).copied().unwrap_or_default();
            !refused.contains_key(region) && theirs.get(region) != Some(&ours)
        };
        let differing: BTreeSet<u64> = regions.into_iter().filter(differs).collect();
        let mut slots = HashMap::default();
        if !differing.is_empty() {
            slots = self.shadow.slots_of(|region| differing.contains(&region));
        }
        let (mut missing, mut extra) = (0, 0);
        for region in &differing {
            let slots = slots.remove(region).unwrap_or_default();
            let positions = theirs.get(region).map(|theirs| theirs.positions);
            let (put, gone) = self.repair(*region, &slots, positions, &mut refused).await?;
            missing += put;
            extra += gone;
        }
        if missing + extra > 0 {
            self.carrier.metrics.differences.increment(missing + extra);
            tracing::info!(
                regions = differing.len(),
                missing,
                extra,
                "redis did not hold what it was believed to; it is made equal"
            );
        }
        if !refused.is_empty() {
            self.carrier.tell(&refused);
            self.unsure.extend(refused.into_keys());
            self.unsure_until = Some(clock::stopwatch() + PAUSE);
        }
        Ok(missing + extra)
    }

    /// Notes who is missing or wrong in a region, and removes who is there without being known. `positions` is
    /// how many its geo set has.
    async fn repair(
        &mut self,
        region: u64,
        slots: &[u32],
        positions: Option<u64>,
        refused: &mut Refused,
    ) -> Result<(u64, u64), LinkError> {
        let mut lines: HashMap<DriverId, Vec<u8>, FixedState> = HashMap::default();
        let mut pieces = vec![Piece::first(region)];
        while !pieces.is_empty() {
            let (rows, mut refuses) =
                read::pages_of(&*self.carrier.link, &self.carrier.scripts.page, &mut pieces)
                    .await?;
            if !refuses.is_empty() {
                refused.append(&mut refuses);
                return Ok((0, 0));
            }
            for (id, line) in rows {
                if let Some(id) = id_of(&id) {
                    lines.insert(id, line);
                }
            }
        }
        let same = lines.len() == slots.len();
        let mut fitting = 0;
        let mut missing = 0;
        for &slot in slots {
            let Some(held) = self.shadow.get(slot) else { continue };
            let there = lines.remove(&held.id);
            fitting += u64::from(held.entry.fits_geo());
            if there.as_deref() != Some(held.entry.to_line().as_bytes()) {
                missing += 1;
                self.shadow.set(slot, None);
                self.note(slot);
            }
        }
        if !(self.leads)() {
            // Who has slept meanwhile knows less than its successor, and takes nothing away.
            return Ok((missing, 0));
        }
        let extra: Vec<Held> = lines.iter().map(|(id, line)| unknown(*id, region, line)).collect();
        for part in extra.chunks(limits::MIRROR_BATCH) {
            self.carrier.remove(part).await?;
        }
        if same && missing == 0 && extra.is_empty() && positions != Some(fitting) {
            // The lines are right and the geo set beside them is not: it is made anew.
            let keys = RegionKeys::of(region);
            let mut command = redis::cmd("DEL");
            command.arg(&keys.geo);
            self.carrier.link.query::<Value>(&command).await?;
            for &slot in slots {
                self.shadow.set(slot, None);
                self.note(slot);
            }
            missing = slots.len() as u64;
        }
        Ok((missing, extra.len() as u64))
    }
}

/// Somebody whom only Redis knows; what cannot be read goes in any case.
fn unknown(id: DriverId, region: u64, line: &[u8]) -> Held {
    let entry = str::from_utf8(line).ok().and_then(Entry::parse);
    Held { id, region, entry: entry.unwrap_or_else(Entry::unreadable) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Timestamp;

    #[test]
    fn what_cannot_be_read_is_removed_whatever_its_time() {
        let id: DriverId = "a".parse().unwrap();
        assert_eq!(unknown(id, 1, b"?").entry.at, Timestamp::from_millis(1 << 52));
        let line = b"1,2,3,1,1,4,500,0,,,";
        assert_eq!(unknown(id, 1, line).entry.at, Timestamp::from_millis(3));
    }
}
