//! The state of a market: its trips, and who is bound by which.
//!
//! Trips are the truth; everything else here follows from them and is kept so that it need not be
//! searched for. It changes in one way only, by [`Book::evolve`], and a test compares each index
//! with what the trips say after every command.
//!
//! # Invariants
//! - D1: a driver is bound by at most one trip that is under way, one that is queued behind it, and
//!   one offer; and by no offer while a trip is queued.
//! - D2: a trip that is offered has one pending offer and no driver; one that is assigned, or under
//!   way, has one driver and no offer; one that waits has neither.
//! - D3: each open trip has exactly one timer, at its [`Trip::deadline`]; an ended one has none.
//! - D4: those who wait are exactly the trips that are requested or searching.
//! - D5: a trip is queued behind one that is in progress, or its driver is free to set off, in
//!   which case it is `ready`.
//! - D6: each request key leads to the latest trip that it made, as long as that is remembered. It
//!   makes another only when the one before was forgotten; but a restored market may remember more.
//! - D7: each rider's open trips are those of which the rider is the rider.
//! - D8: counts by state add up to the number of open trips.
//! - D9: numbers of trips and events have no gaps, and time does not run back.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::event::{Event, Fact, Seq};
use super::evolve::EvolveError;
use super::states::TripState;
use super::trip::{Afterwards, Trip};
use crate::geo::LatLng;
use crate::ids::{DriverId, MarketId, RequestKey, RiderId, TripId};
use crate::model::DriverStatus;
use crate::units::Timestamp;

/// What binds a driver: numbers of trips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bonds {
    /// Under way: en route, arrived or in progress.
    pub(super) current: Option<u64>,
    /// Accepted, to be driven to after the current one.
    pub(super) queued: Option<u64>,
    /// Offered and not answered.
    pub(super) offered: Option<u64>,
}

/// The place of a market in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The market's name.
    pub market: MarketId,
    /// The last event.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// How many trips have been requested: the number of the last one.
    pub trips: u64,
}

impl Head {
    /// The beginning.
    pub const fn new(market: MarketId) -> Self {
        Self { market, seq: Seq::ZERO, at: Timestamp::from_millis(i64::MIN), trips: 0 }
    }
}

/// The state of a market.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) head: Head,
    pub(super) open: BTreeMap<u64, Box<Trip>>,
    pub(super) ended: BTreeMap<u64, Box<Trip>>,
    /// Ended trips by the time of their end.
    pub(super) ended_order: BTreeSet<(Timestamp, u64)>,
    pub(super) bonds: HashMap<DriverId, Bonds, FixedState>,
    pub(super) keys: HashMap<(RiderId, RequestKey), u64, FixedState>,
    /// The open trips of each rider: rarely more than one.
    pub(super) riders: HashMap<RiderId, Vec<u64>, FixedState>,
    pub(super) timers: BTreeSet<(Timestamp, u64)>,
    /// Those who wait, by the time of their request.
    pub(super) waiting: BTreeSet<(Timestamp, u64)>,
    /// Trips in progress whose driver stays, and where they end, if that is known.
    pub(super) ending: BTreeMap<u64, LatLng>,
    /// Assigned trips whose driver can set off.
    pub(super) ready: BTreeSet<u64>,
    pub(super) by_state: [usize; TripState::ALL.len()],
}

impl Book {
    /// An empty book. The seed keeps clients from choosing ids that collide; nothing depends on it.
    pub(super) fn new(head: Head, hash_seed: u64) -> Self {
        let seed = || FixedState::with_seed(hash_seed);
        Self {
            head,
            open: BTreeMap::new(),
            ended: BTreeMap::new(),
            ended_order: BTreeSet::new(),
            bonds: HashMap::with_hasher(seed()),
            keys: HashMap::with_hasher(seed()),
            riders: HashMap::with_hasher(seed()),
            timers: BTreeSet::new(),
            waiting: BTreeSet::new(),
            ending: BTreeMap::new(),
            ready: BTreeSet::new(),
            by_state: [0; TripState::ALL.len()],
        }
    }

    /// The trip with a number, open or remembered.
    pub(super) fn trip(&self, number: u64) -> Option<&Trip> {
        self.open.get(&number).or_else(|| self.ended.get(&number)).map(Box::as_ref)
    }

    /// The trip that a rider's key has made.
    pub(super) fn by_key(&self, rider: RiderId, key: RequestKey) -> Option<&Trip> {
        self.trip(*self.keys.get(&(rider, key))?)
    }

    /// What binds a driver.
    pub(super) fn bonds_of(&self, driver: &DriverId) -> Bonds {
        self.bonds.get(driver).copied().unwrap_or_default()
    }

    /// Whether nothing binds a driver.
    pub(super) fn is_free(&self, driver: &DriverId) -> bool {
        !self.bonds.contains_key(driver)
    }

    /// What a driver is doing who is bound by something; none for everybody else, of whom the live
    /// map knows more.
    pub(super) fn status(&self, driver: &DriverId) -> Option<DriverStatus> {
        let bonds = self.bonds.get(driver)?;
        let current = bonds.current.and_then(|number| self.open.get(&number));
        if let Some(status) = current.and_then(|trip| trip.state.driver_status()) {
            return Some(status);
        }
        Some(match bonds.queued {
            Some(_) => DriverStatus::EnRoute,
            None => DriverStatus::OfferPending,
        })
    }

    /// Drivers in progress with nothing ahead of them whose trip ends in such a place: the trip, who
    /// and where it ends, in the order of trips.
    ///
    /// # Complexity
    /// O(n) in the trips in progress.
    pub(super) fn finishing(
        &self,
        reaches: impl Fn(LatLng) -> bool,
    ) -> impl Iterator<Item = (TripId, DriverId, LatLng)> {
        self.ending.iter().filter(move |(_, dropoff)| reaches(**dropoff)).filter_map(
            |(number, dropoff)| {
                let trip = self.open.get(number)?;
                let driver = *trip.driver()?;
                let bonds = self.bonds_of(&driver);
                let ahead = bonds.queued.is_some() || bonds.offered.is_some();
                (!ahead).then_some((trip.id, driver, *dropoff))
            },
        )
    }

    /// Applies an event: the one way in which state changes.
    ///
    /// # Errors
    /// [`EvolveError`] if the event does not follow from the state; nothing has changed then.
    pub(super) fn evolve(&mut self, event: &Event) -> Result<(), EvolveError> {
        self.follows(event)?;
        let number = event.trip.number();
        let next = if matches!(event.fact, Fact::TripRequested { .. }) {
            Trip::requested(event)?
        } else {
            let trip = self.trip(number);
            trip.ok_or(EvolveError::UnknownTrip { trip: event.trip })?.evolved(event)?
        };
        self.is_allowed(&next)?;
        self.replace(Box::new(next));
        self.head.seq = event.seq;
        self.head.at = event.at;
        self.head.trips = self.head.trips.max(number);
        Ok(())
    }

    /// Whether an event is the next one of this market.
    fn follows(&self, event: &Event) -> Result<(), EvolveError> {
        let Head { market, seq, at, trips } = self.head;
        if event.trip.market() != market {
            return Err(EvolveError::OtherMarket { trip: event.trip, market });
        }
        if event.seq != seq.next() {
            return Err(EvolveError::Gap { after: seq, seq: event.seq });
        }
        if event.at < at {
            return Err(EvolveError::BackInTime { seq: event.seq, at: event.at, after: at });
        }
        let new = matches!(event.fact, Fact::TripRequested { .. });
        if new && event.trip.number() != trips + 1 {
            return Err(EvolveError::TripOutOfTurn { trip: event.trip, after: trips });
        }
        Ok(())
    }

    /// Whether the drivers of a trip are free for it (D1).
    fn is_allowed(&self, next: &Trip) -> Result<(), EvolveError> {
        let number = next.id.number();
        let bonds = |driver: &DriverId| {
            let bonds = self.bonds_of(driver);
            // What this trip itself binds does not count.
            let others = |bond: Option<u64>| bond.filter(|other| *other != number);
            Bonds {
                current: others(bonds.current),
                queued: others(bonds.queued),
                offered: others(bonds.offered),
            }
        };
        let taken = |driver: DriverId| EvolveError::DriverTaken { driver, trip: next.id };
        if let Some(offer) = &next.offer {
            let Bonds { current, queued, offered } = bonds(&offer.driver);
            let busy = current.is_some_and(|other| !self.is_in_progress(other));
            if busy || queued.is_some() || offered.is_some() {
                return Err(taken(offer.driver));
            }
        }
        if let Some(driver) = next.driver() {
            let Bonds { current, queued, offered } = bonds(driver);
            let blocked = match next.state {
                TripState::Assigned => queued.is_some() || offered.is_some(),
                _ => current.is_some(),
            };
            if blocked {
                return Err(taken(*driver));
            }
        }
        Ok(())
    }

    fn is_in_progress(&self, number: u64) -> bool {
        self.open.get(&number).is_some_and(|trip| trip.state == TripState::InProgress)
    }

    /// Puts a trip in the place of its former self, with all that follows from it.
    pub(super) fn replace(&mut self, next: Box<Trip>) {
        let number = next.id.number();
        let former = self.open.remove(&number).or_else(|| self.ended.remove(&number));
        if let Some(former) = former {
            self.unlink(&former);
        }
        self.link(&next);
        if next.state.is_open() {
            self.open.insert(number, next);
        } else {
            self.ended.insert(number, next);
        }
    }

    fn link(&mut self, trip: &Trip) {
        let number = trip.id.number();
        let latest = self.keys.entry((trip.request.rider, trip.request.key)).or_insert(number);
        *latest = number.max(*latest);
        if let Some(end) = &trip.end {
            self.ended_order.insert((end.at, number));
            return;
        }
        self.by_state[trip.state as usize] += 1;
        self.riders.entry(trip.request.rider).or_default().push(number);
        self.timers.extend(trip.deadline().map(|at| (at, number)));
        if trip.state.is_waiting() {
            self.waiting.insert((trip.requested_at, number));
        }
        self.ending.extend(ends_at(trip).map(|dropoff| (number, dropoff)));
        if let Some(offer) = &trip.offer {
            self.bonds.entry(offer.driver).or_default().offered = Some(number);
        }
        if let Some(driver) = trip.driver() {
            let bonds = self.bonds.entry(*driver).or_default();
            match trip.state {
                TripState::Assigned => bonds.queued = Some(number),
                _ => bonds.current = Some(number),
            }
            self.note_ready(driver);
        }
    }

    fn unlink(&mut self, trip: &Trip) {
        let number = trip.id.number();
        if let Some(end) = &trip.end {
            self.ended_order.remove(&(end.at, number));
            return;
        }
        self.by_state[trip.state as usize] -= 1;
        if let Some(trips) = self.riders.get_mut(&trip.request.rider) {
            trips.retain(|other| *other != number);
            if trips.is_empty() {
                self.riders.remove(&trip.request.rider);
            }
        }
        if let Some(at) = trip.deadline() {
            self.timers.remove(&(at, number));
        }
        self.waiting.remove(&(trip.requested_at, number));
        self.ending.remove(&number);
        self.ready.remove(&number);
        let offered = trip.offer.as_ref().map(|offer| offer.driver);
        for driver in offered.into_iter().chain(trip.driver().copied()) {
            if let Some(bonds) = self.bonds.get_mut(&driver) {
                for bond in [&mut bonds.current, &mut bonds.queued, &mut bonds.offered] {
                    *bond = bond.filter(|other| *other != number);
                }
                if *bonds == Bonds::default() {
                    self.bonds.remove(&driver);
                }
            }
            self.note_ready(&driver);
        }
    }

    /// Notes whether a driver's queued trip can begin.
    fn note_ready(&mut self, driver: &DriverId) {
        let bonds = self.bonds_of(driver);
        if let Some(queued) = bonds.queued {
            if bonds.current.is_none() {
                self.ready.insert(queued);
            } else {
                self.ready.remove(&queued);
            }
        }
    }

    /// Forgets ended trips: those that ended before a moment, and the oldest beyond a number.
    pub(super) fn forget(&mut self, before: Timestamp, keep: usize) {
        while let Some(&(at, number)) = self.ended_order.first() {
            if at >= before && self.ended.len() <= keep {
                return;
            }
            self.ended_order.pop_first();
            if let Some(trip) = self.ended.remove(&number) {
                let key = (trip.request.rider, trip.request.key);
                if self.keys.get(&key) == Some(&number) {
                    self.keys.remove(&key);
                }
            }
        }
    }
}

/// Where the driver of a trip in progress is free for another, if that is known and wanted.
fn ends_at(trip: &Trip) -> Option<LatLng> {
    let assignment = trip.assignment.as_ref()?;
    let stays = assignment.afterwards == Afterwards::Stays;
    trip.request.journey.dropoff.filter(|_| trip.state == TripState::InProgress && stays)
}
