//! Polygons with holes, across the antimeridian, decided in exact integers.
//!
//! Edges are straight in longitude and latitude, as in GeoJSON (RFC 7946), and go the shorter
//! way around the globe. The test is the crossing number with the edge itself counted as
//! inside, in 128-bit integers: no tolerance and no rounding.

use rstar::{AABB, RTree, RTreeObject};

use super::{Degrees, LatLng, WrapBox};

/// A full turn of longitude in E7.
pub(super) const TURN_E7: i64 = 3_600_000_000;

pub(super) const MAX_VERTICES: usize = crate::limits::MAX_POLYGON_VERTICES;

/// A closed line of at least three distinct vertices that does not cross itself.
///
/// Longitudes are unwrapped relative to the first vertex, so that the arithmetic is planar.
#[derive(Clone, Debug)]
pub struct Ring {
    start_lng: i32,
    /// (x, y): x is the longitude relative to `start_lng`, unwrapped; y the latitude.
    points: Vec<(i64, i64)>,
    low: (i64, i64),
    high: (i64, i64),
}

/// An outer ring and its holes.
#[derive(Clone, Debug)]
pub struct Polygon {
    outer: Ring,
    holes: Vec<Ring>,
}

/// Why rings do not make a polygon.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolygonError {
    /// Fewer than three distinct vertices.
    #[error("ring {ring} has {vertices} distinct vertices; at least 3 are needed")]
    TooFew {
        /// Which ring; 0 is the outer one.
        ring: usize,
        /// How many it has.
        vertices: usize,
    },
    /// More vertices than the limit.
    #[error("polygon has {vertices} vertices; at most {MAX_VERTICES} are allowed")]
    TooMany {
        /// How many it has.
        vertices: usize,
    },
    /// Two edges that are no neighbours meet.
    #[error(
        "ring {ring} crosses itself: edge {first} meets edge {second} near {near_lat},{near_lng}"
    )]
    Crosses {
        /// Which ring; 0 is the outer one.
        ring: usize,
        /// The lower of the two edges; edge i starts at vertex i.
        first: usize,
        /// The higher of the two edges.
        second: usize,
        /// Where the second edge starts.
        near_lat: f64,
        /// Where the second edge starts.
        near_lng: f64,
    },
    /// The ring runs all the way around a pole.
    #[error("ring {ring} goes around a pole; cut it at a meridian")]
    AroundPole {
        /// Which ring; 0 is the outer one.
        ring: usize,
    },
    /// A hole is not inside the outer ring.
    #[error("hole {hole} is not inside the outer ring")]
    HoleOutside {
        /// Which hole, from 1.
        hole: usize,
    },
}

impl Polygon {
    /// A polygon from its rings, the outer one first. A ring's last vertex may repeat its first.
    ///
    /// # Errors
    /// [`PolygonError`], naming the ring and its edges.
    ///
    /// # Complexity
    /// O(v log v) for v vertices that do not crowd.
    pub fn new(rings: &[Vec<LatLng>]) -> Result<Self, PolygonError> {
        let vertices = rings.iter().map(Vec::len).sum();
        if vertices > MAX_VERTICES {
            return Err(PolygonError::TooMany { vertices });
        }
        let Some((outer, holes)) = rings.split_first() else {
            return Err(PolygonError::TooFew { ring: 0, vertices: 0 });
        };
        let outer = Ring::new(0, outer)?;
        let mut made = Vec::with_capacity(holes.len());
        for (i, hole) in holes.iter().enumerate() {
            let ring = Ring::new(i + 1, hole)?;
            if !hole.iter().all(|&v| outer.contains(v)) {
                return Err(PolygonError::HoleOutside { hole: i + 1 });
            }
            made.push(ring);
        }
        Ok(Self { outer, holes: made })
    }

    /// Whether `position` is inside; all edges, those of holes too, are inside.
    ///
    /// # Complexity
    /// O(v) for v vertices, after a bounding-box test.
    pub fn contains(&self, position: LatLng) -> bool {
        self.outer.contains(position)
            && !self.holes.iter().any(|hole| hole.side(position) == Side::Inside)
    }

    /// The box around the outer ring.
    pub fn bounds(&self) -> WrapBox {
        self.outer.bounds()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Inside,
    Edge,
    Outside,
}

impl Ring {
    fn new(ring: usize, vertices: &[LatLng]) -> Result<Self, PolygonError> {
        let mut points: Vec<(i64, i64)> = Vec::with_capacity(vertices.len());
        let start_lng = vertices.first().map_or(0, |v| v.lng_e7());
        let mut x = 0;
        let mut last_lng = start_lng;
        for vertex in vertices {
            x += shorter_way(i64::from(vertex.lng_e7()) - i64::from(last_lng));
            last_lng = vertex.lng_e7();
            let point = (x, i64::from(vertex.lat_e7()));
            if points.last() != Some(&point) {
                points.push(point);
            }
        }
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if points.len() < 3 {
            return Err(PolygonError::TooFew { ring, vertices: points.len() });
        }
        // Back at the start by the shorter way, or once around.
        let closing = shorter_way(i64::from(start_lng) - i64::from(last_lng));
        if x + closing != 0 {
            return Err(PolygonError::AroundPole { ring });
        }
        let low = fold(&points, i64::min);
        let high = fold(&points, i64::max);
        if high.0 - low.0 >= TURN_E7 {
            return Err(PolygonError::AroundPole { ring });
        }
        let made = Self { start_lng, points, low, high };
        made.refuse_crossings(ring)?;
        Ok(made)
    }

    fn refuse_crossings(&self, ring: usize) -> Result<(), PolygonError> {
        let n = self.points.len();
        let edges: Vec<Edge> = (0..n)
            .map(|i| Edge { ix: i, a: self.points[i], b: self.points[(i + 1) % n] })
            .collect();
        let tree = RTree::bulk_load(edges.clone());
        for edge in &edges {
            for other in tree.locate_in_envelope_intersecting(edge.envelope()) {
                if other.ix <= edge.ix || !edge.touches(other, n) {
                    continue;
                }
                return Err(PolygonError::Crosses {
                    ring,
                    first: edge.ix,
                    second: other.ix,
                    near_lat: other.a.1 as f64 / 1e7,
                    near_lng: f64::from(super::area::wrap_lng(
                        i64::from(self.start_lng) + other.a.0,
                    )) / 1e7,
                });
            }
        }
        Ok(())
    }

    fn contains(&self, position: LatLng) -> bool {
        self.side(position) != Side::Outside
    }

    fn side(&self, position: LatLng) -> Side {
        let y = i64::from(position.lat_e7());
        if !(self.low.1..=self.high.1).contains(&y) {
            return Side::Outside;
        }
        // The one name of this longitude that can lie within the ring's extent.
        let x = i64::from(position.lng_e7()) - i64::from(self.start_lng);
        let x = self.low.0 + (x - self.low.0).rem_euclid(TURN_E7);
        if x > self.high.0 {
            return Side::Outside;
        }
        let mut inside = false;
        let mut a = self.points[self.points.len() - 1];
        for &b in &self.points {
            let turn = cross(a, b, (x, y));
            if turn == 0 && between(a, b, (x, y)) {
                return Side::Edge;
            }
            // Half-open in y, so that a vertex is counted once.
            if (a.1 > y) != (b.1 > y) && ((turn > 0) == (b.1 > a.1)) {
                inside = !inside;
            }
            a = b;
        }
        if inside { Side::Inside } else { Side::Outside }
    }

    fn bounds(&self) -> WrapBox {
        let lat = |y: i64| i32::try_from(y).unwrap_or_else(|_| unreachable!("made from an i32"));
        WrapBox {
            south: lat(self.low.1),
            north: lat(self.high.1),
            west: super::area::wrap_lng(i64::from(self.start_lng) + self.low.0),
            width: self.high.0 - self.low.0,
        }
    }
}

/// One side of a ring, for the search of crossings.
#[derive(Clone)]
struct Edge {
    ix: usize,
    a: (i64, i64),
    b: (i64, i64),
}

impl RTreeObject for Edge {
    type Envelope = AABB<[i64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners([self.a.0, self.a.1], [self.b.0, self.b.1])
    }
}

impl Edge {
    /// Whether the two share a point that a simple ring of `n` edges would not let them share.
    fn touches(&self, other: &Self, n: usize) -> bool {
        let follows = self.ix + 1 == other.ix;
        let closes = self.ix == 0 && other.ix + 1 == n;
        if follows || closes {
            // Neighbours share one end; they may share no more, so they must not fold back.
            let (shared, p, q) =
                if follows { (self.b, self.a, other.b) } else { (self.a, self.b, other.a) };
            return cross(shared, p, q) == 0 && (between(shared, p, q) || between(shared, q, p));
        }
        let side = |p| cross(self.a, self.b, p).signum();
        let other_side = |p| cross(other.a, other.b, p).signum();
        let (s1, s2) = (side(other.a), side(other.b));
        let (t1, t2) = (other_side(self.a), other_side(self.b));
        if s1 * s2 < 0 && t1 * t2 < 0 {
            return true;
        }
        (s1 == 0 && between(self.a, self.b, other.a))
            || (s2 == 0 && between(self.a, self.b, other.b))
            || (t1 == 0 && between(other.a, other.b, self.a))
            || (t2 == 0 && between(other.a, other.b, self.b))
    }
}

/// Twice the signed area of the triangle a, b, p: positive if p is left of a→b.
fn cross(a: (i64, i64), b: (i64, i64), p: (i64, i64)) -> i128 {
    i128::from(b.0 - a.0) * i128::from(p.1 - a.1) - i128::from(b.1 - a.1) * i128::from(p.0 - a.0)
}

/// Whether p, known to be on the line through a and b, lies between them.
fn between(a: (i64, i64), b: (i64, i64), p: (i64, i64)) -> bool {
    (a.0.min(b.0)..=a.0.max(b.0)).contains(&p.0) && (a.1.min(b.1)..=a.1.max(b.1)).contains(&p.1)
}

fn shorter_way(dlng: i64) -> i64 {
    (dlng + TURN_E7 / 2).rem_euclid(TURN_E7) - TURN_E7 / 2
}

fn fold(points: &[(i64, i64)], pick: fn(i64, i64) -> i64) -> (i64, i64) {
    points.iter().copied().fold(points[0], |m, p| (pick(m.0, p.0), pick(m.1, p.1)))
}

impl Polygon {
    /// A polygon of one ring given in degrees.
    ///
    /// # Errors
    /// [`super::AreaError`], naming the coordinate or the ring.
    pub fn from_degrees(rings: &[Vec<Degrees>]) -> Result<Self, super::AreaError> {
        let mut parsed = Vec::with_capacity(rings.len());
        for ring in rings {
            let vertices: Result<Vec<LatLng>, _> =
                ring.iter().map(|&d| LatLng::try_from(d)).collect();
            parsed.push(vertices?);
        }
        Ok(Self::new(&parsed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(points: &[(f64, f64)]) -> Vec<Degrees> {
        points.iter().map(|&(lat, lng)| Degrees { lat, lng }).collect()
    }

    fn at(lat: f64, lng: f64) -> LatLng {
        LatLng::try_from(Degrees { lat, lng }).unwrap()
    }

    #[test]
    fn a_hole_is_outside_but_its_edge_is_inside() {
        let square = ring(&[(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0)]);
        let hole = ring(&[(4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0)]);
        let polygon = Polygon::from_degrees(&[square, hole]).unwrap();
        for (inside, lat, lng) in [
            (true, 1.0, 1.0),
            (true, 0.0, 5.0),
            (true, 10.0, 10.0),
            (true, 4.0, 5.0),
            (false, 5.0, 5.0),
            (false, 10.1, 5.0),
            (false, 5.0, -0.000_000_1),
        ] {
            assert_eq!(polygon.contains(at(lat, lng)), inside, "{lat},{lng}");
        }
    }

    #[test]
    fn a_polygon_may_cross_the_antimeridian() {
        let fiji = ring(&[(-20.0, 177.0), (-20.0, -178.0), (-15.0, -178.0), (-15.0, 177.0)]);
        let polygon = Polygon::from_degrees(&[fiji]).unwrap();
        assert!(polygon.contains(at(-17.0, 179.0)) && polygon.contains(at(-17.0, -179.0)));
        assert!(!polygon.contains(at(-17.0, 0.0)) && !polygon.contains(at(-17.0, -177.0)));
        assert!(polygon.bounds().contains(at(-17.0, -180.0)));
    }

    #[test]
    fn what_is_no_polygon_is_told_why() {
        let bow = ring(&[(0.0, 0.0), (10.0, 10.0), (0.0, 10.0), (10.0, 0.0)]);
        let error = Polygon::from_degrees(&[bow]).unwrap_err();
        assert_eq!(error.to_string(), "ring 0 crosses itself: edge 0 meets edge 2 near 0,10");
        let spike = ring(&[(0.0, 0.0), (0.0, 10.0), (0.0, 5.0)]);
        assert!(Polygon::from_degrees(&[spike]).unwrap_err().to_string().contains("crosses"));
        let line = ring(&[(0.0, 0.0), (1.0, 1.0), (0.0, 0.0)]);
        assert!(Polygon::from_degrees(&[line]).unwrap_err().to_string().contains("2 distinct"));
        let pole = ring(&[(80.0, 0.0), (80.0, 120.0), (80.0, -120.0)]);
        assert!(Polygon::from_degrees(&[pole]).unwrap_err().to_string().contains("pole"));
        assert!(Polygon::from_degrees(&[]).is_err());
        let square = ring(&[(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0)]);
        let away = ring(&[(20.0, 20.0), (20.0, 21.0), (21.0, 21.0)]);
        let error = Polygon::from_degrees(&[square, away]).unwrap_err();
        assert_eq!(error.to_string(), "hole 1 is not inside the outer ring");
    }
}
