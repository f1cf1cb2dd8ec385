//! The reader against its obvious twin, which knows each row before it is text, keeps everything,
//! joins through one map and sorts once.

use std::collections::BTreeMap;

use super::*;
use crate::geo::{E7, LatLng};
use crate::test_rng::Rng;
use crate::units::Millis;

/// A row, before it is written.
#[derive(Clone, Debug)]
enum Row {
    Start { ride: u64, second: i64, ends: [LatLng; 2], passengers: u32 },
    End { ride: u64, second: i64 },
    Bad(RequestReason, String),
}

/// Midnight in New York, winter.
const MIDNIGHT_MS: i64 = 1_357_016_400_000;

fn text(row: &Row) -> String {
    let time = |second: &i64| {
        let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
        format!("2013-01-01 {h:02}:{m:02}:{s:02}")
    };
    let place = |place: &LatLng| format!("{},{}", place.degrees().lng, place.degrees().lat);
    match row {
        Row::Start { ride, second, ends, passengers } => {
            let (at, from, to) = (time(second), place(&ends[0]), place(&ends[1]));
            format!("{ride},START,{at},1970-01-01 00:00:00,{from},{to},{passengers},1,1")
        }
        Row::End { ride, second } => {
            let at = time(second);
            format!("{ride},END,{at},2013-01-01 00:00:00,1,1,1,1,1,1,1")
        }
        Row::Bad(_, text) => text.clone(),
    }
}

/// A log in which times collide, rides end early, late, twice or never, and bad rows stand about.
fn log(rng: &mut Rng) -> Vec<Row> {
    let count = rng.within(1, 300);
    let mut started = Vec::new();
    let place = |rng: &mut Rng| {
        let (lat, lng) = (407_000_000, -739_000_000);
        let mut off = || i32::try_from(rng.within(-500_000, 500_000)).unwrap();
        LatLng::try_from(E7 { lat: lat + off(), lng: lng + off() }).unwrap()
    };
    let mut row = |number: i64, rng: &mut Rng| match rng.below(10) {
        0..=4 => {
            let ride = if rng.once_in(20) { 1 } else { 1_000 + number.unsigned_abs() };
            let second = rng.within(0, 40) + number / 4;
            started.push((ride, second));
            let ends = [place(rng), place(rng)];
            let passengers = u32::try_from(rng.below(7)).unwrap();
            Row::Start { ride, second, ends, passengers }
        }
        5..=7 if !started.is_empty() => {
            let (ride, second) = started[usize::try_from(rng.below(started.len() as u64)).unwrap()];
            Row::End { ride, second: (second + rng.within(-5, 300)).max(0) }
        }
        _ => bad(rng),
    };
    (0..count).map(|number| row(number, rng)).collect()
}

fn bad(rng: &mut Rng) -> Row {
    let at = "2013-01-01 00:00:10,1970-01-01 00:00:00";
    let here = "-73.9,40.7,-73.9,40.7";
    let all = [
        (RequestReason::Malformed, format!("9,START,{at},{here},1,1")),
        (RequestReason::Malformed, "once upon a time".to_owned()),
        (RequestReason::BadTime, format!("9,START,2013-13-{at},{here},1,1,1")),
        (RequestReason::ZeroCoordinates, format!("9,START,{at},0,40.7,-73.9,40.7,1,1,1")),
        (RequestReason::NotOnGlobe, format!("9,START,{at},-73.9,40.7,-73.9,90.1,1,1,1")),
        (RequestReason::OutsideRegion, format!("9,START,{at},-73.9,40.7,-73.9,42.7,1,1,1")),
        (RequestReason::BadPassengers, format!("9,START,{at},{here},99,1,1")),
        (RequestReason::EndRow, format!("none,END,{at},{here},1,1,1")),
    ];
    let chosen = usize::try_from(rng.below(all.len() as u64)).unwrap();
    let (reason, text) = all[chosen].clone();
    Row::Bad(reason, text)
}

/// What is wrong with a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    Nothing,
    TiesBackwards,
    EndsOfAnyRide,
    EndsSwapped,
    EndRowsForgotten,
}

/// Requests and counts as they should be.
fn twin(rows: &[Row], mistake: Mistake) -> (Vec<Request>, [u64; RequestReason::COUNT]) {
    let at = |second: i64| Timestamp::from_millis(MIDNIGHT_MS + second * 1_000);
    let mut found: Vec<Request> = Vec::new();
    let mut rejected = [0; RequestReason::COUNT];
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    for (row, number) in rows.iter().zip(1..) {
        match row {
            Row::Start { ride, second, ends, passengers } => {
                let [pickup, dropoff] =
                    if mistake == Mistake::EndsSwapped { [ends[1], ends[0]] } else { *ends };
                open.insert(*ride, found.len());
                found.push(Request {
                    at: at(*second),
                    pickup,
                    dropoff: Some(dropoff),
                    passengers: Passengers::try_from((*passengers).max(1)).unwrap(),
                    trip: None,
                    row: RowId { input: 0, row: number },
                });
            }
            Row::End { ride, second } => {
                if mistake != Mistake::EndRowsForgotten {
                    rejected[RequestReason::EndRow as usize] += 1;
                }
                let start = match mistake {
                    Mistake::EndsOfAnyRide => open.pop_first().map(|(_, start)| start),
                    _ => open.remove(ride),
                };
                if let Some(start) = start {
                    let began = found[start].at;
                    let ended = at(*second);
                    found[start].trip = (ended >= began)
                        .then(|| Millis((ended.as_millis() - began.as_millis()).unsigned_abs()));
                }
            }
            Row::Bad(reason, _) => rejected[*reason as usize] += 1,
        }
    }
    if mistake == Mistake::TiesBackwards {
        found.reverse();
    }
    found.sort_by_key(|request| request.at);
    (found, rejected)
}

/// How many END rows have a time before that of the last START row of their ride above them.
fn ended_before_they_began(rows: &[Row]) -> usize {
    let mut began = BTreeMap::new();
    let early = rows.iter().filter(|row| match row {
        Row::Start { ride, second, .. } => {
            began.insert(*ride, *second);
            false
        }
        Row::End { ride, second } => began.get(ride).is_some_and(|start| second < start),
        Row::Bad(..) => false,
    });
    early.count()
}

#[test]
fn the_reader_agrees_with_a_twin_that_keeps_everything() {
    const MISTAKES: [Mistake; 4] = [
        Mistake::TiesBackwards,
        Mistake::EndsOfAnyRide,
        Mistake::EndsSwapped,
        Mistake::EndRowsForgotten,
    ];
    let folder = Folder::new();
    let mut caught = [0_u32; MISTAKES.len()];
    let (mut ties, mut joined, mut open, mut early, mut reasons) = (0, 0, 0, 0, [0_u64; 7]);
    for seed in 0..400_u64 {
        let mut rng = Rng(seed);
        let mut rows = log(&mut rng);
        // The format must be known by something, and the region by a place in it.
        let ends = [LatLng::try_from(E7 { lat: 407_000_000, lng: -739_000_000 }).unwrap(); 2];
        let first = Row::Start { ride: 0, second: 0, ends, passengers: 1 };
        rows.splice(0..0, [first.clone(), first.clone(), first]);
        let content: String = rows.iter().map(|row| text(row) + "\n").collect();
        let path = folder
            .file("log", if rng.once_in(2) { gz(content.as_bytes()) } else { content.into() });
        let sort_rows = usize::try_from(rng.within(1, 400)).unwrap();
        let mut reader = opened(&path, &LogOptions { sort_rows, ..LogOptions::default() });
        let found = (all(&mut reader), reader.stats().rejected);
        assert_eq!(found, twin(&rows, Mistake::Nothing), "seed {seed}");
        assert_eq!(reader.stats().read, rows.len() as u64, "seed {seed}");
        for (caught, mistake) in caught.iter_mut().zip(MISTAKES) {
            *caught += u32::from(found != twin(&rows, mistake));
        }
        let (requests, rejected) = found;
        ties += requests.windows(2).filter(|pair| pair[0].at == pair[1].at).count();
        joined += requests.iter().filter(|request| request.trip.is_some()).count();
        open += requests.iter().filter(|request| request.trip.is_none()).count();
        early += ended_before_they_began(&rows);
        reasons.iter_mut().zip(rejected).for_each(|(sum, count)| *sum += count);
    }
    assert!(ties > 3_000 && joined > 3_000 && open > 3_000, "{ties} {joined} {open}");
    assert!(early > 20 && reasons.iter().all(|count| *count > 300), "{early} {reasons:?}");
    assert!(caught.iter().all(|seeds| *seeds > 200), "mistakes were caught in {caught:?} of 400");
}
