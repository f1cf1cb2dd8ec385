//! A map with drivers on it, its mirror, and what Redis holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use hansom::api;
use hansom::clock::{Clock, stopwatch, wall_now};
use hansom::geo::{Degrees, LatLng};
use hansom::ids::DriverId;
use hansom::index::{BatchOutcome, IndexConfig, LiveIndex, LiveMap};
use hansom::mirror::{
    Backoff, Entry, Leads, Link, LinkOptions, Mirror, MirrorConfig, REGIONS, RegionKeys, Role,
    StatusOf, geo_score, region_named,
};
use hansom::model::{
    Attributes, Capacity, DriverStatus, Motion, Profile, Rating, Report, VehicleTypes,
};
use hansom::telemetry::Metrics;
use hansom::units::{Millis, Timestamp};
use std::time::Duration;

use super::process::PATIENCE;

/// Quick to notice, quick to try again.
pub(crate) fn options() -> LinkOptions {
    LinkOptions {
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_millis(300),
        backoff: Backoff { first: Millis(10), cap: Millis(200) },
    }
}

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    /// Between 0 and 1.
    pub(crate) fn part(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 32)).unwrap()) / 4_294_967_296.0
    }
}

/// Centres of the places where drivers are, and how far around, in degrees: cities across borders
/// of regions, the antimeridian, and beyond what a geo set can hold.
pub(crate) const PLACES: [(f64, f64, f64); 5] = [
    (37.75, -122.4, 0.4),
    (52.5, 13.4, 0.3),
    (-17.5, 180.0, 0.5),
    (85.05, 20.0, 0.3),
    (89.9, 0.0, 0.1),
];

/// A position at one of the places; most are in the first two.
pub(crate) fn somewhere(dice: &mut Dice) -> LatLng {
    let place = [0, 0, 0, 0, 1, 1, 1, 2, 3, 4][usize::try_from(dice.below(10)).unwrap()];
    let (lat, lng, reach) = PLACES[place];
    let lat = (lat + (dice.part() - 0.5) * 2.0 * reach).clamp(-90.0, 90.0);
    let wide = if lat > 85.0 { 180.0 } else { reach };
    let lng = lng + (dice.part() - 0.5) * 2.0 * wide;
    let lng = (lng + 540.0).rem_euclid(360.0) - 180.0;
    LatLng::try_from(Degrees { lat, lng }).unwrap()
}

pub(crate) struct Fleet {
    pub(crate) map: Arc<LiveIndex>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) dice: Dice,
    mirror: Option<Mirror>,
}

impl Fleet {
    /// A map without drivers.
    pub(crate) fn new(seed: u64) -> Self {
        let config = IndexConfig { max_drivers: 100_000, ..IndexConfig::default() };
        Self {
            map: Arc::new(LiveIndex::new(config, seed).noting_changes()),
            clock: Arc::new(Clock::Wall),
            metrics: api::metrics(),
            dice: Dice(seed),
            mirror: None,
        }
    }

    /// The same, mirrored.
    pub(crate) fn mirrored(seed: u64, address: &str) -> Self {
        let mut fleet = Self::new(seed);
        fleet.mirror(address);
        fleet
    }

    pub(crate) fn mirror(&mut self, address: &str) {
        self.mirror_as(address, Arc::new(|_, status| status), Arc::new(|| true));
    }

    /// The same beside a market, which says what drivers are doing, and whether it is here.
    pub(crate) fn mirror_as(&mut self, address: &str, status: StatusOf, leads: Leads) {
        let config = MirrorConfig {
            address: address.parse().unwrap(),
            options: options(),
            seed: 1,
            status,
            leads,
        };
        let (map, clock) = (Arc::clone(&self.map), Arc::clone(&self.clock));
        let mirror = Mirror::start(config, map, clock, Arc::clone(&self.metrics.mirror));
        self.mirror = Some(mirror.unwrap());
    }

    /// Ends the mirror as a crash does.
    pub(crate) fn abandon(&mut self) {
        self.mirror = None;
    }

    /// Waits until the map knows what Redis knew.
    pub(crate) async fn warmed(&self) {
        let mut warm = self.mirror.as_ref().unwrap().warm();
        tokio::time::timeout(PATIENCE, warm.wait_for(|&warm| warm)).await.unwrap().unwrap();
    }

    /// A driver reports a place at a moment.
    pub(crate) fn report(&self, id: &DriverId, position: LatLng, at: Timestamp) -> bool {
        let driver = self.map.bind(wall_now(), id).unwrap();
        let motion = Motion { speed_cm_s: Some(900), ..Motion::default() };
        let report = Report { driver, position, at, motion, status: None };
        let mut outcome = BatchOutcome::default();
        self.map.apply(wall_now(), &[report], &mut outcome);
        outcome.applied == 1
    }

    /// Drivers do what drivers do, so many times: move, change, go, come back.
    pub(crate) fn live(&mut self, drivers: u64, steps: usize) {
        for _ in 0..steps {
            let id: DriverId = format!("driver-{}", self.dice.below(drivers)).parse().unwrap();
            let position = somewhere(&mut self.dice);
            self.report(&id, position, wall_now());
            let key = self.map.find(&id).unwrap();
            match self.dice.below(12) {
                0 => {
                    self.map.forget(key);
                }
                n @ 1..=6 => {
                    let status = DriverStatus::ALL[usize::try_from(n - 1).unwrap()];
                    self.map.set_status(key, status);
                }
                7 => {
                    let profile = self.some_profile();
                    self.map.set_profile(key, profile);
                }
                _ => {}
            }
        }
    }

    /// What a driver may be like.
    pub(crate) fn some_profile(&mut self) -> Profile {
        let mut below = |most| u32::try_from(self.dice.below(most)).unwrap();
        Profile {
            vehicle_types: VehicleTypes::try_from(1 + below(7)).unwrap(),
            capacity: Capacity::try_from(1 + below(8)).unwrap(),
            rating: Rating::from_centi_stars(u16::try_from(below(501)).unwrap()),
            attributes: Attributes::try_from(below(16)).unwrap(),
        }
    }

    /// What Redis should hold: lines by region and driver.
    pub(crate) fn expected(&self) -> Contents {
        let mut contents = Contents::new();
        for slot in 0..self.map.slots() {
            if let Some(occupant) = self.map.occupant(wall_now(), slot)
                && let (Some(entry), Some(region)) = (Entry::of(&occupant.driver), occupant.region)
            {
                contents.insert((region, occupant.id.to_string()), entry.to_line());
            }
        }
        contents
    }

    /// Waits until Redis holds what it should.
    pub(crate) async fn settled(&self, link: &Link) {
        let begun = stopwatch();
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        loop {
            pace.tick().await;
            let difference = match contents(link).await {
                Ok(contents) if contents == self.expected() => return,
                Ok(contents) => difference(&contents, &self.expected()),
                Err(error) => error,
            };
            assert!(begun.elapsed() < PATIENCE, "it never becomes equal: {difference}");
        }
    }
}

/// Lines by region and driver.
pub(crate) type Contents = BTreeMap<(u64, String), String>;

/// A few of the entries that differ.
fn difference(one: &Contents, other: &Contents) -> String {
    let lacks = other.iter().filter(|(key, line)| one.get(key) != Some(line)).take(3);
    let has = one.iter().filter(|(key, line)| other.get(key) != Some(line)).take(3);
    format!("lacks {:?}, has {:?}", lacks.collect::<Vec<_>>(), has.collect::<Vec<_>>())
}

pub(crate) fn link(address: &str) -> Link {
    Link::new(address.parse().unwrap(), Role::Primary, options(), 9)
}

/// What Redis holds, read with plain commands; an error if the two keys of a region disagree.
pub(crate) async fn contents(link: &Link) -> Result<Contents, String> {
    let ask = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command
    };
    let said = |error: hansom::mirror::LinkError| error.to_string();
    let names: Vec<String> = link.query(&ask(&["SMEMBERS", REGIONS])).await.map_err(said)?;
    let mut contents = Contents::new();
    for region in names.iter().filter_map(|name| region_named(name)) {
        let keys = RegionKeys::of(region);
        let lines: BTreeMap<String, String> =
            link.query(&ask(&["HGETALL", &keys.meta])).await.map_err(said)?;
        let scores: BTreeMap<String, u64> = link
            .query(&ask(&["ZRANGE", &keys.geo, "0", "-1", "WITHSCORES"]))
            .await
            .map_err(said)?;
        let entries = lines.iter().map(|(id, line)| (id, Entry::parse(line).unwrap()));
        let fit: BTreeMap<String, u64> = entries
            .filter_map(|(id, entry)| Some((id.clone(), geo_score(entry.position)?)))
            .collect();
        if scores != fit {
            return Err(format!("{}: {} in geo, {} should be", keys.geo, scores.len(), fit.len()));
        }
        contents.extend(lines.into_iter().map(|(id, line)| ((region, id), line)));
    }
    Ok(contents)
}
