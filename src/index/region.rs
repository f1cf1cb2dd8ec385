//! A region: one H3 cell, its hexagon's geometry, and the root of its bucket tree.
//!
//! The region is the unit of locking and of supply. A driver is in the region of the H3 cell
//! that holds its position, always; the geometry here only avoids asking H3 for most moves.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use h3o::{CellIndex, LatLng as H3Point, Resolution};
use parking_lot::Mutex;

use super::bucket::Rect;
use super::kernel::{self, Center};
use super::node::{Block, Child};
use super::version::Version;
use crate::geo::{Bam, Circle, Degrees, E7, EARTH_RADIUS_M, LatLng, sin_quarter};
use crate::model::DriverStatus;
use crate::units::Meters;

/// The resolution of regions: 1,770 km² on average, a city's worth of drivers in a handful.
pub(super) const RESOLUTION: Resolution = Resolution::Four;

/// Slack, in metres, for the rounding of H3's projections and of positions.
const SLACK_M: f64 = 2.0;

/// One H3 cell of the map.
pub(super) struct Region {
    /// Which cell.
    pub(super) cell: CellIndex,
    /// A disk that surely holds the cell.
    pub(super) cap: Cap,
    /// The root's square, which surely holds the cell.
    pub(super) rect: Rect,
    /// Changes with the tree's shape; written under `writer`.
    pub(super) shape: Version,
    /// Held by whoever changes who is where, or what is counted, in the region.
    pub(super) writer: Mutex<()>,
    root: AtomicU32,
    len: AtomicU32,
    supply: [AtomicU32; 6],
    center: Center,
    /// Approximate terms below this are surely inside the cell.
    inscribed: f32,
    edges: Box<[Edge]>,
    /// Whether a position beyond one side is surely outside: not so for cells that are bent
    /// where two faces of the icosahedron meet.
    convex: bool,
}

/// A side of the cell: the plane of its great circle, pointing inwards.
#[derive(Clone, Copy, Debug)]
struct Edge([f64; 3]);

/// A disk on the sphere as a unit vector and a radius.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cap {
    center: [f64; 3],
    /// Sine and cosine of half the angular radius.
    half_sin: f64,
    half_cos: f64,
}

impl Cap {
    pub(super) fn new(center: [f64; 3], angle: f64) -> Self {
        let (half_sin, half_cos) = (angle.min(std::f64::consts::PI) / 2.0).sin_cos();
        Self { center, half_sin, half_cos }
    }

    /// A lower bound on the haversine term from `point` to anything in the disk, unless it
    /// exceeds the square of `reach`.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "rounded down by the factor")]
    pub(super) fn bound(&self, point: [f64; 3], reach: f64) -> Option<f32> {
        let d = [0, 1, 2].map(|i| self.center[i] - point[i]);
        let quarter = (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) / 4.0;
        // sin a - sin b <= sin(a - b): most disks are ruled out without a root.
        if quarter > (self.half_sin + reach) * (self.half_sin + reach) * 1.000_001 {
            return None;
        }
        let s = quarter.sqrt();
        // sin(θ/2 - ρ/2) for the angle θ to the centre and the radius ρ.
        let beyond = s * self.half_cos - (1.0 - quarter).max(0.0).sqrt() * self.half_sin;
        Some(if beyond <= 0.0 { 0.0 } else { (beyond * beyond * 0.999_999) as f32 })
    }
}

/// The H3 cell that holds a position.
pub(super) fn cell_of(position: LatLng, resolution: Resolution) -> CellIndex {
    let Degrees { lat, lng } = position.degrees();
    let Ok(point) = H3Point::new(lat, lng) else { unreachable!("a position is finite") };
    point.to_cell(resolution)
}

/// The region that a position lies in: an H3 cell index.
pub fn region_of(position: LatLng) -> u64 {
    cell_of(position, RESOLUTION).into()
}

/// A disk that surely holds all positions of a region; `None` for what is no region.
pub fn disk_of_region(region: u64) -> Option<Circle> {
    let cell = CellIndex::try_from(region).ok().filter(|cell| cell.resolution() == RESOLUTION)?;
    let (center, _, radius) = outline(cell);
    let center = from_radians(center[2].asin(), center[1].atan2(center[0]));
    // The centre is rounded to a hundredth of a metre.
    let radius = Meters::new(radius * EARTH_RADIUS_M + 1.0).ok()?;
    Some(Circle::new(center, radius))
}

/// A position on the unit sphere.
pub(super) fn unit_vector(position: LatLng) -> [f64; 3] {
    const RAD: f64 = std::f64::consts::PI / 1.8e9;
    const QUARTER: i32 = 900_000_000;
    let sine = |e7: i32| {
        // Folded into a quarter turn; 180° - x has the same sine as x.
        let folded = if e7.abs() > QUARTER { 2 * QUARTER - e7.abs() } else { e7.abs() };
        sin_quarter(f64::from(folded) * RAD).copysign(f64::from(e7))
    };
    let cosine = |e7: i32| {
        let from_quarter = QUARTER - e7.abs();
        sin_quarter(f64::from(from_quarter.abs()) * RAD).copysign(f64::from(from_quarter))
    };
    let (lat, lng) = (position.lat_e7(), position.lng_e7());
    let cos_lat = cosine(lat);
    [cos_lat * cosine(lng), cos_lat * sine(lng), sine(lat)]
}

fn on_sphere(lat: f64, lng: f64) -> [f64; 3] {
    let ((sin_lat, cos_lat), (sin_lng, cos_lng)) = (lat.sin_cos(), lng.sin_cos());
    [cos_lat * cos_lng, cos_lat * sin_lng, sin_lat]
}

/// The cell's centre, its corners, and the angle from the one to the furthest of the others.
pub(super) fn outline(cell: CellIndex) -> ([f64; 3], Vec<[f64; 3]>, f64) {
    let vector = |p: H3Point| on_sphere(p.lat_radians(), p.lng_radians());
    let center = vector(H3Point::from(cell));
    let corners: Vec<[f64; 3]> = cell.boundary().iter().copied().map(vector).collect();
    // The sides are great circles, so that the furthest point is a corner.
    let furthest = corners.iter().map(|&c| angle(center, c)).fold(0.0, f64::max);
    (center, corners, furthest + SLACK_M / EARTH_RADIUS_M)
}

pub(super) fn angle(a: [f64; 3], b: [f64; 3]) -> f64 {
    let d = [0, 1, 2].map(|i| a[i] - b[i]);
    2.0 * (d[0].hypot(d[1]).hypot(d[2]) / 2.0).min(1.0).asin()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

impl Region {
    /// An empty region.
    pub(super) fn new(cell: CellIndex) -> Self {
        let (center, corners, radius) = outline(cell);
        let edges: Box<[Edge]> = (0..corners.len())
            .filter_map(|i| Edge::new(corners[i], corners[(i + 1) % corners.len()], center))
            .collect();
        let nearest = edges.iter().map(|e| dot(e.0, center).asin()).fold(1.0, f64::min);
        let inscribed = (nearest - SLACK_M / EARTH_RADIUS_M).max(0.0);
        let h = (inscribed / 2.0).sin();
        #[expect(clippy::cast_possible_truncation, reason = "rounded down by the factor")]
        let inscribed = (h * h * 0.999_9) as f32;
        let (lat, lng) = (center[2].asin(), center[1].atan2(center[0]));
        let center_bam = Bam::from(from_radians(lat, lng));
        Self {
            cell,
            cap: Cap::new(center, radius),
            rect: root_rect(center_bam, lat, radius),
            shape: Version::default(),
            writer: Mutex::new(()),
            root: AtomicU32::new(Block::single(Child::Empty).to_bits()),
            len: AtomicU32::new(0),
            supply: Default::default(),
            center: Center::new(center_bam),
            inscribed,
            convex: edges.len() == 6,
            edges,
        }
    }

    /// What hangs below the region: a block that fills [`Region::rect`].
    #[inline]
    pub(super) fn root(&self) -> Child {
        Block::from_bits(self.root.load(Relaxed)).child
    }

    pub(super) fn set_root(&self, child: Child) {
        self.root.store(Block::single(child).to_bits(), Relaxed);
    }

    /// How many drivers have their position here.
    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len.load(Relaxed)
    }

    /// Counts a driver that came or went, and its supply if it is not stale.
    pub(super) fn count(&self, change: Count, status: DriverStatus, stale: bool) {
        change.apply(&self.len);
        if !stale {
            self.count_supply(change, status);
        }
    }

    /// Counts a driver that joined or left the supply.
    #[inline]
    pub(super) fn count_supply(&self, change: Count, status: DriverStatus) {
        change.apply(&self.supply[usize::from(status.code())]);
    }

    /// The supply by status.
    pub(super) fn supply(&self) -> [u64; 6] {
        [0, 1, 2, 3, 4, 5].map(|i: usize| u64::from(self.supply[i].load(Relaxed)))
    }

    /// Whether the position lies in the cell, exactly.
    #[inline]
    pub(super) fn holds(&self, bam: Bam, position: LatLng) -> bool {
        if kernel::distance(&self.center, bam) < self.inscribed {
            return true;
        }
        let point = unit_vector(position);
        let least = self.edges.iter().map(|edge| dot(edge.0, point)).fold(1.0, f64::min);
        // Surely inside; or surely outside, which the sides of a bent cell cannot tell.
        if least > SLACK_M / EARTH_RADIUS_M {
            return true;
        }
        if self.convex && least < -SLACK_M / EARTH_RADIUS_M {
            return false;
        }
        cell_of(position, RESOLUTION) == self.cell
    }

    /// Whether the rectangle surely lies in the cell, so that what it holds need not be asked.
    pub(super) fn encloses(&self, rect: Rect) -> bool {
        // Beyond a few degrees the bulge of the parallels is not worth the thought.
        if rect.w > 26 || rect.h > 26 {
            return false;
        }
        let unit = std::f64::consts::PI / 2_147_483_648.0;
        let (south, north) = (i64::from(rect.y0), i64::from(rect.y0) + (1i64 << rect.h));
        let (west, east) = (i64::from(rect.x0), i64::from(rect.x0) + (1i64 << rect.w));
        if south <= -(1 << 30) || north >= 1 << 30 {
            return false;
        }
        let at = |x: i64, y: i64| on_sphere(y as f64 * unit, x as f64 * unit);
        let corners = [at(west, south), at(east, south), at(west, north), at(east, north)];
        // A parallel of width w bulges from its chord by at most w² / 8 radians.
        let width = (1i64 << rect.w) as f64 * unit;
        let margin = width * width / 8.0 + SLACK_M / EARTH_RADIUS_M;
        self.edges.iter().all(|edge| corners.iter().all(|&c| dot(edge.0, c) > margin))
    }
}

impl Edge {
    /// The inward normal of the side from `a` to `b`; none for corners that coincide.
    fn new(a: [f64; 3], b: [f64; 3], inside: [f64; 3]) -> Option<Self> {
        let normal = cross(a, b);
        let length = dot(normal, normal).sqrt();
        if length < 1e-12 {
            return None;
        }
        let sign = if dot(normal, inside) < 0.0 { -1.0 } else { 1.0 };
        Some(Self(normal.map(|c| c * sign / length)))
    }
}

/// One more or one less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Up,
    Down,
}

impl Count {
    /// Counts; the caller holds the region's lock.
    #[inline]
    fn apply(self, counter: &AtomicU32) {
        let count = counter.load(Relaxed);
        let counted = match self {
            Self::Up => count.wrapping_add(1),
            Self::Down => count.wrapping_sub(1),
        };
        counter.store(counted, Relaxed);
    }
}

fn from_radians(lat: f64, lng: f64) -> LatLng {
    #[expect(clippy::cast_possible_truncation, reason = "degrees on the globe")]
    let e7 = |radians: f64, most: i32| ((radians.to_degrees() * 1e7) as i32).clamp(-most, most);
    let at = E7 { lat: e7(lat, 900_000_000), lng: e7(lng, 1_800_000_000) };
    LatLng::try_from(at).unwrap_or_else(|_| unreachable!("clamped to the globe"))
}

/// The square, aligned to nothing, that holds the disk around `center`.
fn root_rect(center: Bam, lat: f64, radius: f64) -> Rect {
    let unit = std::f64::consts::PI / 2_147_483_648.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an angle")]
    let units = |angle: f64| (angle / unit).ceil() as u64 + 2;
    let half_y = units(radius);
    let polar = lat.abs() + radius >= std::f64::consts::FRAC_PI_2 - 1e-9;
    let half_x = if polar { 1 << 31 } else { units((radius.sin() / lat.cos()).asin()) };
    let log2 = (2 * half_x.max(half_y)).next_power_of_two().trailing_zeros().min(32);
    let half = |h: u64| u32::try_from(h).unwrap_or(u32::MAX);
    Rect {
        x0: if log2 == 32 { i32::MIN } else { center.x.wrapping_sub_unsigned(half(half_x)) },
        y0: center.y.wrapping_sub_unsigned(half(half_y)),
        w: log2,
        h: log2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(cell: CellIndex) -> impl Iterator<Item = LatLng> {
        let center = H3Point::from(cell);
        (0..400).map(move |i| {
            let (bearing, part) = (f64::from(i) * 0.618, f64::from(i) / 400.0 * 1.3);
            let reach = 30.0 / 111.2 * part;
            let lat = (center.lat() + reach * bearing.cos()).clamp(-90.0, 90.0);
            let lng = center.lng() + reach * bearing.sin() / lat.to_radians().cos().max(1e-6);
            let lng = (lng + 540.0).rem_euclid(360.0) - 180.0;
            LatLng::try_from(Degrees { lat, lng }).unwrap()
        })
    }

    #[test]
    fn what_h3_puts_in_the_cell_the_geometry_holds() {
        let places =
            [(37.77, -122.42), (-33.9, 151.2), (69.65, 18.96), (0.1, 179.99), (89.99, 0.0)];
        // The last is a pentagon.
        let pentagon = CellIndex::base_cells().nth(4).unwrap();
        let cells = places
            .map(|(lat, lng)| H3Point::new(lat, lng).unwrap().to_cell(RESOLUTION))
            .into_iter()
            .chain(pentagon.center_child(RESOLUTION));
        let (mut inside, mut outside) = (0, 0);
        for cell in cells {
            let region = Region::new(cell);
            for position in samples(cell) {
                let bam = Bam::from(position);
                let truly = cell_of(position, RESOLUTION) == cell;
                assert_eq!(region.holds(bam, position), truly, "{position} in {cell}");
                if truly {
                    inside += 1;
                    assert!(region.rect.holds(bam), "{position} beyond the root of {cell}");
                    let near = region.cap.bound(unit_vector(position), 0.0);
                    assert_eq!(near, Some(0.0), "{position} beyond the cap of {cell}");
                } else {
                    outside += 1;
                }
                for log2 in [8, 14, 18] {
                    let align = |v: i32| v >> log2 << log2;
                    let rect = Rect { x0: align(bam.x), y0: align(bam.y), w: log2, h: log2 };
                    assert!(truly || !region.encloses(rect), "{rect:?} is not in {cell}");
                }
            }
        }
        assert!(inside > 800 && outside > 200, "{inside} inside, {outside} outside");
    }
}
