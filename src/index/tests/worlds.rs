//! Places where drivers may be: ordinary ones, and those that break indices.

use crate::geo::{E7, LatLng};
use crate::test_rng::Rng;

/// A way of scattering drivers over the globe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// Four cities, one of them far north, one across the antimeridian.
    Cities,
    /// Anywhere.
    Uniform,
    /// All on a handful of points, which drivers swap.
    OneSpot,
    /// Around both poles, and on them.
    Poles,
    /// Along the antimeridian.
    Antimeridian,
    /// A dense square of a hundred metres.
    Stadium,
}

impl World {
    /// A position of this world.
    pub(crate) fn position(self, rng: &mut Rng) -> LatLng {
        match self {
            Self::Cities => {
                let cities = [
                    (377_749, -1_224_194),
                    (696_492, 189_553),
                    (-180_000, 1_799_500),
                    (13_521, 1_038_198),
                ];
                let (lat, lng) = cities[rng.below(4) as usize];
                let spread = 10i64.pow(3 + rng.below(4) as u32);
                near(lat * 1_000, lng * 1_000, spread, rng)
            }
            Self::Uniform => make(
                rng.within(-900_000_000, 900_000_000),
                rng.within(-1_800_000_000, 1_799_999_999),
            ),
            Self::OneSpot => near(488_566_000, 23_522_000, i64::from(rng.once_in(10)), rng),
            Self::Poles => {
                let lat = 900_000_000 - 10i64.pow(rng.below(8) as u32) + 1;
                let lat = if rng.once_in(2) { -lat } else { lat };
                make(lat, rng.within(-1_800_000_000, 1_799_999_999))
            }
            Self::Antimeridian => near(0, 1_800_000_000, 10i64.pow(1 + rng.below(7) as u32), rng),
            Self::Stadium => near(515_560_000, -2_796_000, 9_000, rng),
        }
    }

    /// A position a short move away from another.
    pub(crate) fn step(from: LatLng, rng: &mut Rng) -> LatLng {
        let spread = 10i64.pow(rng.below(6) as u32);
        near(i64::from(from.lat_e7()), i64::from(from.lng_e7()), spread, rng)
    }
}

fn near(lat: i64, lng: i64, spread: i64, rng: &mut Rng) -> LatLng {
    make(lat + rng.within(-spread, spread), lng + rng.within(-spread, spread))
}

fn make(lat: i64, lng: i64) -> LatLng {
    let lng = (lng + 1_800_000_000).rem_euclid(3_600_000_000) - 1_800_000_000;
    let lat = lat.clamp(-900_000_000, 900_000_000) as i32;
    LatLng::try_from(E7 { lat, lng: lng as i32 }).unwrap()
}
