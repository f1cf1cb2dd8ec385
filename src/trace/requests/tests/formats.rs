//! What each format's rows become, and how formats are told apart.

use super::*;

/// The first line and a good row of each format.
pub(super) const SAMPLES: [(&str, &str); 5] = [
    (OWN, "1388600000123,40.701,-73.901,40.702,-73.902,2\n"),
    (
        "vendor_id, pickup_datetime, dropoff_datetime, passenger_count, trip_distance, \
         pickup_longitude, pickup_latitude, rate_code, store_and_fwd_flag, dropoff_longitude, \
         dropoff_latitude, payment_type, fare_amount, surcharge, mta_tax, tip_amount, tolls_amount, \
         total_amount\r\n\r\n",
        "VTS,2014-01-01 13:13:20,2014-01-01 13:20:00,2,1.5,-73.901,40.701,1,,-73.902,40.702,CSH,7,0,\
         0.5,0,0,7.5\r\n",
    ),
    ("", "77,START,2014-01-01 13:13:20,1970-01-01 00:00:00,-73.901,40.701,-73.902,40.702,2,8,9\n"),
    ("\"Date/Time\",\"Lat\",\"Lon\",\"Base\"\n", "\"1/1/2014 13:13:00\",40.701,-73.901,\"B0\"\n"),
    (
        "cab,pickup_ts,pickup_lat,pickup_lon,dropoff_ts,dropoff_lat,dropoff_lon\n",
        "abc,1388600000,40.701,-73.901,1388600400,40.702,-73.902\n",
    ),
];

const FORMATS: [LogFormat; 5] = [
    LogFormat::Own,
    LogFormat::TlcYellow,
    LogFormat::TaxiEvents,
    LogFormat::UberFoil,
    LogFormat::CabTrips,
];

/// A row of yellow cabs' with these times, passengers and ends.
fn yellow(times: [&str; 2], passengers: &str, [lng, lat, to_lng, to_lat]: [&str; 4]) -> String {
    let [at, ended] = times;
    format!("C,{at},{ended},{passengers},9,{lng},{lat},1,N,{to_lng},{to_lat},X,1,1,1,1,1,1\n")
}

const HERE: [&str; 4] = ["-73.9", "40.7", "-73.8", "40.8"];
const THEN: [&str; 2] = ["2014-07-01 08:00:00", "2014-07-01 08:10:00"];

#[test]
fn a_format_is_known_by_content_and_read_the_same_when_packed() {
    let folder = Folder::new();
    for ((first, row), format) in SAMPLES.into_iter().zip(FORMATS) {
        let text = format!("{first}{row}");
        let plain = folder.file("misleading.txt", &text);
        let packed = folder.file("noname", gz(text.as_bytes()));
        for path in [plain, packed] {
            assert_eq!(recognise(&path), Some(format));
            let mut reader = opened(&path, &LogOptions::default());
            assert_eq!(reader.logs(), [(path, format)]);
            assert_eq!(reader.place(RowId { input: 7, row: 3 }), ", row 3");
            let told = told(&mut reader);
            let (at, to) = match format {
                LogFormat::Own => ("18:13:20.123Z 2", "40.702,-73.902, ?"),
                LogFormat::TlcYellow => ("18:13:20Z 2", "40.702,-73.902, 400000 ms"),
                LogFormat::TaxiEvents => ("18:13:20Z 2", "40.702,-73.902, ?"),
                LogFormat::UberFoil => ("18:13:00Z 1", "?, ?"),
                LogFormat::CabTrips => ("18:13:20Z 1", "40.702,-73.902, 400000 ms"),
            };
            assert_eq!(told, [format!("1: 2014-01-01T{at} 40.701,-73.901 > {to}")], "{format}");
        }
    }
}

#[test]
fn names_may_be_in_capitals_stand_anywhere_and_have_company() {
    let names = "More,PASSENGERS, Dropoff_Lng ,dropoff_lat,pickup_lng,Pickup_Lat,requested_at_ms,x";
    let mut reader = read(&format!("\u{feff}{names}\nz,3,13.5,52.6,13.4,52.5,86400000,\n"));
    assert_eq!(told(&mut reader), ["1: 1970-01-02T00:00:00Z 3 52.5,13.4 > 52.6,13.5, ?"]);
    let (first, row) = SAMPLES[1];
    let later = first.replace(" pickup_datetime, dropoff_", "tpep_pickup_datetime,tpep_dropoff_");
    let mut reader = read(&format!("{later}{row}"));
    assert_eq!(reader.logs()[0].1, LogFormat::TlcYellow);
    assert_eq!(told(&mut reader).len(), 1);
}

#[test]
fn what_is_no_log_of_requests_is_not_taken_for_one() {
    let folder = Folder::new();
    for (name, content) in [
        ("empty", ""),
        ("prose", "once upon\na time, long ago"),
        ("cab", "37.1 -122.1 0 1000\n"),
        ("taxi", "7,2008-02-04 00:05:13,116.5,39.9\n"),
        ("probes.csv", "driver,ts,lat,lng\na,1000,37,-122\n"),
        ("half.csv", "requested_at_ms,pickup_lat,pickup_lng\n1,2,3\n"),
        ("no base.csv", "Date/Time,Lat,Lon\n"),
        ("ten fields", "7,START,2013-01-01 00:00:00,1970-01-01 00:00:00,1,1,1,1,1,1\n"),
        ("neither", "7,STOP,2013-01-01 00:00:00,1970-01-01 00:00:00,1,1,1,1,1,1,1\n"),
    ] {
        let path = folder.file(name, content);
        assert_eq!(recognise(&path), None, "{name}");
        let error = open(&path, &LogOptions::default()).unwrap_err();
        assert!(matches!(error, TraceError::UnknownLog { .. }), "{name}: {error}");
    }
    assert_eq!(recognise(folder.0.path()), None, "a folder");
    let absent = folder.0.path().join("absent");
    assert_eq!(recognise(&absent), None);
    let error = open(&absent, &LogOptions::default()).unwrap_err();
    assert!(matches!(error, TraceError::Io { .. }), "{error}");
}

#[test]
fn a_log_of_requests_is_refused_as_a_trace_by_name() {
    use crate::trace::{self, ReadOptions};
    let folder = Folder::new();
    for ((first, row), format) in SAMPLES.into_iter().zip(FORMATS) {
        let path = folder.file(format.name(), format!("{first}{row}"));
        let error = trace::open(&path, &ReadOptions::default()).unwrap_err().to_string();
        assert!(error.ends_with(&format!("({format}), not a trace of positions")), "{error}");
    }
    folder.file("new_x.txt", "37.1 -122.1 0 1000\n");
    let reader = trace::open(folder.0.path(), &ReadOptions::default()).unwrap();
    assert_eq!(reader.skipped().count(), 5);
    let skipped = &reader.skipped().named()[0];
    assert!(skipped.to_string().ends_with(": a log of trip requests"), "{skipped}");
    // Whoever maps the columns of a CSV wants its positions.
    let mapping = Some("id=cab,time=pickup_ts,lat=pickup_lat,lng=pickup_lon".parse().unwrap());
    let options = ReadOptions { csv: mapping, ..ReadOptions::default() };
    let path = folder.0.path().join("cab-trips");
    assert_eq!(trace::open(&path, &options).unwrap().format(), trace::Format::Csv);
}

#[test]
fn yellow_cabs_tell_what_they_know() {
    let blank = ["-73.9", "40.7", "", ""];
    let rows = [
        yellow(THEN, "6", HERE),
        yellow(THEN, "0", HERE),
        yellow(THEN, "", blank),
        yellow(["2014-01-01 08:00:00", "2014-01-01 07:59:59"], "1", HERE),
        yellow(["2014-01-01 08:00:00", ""], "1", HERE),
    ];
    let mut reader = read(&format!("{}{}", SAMPLES[1].0, rows.concat()));
    let expected = [
        "4: 2014-01-01T13:00:00Z 1 40.7,-73.9 > 40.8,-73.8, ?",
        "5: 2014-01-01T13:00:00Z 1 40.7,-73.9 > 40.8,-73.8, ?",
        "1: 2014-07-01T12:00:00Z 6 40.7,-73.9 > 40.8,-73.8, 600000 ms",
        "2: 2014-07-01T12:00:00Z 1 40.7,-73.9 > 40.8,-73.8, 600000 ms",
        "3: 2014-07-01T12:00:00Z 1 40.7,-73.9 > ?, 600000 ms",
    ];
    assert_eq!(told(&mut reader), expected);
}

#[test]
fn each_bad_row_is_counted_under_its_reason() {
    use RequestReason::{
        BadPassengers, BadTime, EndRow, Malformed, NotOnGlobe, OutsideRegion, ZeroCoordinates,
    };
    let bad = [
        ("C,2014-07-01 08:00:00,2014-07-01 08:10:00,1,9,-73.9\n".to_owned(), Malformed),
        ("once upon a time\n".to_owned(), Malformed),
        (yellow(THEN, "two", HERE), Malformed),
        (yellow(THEN, "-1", HERE), Malformed),
        (yellow(THEN, "1", ["-73.9", "east", "-73.8", "40.8"]), Malformed),
        (yellow(THEN, "1", ["-73.9", "40.7", "", "40.8"]), Malformed),
        (yellow(["2014-07-32 08:00:00", THEN[1]], "1", HERE), BadTime),
        (yellow(["", THEN[1]], "1", HERE), BadTime),
        (yellow([THEN[0], "soon"], "1", HERE), BadTime),
        (yellow(["1969-07-01 08:00:00", THEN[1]], "1", HERE), BadTime),
        (yellow(THEN, "1", ["0", "0", "-73.8", "40.8"]), ZeroCoordinates),
        (yellow(THEN, "1", ["-73.9", "40.7", "0", "0.0"]), ZeroCoordinates),
        (yellow(THEN, "1", ["-73.9", "40.7", "-73.8", "-0.00000001"]), ZeroCoordinates),
        (yellow(THEN, "1", ["-73.9", "140.7", "0", "0"]), ZeroCoordinates),
        (yellow(THEN, "1", ["-73.9", "140.7", "-73.8", "40.8"]), NotOnGlobe),
        (yellow(THEN, "1", ["-73.9", "40.7", "-1e400", "40.8"]), NotOnGlobe),
        (yellow(THEN, "1", ["-73.9", "nan", "-73.8", "40.8"]), NotOnGlobe),
        (yellow(THEN, "1", ["73.9", "40.7", "-73.8", "40.8"]), OutsideRegion),
        (yellow(THEN, "1", ["-73.9", "40.7", "-73.8", "42.8"]), OutsideRegion),
        (yellow(THEN, "64", HERE), BadPassengers),
        (yellow(THEN, "208", HERE), BadPassengers),
    ];
    let good = yellow(THEN, "1", HERE);
    let mut expected = [0; RequestReason::COUNT];
    let mut text = format!("{}{good}{good}{good}", SAMPLES[1].0).into_bytes();
    for (row, reason) in &bad {
        text.extend_from_slice(row.as_bytes());
        text.extend_from_slice(format!("\n   \n{good}").as_bytes());
        expected[*reason as usize] += 1;
    }
    text.extend_from_slice(good.replace("40.7", "4\u{0}7").as_bytes());
    text.extend_from_slice(b"C,2014-07-01 08:00:00,\xff,1,9,-73.9,40.7,1,N,-73.8,40.8,X\n");
    expected[Malformed as usize] += 2;
    let folder = Folder::new();
    let mut reader = opened(&folder.file("log", text), &LogOptions::default());
    assert_eq!(all(&mut reader).len(), 3 + bad.len());
    assert_eq!(reader.stats().rejected, expected);
    let seen = RequestReason::ALL.iter().filter(|reason| **reason != EndRow);
    assert!(seen.clone().all(|reason| reader.stats().rejected_for(*reason) > 0));

    let event = SAMPLES[2].1;
    let bad = [
        event.replace("77,", "x,"),
        event.replace("START", "STOP"),
        event.replace(",8,9", ",8"),
        event.replace("-73.902", "west"),
    ];
    let rows = bad.concat()
        + &event.replace("2014", "14")
        + &event.replace("40.702", "0")
        + &event.replace(",2,8,9", ",64,8,9")
        + &event.replace("START", "END")
        + &event.replace("START", "END").replace("77,", "x,").replace("2014", "14");
    let mut reader = read(&format!("{event}{rows}"));
    assert_eq!(all(&mut reader).len(), 1);
    assert_eq!(reader.stats().rejected, [4, 2, 1, 1, 0, 0, 1]);
}

#[test]
fn pickups_to_the_minute_are_put_in_order_and_ties_keep_theirs() {
    let times = ["4/30/2014 23:59:00", "4/9/2014 0:05:00", "4/9/2014 0:05:00", "3/9/2014 1:00:00"];
    let row = |(i, time): (usize, &&str)| format!("\"{time}\",40.{},-73.9,\"B{i}\"\n", i + 10);
    let rows: String = times.iter().cycle().take(40).enumerate().map(row).collect();
    let text = format!("{}{rows}", SAMPLES[3].0);
    let mut reader = read(&text);
    let rows: Vec<_> = all(&mut reader).iter().map(|request| request.row.row).collect();
    let expected = [3_u64, 1, 2, 0].map(|rest| (1..=40).filter(move |row| (row - 1) % 4 == rest));
    // Two rows in four have the same minute.
    let mut tied: Vec<u64> = expected[1].clone().chain(expected[2].clone()).collect();
    tied.sort_unstable();
    let mut all_rows: Vec<u64> = expected[0].clone().collect();
    all_rows.extend(tied);
    all_rows.extend(expected[3].clone());
    assert_eq!(rows, all_rows);
    assert_eq!(
        reader.time_hint().map(|span| rfc3339(span.0)).as_deref(),
        Some("2014-03-09T06:00:00Z")
    );
}

#[test]
fn a_told_offset_is_used_for_local_times_alone() {
    let folder = Folder::new();
    let offset = crate::trace::civil::LocalTime::Fixed("+01:00".parse().unwrap());
    let options = LogOptions { local_time: offset, ..LogOptions::default() };
    for ((first, row), format) in SAMPLES.into_iter().zip(FORMATS) {
        let path = folder.file("log", format!("{first}{row}"));
        let at = all(&mut opened(&path, &options))[0].at;
        let hour = match format {
            LogFormat::Own | LogFormat::CabTrips => "T18:13",
            _ => "T12:13",
        };
        assert!(rfc3339(at).contains(hour), "{format}: {}", rfc3339(at));
    }
}

#[test]
fn what_is_written_is_read_again() {
    let place =
        |lat: i32, lng: i32| crate::geo::LatLng::try_from(crate::geo::E7 { lat, lng }).unwrap();
    let request = |i: i32| Request {
        at: Timestamp::from_millis(1_700_000_000_123 + i64::from(i / 2)),
        pickup: place(-12_864_001 + i * 7, 368_172_003 - i * 11),
        dropoff: (i % 3 != 0).then(|| place(-12_000_000 + i, 368_000_000 + i)),
        passengers: Passengers::try_from(u32::try_from(i % 63 + 1).unwrap()).unwrap(),
        trip: None,
        row: RowId { input: 0, row: u64::try_from(i + 1).unwrap() },
    };
    let written: Vec<Request> = (0..500).map(request).collect();
    let mut writer = RequestWriter::new(Vec::new()).unwrap();
    for request in &written {
        writer.write(request).unwrap();
    }
    let bytes = writer.finish().unwrap();
    assert!(bytes.starts_with(OWN.as_bytes()));
    let folder = Folder::new();
    let found = all(&mut opened(&folder.file("log.csv", bytes), &LogOptions::default()));
    assert_eq!(found, written);

    let digest = |requests: &[Request]| {
        let mut digest = RequestDigest::new();
        for request in requests {
            digest.update(request);
        }
        digest.finish()
    };
    let same = digest(&written);
    assert_eq!(digest(&found), same);
    let changes: [fn(&mut Request); 5] = [
        |request| request.at = request.at.plus(crate::units::Millis(1)),
        |request| request.pickup = request.dropoff.unwrap(),
        |request| request.dropoff = None,
        |request| request.dropoff = Some(request.pickup),
        |request| request.passengers = Passengers::MAX,
    ];
    for change in changes {
        let mut other = written.clone();
        change(&mut other[1]);
        assert_ne!(digest(&other), same);
    }
    let mut elsewhere = written.clone();
    elsewhere[1].row.row = 9;
    elsewhere[1].trip = Some(crate::units::Millis(9));
    assert_eq!(digest(&elsewhere), same);
}
