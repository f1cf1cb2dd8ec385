//! From rows to hits, and which regions have to be asked how: no Redis here.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use foldhash::fast::FixedState;

use super::Found;
use crate::geo::{Area, Circle, Haversine, LatLng, Origin, WrapBox};
use crate::ids::DriverId;
use crate::mirror::entry::{Entry, id_of};
use crate::mirror::read::Row;
use crate::model::Filter;
use crate::units::{Meters, Timestamp};

/// How a region is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Its geo set is searched.
    Search,
    /// All of it is read.
    Read,
}

/// Searches are for circles up to this radius: beyond, most of a region is inside anyway.
const MAX_SEARCH_M: f64 = 100_000.0;

/// Where geo sets are searched: away from where they have no positions, and from the antimeridian.
const SEARCHED: WrapBox =
    WrapBox { south: -800_000_000, north: 800_000_000, west: -1_750_000_000, width: 3_500_000_000 };

/// How a region that an area touches is asked.
pub(super) fn way(area: &Area, disk: &Circle) -> Way {
    let Area::Circle(circle) = area else { return Way::Read };
    let plain = |circle: &Circle| SEARCHED.contains(circle.origin().position());
    if circle.radius().get() <= MAX_SEARCH_M && plain(circle) && plain(disk) {
        Way::Search
    } else {
        Way::Read
    }
}

/// Whether two boxes have a position in common.
pub(super) fn overlap(one: &WrapBox, other: &WrapBox) -> bool {
    const TURN: i64 = 3_600_000_000;
    let begins_in = |a: &WrapBox, b: &WrapBox| {
        (i64::from(a.west) - i64::from(b.west)).rem_euclid(TURN) <= b.width
    };
    one.south <= other.north
        && other.south <= one.north
        && (begins_in(one, other) || begins_in(other, one))
}

/// The smaller of two distances, where there may be none.
pub(super) fn nearer(one: Option<Haversine>, other: Option<Haversine>) -> Option<Haversine> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Up to where a cut answer surely names everybody: short of its furthest by what a geo set rounds.
pub(super) fn last(origin: &Origin, rows: &[Row]) -> Option<Haversine> {
    let distances = rows.iter().filter_map(|row| Some(origin.to(parse(row)?.1.position)));
    let furthest = distances.max()?.meters();
    Some(Haversine::of_radius(Meters::new((furthest - 3.0).max(0.0)).ok()?))
}

fn parse((id, line): &Row) -> Option<(DriverId, Entry)> {
    Some((id_of(id)?, Entry::parse(str::from_utf8(line).ok()?)?))
}

/// Who passes a filter, each at the newest of the places where they are said to be.
pub(super) struct Sieve<'a> {
    now: Timestamp,
    filter: &'a Filter,
    newest: HashMap<DriverId, Entry, FixedState>,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(now: Timestamp, filter: &'a Filter) -> Self {
        Self { now, filter, newest: HashMap::default() }
    }

    pub(super) fn take_all(&mut self, rows: &[Row]) {
        for (id, entry) in rows.iter().filter_map(parse) {
            match self.newest.entry(id) {
                Slot::Vacant(slot) => {
                    slot.insert(entry);
                }
                Slot::Occupied(mut slot) if slot.get().at < entry.at => {
                    slot.insert(entry);
                }
                Slot::Occupied(_) => {}
            }
        }
    }

    /// Those who pass and are where they should be, with their distance from a place.
    pub(super) fn inside(
        self,
        from: LatLng,
        wanted: impl Fn(LatLng, Haversine) -> bool,
    ) -> Vec<Found> {
        let (origin, filter, now) = (Origin::new(from), self.filter, self.now);
        let found = self.newest.into_iter().filter_map(|(id, entry)| {
            let distance = origin.to(entry.position);
            let age = now.since(entry.at);
            (filter.passes(&id, entry.status, &entry.profile, age)
                && wanted(entry.position, distance))
            .then_some(Found { id, entry, distance })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_overlap_across_the_antimeridian() {
        let b = |south, north, west, width| WrapBox { south, north, west, width };
        let fiji = b(-10, 10, 1_799_999_990, 20);
        assert!(overlap(&fiji, &b(0, 1, -1_800_000_000, 5)));
        assert!(overlap(&b(0, 1, -1_800_000_000, 5), &fiji));
        assert!(!overlap(&fiji, &b(0, 1, -1_799_999_980, 5)));
        assert!(!overlap(&fiji, &b(11, 12, 1_799_999_990, 20)));
        assert!(overlap(&fiji, &WrapBox::band(-1, 1)));
    }

    #[test]
    fn the_newest_of_two_entries_counts() {
        let row = |lng: i32, at: i64| {
            (b"a".to_vec(), format!("0,{lng},{at},1,1,4,500,0,,,").into_bytes())
        };
        let filter = Filter::ANY;
        for rows in [[row(5, 2), row(9, 1)], [row(9, 1), row(5, 2)]] {
            let mut sieve = Sieve::new(Timestamp::from_millis(3), &filter);
            sieve.take_all(&rows);
            sieve.take_all(&[(b"b".to_vec(), Vec::new())]);
            let zero = Circle::new(parse(&row(0, 0)).unwrap().1.position, Meters::ZERO);
            let hits = sieve.inside(zero.origin().position(), |_, _| true);
            assert_eq!(hits.len(), 1, "a line that is not there is nobody");
            assert_eq!(hits[0].entry.position.lng_e7(), 5);
        }
    }
}
