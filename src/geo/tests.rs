//! Our geometry beside the `geo` crate's, which shares no code with it.

use geo::{Contains, Distance, Haversine as TheirHaversine, Intersects, LineString, Point};

use super::{Area, Degrees, LatLng, Polygon, haversine};
use crate::test_rng::Rng;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::try_from(Degrees { lat, lng }).unwrap()
}

fn point(position: LatLng) -> Point {
    let Degrees { lat, lng } = position.degrees();
    Point::new(lng, lat)
}

fn anywhere(rng: &mut Rng, spread: i64) -> LatLng {
    let part = |rng: &mut Rng, most: i64| rng.within(-most, most) as f64 / 1e7;
    at(part(rng, spread.min(900_000_000)), part(rng, spread))
}

#[test]
fn distances_agree() {
    let mut rng = Rng(3);
    let (mut near, mut across) = (0, 0);
    for i in 0..20_000 {
        let spread = 10i64.pow(2 + i % 8).min(1_800_000_000);
        let (a, b) = (anywhere(&mut rng, spread), anywhere(&mut rng, spread));
        let (ours, theirs) =
            (haversine(a, b).meters(), TheirHaversine.distance(point(a), point(b)));
        // Near the antipode the arc sine turns a rounding into centimetres.
        assert!(
            (ours - theirs).abs() <= 0.1_f64.min(1e-6 + theirs * 1e-8),
            "{a} {b}: {ours} {theirs}"
        );
        near += u32::from(theirs < 10.0);
        across += u32::from((a.lng_e7() - b.lng_e7() / 2).abs() > 900_000_000);
    }
    assert!(near > 500 && across > 300, "{near} near, {across} far apart in longitude");
}

#[test]
fn polygons_agree() {
    let mut rng = Rng(5);
    let (mut inside, mut outside, mut refused) = (0, 0, 0);
    for _ in 0..3_000 {
        let ring: Vec<LatLng> = (0..3 + rng.below(5)).map(|_| anywhere(&mut rng, 1_000)).collect();
        let Ok(ours) = Polygon::new(std::slice::from_ref(&ring)) else {
            refused += 1;
            continue;
        };
        let line: LineString = ring.iter().map(|&v| point(v).0).collect();
        let theirs = geo::Polygon::new(line, vec![]);
        let ours = Area::Polygon(ours);
        for _ in 0..40 {
            let p = anywhere(&mut rng, 1_100);
            let contained = ours.contains(p);
            // What ours holds theirs touches; what theirs holds inside ours holds.
            let (touched, held) = (theirs.intersects(&point(p)), theirs.contains(&point(p)));
            assert!(contained || !held, "{p} is inside {ring:?}");
            assert!(touched || !contained || !strictly_apart(&theirs, p), "{p}, {ring:?}");
            inside += u32::from(contained);
            outside += u32::from(!contained);
        }
    }
    assert!(inside > 3_000 && outside > 5_000 && refused > 300, "{inside} {outside} {refused}");
}

/// Whether a position is more than a rounding away from each edge.
fn strictly_apart(polygon: &geo::Polygon, p: LatLng) -> bool {
    use geo::Euclidean;
    Euclidean.distance(polygon.exterior(), &point(p)) > 1e-9
}
