//! The contract, on each implementation of the map.

#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

mod concurrent;
mod oracle;
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
