//! The supply as the live map has it.
//!
//! The map answers "the k nearest" whole; a search that goes on asks again with a larger k and
//! passes over those it has had. Beyond [`limits::MAX_K`] drivers a search ends.

use super::supply::{Nearby, Search, Supply, Whereabouts};
use crate::ids::DriverId;
use crate::index::{Answer, LiveMap};
use crate::limits;
use crate::model::{K, Nearest};
use crate::units::Timestamp;

/// Where the drivers of a live map are, at one moment.
pub struct LiveSupply<'a> {
    map: &'a dyn LiveMap,
    now: Timestamp,
    answer: Answer,
}

impl<'a> LiveSupply<'a> {
    /// The supply of a map at a moment.
    pub fn new(map: &'a dyn LiveMap, now: Timestamp) -> Self {
        Self { map, now, answer: Answer::default() }
    }

    /// The same at another moment.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }
}

impl Supply for LiveSupply<'_> {
    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        let mut k = search.given().saturating_add(want).clamp(1, usize::from(limits::MAX_K));
        while !search.has_ended() {
            let before = found.len();
            self.ask(search, k);
            let known = self.answer.hits.len();
            let after = search.last();
            for hit in &self.answer.hits {
                // Forgotten since: nobody to ask.
                let Some(driver) = self.map.id(hit.driver) else { continue };
                if after.is_some_and(|last| (hit.distance, driver) <= last) {
                    continue;
                }
                let nearby = Nearby {
                    driver,
                    position: hit.position,
                    distance: hit.distance,
                    at: hit.at,
                    profile: hit.profile,
                };
                search.give(&nearby);
                found.push(nearby);
            }
            if known < k || k == usize::from(limits::MAX_K) {
                search.end();
            } else if found.len() - before >= want {
                return;
            }
            k = (2 * k).min(usize::from(limits::MAX_K));
        }
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        let key = self.map.find(driver)?;
        let known = self.map.driver(self.now, key)?;
        let fix = known.fix?;
        Some(Whereabouts { position: fix.position, at: fix.at, profile: known.profile })
    }
}

impl LiveSupply<'_> {
    fn ask(&mut self, search: &Search, k: usize) {
        let k = u64::try_from(k).ok().and_then(|k| K::try_from(k).ok());
        let question = Nearest {
            center: search.center(),
            k: k.unwrap_or(K::TEN),
            radius: search.radius(),
            filter: search.filter().clone(),
        };
        self.map.nearest(self.now, &question, &mut self.answer);
        // Ids are looked up for all of them.
        self.map.expect_ids(&self.answer.hits);
    }
}
