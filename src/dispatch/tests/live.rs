//! The supply of a live map against a list that is sorted.

use super::city::place;
use super::rig::{config, request, ten_m_s};
use crate::dispatch::policy::{Batch, Proof};
use crate::dispatch::{Command, LiveSupply, Market, MarketConfig, Nearby, Search, Supply};
use crate::geo::{Haversine, LatLng, haversine};
use crate::ids::DriverId;
use crate::index::{BatchOutcome, IndexConfig, LiveIndex, LiveMap, ScanIndex};
use crate::limits;
use crate::model::{Capacity, DriverStatus, Filter, Motion, Profile, Report};
use crate::test_rng::Rng;
use crate::units::{Meters, Millis, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn report(map: &dyn LiveMap, id: &DriverId, position: LatLng) {
    let driver = map.bind(NOW, id).unwrap();
    let report = Report { driver, position, at: NOW, motion: Motion::default(), status: None };
    let mut outcome = BatchOutcome::default();
    map.apply(NOW, &[report], &mut outcome);
    assert_eq!(outcome.applied, 1);
}

/// Drivers around the middle, many on the same spot, some of them busy or with few seats.
fn fill(map: &dyn LiveMap, count: u64) -> Vec<(Haversine, DriverId)> {
    let mut rng = Rng(3);
    let mut free = Vec::new();
    for i in 0..count {
        let id: DriverId = format!("d{}", i * 7_919 % count).parse().unwrap();
        let spread = if rng.once_in(3) { 2 } else { 5_000 };
        let meters = |rng: &mut Rng| f64::from(i32::try_from(rng.within(-spread, spread)).unwrap());
        let position = place(meters(&mut rng), meters(&mut rng));
        report(map, &id, position);
        let driver = map.find(&id).unwrap();
        if rng.once_in(4) {
            assert!(map.set_status(driver, DriverStatus::OnTrip));
            continue;
        }
        if rng.once_in(4) {
            let capacity = Capacity::try_from(2).unwrap();
            assert!(map.set_profile(driver, Profile { capacity, ..Profile::default() }));
            continue;
        }
        free.push((haversine(position, place(0.0, 0.0)), id));
    }
    free.sort_unstable();
    free
}

fn search() -> Search {
    let filter = Filter { min_capacity: Capacity::try_from(3).unwrap(), ..Filter::default() };
    Search::new(place(0.0, 0.0), Meters::whole(4_000), filter)
}

/// All that a search hands out, asked for so many at a time.
fn all(supply: &mut dyn Supply, want: usize) -> Vec<Nearby> {
    let (mut search, mut found) = (search(), Vec::new());
    while !search.has_ended() {
        let before = found.len();
        supply.near(&mut search, want, &mut found);
        assert!(search.has_ended() || found.len() >= before + want, "fewer than wanted");
        assert_eq!(search.given(), found.len());
    }
    found
}

fn is_the_sorted_list(map: &dyn LiveMap, drivers: u64, few: Few) {
    let expected = fill(map, drivers);
    let limit = Haversine::of_radius(Meters::whole(4_000));
    let expected: Vec<_> =
        expected.into_iter().filter(|(distance, _)| *distance <= limit).collect();
    let ties = expected.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
    assert!(expected.len() > 100 && ties > 10, "{} drivers, {ties} ties", expected.len());
    for pickups in [1, 20] {
        for want in [1, 3, 10, 64, 1_000] {
            let mut supply = LiveSupply::new(map, NOW);
            // With twenty searches to come the free ones, who are few, are listed.
            let around = [0.0, 500.0].map(|east_m| place(east_m, 0.0)).repeat(pickups / 2 + 1);
            supply.expect(&around[..pickups], Meters::whole(4_000));
            let listed = few == Few::Yes && pickups > 16;
            assert_eq!(supply.listed().0.is_some(), listed, "{pickups} searches");
            let found = all(&mut supply, want);
            let found: Vec<_> = found.iter().map(|n| (n.distance, n.driver)).collect();
            assert_eq!(found, expected, "{want} at a time, {pickups} searches");
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Few {
    Yes,
    No,
}

#[test]
fn a_search_is_the_sorted_list_bit_by_bit() {
    for (drivers, few) in [(300, Few::Yes), (600, Few::No)] {
        is_the_sorted_list(&ScanIndex::new(IndexConfig::default()), drivers, few);
        is_the_sorted_list(&LiveIndex::new(IndexConfig::default(), 1), drivers, few);
    }
}

#[test]
fn who_moves_between_two_questions_disturbs_nobody_else() {
    let map = LiveIndex::new(IndexConfig::default(), 1);
    let expected = fill(&map, 400);
    let mut supply = LiveSupply::new(&map, NOW);
    let (mut search, mut found) = (search(), Vec::new());
    supply.near(&mut search, 10, &mut found);
    let given: Vec<DriverId> = found.iter().map(|nearby| nearby.driver).collect();
    // Those handed out drive away, and one from far behind comes to the front.
    for id in &given[..5] {
        report(&map, id, place(3_000.0, 2_000.0));
    }
    let late = expected[80].1;
    report(&map, &late, place(0.0, 1.0));
    while !search.has_ended() {
        supply.near(&mut search, 10, &mut found);
    }
    let limit = Haversine::of_radius(Meters::whole(4_000));
    let within = expected.iter().filter(|(distance, _)| *distance <= limit);
    for (_, id) in within.filter(|(_, id)| *id != late) {
        assert!(found.iter().any(|nearby| nearby.driver == *id), "{id} was missed");
    }
}

#[test]
fn a_search_goes_on_where_the_map_answers_no_further() {
    let most = usize::from(limits::MAX_K);
    for map in [&LiveIndex::new(IndexConfig::default(), 1) as &dyn LiveMap, &scan()] {
        let mut expected = fill(map, 4_000);
        // A rank far out.
        let rank = place(3_500.0, 0.0);
        for i in 0..30 {
            let id = format!("e{i}").parse().unwrap();
            report(map, &id, rank);
            expected.push((haversine(rank, place(0.0, 0.0)), id));
        }
        expected.sort_unstable();
        let limit = Haversine::of_radius(Meters::whole(4_000));
        let expected: Vec<_> =
            expected.into_iter().filter(|(distance, _)| *distance <= limit).collect();
        let late = &expected[most..];
        let ties = late.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
        assert!(late.len() > 500 && ties > 20, "{} beyond, {ties} ties", late.len());
        for want in [7, 300, 999, 5_000] {
            let mut supply = LiveSupply::new(map, NOW);
            let found = all(&mut supply, want);
            let found: Vec<_> = found.iter().map(|n| (n.distance, n.driver)).collect();
            assert_eq!(found, expected, "{want} at a time");
            let (few, many) = supply.listed();
            assert!(few.is_none() && many.is_some_and(|listed| listed >= expected.len()));
        }
    }
}

fn scan() -> ScanIndex {
    ScanIndex::new(IndexConfig::default())
}

/// More riders come out of a stadium than a map names drivers at a time, and all the cabs wait at one
/// place: each rider has to look beyond those whom the others look at too.
#[test]
fn nobody_in_a_stadium_is_left_out_for_want_of_looking() {
    let map = LiveIndex::new(IndexConfig::default(), 1);
    let (riders, cabs) = (1_100, 1_300);
    let mut rng = Rng(9);
    let mut some = |spread: i64| f64::from(i32::try_from(rng.within(-spread, spread)).unwrap());
    for i in 0..cabs {
        let position = place(2_500.0 + some(200), some(200));
        report(&map, &format!("c{i}").parse().unwrap(), position);
    }
    let config = MarketConfig { open_trips: 2_000, ..config() };
    let mut market = Market::new(config, Box::new(Batch::default()), ten_m_s()).unwrap();
    let (mut supply, mut events) = (LiveSupply::new(&map, NOW), Vec::new());
    for i in 0..riders {
        let mut asked = request(&format!("r{i}"), "k");
        asked.journey.pickup = place(some(300), some(300));
        let asked = Command::RequestTrip(Box::new(asked));
        market.apply(NOW, asked, &mut supply, &mut events).unwrap();
    }
    market.apply(NOW, Command::MatchBatch, &mut supply, &mut events).unwrap();
    let decision = market.last_decision().unwrap();
    assert_eq!(decision.choices().count(), riders);
    assert_eq!(decision.proof, Proof::Within(Millis::ZERO));
    let (_, many) = supply.listed();
    assert!(many.is_some_and(|listed| listed == cabs), "{many:?}: nobody looked so far");
}

#[test]
fn whereabouts_are_those_of_the_map() {
    let map = ScanIndex::new(IndexConfig::default());
    let (a, b, c): (DriverId, DriverId, DriverId) =
        ("a".parse().unwrap(), "b".parse().unwrap(), "c".parse().unwrap());
    report(&map, &a, place(5.0, 5.0));
    map.bind(NOW, &b).unwrap();
    let mut supply = LiveSupply::new(&map, NOW);
    let found = supply.whereabouts(&a).unwrap();
    assert_eq!((found.position, found.at), (place(5.0, 5.0), NOW));
    assert!(supply.whereabouts(&b).is_none(), "known, without a position");
    assert!(supply.whereabouts(&c).is_none());
}

#[test]
fn a_search_that_was_not_expected_misses_nobody() {
    let map = ScanIndex::new(IndexConfig::default());
    let expected = fill(&map, 300);
    let mut supply = LiveSupply::new(&map, NOW);
    supply.expect(&[place(2_000.0, 0.0); 20], Meters::whole(4_000));
    assert!(supply.listed().0.is_some_and(|listed| listed > 50));
    let limit = Haversine::of_radius(Meters::whole(4_000));
    let within = expected.iter().filter(|(distance, _)| *distance <= limit).count();
    assert_eq!(all(&mut supply, 10).len(), within);
}
