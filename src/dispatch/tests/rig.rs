//! A market in a made-up city, driven by hand: one line a command.
//!
//! After each command the whole state is checked, the events are audited, and what was refused must
//! have left no trace.

use std::sync::Arc;

use super::audit::Audit;
use super::city::{City, place};
use crate::dispatch::policy::Greedy;
use crate::dispatch::{
    Command, DriverReason, Event, EventKind, Fact, Journey, Market, MarketConfig, Needs, Rater,
    Refusal, Reply, RiderReason, Stars, Trip, TripRequest, TripState, Urgency,
};
use crate::ids::{DriverId, OfferId, RequestKey, RiderId, TripId};
use crate::model::{Capacity, DriverStatus};
use crate::travel::StraightLine;
use crate::units::{Millis, Timestamp};

pub(super) fn d(name: &str) -> DriverId {
    name.parse().unwrap()
}

pub(super) fn r(name: &str) -> RiderId {
    name.parse().unwrap()
}

pub(super) fn k(name: &str) -> RequestKey {
    name.parse().unwrap()
}

/// Ten metres a second, straight on: a kilometre takes 100 seconds.
pub(super) fn ten_m_s() -> Arc<StraightLine> {
    Arc::new(StraightLine::new(10.0, 1.0).unwrap())
}

pub(super) fn config() -> MarketConfig {
    MarketConfig::new("sf".parse().unwrap())
}

/// From the middle of the city to a place 5 km east.
pub(super) fn journey() -> Journey {
    Journey {
        pickup: place(0.0, 0.0),
        dropoff: Some(place(5_000.0, 0.0)),
        passengers: Capacity::try_from(1).unwrap(),
        needs: Needs::NONE,
    }
}

pub(super) fn request(rider: &str, key: &str) -> TripRequest {
    let (key, rider) = (k(key), r(rider));
    TripRequest { key, rider, journey: journey(), quote: None, urgency: Urgency::Batch }
}

pub(super) struct Rig {
    pub(super) market: Market,
    pub(super) city: City,
    pub(super) now: Timestamp,
    pub(super) log: Vec<Event>,
    pub(super) audit: Audit,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: MarketConfig) -> Self {
        let now = Timestamp::from_secs(1_700_000_000);
        let audit = Audit::new(&config);
        let market = Market::new(config, Box::new(Greedy::default()), ten_m_s()).unwrap();
        let city = City { now, ..City::default() };
        Self { market, city, now, log: Vec::new(), audit }
    }

    /// Drivers by name, so many metres east of the middle.
    pub(super) fn drivers(mut self, drivers: &[(&str, f64)]) -> Self {
        for (name, east_m) in drivers {
            self.city.add(d(name), place(*east_m, 0.0));
        }
        self
    }

    pub(super) fn apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        let (head, seen) = (self.market.head(), self.log.len());
        let what = format!("{command:?}");
        let applied = self.market.apply(self.now, command, &mut self.city, &mut self.log);
        if let Err(violation) = self.market.check() {
            panic!("after {what}: {violation}");
        }
        if applied.is_err() {
            assert_eq!(self.market.head(), head, "refused and changed: {what}");
            assert_eq!(self.log.len(), seen, "refused and left an event: {what}");
        }
        for event in &self.log[seen..] {
            let audited = self.audit.take(event, &self.city);
            audited.unwrap_or_else(|wrong| panic!("after {what}: {wrong} in {event:?}"));
        }
        self.audit.compare(&self.market).unwrap_or_else(|wrong| panic!("after {what}: {wrong}"));
        self.city.change(self.market.take_changes());
        applied
    }

    /// Carries out what must be possible, and says how it stands: "done" or "already".
    pub(super) fn so(&mut self, command: Command) -> &'static str {
        match self.apply(command) {
            Ok(reply) => standing(&reply),
            Err(refusal) => refusal.name(),
        }
    }

    pub(super) fn later(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.plus(Millis(millis));
        self.city.now = self.now;
        for cab in self.city.cabs.values_mut() {
            cab.at = self.now;
        }
        self
    }

    /// To the next deadline, and past it.
    pub(super) fn wait_until_due(&mut self) -> &mut Self {
        let deadline = self.market.next_deadline().unwrap();
        let wait = deadline.since(self.now);
        self.later(wait.get());
        self.tick();
        self
    }

    pub(super) fn tick(&mut self) {
        assert!(self.apply(Command::Tick).is_ok());
    }

    pub(super) fn batch(&mut self) {
        assert!(self.apply(Command::MatchBatch).is_ok());
    }

    pub(super) fn request(&mut self, rider: &str) -> TripId {
        self.ask(request(rider, &format!("{rider}-{}", self.log.len())))
    }

    pub(super) fn ask(&mut self, request: TripRequest) -> TripId {
        match self.apply(Command::RequestTrip(Box::new(request))) {
            Ok(Reply::Requested { trip, .. }) => trip,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn accept(&mut self, driver: &str, offer: OfferId) -> &'static str {
        self.so(Command::AcceptOffer { offer, driver: d(driver) })
    }

    pub(super) fn decline(&mut self, driver: &str, offer: OfferId) -> &'static str {
        self.so(Command::DeclineOffer { offer, driver: d(driver) })
    }

    pub(super) fn arrive(&mut self, driver: &str, trip: TripId) -> &'static str {
        self.so(Command::Arrive { trip, driver: d(driver) })
    }

    pub(super) fn start(&mut self, driver: &str, trip: TripId) -> &'static str {
        self.so(Command::StartTrip { trip, driver: d(driver) })
    }

    pub(super) fn complete(&mut self, driver: &str, trip: TripId) -> &'static str {
        self.so(Command::CompleteTrip { trip, driver: d(driver), driven: None })
    }

    pub(super) fn give_back(&mut self, driver: &str, trip: TripId) -> &'static str {
        let reason = DriverReason::Vehicle;
        self.so(Command::CancelAsDriver { trip, driver: d(driver), reason })
    }

    pub(super) fn no_show(&mut self, driver: &str, trip: TripId) -> &'static str {
        let reason = DriverReason::NoShow;
        self.so(Command::CancelAsDriver { trip, driver: d(driver), reason })
    }

    pub(super) fn cancel(&mut self, rider: &str, trip: TripId) -> &'static str {
        self.so(Command::CancelTrip { trip, rider: r(rider), reason: RiderReason::ChangedMind })
    }

    pub(super) fn rate(&mut self, by: Rater, trip: TripId, stars: u32) -> &'static str {
        self.so(Command::RateTrip { trip, by, stars: Stars::try_from(stars).unwrap() })
    }

    pub(super) fn online(&mut self, driver: &str) -> &'static str {
        self.so(Command::GoOnline { driver: d(driver) })
    }

    pub(super) fn offline(&mut self, driver: &str) -> &'static str {
        self.so(Command::GoOffline { driver: d(driver) })
    }

    pub(super) fn trip(&self, trip: TripId) -> &Trip {
        self.market.trip(trip).unwrap()
    }

    pub(super) fn state(&self, trip: TripId) -> TripState {
        self.trip(trip).state
    }

    /// The pending offer of a trip: its name and who was asked.
    pub(super) fn offer(&self, trip: TripId) -> (OfferId, String) {
        let found = self.trip(trip);
        (found.offer_id().unwrap(), found.offer.unwrap().driver.to_string())
    }

    /// What a driver is doing, as the city knows it.
    pub(super) fn doing(&self, driver: &str) -> DriverStatus {
        let known = self.city.cabs[&d(driver)].status;
        if let Some(bound) = self.market.driver_status(&d(driver)) {
            assert_eq!(bound, known, "the city was not told of {driver}");
        }
        known
    }

    pub(super) fn kinds(&self) -> Vec<EventKind> {
        self.log.iter().map(|event| event.fact.kind()).collect()
    }

    pub(super) fn last(&self) -> &Fact {
        &self.log.last().unwrap().fact
    }

    /// A trip of ada, asked of the nearest driver and accepted.
    pub(super) fn en_route(&mut self) -> TripId {
        let trip = self.request("ada");
        self.batch();
        let (offer, driver) = self.offer(trip);
        assert_eq!(self.accept(&driver, offer), "done");
        trip
    }

    /// A trip of ada under way with the nearest driver.
    pub(super) fn in_progress(&mut self) -> TripId {
        let trip = self.en_route();
        let driver = self.trip(trip).driver().unwrap().to_string();
        assert_eq!(self.arrive(&driver, trip), "done");
        assert_eq!(self.start(&driver, trip), "done");
        trip
    }
}

pub(super) fn standing(reply: &Reply) -> &'static str {
    use crate::dispatch::Standing;
    let standing = match reply {
        Reply::Requested { standing, .. }
        | Reply::Cancelled { standing, .. }
        | Reply::Completed { standing, .. }
        | Reply::Noted(standing) => *standing,
        _ => Standing::Done,
    };
    match standing {
        Standing::Done => "done",
        Standing::AlreadyDone => "already",
    }
}
