//! The one great-circle formula.
//!
//! Everything that compares distances compares [`Haversine`] terms made here: the term grows
//! strictly with the distance, so no root and no arc sine is needed to decide who is nearer.
//! The trigonometry is our own polynomials over plain multiplications and additions, so that
//! the same question has the same answer on each machine, whatever its C library.

use std::f64::consts::PI;

use super::LatLng;
use crate::units::Meters;

/// The mean Earth radius R₁ of IUGG (Moritz 2000, Geodetic Reference System 1980), in metres.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Radians in one ten-millionth of a degree.
const RAD_PER_E7: f64 = PI / 1.8e9;

/// The haversine term h = sin²(Δφ/2) + cos φ₁ cos φ₂ sin²(Δλ/2), in 0..=1.
///
/// # Guarantees
/// Strictly increasing in the great-circle distance and symmetric; zero if and only if the two
/// positions are the same point of the sphere, up to rounding. Totally ordered: it is never NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Haversine(f64);

impl Haversine {
    /// The same place.
    pub const ZERO: Self = Self(0.0);

    /// Opposite ends of the globe.
    pub const MAX: Self = Self(1.0);

    /// The term of all positions at exactly this distance.
    pub fn of_radius(radius: Meters) -> Self {
        let half_angle = radius.get() / (2.0 * EARTH_RADIUS_M);
        if half_angle >= PI / 2.0 {
            return Self::MAX;
        }
        let s = sin_quarter(half_angle);
        Self(s * s)
    }

    /// The term itself; what is outside 0..=1 by rounding becomes the nearer end.
    pub const fn of_term(term: f64) -> Self {
        // Not a number becomes zero.
        if term > 0.0 { Self(if term < 1.0 { term } else { 1.0 }) } else { Self(0.0) }
    }

    /// The term itself, in 0..=1.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The distance in metres.
    pub fn meters(self) -> f64 {
        2.0 * EARTH_RADIUS_M * self.0.sqrt().asin()
    }
}

impl Eq for Haversine {}

impl PartialOrd for Haversine {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Haversine {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A position from which many distances are measured: its cosine is computed once.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    position: LatLng,
    cos_lat: f64,
}

impl Origin {
    /// Prepares `position`.
    pub fn new(position: LatLng) -> Self {
        Self { position, cos_lat: cos_lat(position) }
    }

    /// The position itself.
    pub const fn position(&self) -> LatLng {
        self.position
    }

    /// The cosine of its latitude.
    pub const fn cos_lat(&self) -> f64 {
        self.cos_lat
    }

    /// The great-circle term from here to `there`.
    pub fn to(&self, there: LatLng) -> Haversine {
        let dlat = i64::from(there.lat_e7()) - i64::from(self.position.lat_e7());
        let dlng = i64::from(there.lng_e7()) - i64::from(self.position.lng_e7());
        // Around the globe by the shorter way.
        let dlng = if dlng.abs() > 1_800_000_000 { 3_600_000_000 - dlng.abs() } else { dlng.abs() };
        let sin_lat = sin_quarter(dlat.abs() as f64 * (RAD_PER_E7 / 2.0));
        let sin_lng = sin_quarter(dlng as f64 * (RAD_PER_E7 / 2.0));
        let h = sin_lat * sin_lat + self.cos_lat * cos_lat(there) * (sin_lng * sin_lng);
        Haversine(h.min(1.0))
    }
}

/// The great-circle term between two positions.
///
/// # Examples
/// ```
/// use hansom::geo::{haversine, Degrees, LatLng};
/// let paris = LatLng::try_from(Degrees { lat: 48.8566, lng: 2.3522 })?;
/// let london = LatLng::try_from(Degrees { lat: 51.5074, lng: -0.1278 })?;
/// assert_eq!(haversine(paris, london).meters().round(), 343_557.0);
/// # Ok::<(), hansom::geo::DegreesError>(())
/// ```
pub fn haversine(a: LatLng, b: LatLng) -> Haversine {
    Origin::new(a).to(b)
}

/// cos φ as the sine of the angle to the pole: exact relative precision near the poles.
fn cos_lat(position: LatLng) -> f64 {
    sin_quarter(f64::from(900_000_000 - position.lat_e7().abs()) * RAD_PER_E7)
}

/// The sine of an angle in 0..=π/2, to within 2 units in the last place.
///
/// The Taylor series to x²¹, whose remainder at π/2 is (π/2)²³/23! < 2·10⁻¹⁸. No fused
/// operations: bit-identical everywhere.
#[inline]
pub fn sin_quarter(x: f64) -> f64 {
    const C: [f64; 10] = [
        -1.0 / 6.0,
        1.0 / 120.0,
        -1.0 / 5_040.0,
        1.0 / 362_880.0,
        -1.0 / 39_916_800.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 1_307_674_368_000.0,
        1.0 / 355_687_428_096_000.0,
        -1.0 / 121_645_100_408_832_000.0,
        1.0 / 51_090_942_171_709_440_000.0,
    ];
    let x2 = x * x;
    // Below 1/32 rad (200 km) the terms from x⁹ on are under half a unit in the last place.
    let series = if x2 < 1.0 / 1_024.0 {
        C[0] + x2 * (C[1] + x2 * (C[2] + x2 * C[3]))
    } else {
        let mut sum = C[9];
        for c in C[..9].iter().rev() {
            sum = sum * x2 + c;
        }
        sum
    };
    x + x * x2 * series
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Degrees;

    fn at(lat: f64, lng: f64) -> LatLng {
        LatLng::try_from(Degrees { lat, lng }).unwrap()
    }

    #[test]
    fn sine_agrees_with_the_library() {
        for i in 0..=100_000 {
            let x = f64::from(i) / 100_000.0 * (PI / 2.0);
            let (ours, theirs) = (sin_quarter(x), x.sin());
            assert!((ours - theirs).abs() <= 3.0 * f64::EPSILON * theirs.max(1e-300), "sin {x}");
        }
    }

    #[test]
    fn known_distances() {
        // A degree of a great circle is πR/180.
        let degree = PI * EARTH_RADIUS_M / 180.0;
        for (a, b, degrees) in [
            (at(0.0, 0.0), at(0.0, 1.0), 1.0),
            (at(0.0, 179.5), at(0.0, -179.5), 1.0),
            (at(89.5, 0.0), at(89.5, 180.0), 1.0),
            (at(90.0, 0.0), at(-90.0, 77.0), 180.0),
            (at(0.0, 0.0), at(0.0, -180.0), 180.0),
            (at(90.0, 10.0), at(90.0, -100.0), 0.0),
        ] {
            let d = haversine(a, b).meters();
            assert!((d - degrees * degree).abs() < 1e-6 * degree, "{a} to {b}: {d} m");
            assert_eq!(haversine(a, b), haversine(b, a));
        }
    }

    #[test]
    fn radius_terms_are_inclusive_at_both_ends() {
        assert_eq!(Haversine::of_radius(Meters::ZERO), Haversine::ZERO);
        assert_eq!(Haversine::of_radius(Meters::HALF_GLOBE), Haversine::MAX);
    }
}
