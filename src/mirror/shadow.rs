//! What Redis is believed to hold, driver by driver, and what has to be done about a change.
//!
//! The decision is a pure function of what was mirrored and what is: nothing here talks to Redis.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::entry::{Entry, print_of};
use crate::ids::DriverId;
use crate::limits;
use crate::units::Millis;

/// A driver's entry, and under which region it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) id: DriverId,
    pub(super) region: u64,
    pub(super) entry: Entry,
}

/// The same as it is kept: an id takes its length.
#[derive(Clone, Debug)]
struct Kept {
    id: Box<[u8]>,
    region: u64,
    entry: Entry,
}

/// Slots that are made room for together: what has been kept is never copied to make room.
const CHUNK: usize = 4_096;

/// What Redis is believed to hold, by slot.
///
/// # Complexity
/// At most [`limits::MIRROR_BYTES_A_DRIVER`] for each slot that was ever in use.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    chunks: Vec<Box<[Option<Kept>]>>,
    /// How many are in each region, where there are any.
    counts: HashMap<u64, u64, FixedState>,
}

/// What a region holds, in short: to be compared with what Redis says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) drivers: u64,
    /// Those of them whom a geo set can hold.
    pub(super) positions: u64,
    pub(super) sum: u64,
}

/// Those of several regions.
pub(super) type Digests = HashMap<u64, Digest, FixedState>;

/// What has to be done about a driver.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// What is to be written.
    pub(super) put: Option<Held>,
    /// What is to be removed afterwards, unless something newer is there.
    pub(super) drop: Option<Held>,
}

impl Plan {
    /// The regions that it concerns.
    pub(super) fn regions(&self) -> impl Iterator<Item = u64> {
        self.put.iter().chain(&self.drop).map(|held| held.region)
    }
}

/// Whether short moves are worth writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// All is written.
    Even,
    /// Short moves can wait.
    Behind,
}

impl Shadow {
    pub(super) fn get(&self, slot: u32) -> Option<Held> {
        let kept = self.chunks.get(slot as usize / CHUNK)?[slot as usize % CHUNK].as_ref()?;
        let id = DriverId::try_from(&kept.id[..]).ok()?;
        Some(Held { id, region: kept.region, entry: kept.entry })
    }

    /// The region of who is believed to be there.
    pub(super) fn region(&self, slot: u32) -> Option<u64> {
        let kept = self.chunks.get(slot as usize / CHUNK)?[slot as usize % CHUNK].as_ref()?;
        Some(kept.region)
    }

    pub(super) fn set(&mut self, slot: u32, held: Option<&Held>) {
        self.count(self.region(slot), held.map(|held| held.region));
        let slot = slot as usize;
        while slot / CHUNK >= self.chunks.len() {
            self.chunks.push(vec![None; CHUNK].into_boxed_slice());
        }
        match (&mut self.chunks[slot / CHUNK][slot % CHUNK], held) {
            (Some(kept), Some(held)) if *kept.id == *held.id.as_bytes() => {
                (kept.region, kept.entry) = (held.region, held.entry);
            }
            (kept, held) => {
                *kept = held.map(|held| Kept {
                    id: held.id.as_bytes().into(),
                    region: held.region,
                    entry: held.entry,
                });
            }
        }
    }

    fn count(&mut self, from: Option<u64>, to: Option<u64>) {
        if from == to {
            return;
        }
        if let Some(region) = to {
            *self.counts.entry(region).or_default() += 1;
        }
        if let Some(region) = from
            && let Some(count) = self.counts.get_mut(&region)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&region);
            }
        }
    }

    /// Regions that are believed to hold somebody, and how many.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts.iter().map(|(&region, &count)| (region, count))
    }

    /// The bytes that it occupies, what allocators add left aside.
    #[cfg(test)]
    fn memory(&self) -> usize {
        let ids = self.chunks.iter().flatten().flatten().map(|kept| kept.id.len());
        self.chunks.len() * CHUNK * size_of::<Option<Kept>>() + ids.sum::<usize>()
    }

    /// The digest of each of these regions that holds somebody.
    pub(super) fn digests(&self, wanted: impl Fn(u64) -> bool) -> Digests {
        let mut digests = Digests::default();
        let all = self.chunks.iter().flatten().flatten();
        for kept in all.filter(|kept| wanted(kept.region)) {
            let digest = digests.entry(kept.region).or_default();
            digest.drivers += 1;
            digest.positions += u64::from(kept.entry.fits_geo());
            digest.sum += u64::from(print_of(&kept.id, kept.entry.to_line().as_bytes()));
        }
        digests
    }

    /// Who is believed to be in these regions, by slot.
    pub(super) fn slots_of(
        &self,
        wanted: impl Fn(u64) -> bool,
    ) -> HashMap<u64, Vec<u32>, FixedState> {
        let mut slots: HashMap<u64, Vec<u32>, FixedState> = HashMap::default();
        for (slot, kept) in (0..).zip(self.chunks.iter().flatten()) {
            if let Some(kept) = kept.as_ref().filter(|kept| wanted(kept.region)) {
                slots.entry(kept.region).or_default().push(slot);
            }
        }
        slots
    }
}

/// What has to be done so that Redis holds `now` where it holds `held`; `None`: nothing that
/// cannot wait.
pub(super) fn plan(held: Option<Held>, now: Option<Held>, pace: Pace) -> Option<Plan> {
    let Some(now) = now else { return Some(Plan { put: None, drop: held }) };
    let Some(held) = held else { return Some(Plan { put: Some(now), drop: None }) };
    let same_place = held.id == now.id && held.region == now.region;
    if same_place && pace == Pace::Behind && can_wait(&held.entry, &now.entry) {
        return None;
    }
    Some(Plan {
        put: (!same_place || held.entry != now.entry).then_some(now),
        drop: (!same_place).then_some(held),
    })
}

/// Whether nothing has changed but the position, by a little, and not for long.
fn can_wait(held: &Entry, now: &Entry) -> bool {
    /// Ten-millionths of a degree in a metre, along a meridian.
    const E7_PER_M: i64 = 90;
    let apart = |a: i32, b: i32| (i64::from(a) - i64::from(b)).abs();
    let (from, to) = (held.position, now.position);
    let moved = apart(from.lat_e7(), to.lat_e7()).max(apart(from.lng_e7(), to.lng_e7()));
    let below = |metres: u32| moved < i64::from(metres) * E7_PER_M;
    let most = if below(limits::MIRROR_STANDING_M) {
        limits::MIRROR_STANDING_MS
    } else {
        limits::MIRROR_REFRESH_MS
    };
    held.status == now.status
        && held.profile == now.profile
        && now.at.since(held.at) < Millis(most)
        && below(limits::MIRROR_SKIP_BELOW_M)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::geo::{E7, LatLng};
    use crate::model::{DriverStatus, Motion, Profile};
    use crate::units::Timestamp;

    fn held(id: &str, region: u64, lng: i32, at: i64) -> Held {
        let entry = Entry {
            position: LatLng::try_from(E7 { lat: 0, lng }).unwrap(),
            at: Timestamp::from_millis(at),
            motion: Motion::default(),
            status: DriverStatus::Available,
            profile: Profile::default(),
        };
        Held { id: id.parse().unwrap(), region, entry }
    }

    #[test]
    fn each_kind_of_change_has_its_plan() {
        let (old, new) = (held("a", 1, 0, 0), held("a", 1, 5, 1));
        let even = |held, now| plan(held, now, Pace::Even).unwrap();
        assert_eq!(even(None, None), Plan::default());
        assert_eq!(even(None, Some(new)), Plan { put: Some(new), drop: None });
        assert_eq!(even(Some(old), Some(new)), Plan { put: Some(new), drop: None });
        assert_eq!(even(Some(old), Some(old)), Plan::default());
        assert_eq!(even(Some(old), None), Plan { put: None, drop: Some(old) });
        let moved = held("a", 2, 5, 1);
        assert_eq!(even(Some(old), Some(moved)), Plan { put: Some(moved), drop: Some(old) });
        let other = held("b", 1, 5, 1);
        assert_eq!(even(Some(old), Some(other)), Plan { put: Some(other), drop: Some(old) });
    }

    #[test]
    fn only_short_moves_can_wait() {
        let old = held("a", 1, 0, 0);
        let waits = |now: Held| plan(Some(old), Some(now), Pace::Behind).is_none();
        assert!(waits(held("a", 1, 2_699, 4_999)));
        assert!(!waits(held("a", 1, 2_700, 4_999)), "30 m");
        assert!(!waits(held("a", 1, 270, 5_000)), "too long ago");
        assert!(waits(held("a", 1, 269, 14_999)), "it stands");
        assert!(!waits(held("a", 1, 269, 15_000)), "for too long");
        assert!(!waits(held("a", 2, 0, 1)), "another region");
        let mut busy = held("a", 1, 0, 1);
        busy.entry.status = DriverStatus::OnTrip;
        assert!(!waits(busy));
    }

    #[test]
    fn memory_is_bounded_by_the_drivers_and_by_nothing_that_happens() {
        let (mut shadow, drivers) = (Shadow::default(), 3 * CHUNK);
        for round in 0..3 {
            for slot in 0..drivers {
                let held = held(&format!("{slot:064}"), 1, 0, round);
                shadow.set(u32::try_from(slot).unwrap(), Some(&held));
            }
            let each = shadow.memory() / drivers;
            assert!(each <= limits::MIRROR_BYTES_A_DRIVER && each > 100, "{each} bytes");
        }
        assert_eq!(shadow.chunks.len(), 3);
        for slot in 0..drivers {
            shadow.set(u32::try_from(slot).unwrap(), None);
        }
        let each = shadow.memory() / drivers;
        assert!(each < 100, "{each} bytes without names");
    }

    #[test]
    fn digests_tell_regions_apart() {
        let mut shadow = Shadow::default();
        for (slot, id) in ["a", "b", "c"].into_iter().enumerate() {
            let slot = u32::try_from(slot).unwrap();
            shadow.set(slot, Some(&held(id, u64::from(slot) % 2, 7, 1)));
        }
        let before = shadow.digests(|_| true);
        assert_eq!((before[&0].drivers, before[&1].drivers), (2, 1));
        let counts = |shadow: &Shadow| shadow.counts().collect::<BTreeMap<_, _>>();
        assert_eq!(counts(&shadow), BTreeMap::from([(0, 2), (1, 1)]));
        assert_eq!(shadow.slots_of(|region| region == 0)[&0], [0, 2]);
        shadow.set(0, Some(&held("a", 0, 8, 1)));
        shadow.set(1, None);
        let after = shadow.digests(|_| true);
        assert_eq!(shadow.digests(|region| region == 1).len(), 0);
        assert_eq!(shadow.digests(|region| region == 0), after);
        assert_ne!(before[&0].sum, after[&0].sum);
        assert_eq!((after.len(), shadow.get(1)), (1, None));
        assert_eq!(counts(&shadow), BTreeMap::from([(0, 2)]));
        shadow.set(2, Some(&held("c", 7, 8, 1)));
        assert_eq!(counts(&shadow), BTreeMap::from([(0, 1), (7, 1)]));
        assert_eq!(shadow.get(0), Some(held("a", 0, 8, 1)));
    }
}
