//! What one window may do at most, and that what it leaves is done by the next.

use super::city::City;
use super::rig::{Rig, config, request, ten_m_s};
use crate::dispatch::policy::Greedy;
use crate::dispatch::{Command, Event, Fact, Market, MarketConfig, Trip};
use crate::limits;
use crate::units::Timestamp;

#[test]
fn a_window_writes_so_much_and_the_next_one_the_rest() {
    let now = Timestamp::from_secs(1_700_000_000);
    let (mut city, mut events) = (City { now, ..City::default() }, Vec::new());
    let mut market = Market::new(config(), Box::new(Greedy::default()), ten_m_s()).unwrap();
    let lightest = limits::MAX_WINDOW_BYTES / 1_024;
    let riders = lightest + 300;
    for rider in 0..riders {
        let asked = Command::RequestTrip(Box::new(request(&format!("r{rider}"), "k")));
        assert!(market.apply(now, asked, &mut city, &mut events).is_ok());
    }
    let mut window = || {
        events.clear();
        assert!(market.apply(now, Command::MatchBatch, &mut city, &mut events).is_ok());
        let went_on = |event: &&Event| event.fact == Fact::SearchContinued;
        let trips = events.iter().filter(went_on).filter_map(|event| market.trip(event.trip));
        trips.map(Trip::weight).collect::<Vec<usize>>()
    };
    let (first, second, third) = (window(), window(), window());
    assert!(first.iter().sum::<usize>() <= limits::MAX_WINDOW_BYTES);
    assert!(first.len() > lightest * 9 / 10, "{} of {riders} were told", first.len());
    assert_eq!((first.len() + second.len(), third.len()), (riders, 0), "each once");
}

/// How many riders out of a hundred get one of a hundred drivers in each of two windows, and for how
/// many edges the first one asked, when a batch is told to stop after so many.
fn hundred(patience: Option<u64>) -> ([usize; 2], u64) {
    let names: Vec<String> = (0..100).map(|i| format!("d{i:02}")).collect();
    let cabs: Vec<(&str, f64)> =
        (0..100_u32).zip(&names).map(|(i, d)| (&**d, 10.0 * f64::from(i))).collect();
    let mut rig = Rig::with(MarketConfig { candidates: 10, ..config() }).drivers(&cabs);
    rig.city.patience = patience;
    let trips: Vec<_> = (0..100).map(|i| rig.request(&format!("r{i:02}"))).collect();
    let mut asked = 0;
    let offered = [0, 1].map(|window| {
        rig.batch();
        if window == 0 {
            asked = rig.market.last_decision().unwrap().spent.etas;
        }
        trips.iter().filter(|trip| rig.trip(**trip).offer.is_some()).count()
    });
    (offered, asked)
}

#[test]
fn out_of_time_first_come_first_served_looks_at_so_many_and_no_more() {
    let (at_leisure, asked) = hundred(None);
    assert_eq!(at_leisure, [100, 100]);
    assert!(asked > 5_000, "{asked}: each rider looks past all who are taken");
    let (in_haste, asked) = hundred(Some(1));
    // The sixty-fourth and those asked for with it are the last who can be found.
    assert!((64..80).contains(&in_haste[0]), "{in_haste:?}");
    assert_eq!(in_haste[1], 100, "the others are found by the next window");
    assert!(asked <= 100 * 79, "{asked}");
}
