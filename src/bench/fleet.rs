//! A made-up fleet: drivers around twenty cities of all latitudes, moving about fifty metres at
//! a time. Seeded and without trigonometry per move, so that making an update costs little
//! beside sending it.

use crate::api::proto::{HandleBinding, NearestRequest, Profile, ReportBatch};
use crate::geo::{Degrees, E7, LatLng};
use crate::units::{Meters, Millis, Timestamp};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is at least one.
    pub fn below(&mut self, n: u32) -> u32 {
        let scaled = (self.bits() >> 32) * u64::from(n);
        u32::try_from(scaled >> 32).unwrap_or_default()
    }

    /// A number in 0..1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly standard normal: the sum of twelve.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Latitude and longitude in degrees; one far north, one across the antimeridian.
pub(crate) const CITIES: [(f64, f64); 20] = [
    (37.7749, -122.4194),
    (40.7128, -74.006),
    (51.5074, -0.1278),
    (48.8566, 2.3522),
    (52.52, 13.405),
    (55.7558, 37.6173),
    (39.9042, 116.4074),
    (31.2304, 121.4737),
    (35.6762, 139.6503),
    (28.6139, 77.209),
    (19.076, 72.8777),
    (1.3521, 103.8198),
    (-6.2088, 106.8456),
    (-33.8688, 151.2093),
    (-23.5505, -46.6333),
    (19.4326, -99.1332),
    (6.5244, 3.3792),
    (69.6492, 18.9553),
    (64.1466, -21.9426),
    (-16.5, 180.0),
];

/// Metres of a degree of latitude.
pub(crate) const DEGREE_M: f64 = 111_195.08;

/// The most that a move goes north or east: the mean square of both together is fifty metres.
const STEP_E7: u32 = 5_500;

/// How often a driver reports, in the time of the fleet.
pub const REPORT_INTERVAL_MS: u64 = 20_000;

/// The fleet.
#[derive(Debug)]
pub struct Fleet {
    positions: Vec<(i32, i32)>,
    now: Timestamp,
    rng: Rng,
}

impl Fleet {
    /// So many drivers, each around a city: normal, with a deviation of ten kilometres.
    pub fn new(drivers: u32, seed: u64, now: Timestamp) -> Self {
        let mut rng = Rng(seed);
        let mut place = || {
            let (lat, lng) = CITIES[rng.below(20) as usize];
            let north = rng.normal() * 10_000.0 / DEGREE_M;
            let east = rng.normal() * 10_000.0 / (DEGREE_M * lat.to_radians().cos());
            let lng = (lng + east + 540.0).rem_euclid(360.0) - 180.0;
            let made = LatLng::try_from(Degrees { lat: lat + north, lng });
            made.map_or((0, 0), |position| (position.lat_e7(), position.lng_e7()))
        };
        let positions = (0..drivers).map(|_| place()).collect();
        Self { positions, now, rng }
    }

    /// From here on other draws.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = Rng(seed);
    }

    /// How many drivers there are.
    pub fn len(&self) -> u32 {
        u32::try_from(self.positions.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The present of the fleet.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Millis) {
        self.now = self.now.plus(time);
    }

    /// Lets as much time pass as so many moves take if each driver reports every
    /// [`REPORT_INTERVAL_MS`]. Faster than real time, but no vehicle is faster than a vehicle.
    pub fn pass_moves(&mut self, moves: usize) {
        let millis = moves as u64 * REPORT_INTERVAL_MS / u64::from(self.len().max(1));
        self.pass(Millis(millis.max(1)));
    }

    /// The name of a driver.
    pub fn name(driver: u32) -> String {
        format!("driver-{driver:07}")
    }

    /// The binding of a driver to a handle; one of eight vehicle types.
    pub fn binding(driver: u32) -> HandleBinding {
        HandleBinding {
            handle: driver,
            driver_id: Self::name(driver),
            profile: Some(Profile { vehicle_types: Some(1 << (driver % 8)), ..Profile::default() }),
            status: 0,
        }
    }

    /// A random driver moves; who, and where to.
    #[inline]
    pub fn step(&mut self) -> (u32, E7) {
        let driver = self.rng.below(self.len());
        (driver, self.step_of(driver))
    }

    /// A driver moves; where to.
    #[inline]
    pub fn step_of(&mut self, driver: u32) -> E7 {
        let draw = self.rng.bits();
        let (lat, lng) = &mut self.positions[driver as usize];
        let shift = |bits: u64| {
            let scaled = ((bits & 0xffff_ffff) * u64::from(2 * STEP_E7 + 1)) >> 32;
            i32::try_from(scaled).unwrap_or_default() - STEP_E7.cast_signed()
        };
        *lat = (*lat + shift(draw)).clamp(-890_000_000, 890_000_000);
        *lng = wrap(*lng + shift(draw >> 32));
        E7 { lat: *lat, lng: *lng }
    }

    /// Drivers `first..first + rows` where they stand.
    pub fn parade(&self, first: u32, rows: u32) -> ReportBatch {
        let end = first.saturating_add(rows).min(self.len());
        let standing = &self.positions[first as usize..end as usize];
        ReportBatch {
            handle: (first..end).collect(),
            lat_e7: standing.iter().map(|p| p.0).collect(),
            lng_e7: standing.iter().map(|p| p.1).collect(),
            base_device_time_ms: self.now.as_millis(),
            ..ReportBatch::default()
        }
    }

    /// Drivers `first..first + rows` move, and report it at `at`.
    pub fn moved(&mut self, first: u32, rows: u32, at: Timestamp) -> ReportBatch {
        self.now = at;
        let end = first.saturating_add(rows).min(self.len());
        for driver in first..end {
            self.step_of(driver);
        }
        self.parade(first, rows)
    }

    /// Where a random driver is, in ten-millionths of a degree of latitude and longitude.
    pub fn place(&mut self) -> (i32, i32) {
        let driver = self.rng.below(self.len());
        self.positions[driver as usize]
    }

    /// Random drivers move, each at the present moment.
    pub fn moves(&mut self, rows: usize) -> ReportBatch {
        let mut batch = ReportBatch {
            handle: Vec::with_capacity(rows),
            lat_e7: Vec::with_capacity(rows),
            lng_e7: Vec::with_capacity(rows),
            base_device_time_ms: self.now.as_millis(),
            ..ReportBatch::default()
        };
        for _ in 0..rows {
            let (driver, E7 { lat, lng }) = self.step();
            batch.handle.push(driver);
            batch.lat_e7.push(lat);
            batch.lng_e7.push(lng);
        }
        batch
    }

    /// "Who is near where this driver is?"
    pub fn question(&mut self, k: u32, radius: Meters) -> NearestRequest {
        let driver = self.rng.below(self.len());
        let (lat, lng) = self.positions[driver as usize];
        let position =
            crate::api::proto::Position { lat: f64::from(lat) / 1e7, lng: f64::from(lng) / 1e7 };
        NearestRequest { position: Some(position), k, radius_m: Some(radius.get()), filter: None }
    }
}

/// Across the antimeridian.
pub(crate) const fn wrap(lng_e7: i32) -> i32 {
    const TURN: i64 = 3_600_000_000;
    let wrapped = (lng_e7 as i64 + TURN / 2).rem_euclid(TURN) - TURN / 2;
    #[expect(clippy::cast_possible_truncation, reason = "within half a turn")]
    let lng = wrapped as i32;
    lng
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_move_is_on_the_globe_and_short() {
        let mut fleet = Fleet::new(1_000, 42, Timestamp::from_secs(1_700_000_000));
        let before = fleet.positions.clone();
        for _ in 0..10_000 {
            let (driver, e7) = fleet.step();
            assert!(driver < 1_000);
            assert!(LatLng::try_from(e7).is_ok(), "{e7:?}");
        }
        let moved = before.iter().zip(&fleet.positions).filter(|(a, b)| a != b).count();
        assert!(moved > 990, "{moved}");
    }

    #[test]
    fn the_antimeridian_is_crossed() {
        assert_eq!(wrap(1_800_000_001), -1_799_999_999);
        assert_eq!(wrap(-1_800_000_001), 1_799_999_999);
        assert_eq!(wrap(5), 5);
    }
}
