//! Finding drivers for those who wait: the policy chooses, the market offers.

use std::ops::Bound;

use crate::dispatch::candidates::Pool;
use crate::dispatch::event::{Event, Fact};
use crate::dispatch::market::Market;
use crate::dispatch::policy::{Choice, Decision, WaitingRider, Window, WindowKind};
use crate::dispatch::reply::{Matched, Reply};
use crate::dispatch::states::TripState;
use crate::dispatch::supply::{Nearby, Pace, Search, Spent, Supply, Whereabouts};
use crate::dispatch::trip::Trip;
use crate::geo::LatLng;
use crate::ids::{DriverId, TripId};
use crate::limits;
use crate::units::{Meters, Millis, Timestamp};

impl Market {
    /// Looks at all who wait, those who have waited longest first. If they are more than a batch may
    /// have, the next one begins with those who were left.
    pub(super) fn match_batch(
        &mut self,
        now: Timestamp,
        supply: &mut dyn Supply,
        events: &mut Vec<Event>,
    ) -> Reply {
        let waiting = &self.book.waiting;
        let mut looked_at: Vec<(Timestamp, u64)> = match self.batch_ended_with {
            None => waiting.iter().take(limits::MAX_BATCH_REQUESTS).copied().collect(),
            Some(last) => {
                let left = waiting.range((Bound::Excluded(last), Bound::Unbounded));
                let all = left.chain(waiting.range(..=last));
                all.take(limits::MAX_BATCH_REQUESTS).copied().collect()
            }
        };
        let left = waiting.len() - looked_at.len();
        self.batch_ended_with = looked_at.last().copied().filter(|_| left > 0);
        looked_at.sort_unstable();
        let numbers: Vec<u64> = looked_at.iter().map(|(_, number)| *number).collect();
        let matched = self.search(now, &numbers, WindowKind::Batch, supply, events);
        self.gathering_since = (!self.book.waiting.is_empty()).then_some(now);
        Reply::Matched(Matched { left, ..matched })
    }

    /// Looks at those of the events from `first` on that wait and must not.
    pub(in crate::dispatch) fn search_at_once(
        &mut self,
        now: Timestamp,
        first: usize,
        supply: &mut dyn Supply,
        events: &mut Vec<Event>,
    ) {
        let fresh = |event: &&Event| !matches!(event.fact, Fact::SearchContinued);
        let happened = events.get(first..).unwrap_or_default().iter().filter(fresh);
        let mut numbers: Vec<u64> = happened.map(|event| event.trip.number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|number| {
            self.book.open.get(number).is_some_and(|trip| {
                trip.state.is_waiting() && self.is_immediate(trip.request.urgency)
            })
        });
        for number in numbers {
            self.search(now, &[number], WindowKind::Immediate, supply, events);
        }
    }

    fn search(
        &mut self,
        now: Timestamp,
        numbers: &[u64],
        kind: WindowKind,
        supply: &mut dyn Supply,
        events: &mut Vec<Event>,
    ) -> Matched {
        if numbers.is_empty() {
            return Matched::default();
        }
        let decision = self.decide(now, numbers, kind, supply);
        let mut matched = Matched { requests: numbers.len(), ..Matched::default() };
        // What is written at once has its limit: the rest waits for the next window.
        let mut room = limits::MAX_WINDOW_BYTES;
        let mut has_room = |market: &Self, trip: TripId| {
            room = room.saturating_sub(market.trip(trip).map_or(0, Trip::weight));
            room > 0
        };
        for choice in decision.choices() {
            if self.may_offer(&choice) && has_room(self, choice.trip) {
                self.offer(now, &choice, events);
                matched.offers += 1;
            } else {
                matched.refused += 1;
            }
        }
        for &number in numbers {
            let found = self.book.open.get(&number);
            let requested = found.filter(|trip| trip.state == TripState::Requested);
            if let Some(trip) = requested.map(|trip| trip.id).filter(|id| has_room(self, *id)) {
                self.emit(now, trip, Fact::SearchContinued, events);
            }
        }
        self.decisions.keep(decision);
        matched
    }

    fn decide(
        &mut self,
        now: Timestamp,
        numbers: &[u64],
        kind: WindowKind,
        supply: &mut dyn Supply,
    ) -> Decision {
        let every = self.batch_interval();
        let Self { book, memory, config, travel, policy, changes, .. } = self;
        let mut decision = Decision::new(policy.name(), now, kind);
        let trips = numbers.iter().filter_map(|number| book.open.get(number));
        let riders = trips.map(|trip| {
            let journey = &trip.request.journey;
            let counts = config.costs.destination_permille > 0;
            let dropoff = journey.dropoff.filter(|_| counts);
            let worth = dropoff.map_or(Millis::ZERO, |dropoff| supply.worth(dropoff));
            let waiting = now.since(trip.requested_at);
            WaitingRider {
                trip: trip.id,
                journey,
                waiting,
                price: config.costs.leaving(waiting, worth),
                asked: &trip.asked,
            }
        });
        let riders: Vec<WaitingRider<'_>> = riders.collect();
        let pickups: Vec<LatLng> = riders.iter().map(|rider| rider.journey.pickup).collect();
        supply.expect(&pickups, config.max_radius);
        let mut supply = Paced { supply, pace: Pace::GoOn };
        let supply = &mut supply;
        let setup = (&*config, &**travel);
        let pool = Pool::new(now, setup, (book, memory), changes, (&pickups, &mut *supply));
        let others = book.waiting.len().saturating_sub(riders.len());
        let window = Window { now, kind, every, others, riders, pool };
        policy.assign(&window, supply, &mut decision);
        decision.pace = supply.pace;
        decision
    }

    /// Whether a driver can be asked for a trip now: a policy may be wrong, and the market not.
    fn may_offer(&self, choice: &Choice) -> bool {
        let Some(trip) = self.trip(choice.trip) else { return false };
        let driver = &choice.driver;
        let bonds = self.book.bonds_of(driver);
        let behind = |trip: &Trip| Some(trip.id) == choice.after && is_in_progress(trip);
        let in_time = match bonds.current.map(|number| self.book.open.get(&number)) {
            None => choice.after.is_none(),
            Some(current) => current.is_some_and(|current| behind(current)),
        };
        trip.state.is_waiting()
            && !trip.has_asked(driver)
            && bonds.queued.is_none()
            && bonds.offered.is_none()
            && in_time
    }

    fn offer(&mut self, now: Timestamp, choice: &Choice, events: &mut Vec<Event>) {
        let attempts = self.trip(choice.trip).map_or(0, |trip| trip.attempts);
        let fact = Fact::OfferMade {
            attempt: attempts + 1,
            driver: choice.driver,
            deadline: now.plus(self.config.offer_timeout),
            pickup: choice.pickup,
            after: choice.after,
        };
        self.emit(now, choice.trip, fact, events);
    }
}

/// Notices whether a batch was told to stop.
struct Paced<'a> {
    supply: &'a mut dyn Supply,
    pace: Pace,
}

impl Supply for Paced<'_> {
    fn expect(&mut self, pickups: &[LatLng], radius: Meters) {
        self.supply.expect(pickups, radius);
    }

    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        self.supply.near(search, want, found);
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        self.supply.whereabouts(driver)
    }

    fn worth(&mut self, dropoff: LatLng) -> Millis {
        self.supply.worth(dropoff)
    }

    fn pace(&mut self, spent: Spent) -> Pace {
        let pace = self.supply.pace(spent);
        if pace == Pace::Stop {
            self.pace = pace;
        }
        pace
    }
}

fn is_in_progress(trip: &Trip) -> bool {
    trip.state == TripState::InProgress
}
