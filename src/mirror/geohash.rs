//! The score of a position in a geo set, as Redis computes it: so a position costs one number on
//! the wire and no arithmetic in Redis, and an audit knows what ought to be there.

use super::entry::GEO_LIMIT_E7;
use crate::geo::{Degrees, LatLng};

/// Bits of each coordinate.
const STEP: u32 = 26;

/// The furthest latitude, in degrees.
const LAT_LIMIT: f64 = 85.051_128_78;

/// The score of a position; `None` beyond what a geo set holds.
///
/// # References
/// `geohashEncode` and `interleave64` of Redis 7.0, `src/geohash.c`; the interleaving is "Interleave
/// bits by Binary Magic Numbers" of S. E. Anderson's Bit Twiddling Hacks.
pub fn geo_score(position: LatLng) -> Option<u64> {
    if !(-GEO_LIMIT_E7..=GEO_LIMIT_E7).contains(&position.lat_e7()) {
        return None;
    }
    let Degrees { lat, lng } = position.degrees();
    let lat = (lat + LAT_LIMIT) / (LAT_LIMIT + LAT_LIMIT);
    let lng = (lng + 180.0) / 360.0;
    Some(spread(cell(lat)) | spread(cell(lng)) << 1)
}

/// Which of 2²⁶ cells a part of the range is in.
fn cell(part: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 2 to the 26th"
    )]
    let cell = (part * f64::from(1_u32 << STEP)) as u64;
    cell
}

/// Puts a zero between each two of the lower 32 bits.
const fn spread(mut x: u64) -> u64 {
    x = (x | (x << 16)) & 0x0000_ffff_0000_ffff;
    x = (x | (x << 8)) & 0x00ff_00ff_00ff_00ff;
    x = (x | (x << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    x = (x | (x << 2)) & 0x3333_3333_3333_3333;
    (x | (x << 1)) & 0x5555_5555_5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(lat: f64, lng: f64) -> Option<u64> {
        geo_score(LatLng::try_from(Degrees { lat, lng }).unwrap())
    }

    #[test]
    fn published_scores_are_met() {
        // The two cities of the documentation of GEOADD, as ZSCORE gives them.
        assert_eq!(score(38.115_556, 13.361_389), Some(3_479_099_956_230_698));
        assert_eq!(score(37.502_669, 15.087_269), Some(3_479_447_370_796_909));
        assert_eq!((score(85.06, 0.0), score(-85.06, 0.0)), (None, None));
        assert_eq!(score(-85.051_128, -180.0).map(|score| score & !0xff), Some(0));
        assert_eq!(spread(0b1011), 0b100_0101);
    }
}
