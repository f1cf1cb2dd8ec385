//! The supply as the live map has it.
//!
//! The map answers "the k nearest" whole; a search that goes on asks again with a larger k and
//! passes over those it has had. Beyond [`limits::MAX_K`] drivers a search ends.
//!
//! When many ask and few are free, each of the many would search the whole city for them. So before a
//! batch the free ones are counted, and if they are few they are listed once, and each search reads
//! the list.

use super::supply::{Nearby, Search, Supply, Whereabouts};
use crate::geo::{Area, Circle, Haversine, LatLng, haversine};
use crate::ids::DriverId;
use crate::index::{Answer, Hit, LiveMap};
use crate::limits;
use crate::model::{Filter, K, Nearest, Page, StatusSet, Within};
use crate::units::{Meters, Timestamp};

/// From so many searches on it is worth counting who is free.
const MANY_SEARCHES: usize = 16;

/// Reading a list of so many drivers takes about as long as a search of the map.
const FEW_DRIVERS: usize = 256;

/// Where the drivers of a live map are, at one moment.
pub struct LiveSupply<'a> {
    map: &'a dyn LiveMap,
    now: Timestamp,
    answer: Answer,
    /// All who are free around the searches that are expected, if they are few.
    free: Option<Free>,
}

/// All who are free in a circle.
struct Free {
    center: LatLng,
    reach: Meters,
    drivers: Vec<(DriverId, Hit)>,
}

impl Free {
    /// Whether a search does not leave the circle.
    fn covers(&self, search: &Search) -> bool {
        let away = haversine(self.center, search.center()).meters();
        away + search.radius().get() <= self.reach.get()
    }
}

impl<'a> LiveSupply<'a> {
    /// The supply of a map at a moment.
    pub fn new(map: &'a dyn LiveMap, now: Timestamp) -> Self {
        Self { map, now, answer: Answer::default(), free: None }
    }

    /// The same at another moment.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        self.free = None;
    }

    /// How many are listed, if they are.
    #[cfg(test)]
    pub(super) fn listed(&self) -> Option<usize> {
        self.free.as_ref().map(|free| free.drivers.len())
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

    /// Searches the map.
    fn near_of_map(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        let most = usize::from(limits::MAX_K);
        let mut k = search.given().saturating_add(want).clamp(1, most);
        while !search.has_ended() {
            let (before, after) = (found.len(), search.last());
            self.ask(search, k);
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
            if self.answer.hits.len() < k || k == most {
                search.end();
            } else if found.len() - before >= want {
                return;
            }
            k = (2 * k).min(most);
        }
    }
}

impl Supply for LiveSupply<'_> {
    fn expect(&mut self, pickups: &[LatLng], radius: Meters) {
        self.free = None;
        let Some(center) = pickups.first().filter(|_| pickups.len() >= MANY_SEARCHES) else {
            return;
        };
        let far = pickups.iter().map(|pickup| haversine(*center, *pickup)).max();
        // A metre more pays for rounding.
        let reach = far.map_or(0.0, Haversine::meters) + radius.get() + 1.0;
        let reach = Meters::new(reach).unwrap_or(Meters::HALF_GLOBE);
        let area = Area::Circle(Circle::new(*center, reach));
        let filter = Filter { statuses: StatusSet::AVAILABLE, ..Filter::ANY };
        if self.map.count(self.now, &area, &filter) > FEW_DRIVERS as u64 {
            return;
        }
        let page = Page { after: None, size: FEW_DRIVERS };
        self.map.within(self.now, &Within { area, filter, page }, &mut self.answer);
        if self.answer.more {
            // More of them by now.
            return;
        }
        self.map.expect_ids(&self.answer.hits);
        let hits = self.answer.hits.iter();
        let drivers = hits.filter_map(|hit| Some((self.map.id(hit.driver)?, *hit))).collect();
        self.free = Some(Free { center: *center, reach, drivers });
    }

    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        let Some(free) = self.free.as_ref().filter(|free| free.covers(search)) else {
            return self.near_of_map(search, want, found);
        };
        let (before, limit) = (found.len(), Haversine::of_radius(search.radius()));
        for (driver, hit) in &free.drivers {
            let distance = haversine(hit.position, search.center());
            let beyond = search.last().is_none_or(|last| (distance, *driver) > last);
            let (filter, age) = (search.filter(), self.now.since(hit.at));
            if distance <= limit && beyond && filter.passes(driver, hit.status, &hit.profile, age) {
                found.push(nearby(*driver, hit, distance));
            }
        }
        let next = &mut found[before..];
        next.sort_unstable_by_key(|nearby| (nearby.distance, nearby.driver));
        if next.len() <= want {
            search.end();
        }
        found.truncate(before + want);
        for nearby in &found[before..] {
            search.give(nearby);
        }
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        let key = self.map.find(driver)?;
        let known = self.map.driver(self.now, key)?;
        let fix = known.fix?;
        Some(Whereabouts { position: fix.position, at: fix.at, profile: known.profile })
    }
}

fn nearby(driver: DriverId, hit: &Hit, distance: Haversine) -> Nearby {
    Nearby { driver, position: hit.position, distance, at: hit.at, profile: hit.profile }
}
