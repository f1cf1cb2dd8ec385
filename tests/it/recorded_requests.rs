//! Recorded trips of real cities: what is read is what an independent look at the rows finds.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use hansom::geo::{Degrees, LatLng, haversine};
use hansom::trace::civil::rfc3339;
use hansom::trace::requests::{
    self, LogFormat, LogOptions, Request, RequestReader, RequestReason, recognise,
};
use hansom::units::Timestamp;

use crate::recorded::recorded;

fn opened(path: &Path) -> RequestReader {
    requests::open(path, &LogOptions::default()).unwrap()
}

/// All requests, after checking order and sums.
fn all(reader: &mut RequestReader) -> Vec<Request> {
    let (mut all, mut last) = (Vec::new(), None);
    while let Some(request) = reader.next().transpose().unwrap() {
        let key = (request.at, request.row);
        assert!(last < Some(key), "{} goes back", reader.place(request.row));
        last = Some(key);
        all.push(request);
    }
    let counts = reader.stats();
    assert_eq!(counts.read, counts.yielded + counts.rejected_total());
    assert_eq!(counts.yielded, all.len() as u64);
    all
}

/// The rows of a packed file, cut at commas, quotes taken off.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let lines = BufReader::new(MultiGzDecoder::new(File::open(path).unwrap())).lines();
    let lines = lines.map(Result::unwrap).filter(|line| !line.trim().is_empty());
    let field = |field: &str| field.trim().trim_matches('"').to_owned();
    lines.map(|line| line.split(',').map(field).collect()).collect()
}

fn degrees(text: &str) -> f64 {
    text.parse().unwrap()
}

/// Whether a place is 100 km or more from the middle of New York or San Francisco.
fn far(lat: f64, lng: f64) -> bool {
    let middles = [(40.75, -73.98), (37.786, -122.412)];
    let at = |lat, lng| LatLng::try_from(Degrees { lat, lng }).unwrap();
    let away = |(y, x)| haversine(at(y, x), at(lat, lng)).meters();
    middles.into_iter().map(away).all(|metres| metres > 100_000.0)
}

#[test]
fn taxi_events_are_read_whole_and_their_ends_joined() {
    let Some(path) = recorded("trips/nycTaxiRides.gz") else { return };
    assert_eq!(recognise(&path), Some(LogFormat::TaxiEvents));
    let mut reader = opened(&path);
    let found = all(&mut reader);

    let rows = rows(&path);
    let starts: Vec<&Vec<String>> = rows.iter().filter(|row| row[1] == "START").collect();
    let place = |row: &[String], lng: usize| (degrees(&row[lng + 1]), degrees(&row[lng]));
    let has_zero = |row: &&&Vec<String>| row[4..8].iter().any(|text| degrees(text) == 0.0);
    let is_far = |row: &&&Vec<String>| {
        [4, 6].into_iter().any(|lng| {
            let (lat, lng) = place(row, lng);
            far(lat, lng)
        })
    };
    let zero = starts.iter().filter(has_zero).count();
    let outside = starts.iter().filter(|row| !has_zero(row) && is_far(row)).count();
    assert_eq!((rows.len(), starts.len(), zero, outside), (100_000, 53_550, 1_042, 6));

    let counts = reader.stats();
    assert_eq!(counts.read, 100_000);
    assert_eq!(counts.rejected_for(RequestReason::EndRow), 46_450);
    assert_eq!(counts.rejected_for(RequestReason::ZeroCoordinates), 1_042);
    assert_eq!(counts.rejected_for(RequestReason::OutsideRegion), 6);
    assert_eq!(counts.rejected_total(), 46_450 + 1_042 + 6);
    assert_eq!(found.len(), 52_502);

    // Each end belongs to the request of the same ride; the row of a request tells which that is.
    let second = |text: &str| {
        let clock: Vec<i64> = text[11..].split(':').map(|part| part.parse().unwrap()).collect();
        (clock[0] * 60 + clock[1]) * 60 + clock[2]
    };
    let ends: HashMap<&str, i64> = rows
        .iter()
        .filter(|row| row[1] == "END")
        .map(|row| (row[0].as_str(), second(&row[2])))
        .collect();
    let midnight = Timestamp::from_millis(1_357_016_400_000);
    let mut joined = 0;
    for request in &found {
        let row = &rows[usize::try_from(request.row.row).unwrap() - 1];
        let began = second(&row[2]);
        assert_eq!(request.at.as_millis() - midnight.as_millis(), began * 1_000);
        let (lat, lng) = place(row, 6);
        let dropoff = LatLng::try_from(Degrees { lat, lng }).unwrap();
        assert_eq!(request.dropoff, Some(dropoff));
        assert_eq!(request.passengers.get().to_string(), row[8]);
        let trip = ends.get(row[0].as_str()).map(|end| (end - began) * 1_000);
        assert_eq!(request.trip.map(|trip| i64::try_from(trip.get()).unwrap()), trip);
        joined += u32::from(trip.is_some());
    }
    assert!(joined > 45_000, "only {joined} trips have a length");
}

#[test]
fn yellow_cabs_are_read_whole() {
    let Some(path) = recorded("trips/yellow_2014-01-09_sample.csv.gz") else { return };
    assert_eq!(recognise(&path), Some(LogFormat::TlcYellow));
    let mut reader = opened(&path);
    let found = all(&mut reader);
    let rows = rows(&path);
    let (names, rows) = rows.split_first().unwrap();
    let column = |name: &str| names.iter().position(|found| found == name).unwrap();
    let ends = ["pickup_longitude", "pickup_latitude", "dropoff_longitude", "dropoff_latitude"]
        .map(column);
    let is_zero = |row: &&Vec<String>| {
        ends.iter().any(|end| row[*end].parse().is_ok_and(|number: f64| number == 0.0))
    };
    let blank = rows.iter().filter(|row| row[ends[2]].is_empty()).count();
    let zero = rows.iter().filter(is_zero).count();
    assert_eq!((rows.len(), blank, zero), (7_829, 1, 150));
    assert_eq!(reader.stats().read, 7_829);
    assert_eq!(reader.stats().rejected_for(RequestReason::ZeroCoordinates), 150);
    assert_eq!(found.len(), 7_829 - 150);
    assert_eq!(found.iter().filter(|request| request.dropoff.is_none()).count(), 1);
    // One row ends before it starts, but has no place either.
    let (start, end) = (column("pickup_datetime"), column("dropoff_datetime"));
    let backwards: Vec<_> = rows.iter().filter(|row| row[end] < row[start]).collect();
    assert_eq!((backwards.len(), backwards.iter().filter(|row| is_zero(row)).count()), (1, 1));
    assert!(found.iter().all(|request| request.trip.is_some()));
    let span = reader.time_hint().map(|(first, last)| (rfc3339(first), rfc3339(last)));
    let expected = ("2014-01-09T11:07:47Z".to_owned(), "2014-01-20T06:28:00Z".to_owned());
    assert_eq!(span, Some(expected));
}

#[test]
fn pickups_of_a_week_are_put_in_order_by_way_of_the_disk() {
    let Some(path) = recorded("trips/uber-raw-data-apr14_24-30.csv.gz") else { return };
    assert_eq!(recognise(&path), Some(LogFormat::UberFoil));
    let rows = rows(&path);
    let rows = &rows[1..];
    let outside: Vec<usize> =
        (0..rows.len()).filter(|i| far(degrees(&rows[*i][1]), degrees(&rows[*i][2]))).collect();
    assert_eq!((rows.len(), outside.len()), (162_610, 5));
    // Texts of equal form, in an order that is that of time.
    let minute = |text: &str| {
        let (date, clock) = text.split_once(' ').unwrap();
        let day: u32 = date.split('/').nth(1).unwrap().parse().unwrap();
        let (hour, rest) = clock.split_once(':').unwrap();
        (day, hour.parse::<u32>().unwrap(), rest.to_owned())
    };
    let mut expected: Vec<usize> =
        (0..rows.len()).filter(|i| outside.binary_search(i).is_err()).collect();
    expected.sort_by_key(|i| minute(&rows[*i][0]));
    assert!(!expected.is_sorted(), "the file is in order already");

    for sort_rows in [10_000, 1_000_000] {
        let options = LogOptions { sort_rows, ..LogOptions::default() };
        let mut reader = requests::open(&path, &options).unwrap();
        let found = all(&mut reader);
        assert_eq!(reader.stats().rejected_for(RequestReason::OutsideRegion), 5);
        assert_eq!(reader.stats().rejected_total(), 5);
        let order = found.iter().map(|request| usize::try_from(request.row.row).unwrap() - 1);
        assert!(order.eq(expected.iter().copied()), "{sort_rows} rows in memory");
        // Daylight saving time: four hours behind.
        assert_eq!(rfc3339(found[0].at), "2014-04-24T04:00:00Z");
        assert!(found.iter().all(|request| request.dropoff.is_none() && request.trip.is_none()));
    }
}

#[test]
fn cab_trips_are_read_whole_and_two_logs_are_merged() {
    let name = "trips/sf_trips_derived_2008-06-06.csv.gz";
    let Some(day) = recorded(name) else { return };
    let Some(week) = recorded("trips/sf_trips_derived_2008-06-03_to_08.csv.gz") else { return };
    let mut sum = 0;
    for (path, total, outside) in [(&day, 22_254, 2), (&week, 120_400, 3)] {
        assert_eq!(recognise(path), Some(LogFormat::CabTrips));
        let mut reader = opened(path);
        let found = all(&mut reader);
        let rows = rows(path);
        let is_far = |row: &&Vec<String>| {
            far(degrees(&row[2]), degrees(&row[3])) || far(degrees(&row[5]), degrees(&row[6]))
        };
        assert_eq!(rows.len() - 1, total);
        assert_eq!(rows[1..].iter().filter(is_far).count(), outside);
        assert_eq!(reader.stats().rejected_for(RequestReason::OutsideRegion), outside as u64);
        assert_eq!(found.len(), total - outside);
        let seconds = found.iter().map(|request| request.trip.unwrap().get() / 1_000).sum::<u64>();
        let number = |row: &[String], column: usize| row[column].parse::<u64>().unwrap();
        let told = rows[1..].iter().filter(|row| !is_far(row));
        assert_eq!(seconds, told.map(|row| number(row, 4) - number(row, 1)).sum::<u64>());
        sum += found.len();
    }
    let mut both = requests::open_all(&[day, week], &LogOptions::default()).unwrap();
    assert_eq!(all(&mut both).len(), sum);
}
