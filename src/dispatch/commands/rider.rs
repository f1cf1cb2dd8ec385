//! What riders ask for.

use super::lookup::wrong_state;
use crate::dispatch::candidates::{Candidates, Edge, Pool};
use crate::dispatch::command::Rater;
use crate::dispatch::event::{Event, Fact};
use crate::dispatch::market::Market;
use crate::dispatch::policy::WaitingRider;
use crate::dispatch::quote::Quote;
use crate::dispatch::refusal::Refusal;
use crate::dispatch::reply::{Reply, Standing};
use crate::dispatch::states::{EventKind, TripState, next_state};
use crate::dispatch::supply::Supply;
use crate::dispatch::trip::{Ending, Journey, Party, RiderReason, Stars, TripRequest, Urgency};
use crate::ids::{RiderId, TripId};
use crate::units::{Millis, Timestamp};

impl Market {
    pub(super) fn request_trip(
        &mut self,
        now: Timestamp,
        request: TripRequest,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let (rider, key, market) = (request.rider, request.key, self.config.market);
        if let Some(made) = self.book.by_key(rider, key) {
            let trip = made.id;
            return match made.request.difference(&request) {
                None => Ok(Reply::Requested { trip, standing: Standing::AlreadyDone }),
                Some(differs) => Err(Refusal::KeyReused { key, trip, differs }),
            };
        }
        let agreed = match request.quote {
            Some(id) if id.market() != market => {
                return Err(Refusal::OtherMarket { id: id.to_string(), market });
            }
            Some(id) => Some(self.quotes.fare(now, id, &rider, &request.journey)?),
            None => None,
        };
        let open = self.book.riders.get(&rider).map(Vec::as_slice).unwrap_or_default();
        let limit = self.config.open_trips_per_rider;
        if let Some(oldest) = open.iter().min().filter(|_| open.len() >= limit) {
            return Err(Refusal::RiderHasOpenTrip { rider, open: market.trip(*oldest), limit });
        }
        let limit = self.config.open_trips;
        if self.book.open.len() >= limit {
            return Err(Refusal::MarketFull { market, limit });
        }
        let trip = market.trip(self.book.head.trips + 1);
        let patience_until = now.plus(self.config.patience);
        let request = Box::new(request);
        self.emit(now, trip, Fact::TripRequested { request, agreed, patience_until }, events);
        Ok(Reply::Requested { trip, standing: Standing::Done })
    }

    pub(super) fn cancel_trip(
        &mut self,
        now: Timestamp,
        trip: TripId,
        rider: &RiderId,
        reason: RiderReason,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let found = self.ridden(trip, rider)?;
        if let Some(Ending::CancelledByRider { fee, .. }) = found.end.map(|end| end.ending) {
            return Ok(Reply::Cancelled { fee, standing: Standing::AlreadyDone });
        }
        if next_state(found.state, EventKind::TripCancelled).is_none() {
            return Err(wrong_state(found, "cancelled"));
        }
        let free = found
            .assignment
            .as_ref()
            .is_none_or(|assignment| now < assignment.accepted_at.plus(self.config.free_cancel));
        let tariff = &self.config.tariff;
        let fee = if free { tariff.nothing() } else { tariff.cancellation_fee() };
        let ending = Ending::CancelledByRider { reason, fee };
        self.emit(now, trip, Fact::TripCancelled { ending }, events);
        Ok(Reply::Cancelled { fee, standing: Standing::Done })
    }

    pub(super) fn rate_trip(
        &mut self,
        now: Timestamp,
        trip: TripId,
        by: Rater,
        stars: Stars,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let (found, party, given) = match &by {
            Rater::Rider(rider) => {
                let found = self.ridden(trip, rider)?;
                (found, Party::Rider, found.rated_by_rider)
            }
            Rater::Driver(driver) => {
                let (found, _) = self.driven(trip, driver, "rated")?;
                (found, Party::Driver, found.rated_by_driver)
            }
        };
        if next_state(found.state, EventKind::TripRated).is_none() {
            return Err(not_completed(found.state).map_or_else(
                || wrong_state(found, "rated"),
                |hint| Refusal::TooSoon { trip, state: found.state, action: "rated", hint },
            ));
        }
        match given {
            Some(given) if given == stars => return Ok(Reply::Noted(Standing::AlreadyDone)),
            Some(_) => return Err(Refusal::AlreadyRated { trip, party }),
            None => {}
        }
        self.emit(now, trip, Fact::TripRated { by: party, stars }, events);
        Ok(Reply::Noted(Standing::Done))
    }

    pub(super) fn quote(
        &mut self,
        now: Timestamp,
        rider: RiderId,
        journey: Journey,
        supply: &mut dyn Supply,
    ) -> Result<Reply, Refusal> {
        let Some(dropoff) = journey.dropoff else { return Err(Refusal::NoDropoff) };
        self.quotes.make_room(now)?;
        let ride = self.travel.time(journey.pickup, dropoff);
        let quote = Quote {
            id: self.quotes.next_id(now),
            rider,
            journey,
            fare: self.config.tariff.estimate(ride),
            pickup: self.soonest(now, &journey, supply),
            ride,
            valid_until: now.plus(self.config.quote_valid),
        };
        self.quotes.keep(&quote);
        Ok(Reply::Quoted(quote))
    }

    /// How soon anybody could be at a pickup.
    fn soonest(
        &self,
        now: Timestamp,
        journey: &Journey,
        supply: &mut dyn Supply,
    ) -> Option<Millis> {
        supply.expect(&[journey.pickup], self.config.max_radius);
        let (tables, setup) = ((&self.book, &self.memory), (&self.config, &*self.travel));
        let pool = Pool::new(now, setup, tables, &self.changes, (&[journey.pickup], &mut *supply));
        let rider = WaitingRider {
            trip: self.config.market.trip(0),
            journey,
            waiting: Millis::ZERO,
            price: Millis::ZERO,
            asked: &[],
        };
        let mut candidates = Candidates::new(&pool, &rider);
        let mut edges: Vec<Edge> = Vec::new();
        loop {
            candidates.more(supply, &mut edges);
            let best = edges.iter().map(|edge| edge.pickup.duration).min();
            match candidates.pickup_bound() {
                Some(bound) if best.is_none_or(|best| bound < best) => {}
                _ => return best,
            }
        }
    }

    /// Whether requests of this urgency are searched for at once.
    pub(super) fn is_immediate(&self, urgency: Urgency) -> bool {
        urgency == Urgency::Immediate || self.config.window == Millis::ZERO
    }
}

/// Why an open trip cannot be rated.
fn not_completed(state: TripState) -> Option<&'static str> {
    state.is_open().then_some("it has to be completed first")
}

impl TripRequest {
    /// The first thing in which two requests of one rider under one key differ, by name.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let journey = self.journey.difference(&other.journey);
        let quote = (self.quote != other.quote).then_some("quote");
        journey.or(quote).or((self.urgency != other.urgency).then_some("urgency"))
    }
}
