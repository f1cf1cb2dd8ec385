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

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::inline_always,
    reason = "small indices, angles in range, and loops that must see their callers' vectors"
)]

use super::bucket::{Bucket, CAPACITY, Columns, Rect, high, low};
use super::meta::{Lanes, Mask};
use super::node::SIDE;
use super::raw::Vectorize;
use crate::geo::{Bam, EARTH_RADIUS_M, Haversine};

/// Radians in a unit of binary angle.
const RAD: f32 = (std::f64::consts::PI / 2_147_483_648.0) as f32;

/// The bits of infinity.
const INFINITE: u32 = 0x7f80_0000;

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

/// Finds the drivers of a bucket within `limit` who pass the first part of the filter; writes
/// their lanes and terms to `found` and results in how many there are.
pub(super) struct Scan<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) columns: &'a mut Columns,
    pub(super) center: &'a Center,
    pub(super) mask: &'a Mask,
    pub(super) limit: f32,
    pub(super) found: &'a mut Found,
}

impl Vectorize for Scan<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Self { bucket, columns, center, mask, limit, found } = self;
        let len = bucket.copy(columns);
        let mut terms = [0f32; CAPACITY];
        if len <= CAPACITY / 2 {
            measure::<{ CAPACITY / 2 }>(columns, center, mask, limit, &mut terms);
        } else {
            measure::<CAPACITY>(columns, center, mask, limit, &mut terms);
        }
        let mut count = 0;
        for (lane, &near) in terms[..len].iter().enumerate() {
            // Written always, kept if it counts: no branch to mispredict.
            found.lanes[count] = lane as u8;
            found.terms[count] = near;
            count += usize::from(near < f32::INFINITY);
        }
        count
    }
}

/// The terms of the first `N` places, used or not; infinite for who does not pass.
///
/// Loops of a known length have no scalar remainder, which would cost more than the places
/// that do not count. They are kept apart so that each works on 32-bit columns, eight at a
/// time, and so that the distances are not moved behind the filter's branches.
#[inline(always)]
fn measure<const N: usize>(
    columns: &Columns,
    center: &Center,
    mask: &Mask,
    limit: f32,
    terms: &mut [f32; CAPACITY],
) {
    let (center, mask) = (*center, Lanes::of(mask));
    let (mut a, mut b) = ([0u32; N], [0u32; N]);
    for i in 0..N {
        (a[i], b[i]) = (low(columns.xy[i]), high(columns.xy[i]));
    }
    for i in 0..N {
        terms[i] = term(&center, a[i].cast_signed(), b[i].cast_signed());
    }
    for i in 0..N {
        (a[i], b[i]) = (low(columns.tm[i]), high(columns.tm[i]));
    }
    for i in 0..N {
        let fails = mask.fails(a[i], b[i]) | u32::from(terms[i] > limit);
        terms[i] = f32::from_bits(if fails == 0 { terms[i].to_bits() } else { INFINITE });
    }
}

/// What a scan found. One place more than drivers, for the write that is not kept.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) lanes: [u8; CAPACITY + 1],
    pub(super) terms: [f32; CAPACITY + 1],
}

impl Found {
    /// Lets go of those that `k` others surely beat; returns how many are left.
    pub(super) fn keep_best(&mut self, count: usize, k: usize) -> usize {
        if count <= k.saturating_add(k / 2) {
            return count;
        }
        let mut bits = [0u32; CAPACITY];
        let bits = &mut bits[..count.min(CAPACITY)];
        for (bits, term) in bits.iter_mut().zip(&self.terms) {
            *bits = term.to_bits();
        }
        let (_, kth, _) = bits.select_nth_unstable(k - 1);
        let limit = inflate_approximate(f32::from_bits(*kth));
        let mut kept = 0;
        for i in 0..count {
            (self.lanes[kept], self.terms[kept]) = (self.lanes[i], self.terms[i]);
            kept += usize::from(self.terms[i] <= limit);
        }
        kept
    }
}

impl Default for Found {
    fn default() -> Self {
        const N: usize = CAPACITY + 1;
        Self { lanes: [0; N], terms: [0.0; N] }
    }
}

/// Lower bounds over the columns and rows of a directory.
///
/// The first index is the size of a block as a power of two, the second its first slot: the
/// least over a block is looked up, not computed.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// sin²(Δx/2) of columns.
    columns: [[f32; SIDE]; 4],
    /// sin²(Δy/2) of rows.
    rows: [[f32; SIDE]; 4],
    /// The centre's cosine times the least of rows.
    cosines: [[f32; SIDE]; 4],
}

/// Prepares the bounds of a directory with slots of side 2^`shift`.
pub(super) struct Prepare<'a> {
    pub(super) center: &'a Center,
    pub(super) rect: Rect,
    pub(super) shift: u32,
}

impl Vectorize for Prepare<'_> {
    type Output = Bounds;

    #[inline(always)]
    fn run(self) -> Bounds {
        let Self { center, rect, shift } = self;
        let mut bounds = Bounds::default();
        let side = 1u32 << shift.min(29);
        let (mut souths, mut norths) = ([0i32; SIDE], [0i32; SIDE]);
        for i in 0..SIDE {
            let south = i64::from(rect.y0) + ((i as i64) << shift);
            souths[i] = clamp_lat(south);
            norths[i] = clamp_lat(south + i64::from(side) - 1);
        }
        for i in 0..SIDE {
            let west = rect.x0.wrapping_add_unsigned((i as u32) << shift);
            let into = center.bam.x.wrapping_sub(west).cast_unsigned();
            let before = west.wrapping_sub(center.bam.x).cast_unsigned();
            let gap = before.min(into.wrapping_sub(side - 1));
            // Halved to fit, and rounded down: at most half a turn.
            let gap = if into < side { 0 } else { gap >> 1 };
            bounds.columns[0][i] = half_sine_squared(gap.cast_signed() as f32 * 2.0);
        }
        for i in 0..SIDE {
            let y = center.bam.y;
            // From pole to pole it wraps to less than nothing, so to 0: a bound all the same.
            let gap = souths[i].wrapping_sub(y).max(y.wrapping_sub(norths[i])).max(0);
            bounds.rows[0][i] = half_sine_squared(gap as f32);
            bounds.cosines[0][i] = center.cos * cos_lat(souths[i]).min(cos_lat(norths[i]));
        }
        widen(&mut bounds.columns);
        widen(&mut bounds.rows);
        widen(&mut bounds.cosines);
        bounds
    }
}

impl Bounds {
    /// The bound of a block.
    #[inline(always)]
    pub(super) fn of(&self, head: usize, w: u32, h: u32) -> f32 {
        let (ix, iy) = (head % SIDE, head / SIDE % SIDE);
        let (w, h) = (w as usize % 4, h as usize % 4);
        self.rows[h][iy] + self.cosines[h][iy] * self.columns[w][ix]
    }
}

/// Fills in the least over blocks of 2, 4 and 8, where such blocks begin.
#[inline(always)]
fn widen(least: &mut [[f32; SIDE]; 4]) {
    for size in 1..4 {
        let step = 1 << (size - 1);
        for i in 0..SIDE - step {
            least[size][i] = least[size - 1][i].min(least[size - 1][i + step]);
        }
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

/// Root rectangles may reach beyond a pole, where nobody is.
#[inline(always)]
fn clamp_lat(y: i64) -> i32 {
    y.clamp(-i64::from(QUARTER), i64::from(QUARTER)) as i32
}

/// How far the centre is from a band of latitudes, and the least cosine in the band.
#[inline(always)]
fn row(center: &Center, south: i64, north: i64) -> (f32, f32) {
    let (south, north) = (clamp_lat(south), clamp_lat(north));
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
                    let bounds = Prepare { center: &center, rect, shift }.run();
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
