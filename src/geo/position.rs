//! The position type and the two forms in which a position arrives.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A position on the sphere, in ten-millionths of a degree (1.1 cm at the equator).
///
/// # Invariants
/// P1: `-900_000_000 <= lat_e7 <= 900_000_000`.
/// P2: `-1_800_000_000 <= lng_e7 < 1_800_000_000`; the antimeridian has one name, -180°.
///
/// # Examples
/// ```
/// use hansom::geo::{Degrees, LatLng};
/// let ferry_building = LatLng::try_from(Degrees { lat: 37.7955, lng: -122.3937 })?;
/// assert_eq!(ferry_building.lat_e7(), 377_955_000);
/// let wrong = LatLng::try_from(Degrees { lat: -122.3937, lng: 37.7955 });
/// assert_eq!(wrong.unwrap_err().to_string(), "lat -122.3937 is not in -90..=90");
/// # Ok::<(), hansom::geo::DegreesError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LatLng {
    lat_e7: i32,
    lng_e7: i32,
}

/// Latitude and longitude in degrees, as a person or a friendly call writes them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Degrees {
    /// Latitude, north positive, -90..=90.
    pub lat: f64,
    /// Longitude, east positive, -180..=180.
    pub lng: f64,
}

/// Latitude and longitude in ten-millionths of a degree, as the bulk calls send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct E7 {
    /// Latitude × 10⁷, north positive.
    pub lat: i32,
    /// Longitude × 10⁷, east positive.
    pub lng: i32,
}

/// Which coordinate is out of range, and what it was.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DegreesError {
    /// The latitude is not a number of degrees on the globe.
    #[error("lat {0} is not in -90..=90")]
    Lat(f64),
    /// The longitude is not a number of degrees on the globe.
    #[error("lng {0} is not in -180..=180")]
    Lng(f64),
}

const MAX_LAT_E7: i32 = 900_000_000;
const MAX_LNG_E7: i32 = 1_800_000_000;

impl LatLng {
    /// Latitude × 10⁷.
    pub const fn lat_e7(self) -> i32 {
        self.lat_e7
    }

    /// Longitude × 10⁷, in `-1_800_000_000..1_800_000_000`.
    pub const fn lng_e7(self) -> i32 {
        self.lng_e7
    }

    /// The position in degrees: exact, since E7 has fewer digits than an `f64`.
    pub fn degrees(self) -> Degrees {
        Degrees { lat: f64::from(self.lat_e7) / 1e7, lng: f64::from(self.lng_e7) / 1e7 }
    }
}

impl TryFrom<E7> for LatLng {
    type Error = DegreesError;

    fn try_from(E7 { lat, lng }: E7) -> Result<Self, DegreesError> {
        if !(-MAX_LAT_E7..=MAX_LAT_E7).contains(&lat) {
            return Err(DegreesError::Lat(f64::from(lat) / 1e7));
        }
        if !(-MAX_LNG_E7..=MAX_LNG_E7).contains(&lng) {
            return Err(DegreesError::Lng(f64::from(lng) / 1e7));
        }
        let lng = if lng == MAX_LNG_E7 { -MAX_LNG_E7 } else { lng };
        Ok(Self { lat_e7: lat, lng_e7: lng })
    }
}

impl TryFrom<Degrees> for LatLng {
    type Error = DegreesError;

    /// Rounds to the nearest ten-millionth of a degree.
    fn try_from(Degrees { lat, lng }: Degrees) -> Result<Self, DegreesError> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(DegreesError::Lat(lat));
        }
        if !(-180.0..=180.0).contains(&lng) {
            return Err(DegreesError::Lng(lng));
        }
        #[expect(clippy::cast_possible_truncation, reason = "in range: checked just above")]
        Self::try_from(E7 { lat: (lat * 1e7).round() as i32, lng: (lng * 1e7).round() as i32 })
    }
}

impl fmt::Display for LatLng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Degrees { lat, lng } = self.degrees();
        write!(f, "{lat},{lng}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_sharp_and_name_the_axis() {
        for (lat, lng) in [(90.0, 180.0), (-90.0, -180.0), (0.0, 0.0)] {
            assert!(LatLng::try_from(Degrees { lat, lng }).is_ok());
        }
        let lat = |lat| LatLng::try_from(Degrees { lat, lng: 0.0 });
        let lng = |lng| LatLng::try_from(Degrees { lat: 0.0, lng });
        assert_eq!(lat(91.0), Err(DegreesError::Lat(91.0)));
        assert_eq!(lng(180.000_000_1), Err(DegreesError::Lng(180.000_000_1)));
        assert!(matches!(lat(f64::NAN), Err(DegreesError::Lat(_))));
        assert!(matches!(lng(f64::INFINITY), Err(DegreesError::Lng(_))));
        let far = LatLng::try_from(E7 { lat: i32::MIN, lng: 0 });
        assert!(matches!(far, Err(DegreesError::Lat(_))));
    }

    #[test]
    fn the_antimeridian_has_one_name() {
        let east = LatLng::try_from(Degrees { lat: 1.0, lng: 180.0 });
        let west = LatLng::try_from(Degrees { lat: 1.0, lng: -180.0 });
        assert_eq!(east, west);
    }
}
