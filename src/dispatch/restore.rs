//! A market as it was: from the trips that a snapshot kept.

use std::sync::Arc;

use super::book::{Book, Head};
use super::check::Violation;
use super::config::{ConfigErrors, MarketConfig};
use super::market::Market;
use super::policy::Policy;
use super::trip::Trip;
use crate::ids::{DriverId, TripId};
use crate::travel::TravelTime;

/// Why a market cannot be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The configuration is out of range.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The history is another market's.
    #[error("the history is that of {found}, the market is {market}")]
    OtherMarket {
        /// Whose history it is.
        found: String,
        /// Which market is to be restored.
        market: String,
    },
    /// A trip is there twice, or was requested after the head.
    #[error("trip {trip} cannot be restored: {what}")]
    Trip {
        /// Which.
        trip: TripId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The trips do not fit together.
    #[error(transparent)]
    Inconsistent(#[from] Violation),
}

impl Market {
    /// The market as it was at `head`, when these trips were open.
    ///
    /// Ended trips among them are remembered, with their request keys, for late answers and requests
    /// that are sent again: hand in the latest ones, up to what the configuration keeps. Events after
    /// `head` are applied with [`Market::evolve`]. All bound drivers are among the changes to take.
    ///
    /// # Errors
    /// [`RestoreError`] if the trips contradict each other or the head.
    pub fn restore(
        config: MarketConfig,
        policy: Box<dyn Policy>,
        travel: Arc<dyn TravelTime>,
        head: Head,
        trips: impl IntoIterator<Item = Trip>,
    ) -> Result<Self, RestoreError> {
        let mut market = Self::new(config, policy, travel)?;
        if head.market != market.config.market {
            let (found, market) = (head.market.to_string(), market.config.market.to_string());
            return Err(RestoreError::OtherMarket { found, market });
        }
        market.book = Book::new(head, market.config.hash_seed);
        market.now = head.at;
        for trip in trips {
            let refuse = |what| RestoreError::Trip { trip: trip.id, what };
            if trip.id.market() != head.market {
                return Err(refuse("it is of another market"));
            }
            if !(1..=head.trips).contains(&trip.id.number()) {
                return Err(refuse("its number is beyond the head's"));
            }
            if market.book.trip(trip.id.number()).is_some() {
                return Err(refuse("it is there twice"));
            }
            if let Some(what) = trip.fault() {
                return Err(refuse(what));
            }
            market.book.replace(Box::new(trip));
        }
        if !market.book.waiting.is_empty() {
            market.gathering_since = Some(head.at);
        }
        market.check()?;
        let mut bound: Vec<DriverId> = market.book.bonds.keys().copied().collect();
        bound.sort_unstable();
        for driver in bound {
            if let Some(status) = market.book.status(&driver) {
                market.changes.insert(driver, status);
            }
        }
        Ok(market)
    }

    /// Remembers a trip that ended before, as if it had just been forgotten: for a rating or an
    /// answer that comes late. False if it is there already, is open, or is not of this market's past.
    pub fn recall(&mut self, trip: Trip) -> bool {
        let head = self.book.head;
        let past = trip.id.market() == head.market && (1..=head.trips).contains(&trip.id.number());
        let right = trip.end.is_some() && trip.fault().is_none();
        let known = self.book.trip(trip.id.number()).is_some();
        if known || !past || !right {
            return false;
        }
        self.book.replace(Box::new(trip));
        true
    }
}
