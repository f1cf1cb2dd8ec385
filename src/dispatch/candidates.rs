//! Who may be asked for a trip: drivers who are free, and drivers about to finish a trip nearby.
//!
//! Both kinds come as one stream, nearest first by a lower bound, a few at a time, so that travel
//! times are asked for only where they can matter. Whoever the market's own table has as busy, or
//! was asked before, or does not meet the needs, is not in it.

use std::collections::BTreeMap;

use super::book::Book;
use super::config::{BackToBack, MarketConfig};
use super::costs::{DriverMerits, Terms};
use super::memory::DriverMemory;
use super::policy::WaitingRider;
use super::supply::{Nearby, Search, Supply};
use super::trip::{Asked, Journey, Pickup};
use crate::geo::{Haversine, LatLng, haversine};
use crate::ids::{DriverId, TripId};
use crate::model::{DriverStatus, Filter, Profile, StatusSet, VehicleTypes};
use crate::travel::{Eta, TravelTime};
use crate::units::{Meters, Millis, Timestamp};

/// One driver for one rider, with the cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Who.
    pub driver: DriverId,
    /// The way to the pickup, the rest of a present trip included.
    pub pickup: Pickup,
    /// The trip that the driver finishes first.
    pub after: Option<TripId>,
    /// What it costs.
    pub cost: Millis,
    /// How that comes about.
    pub terms: Terms,
}

/// A driver whose trip ends soon.
#[derive(Clone, Copy, Debug)]
struct Finishing {
    driver: DriverId,
    trip: TripId,
    dropoff: LatLng,
    remaining: Millis,
    profile: Profile,
}

/// What candidates are drawn from, for one window.
pub(super) struct Pool<'a> {
    now: Timestamp,
    config: &'a MarketConfig,
    travel: &'a dyn TravelTime,
    book: &'a Book,
    memory: &'a DriverMemory,
    /// Statuses that the supply may not have heard of.
    changes: &'a BTreeMap<DriverId, DriverStatus>,
    finishing: Vec<Finishing>,
}

impl<'a> Pool<'a> {
    /// Looks up who is about to finish.
    pub(super) fn new(
        now: Timestamp,
        (config, travel): (&'a MarketConfig, &'a dyn TravelTime),
        (book, memory): (&'a Book, &'a DriverMemory),
        changes: &'a BTreeMap<DriverId, DriverStatus>,
        supply: &mut dyn Supply,
    ) -> Self {
        let finishing = Vec::new();
        let mut pool = Self { now, config, travel, book, memory, changes, finishing };
        if let BackToBack::Within(within) = config.back_to_back {
            pool.finishing = pool.about_to_finish(within, supply);
        }
        pool
    }

    /// Whether a driver is free, whatever the supply says: it may not have heard yet.
    fn is_free(&self, driver: &DriverId) -> bool {
        let offline = self.changes.get(driver) == Some(&DriverStatus::Offline);
        self.book.is_free(driver) && !offline
    }

    fn about_to_finish(&self, within: Millis, supply: &mut dyn Supply) -> Vec<Finishing> {
        let mut finishing = Vec::new();
        for (trip, driver, dropoff) in self.book.finishing(self.now.plus(within)) {
            let Some(at) = supply.whereabouts(&driver) else { continue };
            if self.now.since(at.at) > self.config.position_max_age {
                continue;
            }
            let remaining = self.travel.time(at.position, dropoff).duration;
            if remaining <= within {
                let profile = at.profile;
                finishing.push(Finishing { driver, trip, dropoff, remaining, profile });
            }
        }
        finishing
    }
}

/// The candidates of one rider.
pub struct Candidates<'w> {
    pool: &'w Pool<'w>,
    journey: &'w Journey,
    asked: &'w [Asked],
    search: Search,
    /// Those about to finish who will do, the nearest by their bound last.
    finishing: Vec<(Millis, usize)>,
    near: Vec<Nearby>,
    from: Vec<LatLng>,
    etas: Vec<Eta>,
}

impl<'w> Candidates<'w> {
    pub(super) fn new(pool: &'w Pool<'w>, rider: &'w WaitingRider<'w>) -> Self {
        let config = pool.config;
        let (journey, asked) = (rider.journey, rider.asked);
        let filter = Filter {
            statuses: StatusSet::AVAILABLE,
            vehicle_types: journey.needs.vehicle_types,
            min_capacity: journey.passengers,
            min_rating: journey.needs.min_rating,
            attributes: journey.needs.attributes,
            max_age: Some(config.position_max_age),
            // Fewer than a filter may name, by MAX_OFFERS_PER_TRIP.
            excluded: asked.iter().map(|asked| asked.driver).collect(),
        };
        let mut candidates = Self {
            pool,
            journey,
            asked,
            search: Search::new(journey.pickup, config.max_radius, filter),
            finishing: Vec::new(),
            near: Vec::new(),
            from: Vec::new(),
            etas: Vec::new(),
        };
        candidates.gather_finishing();
        candidates
    }

    fn gather_finishing(&mut self) {
        let pool = self.pool;
        for (ix, finishing) in pool.finishing.iter().enumerate() {
            let distance = haversine(finishing.dropoff, self.journey.pickup);
            if distance > Haversine::of_radius(pool.config.max_radius)
                || !self.journey.is_served_by(&finishing.profile)
                || self.was_asked(&finishing.driver)
            {
                continue;
            }
            let way = pool.travel.lower_bound(meters(distance));
            let bound = Millis(finishing.remaining.get().saturating_add(way.get()));
            if bound <= pool.config.max_pickup {
                self.finishing.push((bound, ix));
            }
        }
        self.finishing.sort_by(|a, b| b.cmp(a));
    }

    fn was_asked(&self, driver: &DriverId) -> bool {
        self.asked.iter().any(|asked| asked.driver == *driver)
    }

    /// Adds the next few candidates to `edges`: at least one unless nobody is left.
    pub fn more(&mut self, supply: &mut dyn Supply, edges: &mut Vec<Edge>) {
        let before = edges.len();
        while edges.len() == before {
            let near = self.near_bound();
            let finishing = self.finishing.last().map(|(bound, _)| *bound);
            match (near, finishing) {
                (None, None) => return,
                (Some(near), Some(finishing)) if near < finishing => {
                    self.add_near(supply, edges);
                }
                (Some(_), None) => self.add_near(supply, edges),
                (_, Some(_)) => self.add_finishing(edges),
            }
        }
    }

    /// No candidate that was not handed out reaches the pickup sooner than this; none if nobody is
    /// left.
    pub fn pickup_bound(&self) -> Option<Millis> {
        let finishing = self.finishing.last().map(|(bound, _)| *bound);
        match (self.near_bound(), finishing) {
            (Some(near), Some(finishing)) => Some(near.min(finishing)),
            (near, finishing) => near.or(finishing),
        }
    }

    /// No candidate that was not handed out costs less than this; none if nobody is left.
    pub fn cost_bound(&self) -> Option<Millis> {
        self.pickup_bound().map(|pickup| self.pool.config.costs.lower_bound(pickup))
    }

    fn near_bound(&self) -> Option<Millis> {
        if self.search.has_ended() {
            return None;
        }
        let reached = self.search.last().map_or(Meters::ZERO, |(distance, _)| meters(distance));
        let bound = self.pool.travel.lower_bound(reached);
        (bound <= self.pool.config.max_pickup).then_some(bound)
    }

    fn add_near(&mut self, supply: &mut dyn Supply, edges: &mut Vec<Edge>) {
        let pool = self.pool;
        self.near.clear();
        supply.near(&mut self.search, pool.config.candidates, &mut self.near);
        if self.near.is_empty() {
            self.search.end();
        }
        let mut near = std::mem::take(&mut self.near);
        near.retain(|nearby| {
            pool.is_free(&nearby.driver)
                && self.journey.is_served_by(&nearby.profile)
                && !self.was_asked(&nearby.driver)
        });
        self.from.clear();
        self.from.extend(near.iter().map(|nearby| nearby.position));
        pool.travel.times_to(&self.from, self.journey.pickup, &mut self.etas);
        for (nearby, eta) in near.iter().zip(&self.etas) {
            let Eta { duration, distance, .. } = *eta;
            let merits = pool.memory.merits(pool.now, &nearby.driver, &nearby.profile);
            let pickup = Pickup { duration, distance };
            edges.extend(self.edge(nearby.driver, pickup, None, &merits));
        }
        self.near = near;
    }

    fn add_finishing(&mut self, edges: &mut Vec<Edge>) {
        let Some(finishing) = self.finishing.pop().and_then(|(_, ix)| self.pool.finishing.get(ix))
        else {
            return;
        };
        let way = self.pool.travel.time(finishing.dropoff, self.journey.pickup);
        let duration = Millis(finishing.remaining.get().saturating_add(way.duration.get()));
        let pickup = Pickup { duration, distance: way.distance };
        let merits = self.pool.memory.merits(self.pool.now, &finishing.driver, &finishing.profile);
        let merits = DriverMerits { idle: Millis::ZERO, ..merits };
        edges.extend(self.edge(finishing.driver, pickup, Some(finishing.trip), &merits));
    }

    fn edge(
        &self,
        driver: DriverId,
        pickup: Pickup,
        after: Option<TripId>,
        merits: &DriverMerits,
    ) -> Option<Edge> {
        if pickup.duration > self.pool.config.max_pickup {
            return None;
        }
        let terms = self.pool.config.costs.terms(pickup.duration, merits);
        Some(Edge { driver, pickup, after, cost: terms.cost(), terms })
    }
}

impl Journey {
    /// Whether a driver of this kind will do.
    pub fn is_served_by(&self, profile: &Profile) -> bool {
        let needs = &self.needs;
        let attributes = needs.attributes.bits();
        (needs.vehicle_types == VehicleTypes::NONE
            || needs.vehicle_types.bits() & profile.vehicle_types.bits() != 0)
            && profile.capacity >= self.passengers
            && profile.rating >= needs.min_rating
            && profile.attributes.bits() & attributes == attributes
    }
}

fn meters(distance: Haversine) -> Meters {
    // A great-circle distance is never longer than half the globe, but for rounding.
    Meters::new(distance.meters()).unwrap_or(Meters::HALF_GLOBE)
}
