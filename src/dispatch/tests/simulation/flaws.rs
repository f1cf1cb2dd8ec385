//! Wrong markets, to show that the simulation is awake: each flaw must be noticed, and for what it is.

use super::world::Applied;
use crate::dispatch::{
    Command, Ending, Event, Fact, Market, MarketConfig, Refusal, Reply, Standing, TripState,
};
use crate::ids::TripId;
use crate::units::{Millis, Timestamp};

/// What is wrong with a market, or with its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// An acceptance counts although its deadline has passed.
    AcceptsLate,
    /// An offer is taken back before its deadline.
    ExpiresEarly,
    /// A no-show counts although the wait is not over.
    LeavesEarly,
    /// The fee is due within the free window.
    ChargesAtOnce,
    /// The offer's deadline is another than was agreed.
    AsksForLonger,
    /// A refused command leaves an event.
    ActsOnRefusal,
    /// A timer is lost.
    LosesATimer,
    /// Somebody who waits is forgotten.
    LosesAWaitingRider,
    /// The table of drivers forgets one who is busy.
    ForgetsADriver,
    /// A request key is forgotten while its trip is open.
    ForgetsAKey,
    /// A rider's open trip does not count.
    ForgetsARider,
    /// The same request makes another trip.
    MakesATripTwice,
    /// Something acknowledged is not on disk.
    LosesACommit,
}

impl Flaw {
    pub(super) const ALL: [Self; 13] = [
        Self::AcceptsLate,
        Self::ExpiresEarly,
        Self::LeavesEarly,
        Self::ChargesAtOnce,
        Self::AsksForLonger,
        Self::ActsOnRefusal,
        Self::LosesATimer,
        Self::LosesAWaitingRider,
        Self::ForgetsADriver,
        Self::ForgetsAKey,
        Self::ForgetsARider,
        Self::MakesATripTwice,
        Self::LosesACommit,
    ];

    /// Whether a complaint is about this flaw.
    pub(super) fn is_told_by(self, wrong: &str) -> bool {
        let expected = match self {
            Self::None => return false,
            Self::AcceptsLate => "an offer is accepted late",
            Self::ExpiresEarly => "an offer expires early",
            Self::LeavesEarly => "left too early",
            Self::ChargesAtOnce => "another fee",
            Self::AsksForLonger => "another deadline",
            Self::ActsOnRefusal => "and changed",
            Self::LosesATimer => "D3",
            Self::LosesAWaitingRider => "D4",
            Self::ForgetsADriver => "D1",
            Self::ForgetsAKey => "D6",
            Self::ForgetsARider => "D7",
            Self::MakesATripTwice => "has made two trips",
            Self::LosesACommit => "does not follow",
        };
        wrong.contains(expected)
    }

    /// The configuration of a market that has the flaw.
    pub(super) fn misconfigured(self, config: &MarketConfig) -> MarketConfig {
        let mut config = config.clone();
        match self {
            Self::ChargesAtOnce => config.free_cancel = Millis::ZERO,
            Self::AsksForLonger => config.offer_timeout = Millis(15_001),
            _ => {}
        }
        config
    }

    /// Does what the flaw does after a command.
    pub(super) fn spoil(
        self,
        market: &mut Market,
        now: Timestamp,
        command: &Command,
        applied: &mut Applied,
        events: &mut Vec<Event>,
    ) {
        let book = &mut market.book;
        match self {
            Self::LosesATimer => drop(book.timers.pop_last()),
            Self::LosesAWaitingRider => drop(book.waiting.pop_last()),
            Self::ForgetsADriver => {
                let busy = book.bonds.keys().min().copied();
                busy.map(|driver| book.bonds.remove(&driver));
            }
            Self::ForgetsAKey => {
                let open = book.open.values().next();
                let key = open.map(|trip| (trip.request.rider, trip.request.key));
                key.map(|key| book.keys.remove(&key));
            }
            Self::ForgetsARider => {
                let rider = book.riders.keys().min().copied();
                rider.map(|rider| book.riders.remove(&rider));
            }
            _ => self.forge(market, now, command, applied, events),
        }
    }

    /// Makes an event happen that should not.
    fn forge(
        self,
        market: &mut Market,
        now: Timestamp,
        command: &Command,
        applied: &mut Applied,
        events: &mut Vec<Event>,
    ) {
        let forged: Option<(TripId, Fact)> = match (self, &*applied, command) {
            (
                Self::AcceptsLate,
                Err(Refusal::OfferExpired { offer, .. }),
                Command::AcceptOffer { driver, .. },
            ) => {
                let (attempt, overdue_at) = (offer.attempt(), now.plus(Millis(1_000)));
                let driver = *driver;
                Some((offer.trip(), Fact::OfferAccepted { attempt, driver, overdue_at }))
            }
            (
                Self::LeavesEarly,
                Err(Refusal::StillWaiting { trip, .. }),
                Command::CancelAsDriver { .. },
            ) => {
                let fee = market.config.tariff.no_show_fee();
                Some((*trip, Fact::TripCancelled { ending: Ending::NoShow { fee } }))
            }
            (Self::ExpiresEarly, Ok(_), Command::Tick) => {
                let pending = market.open_trips().find(|trip| trip.state == TripState::Offered);
                let pending = pending.and_then(|trip| Some((trip.id, trip.offer?)));
                pending.map(|(trip, offer)| {
                    let (attempt, driver) = (offer.attempt, offer.driver);
                    (trip, Fact::OfferExpired { attempt, driver })
                })
            }
            (
                Self::MakesATripTwice,
                Ok(Reply::Requested { standing: Standing::AlreadyDone, .. }),
                Command::RequestTrip(request),
            ) => {
                let next = market.config.market.trip(market.head().trips + 1);
                let (request, patience_until) = (request.clone(), now.plus(Millis(60_000)));
                let agreed = request.quote.map(|_| market.config.tariff.nothing());
                Some((next, Fact::TripRequested { request, agreed, patience_until }))
            }
            (Self::ActsOnRefusal, Err(_), _) => {
                let waits = market.open_trips().find(|trip| trip.state == TripState::Requested);
                waits.map(|trip| (trip.id, Fact::SearchContinued))
            }
            _ => None,
        };
        let Some((trip, fact)) = forged else { return };
        let ordinal = market.trip(trip).map_or(0, |trip| trip.ordinal) + 1;
        let at = market.now;
        let event = Event { seq: market.head().seq.next(), trip, ordinal, at, fact };
        if market.evolve(&event).is_ok() {
            events.push(event);
            if self != Self::ActsOnRefusal {
                *applied = Ok(Reply::Noted(Standing::Done));
            }
        }
    }

    /// Loses what the flaw loses of what is being written.
    pub(super) fn lose(self, written: &mut Vec<Event>) {
        if self == Self::LosesACommit && written.len() > 3 {
            written.remove(1);
        }
    }
}
