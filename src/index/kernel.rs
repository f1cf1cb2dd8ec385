//! The arithmetic of the search: distances and lower bounds, eight at a time.
//!
//! Works on the haversine term in `f32`, with plain multiplications and additions. Everything
//! here may be wrong by a little; [`inflate`] says by how much at most, and whoever prunes,
//! prunes with that.
//!
//! # References
//! The bound of [`Slots`]: h is at least sin²(Δy/2) + cos φ_q · min cos φ · sin²(Δx/2) over a
//! rectangle, because sin²(t/2) grows on 0..=π and the cosine is concave on -90°..=90°, so that
//! its minimum over a band is at an edge. It needs no special case at poles or antimeridian.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::inline_always,
    clippy::needless_range_loop,
    reason = "small indices, angles in range, and loops in step that become vectors"
)]

use super::bucket::{BLOCK, Bucket, CAPACITY, Columns, Rect, high, low};
use super::meta::{Lanes, Mask};
use super::node::SIDE;
use super::raw::Vectorize;
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

/// Finds the drivers of a bucket within `limit` who pass the filter's words, without those that
/// `k` others surely beat; writes their lanes and terms to `found` and results in how many there
/// are.
pub(super) struct Scan<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) columns: &'a mut Columns,
    pub(super) center: &'a Center,
    pub(super) mask: &'a Mask,
    pub(super) limit: f32,
    pub(super) k: usize,
    pub(super) found: &'a mut Found,
}

impl Vectorize for Scan<'_> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Self { bucket, columns, center, mask, limit, k, found } = self;
        let len = bucket.copy(columns, mask.looks_at_rest());
        // What lies behind the last driver is from another bucket.
        let used = u64::MAX.checked_shr((CAPACITY - len) as u32).unwrap_or(0);
        let mut terms = [0f32; CAPACITY];
        let mut left = if len <= CAPACITY / 2 {
            measure::<{ CAPACITY / 2 }>(columns, center, mask, (limit, k), used, &mut terms)
        } else {
            measure::<CAPACITY>(columns, center, mask, (limit, k), used, &mut terms)
        };
        let mut count = 0;
        while left != 0 {
            let lane = left.trailing_zeros() as usize % CAPACITY;
            left &= left - 1;
            (found.lanes[count], found.terms[count]) = (lane as u8, terms[lane]);
            count += 1;
        }
        count
    }
}

/// The terms of the first `N` places, used or not, and a bit for each that passes.
///
/// Loops of a known length have no scalar remainder, which would cost more than the places
/// that do not count. They are kept apart so that each works on 32-bit columns, eight at a
/// time, and so that the distances are not moved behind the filter's branches.
#[inline(always)]
fn measure<const N: usize>(
    columns: &Columns,
    center: &Center,
    mask: &Mask,
    (limit, k): (f32, usize),
    used: u64,
    terms: &mut [f32; CAPACITY],
) -> u64 {
    let (center, lanes) = (*center, Lanes::of(mask));
    let (mut a, mut b, mut fails) = ([0u32; N], [0u32; N], [0u32; N]);
    for i in 0..N {
        (a[i], b[i]) = (low(columns.xy[i]), high(columns.xy[i]));
    }
    for i in 0..N {
        terms[i] = term(&center, a[i].cast_signed(), b[i].cast_signed());
        fails[i] = beyond(terms[i], limit);
    }
    for i in 0..N {
        (a[i], b[i]) = (low(columns.tm[i]), high(columns.tm[i]));
    }
    for i in 0..N {
        fails[i] |= lanes.fails(a[i], b[i]);
    }
    if mask.looks_at_rest() {
        for i in 0..N {
            a[i] = high(columns.rest[i]);
        }
        for i in 0..N {
            fails[i] |= lanes.fails_rest(a[i]);
        }
    }
    let passing = !flags(&fails) & used;
    if passing.count_ones() as usize <= k.saturating_add(k / 2) {
        return passing;
    }
    let limit = inflate_approximate(kth::<N>(terms, passing, k));
    for i in 0..N {
        fails[i] = beyond(terms[i], limit);
    }
    passing & !flags(&fails)
}

/// The `k`-th least of the terms named by `passing`, of which there are more.
///
/// Each is compared with all: more comparisons than a selection needs, but eight at a time and
/// without a branch that depends on them.
#[inline(always)]
fn kth<const N: usize>(terms: &[f32; CAPACITY], passing: u64, k: usize) -> f32 {
    let (mut bits, mut nearer) = ([0i32; N], [0u32; N]);
    for i in 0..N {
        bits[i] = terms[i].to_bits().cast_signed();
    }
    let mut left = passing;
    while left != 0 {
        let one = bits[left.trailing_zeros() as usize % N];
        left &= left - 1;
        for i in 0..N {
            nearer[i] += u32::from(one < bits[i]);
        }
    }
    let (mut kth, mut left) = (0, passing);
    while left != 0 {
        let i = left.trailing_zeros() as usize % N;
        left &= left - 1;
        kth = kth.max(if (nearer[i] as usize) < k { bits[i] } else { 0 });
    }
    f32::from_bits(kth.cast_unsigned())
}

/// A bit for each word that is not zero but one.
#[inline(always)]
fn flags<const N: usize>(ones: &[u32; N]) -> u64 {
    // Words of eight lanes, each with the bits of its blocks: it stays in vectors.
    let mut words = [0u32; BLOCK];
    for (block, ones) in ones.as_chunks::<BLOCK>().0.iter().enumerate() {
        for i in 0..BLOCK {
            words[i] |= ones[i] << block;
        }
    }
    gather(words)
}

/// 1 if a term exceeds the limit. Neither is negative, so that they compare as integers; a
/// comparison of floats would be taken apart bit by bit.
#[inline(always)]
fn beyond(term: f32, limit: f32) -> u32 {
    limit.to_bits().wrapping_sub(term.to_bits()) >> 31
}

/// Bit `i * 8 + j` is bit `i` of word `j`.
#[inline(always)]
fn gather(words: [u32; 8]) -> u64 {
    let mut columns = 0u64;
    for (j, &word) in words.iter().enumerate() {
        columns |= u64::from(word) << (j * 8);
    }
    transpose(columns)
}

/// Rows for columns in a matrix of 8 × 8 bits (Warren, "Hacker's Delight", 2nd ed., 7-3).
#[inline(always)]
fn transpose(mut x: u64) -> u64 {
    for (shift, mask) in
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
    {
        let swapped = (x ^ x >> shift) & mask;
        x ^= swapped ^ swapped << shift;
    }
    x
}

/// What a scan found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) lanes: [u8; CAPACITY],
    pub(super) terms: [f32; CAPACITY],
}

impl Default for Found {
    fn default() -> Self {
        Self { lanes: [0; CAPACITY], terms: [0.0; CAPACITY] }
    }
}

/// Lower bounds of the slots of a directory, and which of them are within the limit.
#[derive(Debug)]
pub(super) struct Near {
    /// A bit for each slot.
    pub(super) slots: u64,
    pub(super) bounds: [f32; SIDE * SIDE],
}

/// Finds the slots of a directory, of side 2^`shift`, that may hold somebody within `limit`.
pub(super) struct Slots<'a> {
    pub(super) center: &'a Center,
    pub(super) rect: Rect,
    pub(super) shift: u32,
    pub(super) limit: f32,
}

impl Vectorize for Slots<'_> {
    type Output = Near;

    #[inline(always)]
    fn run(self) -> Near {
        let Self { center, rect, shift, limit } = self;
        let last = (1i32 << shift.min(29)) - 1;
        let (mut gaps, mut columns) = ([0i32; SIDE], [0f32; SIDE]);
        for i in 0..SIDE {
            let west = rect.x0.wrapping_add((i as i32) << shift);
            let (ahead, behind) = (
                west.wrapping_sub(center.bam.x),
                center.bam.x.wrapping_sub(west).wrapping_sub(last),
            );
            // Positive is the way to the slot eastwards or westwards, if that is less than half
            // a turn: from inside neither is, from the other side of the globe both may be. So
            // the least that is positive, or 0: what is not becomes the greatest and wraps.
            let less = |way: i32| way.max(0).cast_unsigned().wrapping_sub(1);
            gaps[i] = less(ahead).min(less(behind)).wrapping_add(1).cast_signed();
        }
        for i in 0..SIDE {
            columns[i] = half_sine_squared(gaps[i] as f32);
        }
        // Else each column would be computed alone, seven instructions times eight, because it
        // is only used as a factor of whole rows.
        let columns = std::hint::black_box(columns);
        let (mut souths, mut norths) = ([0i32; SIDE], [0i32; SIDE]);
        for i in 0..SIDE {
            let south = i64::from(rect.y0) + ((i as i64) << shift);
            souths[i] = clamp_lat(south);
            norths[i] = clamp_lat(south + i64::from(last));
        }
        let (mut rows, mut cosines) = ([0f32; SIDE], [0f32; SIDE]);
        for i in 0..SIDE {
            let y = center.bam.y;
            // From pole to pole it wraps to less than nothing, so to 0: a bound all the same.
            let gap = souths[i].wrapping_sub(y).max(y.wrapping_sub(norths[i])).max(0);
            rows[i] = half_sine_squared(gap as f32);
            cosines[i] = center.cos * cos_lat(souths[i]).min(cos_lat(norths[i]));
        }
        let mut bounds = [0f32; SIDE * SIDE];
        let mut words = [0u32; SIDE];
        for row in 0..SIDE {
            for column in 0..SIDE {
                let bound = rows[row] + cosines[row] * columns[column];
                bounds[row * SIDE + column] = bound;
                words[column] |= beyond(bound, limit) << row;
            }
        }
        Near { slots: !gather(words), bounds }
    }
}

impl Near {
    /// The bound of a block: the least of its slots that are within the limit.
    #[inline(always)]
    pub(super) fn of(&self, mut slots: u64) -> f32 {
        slots &= self.slots;
        let mut least = f32::INFINITY;
        while slots != 0 {
            least = least.min(self.bounds[slots.trailing_zeros() as usize]);
            slots &= slots - 1;
        }
        least
    }
}

/// Whether everything within `limit` of the centre that lies in `whole` lies in `part` of it.
///
/// What lies beyond a side of `part` is at least as far as the gap to it: the bound of a
/// rectangle that begins there, once for the latitudes and once for the longitudes.
pub(super) fn encloses(center: &Center, part: Rect, whole: Rect, limit: f32) -> bool {
    let x = u64::from(center.bam.x.wrapping_sub(part.x0).cast_unsigned());
    let y = u64::from(center.bam.y.wrapping_sub(part.y0).cast_unsigned());
    let (width, height) = (1u64 << part.w, 1u64 << part.h);
    if x >= width || y >= height || part.w > 30 {
        return false;
    }
    let dx = half_sine_squared((x + 1).min(width - x) as f32);
    let dy = half_sine_squared((y + 1).min(height - y) as f32);
    let (_, cos) = row(center, i64::from(whole.y0), i64::from(whole.y0) + (1i64 << whole.h) - 1);
    dy > limit && center.cos * cos * dx > limit
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
                    let all = f32::INFINITY;
                    let near = Slots { center: &center, rect, shift, limit: all }.run();
                    assert_eq!(near.slots, u64::MAX);
                    let ix = (p.x.wrapping_sub(rect.x0).cast_unsigned() >> shift) as usize;
                    let iy = (p.y.wrapping_sub(rect.y0).cast_unsigned() >> shift) as usize;
                    let slot = iy * SIDE + ix;
                    let least = near.of(1 << slot);
                    assert!(least <= limit, "slot {slot} of {rect:?}: {least} > {limit}");
                    let near = Slots { center: &center, rect, shift, limit }.run();
                    let at = |i: usize| near.slots >> i & 1 == 1;
                    assert!(at(slot));
                    assert!((0..64).all(|i| at(i) == (near.bounds[i] <= limit)));
                    assert!(bound(&center, rect) <= limit);
                }
            }
        }
        assert!(inside > 100_000, "only {inside} cases");
    }
    #[test]
    fn nobody_near_is_beyond_what_encloses() {
        let all = positions(4_000);
        let (mut beyond, mut enclosed) = (0, 0);
        for (i, &a) in all.iter().enumerate() {
            let (center, q) = (Center::new(Bam::from(a)), Bam::from(a));
            for &b in &all[i..all.len().min(i + 20)] {
                let (p, limit) = (Bam::from(b), inflate_exact(haversine(a, b)));
                for side in [3u32, 8, 14, 20, 25, 30] {
                    let square = |w: u32| {
                        let align = |v: i32| (i64::from(v) >> w << w) as i32;
                        Rect { x0: align(q.x), y0: align(q.y), w, h: w }
                    };
                    let part = square(side);
                    for whole in [square((side + 3).min(31)), square((side + 9).min(31))] {
                        enclosed += u32::from(encloses(&center, part, whole, limit * 0.1));
                        if whole.holds(p) && !part.holds(p) {
                            beyond += 1;
                            let found = encloses(&center, part, whole, limit);
                            assert!(!found, "{b} is nearer to {a} than the sides of {part:?}");
                        }
                    }
                }
            }
        }
        assert!(beyond > 10_000 && enclosed > 10_000, "{beyond} beyond, {enclosed} enclosed");
    }
}
