//! Formats, order and counts, on small made-up files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::ids::DriverId;
use crate::model::{DriverStatus, Motion};
use crate::units::Timestamp;

const CAB: &str =
    "37.1 -122.1 0 1000\n37.2 -122.2 1 1010\n37.3 -122.3 1 1010\n37.4 -122.4 0 1020\n";
const TAXI: &str = "7,1970-01-01 08:16:45,116.5,39.5\n7,1970-01-01 08:16:45,0.0,0.0\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn tar_of<T: AsRef<[u8]>>(files: &[(&str, T)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        let content = content.as_ref();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// All records as `id@seconds:latitude`, after checking the order and the sums.
fn told(reader: &mut TraceReader) -> Vec<String> {
    let (mut all, mut last) = (Vec::new(), Timestamp::from_millis(i64::MIN));
    while let Some(record) = reader.next().unwrap() {
        assert!(record.at >= last);
        last = record.at;
        let (name, lat) = (reader.vehicle_name(record.vehicle), record.position.degrees().lat);
        all.push(format!("{name}@{}:{lat}", record.at.as_millis() / 1_000));
    }
    let counts = reader.stats();
    assert_eq!(counts.read, counts.yielded + counts.rejected_total());
    assert_eq!(counts.yielded, all.len() as u64);
    assert_eq!(reader.rows_hint(), Some(counts.yielded));
    assert_eq!(reader.progress().bytes_read, reader.progress().bytes_total);
    all
}

fn open_one(path: &Path) -> TraceReader {
    open(path, &ReadOptions::default()).unwrap()
}

const CAB_TOLD: [&str; 4] = ["x@1000:37.1", "x@1010:37.2", "x@1010:37.3", "x@1020:37.4"];

#[test]
fn a_format_is_known_by_content_in_any_wrapping() {
    let folder = Folder::new();
    let tar = tar_of(&[("deep/new_x.txt", CAB)]);
    let paths = [
        folder.file("a/new_x.txt", CAB),
        folder.file("b/new_x.txt.gz", gz(CAB.as_bytes())),
        folder.file("c/misleading.csv", &tar),
        folder.file("d/noname", gz(&tar)),
        folder.file("e/sub/new_x.txt", CAB).parent().unwrap().to_path_buf(),
    ];
    for path in paths {
        let mut reader = open_one(&path);
        assert_eq!(reader.format(), Format::Cabspotting, "{}", path.display());
        assert_eq!(told(&mut reader), CAB_TOLD, "{}", path.display());
        assert_eq!(reader.vehicles(), 1);
    }
}

#[test]
fn a_backward_file_reads_like_its_forward_twin() {
    let folder = Folder::new();
    let backward: Vec<&str> = CAB.lines().rev().collect();
    let mut reader = open_one(&folder.file("new_x.txt", backward.join("\r\n")));
    assert_eq!(told(&mut reader), CAB_TOLD);
}

#[test]
fn t_drive_is_in_beijing_time_and_names_its_taxis_by_row() {
    let folder = Folder::new();
    let mut reader = open_one(&folder.file("1.txt", TAXI));
    assert_eq!(reader.format(), Format::TDrive);
    assert_eq!(told(&mut reader), ["7@1005:39.5"]);
    assert_eq!(reader.stats().rejected_for(RowReason::NoFix), 1);
}

#[test]
fn each_bad_row_is_counted_under_its_reason() {
    let folder = Folder::new();
    let cab = format!(
        "{CAB}37.1 -122.1 0\nx -122.1 0 1000\n37.1 -122.1 0 1000 9\n{long}\n96.1 -122.1 0 1000\n\
         37.1 nan 0 1000\n0 0.0 0 1000\n37.1 -122.1 0 soon\n37.1 -122.1 0 -1\n\
         37.1 -122.1 0 9223372036854775807\n37.1 -122.1 2 1000\n\n   \n",
        long = "1 ".repeat(3_000),
    );
    let mut bytes = cab.into_bytes();
    bytes.extend_from_slice(b"37.1 -122.1 0 10\xff0\n");
    let mut reader = open_one(&folder.file("new_x.txt", bytes));
    assert_eq!(told(&mut reader), CAB_TOLD);
    assert_eq!(reader.stats().rejected, [5, 2, 1, 3, 0, 1]);

    let taxi = format!(
        "{TAXI}{},1970-01-01 08:16:45,116.5,39.5\n7,1970-02-30 00:00:00,1,1\n",
        "x".repeat(65)
    );
    let mut reader = open_one(&folder.file("t.txt", taxi));
    assert_eq!(told(&mut reader).len(), 1);
    assert_eq!(reader.stats().rejected_for(RowReason::BadId), 1);
    assert_eq!(reader.stats().rejected_for(RowReason::BadTime), 1);
}

#[test]
fn a_csv_is_read_through_its_mapping() {
    let folder = Folder::new();
    let csv = "\u{feff}driver,ts,\"lat, deg\",longitude,h,v,acc,st\n\
        a,1000,37.5,-122,360,12.345,5,on_trip\n\
        \"b, c\",1001.25,37.25,-122,,,,\n\
        a,1212735767123,37.125,-122,1,1,1,0\n\
        a,1970-01-01 02:16:42,37,-122,1,1,1,Available\n\
        a,1970-01-01T00:16:43Z,37,-122,361,,,\n\
        a,1000,37,-122,,,,asleep\n\
        a,1000\n";
    let path = folder.file("probes.csv", csv);
    let unmapped = open(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(unmapped.contains("needs a column mapping; its columns are driver, ts,"), "{unmapped}");

    let mapped = |text: &str| ReadOptions {
        csv: Some(text.parse().unwrap()),
        utc_offset: "+02:00".parse().unwrap(),
        ..ReadOptions::default()
    };
    let absent = open(&path, &mapped("id=who,time=ts,lat=ts,lng=ts")).unwrap_err().to_string();
    assert!(absent.contains("column `who` (for id) does not exist"), "{absent}");

    // A column name with a comma cannot be mapped, but must not confuse the others.
    let path = folder.file("probes2.csv", csv.replace("\"lat, deg\"", "lat"));
    let all = "id=driver,time=ts,lat=lat,lng=longitude,heading=h,speed=v,accuracy=acc,status=st";
    let mut reader = open(&path, &mapped(all)).unwrap();
    assert_eq!(reader.format(), Format::Csv);
    let first = reader.next().unwrap().unwrap();
    let motion = Motion { heading_cdeg: Some(0), speed_cm_s: Some(1_235), accuracy_dm: Some(50) };
    assert_eq!((first.motion, first.status), (motion, Some(DriverStatus::OnTrip)));
    let second = reader.next().unwrap().unwrap();
    assert_eq!(second.at.as_millis(), 1_001_250);
    assert_eq!(reader.vehicle_name(second.vehicle).as_str(), "b, c");
    assert_eq!((second.motion, second.status), (Motion::default(), None));
    let third = reader.next().unwrap().unwrap();
    assert_eq!((third.at.as_millis(), third.status), (1_002_000, Some(DriverStatus::Available)));
    let fourth = reader.next().unwrap().unwrap();
    assert_eq!(
        (fourth.at.as_millis(), fourth.status),
        (1_212_735_767_123, Some(DriverStatus::Offline))
    );
    assert_eq!(reader.next().unwrap(), None);
    assert_eq!(reader.stats().rejected, [1, 0, 0, 0, 0, 2]);
}

#[test]
fn an_open_quote_does_not_fill_memory() {
    let folder = Folder::new();
    let csv = format!("id,t,lat,lng\na,1,1,1\n\"{}", "x\n".repeat(2 << 20));
    let options = ReadOptions {
        csv: Some("id=id,time=t,lat=lat,lng=lng".parse().unwrap()),
        ..ReadOptions::default()
    };
    let mut reader = open(&folder.file("open.csv", csv), &options).unwrap();
    let error = reader.next().unwrap_err().to_string();
    assert!(error.contains("is a quote left open?"), "{error}");
}

/// Files in no order at all, whose times collide.
fn many_cabs() -> Vec<(String, String)> {
    let cab = |cab: u64| {
        let rows = (0..400_u64).map(|row| {
            let time = if cab.is_multiple_of(2) { 1_000 + row / 3 } else { 1_200 - row / 5 };
            format!("37.{:04} -122.1 0 {time}\n", (row * 7 + cab * 1_000) % 10_000)
        });
        (format!("new_c{cab}.txt"), rows.collect())
    };
    (0..7).map(cab).collect()
}

#[test]
fn spilling_to_disk_changes_nothing() {
    let folder = Folder::new();
    let files = many_cabs();
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let path = folder.file("cabs.tar", tar_of(&files));
    let whole = told(&mut open_one(&path));
    assert_eq!(whole.len(), 2_800);
    for sort_rows in [3, 100, 2_799, 2_800] {
        let temp_dir = Some(folder.0.path().to_path_buf());
        let options = ReadOptions { sort_rows, temp_dir, ..ReadOptions::default() };
        assert_eq!(told(&mut open(&path, &options).unwrap()), whole, "{sort_rows} rows in memory");
    }
    let left: Vec<_> = fs::read_dir(folder.0.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "temporary files were left behind: {left:?}");
    let options = ReadOptions { sort_rows: 2, ..ReadOptions::default() };
    let error = open(&path, &options).unwrap().next().unwrap_err().to_string();
    assert!(error.starts_with("more than 1024 sorted runs"), "{error}");
}

#[test]
fn several_inputs_merge_in_time_order_and_share_their_vehicles() {
    let folder = Folder::new();
    let cab = folder.file("new_7.txt", CAB);
    let own = folder.0.path().join("own.htrace");
    let mut writer = TraceWriter::create(&own, Order::ByTime).unwrap();
    let mut reader = open_one(&folder.file("late/new_y.txt", CAB.replace(" 1010", " 1015")));
    while let Some(record) = reader.next().unwrap() {
        writer.write(reader.vehicle_name(record.vehicle), &record).unwrap();
    }
    writer.finish().unwrap();
    let taxi = folder.file("taxi.txt", TAXI);
    let mut reader = open_all(&[own, cab, taxi], &ReadOptions::default()).unwrap();
    assert_eq!(reader.format(), Format::Mixed);
    let expected = [
        "y@1000:37.1",
        "7@1000:37.1",
        "7@1005:39.5",
        "7@1010:37.2",
        "7@1010:37.3",
        "y@1015:37.2",
        "y@1015:37.3",
        "y@1020:37.4",
        "7@1020:37.4",
    ];
    assert_eq!(told(&mut reader), expected);
    assert_eq!(reader.vehicles(), 2);
}

#[test]
fn a_recording_that_arrived_in_disorder_is_sorted_and_keeps_its_ties() {
    let folder = Folder::new();
    let path = folder.0.path().join("live.htrace");
    let mut writer = TraceWriter::create(&path, Order::AsArrived).unwrap();
    let mut reader = open_one(&folder.file("new_x.txt", CAB));
    let mut records = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        records.push(record);
    }
    let id: DriverId = "x".parse().unwrap();
    for i in [3, 1, 2, 0] {
        writer.write(&id, &records[i]).unwrap();
    }
    // Never finished: as after a crash.
    writer.flush().unwrap();
    drop(writer);
    let mut reader = open_one(&path);
    assert_eq!((reader.format(), reader.rows_hint()), (Format::Own, None));
    assert_eq!(told(&mut reader), CAB_TOLD);
    assert_eq!(reader.damage().map(|damage| damage.what), Some(DamageKind::NoFooter));
    let again = TraceWriter::create(&path, Order::AsArrived).map(|_| ());
    assert!(matches!(again, Err(TraceError::Io { .. })), "an existing file was overwritten");
}

#[test]
fn what_is_no_trace_is_refused_by_kind_and_passed_over_among_others() {
    let folder = Folder::new();
    let fails = |path: &Path| open(path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(fails(&folder.file("x.xz", b"\xfd7zXZ\0....")).contains("unsupported compression xz"));
    assert!(fails(&folder.file("x.zst", b"\x28\xb5\x2f\xfd..")).contains("compression zstd"));
    assert!(fails(&folder.file("x.gz", gz(&gz(b"x")))).contains("gzip within gzip"));
    assert!(fails(&folder.file("empty", "")).contains("not a trace of a known format"));
    assert!(fails(&folder.file("prose", "once upon\na time")).contains("not a trace"));
    assert!(fails(&folder.0.path().join("absent")).contains("absent"));
    assert!(matches!(open_all(&[], &ReadOptions::default()), Err(TraceError::NoInput)));
    let own = folder.0.path().join("own.htrace");
    TraceWriter::create(&own, Order::ByTime).unwrap().finish().unwrap();
    let own = fs::read(own).unwrap();
    let packed = fails(&folder.file("own.htrace.gz", gz(&own)));
    assert!(packed.ends_with("own.htrace.gz: own format inside gzip: gunzip it first"), "{packed}");
    for (name, packed) in
        [("own.tar", tar_of(&[("a", &own)])), ("own.tgz", gz(&tar_of(&[("a", &own)])))]
    {
        let packed = fails(&folder.file(name, packed));
        assert!(packed.ends_with(": own format inside tar: unpack it first"), "{packed}");
    }
    let whole = gz(CAB.repeat(100).as_bytes());
    let cut = folder.file("new_cut.gz", &whole[..whole.len() - 9]);
    let error = open_one(&cut).next().unwrap_err();
    assert!(matches!(error, TraceError::Io { .. }), "{error}");

    folder.file("cabs/README", "About these cabs, a word.\n");
    folder.file("cabs/empty.txt", "");
    folder.file("cabs/more.tar.gz", gz(&tar_of(&[("new_y.txt", CAB)])));
    folder.file("cabs/own.gz", gz(&own));
    folder.file("cabs/1/2/3/4/5/new_z.txt", CAB);
    let cab = folder.file("cabs/new_x.txt", CAB);
    let mut reader = open_one(cab.parent().unwrap());
    assert_eq!(told(&mut reader), CAB_TOLD);
    let skipped: Vec<String> = reader.skipped().named().iter().map(ToString::to_string).collect();
    let ends =
        ["/4/5: a folder too", "README: a CSV that", "more.tar.gz: an archive in a", "own.gz: own"];
    assert_eq!(reader.skipped().count(), 4);
    assert!(skipped.iter().zip(ends).all(|(text, end)| text.contains(end)), "{skipped:?}");

    let tar = tar_of(&[("README", b"About".to_vec()), ("new_x.txt", CAB.into()), ("a", own)]);
    let mut reader = open_one(&folder.file("mixed.tar", tar));
    assert_eq!(told(&mut reader), CAB_TOLD);
    let skipped: Vec<String> = reader.skipped().named().iter().map(ToString::to_string).collect();
    let ends = ["mixed.tar: README: no trace", "mixed.tar: a: own format, packed"];
    assert_eq!(skipped.len(), 2);
    assert!(skipped.iter().zip(ends).all(|(text, end)| text.contains(end)), "{skipped:?}");
}

#[test]
fn preparing_can_be_watched_and_stopped() {
    use std::ops::ControlFlow;
    let folder = Folder::new();
    let path = folder.file("new_x.txt", CAB.repeat(5_000));
    let mut looks = 0;
    let mut watch = |progress: Progress| {
        looks += 1;
        assert_eq!(progress.phase, Phase::Reading);
        assert!(progress.bytes_read <= progress.bytes_total);
        if looks == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = open_one(&path).prepare(&mut watch);
    assert!(matches!(stopped, Err(TraceError::Stopped)));
    assert_eq!(looks, 2);
}

#[test]
fn long_names_in_archives_are_read_and_bounded() {
    let folder = Folder::new();
    let long = format!("{}/new_x.txt", "d/".repeat(120));
    let mut reader = open_one(&folder.file("long.tar", tar_of(&[(&long, CAB)])));
    assert_eq!(told(&mut reader), CAB_TOLD);
    let longer = format!("{}/new_x.txt", "d/".repeat(40_000));
    let path = folder.file("longer.tar", tar_of(&[(&longer, CAB)]));
    let error = open(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("longer than 65536 bytes"), "{error}");
}

#[test]
fn readers_and_writers_can_be_handed_to_another_thread() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    let folder = Folder::new();
    let path = folder.file("new_x.txt", CAB);
    let mut reader = sendable(open_one(&path));
    let count = std::thread::spawn(move || told(&mut reader).len()).join().unwrap();
    assert_eq!(count, 4);
    let writer = TraceWriter::create(&folder.0.path().join("w.htrace"), Order::ByTime).unwrap();
    assert_eq!(sendable(writer).pending(), 0);
}

#[test]
fn too_many_open_traces_are_refused() {
    let folder = Folder::new();
    let path = folder.0.path().join("a.htrace");
    TraceWriter::create(&path, Order::ByTime).unwrap().finish().unwrap();
    let paths = vec![path; crate::limits::MAX_OPEN_TRACES + 1];
    let error = open_all(&paths, &ReadOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "more than 256 files of Hansom's own format merged at once");
    assert_eq!(told(&mut open_all(&paths[1..], &ReadOptions::default()).unwrap()).len(), 0);
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    /// Rows that are nearly right: fields of all formats and noise, with any separator.
    fn row() -> impl Strategy<Value = String> {
        let field = prop_oneof![
            Just("37.5".to_owned()),
            Just("-122.4".to_owned()),
            Just("1".to_owned()),
            Just("1212735767".to_owned()),
            Just("2008-02-04 00:05:13".to_owned()),
            Just("\"".to_owned()),
            any::<f64>().prop_map(|number| number.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            "[0-9:. TZ+é\"-]{0,25}",
        ];
        let separator = proptest::sample::select(vec![" ", ",", "\t", ";"]);
        (proptest::collection::vec(field, 1..6), separator)
            .prop_map(|(fields, separator)| fields.join(separator))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn no_rows_make_the_reader_panic_and_each_is_accounted_for(
            rows in proptest::collection::vec(row(), 1..40),
            noise in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let folder = Folder::new();
            let options = ReadOptions {
                csv: Some("id=id,time=time,lat=lat,lng=lng,speed=v".parse().unwrap()),
                ..ReadOptions::default()
            };
            let first = ["37.5 -122.4 1 1212735767", "7,2008-02-04 00:05:13,116.5,39.9", "id,time,lat,lng,v"];
            for (i, first) in first.iter().enumerate() {
                let mut bytes = format!("{first}\n{}\n", rows.join("\n")).into_bytes();
                bytes.extend_from_slice(&noise);
                let mut reader = open(&folder.file(&format!("{i}.txt"), bytes), &options).unwrap();
                let count = told(&mut reader).len();
                prop_assert!(i == 2 || count >= 1);
                prop_assert!(reader.stats().read <= 82);
            }
        }
    }
}
