//! Every state with every command: what is done, what was done before, and why what is not.

use super::rig::{Rig, config, d, k, r, request};
use crate::dispatch::{
    Command, DriverReason, MarketConfig, Needs, Rater, Refusal, RiderReason, Stars, TripState,
};
use crate::ids::{OfferId, TripId};

/// A row a state, a column a command: by ada, the trip's rider, or by a, who was asked first.
const EXPECTED: &str = "\
    state       cancel    accept        decline        arrive     start     complete  give_back no_show       ada_rates a_rates
    REQUESTED   done      unknown_offer unknown_offer  no_driver  no_driver no_driver no_driver no_driver     too_soon  no_driver
    SEARCHING   done      offer_expired offer_expired  no_driver  no_driver no_driver no_driver no_driver     too_soon  no_driver
    OFFERED     done      done          done           no_driver  no_driver no_driver no_driver no_driver     too_soon  no_driver
    ASSIGNED    done      already       offer_accepted too_soon   too_soon  too_soon  done      too_soon      too_soon  too_soon
    EN_ROUTE    done      already       offer_accepted done       too_soon  too_soon  done      too_soon      too_soon  too_soon
    ARRIVED     done      already       offer_accepted already    done      too_soon  done      still_waiting too_soon  too_soon
    IN_PROGRESS too_late  already       offer_accepted already    already   done      too_late  too_late      too_soon  too_soon
    COMPLETED   trip_over trip_over     trip_over      trip_over  trip_over already   trip_over trip_over     done      done
    CANCELLED   already   trip_over     trip_over      trip_over  trip_over trip_over trip_over trip_over     trip_over trip_over
    UNFULFILLED trip_over trip_over     trip_over      trip_over  trip_over trip_over trip_over trip_over     trip_over trip_over";

/// A market with a trip of ada in this state, of which a was asked if anybody was.
fn in_state(state: TripState) -> (Rig, TripId) {
    let mut rig = Rig::new().drivers(&[("a", 100.0)]);
    let trip = match state {
        TripState::Requested => rig.request("ada"),
        TripState::Searching | TripState::Unfulfilled => {
            let trip = rig.request("ada");
            rig.batch();
            rig.wait_until_due();
            if state == TripState::Unfulfilled {
                rig.wait_until_due();
            }
            trip
        }
        TripState::Offered => {
            let trip = rig.request("ada");
            rig.batch();
            trip
        }
        TripState::Assigned => {
            let mut before = request("bob", "before");
            before.journey.dropoff = Some(super::city::place(200.0, 0.0));
            let before = rig.ask(before);
            rig.batch();
            let offer = rig.offer(before).0;
            for done in [rig.accept("a", offer), rig.arrive("a", before), rig.start("a", before)] {
                assert_eq!(done, "done");
            }
            rig.en_route()
        }
        TripState::EnRoute => rig.en_route(),
        TripState::Arrived => {
            let trip = rig.en_route();
            rig.arrive("a", trip);
            trip
        }
        TripState::InProgress => rig.in_progress(),
        TripState::Completed => {
            let trip = rig.in_progress();
            rig.complete("a", trip);
            trip
        }
        TripState::Cancelled => {
            let trip = rig.en_route();
            rig.cancel("ada", trip);
            trip
        }
    };
    assert_eq!(rig.state(trip), state);
    (rig, trip)
}

fn outcome(command: &str, rig: &mut Rig, trip: TripId) -> &'static str {
    let offer = trip.offer(1);
    match command {
        "cancel" => rig.cancel("ada", trip),
        "accept" => rig.accept("a", offer),
        "decline" => rig.decline("a", offer),
        "arrive" => rig.arrive("a", trip),
        "start" => rig.start("a", trip),
        "complete" => rig.complete("a", trip),
        "give_back" => rig.give_back("a", trip),
        "no_show" => rig.no_show("a", trip),
        "ada_rates" => rig.rate(Rater::Rider(r("ada")), trip, 5),
        "a_rates" => rig.rate(Rater::Driver(d("a")), trip, 4),
        _ => panic!("{command}"),
    }
}

#[test]
fn every_state_with_every_command() {
    let mut rows = EXPECTED.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let commands = rows.next().unwrap();
    let rows: Vec<Vec<&str>> = rows.collect();
    assert_eq!(rows.len(), TripState::ALL.len());
    let mut wrong = Vec::new();
    for (state, row) in TripState::ALL.into_iter().zip(rows) {
        assert_eq!((row[0], row.len()), (state.to_string().as_str(), commands.len()));
        for (command, expected) in commands.iter().zip(row).skip(1) {
            let (mut rig, trip) = in_state(state);
            let found = outcome(command, &mut rig, trip);
            if found != expected {
                wrong.push(format!("{command} in {state}: {found}, not {expected}"));
            }
            // Whatever was done can be sent again without being done twice.
            if found == "done" {
                let events = rig.log.len();
                let again = outcome(command, &mut rig, trip);
                assert!(
                    ["already", "done"].contains(&again),
                    "{command} twice in {state}: {again}"
                );
                assert_eq!(again == "done", rig.log.len() > events, "{command} twice in {state}");
                assert_eq!(again, "already", "{command} twice in {state}");
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_state_with_every_command_of_somebody_else() {
    for state in TripState::ALL {
        let (mut rig, trip) = in_state(state);
        rig.city.add(d("b"), super::city::place(0.0, 300.0));
        assert_eq!(rig.cancel("eve", trip), "not_your_trip", "{state}");
        assert_eq!(rig.rate(Rater::Rider(r("eve")), trip, 1), "not_your_trip", "{state}");
        let unknown = state == TripState::Requested;
        let offer = if unknown { "unknown_offer" } else { "not_your_offer" };
        assert_eq!(rig.accept("b", trip.offer(1)), offer, "{state}");
        assert_eq!(rig.decline("b", trip.offer(1)), offer, "{state}");
        assert_eq!(rig.accept("a", trip.offer(7)), "unknown_offer", "{state}");
        for command in ["arrive", "start", "complete", "give_back", "no_show"] {
            let driver = d("b");
            let reason =
                if command == "no_show" { DriverReason::NoShow } else { DriverReason::Other };
            let refused = rig.so(match command {
                "arrive" => Command::Arrive { trip, driver },
                "start" => Command::StartTrip { trip, driver },
                "complete" => Command::CompleteTrip { trip, driver, driven: None },
                _ => Command::CancelAsDriver { trip, driver, reason },
            });
            let allowed = ["not_your_trip", "no_driver", "trip_over"];
            assert!(allowed.contains(&refused), "{command} in {state}: {refused}");
            assert_eq!(rig.state(trip), state);
        }
    }
}

/// What a refused command is told.
fn told(rig: &mut Rig, command: Command) -> String {
    rig.apply(command).unwrap_err().to_string()
}

#[test]
fn refusals_are_words_that_somebody_who_writes_an_app_understands() {
    let (mut rig, trip) = in_state(TripState::Cancelled);
    let driver = d("a");
    assert_eq!(
        told(&mut rig, Command::StartTrip { trip, driver }),
        "trip sf-1 is CANCELLED (by rider at 2023-11-14T22:13:20Z: changed mind); it can no longer be started"
    );
    let (mut rig, trip) = in_state(TripState::EnRoute);
    assert_eq!(
        told(&mut rig, Command::CompleteTrip { trip, driver, driven: None }),
        "trip sf-1 is EN_ROUTE; it cannot be completed yet: its driver has to arrive first"
    );
    let (mut rig, trip) = in_state(TripState::InProgress);
    let rider = r("ada");
    assert_eq!(
        told(&mut rig, Command::CancelTrip { trip, rider, reason: RiderReason::Other }),
        "trip sf-1 is IN_PROGRESS; it can no longer be cancelled: the rider is on board, and the driver completes it"
    );
    let (mut rig, trip) = in_state(TripState::Searching);
    let offer = trip.offer(1);
    assert_eq!(
        told(&mut rig, Command::AcceptOffer { offer, driver }),
        "offer sf-1.1 expired at 2023-11-14T22:13:35Z"
    );
    assert_eq!(
        told(&mut rig, Command::RequestTrip(Box::new(request("ada", "other")))),
        "rider ada has open trip sf-1, and 1 is the most that may be open at once"
    );
    let elsewhere: OfferId = "la-1.1".parse().unwrap();
    assert_eq!(
        told(&mut rig, Command::AcceptOffer { offer: elsewhere, driver }),
        "la-1 is not of market sf"
    );
    let unknown: TripId = "sf-99".parse().unwrap();
    assert_eq!(
        told(&mut rig, Command::Arrive { trip: unknown, driver }),
        "trip sf-99 is not known here: it never was, or it ended too long ago"
    );
}

#[test]
fn a_key_is_one_request() {
    let mut rig = Rig::new();
    let first = request("ada", "key");
    let trip = rig.ask(first);
    assert_eq!(rig.so(Command::RequestTrip(Box::new(first))), "already");
    assert_eq!(rig.ask(first), trip);
    let mut other = first;
    other.journey.dropoff = None;
    assert_eq!(
        told(&mut rig, Command::RequestTrip(Box::new(other))),
        "request key key was used for trip sf-1 with another dropoff; use a new key for a new request"
    );
    for change in 0..5 {
        let mut other = first;
        match change {
            0 => other.journey.pickup = super::city::place(1.0, 0.0),
            1 => other.journey.passengers = 2.try_into().unwrap(),
            2 => other.journey.needs = Needs { attributes: 1.try_into().unwrap(), ..Needs::NONE },
            3 => other.quote = Some("sf-q1".parse().unwrap()),
            _ => other.urgency = crate::dispatch::Urgency::Immediate,
        }
        assert_eq!(rig.so(Command::RequestTrip(Box::new(other))), "key_reused");
    }
    // Another rider may use the same word.
    assert_ne!(rig.ask(request("bob", "key")), trip);
    // The key is remembered beyond the end of the trip …
    assert_eq!(rig.cancel("ada", trip), "done");
    assert_eq!(rig.ask(first), trip);
    // … for an hour.
    rig.later(3_600_001).tick();
    assert!(rig.market.trip(trip).is_none());
    assert_ne!(rig.ask(first), trip);
}

#[test]
fn ended_trips_are_remembered_up_to_a_number() {
    let mut rig = Rig::with(MarketConfig { ended_kept: 2, ..config() });
    let mut trips = Vec::new();
    for i in 0..4 {
        let trip = rig.ask(request("ada", &i.to_string()));
        rig.later(1);
        assert_eq!(rig.cancel("ada", trip), "done");
        trips.push(trip);
    }
    assert!(trips.iter().all(|trip| rig.market.trip(*trip).is_some()), "until the next tick");
    rig.tick();
    let known: Vec<bool> = trips.iter().map(|trip| rig.market.trip(*trip).is_some()).collect();
    assert_eq!(known, [false, false, true, true]);
    assert!(rig.market.trip_of_key(r("ada"), k("0")).is_none());
    assert_eq!(rig.cancel("ada", trips[0]), "unknown_trip");
}

#[test]
fn a_full_market_takes_no_more() {
    let mut rig = Rig::with(MarketConfig { open_trips: 2, open_trips_per_rider: 2, ..config() });
    let trip = rig.ask(request("ada", "1"));
    rig.ask(request("ada", "2"));
    assert_eq!(rig.so(Command::RequestTrip(Box::new(request("ada", "3")))), "rider_has_open_trip");
    let refusal = rig.apply(Command::RequestTrip(Box::new(request("bob", "1")))).unwrap_err();
    assert_eq!(refusal, Refusal::MarketFull { market: "sf".parse().unwrap(), limit: 2 });
    assert_eq!(rig.cancel("ada", trip), "done");
    assert_eq!(rig.so(Command::RequestTrip(Box::new(request("bob", "1")))), "done");
}

#[test]
fn a_rating_is_given_once_by_each_side() {
    let (mut rig, trip) = in_state(TripState::Completed);
    let (ada, a) = (Rater::Rider(r("ada")), Rater::Driver(d("a")));
    assert_eq!(rig.rate(ada, trip, 5), "done");
    assert_eq!(rig.rate(ada, trip, 5), "already");
    assert_eq!(rig.rate(ada, trip, 1), "already_rated");
    assert_eq!(rig.rate(a, trip, 3), "done");
    let stars = |stars: Option<Stars>| stars.map(Stars::get);
    let rated = rig.trip(trip);
    assert_eq!((stars(rated.rated_by_rider), stars(rated.rated_by_driver)), (Some(5), Some(3)));
}

#[test]
fn what_the_host_remembers_for_longer_can_be_recalled() {
    let (mut rig, trip) = in_state(TripState::Completed);
    let kept = rig.trip(trip).clone();
    assert!(!rig.market.recall(kept.clone()), "it is there");
    rig.later(3_600_001).tick();
    assert_eq!(rig.rate(Rater::Driver(d("a")), trip, 3), "unknown_trip");
    assert!(rig.market.recall(kept.clone()));
    assert_eq!(rig.rate(Rater::Driver(d("a")), trip, 3), "done");
    let (mut rig, open) = in_state(TripState::EnRoute);
    let mut elsewhere = kept.clone();
    elsewhere.id = "la-1".parse().unwrap();
    let mut ahead = kept;
    ahead.id = "sf-9".parse().unwrap();
    let open = rig.trip(open).clone();
    for wrong in [elsewhere, ahead, open] {
        assert!(!rig.market.recall(wrong), "not of this market's past");
    }
}
