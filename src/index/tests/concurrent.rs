//! Threads at work on one engine: what readers see while writers move, bind and forget.
//!
//! Each report says who made it and when: a position is a function of the driver and the time,
//! so that a reader can tell a report from a mixture of two, and one of the past from one of
//! the present.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers made up to fit"
)]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

use foldhash::fast::FixedState;

use crate::geo::{Area, BoundingBox, Circle, Degrees, E7, LatLng, Origin};
use crate::ids::DriverId;
use crate::index::reader::{self, Visits};
use crate::index::region::{RESOLUTION, cell_of};
use crate::index::{Answer, BatchOutcome, Hit, IndexConfig, LiveIndex, LiveMap, ScanIndex};
use crate::model::{DriverKey, Filter, K, Motion, Nearest, Page, Report, Within};
use crate::test_rng::Rng;
use crate::units::{Meters, Millis, Timestamp};

const WRITERS: usize = 3;
const READERS: usize = 2;
/// Drivers who never move.
const STANDING: usize = 320;
/// Drivers of each writer.
const MOVING: usize = 180;
/// Reports of each moving driver.
const ROUNDS: i64 = 250;
/// Drivers who come and are forgotten, over and over.
const GUESTS: usize = 48;
const START: i64 = 1_700_000_000_000;

const CONFIG: IndexConfig = IndexConfig {
    stale_after: Millis::from_secs(300),
    forget_after: Millis::from_secs(600),
    max_clock_skew: Millis::from_secs(60),
    max_speed_m_s: 90.0,
    max_drivers: 2_000,
};

fn at(lat: i64, lng: i64) -> LatLng {
    let lng = (lng + 1_800_000_000).rem_euclid(3_600_000_000) - 1_800_000_000;
    LatLng::try_from(E7 { lat: lat as i32, lng: lng as i32 }).unwrap()
}

/// Where drivers crowd: a city, a corner of three regions, both sides of the antimeridian, the
/// far north, and a point where all stand on each other's shoulders.
fn spots() -> Vec<(i64, i64, u64)> {
    let city = at(377_749_000, -1_224_194_000);
    let corner = cell_of(city, RESOLUTION).boundary()[0];
    let e7 = |degrees: f64| (degrees * 1e7) as i64;
    vec![
        (377_749_000, -1_224_194_000, 200_000),
        (e7(corner.lat()), e7(corner.lng()), 20_000),
        (-180_000_000, 1_799_999_000, 30_000),
        (5_000, -1_799_999_990, 2_000),
        (899_900_000, 0, 60_000),
        (488_566_000, 23_522_000, 1),
    ]
}

/// Where a driver of this number is at this time.
fn place(spots: &[(i64, i64, u64)], driver: usize, time: i64) -> LatLng {
    let mut rng = Rng(((driver as u64) << 32) ^ (time.cast_unsigned() * 0x9e37));
    let home = driver % spots.len();
    let (lat, lng, spread) = match rng.below(8) {
        0..=4 => spots[home],
        5 | 6 => spots[rng.below(spots.len() as u64) as usize],
        // Alone in a region, which is empty before and after.
        _ => (rng.within(-800_000_000, 800_000_000), rng.within(-1_800_000_000, 0), 0),
    };
    let spread = spread.cast_signed();
    at((lat + rng.within(-spread, spread)).min(900_000_000), lng + rng.within(-spread, spread))
}

/// Everything that the threads share.
struct Stage {
    index: LiveIndex,
    spots: Vec<(i64, i64, u64)>,
    standing: Vec<(DriverKey, LatLng)>,
    moving: Vec<DriverKey>,
    /// Whose number a key is: those who stand first, then those who move.
    numbers: HashMap<DriverKey, usize, FixedState>,
    now: AtomicI64,
    begun: [AtomicI64; WRITERS],
    done: [AtomicI64; WRITERS],
    writing: AtomicU64,
}

/// What a reader has seen, to prove that it tested what it claims.
#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    standing: u64,
    guests: u64,
    gone: u64,
    positions: HashSet<(usize, i64), FixedState>,
    under_way: u64,
}

fn report(driver: DriverKey, position: LatLng, time: i64) -> Report {
    let motion = Motion { speed_cm_s: Some((time & 0xfff) as u16), ..Motion::default() };
    Report { driver, position, at: Timestamp::from_millis(time), motion, status: None }
}

fn apply(map: &dyn LiveMap, now: Timestamp, reports: &[Report]) {
    let mut outcome = BatchOutcome::default();
    map.apply(now, reports, &mut outcome);
    assert_eq!(outcome.rejected, [], "all is in order");
}

impl Stage {
    fn new(seed: u64) -> Self {
        let index = LiveIndex::new(CONFIG, seed);
        let now = Timestamp::from_millis(START);
        let bind = |name: String| index.bind(now, &name.parse().unwrap()).unwrap();
        let spots = spots();
        let standing: Vec<_> = (0..STANDING)
            .map(|n| {
                let mut rng = Rng(n as u64);
                let (lat, lng, spread) = spots[n % spots.len()];
                let spread = spread.cast_signed();
                let (dy, dx) = (rng.within(-spread, spread), rng.within(-spread, spread));
                (bind(format!("standing-{n}")), at((lat + dy).min(900_000_000), lng + dx))
            })
            .collect();
        let moving: Vec<_> = (0..WRITERS * MOVING).map(|n| bind(format!("moving-{n:x}"))).collect();
        let reports: Vec<_> = standing.iter().map(|&(key, p)| report(key, p, START)).collect();
        apply(&index, now, &reports);
        for (n, &key) in moving.iter().enumerate() {
            apply(&index, now, &[report(key, place(&spots, n, START), START)]);
        }
        let keys = standing.iter().map(|&(key, _)| key).chain(moving.iter().copied());
        let numbers = keys.enumerate().map(|(n, key)| (key, n)).collect();
        Self {
            index,
            spots,
            standing,
            moving,
            numbers,
            now: AtomicI64::new(START),
            begun: [const { AtomicI64::new(START) }; WRITERS],
            done: [const { AtomicI64::new(START) }; WRITERS],
            writing: AtomicU64::new(WRITERS as u64),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(SeqCst))
    }

    /// Moves the drivers of one writer, round by round.
    fn write(&self, writer: usize) {
        struct Leave<'a>(&'a AtomicU64);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, SeqCst);
            }
        }
        let _leave = Leave(&self.writing);
        let mine: Vec<usize> = (0..MOVING).map(|i| i * WRITERS + writer).collect();
        for time in START + 1..=START + ROUNDS {
            self.begun[writer].store(time, SeqCst);
            for some in mine.chunks(1 + (time % 60) as usize) {
                let moved = |&n: &usize| report(self.moving[n], place(&self.spots, n, time), time);
                let reports: Vec<Report> = some.iter().map(moved).collect();
                apply(&self.index, self.now(), &reports);
            }
            self.done[writer].store(time, SeqCst);
        }
    }

    /// Binds guests, lets them report once, and sees to it that they are forgotten.
    fn host(&self) {
        let mut rng = Rng(99);
        while self.writing.load(SeqCst) > 0 {
            let now = self.now();
            let guests: Vec<DriverKey> = (0..GUESTS)
                .map(|n| self.index.bind(now, &format!("guest-{n}").parse().unwrap()).unwrap())
                .collect();
            for (n, &key) in guests.iter().enumerate() {
                // Five milliseconds before it is too old.
                let time = now.minus(CONFIG.forget_after).as_millis() + 5;
                let position = place(&self.spots, STANDING + n, time);
                if rng.once_in(8) {
                    continue;
                }
                apply(&self.index, now, &[report(key, position, time)]);
                let driver = self.index.driver(now, key).unwrap();
                assert_eq!(driver.profile, crate::model::Profile::default());
                let fix = driver.fix.unwrap();
                assert_eq!((fix.position, fix.at.as_millis()), (position, time));
            }
            for &key in &guests {
                assert!(!rng.once_in(2) || self.index.forget(key), "nobody else forgets now");
            }
            self.now.fetch_add(6, SeqCst);
            self.index.advance(self.now());
            for &key in &guests {
                self.index.forget(key);
            }
        }
    }

    /// Checks all that can be said of hits while drivers move.
    fn check(&self, hits: &[Hit], done: &[i64; WRITERS], seen: &mut Seen) {
        let begun = self.begun.each_ref().map(|time| time.load(SeqCst));
        let mut keys: HashSet<DriverKey, FixedState> = HashSet::default();
        for hit in hits {
            assert!(keys.insert(hit.driver), "{hit:?} is there twice");
            let time = hit.at.as_millis();
            match self.numbers.get(&hit.driver) {
                Some(&n) if n < STANDING => {
                    assert_eq!((hit.position, time), (self.standing[n].1, START), "{hit:?}");
                    seen.standing += 1;
                }
                Some(&n) => {
                    let n = n - STANDING;
                    let (least, most) = (done[n % WRITERS], begun[n % WRITERS]);
                    assert!((least..=most).contains(&time), "{hit:?}: {least}..={most}");
                    assert_eq!(hit.position, place(&self.spots, n, time), "{hit:?}");
                    seen.positions.insert((n, time));
                    seen.under_way += u64::from(least < most);
                }
                None => match self.index.id(hit.driver) {
                    Some(id) => {
                        let n: usize = id.as_str().strip_prefix("guest-").unwrap().parse().unwrap();
                        assert_eq!(hit.position, place(&self.spots, STANDING + n, time));
                        seen.guests += 1;
                    }
                    None => seen.gone += 1,
                },
            }
        }
        seen.answers += 1;
    }

    /// Each standing driver that `belongs` is among the hits.
    fn none_missed(&self, hits: &[Hit], belongs: impl Fn(DriverKey, LatLng) -> bool) {
        let keys: HashSet<DriverKey, FixedState> = hits.iter().map(|hit| hit.driver).collect();
        for &(key, position) in &self.standing {
            assert!(!belongs(key, position) || keys.contains(&key), "{position} was missed");
        }
    }

    fn read(&self, seed: u64) -> Seen {
        let mut rng = Rng(seed);
        let mut seen = Seen::default();
        let mut answer = Answer::default();
        while self.writing.load(SeqCst) > 0 {
            let done = self.done.each_ref().map(|time| time.load(SeqCst));
            let (_, center) = self.standing[rng.below(STANDING as u64) as usize];
            let radius = Meters::new(10f64.powi(rng.below(6) as i32)).unwrap();
            self.look_up(rng.below(self.moving.len() as u64) as usize);
            if rng.once_in(100) {
                // Both take many locks, and must take them in the order of everybody.
                assert_eq!(self.index.check(), Ok(()));
                assert!(self.index.memory().0 > 0);
            }
            match rng.below(8) {
                0..=3 => {
                    let k = K::try_from(if rng.once_in(2) { 1_000 } else { 1 + rng.below(30) });
                    self.ask_nearest(center, k.unwrap(), radius, &mut answer);
                }
                4 | 5 => self.ask_within(center, radius, &mut answer),
                6 => self.ask_everything(&mut answer),
                _ => {
                    self.ask_count(center, radius);
                    continue;
                }
            }
            self.check(&answer.hits, &done, &mut seen);
        }
        seen
    }

    /// A driver's fix is one report's, whole.
    fn look_up(&self, n: usize) {
        let fix = self.index.driver(self.now(), self.moving[n]).unwrap().fix.unwrap();
        let told = report(self.moving[n], fix.position, fix.at.as_millis());
        assert_eq!(fix.position, place(&self.spots, n, fix.at.as_millis()));
        assert_eq!(fix.motion, told.motion, "the motion of another report");
    }

    fn ask_nearest(&self, center: LatLng, k: K, radius: Meters, answer: &mut Answer) {
        let question = Nearest { center, k, radius, filter: Filter::ANY };
        self.index.nearest(self.now(), &question, answer);
        let hits = &answer.hits;
        assert!(hits.windows(2).all(|w| w[0].distance <= w[1].distance));
        let origin = Origin::new(center);
        assert!(hits.iter().all(|hit| hit.distance == origin.to(hit.position)));
        let full = hits.len() == k.get();
        let area = Area::Circle(Circle::new(center, radius));
        self.none_missed(hits, |_, position| match hits.last() {
            Some(last) if full => origin.to(position) < last.distance,
            _ => area.contains(position),
        });
    }

    fn ask_within(&self, center: LatLng, radius: Meters, answer: &mut Answer) {
        let area = Area::Circle(Circle::new(center, radius));
        let page = Page { after: None, size: 10_000 };
        let question = Within { area, filter: Filter::ANY, page };
        self.index.within(self.now(), &question, answer);
        self.none_missed(&answer.hits, |_, position| question.area.contains(position));
    }

    /// Everybody is somewhere: a question that visits the whole tree, and each time meets a
    /// change, until it holds the writers up.
    fn ask_everything(&self, answer: &mut Answer) {
        let question = Within {
            area: everywhere(),
            filter: Filter::ANY,
            page: Page { after: None, size: 10_000 },
        };
        self.index.within(self.now(), &question, answer);
        let here = |hit: &&Hit| self.numbers.contains_key(&hit.driver);
        let known = answer.hits.iter().filter(here).count();
        assert_eq!(known, STANDING + WRITERS * MOVING, "somebody was missed while moving");
    }

    fn ask_count(&self, center: LatLng, radius: Meters) {
        let area = Area::Circle(Circle::new(center, radius));
        let standing = self.standing.iter().filter(|(_, p)| area.contains(*p)).count();
        let most = standing + WRITERS * MOVING + GUESTS;
        let count = self.index.count(self.now(), &area, &Filter::ANY);
        assert!((standing as u64..=most as u64).contains(&count), "{standing}..={most}: {count}");
        let all = self.index.count(self.now(), &everywhere(), &Filter::ANY);
        let least = STANDING + WRITERS * MOVING;
        assert!((least..=least + GUESTS).contains(&(all as usize)), "{all} in all");
    }

    /// The engine ends where a map that was only told the last reports begins.
    fn settle(&self) {
        assert_eq!(self.index.check(), Ok(()));
        let (scan, now) = (ScanIndex::new(CONFIG), self.now());
        let mut last: Vec<(DriverKey, LatLng, i64)> =
            self.standing.iter().map(|&(key, p)| (key, p, START)).collect();
        let time = START + ROUNDS;
        last.extend(
            self.moving.iter().enumerate().map(|(n, &k)| (k, place(&self.spots, n, time), time)),
        );
        for &(key, position, time) in &last {
            let twin = scan.bind(now, &self.index.id(key).unwrap()).unwrap();
            apply(&scan, now, &[report(twin, position, time)]);
            assert_eq!(self.index.driver(now, key), scan.driver(now, twin));
        }
        assert_eq!(self.index.len(), scan.len());
        assert_eq!(self.index.supply(), scan.supply());
        assert_eq!(told(&self.index, now), told(&scan, now));
    }
}

fn everywhere() -> Area {
    let corner = |lat, lng| Degrees { lat, lng };
    Area::Box(BoundingBox::from_degrees(corner(-90.0, -180.0), corner(90.0, 180.0)).unwrap())
}

fn told(map: &dyn LiveMap, now: Timestamp) -> Vec<(DriverId, LatLng, Timestamp)> {
    let page = Page { after: None, size: 10_000 };
    let question = Within { area: everywhere(), filter: Filter::ANY, page };
    let mut answer = Answer::default();
    map.within(now, &question, &mut answer);
    answer.hits.iter().map(|hit| (map.id(hit.driver).unwrap(), hit.position, hit.at)).collect()
}

#[test]
fn readers_see_the_truth_while_writers_move_bind_and_forget() {
    let stage = Stage::new(1);
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|n| {
                scope.spawn({
                    let stage = &stage;
                    move || stage.read(7 + n as u64)
                })
            })
            .collect();
        for writer in 0..WRITERS {
            scope.spawn({
                let stage = &stage;
                move || stage.write(writer)
            });
        }
        scope.spawn(|| stage.host());
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    stage.settle();
    println!("cycles of guests: {}", (stage.now.load(SeqCst) - START) / 6);
    let regions = stage.index.store.regions.count();
    assert!(regions > 1_000, "{regions} regions were visited");
    for seen in &seen {
        let Seen { answers, standing, guests, gone, under_way, .. } = seen;
        let positions = seen.positions.len();
        println!(
            "{answers} answers, {standing} standing, {positions} positions, {guests} guests, {gone} gone, {under_way} under way, {regions} regions"
        );
        assert!(*answers > 100 && *standing > 1_000, "{answers} answers");
        assert!(positions > 1_000 && *under_way > 1_000, "{positions} positions");
    }
    assert!(seen.iter().any(|seen| seen.guests > 0), "no guest was ever seen");
}

#[test]
fn an_unlucky_question_holds_the_writers_up() {
    let stage = Stage::new(2);
    let (index, now) = (&stage.index, stage.now());
    let mut visits = Visits::default();
    let (mut asked, mut alone) = (0, 0);
    reader::consistently(index, &mut visits, |visits| {
        asked += 1;
        for ix in index.store.regions.all() {
            visits.enter(&index.store, ix);
        }
        if index.gate.try_read().is_none() {
            alone += 1;
        } else {
            // Somebody moves while the question is asked: to another region, each time.
            let time = START + asked;
            let lat = [377_749_000, -180_000_000][(asked % 2) as usize];
            apply(index, now, &[report(stage.moving[0], at(lat, 5), time)]);
        }
        true
    });
    assert_eq!((asked, alone), (9, 1), "eight times without locks, then alone");
    assert!(index.gate.try_write().is_some(), "the gate is open again");
    assert_eq!(index.check(), Ok(()));
}
