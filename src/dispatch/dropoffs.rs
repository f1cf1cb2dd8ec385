//! Where drivers about to finish will be free, looked up by distance.
//!
//! They stand still for the length of a window, and most of them are of no interest to most riders: an
//! R-tree (Beckmann et al. 1990, built in bulk) hands them out nearest first, as many as are asked
//! for. A search through all of them for each rider would be the larger part of a window in a city
//! where as many drivers are about to finish as riders wait.

use rstar::RTree;
use rstar::primitives::GeomWithData;

use crate::geo::{Haversine, LatLng};

/// A dropoff on the unit sphere, and its number.
type Dropoff = GeomWithData<[f64; 3], usize>;

/// By how much a squared chord may be wrong, some roundings of numbers up to four; half a metre is
/// 6 × 10⁻¹⁵.
const ROUNDING: f64 = 1e-14;

/// The dropoffs of a window.
#[derive(Debug, Default)]
pub(super) struct Dropoffs {
    tree: RTree<Dropoff>,
}

impl Dropoffs {
    /// Of these places, which are numbered from zero.
    ///
    /// # Complexity
    /// O(n log n) in the n places.
    pub(super) fn of(places: impl Iterator<Item = LatLng>) -> Self {
        let numbered = places.zip(0..).map(|(place, ix)| Dropoff::new(unit_vector(place), ix));
        Self { tree: RTree::bulk_load(numbered.collect()) }
    }

    /// All of them, each with a distance that no later one falls below, which grows.
    ///
    /// # Complexity
    /// O(log n) for each that is taken, in practice.
    pub(super) fn from(&self, place: LatLng) -> impl Iterator<Item = (Haversine, usize)> + '_ {
        let nearest = self.tree.nearest_neighbor_iter_with_distance_2(unit_vector(place));
        nearest.map(|(dropoff, squared)| {
            // The haversine term is the square of half the chord.
            (Haversine::of_term((squared - ROUNDING) / 4.0), dropoff.data)
        })
    }
}

fn unit_vector(place: LatLng) -> [f64; 3] {
    let radians = |e7: i32| (f64::from(e7) * 1e-7).to_radians();
    let (lat, lng) = (radians(place.lat_e7()), radians(place.lng_e7()));
    [lat.cos() * lng.cos(), lat.cos() * lng.sin(), lat.sin()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{E7, haversine};
    use crate::test_rng::Rng;

    /// Among them both poles, the date line, and places that are the same.
    fn places(rng: &mut Rng) -> Vec<LatLng> {
        let mut any = |below: u64| i64::try_from(rng.next() % below).unwrap();
        (0..500)
            .map(|i| {
                let (lat, lng) = match i % 5 {
                    0 => (900_000_000 - any(2) * 1_800_000_000, any(1_000) - 500),
                    1 => (any(2_000) - 1_000, 1_800_000_000 - any(2_000)),
                    2 => (any(2_000) - 1_000, any(2_000) - 1_800_000_000),
                    3 => (375_000_000 + any(5), -1_220_000_000 + any(5)),
                    _ => (any(1_800_000_000) - 900_000_000, any(3_600_000_000) - 1_800_000_000),
                };
                let e7 = |value: i64| i32::try_from(value).unwrap();
                LatLng::try_from(E7 { lat: e7(lat), lng: e7(lng) }).unwrap()
            })
            .collect()
    }

    #[test]
    fn all_come_and_none_sooner_than_its_bound() {
        let mut rng = Rng(3);
        let places = places(&mut rng);
        let dropoffs = Dropoffs::of(places.iter().copied());
        let (mut near, mut far, mut same) = (0, 0, 0);
        for &from in &places {
            let mut left: Vec<usize> = (0..places.len()).collect();
            let mut last = Haversine::ZERO;
            for (bound, ix) in dropoffs.from(from) {
                assert!(bound >= last, "the bound falls");
                last = bound;
                let is = haversine(places[ix], from);
                let apart = is.meters() - bound.meters();
                assert!((0.0..2.0).contains(&apart), "{apart} m apart");
                let at = left.iter().position(|one| *one == ix).expect("comes twice");
                left.swap_remove(at);
                near += u32::from(is.meters() < 100.0);
                far += u32::from(is.meters() > 15_000_000.0);
                same += u32::from(is == Haversine::ZERO);
            }
            assert_eq!(left, Vec::<usize>::new(), "some do not come");
        }
        assert!(near > 10_000 && far > 10_000 && same > 1_000, "{near}, {far}, {same}");
        assert_eq!(Dropoffs::default().from(places[0]).count(), 0);
    }
}
