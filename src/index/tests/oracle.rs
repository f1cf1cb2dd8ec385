//! Random operations on the engine and on its twin: the same answers, always.

use std::collections::BTreeMap;

use super::worlds::World;
use crate::geo::{Area, BoundingBox, Circle, LatLng, Polygon};
use crate::ids::DriverId;
use crate::index::{Answer, BatchOutcome, Driver, IndexConfig, LiveIndex, LiveMap, ScanIndex};
use crate::model::{
    Attributes, Capacity, DriverKey, DriverStatus, Filter, K, Motion, Nearest, Page, Profile,
    Rating, Report, StatusSet, VehicleTypes, Within,
};
use crate::test_rng::Rng;
use crate::units::{Meters, Millis, Timestamp};

/// What a run has reached, to prove that it tested what it claims.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    nearest: u64,
    empty: u64,
    full: u64,
    ties: u64,
    filtered: u64,
    across_antimeridian: u64,
    polar: u64,
    within: u64,
    paged: u64,
    counted: u64,
    rejected: u64,
    forgotten: u64,
    stale: u64,
}

/// The engine and its twin, driven alike.
pub(crate) struct Pair<'a> {
    engine: &'a dyn LiveMap,
    scan: ScanIndex,
    world: World,
    rng: Rng,
    now: Timestamp,
    ids: Vec<DriverId>,
    reach: Reach,
    answers: (Answer, Answer),
}

pub(super) const CONFIG: IndexConfig = IndexConfig {
    stale_after: Millis::from_secs(60),
    forget_after: Millis::from_secs(600),
    max_clock_skew: Millis::from_secs(30),
    max_speed_m_s: 90.0,
    max_drivers: 1_500,
};

impl<'a> Pair<'a> {
    pub(crate) fn new(engine: &'a dyn LiveMap, world: World, seed: u64) -> Self {
        let mut rng = Rng(seed);
        let ids = (0..1_600).map(|i| {
            let tail = "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrst";
            format!("{:x}-{}", i * 7_919 % 1_600, &tail[..(i * 31 % 57)]).parse().unwrap()
        });
        Self {
            engine,
            scan: ScanIndex::new(CONFIG),
            world,
            now: Timestamp::from_millis(1_699_999_000_000 + rng.within(0, 1 << 33)),
            ids: ids.collect(),
            rng,
            reach: Reach::default(),
            answers: <_>::default(),
        }
    }

    fn keys(&self, id: &DriverId) -> (Option<DriverKey>, Option<DriverKey>) {
        (self.engine.find(id), self.scan.find(id))
    }

    fn pick(&mut self) -> DriverId {
        self.ids[self.rng.below(self.ids.len() as u64) as usize]
    }

    fn profile(&mut self) -> Profile {
        Profile {
            vehicle_types: VehicleTypes::from_bits(1 << self.rng.below(8)),
            capacity: Capacity::try_from(self.rng.below(8) as u32).unwrap(),
            rating: Rating::from_centi_stars(300 + self.rng.below(201) as u16),
            attributes: Attributes::try_from(self.rng.below(16) as u32).unwrap(),
        }
    }

    fn status(&mut self) -> DriverStatus {
        DriverStatus::ALL[self.rng.below(6) as usize]
    }

    fn filter(&mut self) -> Filter {
        if self.rng.once_in(2) {
            return Filter::ANY;
        }
        self.reach.filtered += 1;
        let mut filter = Filter::default();
        if self.rng.once_in(2) {
            filter.statuses = StatusSet::of(&[self.status(), self.status(), self.status()]);
        }
        if self.rng.once_in(3) {
            filter.vehicle_types = VehicleTypes::from_bits(self.rng.below(256) as u16);
        }
        if self.rng.once_in(4) {
            filter.min_capacity = Capacity::try_from(self.rng.below(6) as u32).unwrap();
        }
        if self.rng.once_in(4) {
            filter.min_rating = Rating::from_centi_stars(300 + self.rng.below(150) as u16);
        }
        if self.rng.once_in(4) {
            filter.attributes = Attributes::try_from(1 << self.rng.below(4)).unwrap();
        }
        if self.rng.once_in(4) {
            filter.max_age = Some(Millis(self.rng.below(60_000)));
        }
        if self.rng.once_in(4) {
            filter.excluded = (0..self.rng.below(40)).map(|_| self.pick()).collect();
        }
        filter
    }

    /// A position drivers are likely near: one of a driver's, or any.
    fn somewhere(&mut self) -> LatLng {
        let id = self.pick();
        let fix = self.scan.find(&id).and_then(|key| self.scan.driver(self.now, key)?.fix);
        match fix {
            Some(fix) if self.rng.once_in(2) => fix.position,
            Some(fix) if self.rng.once_in(2) => World::step(fix.position, &mut self.rng),
            _ => self.world.position(&mut self.rng),
        }
    }

    fn radius(&mut self) -> Meters {
        match self.rng.below(6) {
            0 => Meters::ZERO,
            1 => Meters::HALF_GLOBE,
            _ => {
                let scale = 10f64.powi(self.rng.below(8) as i32);
                Meters::new(scale * (1.0 + self.rng.below(100) as f64 / 100.0)).unwrap()
            }
        }
    }

    /// One random operation.
    pub(crate) fn step(&mut self) {
        match self.rng.below(100) {
            0..60 => self.report(),
            60..62 => self.change(),
            62 => self.pass_time(),
            63 => self.forget(),
            64..88 => self.nearest(),
            88..95 => self.within(),
            _ => self.count(),
        }
    }

    fn report(&mut self) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..=self.rng.below(8) {
            let id = self.pick();
            let bound = (self.engine.bind(self.now, &id), self.scan.bind(self.now, &id));
            assert_eq!(bound.0.is_ok(), bound.1.is_ok(), "binding {id}");
            let (Ok(engine), Ok(scan)) = bound else { continue };
            let last = self.scan.driver(self.now, scan).and_then(|driver| driver.fix);
            let position = match last {
                Some(last) if !self.rng.once_in(8) => World::step(last.position, &mut self.rng),
                _ => self.world.position(&mut self.rng),
            };
            let mut at = self.now.as_millis() - self.rng.within(-2_000, 8_000);
            let mut position = position;
            match self.rng.below(40) {
                0 => at -= self.rng.within(0, 700_000),
                1 => at += self.rng.within(0, 60_000),
                2 if last.is_some() => {
                    let last = last.unwrap();
                    (at, position) = (last.at.as_millis(), last.position);
                }
                _ => {}
            }
            let accuracy = self.rng.once_in(3).then(|| self.rng.below(1_000) as u16);
            let status = self.rng.once_in(5).then(|| self.status());
            let report = |driver| Report {
                driver,
                position,
                at: Timestamp::from_millis(at),
                motion: Motion { accuracy_dm: accuracy, ..Motion::default() },
                status,
            };
            ours.push(report(engine));
            theirs.push(report(scan));
        }
        let (mut a, mut b) = (BatchOutcome::default(), BatchOutcome::default());
        self.engine.apply(self.now, &ours, &mut a);
        self.scan.apply(self.now, &theirs, &mut b);
        assert_eq!(a, b, "the outcome of {theirs:?}");
        self.reach.rejected += b.rejected.len() as u64;
    }

    fn change(&mut self) {
        let id = self.pick();
        let (Some(engine), Some(scan)) = self.keys(&id) else { return };
        if self.rng.once_in(2) {
            let status = self.status();
            assert!(self.engine.set_status(engine, status) && self.scan.set_status(scan, status));
        } else {
            let profile = self.profile();
            let set = self.engine.set_profile(engine, profile);
            assert!(set && self.scan.set_profile(scan, profile));
        }
        let (a, b) = (self.engine.driver(self.now, engine), self.scan.driver(self.now, scan));
        assert_eq!(a, b, "driver {id}");
    }

    fn pass_time(&mut self) {
        let far = if self.rng.once_in(30) { 700_000 } else { 4_000 };
        self.now = self.now.plus(Millis(self.rng.below(far)));
        let (a, b) = (self.engine.advance(self.now), self.scan.advance(self.now));
        assert_eq!(a.forgotten, b.forgotten, "at {}", self.now);
        // Who goes stale and is forgotten in one step may be counted once or twice.
        assert!(a.went_stale <= b.went_stale && b.went_stale <= a.went_stale + a.forgotten);
        assert_eq!(self.engine.len(), self.scan.len());
        assert_eq!(self.engine.supply(), self.scan.supply());
        // Now and then: it looks at everybody.
        if self.now.as_millis() % 8 == 0 {
            assert_eq!(walked(self.engine, self.now), walked(&self.scan, self.now));
        }
        self.reach.forgotten += b.forgotten;
        self.reach.stale += b.went_stale;
    }

    fn forget(&mut self) {
        let id = self.pick();
        let (Some(engine), Some(scan)) = self.keys(&id) else { return };
        assert!(self.engine.forget(engine) && self.scan.forget(scan));
        assert!(!self.engine.forget(engine), "{id} was forgotten twice");
    }

    fn nearest(&mut self) {
        let k = match self.rng.below(10) {
            0 => 1_000,
            1 => 1 + self.rng.below(1_000),
            _ => 1 + self.rng.below(20),
        };
        let question = Nearest {
            center: self.somewhere(),
            k: K::try_from(k).unwrap(),
            radius: self.radius(),
            filter: self.filter(),
        };
        self.engine.nearest(self.now, &question, &mut self.answers.0);
        self.scan.nearest(self.now, &question, &mut self.answers.1);
        self.compare(&format!("{question:?}"));
        let hits = &self.answers.1.hits;
        self.reach.nearest += 1;
        self.reach.empty += u64::from(hits.is_empty());
        self.reach.full += u64::from(hits.len() as u64 == k);
        self.reach.ties += u64::from(hits.windows(2).any(|w| w[0].distance == w[1].distance));
        let east = |p: LatLng| p.lng_e7() > 900_000_000;
        let west = |p: LatLng| p.lng_e7() < -900_000_000;
        let (c, close) = (question.center, |m: f64| m < 1e6);
        self.reach.across_antimeridian += u64::from(hits.iter().any(|h| {
            close(h.distance.meters())
                && (east(c) && west(h.position) || west(c) && east(h.position))
        }));
        self.reach.polar += u64::from(
            c.lat_e7().abs() > 899_000_000 && hits.iter().any(|h| close(h.distance.meters())),
        );
    }

    fn area(&mut self) -> Area {
        let (a, b) = (self.somewhere(), self.somewhere());
        let (south, north) = if a.lat_e7() <= b.lat_e7() { (a, b) } else { (b, a) };
        match self.rng.below(3) {
            0 => Area::Circle(Circle::new(a, self.radius())),
            1 => Area::Box(BoundingBox::new(south, north).unwrap()),
            _ => {
                let mut ring = vec![a, b, self.somewhere()];
                if self.rng.once_in(2) {
                    ring.push(World::step(a, &mut self.rng));
                }
                Polygon::new(&[ring])
                    .map_or(Area::Circle(Circle::new(b, self.radius())), Area::Polygon)
            }
        }
    }

    fn within(&mut self) {
        let after = self.rng.once_in(3).then(|| self.pick());
        let (area, filter) = (self.area(), self.filter());
        // At times just as many as there are, when nobody has to be left for the next page.
        let size = match self.scan.count(self.now, &area, &filter) {
            all @ 1.. if self.rng.once_in(4) => all as usize,
            _ => 1 + self.rng.below(400) as usize,
        };
        let question = Within { area, filter, page: Page { after, size } };
        self.engine.within(self.now, &question, &mut self.answers.0);
        self.scan.within(self.now, &question, &mut self.answers.1);
        self.compare(&format!("{question:?}"));
        self.reach.within += u64::from(!self.answers.1.hits.is_empty());
        self.reach.paged += u64::from(self.answers.1.more);
    }

    fn count(&mut self) {
        let (area, filter) = (self.area(), self.filter());
        let engine = self.engine.count(self.now, &area, &filter);
        assert_eq!(engine, self.scan.count(self.now, &area, &filter), "{area:?} {filter:?}");
        self.reach.counted += engine;
    }

    fn compare(&self, question: &str) {
        let (a, b) = &self.answers;
        let named = |map: &dyn LiveMap, answer: &Answer| -> Vec<_> {
            let told = |hit: &crate::index::Hit| {
                let id = map.id(hit.driver).unwrap();
                (id, hit.distance, hit.position, hit.at, hit.status, hit.profile)
            };
            answer.hits.iter().map(told).collect()
        };
        assert_eq!(named(self.engine, a), named(&self.scan, b), "{question}");
        assert_eq!(a.more, b.more, "{question}");
    }
}

/// Everybody with a position, walked through seven at a time.
fn walked(map: &dyn LiveMap, now: Timestamp) -> BTreeMap<DriverId, Driver> {
    let (mut all, mut from) = (BTreeMap::new(), Some(0));
    while let Some(next) = from {
        from = map.walk(now, next, 7, &mut |id, driver| {
            assert!(all.insert(id, driver).is_none(), "{id} is given twice");
        });
    }
    all
}

fn run(world: World, seed: u64, steps: u64) {
    let engine = LiveIndex::new(CONFIG, seed);
    let mut pair = Pair::new(&engine, world, seed);
    for step in 0..steps {
        pair.step();
        if step % 1_000 == 0 || step < 50 {
            engine.check().unwrap_or_else(|e| panic!("{world:?}, seed {seed}, step {step}: {e}"));
        }
    }
    let reach = &pair.reach;
    println!("{world:?}, seed {seed}: {reach:?}");
    assert!(reach.nearest > steps / 5 && reach.empty > 50 && reach.full > 50, "{reach:?}");
    assert!(reach.filtered > steps / 10 && reach.within > 50 && reach.paged > 50, "{reach:?}");
    assert!(reach.rejected > 50 && reach.forgotten > 50 && reach.stale > 50, "{reach:?}");
    assert!(reach.counted > 50, "{reach:?}");
    match world {
        World::OneSpot => assert!(reach.ties > steps / 20, "{reach:?}"),
        World::Poles => assert!(reach.polar > steps / 50, "{reach:?}"),
        World::Antimeridian => assert!(reach.across_antimeridian > steps / 50, "{reach:?}"),
        World::Cities | World::Uniform | World::Stadium => {}
    }
}

/// The steps of a run; `HANSOM_ORACLE_STEPS` asks for more or fewer.
fn steps() -> u64 {
    asked("HANSOM_ORACLE_STEPS", 100_000)
}

/// The seeds of each world; `HANSOM_SEEDS` asks for more or fewer.
fn seeds() -> std::ops::RangeInclusive<u64> {
    1..=asked("HANSOM_SEEDS", 2)
}

/// A number from the environment. One that cannot be read ends the test: who asks for many
/// seeds and misspells it must not believe that they ran.
fn asked(variable: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return default };
    match text.parse() {
        Ok(number @ 1..) => number,
        _ => panic!("{variable}={text} is not a number from 1"),
    }
}

macro_rules! worlds {
    ($($name:ident: $world:ident),+ $(,)?) => {$(
        #[test]
        fn $name() {
            seeds().for_each(|seed| run(World::$world, seed, steps()));
        }
    )+};
}

worlds! {
    cities_equal_the_scan: Cities,
    the_uniform_world_equals_the_scan: Uniform,
    one_spot_equals_the_scan: OneSpot,
    the_poles_equal_the_scan: Poles,
    the_antimeridian_equals_the_scan: Antimeridian,
    a_stadium_equals_the_scan: Stadium,
}
