//! The fleets that the benchmarks drive: seeded, clustered like real ones.

// Each benchmark uses a part of it.
#![allow(dead_code, reason = "shared by several benchmark binaries")]

use hansom::geo::{Degrees, LatLng};
use hansom::ids::DriverId;
use hansom::index::{BatchOutcome, IndexConfig, LiveIndex, LiveMap};
use hansom::model::{DriverKey, DriverStatus, Motion, Profile, Report, VehicleTypes};
use hansom::units::{Millis, Timestamp};

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// Standard normal, by the sum of twelve.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Twenty cities over all latitudes; one far north, one across the antimeridian.
pub const CITIES: [(f64, f64); 20] = [
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

pub fn at(lat: f64, lng: f64) -> LatLng {
    let lng = (lng + 540.0).rem_euclid(360.0) - 180.0;
    LatLng::try_from(Degrees { lat: lat.clamp(-90.0, 90.0), lng }).expect("wrapped and clamped")
}

/// A position some metres away.
pub fn offset(from: LatLng, north_m: f64, east_m: f64) -> LatLng {
    let Degrees { lat, lng } = from.degrees();
    let metres = 111_195.08;
    at(lat + north_m / metres, lng + east_m / (metres * lat.to_radians().cos().max(1e-3)))
}

/// A position of the country: a city, normal with σ = 10 km within 30 km.
pub fn country(rng: &mut Rng) -> LatLng {
    let (lat, lng) = CITIES[rng.below(CITIES.len())];
    loop {
        let (north, east) = (rng.normal() * 10_000.0, rng.normal() * 10_000.0);
        if north.abs() < 30_000.0 && east.abs() < 30_000.0 {
            return offset(at(lat, lng), north, east);
        }
    }
}

/// A position of the stadium: nearly all within 500 m.
pub fn stadium(rng: &mut Rng) -> LatLng {
    let spread = if rng.below(6) == 0 { 400_000.0 } else { 500.0 };
    let middle = at(51.556, -0.2796);
    offset(middle, (rng.unit() - 0.5) * spread, (rng.unit() - 0.5) * spread)
}

pub struct Fleet {
    pub index: LiveIndex,
    pub keys: Vec<DriverKey>,
    pub positions: Vec<LatLng>,
    pub now: Timestamp,
    pub rng: Rng,
}

impl Fleet {
    pub fn new(drivers: usize, mut place: impl FnMut(&mut Rng) -> LatLng) -> Self {
        let config = IndexConfig {
            stale_after: Millis::from_secs(86_400),
            forget_after: Millis::from_secs(6 * 86_400),
            ..IndexConfig::default()
        };
        let index = LiveIndex::new(config, 1);
        let mut rng = Rng(42);
        let now = Timestamp::from_secs(1_700_000_000);
        let positions: Vec<LatLng> = (0..drivers).map(|_| place(&mut rng)).collect();
        let keys: Vec<DriverKey> = (0..drivers)
            .map(|i| {
                let id: DriverId = format!("d{i:07}").parse().expect("an id");
                index.bind(now, &id).expect("room")
            })
            .collect();
        let mut fleet = Self { index, keys, positions, now, rng };
        for (i, &key) in fleet.keys.iter().enumerate() {
            // 60 % are available, and 4 of 8 types make it 30 %.
            let profile = Profile {
                vehicle_types: VehicleTypes::from_bits(1 << (i % 8)),
                ..Profile::default()
            };
            fleet.index.set_profile(key, profile);
            if i / 8 % 5 >= 3 {
                fleet.index.set_status(key, DriverStatus::OnTrip);
            }
        }
        let order: Vec<usize> = (0..drivers).collect();
        for chunk in order.chunks(1_024) {
            let reports: Vec<Report> = chunk.iter().map(|&i| fleet.report(i)).collect();
            fleet.index.apply(fleet.now, &reports, &mut BatchOutcome::default());
        }
        fleet
    }

    fn report(&self, i: usize) -> Report {
        Report {
            driver: self.keys[i],
            position: self.positions[i],
            at: self.now,
            motion: Motion::default(),
            status: None,
        }
    }

    /// A batch in which random drivers move about 50 m in random directions, a second later.
    pub fn moves(&mut self, batch: usize) -> Vec<Report> {
        self.now = self.now.plus(Millis(20));
        (0..batch)
            .map(|_| {
                let i = self.rng.below(self.keys.len());
                let angle = self.rng.unit() * std::f64::consts::TAU;
                self.positions[i] =
                    offset(self.positions[i], 50.0 * angle.cos(), 50.0 * angle.sin());
                self.report(i)
            })
            .collect()
    }
}
