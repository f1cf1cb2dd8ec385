//! Logs of decisions: what is written is read and verified, what was altered is found, and neither
//! damage nor a disk that fails does more harm than it says.

mod altered;
mod damage;
mod recorder;
mod rolling;
mod verified;

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::dispatch::policy::{Decision, by_name};
use crate::dispatch::{
    Command, Journey, LiveSupply, Market, MarketConfig, Nearby, Needs, Pace, Search, Spent, Supply,
    TripRequest, Urgency, Whereabouts,
};
use crate::geo::{E7, LatLng};
use crate::ids::DriverId;
use crate::index::{BatchOutcome, IndexConfig, LiveMap, ScanIndex};
use crate::model::{Capacity, DriverStatus, Motion, Report};
use crate::records::{LogEntry, LoggedDecision};
use crate::sim::day::{self, DayPlan, Habits, Rider, Watch};
use crate::test_rng::Rng;
use crate::trace::Damage;
use crate::travel::StraightLine;
use crate::units::{Meters, Millis, Timestamp};

const TEN: Timestamp = Timestamp::from_secs(1_700_042_400);

/// A corner of a lattice whose streets are 300 m apart, so that many ways are equally long.
fn corner(rng: &mut Rng) -> LatLng {
    let mut steps = |meters: i64| i32::try_from(rng.within(-6, 6) * meters * 90).unwrap();
    let (lat, lng) = (377_800_000 + steps(300), -1_224_100_000 + steps(380));
    LatLng::try_from(E7 { lat, lng }).unwrap()
}

/// Rush hour with few drivers.
fn rush_hour(window: Millis) -> DayPlan {
    let mut rng = Rng(7);
    let seats = Capacity::try_from(1).unwrap();
    let rider = |i: u64| {
        let (pickup, dropoff) = (corner(&mut rng), corner(&mut rng));
        Rider { at: TEN.plus(Millis(i * 1_000)), pickup, dropoff, seats }
    };
    let riders = (0..1_500).map(rider).collect();
    let mut rng = Rng(8);
    let starts = (0..280).map(|_| corner(&mut rng)).collect();
    let market = MarketConfig { window, ..MarketConfig::new("sf".parse().unwrap()) };
    let plan = DayPlan { market, habits: Habits::default(), seed: 1, starts, riders };
    plan.check().unwrap();
    plan
}

/// Keeps decisions.
#[derive(Default)]
struct Noted(Vec<Decision>);

impl Watch for Noted {
    fn decided(&mut self, decision: &Decision) {
        self.0.push(decision.clone());
    }
}

/// What a policy decides in rush hour.
fn decided(policy: &str, window: Millis) -> Vec<Decision> {
    let (mut noted, travel) = (Noted::default(), Arc::new(StraightLine::default()));
    day::run(&rush_hour(window), by_name(policy).unwrap(), travel, &mut noted).unwrap();
    noted.0
}

const WINDOW: Millis = Millis::from_secs(8);

/// A supply that tells a batch to stop after so many travel times.
struct Hurried<'a>(LiveSupply<'a>, u64);

impl Supply for Hurried<'_> {
    fn expect(&mut self, pickups: &[LatLng], radius: Meters) {
        self.0.expect(pickups, radius);
    }

    fn worth(&mut self, dropoff: LatLng) -> Millis {
        self.0.worth(dropoff)
    }

    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        self.0.near(search, want, found);
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        self.0.whereabouts(driver)
    }

    fn pace(&mut self, spent: Spent) -> Pace {
        if spent.etas >= self.1 { Pace::Stop } else { Pace::GoOn }
    }
}

/// Batches of a made-up crowd that are told to stop, each after more travel times than the one before.
fn stopped() -> Vec<Decision> {
    let mut decisions = Vec::new();
    for seed in 0..120 {
        let mut rng = Rng(seed);
        let map = ScanIndex::new(IndexConfig::default());
        for i in 0..40 {
            let driver = map.bind(TEN, &format!("d{i}").parse().unwrap()).unwrap();
            let (position, motion) = (corner(&mut rng), Motion::default());
            let status = Some(DriverStatus::Available);
            let report = Report { driver, position, at: TEN, motion, status };
            map.apply(TEN, &[report], &mut BatchOutcome::default());
        }
        let config = MarketConfig { candidates: 1, ..MarketConfig::new("sf".parse().unwrap()) };
        let travel = Arc::new(StraightLine::default());
        let mut market = Market::new(config, by_name("batch").unwrap(), travel).unwrap();
        let mut supply = Hurried(LiveSupply::new(&map, TEN), seed);
        let mut events = Vec::new();
        for i in 0..30 {
            let passengers = Capacity::try_from(1).unwrap();
            let pickup = corner(&mut rng);
            let journey = Journey { pickup, dropoff: None, passengers, needs: Needs::NONE };
            let (key, rider) = ("k".parse().unwrap(), format!("r{i}").parse().unwrap());
            let urgency = Urgency::Batch;
            let request = TripRequest { key, rider, journey, quote: None, urgency };
            let command = Command::RequestTrip(Box::new(request));
            market.apply(TEN, command, &mut supply, &mut events).unwrap();
        }
        market.apply(TEN, Command::MatchBatch, &mut supply, &mut events).unwrap();
        decisions.push(market.last_decision().unwrap().clone());
    }
    decisions
}

/// A decision as a log has it: with distances to a 64th of a metre.
fn rounded(decision: &Decision) -> Decision {
    let mut decision = decision.clone();
    for edge in &mut decision.edges {
        let distance = (edge.pickup.distance.get() * 64.0).round() / 64.0;
        edge.pickup.distance = Meters::new(distance).unwrap();
    }
    decision
}

/// The bytes of a log with a block for each 40 decisions.
fn written(decisions: &[Decision]) -> Vec<u8> {
    let mut writer = DecisionWriter::new(Vec::new(), Path::new("memory")).unwrap();
    for chunk in decisions.chunks(40) {
        for decision in chunk {
            writer.write(decision).unwrap();
        }
        writer.flush().unwrap();
    }
    writer.finish().unwrap()
}

/// The entries of a log, up to its damage.
fn read(bytes: &[u8]) -> (Vec<LogEntry>, Option<Damage>) {
    let mut file = DecisionFile::new(Cursor::new(bytes), Path::new("memory")).unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = file.next_entry().unwrap() {
        entries.push(entry);
    }
    (entries, file.damage().cloned())
}

/// What comes of checking entries.
fn checked(entries: &[LogEntry]) -> (Checked, Vec<Difference>) {
    let (mut checked, mut differences) = (Checked::default(), Vec::new());
    let mut verifier = Verifier::default();
    for entry in entries {
        let verdict = match entry {
            LogEntry::Decided(logged) => Some(verifier.check(logged)),
            LogEntry::Missing { .. } => None,
        };
        checked.count(entry, verdict.as_ref());
        differences.extend(verdict.iter().flat_map(Verdict::differences).cloned());
    }
    (checked, differences)
}

fn unwrapped(entry: &LogEntry) -> &LoggedDecision {
    match entry {
        LogEntry::Decided(logged) => logged,
        LogEntry::Missing { .. } => panic!("{entry:?}"),
    }
}
