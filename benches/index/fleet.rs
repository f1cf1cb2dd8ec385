//! The fleets that the benchmarks drive: seeded, clustered like real ones.

use std::sync::Arc;

use hansom::bench::fleet::Rng;
use hansom::geo::{Degrees, LatLng};
use hansom::ids::DriverId;
use hansom::index::{BatchOutcome, IndexConfig, LiveIndex, LiveMap};
use hansom::model::{DriverKey, DriverStatus, Motion, Profile, Report, VehicleTypes};
use hansom::units::{Millis, Timestamp};

/// Twenty cities over all latitudes; one far north, one across the antimeridian.
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

/// Nearly standard normal: the sum of twelve.
fn normal(rng: &mut Rng) -> f64 {
    (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0
}

pub(crate) fn at(lat: f64, lng: f64) -> LatLng {
    let lng = (lng + 540.0).rem_euclid(360.0) - 180.0;
    LatLng::try_from(Degrees { lat: lat.clamp(-90.0, 90.0), lng }).expect("wrapped and clamped")
}

/// A position some metres away.
pub(crate) fn offset(from: LatLng, north_m: f64, east_m: f64) -> LatLng {
    let Degrees { lat, lng } = from.degrees();
    let metres = 111_195.08;
    at(lat + north_m / metres, lng + east_m / (metres * lat.to_radians().cos().max(1e-3)))
}

/// A position of the country: a city, normal with σ = 10 km within 30 km.
pub(crate) fn country(rng: &mut Rng) -> LatLng {
    let (lat, lng) = CITIES[rng.below(20) as usize];
    loop {
        let (north, east) = (normal(rng) * 10_000.0, normal(rng) * 10_000.0);
        if north.abs() < 30_000.0 && east.abs() < 30_000.0 {
            return offset(at(lat, lng), north, east);
        }
    }
}

fn name(i: usize) -> DriverId {
    format!("d{i:07}").parse().expect("an id")
}

pub(crate) struct Fleet {
    pub(crate) index: Arc<LiveIndex>,
    first: usize,
    pub(crate) keys: Vec<DriverKey>,
    pub(crate) positions: Vec<LatLng>,
    pub(crate) now: Timestamp,
    pub(crate) rng: Rng,
}

impl Fleet {
    pub(crate) fn new(drivers: usize, place: impl FnMut(&mut Rng) -> LatLng) -> Self {
        let config = IndexConfig {
            stale_after: Millis::from_secs(86_400),
            forget_after: Millis::from_secs(6 * 86_400),
            ..IndexConfig::default()
        };
        Self::on(Arc::new(LiveIndex::new(config, 1)), 0, drivers, place)
    }

    /// A fleet on an index that others may use too, with names from number `first` on.
    pub(crate) fn on(
        index: Arc<LiveIndex>,
        first: usize,
        drivers: usize,
        mut place: impl FnMut(&mut Rng) -> LatLng,
    ) -> Self {
        let mut rng = Rng(42);
        let now = Timestamp::from_secs(1_700_000_000);
        let positions: Vec<LatLng> = (0..drivers).map(|_| place(&mut rng)).collect();
        let keys: Vec<DriverKey> =
            (first..first + drivers).map(|i| index.bind(now, &name(i)).expect("room")).collect();
        let fleet = Self { index, first, keys, positions, now, rng };
        fleet.fill(&*fleet.index);
        fleet
    }

    /// Gives each driver its profile, status and position on a map that has bound them in
    /// their order, or binds them; returns the map's names for them.
    pub(crate) fn fill(&self, map: &dyn LiveMap) -> Vec<DriverKey> {
        let keys: Vec<DriverKey> = (0..self.keys.len())
            .map(|i| map.bind(self.now, &name(self.first + i)).expect("room"))
            .collect();
        for (i, &key) in keys.iter().enumerate() {
            // 60 % are available, and 4 of 8 types make it 30 %.
            let vehicle_types = VehicleTypes::from_bits(1 << (i % 8));
            map.set_profile(key, Profile { vehicle_types, ..Profile::default() });
            if i / 8 % 5 >= 3 {
                map.set_status(key, DriverStatus::OnTrip);
            }
        }
        let mut outcome = BatchOutcome::default();
        for first in (0..keys.len()).step_by(1_024) {
            let end = (first + 1_024).min(keys.len());
            let reports: Vec<Report> =
                (first..end).map(|i| Report { driver: keys[i], ..self.report(i) }).collect();
            map.apply(self.now, &reports, &mut outcome);
        }
        keys
    }

    fn len(&self) -> u32 {
        u32::try_from(self.keys.len()).expect("a fleet that fits")
    }

    /// A point within 250 m of a random driver.
    pub(crate) fn somewhere(&mut self) -> LatLng {
        let near = self.positions[self.rng.below(self.len()) as usize];
        let mut reach = || (self.rng.unit() - 0.5) * 500.0;
        let (north, east) = (reach(), reach());
        offset(near, north, east)
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
    pub(crate) fn moves(&mut self, batch: usize) -> Vec<Report> {
        self.now = self.now.plus(Millis(20));
        (0..batch)
            .map(|_| {
                let i = self.rng.below(self.len()) as usize;
                let angle = self.rng.unit() * std::f64::consts::TAU;
                self.positions[i] =
                    offset(self.positions[i], 50.0 * angle.cos(), 50.0 * angle.sin());
                self.report(i)
            })
            .collect()
    }
}
