//! One market: commands in, events out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::book::{Book, Head};
use super::command::Command;
use super::config::{ConfigErrors, MarketConfig};
use super::event::{Event, Fact};
use super::evolve::EvolveError;
use super::memory::{Answer, DriverMemory};
use super::policy::{Decision, Decisions, Explanation, Policy};
use super::quote::Quotes;
use super::refusal::Refusal;
use super::reply::{Reply, StatusChange};
use super::states::TripState;
use super::supply::Supply;
use super::trip::{Afterwards, Declined, DriverReason, Trip};
use crate::ids::{DriverId, RequestKey, RiderId, TripId};
use crate::model::DriverStatus;
use crate::travel::TravelTime;
use crate::units::{Millis, Timestamp};

/// A market's trips, and whoever they bind.
///
/// # Guarantees
/// - A refused command changes nothing and leaves no event.
/// - State changes by events alone: [`Market::restore`] from the open trips at some event, and
///   [`Market::evolve`] with those that follow, gives the state that made them.
/// - Time does not run back: a present that lies before one seen earlier is taken to be that one.
///   Timers fire in [`Command::Tick`] and nowhere else, in the order of their deadlines, ties in the
///   order of trips; answers are judged by their deadlines whether a timer has fired or not.
/// - No driver has two trips under way, and no trip two drivers, whatever the supply and the policy
///   say.
/// - The same commands with the same supply give the same events.
///
/// Not part of the history, and forgotten by a restart: quotes, since when drivers are idle and how
/// they answer, decisions, how far a batch has got that could not hold all who waited, and ended trips
/// that were not handed to [`Market::restore`].
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use hansom::dispatch::{Command, LiveSupply, Market, MarketConfig, policy::Greedy};
/// use hansom::index::{IndexConfig, ScanIndex};
/// use hansom::travel::StraightLine;
/// use hansom::units::Timestamp;
///
/// let config = MarketConfig::new("sf".parse()?);
/// let mut market = Market::new(config, Box::new(Greedy::default()), Arc::new(StraightLine::default()))?;
/// let map = ScanIndex::new(IndexConfig::default());
/// let (now, mut events) = (Timestamp::from_secs(1_700_000_000), Vec::new());
/// let mut supply = LiveSupply::new(&map, now);
/// let unknown = Command::Arrive { trip: "sf-1".parse()?, driver: "cab-7".parse()? };
/// let refusal = market.apply(now, unknown, &mut supply, &mut events).unwrap_err();
/// assert_eq!(refusal.name(), "unknown_trip");
/// assert!(events.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Market {
    pub(super) config: MarketConfig,
    pub(super) policy: Box<dyn Policy>,
    pub(super) travel: Arc<dyn TravelTime>,
    pub(super) book: Book,
    pub(super) memory: DriverMemory,
    pub(super) quotes: Quotes,
    pub(super) decisions: Decisions,
    /// The latest present that was seen.
    pub(super) now: Timestamp,
    /// Since when requests gather for the next batch.
    pub(super) gathering_since: Option<Timestamp>,
    /// Who was looked at last in a batch that could not hold all who waited: the next one begins there.
    pub(super) batch_ended_with: Option<(Timestamp, u64)>,
    /// Statuses that the host has not taken yet.
    pub(super) changes: BTreeMap<DriverId, DriverStatus>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Open trips, in the order of [`TripState::ALL`]; those over have none.
    pub by_state: [usize; TripState::ALL.len()],
    /// Open trips.
    pub open: usize,
    /// Ended trips that are remembered.
    pub ended: usize,
    /// Drivers bound by a trip or an offer.
    pub bound_drivers: usize,
    /// Quotes that are remembered.
    pub quotes: usize,
}

impl Market {
    /// A market in which nothing has happened yet.
    ///
    /// # Errors
    /// [`ConfigErrors`] with all values that are out of range.
    pub fn new(
        config: MarketConfig,
        policy: Box<dyn Policy>,
        travel: Arc<dyn TravelTime>,
    ) -> Result<Self, ConfigErrors> {
        config.check()?;
        let (market, seed) = (config.market, config.hash_seed);
        Ok(Self {
            book: Book::new(Head::new(market), seed),
            memory: DriverMemory::new(seed),
            quotes: Quotes::new(market),
            decisions: Decisions::default(),
            now: Timestamp::from_millis(i64::MIN),
            gathering_since: None,
            batch_ended_with: None,
            changes: BTreeMap::new(),
            config,
            policy,
            travel,
        })
    }

    /// Carries out a command, and adds what happened to `events`.
    ///
    /// The host has to write the events down before it tells anybody of them or of the reply, and to
    /// give up this market if it cannot: the state is ahead of what is durable until then.
    ///
    /// # Errors
    /// [`Refusal`] if it cannot be done; nothing has changed then, and `events` is as it was.
    ///
    /// # Complexity
    /// O(log n) for n trips and drivers, but for [`Command::MatchBatch`], and requests that do not
    /// wait, which ask the supply and the policy.
    pub fn apply(
        &mut self,
        now: Timestamp,
        command: Command,
        supply: &mut dyn Supply,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        let now = self.present(now);
        let first = events.len();
        let reply = self.carry_out(now, command, supply, events)?;
        self.set_off(now, events);
        self.search_at_once(now, first, supply, events);
        Ok(reply)
    }

    /// Applies an event that happened before, as when a market is restored.
    ///
    /// # Errors
    /// [`EvolveError`] if it does not follow from the state; nothing has changed then.
    pub fn evolve(&mut self, event: &Event) -> Result<(), EvolveError> {
        let former = self.book.trip(event.trip.number());
        let offered = former.and_then(|trip| trip.offer.map(|offer| offer.driver));
        let assigned = former.and_then(|trip| trip.driver().copied());
        let leaves = former.is_some_and(|trip| {
            let afterwards = trip.assignment.map(|assignment| assignment.afterwards);
            afterwards == Some(Afterwards::GoesOffline)
        });
        self.book.evolve(event)?;
        self.now = self.now.max(event.at);
        self.remember(event);
        for driver in [offered, assigned, event.fact.driver()].into_iter().flatten() {
            let offline = (leaves && assigned == Some(driver)) || goes_offline(&event.fact);
            let rests = if offline { DriverStatus::Offline } else { DriverStatus::Available };
            let status = self.book.status(&driver).unwrap_or(rests);
            self.change(event.at, driver, status);
        }
        if self.book.waiting.is_empty() {
            self.gathering_since = None;
        } else {
            self.gathering_since.get_or_insert(event.at);
        }
        Ok(())
    }

    fn remember(&mut self, event: &Event) {
        match &event.fact {
            Fact::OfferAccepted { driver, .. } => {
                self.memory.answered(event.at, driver, Answer::Accepted);
            }
            Fact::OfferDeclined { driver, how: Declined::ByAnswer, .. }
            | Fact::OfferExpired { driver, .. } => {
                self.memory.answered(event.at, driver, Answer::Declined);
            }
            _ => {}
        }
    }

    /// A driver's status is this from now on.
    pub(super) fn change(&mut self, now: Timestamp, driver: DriverId, status: DriverStatus) {
        match status {
            DriverStatus::Available => self.memory.idles(now, &driver),
            // Who is asked has nothing to do yet.
            DriverStatus::OfferPending => {}
            _ => self.memory.stops_idling(now, &driver),
        }
        self.changes.insert(driver, status);
    }

    /// Makes an event happen that was found to be possible, and adds it to `events`.
    pub(super) fn emit(
        &mut self,
        now: Timestamp,
        trip: TripId,
        fact: Fact,
        events: &mut Vec<Event>,
    ) {
        let ordinal = self.book.trip(trip.number()).map_or(0, |trip| trip.ordinal) + 1;
        let event = Event { seq: self.book.head.seq.next(), trip, ordinal, at: now, fact };
        if let Err(error) = self.evolve(&event) {
            unreachable!("decided what cannot be: {error}");
        }
        events.push(event);
    }

    /// The present, which does not run back.
    fn present(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        self.now
    }

    /// The latest present that was seen: the present, unless the clock has jumped back since.
    pub fn latest(&self) -> Timestamp {
        self.now
    }

    /// When [`Command::Tick`] is due next; none if nothing waits for anything.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.book.ready.is_empty() {
            self.book.timers.first().map(|(at, _)| *at)
        } else {
            Some(self.now)
        }
    }

    /// When [`Command::MatchBatch`] is due next: a window after its first request, or after the last
    /// batch that left somebody; none if nobody waits.
    pub fn next_batch(&self) -> Option<Timestamp> {
        let interval = self.batch_interval();
        let since = self.gathering_since.filter(|_| !self.book.waiting.is_empty());
        since.map(|since| since.plus(interval))
    }

    /// How often those who wait are looked at.
    pub(super) fn batch_interval(&self) -> Millis {
        let MarketConfig { window, retry_every, .. } = self.config;
        if window == Millis::ZERO { retry_every } else { window }
    }

    /// Takes the statuses that have changed since they were last taken, in the order of ids. The
    /// host writes them into the live map, right after each command.
    pub fn take_changes(&mut self) -> impl Iterator<Item = StatusChange> + use<> {
        let changes = std::mem::take(&mut self.changes);
        changes.into_iter().map(|(driver, status)| StatusChange { driver, status })
    }

    /// What a driver is doing who is bound by a trip or an offer. None for everybody else: whether
    /// they are free or offline is what the live map says.
    pub fn driver_status(&self, driver: &DriverId) -> Option<DriverStatus> {
        self.book.status(driver)
    }

    /// The trips that bind a driver: the one under way, the one queued behind it, the one offered.
    pub fn trips_of(&self, driver: &DriverId) -> impl Iterator<Item = &Trip> {
        let bonds = self.book.bonds_of(driver);
        let numbers = [bonds.current, bonds.queued, bonds.offered];
        numbers.into_iter().flatten().filter_map(|number| self.book.trip(number))
    }

    /// The open trips of a rider, oldest first.
    pub fn trips_of_rider(&self, rider: &RiderId) -> impl Iterator<Item = &Trip> {
        let mut numbers = self.book.riders.get(rider).cloned().unwrap_or_default();
        numbers.sort_unstable();
        numbers.into_iter().filter_map(|number| self.book.trip(number))
    }

    /// A trip that is open or remembered.
    pub fn trip(&self, trip: TripId) -> Option<&Trip> {
        let found = self.book.trip(trip.number());
        found.filter(|found| found.id == trip)
    }

    /// The trip that a request has made, if it is open or remembered.
    pub fn trip_of_key(&self, rider: RiderId, key: RequestKey) -> Option<&Trip> {
        self.book.by_key(rider, key)
    }

    /// All open trips, in the order of their numbers: what a snapshot keeps.
    pub fn open_trips(&self) -> impl Iterator<Item = &Trip> {
        self.book.open.values().map(Box::as_ref)
    }

    /// The ended trips that are remembered, in the order of their numbers.
    pub fn ended_trips(&self) -> impl Iterator<Item = &Trip> {
        self.book.ended.values().map(Box::as_ref)
    }

    /// Where the market is in its history.
    pub fn head(&self) -> Head {
        self.book.head
    }

    /// How it is configured.
    pub fn config(&self) -> &MarketConfig {
        &self.config
    }

    /// How long drives take from now on.
    pub fn set_travel(&mut self, travel: Arc<dyn TravelTime>) {
        self.travel = travel;
    }

    /// Who chooses from now on.
    pub fn set_policy(&mut self, policy: Box<dyn Policy>) {
        self.policy = policy;
    }

    /// The decision of the last batch or immediate request.
    pub fn last_decision(&self) -> Option<&Decision> {
        self.decisions.last()
    }

    /// How many decisions were made since the market was made or restored.
    pub fn decisions_made(&self) -> u64 {
        self.decisions.made()
    }

    /// The decisions after the first `count`, in the order in which they were made. Those forgotten
    /// are left out: whoever wants each looks after each command, and counts.
    pub fn decisions_after(&self, count: u64) -> impl Iterator<Item = &Arc<Decision>> {
        self.decisions.after(count)
    }

    /// Why a trip was offered to whom, by the last remembered decision that it was part of.
    pub fn explain(&self, trip: TripId) -> Option<Explanation> {
        self.decisions.explain(trip)
    }

    /// How many there are of everything.
    pub fn counts(&self) -> Counts {
        Counts {
            by_state: self.book.by_state,
            open: self.book.open.len(),
            ended: self.book.ended.len(),
            bound_drivers: self.book.bonds.len(),
            quotes: self.quotes.len(),
        }
    }
}

/// Whether the driver of an event is offline after it, unless bound by something else.
fn goes_offline(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::OfferDeclined { how: Declined::ByGoingOffline, .. }
            | Fact::DriverCancelled { reason: DriverReason::WentOffline, .. }
            | Fact::AssignmentRevoked { .. }
            | Fact::TripAbandoned
    )
}
