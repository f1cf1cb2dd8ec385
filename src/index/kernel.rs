//! The arithmetic of the search: distances and lower bounds, eight at a time.
//!
//! Works on the haversine term in `f32`, with plain multiplications and additions. Everything
//! here may be wrong by a little; [`inflate`] says by how much at most, and whoever prunes,
//! prunes with that.
//!
//! # References
//! The bound of [`bounds`]: h is at least sin²(Δy/2) + cos φ_q · min cos φ · sin²(Δx/2) over a
//! rectangle, because sin²(t/2) grows on 0..=π and the cosine is concave on -90°..=90°, so that
//! its minimum over a band is at an edge. It needs no special case at poles or antimeridian.

use super::bucket::{Columns, Rect};
use super::meta::Mask;
use super::node::SIDE;
use crate::geo::{Bam, EARTH_RADIUS_M, Haversine};

/// Radians in a unit of binary angle.
const RAD: f32 = (std::f64::consts::PI / 2_147_483_648.0) as f32;

/// A quarter turn in binary angle.
const QUARTER: i32 = 1 << 30;

/// How far two positions may be from where the binary angles put them, together: half a unit
/// of 9.3 mm each in both axes, twice, and as much again for comfort.
const QUANTUM_M: f64 = 0.04;

/// A question's centre, prepared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Center {
    pub(super) bam: Bam,
    cos: f32,
}

impl Center {
    pub(super) fn new(bam: Bam) -> Self {
        Self { bam, cos: cos_lat(bam.y) }
    }
}

/// The sine of an angle in 0..=π/2: Taylor to x¹¹, relative error under 4·10⁻⁷ with rounding.
#[inline(always)]
fn sine(x: f32) -> f32 {
    let x2 = x * x;
    x * (1.0
        + x2 * (-1.0 / 6.0
            + x2 * (1.0 / 120.0
                + x2 * (-1.0 / 5_040.0 + x2 * (1.0 / 362_880.0 - x2 * (1.0 / 39_916_800.0))))))
}

/// The cosine of a latitude as the sine of the angle to the pole.
#[inline(always)]
fn cos_lat(y: i32) -> f32 {
    sine((QUARTER - y.abs()) as f32 * RAD)
}

/// sin²(d/2) of an angle difference of at most half a turn, in units.
#[inline(always)]
fn half_sine_squared(units: f32) -> f32 {
    let s = sine(units * (0.5 * RAD));
    s * s
}

/// The approximate term between the centre and a position.
#[inline(always)]
fn term(center: &Center, x: i32, y: i32) -> f32 {
    let dy = y.wrapping_sub(center.bam.y);
    let dx = x.wrapping_sub(center.bam.x);
    // |i32::MIN| stays negative, but as a float its square is right.
    half_sine_squared(dy as f32) + center.cos * cos_lat(y) * half_sine_squared(dx as f32)
}

/// The approximate term between two positions.
pub(super) fn distance(center: &Center, bam: Bam) -> f32 {
    term(center, bam.x, bam.y)
}

/// A limit on approximate terms that excludes nobody whose exact term is within `limit`.
///
/// The approximation is off by at most 10⁻⁶ of itself (twelve roundings and the series); ten
/// times that is allowed. Rounding to binary angles moves positions by up to [`QUANTUM_M`].
pub(super) fn inflate(limit: f64) -> f32 {
    let root = limit.sqrt() * 1.000_01 + QUANTUM_M / (2.0 * EARTH_RADIUS_M);
    #[expect(clippy::cast_possible_truncation, reason = "a bound in 0..=1.1, rounded up below")]
    let bound = (root * root) as f32;
    bound * (1.0 + f32::EPSILON)
}

/// As [`inflate`], from an exact term.
pub(super) fn inflate_exact(limit: Haversine) -> f32 {
    inflate(limit.get())
}

/// As [`inflate`], from an approximate term, whose own error is paid for as well.
pub(super) fn inflate_approximate(limit: f32) -> f32 {
    inflate(f64::from(inflate(f64::from(limit))))
}

/// Scans the first `len` drivers: those within `limit` that pass the first part of the filter.
///
/// Writes their lanes and terms to `lanes` and `terms`, and returns how many there are.
#[inline(always)]
pub(super) fn scan(
    columns: &Columns,
    len: usize,
    center: &Center,
    mask: &Mask,
    limit: f32,
    found: &mut Found,
) -> usize {
    let mut count = 0;
    for (b, block) in columns.0.iter().enumerate().take(len.div_ceil(SIDE)) {
        let mut terms = [0f32; SIDE];
        let mut passes = [0u32; SIDE];
        for i in 0..SIDE {
            terms[i] = term(center, block.x[i], block.y[i]);
        }
        for i in 0..SIDE {
            passes[i] =
                u32::from(mask.passes_first(block.at[i], block.first[i]) & (terms[i] <= limit));
        }
        // Whole blocks in which nobody passes are common once the limit is tight.
        if passes.iter().fold(0, |any, pass| any | pass) == 0 {
            continue;
        }
        for i in 0..SIDE {
            let lane = b * SIDE + i;
            found.lanes[count] = lane as u8;
            found.terms[count] = terms[i];
            count += (passes[i] != 0 && lane < len) as usize;
        }
    }
    count
}

/// What a scan found. One place more than drivers, for the write that is not kept.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) lanes: [u8; super::bucket::CAPACITY + 1],
    pub(super) terms: [f32; super::bucket::CAPACITY + 1],
}

impl Default for Found {
    fn default() -> Self {
        const N: usize = super::bucket::CAPACITY + 1;
        Self { lanes: [0; N], terms: [0.0; N] }
    }
}

/// Lower bounds over the columns and rows of a directory.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// sin²(Δx/2) a column.
    columns: [f32; SIDE],
    /// sin²(Δy/2) a row.
    rows: [f32; SIDE],
    /// The centre's cosine times the least of the row.
    cosines: [f32; SIDE],
}

impl Bounds {
    /// Prepares the directory with the south-western corner `rect` and slots of 2^`shift`.
    #[inline(always)]
    pub(super) fn new(center: &Center, rect: Rect, shift: u32) -> Self {
        let mut bounds = Self::default();
        let side = 1u64 << shift;
        for i in 0..SIDE {
            let offset = (i as u64) << shift;
            let west = rect.x0.wrapping_add_unsigned(offset as u32);
            bounds.columns[i] = half_sine_squared(gap_x(center.bam.x, west, side));
            let south = i64::from(rect.y0) + offset as i64;
            let (dy, cos) = row(center, south, south + side as i64 - 1);
            bounds.rows[i] = half_sine_squared(dy);
            bounds.cosines[i] = center.cos * cos;
        }
        bounds
    }

    /// The bound of a block: the least over its columns and rows.
    #[inline(always)]
    pub(super) fn of(&self, head: usize, w: u32, h: u32) -> f32 {
        let (ix, iy) = (head % SIDE, head / SIDE);
        if w | h == 0 {
            return self.rows[iy] + self.cosines[iy] * self.columns[ix];
        }
        let least = |of: &[f32]| of.iter().copied().fold(f32::INFINITY, f32::min);
        let rows = iy..(iy + (1 << h)).min(SIDE);
        least(&self.rows[rows.clone()])
            + least(&self.cosines[rows]) * least(&self.columns[ix..(ix + (1 << w)).min(SIDE)])
    }
}

/// The bound of a single rectangle.
pub(super) fn bound(center: &Center, rect: Rect) -> f32 {
    let dx = half_sine_squared(gap_x(center.bam.x, rect.x0, 1 << rect.w));
    let south = i64::from(rect.y0);
    let (dy, cos) = row(center, south, south + (1i64 << rect.h) - 1);
    half_sine_squared(dy) + center.cos * cos * dx
}

/// How far `x` is from the interval that begins at `west`, around the globe the shorter way.
#[inline(always)]
fn gap_x(x: i32, west: i32, width: u64) -> f32 {
    let into = u64::from(x.wrapping_sub(west).cast_unsigned());
    if into < width {
        return 0.0;
    }
    let before = u64::from(west.wrapping_sub(x).cast_unsigned());
    before.min(into - (width - 1)) as f32
}

/// How far the centre is from a band of latitudes, and the least cosine in the band.
#[inline(always)]
fn row(center: &Center, south: i64, north: i64) -> (f32, f32) {
    // Root rectangles may reach beyond a pole, where nobody is.
    let clamp = |y: i64| y.clamp(-i64::from(QUARTER), i64::from(QUARTER)) as i32;
    let (south, north) = (clamp(south), clamp(north));
    let y = center.bam.y;
    let gap = (i64::from(south) - i64::from(y)).max(i64::from(y) - i64::from(north)).max(0);
    (gap as f32, cos_lat(south).min(cos_lat(north)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{E7, LatLng, haversine};

    /// A cheap sequence of varied positions; every third is near the last.
    fn positions(n: u64) -> Vec<LatLng> {
        let mut state = 7u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64
        };
        let mut last = (0, 0);
        (0..n)
            .map(|i| {
                let (dlat, dlng) = (next(), next());
                last = match i % 3 {
                    0 => (dlat % 1_800_000_001 - 900_000_000, dlng % 3_600_000_000 - 1_800_000_000),
                    1 => (last.0 + dlat % 200 - 100, last.1 + dlng % 200 - 100),
                    _ => (last.0 + dlat % 2_000_000 - 1_000_000, last.1 + dlng % 2_000_000),
                };
                last.0 = last.0.clamp(-900_000_000, 900_000_000);
                last.1 = (last.1 + 1_800_000_000).rem_euclid(3_600_000_000) - 1_800_000_000;
                LatLng::try_from(E7 { lat: last.0 as i32, lng: last.1 as i32 }).unwrap()
            })
            .collect()
    }

    #[test]
    fn terms_are_within_the_margin() {
        let all = positions(3_000);
        let (mut near, mut far) = (0, 0);
        for (i, &a) in all.iter().enumerate() {
            let center = Center::new(Bam::from(a));
            for &b in &all[i..all.len().min(i + 40)] {
                let exact = haversine(a, b);
                let rough = distance(&center, Bam::from(b));
                assert!(rough <= inflate_exact(exact), "{a} to {b}: {rough} > {exact:?}");
                #[expect(clippy::cast_possible_truncation, reason = "a test")]
                let exact32 = exact.get() as f32;
                assert!(exact32 <= inflate_approximate(rough), "{a} to {b}: {rough} < {exact:?}");
                near += u32::from(exact.meters() < 1.0);
                far += u32::from(exact.meters() > 1e7);
            }
        }
        assert!(near > 500 && far > 5_000, "{near} near and {far} far pairs");
    }

    #[test]
    fn bounds_are_below_each_position_inside() {
        let all = positions(2_000);
        let mut inside = 0;
        for (i, &a) in all.iter().enumerate() {
            let center = Center::new(Bam::from(a));
            for &b in &all[i..all.len().min(i + 20)] {
                let p = Bam::from(b);
                for shift in [4u32, 14, 20, 25, 29] {
                    let side = shift + 3;
                    let align = |v: i32| (i64::from(v) >> side << side) as i32;
                    // Latitudes do not wrap: the largest square begins below the south pole.
                    let y0 = if side == 32 { i32::MIN } else { align(p.y) };
                    let rect = Rect { x0: align(p.x), y0, w: side, h: side };
                    if !rect.holds(p) {
                        continue;
                    }
                    inside += 1;
                    let limit = inflate_exact(haversine(a, b));
                    let bounds = Bounds::new(&center, rect, shift);
                    let ix = (p.x.wrapping_sub(rect.x0).cast_unsigned() >> shift) as usize;
                    let iy = (p.y.wrapping_sub(rect.y0).cast_unsigned() >> shift) as usize;
                    let slot = iy * SIDE + ix;
                    for w in 0..4u32 {
                        for h in 0..4u32 {
                            let head = (iy >> h << h) * SIDE + (ix >> w << w);
                            let bound = bounds.of(head, w, h);
                            assert!(bound <= limit, "slot {slot} of {rect:?}: {bound} > {limit}");
                        }
                    }
                    assert!(bound(&center, rect) <= limit);
                }
            }
        }
        assert!(inside > 100_000, "only {inside} cases");
    }
}
