//! A made-up city: who is where, as a list that is read from one end to the other.

use std::collections::BTreeMap;

use crate::dispatch::{Nearby, Pace, Search, Spent, StatusChange, Supply, Whereabouts};
use crate::geo::{Degrees, Haversine, LatLng, haversine};
use crate::ids::DriverId;
use crate::model::{DriverStatus, Filter, Profile, VehicleTypes};
use crate::units::{Meters, Millis, Timestamp};

/// A driver of the city.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cab {
    pub(super) position: LatLng,
    pub(super) at: Timestamp,
    pub(super) status: DriverStatus,
    pub(super) profile: Profile,
}

/// The drivers of a city, and how well it knows them.
#[derive(Clone, Debug, Default)]
pub(super) struct City {
    pub(super) cabs: BTreeMap<DriverId, Cab>,
    pub(super) now: Timestamp,
    /// Whether it hands out drivers that it should know to be busy or unsuitable.
    pub(super) lies: Lies,
    /// What each destination is worth.
    pub(super) worth: Millis,
    /// After so many travel times a batch is told to stop.
    pub(super) patience: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lies {
    #[default]
    No,
    Yes,
}

/// A place so many metres east and north of the middle of the city.
pub(super) fn place(east_m: f64, north_m: f64) -> LatLng {
    let lat = 37.78 + north_m / 111_195.0;
    let lng = -122.41 + east_m / (111_195.0 * 37.78_f64.to_radians().cos());
    LatLng::try_from(Degrees { lat, lng }).unwrap()
}

impl City {
    pub(super) fn add(&mut self, driver: DriverId, position: LatLng) -> &mut Cab {
        let at = self.now;
        let (status, profile) = (DriverStatus::Available, Profile::default());
        self.cabs.insert(driver, Cab { position, at, status, profile });
        self.cabs.get_mut(&driver).unwrap()
    }

    pub(super) fn change(&mut self, changes: impl Iterator<Item = StatusChange>) {
        for StatusChange { driver, status } in changes {
            if let Some(cab) = self.cabs.get_mut(&driver) {
                cab.status = status;
            }
        }
    }

    fn passes(&self, driver: &DriverId, cab: &Cab, filter: &Filter) -> bool {
        let profile = &cab.profile;
        filter.statuses.contains(cab.status)
            && (filter.vehicle_types == VehicleTypes::NONE
                || filter.vehicle_types.bits() & profile.vehicle_types.bits() != 0)
            && profile.capacity >= filter.min_capacity
            && profile.rating >= filter.min_rating
            && profile.attributes.bits() & filter.attributes.bits() == filter.attributes.bits()
            && filter.max_age.is_none_or(|age| self.now.since(cab.at) <= age)
            && !filter.excluded.contains(driver)
    }
}

impl Supply for City {
    fn expect(&mut self, _pickups: &[LatLng], _radius: Meters) {}

    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        let limit = Haversine::of_radius(search.radius());
        let mut all: Vec<Nearby> = self
            .cabs
            .iter()
            .filter(|(driver, cab)| {
                self.lies == Lies::Yes || self.passes(driver, cab, search.filter())
            })
            .map(|(driver, cab)| Nearby {
                driver: *driver,
                position: cab.position,
                distance: haversine(cab.position, search.center()),
                at: cab.at,
                profile: cab.profile,
            })
            .filter(|nearby| nearby.distance <= limit)
            .filter(|nearby| {
                search.last().is_none_or(|last| (nearby.distance, nearby.driver) > last)
            })
            .collect();
        all.sort_by_key(|nearby| (nearby.distance, nearby.driver));
        if all.len() <= want {
            search.end();
        }
        for nearby in all.into_iter().take(want) {
            search.give(&nearby);
            found.push(nearby);
        }
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        let cab = self.cabs.get(driver)?;
        Some(Whereabouts { position: cab.position, at: cab.at, profile: cab.profile })
    }

    fn worth(&mut self, _dropoff: LatLng) -> Millis {
        self.worth
    }

    fn pace(&mut self, spent: Spent) -> Pace {
        match self.patience {
            Some(most) if spent.etas >= most => Pace::Stop,
            _ => Pace::GoOn,
        }
    }
}
