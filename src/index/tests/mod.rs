//! The contract, on each implementation of the map.

#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

mod concurrent;
mod oracle;
mod rivals;
pub(crate) mod worlds;
mod wrong;

use super::*;
use crate::geo::Degrees;
use crate::model::K;
use crate::units::Meters;

fn contract(map: &dyn LiveMap) {
    let now = Timestamp::from_secs(1_700_000_000);
    let near = LatLng::try_from(Degrees { lat: 37.78, lng: -122.41 }).unwrap();
    let (b, a) = (map.bind(now, &"b".parse().unwrap()), map.bind(now, &"a".parse().unwrap()));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(map.bind(now, &"a".parse().unwrap()), Ok(a), "binding twice is binding once");
    let report = |driver| Report {
        driver,
        position: near,
        at: now,
        motion: Motion::default(),
        status: None,
    };
    let mut outcome = BatchOutcome::default();
    map.apply(now, &[report(a), report(b), report(a)], &mut outcome);
    assert_eq!((outcome.applied, outcome.implausible), (2, 0));
    assert_eq!(outcome.rejected, [(2, Reason::Duplicate)]);

    let mut question = Nearest {
        center: near,
        k: K::try_from(1).unwrap(),
        radius: Meters::ZERO,
        filter: Filter::default(),
    };
    let mut answer = Answer::default();
    map.nearest(now, &question, &mut answer);
    let found: Vec<DriverKey> = answer.hits.iter().map(|hit| hit.driver).collect();
    assert_eq!(found, [a], "ties are broken by id, and radius 0 holds its centre");

    question.filter.excluded = vec!["a".parse().unwrap()];
    map.nearest(now, &question, &mut answer);
    assert_eq!(map.id(answer.hits[0].driver).unwrap().as_str(), "b");

    assert!(map.set_status(b, DriverStatus::OnTrip));
    map.nearest(now, &question, &mut answer);
    assert!(answer.hits.is_empty(), "b is excluded by its status");

    let counts = map.supply();
    assert_eq!(counts.len(), 1);
    assert_eq!(counts[0].by_status, [0, 1, 0, 0, 0, 1]);
    let later = now.plus(Millis::from_secs(60));
    assert_eq!(map.advance(later), Advance { went_stale: 2, forgotten: 0 });
    assert!(map.supply().is_empty());
    let much_later = now.plus(Millis::from_secs(1_800));
    assert_eq!(map.advance(much_later), Advance { went_stale: 0, forgotten: 2 });
    assert!(map.is_empty() && map.id(a).is_none() && map.driver(now, b).is_none());
    outcome.clear();
    map.apply(now, &[report(a)], &mut outcome);
    assert_eq!(outcome.rejected, [(0, Reason::UnknownDriver)]);
}

#[test]
fn the_scan_keeps_the_contract() {
    contract(&ScanIndex::new(IndexConfig::default()));
}

#[test]
fn the_engine_keeps_the_contract() {
    let index = LiveIndex::new(IndexConfig::default(), 1);
    contract(&index);
    assert_eq!(index.check(), Ok(()));
}

#[test]
fn a_full_map_says_so() {
    let config = IndexConfig { max_drivers: 1, ..IndexConfig::default() };
    full(&ScanIndex::new(config));
    full(&LiveIndex::new(config, 1));
}

fn full(map: &dyn LiveMap) {
    let now = Timestamp::default();
    assert!(map.bind(now, &"a".parse().unwrap()).is_ok());
    assert_eq!(map.bind(now, &"b".parse().unwrap()), Err(FullError { max: 1 }));
}

#[test]
fn the_narrow_clock_is_made_whole_across_its_wrap() {
    let now = Timestamp::from_millis((1 << 32) * 400 + 5);
    for back in [0, 6, 1_000_000, 7 * 86_400_000] {
        let at = now.minus(Millis(back));
        assert_eq!(widen(now, narrow(at)), at);
    }
    let ahead = now.plus(Millis(30_000));
    assert_eq!(widen(now, narrow(ahead)), ahead);
}

/// What is found at `now` by a question without a filter, and how many are known.
fn found(map: &dyn LiveMap, now: Timestamp) -> (Vec<(DriverId, Timestamp)>, usize) {
    let question = Nearest {
        center: LatLng::try_from(Degrees { lat: 10.0, lng: 20.0 }).unwrap(),
        k: K::try_from(10).unwrap(),
        radius: Meters::whole(100_000),
        filter: Filter { max_age: Some(Millis::from_secs(600)), ..Filter::ANY },
    };
    let mut answer = Answer::default();
    map.nearest(now, &question, &mut answer);
    let hits = answer.hits.iter().map(|hit| (map.id(hit.driver).unwrap(), hit.at)).collect();
    (hits, map.len())
}

/// Reports of drivers at a moment, with time running to `then` before the second half.
fn jump(
    map: &dyn LiveMap,
    then: Timestamp,
    ask_first: bool,
) -> Vec<(Vec<(DriverId, Timestamp)>, usize)> {
    let now = Timestamp::from_secs(1_700_000_000);
    let mut seen = Vec::new();
    for (at, names) in [(now, ["a", "b"]), (then, ["b", "c"])] {
        if ask_first {
            seen.push(found(map, at));
        }
        let mut outcome = BatchOutcome::default();
        for name in names {
            let driver = map.bind(at, &name.parse().unwrap()).unwrap();
            let position = LatLng::try_from(Degrees { lat: 10.0, lng: 20.0 }).unwrap();
            let motion = Motion::default();
            map.apply(at, &[Report { driver, position, at, motion, status: None }], &mut outcome);
        }
        assert_eq!((outcome.applied, outcome.rejected.len()), (2, 0), "{outcome:?}");
        seen.push(found(map, at));
    }
    seen
}

#[test]
fn time_may_jump_further_than_the_narrow_clock_reaches() {
    let day = 86_400_000;
    let turn = 1 << 32;
    let steps = [day, 6 * day, 7 * day, 8 * day, 25 * day, turn, turn + 5_000, 1_000 * day];
    for step in steps.map(Some).into_iter().chain([None]) {
        let now = Timestamp::from_secs(1_700_000_000);
        let then = step.map_or(Timestamp::from_millis(i64::MAX - day), |step| {
            now.plus(Millis(u64::try_from(step).unwrap()))
        });
        for ask_first in [false, true] {
            let engine = LiveIndex::new(IndexConfig::default(), 1);
            let scan = ScanIndex::new(IndexConfig::default());
            let (mine, truth) = (jump(&engine, then, ask_first), jump(&scan, then, ask_first));
            assert_eq!(mine, truth, "{step:?} ms, asked first: {ask_first}");
            let last = mine.last().unwrap();
            assert_eq!(last.0.len(), 2, "only those heard of after the jump: {last:?}");
            assert_eq!(engine.advance(then), scan.advance(then));
            assert_eq!(engine.check(), Ok(()));
            assert_eq!(engine.len(), 2);
        }
    }
}
