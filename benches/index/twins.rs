//! Spatial indices that move drivers by removing and inserting.

use std::num::NonZeroUsize;

use hansom::geo::{EARTH_RADIUS_M, LatLng};
use kiddo::{MutableKdTree, SquaredEuclidean};
use rstar::RTree;
use rstar::primitives::GeomWithData;

/// An index of positions.
pub(crate) trait Twin {
    /// Moves a driver.
    fn update(&mut self, ix: u32, from: LatLng, to: LatLng);

    /// The numbers of the k nearest.
    fn nearest(&self, center: LatLng, k: usize) -> Vec<u32>;
}

/// On the unit sphere, chords order like great circles.
fn point(position: LatLng) -> [f64; 3] {
    let degrees = position.degrees();
    let ((sin_lat, cos_lat), (sin_lng, cos_lng)) =
        (degrees.lat.to_radians().sin_cos(), degrees.lng.to_radians().sin_cos());
    [cos_lat * cos_lng, cos_lat * sin_lng, sin_lat]
}

/// An R*-tree.
pub(crate) struct Rstar(RTree<GeomWithData<[f64; 3], u32>>);

impl Rstar {
    pub(crate) fn new(positions: &[LatLng]) -> Self {
        let points = (0..).zip(positions).map(|(ix, &p)| GeomWithData::new(point(p), ix));
        Self(RTree::bulk_load(points.collect()))
    }

    /// How many are within so many metres.
    pub(crate) fn within(&self, center: LatLng, metres: f64) -> usize {
        let chord = 2.0 * (metres / EARTH_RADIUS_M / 2.0).sin();
        self.0.locate_within_distance(point(center), chord * chord).count()
    }
}

impl Twin for Rstar {
    fn update(&mut self, ix: u32, from: LatLng, to: LatLng) {
        let removed = self.0.remove(&GeomWithData::new(point(from), ix));
        assert!(removed.is_some(), "driver {ix} was not where it was");
        self.0.insert(GeomWithData::new(point(to), ix));
    }

    fn nearest(&self, center: LatLng, k: usize) -> Vec<u32> {
        self.0.nearest_neighbor_iter(point(center)).take(k).map(|found| found.data).collect()
    }
}

/// A k-d tree.
pub(crate) struct Kiddo(MutableKdTree<f64, 3>);

impl Kiddo {
    pub(crate) fn new(positions: &[LatLng]) -> Self {
        let mut tree = MutableKdTree::default();
        for (ix, &position) in (0..).zip(positions) {
            tree.add(&point(position), ix).expect("no 33 drivers on one spot");
        }
        Self(tree)
    }
}

impl Twin for Kiddo {
    fn update(&mut self, ix: u32, from: LatLng, to: LatLng) {
        self.0.remove(&point(from), ix);
        self.0.add(&point(to), ix).expect("no 33 drivers on one spot");
    }

    fn nearest(&self, center: LatLng, k: usize) -> Vec<u32> {
        let k = NonZeroUsize::new(k).expect("k is not 0");
        let query = point(center);
        let found = self.0.query(&query).nearest_n::<SquaredEuclidean<f64>>(k).execute();
        found.iter().map(|found| found.item).collect()
    }
}
