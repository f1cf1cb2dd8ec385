//! Measured: a whole trip through the market: requested, offered, accepted, arrived, started,
//! completed, six events or more. Workload: one rider after another in a city, a driver found at once.
//! Notes: the twin lets the same events happen to another market (`evolve`), without asking whether
//! they may nor looking for a driver: the least that keeping the state can cost.

use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use hansom::dispatch::policy::Greedy;
use hansom::dispatch::{
    Command, Event, Journey, LiveSupply, Market, MarketConfig, Needs, Reply, TripRequest, Urgency,
};
use hansom::model::Capacity;
use hansom::travel::StraightLine;
use hansom::units::{Millis, Timestamp};

use crate::fleet::Fleet;
use crate::{city, place};

/// Trips that are made ahead, so that making them is not measured.
const AHEAD: u64 = 100;

fn market() -> Market {
    let config = MarketConfig::new("bench".parse().expect("a name"));
    let travel = Arc::new(StraightLine::default());
    Market::new(config, Box::new(Greedy::default()), travel).expect("the defaults are in range")
}

fn request(fleet: &mut Fleet, number: u64) -> TripRequest {
    TripRequest {
        key: format!("k{number}").parse().expect("a key"),
        rider: format!("r{number}").parse().expect("an id"),
        journey: Journey {
            pickup: fleet.somewhere(),
            dropoff: Some(place(&mut fleet.rng)),
            passengers: Capacity::try_from(1).expect("a seat"),
            needs: Needs::NONE,
        },
        quote: None,
        urgency: Urgency::Immediate,
    }
}

/// Carries a trip from its request to its end; what happened is in `events`.
fn live(
    market: &mut Market,
    (supply, now): (&mut LiveSupply<'_>, Timestamp),
    request: TripRequest,
    events: &mut Vec<Event>,
) {
    let mut apply = |market: &mut Market, command| {
        market.apply(now, command, supply, events).expect("a command that may be given")
    };
    let requested = apply(market, Command::RequestTrip(Box::new(request)));
    let Reply::Requested { trip, .. } = requested else { unreachable!("{requested:?}") };
    let offer = market.trip(trip).and_then(|trip| trip.offer).expect("somebody is free");
    let driver = offer.driver;
    apply(market, Command::AcceptOffer { offer: trip.offer(offer.attempt), driver });
    apply(market, Command::Arrive { trip, driver });
    apply(market, Command::StartTrip { trip, driver });
    apply(market, Command::CompleteTrip { trip, driver, driven: None });
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("a trip's life");
    let mut fleet = city();
    let index = fleet.index.clone();
    let mut supply = LiveSupply::new(&*index, fleet.now);
    let mut number = 0;
    let (mut one, mut events) = (market(), Vec::new());
    group.bench_function("apply", |b| {
        b.iter_batched(
            || {
                number += 1;
                fleet.now = fleet.now.plus(Millis(1));
                (request(&mut fleet, number), fleet.now)
            },
            |(request, now)| {
                events.clear();
                supply.set_now(now);
                live(&mut one, (&mut supply, now), request, &mut events);
            },
            BatchSize::NumIterations(AHEAD),
        );
    });
    let (mut original, mut twin) = (market(), market());
    group.bench_function("evolve", |b| {
        b.iter_batched(
            || {
                number += 1;
                fleet.now = fleet.now.plus(Millis(1));
                let (request, mut events) = (request(&mut fleet, number), Vec::new());
                supply.set_now(fleet.now);
                live(&mut original, (&mut supply, fleet.now), request, &mut events);
                assert!(events.len() >= 6, "{} events", events.len());
                events
            },
            |events| {
                for event in &events {
                    twin.evolve(event).expect("it happened to the other");
                }
            },
            BatchSize::NumIterations(AHEAD),
        );
    });
    assert_eq!(original.head(), twin.head(), "both have the same history");
    group.finish();
}
