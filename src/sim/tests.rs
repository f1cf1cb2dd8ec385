//! A made-up fleet behaves like one: in place, in time, at the speed of cars; and so do riders.

use super::*;
use crate::geo::{LatLng, haversine};
use crate::model::DriverStatus;

fn plan(city: City, drivers: u32, minutes: u64, seed: u64) -> FleetPlan {
    FleetPlan::new(city, drivers, Millis::from_secs(minutes * 60), seed).unwrap()
}

#[test]
fn reports_are_in_order_in_span_and_at_the_speed_of_cars() {
    for city in City::ALL {
        let plan = plan(city, 60, 40, 3);
        let center = city.place([0.0, 0.0]);
        let [x, y] = city.half_extent();
        let reach = (x * x + y * y).sqrt() + 100.0;
        let mut last: Vec<Option<(Timestamp, LatLng, DriverStatus)>> = vec![None; 60];
        let (mut previous, mut moved_m, mut count) = (plan.start, 0.0, 0_u32);
        for record in generate(&plan) {
            assert!(record.at >= previous && record.at < plan.start.plus(plan.duration));
            previous = record.at;
            count += 1;
            let away = haversine(center, record.position).meters();
            assert!(away < reach, "{city}: {away} m from the centre");
            assert!(record.motion.speed_cm_s.unwrap() <= 2_000);
            let status = record.status.unwrap();
            let slot = &mut last[record.vehicle.index()];
            if let Some((at, position, before)) = *slot {
                assert_ne!(before, DriverStatus::Offline, "a report after the shift's end");
                let seconds = record.at.since(at).as_secs_f64();
                let metres = haversine(position, record.position).meters();
                assert!(seconds > 0.0);
                // The phone's error on both ends comes on top.
                assert!(metres < 15.0 * seconds + 120.0, "{city}: {metres} m in {seconds} s");
                moved_m += metres;
            }
            *slot = Some((record.at, record.position, status));
        }
        // A report each four seconds or so from nearly all, and traffic that flows.
        assert!((24_000..37_000).contains(&count), "{city}: {count} reports");
        let mean = moved_m / (f64::from(count) * 4.0);
        assert!((3.0..10.0).contains(&mean), "{city}: {mean} m/s on average");
    }
}

#[test]
fn drivers_go_through_trips_and_shifts() {
    let plan = plan(City::SAN_FRANCISCO, 100, 45, 9);
    let mut rows = [0_u32; 6];
    let mut seen = vec![[false; 6]; 100];
    for record in generate(&plan) {
        let code = usize::from(record.status.unwrap().code());
        rows[code] += 1;
        seen[record.vehicle.index()][code] = true;
    }
    let total: u32 = rows.iter().sum();
    let share =
        |status: DriverStatus| f64::from(rows[usize::from(status.code())]) / f64::from(total);
    for (status, low, high) in [
        (DriverStatus::Available, 0.15, 0.6),
        (DriverStatus::EnRoute, 0.03, 0.4),
        (DriverStatus::Waiting, 0.01, 0.2),
        (DriverStatus::OnTrip, 0.2, 0.7),
    ] {
        assert!((low..high).contains(&share(status)), "{status}: {}", share(status));
    }
    let full = seen.iter().filter(|codes| codes[1] && codes[3] && codes[4] && codes[5]).count();
    assert!(full > 70, "only {full} drivers of 100 went through a whole trip");
    let ended = seen.iter().filter(|codes| codes[0]).count();
    assert!((3..30).contains(&ended), "{ended} shifts ended");
}

#[test]
fn a_seed_is_a_fleet_and_a_driver_does_not_depend_on_the_others() {
    let small: Vec<Record> = generate(&plan(City::SAN_FRANCISCO, 10, 5, 1)).collect();
    let large: Vec<Record> = generate(&plan(City::SAN_FRANCISCO, 50, 5, 1))
        .filter(|record| record.vehicle.0 < 10)
        .collect();
    assert_eq!(small, large);
    let other: Vec<Record> = generate(&plan(City::SAN_FRANCISCO, 10, 5, 2)).collect();
    assert_ne!(small, other);
    let later = plan(City::SAN_FRANCISCO, 10, 5, 1).starting_at(Timestamp::from_secs(100));
    let shifted: Vec<LatLng> = generate(&later).map(|record| record.position).collect();
    assert_eq!(shifted, small.iter().map(|record| record.position).collect::<Vec<_>>());
}

#[test]
fn impossible_plans_are_refused_by_value() {
    let fails = |drivers, millis| {
        let made = FleetPlan::new(City::SAN_FRANCISCO, drivers, Millis(millis), 0);
        made.unwrap_err().to_string()
    };
    assert_eq!(fails(0, 60_000), "drivers 0 is not in 1..=1000000");
    assert!(fails(1, 999).starts_with("milliseconds of duration 999 is not in 1000..="));
    let plan = plan(City::SAN_FRANCISCO, 1, 1, 0);
    assert!(plan.with_report_every(Millis(99)).is_err());
    assert_eq!(plan.driver_id(VehicleIx(41)).as_str(), "sf-0042");
}

fn demand_of(city: City, requests: u32, minutes: u64, seed: u64) -> DemandPlan {
    DemandPlan::new(city, requests, Millis::from_secs(minutes * 60), seed).unwrap()
}

#[test]
fn riders_are_in_order_in_span_in_town_and_go_somewhere() {
    for city in City::ALL {
        let plan = demand_of(city, 4_000, 60, 3);
        let center = city.place([0.0, 0.0]);
        let [x, y] = city.half_extent();
        let reach = (x * x + y * y).sqrt() + 100.0;
        let (start, third) = (FleetPlan::DEFAULT_START, Millis::from_secs(1_200));
        let (mut last, mut parts, mut parties) = (start, [0_u32; 3], [0_u32; 7]);
        let (mut short, mut metres) = (0, 0.0);
        for (request, row) in demand(&plan).zip(1..) {
            assert!(request.at >= last, "{city}: row {row} goes back in time");
            last = request.at;
            let dropoff = request.dropoff.unwrap();
            for place in [request.pickup, dropoff] {
                assert!(haversine(center, place).meters() < reach, "{city}: {place} is far out");
            }
            let trip = haversine(request.pickup, dropoff).meters();
            short += u32::from(trip < 400.0);
            metres += trip;
            let part = request.at.since(start).get() / third.get();
            parts[usize::try_from(part).unwrap()] += 1;
            parties[usize::from(request.passengers.get())] += 1;
            assert_eq!((request.row.row, request.trip), (row, None));
        }
        assert!(last < start.plus(Millis::from_secs(3_600)));
        assert_eq!(parts.iter().sum::<u32>(), 4_000);
        assert!(parts[1] > parts[0] + 300 && parts[1] > parts[2] + 300, "{city}: {parts:?}");
        assert!((2_600..3_100).contains(&parties[1]) && parties[6] > 50, "{city}: {parties:?}");
        assert!(short < 40, "{city}: {short} trips are short");
        let mean = metres / 4_000.0;
        assert!((1_500.0..9_000.0).contains(&mean), "{city}: {mean} m a trip");
    }
}

#[test]
fn riders_crowd_where_the_fleet_of_the_same_seed_does() {
    // Squares of about a kilometre, by how many are in them.
    let square = |place: LatLng| (place.lat_e7() / 90_000, place.lng_e7() / 110_000);
    let crowded = |seed: u64| {
        let mut counts = std::collections::BTreeMap::new();
        for request in demand(&demand_of(City::SAN_FRANCISCO, 3_000, 60, seed)) {
            *counts.entry(square(request.pickup)).or_insert(0_u32) += 1;
        }
        let mut squares: Vec<_> = counts.into_iter().map(|(at, count)| (count, at)).collect();
        squares.sort_unstable();
        squares.into_iter().rev().take(8).map(|(_, at)| at).collect::<Vec<_>>()
    };
    let share = |squares: &[(i32, i32)]| {
        let first = generate(&plan(City::SAN_FRANCISCO, 3_000, 1, 5));
        let mut seen = vec![false; 3_000];
        let starts =
            first.filter(|record| !std::mem::replace(&mut seen[record.vehicle.index()], true));
        starts.filter(|record| squares.contains(&square(record.position))).count()
    };
    let (same, other) = (share(&crowded(5)), share(&crowded(6)));
    assert!(same > 900, "only {same} drivers start where the riders are");
    assert!(same > other + 300, "{other} drivers start where the riders of another seed are");
}

#[test]
fn a_seed_is_a_demand() {
    let all = |plan: DemandPlan| demand(&plan).collect::<Vec<_>>();
    let one = all(demand_of(City::SAN_FRANCISCO, 200, 5, 1));
    assert_eq!(one, all(demand_of(City::SAN_FRANCISCO, 200, 5, 1)));
    assert_ne!(one, all(demand_of(City::SAN_FRANCISCO, 200, 5, 2)));
    let later = demand_of(City::SAN_FRANCISCO, 200, 5, 1).starting_at(Timestamp::from_secs(100));
    let later = all(later);
    assert!(later[0].at.as_millis() >= 100_000 && later[199].at.as_millis() < 400_000);
    let places = |all: &[crate::trace::requests::Request]| {
        all.iter().map(|request| (request.pickup, request.dropoff)).collect::<Vec<_>>()
    };
    assert_eq!(places(&one), places(&later));
    let nobody = DemandPlan::new(City::SAN_FRANCISCO, 0, Millis(60_000), 0).unwrap_err();
    assert_eq!(nobody.to_string(), "requests 0 is not in 1..=10000000");
    assert!(DemandPlan::new(City::SAN_FRANCISCO, 1, Millis(999), 0).is_err());
}
