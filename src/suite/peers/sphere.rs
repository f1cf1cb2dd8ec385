//! Positions as points on the unit sphere, where chords order like great circles: what a tree of
//! plain coordinates needs to be right at each latitude and across the antimeridian.

use crate::geo::{EARTH_RADIUS_M, LatLng};

/// The point of a position.
pub(super) fn point(position: LatLng) -> [f64; 3] {
    let degrees = position.degrees();
    let ((sin_lat, cos_lat), (sin_lng, cos_lng)) =
        (degrees.lat.to_radians().sin_cos(), degrees.lng.to_radians().sin_cos());
    [cos_lat * cos_lng, cos_lat * sin_lng, sin_lat]
}

/// The square of the chord of a distance in metres.
pub(super) fn chord2(distance_m: f64) -> f64 {
    let half = (distance_m / (2.0 * EARTH_RADIUS_M)).min(std::f64::consts::FRAC_PI_2).sin();
    4.0 * half * half
}

/// The distance in metres of a chord's square.
pub(super) fn meters(chord2: f64) -> f64 {
    2.0 * EARTH_RADIUS_M * (chord2.sqrt() / 2.0).min(1.0).asin()
}
