//! A market that stops at any event and goes on from what was kept.

use super::city::place;
use super::rig::{Rig, config, d, request, ten_m_s};
use crate::dispatch::policy::Greedy;
use crate::dispatch::{Event, EvolveError, Fact, Head, Market, RestoreError, Seq, Trip, TripState};
use crate::model::DriverStatus;
use crate::units::Timestamp;

pub(super) fn restored(head: Head, trips: Vec<Trip>) -> Result<Market, RestoreError> {
    Market::restore(config(), Box::new(Greedy::default()), ten_m_s(), head, trips)
}

/// A day with everything in it.
fn a_day() -> Rig {
    let mut rig = Rig::new().drivers(&[("a", 0.0), ("b", 400.0), ("c", 900.0)]);
    let mut first = request("bob", "first");
    first.journey.dropoff = Some(place(300.0, 0.0));
    let first = rig.ask(first);
    rig.batch();
    let offer = rig.offer(first).0;
    for done in [rig.accept("a", offer), rig.arrive("a", first), rig.start("a", first)] {
        assert_eq!(done, "done");
    }
    let next = rig.en_route();
    let other = rig.request("eve");
    rig.batch();
    let (offer, driver) = rig.offer(other);
    assert_eq!(rig.decline(&driver, offer), "done");
    assert_eq!(rig.offline("a"), "done");
    assert_eq!(rig.online("a"), "done");
    rig.batch();
    rig.wait_until_due();
    assert_eq!(rig.complete("a", first), "done");
    assert_eq!(rig.rate(crate::dispatch::Rater::Driver(d("a")), first, 5), "done");
    let lost = rig.request("zoe");
    rig.batch();
    assert_eq!(rig.cancel("zoe", lost), "done");
    rig.wait_until_due();
    assert!(rig.trip(next).state.is_open() || rig.trip(other).state.is_open());
    rig
}

/// The market after the first events of a history.
fn replayed(events: &[Event]) -> Market {
    let head = Head::new(config().market);
    let mut market = restored(head, Vec::new()).unwrap();
    for event in events {
        market.evolve(event).unwrap_or_else(|error| panic!("{error}"));
    }
    market
}

fn same(a: &Market, b: &Market) {
    assert_eq!(a.head(), b.head());
    let open = |market: &Market| market.open_trips().cloned().collect::<Vec<_>>();
    assert_eq!(open(a), open(b));
    let bound = |market: &Market| market.counts().bound_drivers;
    assert_eq!(bound(a), bound(b));
    assert_eq!(a.next_deadline().is_some(), b.next_deadline().is_some());
}

#[test]
fn any_event_is_a_place_to_stop_and_any_a_place_to_snapshot() {
    let rig = a_day();
    assert!(rig.log.len() > 20, "{} events", rig.log.len());
    for stop in 0..=rig.log.len() {
        let whole = replayed(&rig.log[..stop]);
        assert_eq!(whole.check(), Ok(()), "after {stop} events");
        for snapshot in 0..=stop {
            let kept = replayed(&rig.log[..snapshot]);
            let trips = kept.open_trips().chain(kept.ended_trips()).cloned().collect();
            let mut again = restored(kept.head(), trips).unwrap();
            for event in &rig.log[snapshot..stop] {
                again.evolve(event).unwrap_or_else(|error| panic!("{snapshot} {stop}: {error}"));
            }
            assert_eq!(again.check(), Ok(()), "from {snapshot} to {stop}");
            same(&again, &whole);
            let ended = |market: &Market| market.ended_trips().cloned().collect::<Vec<_>>();
            assert_eq!(ended(&again), ended(&whole));
        }
    }
    same(&replayed(&rig.log), &rig.market);
}

#[test]
fn what_was_cut_off_between_two_events_is_made_up_for() {
    // An acceptance without the setting off that follows it at once.
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.en_route();
    assert!(matches!(rig.last(), Fact::PickupStarted { .. }));
    let mut market = replayed(&rig.log[..rig.log.len() - 1]);
    assert_eq!(market.trip(trip).unwrap().state, TripState::Assigned);
    assert_eq!(market.next_deadline(), Some(rig.now), "due at once");
    assert_eq!(market.driver_status(&d("a")), Some(DriverStatus::EnRoute));
    let mut events = Vec::new();
    let tick = crate::dispatch::Command::Tick;
    assert!(market.apply(rig.now, tick, &mut rig.city, &mut events).is_ok());
    assert_eq!(events, rig.log[rig.log.len() - 1..]);
}

#[test]
fn a_restored_market_tells_what_its_drivers_are_doing() {
    let rig = a_day();
    let trips = rig.market.open_trips().cloned().collect();
    let mut market = restored(rig.market.head(), trips).unwrap();
    let changes: Vec<_> = market.take_changes().collect();
    assert_eq!(changes.len(), market.counts().bound_drivers);
    for change in changes {
        assert_eq!(market.driver_status(&change.driver), Some(change.status));
    }
}

#[test]
fn events_that_do_not_follow_are_refused_and_change_nothing() {
    let rig = a_day();
    let stop = 12;
    let mut market = replayed(&rig.log[..stop]);
    let next = &rig.log[stop];
    let mut refused = |event: Event| {
        let error = market.evolve(&event).unwrap_err();
        same(&market, &replayed(&rig.log[..stop]));
        error
    };
    let gap = |event: &Event| EvolveError::Gap { after: Seq(12), seq: event.seq };
    assert_eq!(refused(rig.log[stop + 1].clone()), gap(&rig.log[stop + 1]));
    assert_eq!(refused(rig.log[stop - 1].clone()), gap(&rig.log[stop - 1]));
    let early = Event { at: Timestamp::from_secs(1), ..next.clone() };
    assert!(matches!(refused(early), EvolveError::BackInTime { .. }));
    let elsewhere = Event { trip: "la-1".parse().unwrap(), ..next.clone() };
    assert!(matches!(refused(elsewhere), EvolveError::OtherMarket { .. }));
    let unknown = Event { trip: "sf-99".parse().unwrap(), ..next.clone() };
    assert!(matches!(refused(unknown), EvolveError::UnknownTrip { .. }));
    let ordinal = Event { ordinal: next.ordinal + 1, ..next.clone() };
    assert!(matches!(refused(ordinal), EvolveError::Ordinal { .. }));
    let illegal = Event { fact: Fact::SearchContinued, ..next.clone() };
    assert!(matches!(refused(illegal), EvolveError::Illegal { .. }));
    let Fact::TripRequested { .. } = rig.log[0].fact else { panic!("the first is a request") };
    let again = Event { fact: rig.log[0].fact.clone(), ..next.clone() };
    assert!(matches!(refused(again), EvolveError::TripOutOfTurn { .. }));
}

#[test]
fn somebody_busy_cannot_be_offered_to_by_any_history() {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = rig.request("ada");
    rig.batch();
    let made = rig.log.last().unwrap().clone();
    let other = rig.request("bob");
    let number = rig.market.head().seq.next();
    let forged = Event { seq: number, trip: other, ordinal: 2, ..made };
    let error = rig.market.evolve(&forged).unwrap_err();
    assert_eq!(error, EvolveError::DriverTaken { driver: d("a"), trip: other });
    let offer = rig.offer(trip).0;
    assert_eq!(rig.accept("a", offer), "done");
    let forged = Event { seq: rig.market.head().seq.next(), ..forged };
    assert!(matches!(rig.market.evolve(&forged), Err(EvolveError::DriverTaken { .. })));
}

#[test]
fn trips_that_contradict_each_other_are_refused() {
    let rig = a_day();
    let head = rig.market.head();
    let open: Vec<Trip> = rig.market.open_trips().cloned().collect();
    let refused = |head: Head, trips: Vec<Trip>| match restored(head, trips) {
        Ok(_) => panic!("restored"),
        Err(error) => error.to_string(),
    };
    let twice = open.iter().chain(&open).cloned().collect();
    assert!(refused(head, twice).ends_with("it is there twice"));
    let early = Head { trips: 0, ..head };
    assert!(refused(early, open.clone()).ends_with("its number is beyond the head's"));
    let elsewhere = Head { market: "la".parse().unwrap(), ..head };
    assert_eq!(refused(elsewhere, Vec::new()), "the history is that of la, the market is sf");
    let mut broken = open.clone();
    broken[0].ordinal = 0;
    assert!(refused(head, broken).ends_with("it had no event"));
    let mut busy = open.clone();
    let taken = open.iter().find_map(|trip| trip.assignment).unwrap();
    let mut copy = open.iter().find(|trip| trip.assignment.is_some()).unwrap().clone();
    copy.id = head.market.trip(head.trips);
    copy.request = request("someone", "else");
    copy.agreed = None;
    busy.retain(|trip| trip.id != copy.id);
    busy.push(copy);
    let told = refused(head, busy);
    assert!(told.contains("D1") && told.contains(taken.driver.as_str()), "{told}");
}
