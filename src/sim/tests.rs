//! A made-up fleet behaves like one: in place, in time, at the speed of cars.

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
