//! Quotes: what a trip would cost, agreed for a while.
//!
//! A quote that was given is honoured as long as it is valid: where too many are, no new one is given.
//! Those that are not valid any more make room first.
//!
//! Quotes live in memory only. A restart forgets them, and a request that names one is then told to
//! ask for a new one: nothing was promised beyond the fare of a trip that was not requested yet.

use std::collections::VecDeque;

use super::refusal::Refusal;
use super::trip::Journey;
use crate::ids::{MarketId, QuoteId, RiderId};
use crate::limits;
use crate::travel::Eta;
use crate::units::{Millis, Money, Timestamp};

/// What a trip would cost, and for how long that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Its name, for the request.
    pub id: QuoteId,
    /// Who may use it.
    pub rider: RiderId,
    /// For what.
    pub journey: Journey,
    /// What it costs.
    pub fare: Money,
    /// How long the nearest driver would take to the pickup; none if there is none nearby.
    pub pickup: Option<Millis>,
    /// The ride as it is estimated.
    pub ride: Eta,
    /// It can be used before this moment.
    pub valid_until: Timestamp,
}

/// What has to be known of a quote that was given.
#[derive(Debug)]
struct Given {
    number: u64,
    rider: RiderId,
    journey: Journey,
    fare: Money,
    valid_until: Timestamp,
}

/// The quotes of one market.
#[derive(Debug)]
pub(super) struct Quotes {
    market: MarketId,
    /// In the order of their numbers, which is that in which they expire: all are valid for as long.
    given: VecDeque<Given>,
    last: u64,
}

impl Quotes {
    pub(super) fn new(market: MarketId) -> Self {
        Self { market, given: VecDeque::new(), last: 0 }
    }

    /// A name that no quote has had, in this process or in one before: numbers follow the clock, in
    /// milliseconds, so that a quote from before a restart is never taken for a newer one.
    pub(super) fn next_id(&mut self, now: Timestamp) -> QuoteId {
        let clock = u64::try_from(now.as_millis()).unwrap_or(0);
        self.last = clock.max(self.last.saturating_add(1));
        self.market.quote(self.last)
    }

    /// Makes room for another quote: forgets the oldest that are not valid any more, beyond
    /// [`limits::MAX_EXPIRED_QUOTES`].
    ///
    /// # Errors
    /// [`Refusal::QuotesFull`] if [`limits::MAX_QUOTES`] are valid.
    pub(super) fn make_room(&mut self, now: Timestamp) -> Result<(), Refusal> {
        while self.given.len() >= limits::MAX_EXPIRED_QUOTES
            && self.given.front().is_some_and(|oldest| oldest.valid_until <= now)
        {
            self.given.pop_front();
        }
        let (market, limit) = (self.market, limits::MAX_QUOTES);
        match self.given.front() {
            Some(oldest) if self.given.len() >= limit => {
                Err(Refusal::QuotesFull { market, limit, from: oldest.valid_until })
            }
            _ => Ok(()),
        }
    }

    /// Remembers a quote for which there is room.
    pub(super) fn keep(&mut self, quote: &Quote) {
        let Quote { id, rider, journey, fare, valid_until, .. } = *quote;
        self.given.push_back(Given { number: id.number(), rider, journey, fare, valid_until });
    }

    /// The fare of a quote, if it may be used for this.
    ///
    /// # Errors
    /// [`Refusal::UnknownQuote`], [`Refusal::QuoteExpired`] or [`Refusal::QuoteDiffers`].
    pub(super) fn fare(
        &self,
        now: Timestamp,
        id: QuoteId,
        rider: &RiderId,
        journey: &Journey,
    ) -> Result<Money, Refusal> {
        let unknown = Refusal::UnknownQuote { quote: id };
        let at = self.given.binary_search_by_key(&id.number(), |quote| quote.number);
        let found = at.ok().filter(|_| id.market() == self.market);
        let Some(quote) = found.and_then(|at| self.given.get(at)) else { return Err(unknown) };
        if now >= quote.valid_until {
            return Err(Refusal::QuoteExpired { quote: id, at: quote.valid_until });
        }
        let differs =
            if quote.rider == *rider { quote.journey.difference(journey) } else { Some("rider") };
        match differs {
            Some(differs) => Err(Refusal::QuoteDiffers { quote: id, differs }),
            None => Ok(quote.fare),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.given.len()
    }
}

impl Journey {
    /// The first thing in which two journeys differ, by name.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let differences = [
            ("pickup", self.pickup != other.pickup),
            ("dropoff", self.dropoff != other.dropoff),
            ("number of passengers", self.passengers != other.passengers),
            ("set of vehicle types", self.needs.vehicle_types != other.needs.vehicle_types),
            ("set of attributes", self.needs.attributes != other.needs.attributes),
            ("minimum rating", self.needs.min_rating != other.needs.min_rating),
        ];
        differences.iter().find(|(_, differ)| *differ).map(|(what, _)| *what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::trip::Needs;
    use crate::geo::{E7, LatLng};
    use crate::model::Capacity;
    use crate::travel::{StraightLine, TravelTime as _};

    const VALID_MS: u64 = 300_000;

    fn journey() -> Journey {
        let pickup = LatLng::try_from(E7 { lat: 0, lng: 0 }).unwrap();
        let passengers = Capacity::try_from(1).unwrap();
        Journey { pickup, dropoff: Some(pickup), passengers, needs: Needs::NONE }
    }

    fn give(quotes: &mut Quotes, now: Timestamp) -> Result<Quote, Refusal> {
        quotes.make_room(now)?;
        let journey = journey();
        let quote = Quote {
            id: quotes.next_id(now),
            rider: "ada".parse().unwrap(),
            journey,
            fare: Money { minor: 7, currency: "EUR".parse().unwrap() },
            pickup: None,
            ride: StraightLine::default().time(journey.pickup, journey.pickup),
            valid_until: now.plus(Millis(VALID_MS)),
        };
        quotes.keep(&quote);
        Ok(quote)
    }

    #[test]
    fn none_that_is_valid_is_forgotten_for_another() {
        let mut quotes = Quotes::new("sf".parse().unwrap());
        let first = Timestamp::from_secs(1_700_000_000);
        let oldest = give(&mut quotes, first).unwrap();
        // One expires two milliseconds before the others.
        let now = first.plus(Millis(2));
        for _ in 1..limits::MAX_QUOTES {
            give(&mut quotes, now).unwrap();
        }
        let fare = |quotes: &Quotes, now, quote: &Quote| {
            quotes.fare(now, quote.id, &quote.rider, &quote.journey)
        };
        let last = first.plus(Millis(VALID_MS - 1));
        let refused = give(&mut quotes, last).unwrap_err();
        let from = oldest.valid_until;
        let market = "sf".parse().unwrap();
        assert_eq!(refused, Refusal::QuotesFull { market, limit: limits::MAX_QUOTES, from });
        assert_eq!(fare(&quotes, last, &oldest), Ok(oldest.fare));
        // It makes room for exactly one.
        let newest = give(&mut quotes, from).unwrap();
        assert!(give(&mut quotes, from).is_err());
        assert_eq!(fare(&quotes, from, &newest), Ok(newest.fare));
        let gone = fare(&quotes, from, &oldest).unwrap_err();
        assert_eq!(gone, Refusal::UnknownQuote { quote: oldest.id });
        // Long after, a few are remembered as expired.
        let later = from.plus(Millis(VALID_MS));
        give(&mut quotes, later).unwrap();
        assert_eq!(quotes.len(), limits::MAX_EXPIRED_QUOTES);
        let expired = fare(&quotes, later, &newest).unwrap_err();
        assert_eq!(expired, Refusal::QuoteExpired { quote: newest.id, at: newest.valid_until });
        assert!(size_of::<Given>() <= 152, "{}", size_of::<Given>());
    }
}
