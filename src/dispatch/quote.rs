//! Quotes: what a trip would cost, agreed for a while.
//!
//! Quotes live in memory only. A restart forgets them, and a request that names one is then told to
//! ask for a new one: nothing was promised beyond the fare of a trip that was not requested yet.

use std::collections::BTreeMap;

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

/// The quotes of one market, by number.
#[derive(Debug)]
pub(super) struct Quotes {
    market: MarketId,
    given: BTreeMap<u64, Quote>,
    last: u64,
}

impl Quotes {
    pub(super) fn new(market: MarketId) -> Self {
        Self { market, given: BTreeMap::new(), last: 0 }
    }

    /// A name that no quote has had, in this process or in one before: numbers follow the clock, in
    /// milliseconds, so that a quote from before a restart is never taken for a newer one.
    pub(super) fn next_id(&mut self, now: Timestamp) -> QuoteId {
        let clock = u64::try_from(now.as_millis()).unwrap_or(0);
        self.last = clock.max(self.last.saturating_add(1));
        self.market.quote(self.last)
    }

    /// Remembers a quote, and forgets the oldest if there are too many.
    pub(super) fn keep(&mut self, quote: Quote) {
        self.given.insert(quote.id.number(), quote);
        if self.given.len() > limits::MAX_QUOTES {
            self.given.pop_first();
        }
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
        let Some(quote) = self.given.get(&id.number()).filter(|quote| quote.id == id) else {
            return Err(unknown);
        };
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
