//! Ends of rides find their starts, in bounded memory.

use super::*;
use crate::trace::requests::rides::Rides;
use crate::units::Millis;

fn request(row: u64) -> Request {
    Request {
        at: Timestamp::from_millis(0).plus(Millis(row * 1_000)),
        pickup: crate::geo::LatLng::try_from(crate::geo::E7 { lat: 1, lng: 1 }).unwrap(),
        dropoff: None,
        passengers: Passengers::ONE,
        trip: None,
        row: RowId { input: 0, row },
    }
}

/// What comes out, as rows with the length of the trip in seconds.
fn rows(out: &[Request]) -> Vec<(u64, Option<u64>)> {
    let one = |request: &Request| (request.row.row, request.trip.map(|trip| trip.get() / 1_000));
    out.iter().map(one).collect()
}

#[test]
fn an_end_is_joined_to_the_start_of_the_same_ride() {
    let (mut rides, mut out) = (Rides::new(100), Vec::new());
    for row in 1..=5 {
        rides.start(row * 10, request(row), &mut out);
    }
    assert!(out.is_empty());
    let mut end = |ride, seconds| rides.end(ride, Timestamp::from_secs(seconds));
    assert_eq!(rows(&end(30, 63).into_iter().collect::<Vec<_>>()), [(3, Some(60))]);
    assert!(end(30, 64).is_none(), "it ended already");
    assert!(end(99, 64).is_none(), "it never started");
    let early = end(50, 4).unwrap();
    assert_eq!(early.trip, None, "it ended before it started");
    rides.drain(&mut out);
    assert_eq!(rows(&out), [(1, None), (2, None), (4, None)]);
}

#[test]
fn starts_that_are_too_old_are_handed_on_and_the_rest_is_still_joined() {
    let (mut rides, mut out) = (Rides::new(3), Vec::new());
    for row in 1..=3 {
        rides.start(row, request(row), &mut out);
    }
    out.extend(rides.end(2, Timestamp::from_secs(9)));
    rides.start(4, request(4), &mut out);
    assert_eq!(rows(&out), [(2, Some(7)), (1, None)], "the oldest makes room");
    rides.start(5, request(5), &mut out);
    assert_eq!(out.len(), 2, "the second start is of a ride that has ended");
    assert!(rides.end(1, Timestamp::from_secs(9)).is_none());
    out.extend(rides.end(3, Timestamp::from_secs(9)));
    rides.drain(&mut out);
    assert_eq!(rows(&out[2..]), [(3, Some(6)), (4, None), (5, None)]);
}

#[test]
fn a_number_that_is_used_again_is_another_ride() {
    let (mut rides, mut out) = (Rides::new(2), Vec::new());
    rides.start(7, request(1), &mut out);
    rides.start(7, request(2), &mut out);
    assert_eq!(rows(&out), [(1, None)]);
    // The first start goes; the second stays open.
    rides.start(8, request(3), &mut out);
    assert_eq!(out.len(), 1);
    out.extend(rides.end(7, Timestamp::from_secs(5)));
    assert_eq!(rows(&out[1..]), [(2, Some(3))]);
}
