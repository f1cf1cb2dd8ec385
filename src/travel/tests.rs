//! The contract of a travel time, on each implementation.

use super::*;
use crate::geo::{E7, haversine};
use crate::test_rng::Rng;

/// A place anywhere, or near the last one, so that short and long drives both occur.
fn place(rng: &mut Rng, near: Option<LatLng>) -> LatLng {
    let (lat, lng, spread) = match near {
        Some(near) => (i64::from(near.lat_e7()), i64::from(near.lng_e7()), 300_000),
        None => (0, 0, 1_800_000_000),
    };
    let lat = (lat + rng.within(-spread, spread)).clamp(-900_000_000, 900_000_000);
    let lng = (lng + rng.within(-spread, spread)).clamp(-1_800_000_000, 1_799_999_999);
    LatLng::try_from(E7 { lat: i32::try_from(lat).unwrap(), lng: i32::try_from(lng).unwrap() })
        .unwrap()
}

/// How often the bound was within a second of the truth, and how far it was above it at worst.
fn contract(travel: &dyn TravelTime) -> (u64, u64) {
    let mut rng = Rng(7);
    let (mut sharp, mut wrong) = (0, 0);
    for _ in 0..20_000 {
        let from = place(&mut rng, None);
        let to = place(&mut rng, Some(from));
        let eta = travel.time(from, to);
        assert_eq!(eta.source, travel.source());
        assert_eq!(eta, travel.time(from, to), "the same question has the same answer");
        let apart = Meters::new(haversine(from, to).meters()).unwrap();
        for part in [1.0, 0.999, 0.5, 0.0] {
            let closer = Meters::new(apart.get() * part).unwrap();
            let bound = travel.lower_bound(closer);
            wrong += u64::from(bound > eta.duration);
            sharp += u64::from(bound.get() + 1_000 > eta.duration.get());
            assert!(bound <= travel.lower_bound(apart), "the bound does not fall");
        }
    }
    let from: Vec<LatLng> = (0..50).map(|_| place(&mut rng, None)).collect();
    let to = from[7];
    let mut etas = vec![travel.time(to, to)];
    travel.times_to(&from, to, &mut etas);
    let one_by_one: Vec<Eta> = from.iter().map(|&from| travel.time(from, to)).collect();
    assert_eq!(etas, one_by_one);
    assert_eq!(etas[7].duration, Millis::ZERO);
    (sharp, wrong)
}

#[test]
fn the_straight_line_keeps_the_contract() {
    for travel in [
        StraightLine::default(),
        StraightLine::new(70.0, 1.0).unwrap(),
        StraightLine::new(0.1, 10.0).unwrap(),
    ] {
        let (sharp, wrong) = contract(&travel);
        assert!(sharp > 10_000, "the bound is of use: {sharp}");
        assert_eq!(wrong, 0, "the bound holds");
    }
}

#[test]
fn values_with_which_nobody_drives_are_refused() {
    let error = StraightLine::new(0.0, 1.0).unwrap_err();
    assert_eq!(error.to_string(), "speed in m/s 0 is not in 0.1..=70");
    assert!(StraightLine::new(5.0, 0.9).is_err());
    assert!(StraightLine::new(f64::NAN, 1.0).is_err());
}

/// A bound that is a tenth too high.
struct TooHigh(StraightLine);

impl TravelTime for TooHigh {
    fn time(&self, from: LatLng, to: LatLng) -> Eta {
        self.0.time(from, to)
    }

    fn lower_bound(&self, distance: Meters) -> Millis {
        Millis(self.0.lower_bound(distance).get() * 11 / 10)
    }

    fn source(&self) -> TravelSource {
        self.0.source()
    }
}

#[test]
fn a_bound_that_is_too_high_is_noticed() {
    let (_, wrong) = contract(&TooHigh(StraightLine::default()));
    assert!(wrong > 1_000, "{wrong}");
}
