//! Quotes, and the fares that are due.

use super::city::place;
use super::rig::{Rig, d, journey, r, request};
use crate::dispatch::{Command, Journey, Quote, Reply, TripRequest};
use crate::units::{Meters, Millis, Money};

fn quote(rig: &mut Rig, rider: &str, journey: Journey) -> Quote {
    match rig.apply(Command::Quote { rider: r(rider), journey }) {
        Ok(Reply::Quoted(quote)) => quote,
        other => panic!("{other:?}"),
    }
}

fn fare(rig: &mut Rig, driver: &str, trip: crate::ids::TripId, driven: Option<Meters>) -> Money {
    match rig.apply(Command::CompleteTrip { trip, driver: d(driver), driven }) {
        Ok(Reply::Completed { fare, .. }) => fare,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_quote_is_honoured() {
    let mut rig = Rig::new().drivers(&[("a", 1_000.0), ("b", 700.0)]);
    let quote = quote(&mut rig, "ada", journey());
    // 5 km and 500 s, in cents.
    assert_eq!(quote.fare.minor, 250 + 5 * 125 + 292);
    assert_eq!(quote.pickup.map(|pickup| pickup.get() / 1_000), Some(70));
    assert_eq!(quote.valid_until, rig.now.plus(Millis::from_secs(300)));
    assert!(rig.log.is_empty(), "a quote is no event");
    rig.later(299_999);
    let trip = rig.ask(TripRequest { quote: Some(quote.id), ..request("ada", "k") });
    assert_eq!(rig.trip(trip).agreed, Some(quote.fare));
    rig.batch();
    let offer = rig.offer(trip).0;
    for done in [rig.accept("b", offer), rig.arrive("b", trip), rig.start("b", trip)] {
        assert_eq!(done, "done");
    }
    rig.later(7_200_000);
    assert_eq!(
        fare(&mut rig, "b", trip, Some(Meters::whole(90_000))),
        quote.fare,
        "whatever happened"
    );
}

#[test]
fn a_quote_holds_for_what_it_was_given_for_and_for_a_while() {
    let mut rig = Rig::new();
    let given = quote(&mut rig, "ada", journey());
    assert_eq!(given.pickup, None, "nobody is there");
    let with = |rider: &str, journey: Journey| {
        let request = TripRequest { quote: Some(given.id), journey, ..request(rider, "k") };
        Command::RequestTrip(Box::new(request))
    };
    let refusal = rig.apply(with("eve", journey())).unwrap_err();
    assert!(refusal.to_string().ends_with("was given for another rider; ask for a new one"));
    let elsewhere = Journey { pickup: place(1.0, 1.0), ..journey() };
    let refusal = rig.apply(with("ada", elsewhere)).unwrap_err();
    assert!(refusal.to_string().ends_with("was given for another pickup; ask for a new one"));
    rig.later(300_000);
    assert_eq!(rig.so(with("ada", journey())), "quote_expired");
    let newer = quote(&mut rig, "ada", journey());
    assert!(newer.id > given.id);
    let unknown = "sf-q77".parse().unwrap();
    let request = TripRequest { quote: Some(unknown), ..request("ada", "k") };
    assert_eq!(rig.so(Command::RequestTrip(Box::new(request))), "unknown_quote");
    let elsewhere = "la-q77".parse().unwrap();
    let request = TripRequest { quote: Some(elsewhere), ..request };
    assert_eq!(rig.so(Command::RequestTrip(Box::new(request))), "other_market");
    let nowhere = Journey { dropoff: None, ..journey() };
    assert_eq!(rig.so(Command::Quote { rider: r("ada"), journey: nowhere }), "no_dropoff");
}

#[test]
fn sending_a_request_again_does_not_need_the_quote_again() {
    let mut rig = Rig::new();
    let given = quote(&mut rig, "ada", journey());
    let request = TripRequest { quote: Some(given.id), ..request("ada", "k") };
    let trip = rig.ask(request);
    rig.later(600_000);
    assert_eq!(rig.ask(request), trip);
}

#[test]
fn numbers_of_quotes_are_not_given_twice_even_by_another_process() {
    let mut rig = Rig::new();
    let first = quote(&mut rig, "ada", journey());
    let second = quote(&mut rig, "ada", journey());
    let mut restarted = Rig::new();
    restarted.later(5);
    let third = quote(&mut restarted, "ada", journey());
    assert!(first.id < second.id && second.id < third.id);
}

#[test]
fn without_a_quote_the_ride_is_metered() {
    let ride = |driven, dropoff| {
        let mut rig = Rig::new().drivers(&[("a", 0.0)]);
        let journey = Journey { dropoff, ..journey() };
        let trip = rig.ask(TripRequest { journey, ..request("ada", "k") });
        rig.batch();
        let offer = rig.offer(trip).0;
        for done in [rig.accept("a", offer), rig.arrive("a", trip), rig.start("a", trip)] {
            assert_eq!(done, "done");
        }
        rig.later(1_200_000);
        fare(&mut rig, "a", trip, driven).minor
    };
    let twenty_minutes = 250 + 20 * 35;
    let five_km = journey().dropoff;
    assert_eq!(ride(Some(Meters::whole(8_000)), five_km), twenty_minutes + 8 * 125, "as measured");
    assert_eq!(ride(None, five_km), twenty_minutes + 5 * 125, "as estimated");
    assert_eq!(ride(None, None), twenty_minutes, "by the time alone");
}

#[test]
fn a_quote_is_honoured_however_many_come_after_it() {
    let mut rig = Rig::new();
    let first = quote(&mut rig, "ada", journey());
    let more = crate::limits::MAX_EXPIRED_QUOTES;
    for _ in 0..more {
        let asked = Command::Quote { rider: r("bob"), journey: journey() };
        assert!(rig.market.apply(rig.now, asked, &mut rig.city, &mut Vec::new()).is_ok());
    }
    assert_eq!(rig.market.counts().quotes, more + 1);
    rig.later(299_999);
    let request = TripRequest { quote: Some(first.id), ..request("ada", "k") };
    assert_eq!(rig.so(Command::RequestTrip(Box::new(request))), "done");
}
