//! Formats, order, region and counts, on small made-up logs.

mod formats;
mod region;
mod rides;
mod twin;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::trace::TraceError;
use crate::trace::civil::rfc3339;
use crate::units::Timestamp;

/// A folder of logs.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn opened(path: &Path, options: &LogOptions) -> RequestReader {
    open(path, options).unwrap()
}

/// All requests, after checking their order and the sums.
fn all(reader: &mut RequestReader) -> Vec<Request> {
    let (mut all, mut last) = (Vec::new(), None);
    while let Some(request) = reader.next().transpose().unwrap() {
        let key = (request.at, request.row);
        assert!(last < Some(key), "{} comes too late", reader.place(request.row));
        last = Some(key);
        all.push(request);
    }
    assert!(reader.next().is_none(), "more after the end");
    let counts = reader.stats();
    assert_eq!(counts.read, counts.yielded + counts.rejected_total());
    assert_eq!(counts.yielded, all.len() as u64);
    assert_eq!(reader.rows_hint(), Some(counts.yielded));
    let span = all.first().zip(all.last()).map(|(first, last)| (first.at, last.at));
    assert_eq!(reader.time_hint(), span);
    assert_eq!(reader.progress().bytes_read, reader.progress().bytes_total);
    all
}

/// Requests as text, `row: when passengers from > to, how long`.
fn told(reader: &mut RequestReader) -> Vec<String> {
    let text = |request: Request| {
        let Request { at, pickup, dropoff, passengers, trip, row } = request;
        let to = dropoff.map_or("?".to_owned(), |place| place.to_string());
        let trip = trip.map_or("?".to_owned(), |trip| trip.to_string());
        format!("{}: {} {} {pickup} > {to}, {trip}", row.row, rfc3339(at), passengers.get())
    };
    all(reader).into_iter().map(text).collect()
}

/// Reads a log of this content as it would be by default.
fn read(content: &str) -> RequestReader {
    let folder = Folder::new();
    let mut reader = opened(&folder.file("log", content), &LogOptions::default());
    reader.prepare(&mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    reader
}

const OWN: &str = "requested_at_ms,pickup_lat,pickup_lng,dropoff_lat,dropoff_lng,passengers\n";

#[test]
fn spilling_to_disk_changes_nothing() {
    let folder = Folder::new();
    let row = |i: u32| format!("{},52.{:03},13.4,,,{}\n", 1_000 + (i * 37) % 90, i % 1_000, i % 4);
    let path = folder.file("log.csv", OWN.to_owned() + &(0..2_000).map(row).collect::<String>());
    let whole = all(&mut opened(&path, &LogOptions::default()));
    assert_eq!(whole.len(), 2_000);
    for sort_rows in [3, 100, 1_999, 2_000] {
        let temp_dir = Some(folder.0.path().to_path_buf());
        let options = LogOptions { sort_rows, temp_dir, ..LogOptions::default() };
        assert_eq!(all(&mut opened(&path, &options)), whole, "{sort_rows} rows in memory");
    }
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1, "temporary files were left");
    let options = LogOptions { sort_rows: 1, ..LogOptions::default() };
    let mut reader = opened(&path, &options);
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("more than 1024 sorted runs"), "{error}");
    assert!(reader.next().is_none(), "something came after the error");
}

#[test]
fn several_logs_are_merged_and_each_row_is_named() {
    let folder = Folder::new();
    let own = folder.file("own.csv", format!("{OWN}1100000000,37.7,-122.4,,,1\n"));
    let trips = "cab,pickup_ts,pickup_lat,pickup_lon,dropoff_ts,dropoff_lat,dropoff_lon\n\
                 x,1100001,37.71,-122.41,1100061,37.72,-122.42\n\
                 x,1100000,37.73,-122.43,1100060,37.74,-122.44\n";
    let trips = folder.file("trips.csv.gz", gz(trips.as_bytes()));
    let paths = [trips.clone(), own.clone()];
    let mut reader = open_all(&paths, &LogOptions::default()).unwrap();
    let logs = [(trips.clone(), LogFormat::CabTrips), (own, LogFormat::Own)];
    assert_eq!(reader.logs(), logs);
    let rows: Vec<_> = all(&mut reader).iter().map(|request| request.row).collect();
    let row = |input, row| RowId { input, row };
    assert_eq!(rows, [row(0, 2), row(1, 1), row(0, 1)]);
    assert_eq!(reader.place(rows[0]), format!("{}, row 2", trips.display()));
    assert!(matches!(open_all(&[], &LogOptions::default()), Err(TraceError::NoInput)));
}

#[test]
fn a_damaged_gzip_is_an_error_and_nothing_comes_after_it() {
    let folder = Folder::new();
    let rows = (0..40_000).map(|i| format!("{i},52.5,13.{},,,1\n", 1_000_003_u64 * i % 9_999));
    let whole = gz((OWN.to_owned() + &rows.collect::<String>()).as_bytes());
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x40;
    for (name, bytes) in [("cut.gz", &whole[..whole.len() - 9]), ("flipped.gz", &flipped[..])] {
        let path = folder.file(name, bytes);
        assert_eq!(recognise(&path), Some(LogFormat::Own), "{name}");
        let mut reader = opened(&path, &LogOptions::default());
        let error = reader.next().unwrap().unwrap_err();
        assert!(matches!(error, TraceError::Io { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(reader.next().is_none());
        assert_eq!(reader.rows_hint(), None);
    }
    // Damage in what is looked at first: nothing is known of it.
    assert_eq!(recognise(&folder.file("stub.gz", &whole[..12])), None);
}

#[test]
fn an_open_quote_does_not_fill_memory() {
    let folder = Folder::new();
    let path = folder.file("open.csv", format!("{OWN}\"{}", "1,2\n".repeat(1 << 20)));
    let error = opened(&path, &LogOptions::default()).next().unwrap().unwrap_err().to_string();
    assert!(error.contains("is a quote left open?"), "{error}");
}

#[test]
fn reading_can_be_watched_and_stopped() {
    use std::ops::ControlFlow;
    let folder = Folder::new();
    let path = folder.file("log.csv", OWN.to_owned() + &"5,52.5,13.4,,,1\n".repeat(20_000));
    let mut looks = 0;
    let mut watch = |progress: crate::trace::Progress| {
        looks += 1;
        assert!(progress.bytes_read <= progress.bytes_total);
        if looks == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = opened(&path, &LogOptions::default()).prepare(&mut watch);
    assert!(matches!(stopped, Err(TraceError::Stopped)));
    assert_eq!(looks, 2);
}

#[test]
fn a_reader_can_be_handed_to_another_thread() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    let mut reader = sendable(read(&format!("{OWN}5,52.5,13.4,,,1\n")));
    assert_eq!(std::thread::spawn(move || all(&mut reader).len()).join().unwrap(), 1);
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    /// Rows that are nearly right: fields of all formats and noise.
    fn row() -> impl Strategy<Value = String> {
        let field = prop_oneof![
            Just("40.5".to_owned()),
            Just("-73.9".to_owned()),
            Just("1".to_owned()),
            Just("START".to_owned()),
            Just("END".to_owned()),
            Just("1212735767".to_owned()),
            Just("2013-01-01 00:05:13".to_owned()),
            Just("4/24/2014 0:05:00".to_owned()),
            Just("\"".to_owned()),
            any::<f64>().prop_map(|number| number.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            "[0-9:/. TZ+é\"-]{0,25}",
        ];
        proptest::collection::vec(field, 1..13).prop_map(|fields| fields.join(","))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn no_rows_make_the_reader_panic_and_each_is_accounted_for(
            rows in proptest::collection::vec(row(), 1..40),
            noise in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            for (first, good) in formats::SAMPLES {
                let mut bytes = format!("{first}{good}{}\n", rows.join("\n")).into_bytes();
                bytes.extend_from_slice(&noise);
                let folder = Folder::new();
                let path = folder.file("log", bytes);
                // An event among the rows of a log with names is what the log is taken for.
                let options = LogOptions { region: RegionRule::Anywhere, ..LogOptions::default() };
                let mut reader = opened(&path, &options);
                let count = all(&mut reader).len();
                prop_assert!(count >= 1 || reader.logs()[0].1 == LogFormat::TaxiEvents);
                prop_assert!(reader.stats().read <= 84);
            }
        }
    }
}
