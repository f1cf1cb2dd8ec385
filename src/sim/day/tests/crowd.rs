//! The crowd beside the world: who hears of everything at once lives through the same day.

use std::sync::Arc;

use super::by_chance::busy;
use super::lived;
use crate::dispatch::policy::Greedy;
use crate::dispatch::{
    Command, Event, Fact, Journey, LiveSupply, Market, Needs, OfflineFrom, Refusal, Reply,
    RiderReason, TripRequest, Urgency,
};
use crate::ids::DriverId;
use crate::index::{BatchOutcome, IndexConfig, LiveIndex, LiveMap};
use crate::model::{DriverStatus, Motion, Profile, Report};
use crate::sim::day::crowd::{Crowd, Deed, Ended, Heard, News, Told};
use crate::sim::day::fleet::id_of;
use crate::sim::day::{DayPlan, Tally};
use crate::travel::StraightLine;
use crate::units::{Millis, Timestamp};

/// A market, and the crowd that hears of all that happens in it.
struct Town<'a> {
    crowd: Crowd<'a>,
    market: Market,
    map: &'a LiveIndex,
    supply: LiveSupply<'a>,
    now: Timestamp,
    riders: Vec<u32>,
    /// Whether riders hear of pickups; a crowd that does not is another one.
    hears_arrivals: bool,
}

fn number(driver: &DriverId) -> u32 {
    driver.as_str().strip_prefix("cab-").unwrap().parse::<u32>().unwrap() - 1
}

impl Town<'_> {
    /// Carries out a command, and lets everybody hear of it.
    fn command(&mut self, command: Command, deeds: &mut Vec<Deed>) -> Result<Reply, Refusal> {
        let mut events = Vec::new();
        self.supply.set_now(self.now);
        // A request's trip has its rider before anything happens to it.
        let asks = matches!(command, Command::RequestTrip(_));
        let reply = self.market.apply(self.now, command, &mut self.supply, &mut events);
        let changes: Vec<_> = self.market.take_changes().collect();
        for change in changes {
            let key = self.map.find(&change.driver).unwrap();
            self.map.set_status(key, change.status);
        }
        if let (true, Ok(Reply::Requested { trip, .. })) = (asks, &reply) {
            let rider = *self.riders.last().unwrap();
            self.crowd.hear(self.now, &News::Taken { rider, trip: *trip }, deeds);
        }
        for event in &events {
            self.tell(event, deeds);
        }
        reply
    }

    fn tell(&mut self, event: &Event, deeds: &mut Vec<Deed>) {
        let trip = event.trip;
        let rider = self.riders[usize::try_from(trip.number()).unwrap() - 1];
        let assigned = self.market.trip(trip).and_then(|trip| trip.assignment);
        let ended = |ended| (Some(Heard::Ended(ended)), Some(Told::Ended));
        let (heard, told) = match &event.fact {
            Fact::OfferMade { attempt, pickup, .. } => (
                Some(Heard::Offered { duration: pickup.duration, distance: pickup.distance }),
                Some(Told::Offered(trip.offer(*attempt))),
            ),
            Fact::OfferDeclined { .. } => (Some(Heard::Declined), Some(Told::OfferClosed)),
            Fact::OfferExpired { .. } => (Some(Heard::Expired), Some(Told::OfferClosed)),
            Fact::OfferAccepted { .. } => (Some(Heard::Accepted), None),
            Fact::PickupStarted { .. } => (None, Some(Told::PickupStarted)),
            Fact::DriverArrived { .. } => {
                (Some(Heard::Arrived).filter(|_| self.hears_arrivals), Some(Told::Arrived))
            }
            Fact::TripStarted { .. } => (None, Some(Told::Started)),
            Fact::TripCompleted { .. } => ended(Ended::Completed),
            Fact::TripCancelled { .. } | Fact::TripAbandoned => ended(Ended::Cancelled),
            Fact::TripUnfulfilled => ended(Ended::Unfulfilled),
            Fact::DriverCancelled { .. } | Fact::AssignmentRevoked { .. } => {
                (None, Some(Told::Ended))
            }
            _ => (None, None),
        };
        let asked = || self.market.trip(trip).and_then(|trip| Some(trip.asked.last()?.driver));
        let driver = event.fact.driver().or(assigned.map(|one| one.driver)).or_else(asked);
        if let (Some(driver), Some(what)) = (driver, told) {
            let news = News::Driver { cab: number(&driver), trip, what };
            self.crowd.hear(self.now, &news, deeds);
        }
        if let Some(what) = heard {
            self.crowd.hear(self.now, &News::Rider { rider, what }, deeds);
        }
    }

    fn act(&mut self, plan: &DayPlan, deed: Deed, deeds: &mut Vec<Deed>) {
        let driver = |cab: u32| id_of(cab + 1);
        let command = match deed {
            Deed::Report { cab, place } => {
                let key = self.map.find(&driver(cab)).unwrap();
                let motion = Motion::default();
                let report =
                    Report { driver: key, position: place, at: self.now, motion, status: None };
                let mut outcome = BatchOutcome::default();
                self.map.apply(self.now, &[report], &mut outcome);
                assert_eq!(outcome.applied, 1, "{outcome:?}");
                return;
            }
            Deed::GoOnline { cab } => {
                let key = self.map.bind(self.now, &driver(cab)).unwrap();
                let capacity = self.crowd.seats(cab);
                self.map.set_profile(key, Profile { capacity, ..Profile::default() });
                self.map.set_status(key, DriverStatus::Available);
                Command::GoOnline { driver: driver(cab) }
            }
            Deed::GoOffline { cab } => {
                let reply = self.command(Command::GoOffline { driver: driver(cab) }, deeds);
                let after = match reply {
                    Ok(Reply::GoesOffline(OfflineFrom::After(trip))) => Some(trip),
                    _ => None,
                };
                return self.crowd.hear(self.now, &News::Leaves { cab, after }, deeds);
            }
            Deed::Request { rider } => {
                self.riders.push(rider);
                let name = format!("rider-{:08}", rider + 1);
                let wish = plan.riders[rider as usize];
                let journey = Journey {
                    pickup: wish.pickup,
                    dropoff: Some(wish.dropoff),
                    passengers: wish.seats,
                    needs: Needs::NONE,
                };
                let (key, rider) = (name.parse().unwrap(), name.parse().unwrap());
                let urgency = Urgency::Batch;
                let request = TripRequest { key, rider, journey, quote: None, urgency };
                Command::RequestTrip(Box::new(request))
            }
            Deed::Cancel { rider, trip } => {
                let rider = format!("rider-{:08}", rider + 1).parse().unwrap();
                Command::CancelTrip { trip, rider, reason: RiderReason::WaitedTooLong }
            }
            Deed::Accept { cab, offer } => Command::AcceptOffer { offer, driver: driver(cab) },
            Deed::Decline { cab, offer } => Command::DeclineOffer { offer, driver: driver(cab) },
            Deed::Arrive { cab, trip } => Command::Arrive { trip, driver: driver(cab) },
            Deed::Start { cab, trip } => Command::StartTrip { trip, driver: driver(cab) },
            Deed::Complete { cab, trip, driven } => {
                Command::CompleteTrip { trip, driver: driver(cab), driven: Some(driven) }
            }
        };
        drop(self.command(command, deeds));
    }
}

/// Lives through a day with the crowd.
fn crowded(plan: &DayPlan, hears_arrivals: bool) -> Tally {
    let travel = StraightLine::default();
    let map = LiveIndex::new(IndexConfig::default(), plan.seed);
    let market =
        Market::new(plan.market.clone(), Box::new(Greedy::default()), Arc::new(travel)).unwrap();
    let crowd = Crowd::new(plan, &travel);
    let now = crowd.begins_at();
    let supply = LiveSupply::new(&map, now);
    let riders = Vec::new();
    let mut town = Town { crowd, market, map: &map, supply, now, riders, hears_arrivals };
    let mut deeds = Vec::new();
    while !town.crowd.is_over() {
        let people = town.crowd.next_at().unwrap();
        let timer = town.market.next_deadline();
        let batch = town.market.next_batch();
        let first = [Some(people), timer, batch].into_iter().flatten().min().unwrap();
        town.now = town.now.max(first);
        if people == first {
            town.crowd.pass(first, &mut deeds);
            while !deeds.is_empty() {
                for deed in std::mem::take(&mut deeds) {
                    town.act(plan, deed, &mut deeds);
                }
            }
        } else if timer == Some(first) {
            drop(town.command(Command::Tick, &mut deeds));
        } else {
            drop(town.command(Command::MatchBatch, &mut deeds));
        }
        map.advance(town.now);
    }
    town.crowd.end()
}

/// What a day came to: the counts, where the time went (who is asked is idle, as in the report), and waits
/// in order.
fn gist(tally: &Tally) -> (String, Vec<Millis>, Vec<Millis>) {
    use DriverStatus::{Available, EnRoute, OfferPending, Offline, OnTrip, Waiting};
    let spent = [&[Available, OfferPending][..], &[EnRoute], &[Waiting], &[OnTrip], &[Offline]]
        .map(|statuses| tally.spent(statuses));
    let counts = format!(
        "{} served, {} unfulfilled, {} cancelled, {:?}, {} mm empty, {} mm carried, spent {:?}",
        tally.served,
        tally.unfulfilled,
        tally.cancelled,
        tally.offers,
        tally.empty_mm,
        tally.carried_mm,
        spent
    );
    let mut waits: Vec<Millis> = tally.pickups.iter().map(|pickup| pickup.waited).collect();
    waits.sort_unstable();
    let mut assigned = tally.to_assignment.clone();
    assigned.sort_unstable();
    (counts, waits, assigned)
}

/// A crowd of which the first rider has asked, and is at a trip.
fn with_a_trip<'a>(
    plan: &'a DayPlan,
    travel: &'a StraightLine,
    deeds: &mut Vec<Deed>,
) -> Crowd<'a> {
    let mut crowd = Crowd::new(plan, travel);
    while !deeds.contains(&Deed::Request { rider: 0 }) {
        let at = crowd.next_at().unwrap();
        crowd.pass(at, deeds);
    }
    let trip = "sf-1".parse().unwrap();
    crowd.hear(crowd.now(), &News::Taken { rider: 0, trip }, deeds);
    deeds.clear();
    crowd
}

#[test]
fn a_driver_who_leaves_after_a_trip_not_heard_of_yet_drives_it_first() {
    let (plan, travel, mut deeds) = (busy(0), StraightLine::default(), Vec::new());
    let (cab, trip) = (0, "sf-1".parse().unwrap());
    let steps = [Told::PickupStarted, Told::Arrived, Told::Started, Told::Ended];
    // The market's answer overtakes so many of what it tells.
    for overtaken in 0..=steps.len() {
        let mut crowd = with_a_trip(&plan, &travel, &mut deeds);
        let (before, after) = steps.split_at(steps.len() - overtaken);
        let told = |what: &Told| News::Driver { cab, trip, what: *what };
        let leaves = News::Leaves { cab, after: Some(trip) };
        for news in before.iter().map(told).chain([leaves]).chain(after.iter().map(told)) {
            crowd.hear(crowd.now(), &news, &mut deeds);
        }
        assert!(crowd.trips_of(cab).is_empty(), "{overtaken}");
        // Whoever has left comes back before leaving again.
        let online = |deed: &Deed| *deed == Deed::GoOnline { cab };
        deeds.clear();
        while !deeds.iter().any(online) {
            assert!(!deeds.contains(&Deed::GoOffline { cab }), "{overtaken}: never left");
            let at = crowd.next_at().unwrap();
            crowd.pass(at, &mut deeds);
        }
        deeds.clear();
    }
}

#[test]
fn a_trip_of_which_nothing_is_heard_any_more_does_not_keep_the_day_open() {
    let (plan, travel, mut deeds) = (busy(0), StraightLine::default(), Vec::new());
    let mut crowd = with_a_trip(&plan, &travel, &mut deeds);
    assert_eq!(crowd.open(), 1);
    crowd.hear(crowd.now(), &News::Lost { rider: 0 }, &mut deeds);
    assert_eq!(crowd.open(), 0);
    // The driver goes on.
    let (cab, trip) = (3, "sf-1".parse().unwrap());
    crowd.hear(crowd.now(), &News::Driver { cab, trip, what: Told::PickupStarted }, &mut deeds);
    assert_eq!(crowd.trips_of(cab).into_iter().collect::<Vec<_>>(), [trip]);
    let tally = crowd.end();
    assert_eq!((tally.asked, tally.lost, tally.open), (1, 1, 0));
    tally.add_up().unwrap();
}

#[test]
fn a_driver_believes_in_what_is_offered_and_what_is_left_after_too() {
    let (plan, travel, mut deeds) = (busy(0), StraightLine::default(), Vec::new());
    let mut crowd = with_a_trip(&plan, &travel, &mut deeds);
    let ids = ["sf-1", "sf-2", "sf-3"].map(|id| id.parse::<crate::ids::TripId>().unwrap());
    let cab = 5;
    for news in [
        News::Driver { cab, trip: ids[0], what: Told::PickupStarted },
        News::Driver { cab, trip: ids[1], what: Told::Offered(ids[1].offer(1)) },
        News::Leaves { cab, after: Some(ids[2]) },
    ] {
        crowd.hear(crowd.now(), &news, &mut deeds);
    }
    assert_eq!(crowd.trips_of(cab).into_iter().collect::<Vec<_>>(), ids);
    for trip in ids {
        crowd.hear(crowd.now(), &News::Driver { cab, trip, what: Told::Ended }, &mut deeds);
    }
    assert!(crowd.trips_of(cab).is_empty());
}

#[test]
fn the_crowd_lives_through_the_same_day_as_the_world() {
    for seed in 0..3 {
        let plan = busy(seed);
        let (_, world) = lived(&plan, StraightLine::default());
        let crowd = crowded(&plan, true);
        crowd.add_up().unwrap();
        assert!(world.served > 50 && world.cancelled > 10 && world.unfulfilled > 20);
        assert_eq!(gist(&crowd), gist(&world), "seed {seed}");
    }
    // Riders who do not notice that the driver is there call off more trips.
    let (_, world) = lived(&busy(0), StraightLine::default());
    assert_ne!(gist(&crowded(&busy(0), false)), gist(&world));
}
