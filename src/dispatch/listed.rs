//! Drivers of a circle, written down once for all who search in it.

use super::supply::{Nearby, Search};
use crate::geo::{Area, Circle, Haversine, LatLng, haversine};
use crate::ids::DriverId;
use crate::index::{Answer, Hit, LiveMap};
use crate::limits;
use crate::model::{Filter, Page, StatusSet, Within};
use crate::units::{Meters, Timestamp};

/// All in a circle whose status is one of these.
pub(super) struct Listed {
    circle: (LatLng, Meters),
    statuses: StatusSet,
    drivers: Vec<(DriverId, Hit)>,
}

impl Listed {
    /// As the map has them. `most` is a hope, not a limit: with more, there is no list.
    pub(super) fn few(
        (map, now): (&dyn LiveMap, Timestamp),
        (center, reach): (LatLng, Meters),
        statuses: StatusSet,
        most: usize,
        answer: &mut Answer,
    ) -> Option<Self> {
        let area = Area::Circle(Circle::new(center, reach));
        let filter = Filter { statuses, ..Filter::ANY };
        let count = map.count(now, &area, &filter);
        (count <= most as u64).then(|| Self::all((map, now), (center, reach), statuses, answer))
    }

    /// As the map has them, however many: no more than it knows.
    pub(super) fn all(
        (map, now): (&dyn LiveMap, Timestamp),
        (center, reach): (LatLng, Meters),
        statuses: StatusSet,
        answer: &mut Answer,
    ) -> Self {
        let area = Area::Circle(Circle::new(center, reach));
        let filter = Filter { statuses, ..Filter::ANY };
        let (mut drivers, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, size: limits::MAX_PAGE };
            let (area, filter) = (area.clone(), filter.clone());
            map.within(now, &Within { area, filter, page }, answer);
            map.expect_ids(&answer.hits);
            let before = drivers.len();
            // Forgotten since: nobody to ask.
            drivers.extend(answer.hits.iter().filter_map(|hit| Some((map.id(hit.driver)?, *hit))));
            after = drivers.last().map(|(driver, _)| *driver);
            if !answer.more || drivers.len() == before {
                return Self { circle: (center, reach), statuses, drivers };
            }
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.drivers.len()
    }

    /// Whether a search finds nobody who is not listed.
    pub(super) fn covers(&self, search: &Search) -> bool {
        let (center, reach) = self.circle;
        let away = haversine(center, search.center()).meters();
        search.filter().statuses == self.statuses && away + search.radius().get() <= reach.get()
    }

    /// Hands out the next of a search: as many as are wanted, or half as many as it has had, so that
    /// reading the list anew each time costs a search a few readings in all.
    ///
    /// # Complexity
    /// O(n + m log m) for m of the n listed.
    pub(super) fn next(
        &self,
        now: Timestamp,
        search: &mut Search,
        want: usize,
        found: &mut Vec<Nearby>,
    ) {
        let limit = Haversine::of_radius(search.radius());
        let (last, filter) = (search.last(), search.filter());
        let mut next: Vec<(Haversine, DriverId, usize)> = Vec::new();
        for (ix, (driver, hit)) in self.drivers.iter().enumerate() {
            let distance = haversine(hit.position, search.center());
            let beyond = last.is_none_or(|last| (distance, *driver) > last);
            let age = now.since(hit.at);
            if distance <= limit && beyond && filter.passes(driver, hit.status, &hit.profile, age) {
                next.push((distance, *driver, ix));
            }
        }
        let some = want.max(search.given() / 2);
        if next.len() <= some {
            search.end();
        } else {
            next.select_nth_unstable(some);
            next.truncate(some);
        }
        next.sort_unstable();
        for (distance, driver, ix) in next {
            let Some((_, hit)) = self.drivers.get(ix) else { continue };
            let nearby = nearby(driver, hit, distance);
            search.give(&nearby);
            found.push(nearby);
        }
    }
}

/// A hit as the core sees it.
pub(super) fn nearby(driver: DriverId, hit: &Hit, distance: Haversine) -> Nearby {
    Nearby { driver, position: hit.position, distance, at: hit.at, profile: hit.profile }
}
