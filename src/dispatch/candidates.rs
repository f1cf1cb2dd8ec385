//! Who may be asked for a trip: drivers who are free, and drivers about to finish a trip nearby.
//!
//! Both kinds come as one stream, nearest first by a lower bound, a few at a time, so that travel
//! times are asked for only where they can matter. Whoever the market's own table has as busy, or
//! was asked before, or does not meet the needs, is not in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::book::Book;
use super::config::{BackToBack, MarketConfig};
use super::costs::{DriverMerits, Terms};
use super::dropoffs::Dropoffs;
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
    /// Where those will be free, in their order.
    dropoffs: Dropoffs,
}

impl<'a> Pool<'a> {
    /// Looks up who is about to finish somewhere around these pickups.
    ///
    /// # Complexity
    /// O(n) in the trips in progress; a travel time is asked for those only that may end in time.
    pub(super) fn new(
        now: Timestamp,
        (config, travel): (&'a MarketConfig, &'a dyn TravelTime),
        (book, memory): (&'a Book, &'a DriverMemory),
        changes: &'a BTreeMap<DriverId, DriverStatus>,
        (pickups, supply): (&[LatLng], &mut dyn Supply),
    ) -> Self {
        let (finishing, dropoffs) = (Vec::new(), Dropoffs::default());
        let mut pool = Self { now, config, travel, book, memory, changes, finishing, dropoffs };
        if let BackToBack::Within(within) = config.back_to_back {
            pool.finishing = pool.about_to_finish(within, pickups, supply);
            pool.dropoffs = Dropoffs::of(pool.finishing.iter().map(|one| one.dropoff));
        }
        pool
    }

    /// Whether a driver is free, whatever the supply says: it may not have heard yet.
    fn is_free(&self, driver: &DriverId) -> bool {
        let offline = self.changes.get(driver) == Some(&DriverStatus::Offline);
        self.book.is_free(driver) && !offline
    }

    /// Whoever is near enough to the end of the present trip, by where he or she is now.
    fn about_to_finish(
        &self,
        within: Millis,
        pickups: &[LatLng],
        supply: &mut dyn Supply,
    ) -> Vec<Finishing> {
        let mut finishing = Vec::new();
        let Some(&center) = pickups.first() else { return finishing };
        let furthest = pickups.iter().map(|pickup| haversine(center, *pickup)).max();
        // A metre more pays for rounding.
        let reach = furthest.map_or(0.0, Haversine::meters) + self.config.max_radius.get() + 1.0;
        let reach = Haversine::of_radius(Meters::new(reach).unwrap_or(Meters::HALF_GLOBE));
        let reaches = |dropoff: LatLng| haversine(center, dropoff) <= reach;
        for (trip, driver, dropoff) in self.book.finishing(reaches) {
            let Some(at) = supply.whereabouts(&driver) else { continue };
            let way = meters(haversine(at.position, dropoff));
            if self.now.since(at.at) > self.config.position_max_age
                || self.travel.lower_bound(way) > within
            {
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

/// A driver who may be asked, before anybody has asked how long the way is.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Who.
    pub driver: DriverId,
    /// The trip that the driver finishes first.
    pub after: Option<TripId>,
    /// It costs no less than this.
    pub at_least: Millis,
    /// Where the way to the pickup begins, and what has to be driven before.
    from: LatLng,
    remaining: Millis,
    merits: DriverMerits,
}

/// Drivers about to finish by number, nearest first, each with a bound of the distance.
type Further<'w> = Box<dyn Iterator<Item = (Haversine, usize)> + 'w>;

/// The candidates of one rider.
pub struct Candidates<'w> {
    pool: &'w Pool<'w>,
    journey: &'w Journey,
    asked: &'w [Asked],
    search: Search,
    /// Those about to finish who were looked at and will do, the soonest by their bound first.
    finishing: BinaryHeap<Reverse<(Millis, usize)>>,
    /// Those who were not looked at yet, and none of whom is there sooner than this; none if all were.
    further: Option<(Further<'w>, Millis)>,
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
        let search = Search::new(journey.pickup, config.max_radius, filter);
        let further: Further<'_> = Box::new(pool.dropoffs.from(journey.pickup));
        let (further, finishing) = (Some((further, Millis::ZERO)), BinaryHeap::new());
        let mut candidates = Self { pool, journey, asked, search, finishing, further };
        candidates.look_further();
        candidates
    }

    /// Looks at those about to finish until nobody further away can be there as soon as the first.
    fn look_further(&mut self) {
        let pool = self.pool;
        let radius = Haversine::of_radius(pool.config.max_radius);
        while let Some((further, bound)) = &mut self.further
            && self.finishing.peek().is_none_or(|Reverse((first, _))| *first >= *bound)
        {
            let Some((distance, ix)) = further.next().filter(|(distance, _)| *distance <= radius)
            else {
                self.further = None;
                return;
            };
            *bound = pool.travel.lower_bound(meters(distance));
            if *bound > pool.config.max_pickup {
                self.further = None;
                return;
            }
            self.look_at(ix, radius);
        }
    }

    /// Adds one who is about to finish, if he or she will do.
    fn look_at(&mut self, ix: usize, radius: Haversine) {
        let pool = self.pool;
        let Some(finishing) = pool.finishing.get(ix) else { return };
        let distance = haversine(finishing.dropoff, self.journey.pickup);
        if distance > radius
            || !self.journey.is_served_by(&finishing.profile)
            || self.was_asked(&finishing.driver)
        {
            return;
        }
        let way = pool.travel.lower_bound(meters(distance));
        let bound = Millis(finishing.remaining.get().saturating_add(way.get()));
        if bound <= pool.config.max_pickup {
            self.finishing.push(Reverse((bound, ix)));
        }
    }

    fn was_asked(&self, driver: &DriverId) -> bool {
        self.asked.iter().any(|asked| asked.driver == *driver)
    }

    /// Adds the next candidates to `named`, about `count` of them and at least one unless nobody is
    /// left. No travel time is asked for.
    pub fn name(&mut self, supply: &mut dyn Supply, count: usize, named: &mut Vec<Named>) {
        let before = named.len();
        while named.len() == before {
            let near = self.near_bound();
            let finishing = self.finishing.peek().map(|Reverse((bound, _))| *bound);
            match (near, finishing) {
                (None, None) => return,
                (Some(near), Some(finishing)) if near < finishing => {
                    self.name_near(supply, count, named);
                }
                (Some(_), None) => self.name_near(supply, count, named),
                (_, Some(_)) => self.name_finishing(named),
            }
        }
    }

    /// Adds what each of these costs to `edges`, in their order; none for those who would take too
    /// long.
    pub fn cost(&self, named: &[Named], edges: &mut Vec<Option<Edge>>) {
        let config = self.pool.config;
        let from: Vec<LatLng> = named.iter().map(|named| named.from).collect();
        let mut etas: Vec<Eta> = Vec::with_capacity(from.len());
        self.pool.travel.times_to(&from, self.journey.pickup, &mut etas);
        edges.extend(named.iter().zip(etas).map(|(named, eta)| {
            let duration = Millis(named.remaining.get().saturating_add(eta.duration.get()));
            let terms = config.costs.terms(duration, &named.merits);
            let pickup = Pickup { duration, distance: eta.distance };
            let &Named { driver, after, .. } = named;
            let in_time = duration <= config.max_pickup;
            in_time.then(|| Edge { driver, pickup, after, cost: terms.cost(), terms })
        }));
    }

    /// Adds the next few candidates with their costs to `edges`: at least one unless nobody is left.
    pub fn more(&mut self, supply: &mut dyn Supply, edges: &mut Vec<Edge>) {
        let (before, mut named, mut costs) = (edges.len(), Vec::new(), Vec::new());
        while edges.len() == before {
            named.clear();
            costs.clear();
            self.name(supply, self.pool.config.candidates, &mut named);
            if named.is_empty() {
                return;
            }
            self.cost(&named, &mut costs);
            edges.extend(costs.iter().flatten());
        }
    }

    /// No candidate that was not named reaches the pickup sooner than this; none if nobody is left.
    pub fn pickup_bound(&self) -> Option<Millis> {
        let finishing = self.finishing.peek().map(|Reverse((bound, _))| *bound);
        match (self.near_bound(), finishing) {
            (Some(near), Some(finishing)) => Some(near.min(finishing)),
            (near, finishing) => near.or(finishing),
        }
    }

    /// No candidate that was not named costs less than this; none if nobody is left.
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

    fn name_near(&mut self, supply: &mut dyn Supply, count: usize, named: &mut Vec<Named>) {
        let pool = self.pool;
        let mut near: Vec<Nearby> = Vec::new();
        supply.near(&mut self.search, count, &mut near);
        if near.is_empty() {
            self.search.end();
        }
        for nearby in near {
            let Nearby { driver, position, distance, profile, .. } = nearby;
            if !pool.is_free(&driver)
                || !self.journey.is_served_by(&profile)
                || self.was_asked(&driver)
            {
                continue;
            }
            let merits = pool.memory.merits(pool.now, &driver, &profile);
            let way = pool.travel.lower_bound(meters(distance));
            let at_least = pool.config.costs.terms(way, &merits).cost();
            let (from, remaining) = (position, Millis::ZERO);
            named.push(Named { driver, after: None, at_least, from, remaining, merits });
        }
    }

    fn name_finishing(&mut self, named: &mut Vec<Named>) {
        let Some(Reverse((bound, ix))) = self.finishing.pop() else { return };
        self.look_further();
        let Some(finishing) = self.pool.finishing.get(ix) else { return };
        let merits = self.pool.memory.merits(self.pool.now, &finishing.driver, &finishing.profile);
        let merits = DriverMerits { idle: Millis::ZERO, ..merits };
        named.push(Named {
            driver: finishing.driver,
            after: Some(finishing.trip),
            at_least: self.pool.config.costs.terms(bound, &merits).cost(),
            from: finishing.dropoff,
            remaining: finishing.remaining,
            merits,
        });
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
