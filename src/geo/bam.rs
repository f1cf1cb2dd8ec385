//! Binary angles: the coordinates in which the index works.
//!
//! A full turn is 2³² units (9.3 mm at the equator), so that going around the globe is integer
//! wrap-around and the antimeridian does not exist. The unit is finer than E7: the round trip
//! `LatLng -> Bam -> LatLng` is exact.

use super::LatLng;

/// A position in binary angles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bam {
    /// Longitude; wraps.
    pub x: i32,
    /// Latitude, in `-2^30..=2^30`.
    pub y: i32,
}

/// 2³² units per 3.6·10⁹ ten-millionths of a degree.
const BAM_PER_E7: f64 = 4_294_967_296.0 / 3.6e9;

impl From<LatLng> for Bam {
    #[inline]
    fn from(position: LatLng) -> Self {
        Self { x: scale(position.lng_e7(), BAM_PER_E7), y: scale(position.lat_e7(), BAM_PER_E7) }
    }
}

impl Bam {
    /// The position from which this one was made.
    ///
    /// # Guarantees
    /// `Bam::from(p).lat_lng() == p` for each `p`.
    #[inline]
    pub fn lat_lng(self) -> LatLng {
        let e7 = super::E7 {
            lat: scale(self.y, 1.0 / BAM_PER_E7).clamp(-900_000_000, 900_000_000),
            lng: scale(self.x, 1.0 / BAM_PER_E7),
        };
        LatLng::try_from(e7).unwrap_or_else(|_| unreachable!("{e7:?} is in range by construction"))
    }
}

/// Multiplies and rounds half away from zero.
#[inline]
fn scale(value: i32, factor: f64) -> i32 {
    let scaled = f64::from(value) * factor;
    #[expect(clippy::cast_possible_truncation, reason = "|scaled| <= 2^31, and `as` saturates")]
    let rounded = (scaled + 0.5f64.copysign(scaled)) as i32;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::E7;

    #[test]
    fn round_trip_is_exact() {
        let mut lat = -900_000_000i32;
        let mut lng = -1_800_000_000i32;
        for i in 0..2_000_000 {
            let p = LatLng::try_from(E7 { lat, lng }).unwrap();
            assert_eq!(Bam::from(p).lat_lng(), p, "step {i}");
            lat = if lat > 900_000_000 - 1_801 { lat - 1_799_990_000 } else { lat + 1_801 };
            lng = if lng > 1_800_000_000 - 3_607 { lng - 1_799_999_999 } else { lng + 3_607 };
        }
        for (lat, lng) in [(900_000_000, 1_799_999_999), (-900_000_000, -1_800_000_000), (0, 0)] {
            let p = LatLng::try_from(E7 { lat, lng }).unwrap();
            assert_eq!(Bam::from(p).lat_lng(), p);
        }
    }

    #[test]
    fn the_antimeridian_is_where_integers_wrap() {
        let west = Bam::from(LatLng::try_from(E7 { lat: 0, lng: -1_800_000_000 }).unwrap());
        let east = Bam::from(LatLng::try_from(E7 { lat: 0, lng: 1_799_999_999 }).unwrap());
        assert_eq!(west.x, i32::MIN);
        assert_eq!(west.x.wrapping_sub(east.x), 1);
    }
}
