//! The supply as the live map has it.
//!
//! The map answers "the k nearest" whole; a search that goes on asks again with a larger k and
//! passes over those it has had. Beyond [`limits::MAX_K`] drivers the rest of the circle is listed,
//! and the search goes on in the list: in a stadium, thousands ask for the same thousands of drivers.
//!
//! When many ask and few are free, each of the many would search the whole city for them. So before a
//! batch the free ones are counted, and if they are few they are listed once, and each search reads
//! the list.

use super::listed::{Listed, nearby};
use super::supply::{Nearby, Pace, Search, Spent, Supply, Whereabouts};
use crate::geo::{Haversine, LatLng, haversine};
use crate::ids::DriverId;
use crate::index::{Answer, LiveMap};
use crate::limits;
use crate::model::{K, Nearest, StatusSet};
use crate::units::{Meters, Millis, Timestamp};

/// From so many searches on it is worth counting who is free.
const MANY_SEARCHES: usize = 16;

/// Reading a list of so many drivers takes about as long as a search of the map.
const FEW_DRIVERS: usize = 256;

/// How much further than a long search those listed for it may be: searches from so near read the
/// same list.
const LISTED_BEYOND_M: f64 = 1_000.0;

/// Where the drivers of a live map are, at one moment.
pub struct LiveSupply<'a> {
    map: &'a dyn LiveMap,
    now: Timestamp,
    answer: Answer,
    /// All who are free around the searches that are expected, if they are few.
    few: Option<Listed>,
    /// All around a search that went on for long.
    many: Option<Listed>,
}

impl<'a> LiveSupply<'a> {
    /// The supply of a map at a moment.
    pub fn new(map: &'a dyn LiveMap, now: Timestamp) -> Self {
        Self { map, now, answer: Answer::default(), few: None, many: None }
    }

    /// The same at another moment.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        (self.few, self.many) = (None, None);
    }

    /// How many are listed since they are few, and since a search went on for long.
    #[cfg(test)]
    pub(crate) fn listed(&self) -> (Option<usize>, Option<usize>) {
        (self.few.as_ref().map(Listed::len), self.many.as_ref().map(Listed::len))
    }

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

    /// Searches the map, as far as it answers.
    fn near_of_map(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        let (before, most) = (found.len(), usize::from(limits::MAX_K));
        let mut k = search.given().saturating_add(want).clamp(1, most);
        loop {
            let (asked, after) = (k, search.last());
            self.ask(search, asked);
            for hit in &self.answer.hits {
                // Forgotten since: nobody to ask.
                let Some(driver) = self.map.id(hit.driver) else { continue };
                if after.is_some_and(|last| (hit.distance, driver) <= last) {
                    continue;
                }
                let nearby = nearby(driver, hit, hit.distance);
                search.give(&nearby);
                found.push(nearby);
            }
            if self.answer.hits.len() < asked {
                return search.end();
            }
            if found.len() - before >= want || asked == most {
                return;
            }
            k = (2 * k).min(most);
        }
    }

    /// Lists who is around a search that the map answers no further.
    fn list_around(&mut self, search: &Search) {
        if self.many.as_ref().is_some_and(|many| many.covers(search)) {
            return;
        }
        let reach = Meters::new(search.radius().get() + LISTED_BEYOND_M);
        let circle = (search.center(), reach.unwrap_or(Meters::HALF_GLOBE));
        let statuses = search.filter().statuses;
        self.many = Some(Listed::all((self.map, self.now), circle, statuses, &mut self.answer));
    }
}

impl Supply for LiveSupply<'_> {
    fn expect(&mut self, pickups: &[LatLng], radius: Meters) {
        (self.few, self.many) = (None, None);
        let Some(center) = pickups.first().filter(|_| pickups.len() >= MANY_SEARCHES) else {
            return;
        };
        let far = pickups.iter().map(|pickup| haversine(*center, *pickup)).max();
        // A metre more pays for rounding.
        let reach = far.map_or(0.0, Haversine::meters) + radius.get() + 1.0;
        let circle = (*center, Meters::new(reach).unwrap_or(Meters::HALF_GLOBE));
        let (map, free) = ((self.map, self.now), StatusSet::AVAILABLE);
        self.few = Listed::few(map, circle, free, FEW_DRIVERS, &mut self.answer);
    }

    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        if let Some(few) = self.few.as_ref().filter(|few| few.covers(search)) {
            return few.next(self.now, search, want, found);
        }
        let (before, most) = (found.len(), usize::from(limits::MAX_K));
        if search.given() < most {
            self.near_of_map(search, want, found);
        }
        let lacking = want.saturating_sub(found.len() - before);
        if lacking > 0 && !search.has_ended() {
            self.list_around(search);
            if let Some(many) = &self.many {
                many.next(self.now, search, lacking, found);
            }
        }
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        let key = self.map.find(driver)?;
        let known = self.map.driver(self.now, key)?;
        let fix = known.fix?;
        Some(Whereabouts { position: fix.position, at: fix.at, profile: known.profile })
    }

    fn worth(&mut self, _dropoff: LatLng) -> Millis {
        // The map knows drivers, not what a part of the city is worth.
        Millis::ZERO
    }

    fn pace(&mut self, _spent: Spent) -> Pace {
        Pace::GoOn
    }
}
