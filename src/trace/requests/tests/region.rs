//! What is outside of the region is counted, whatever stands at the top of a log.

use super::*;
use crate::geo::{Area, LatLng};
use crate::limits::REGION_SAMPLE_ROWS;

/// Rows of the own format at these places.
fn rows(places: impl IntoIterator<Item = (f64, f64)>) -> String {
    let row = |((lat, lng), i): ((f64, f64), usize)| format!("{},{lat},{lng},,,1\n", 1_000 + i);
    OWN.to_owned() + &places.into_iter().zip(0..).map(row).collect::<String>()
}

/// Places in a city, some kilometres apart.
fn city(count: usize) -> impl Iterator<Item = (f64, f64)> {
    (0..count).map(|i| (40.7 + (i % 40) as f64 / 400.0, -74.0 + (i % 27) as f64 / 300.0))
}

fn center(reader: &RequestReader) -> LatLng {
    match reader.region() {
        Some(Area::Circle(circle)) => circle.origin().position(),
        other => panic!("no circle: {other:?}"),
    }
}

#[test]
fn junk_at_the_top_does_not_move_the_region() {
    // Four rows in ten of the sample lie in another hemisphere.
    let junk = (0..REGION_SAMPLE_ROWS * 4 / 10).map(|i| (-33.0, 151.0 + (i % 7) as f64 / 10.0));
    let far = junk.clone().count();
    let mut reader = read(&rows(junk.chain(city(3_000)).chain([(48.8, 2.3)])));
    let center = center(&reader).degrees();
    assert!((40.69..40.81).contains(&center.lat) && (-74.1..-73.9).contains(&center.lng));
    assert_eq!(all(&mut reader).len(), 3_000);
    assert_eq!(reader.stats().rejected_for(RequestReason::OutsideRegion), far as u64 + 1);
}

#[test]
fn a_hundred_kilometres_are_inside_and_more_are_not() {
    // A degree of latitude is 111.2 km; an odd number of rows has its median in the middle one.
    let near = 100_000.0 / 111_195.08;
    let places = [
        (52.0, 13.0),
        (52.0, 13.0),
        (52.0, 13.0),
        (52.0 + near - 1e-4, 13.0),
        (52.0 + near + 1e-4, 13.0),
    ];
    let mut reader = read(&rows(places));
    assert_eq!(all(&mut reader).len(), 4);
    assert_eq!(reader.stats().rejected_for(RequestReason::OutsideRegion), 1);
}

#[test]
fn the_end_of_a_log_or_a_whole_sample_settles_the_region() {
    for count in [0, 1, 2, REGION_SAMPLE_ROWS - 1, REGION_SAMPLE_ROWS, REGION_SAMPLE_ROWS + 1] {
        let mut reader = read(&rows(city(count)));
        assert_eq!(all(&mut reader).len(), count);
        assert_eq!(reader.region().is_some(), count > 0);
    }
}

#[test]
fn a_told_region_wins() {
    let folder = Folder::new();
    let path = folder.file("log.csv", rows(city(50).chain([(48.8, 2.3), (-33.0, 151.0)])));
    for (rule, inside) in [
        ("nearby", 50),
        ("anywhere", 52),
        ("48,2,49,3", 1),
        ("-90,-180,90,180", 52),
        ("0,0,1,1", 0),
    ] {
        let options = LogOptions { region: rule.parse().unwrap(), ..LogOptions::default() };
        let mut reader = opened(&path, &options);
        assert_eq!(all(&mut reader).len(), inside, "{rule}");
        let outside = reader.stats().rejected_for(RequestReason::OutsideRegion);
        assert_eq!(outside, 52 - inside as u64, "{rule}");
    }
}
