//! A fleet in a steady state: it moves all the time, and never to where nobody ever was.
//!
//! Each driver has a few places around its home and a few at a stadium, and moves among these.
//! By tides most of the fleet is at home, then most of it at the stadium, so that buckets there
//! are cut and joined, those of the cities joined and cut, and drivers change regions.

use std::sync::Arc;

use hansom::bench::fleet::Rng;
use hansom::geo::{Degrees, LatLng};
use hansom::ids::DriverId;
use hansom::index::{BatchOutcome, IndexConfig, LiveIndex, LiveMap};
use hansom::model::{DriverKey, DriverStatus, Motion, Report};
use hansom::units::{Millis, Timestamp};

/// Drivers of the fleet.
pub(crate) const DRIVERS: u32 = 20_000;

/// Moves of a batch.
pub(crate) const BATCH: usize = 1_024;

/// Batches that are looked at: two tides in and out.
pub(crate) const BATCHES: usize = 4 * TIDE;

/// Batches from one turn of the tide to the next; each driver moves two or three times.
const TIDE: usize = 50;

/// Where drivers are at home; the last one lies across the antimeridian.
const CITIES: [(f64, f64); 4] = [(48.85, 2.35), (37.77, -122.42), (1.35, 103.82), (-16.5, 180.0)];

/// Where drivers go, and how far around it they stand, in degrees.
const STADIUM: (f64, f64, f64) = (48.92, 2.36, 0.005);

/// How far from the middle of their city drivers live, and how far from home they go.
const CITY: f64 = 0.3;
const STREETS: f64 = 0.003;

/// Places of a driver around its home, and as many at the stadium.
const PLACES: u32 = 4;

/// A move that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) driver: u32,
    pub(crate) position: LatLng,
    pub(crate) at: Timestamp,
}

pub(crate) struct Fleet {
    pub(crate) index: Arc<LiveIndex>,
    pub(crate) now: Timestamp,
    keys: Vec<DriverKey>,
    /// The places of each driver, [`PLACES`] at home first.
    places: Vec<LatLng>,
    /// Who is at the stadium.
    away: Vec<bool>,
    batches: usize,
    /// Moves from a city to the stadium or back.
    pub(crate) commutes: u64,
    rng: Rng,
}

fn near(rng: &mut Rng, (lat, lng): (f64, f64), reach: f64) -> (f64, f64) {
    (lat + (rng.unit() - 0.5) * 2.0 * reach, lng + (rng.unit() - 0.5) * 2.0 * reach)
}

fn at((lat, lng): (f64, f64)) -> LatLng {
    let lng = (lng + 540.0).rem_euclid(360.0) - 180.0;
    LatLng::try_from(Degrees { lat, lng }).unwrap()
}

pub(crate) fn id(driver: u32) -> String {
    format!("driver-{driver}")
}

impl Fleet {
    /// A fleet that has been everywhere it will ever be.
    pub(crate) fn warm() -> Self {
        let config = IndexConfig { stale_after: Millis::from_secs(30), ..IndexConfig::default() };
        let index = Arc::new(LiveIndex::new(config, 1));
        let (mut rng, now) = (Rng(5), Timestamp::from_secs(1_700_000_000));
        let bind = |driver| index.bind(now, &id(driver).parse::<DriverId>().unwrap()).unwrap();
        let keys = (0..DRIVERS).map(bind).collect();
        let mut places = Vec::new();
        for driver in 0..DRIVERS as usize {
            let home = near(&mut rng, CITIES[driver % CITIES.len()], CITY);
            let (lat, lng, reach) = STADIUM;
            for (middle, reach) in [(home, STREETS), ((lat, lng), reach)] {
                places.extend((0..PLACES).map(|_| at(near(&mut rng, middle, reach))));
            }
        }
        let away = vec![false; DRIVERS as usize];
        let mut fleet = Self { index, now, keys, places, away, batches: 0, commutes: 0, rng };
        // Each place is visited, so that no region will be new. Then all stand on one spot,
        // which takes the fewest buckets there can be, so that no list of free ones will be
        // longer; and go home again.
        for place in (0..2 * PLACES).rev() {
            fleet.gather(|fleet, driver| fleet.place(driver, place));
        }
        fleet.gather(|fleet, _| fleet.places[0]);
        fleet.gather(|fleet, driver| fleet.place(driver, 0));
        let mut outcome = BatchOutcome::default();
        for _ in 0..BATCHES {
            let reports = fleet.reports();
            outcome.clear();
            fleet.index.apply(fleet.now, &reports, &mut outcome);
            fleet.index.advance(fleet.now);
        }
        fleet.commutes = 0;
        fleet
    }

    fn place(&self, driver: u32, place: u32) -> LatLng {
        self.places[(driver * 2 * PLACES + place) as usize]
    }

    /// Moves everybody, one after the other.
    fn gather(&mut self, to: impl Fn(&Self, u32) -> LatLng) {
        let mut outcome = BatchOutcome::default();
        for driver in 0..DRIVERS {
            let position = to(self, driver);
            let at = self.tick();
            let report = self.report(Move { driver, position, at });
            self.index.apply(self.now, &[report], &mut outcome);
        }
        assert_eq!((outcome.applied, outcome.rejected.len()), (u64::from(DRIVERS), 0));
    }

    fn tick(&mut self) -> Timestamp {
        self.now = self.now.plus(Millis(1));
        self.now
    }

    /// The next batch: random drivers, each to one of its places.
    pub(crate) fn moves(&mut self) -> Vec<Move> {
        let stadium = self.batches / TIDE % 2 == 1;
        self.batches += 1;
        (0..BATCH)
            .map(|_| {
                let driver = self.rng.below(DRIVERS);
                let was = std::mem::replace(&mut self.away[driver as usize], stadium);
                self.commutes += u64::from(was != stadium);
                let place = self.rng.below(PLACES) + if stadium { PLACES } else { 0 };
                Move { driver, position: self.place(driver, place), at: self.tick() }
            })
            .collect()
    }

    /// The next batch as the index takes it.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        self.moves().into_iter().map(|one| self.report(one)).collect()
    }

    fn report(&self, Move { driver, position, at }: Move) -> Report {
        let motion = Motion { speed_cm_s: Some(900), accuracy_dm: Some(80), ..Motion::default() };
        let status = match driver % 10 {
            0 => Some(DriverStatus::OnTrip),
            1 => Some(DriverStatus::Available),
            _ => None,
        };
        Report { driver: self.keys[driver as usize], position, at, motion, status }
    }

    /// A place of a random driver.
    pub(crate) fn somewhere(&mut self) -> LatLng {
        let (driver, place) = (self.rng.below(DRIVERS), self.rng.below(2 * PLACES));
        self.place(driver, place)
    }
}

/// What a run has reached, to prove that it tested what it claims.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    memory: usize,
    /// Batches after which there were other buckets than before.
    pub(crate) reshaped: usize,
    /// Drivers who fell silent, and so will be scheduled anew when they report.
    pub(crate) stale: u64,
}

impl Reach {
    /// After a batch: lets time pass, and looks at what has changed.
    pub(crate) fn look(&mut self, fleet: &Fleet) {
        let (memory, _) = fleet.index.memory();
        self.reshaped += usize::from(memory != self.memory);
        self.memory = memory;
        self.stale += fleet.index.advance(fleet.now).went_stale;
    }

    /// Checks that there was something to see.
    pub(crate) fn enough(&self, fleet: &Fleet) {
        println!("{self:?}, {} commutes", fleet.commutes);
        assert!(self.reshaped > BATCHES / 2, "{self:?}: buckets are to be cut and joined");
        assert!(self.stale > 1_000, "{self:?}: drivers are to fall silent and come back");
        assert!(fleet.commutes > u64::from(DRIVERS), "few drivers have moved far");
        assert_eq!(fleet.index.check(), Ok(()));
    }
}
