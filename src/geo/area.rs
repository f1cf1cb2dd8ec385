//! Areas a question can name: circle, box, polygon.

use super::{Degrees, DegreesError, Haversine, LatLng, Origin, Polygon, PolygonError};
use crate::units::{Meters, MetersError};

/// A region of the sphere that either contains a position or does not.
#[derive(Clone, Debug)]
pub enum Area {
    /// All positions within a radius, its edge included.
    Circle(Circle),
    /// All positions between two parallels and two meridians, its edges included.
    Box(BoundingBox),
    /// All positions inside a polygon and outside its holes, the edges included.
    Polygon(Polygon),
}

/// Why an area cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AreaError {
    /// A corner is not on the globe.
    #[error(transparent)]
    Position(#[from] DegreesError),
    /// The radius is not a length.
    #[error(transparent)]
    Radius(#[from] MetersError),
    /// South lies north of north.
    #[error("south {south} is above north {north}")]
    Upside {
        /// The southern edge given.
        south: f64,
        /// The northern edge given.
        north: f64,
    },
    /// The polygon is not one.
    #[error(transparent)]
    Polygon(#[from] PolygonError),
}

/// A disk on the sphere.
#[derive(Clone, Copy, Debug)]
pub struct Circle {
    origin: Origin,
    radius: Meters,
    limit: Haversine,
}

impl Circle {
    /// The disk of `radius` around `center`.
    pub fn new(center: LatLng, radius: Meters) -> Self {
        Self { origin: Origin::new(center), radius, limit: Haversine::of_radius(radius) }
    }

    /// Its centre.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Its radius.
    pub const fn radius(&self) -> Meters {
        self.radius
    }

    /// The great-circle term of its edge.
    pub const fn limit(&self) -> Haversine {
        self.limit
    }

    fn contains(&self, position: LatLng) -> bool {
        self.origin.to(position) <= self.limit
    }

    /// The smallest box that surely holds the disk.
    fn bounds(&self) -> WrapBox {
        let center = self.origin.position();
        let angle = self.radius.get() / super::EARTH_RADIUS_M;
        // One unit more on each side pays for rounding.
        let reach = e7_of_radians(angle) + 2;
        let lat = i64::from(center.lat_e7());
        let (south, north) = (lat - reach, lat + reach);
        if south <= -900_000_000 || north >= 900_000_000 {
            return WrapBox::band(clamp_lat(south), clamp_lat(north));
        }
        // The meridians that touch the disk: sin Δλ = sin(r) / cos φ.
        let sine = (angle.sin() / self.origin.cos_lat()).min(1.0);
        let span = e7_of_radians(sine.asin() * (1.0 + 1e-9)) + 2;
        WrapBox::around(clamp_lat(south), clamp_lat(north), center.lng_e7(), span)
    }
}

/// A box between two parallels and two meridians; `west > east` crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    bounds: WrapBox,
}

impl BoundingBox {
    /// The box from its south-west to its north-east corner.
    ///
    /// # Errors
    /// [`AreaError::Upside`] if the first corner lies north of the second.
    pub fn new(south_west: LatLng, north_east: LatLng) -> Result<Self, AreaError> {
        let (south, north) = (south_west.lat_e7(), north_east.lat_e7());
        if south > north {
            let degrees = |e7: i32| f64::from(e7) / 1e7;
            return Err(AreaError::Upside { south: degrees(south), north: degrees(north) });
        }
        let width = (i64::from(north_east.lng_e7()) - i64::from(south_west.lng_e7()))
            .rem_euclid(super::polygon::TURN_E7);
        Ok(Self { bounds: WrapBox { south, north, west: south_west.lng_e7(), width } })
    }

    /// The box from its edges in degrees. `west = -180, east = 180` is the whole parallel.
    pub fn from_degrees(south_west: Degrees, north_east: Degrees) -> Result<Self, AreaError> {
        let whole = north_east.lng - south_west.lng >= 360.0;
        let mut made = Self::new(LatLng::try_from(south_west)?, LatLng::try_from(north_east)?)?;
        if whole {
            made.bounds.width = super::polygon::TURN_E7;
        }
        Ok(made)
    }
}

impl Area {
    /// Whether `position` lies in the area; edges belong to it.
    pub fn contains(&self, position: LatLng) -> bool {
        match self {
            Self::Circle(circle) => circle.contains(position),
            Self::Box(bbox) => bbox.bounds.contains(position),
            Self::Polygon(polygon) => polygon.contains(position),
        }
    }

    /// A box that surely holds the area.
    pub fn bounds(&self) -> WrapBox {
        match self {
            Self::Circle(circle) => circle.bounds(),
            Self::Box(bbox) => bbox.bounds,
            Self::Polygon(polygon) => polygon.bounds(),
        }
    }

    /// The point from which an answer's distances are measured: the centre of a circle, of a
    /// box, or of a polygon's bounding box.
    pub fn anchor(&self) -> LatLng {
        match self {
            Self::Circle(circle) => circle.origin.position(),
            Self::Box(bbox) => bbox.bounds.center(),
            Self::Polygon(polygon) => polygon.bounds().center(),
        }
    }
}

/// A latitude band times a longitude interval that may cross the antimeridian, in E7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrapBox {
    /// Southern edge.
    pub south: i32,
    /// Northern edge.
    pub north: i32,
    /// Western edge.
    pub west: i32,
    /// Extent to the east of `west`, in `0..=3_600_000_000`.
    pub width: i64,
}

impl WrapBox {
    /// The whole band between two parallels.
    pub const fn band(south: i32, north: i32) -> Self {
        Self { south, north, west: -1_800_000_000, width: super::polygon::TURN_E7 }
    }

    fn around(south: i32, north: i32, lng: i32, span: i64) -> Self {
        if 2 * span >= super::polygon::TURN_E7 {
            return Self::band(south, north);
        }
        let west = wrap_lng(i64::from(lng) - span);
        Self { south, north, west, width: 2 * span }
    }

    /// Whether `position` lies in it; edges belong to it.
    pub fn contains(&self, position: LatLng) -> bool {
        let east_of_west = (i64::from(position.lng_e7()) - i64::from(self.west))
            .rem_euclid(super::polygon::TURN_E7);
        (self.south..=self.north).contains(&position.lat_e7()) && east_of_west <= self.width
    }

    fn center(&self) -> LatLng {
        let lat = i32::midpoint(self.south, self.north);
        let lng = wrap_lng(i64::from(self.west) + self.width / 2);
        LatLng::try_from(super::E7 { lat, lng })
            .unwrap_or_else(|_| unreachable!("the middle of two positions is a position"))
    }
}

/// A longitude brought into `-1_800_000_000..1_800_000_000`.
pub(super) fn wrap_lng(lng_e7: i64) -> i32 {
    let turn = super::polygon::TURN_E7;
    let wrapped = (lng_e7 + turn / 2).rem_euclid(turn) - turn / 2;
    i32::try_from(wrapped).unwrap_or_else(|_| unreachable!("half a turn fits an i32"))
}

fn clamp_lat(lat_e7: i64) -> i32 {
    i32::try_from(lat_e7.clamp(-900_000_000, 900_000_000))
        .unwrap_or_else(|_| unreachable!("a quarter turn fits an i32"))
}

fn e7_of_radians(radians: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "at most a turn")]
    let e7 = (radians.to_degrees() * 1e7).ceil() as i64;
    e7
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lng: f64) -> LatLng {
        LatLng::try_from(Degrees { lat, lng }).unwrap()
    }

    #[test]
    fn a_box_may_cross_the_antimeridian() {
        let fiji = Area::Box(BoundingBox::new(at(-20.0, 177.0), at(-15.0, -178.0)).unwrap());
        for (inside, lng) in [(true, 179.0), (true, -180.0), (true, -178.0), (false, 0.0)] {
            assert_eq!(fiji.contains(at(-17.0, lng)), inside, "lng {lng}");
        }
        let world = BoundingBox::from_degrees(
            Degrees { lat: -90.0, lng: -180.0 },
            Degrees { lat: 90.0, lng: 180.0 },
        );
        assert!(Area::Box(world.unwrap()).contains(at(3.0, 77.0)));
        let upside = BoundingBox::new(at(2.0, 0.0), at(1.0, 1.0)).unwrap_err();
        assert_eq!(upside.to_string(), "south 2 is above north 1");
    }

    #[test]
    fn a_circle_lies_in_its_bounds() {
        let mut inside = 0;
        for (lat, lng) in [(0.0, 0.0), (60.0, 179.9), (89.99, 10.0), (-90.0, 0.0), (45.0, -180.0)] {
            for radius in [0.0, 10.0, 5_000.0, 1e6, 9e6, 2e7] {
                let circle = Circle::new(at(lat, lng), Meters::new(radius).unwrap());
                let area = Area::Circle(circle);
                for i in 0..2_000 {
                    // A ring of probes just inside the edge, by dead reckoning north/east.
                    let bearing = f64::from(i) * 0.003_141_592_653_589_793;
                    let (dlat, dlng) = (radius * bearing.cos(), radius * bearing.sin());
                    let lat2 = (lat + dlat / 111_195.08).clamp(-90.0, 90.0);
                    let lng2 = lng + dlng / (111_195.08 * lat.to_radians().cos().max(1e-3));
                    let p = at(lat2, (lng2 + 540.0).rem_euclid(360.0) - 180.0);
                    if area.contains(p) {
                        inside += 1;
                        assert!(area.bounds().contains(p), "{p} around {lat},{lng} {radius} m");
                    }
                }
            }
        }
        assert!(inside > 10_000, "only {inside} probes were inside");
    }
}
