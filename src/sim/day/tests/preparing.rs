//! Logs become riders and drivers.

use super::{TEN, north, plain, plan, rider};
use crate::sim::PlanError;
use crate::sim::day::{DayPlan, Span, places_of, riders_of, starts};
use crate::trace::requests::{LogFormat, Passengers, Request, RowId};
use crate::units::Millis;

fn request(row: u64, minute: u64, dropoff: Option<i32>) -> Request {
    Request {
        at: TEN.plus(Millis(minute * 60_000)),
        pickup: north(i32::try_from(row).unwrap()),
        dropoff: dropoff.map(north),
        passengers: Passengers::try_from(3).unwrap(),
        trip: None,
        row: RowId { input: 0, row },
    }
}

#[test]
fn a_minute_s_requests_are_spread_over_it() {
    let uber = |row, minute| (request(row, minute, None), LogFormat::UberFoil);
    let log = [uber(1, 0), uber(2, 0), uber(3, 0), uber(4, 0), uber(5, 1), uber(6, 2), uber(7, 2)];
    let after = |riders: &[super::Rider]| -> Vec<u64> {
        riders.iter().map(|rider| rider.at.since(TEN).get() / 1_000).collect()
    };
    let riders = riders_of(&log, 1);
    assert_eq!(after(&riders), [0, 15, 30, 45, 60, 120, 150]);
    let places = places_of(&log);
    assert!(riders.iter().all(|rider| places.contains(&rider.dropoff)));
    assert_eq!(riders, riders_of(&log, 1));
    let dropoffs =
        |riders: Vec<super::Rider>| riders.into_iter().map(|one| one.dropoff).collect::<Vec<_>>();
    assert_ne!(dropoffs(riders), dropoffs(riders_of(&log, 2)), "another seed, other dropoffs");

    // Other formats mean what they say, also in the same minute; order is made anew.
    let exact = |row| (request(row, 0, Some(9)), LogFormat::TlcYellow);
    let mixed = [uber(1, 0), exact(2), uber(3, 0), exact(4)];
    let riders = riders_of(&mixed, 1);
    assert_eq!(after(&riders), [0, 0, 0, 30]);
    let pickups: Vec<_> = riders.iter().map(|rider| rider.pickup).collect();
    assert_eq!(pickups, [1, 2, 4, 3].map(north));
    assert_eq!((riders[1].dropoff, riders[1].seats.get()), (north(9), 3));
}

#[test]
fn drivers_begin_at_the_places_by_seed() {
    let places: Vec<_> = (0..50).map(north).collect();
    let placed = starts(400, &places, 1);
    assert_eq!(placed.len(), 400);
    let used = places.iter().filter(|place| placed.contains(place)).count();
    assert!(used > 45, "only {used} of 50 places were drawn");
    assert_eq!(placed[..100], starts(100, &places, 1), "more drivers move nobody");
    assert_ne!(placed, starts(400, &places, 2));
    assert!(starts(3, &[], 1).is_empty());
}

#[test]
fn a_plan_that_cannot_be_is_refused() {
    let good = plan(plain(), &[0], vec![rider(0, 1, 2), rider(0, 2, 1)]);
    let refused = |plan: DayPlan| plan.check().unwrap_err().what;
    assert_eq!(refused(DayPlan { starts: Vec::new(), ..good.clone() }), "drivers");
    assert_eq!(refused(DayPlan { riders: Vec::new(), ..good.clone() }), "requests");
    let riders = vec![rider(5, 1, 2), rider(4, 1, 2)];
    let back = "requests before the one that they follow";
    assert_eq!(refused(DayPlan { riders, ..good.clone() }), back);
    let mut backwards = good;
    backwards.habits.answer = Span { low: Millis(5), high: Millis(4) };
    let error = backwards.check().unwrap_err();
    let (what, max) = ("milliseconds to an answer", crate::limits::MAX_SIM_MS);
    assert_eq!(error, PlanError { what, value: 4, min: 5, max });
}
