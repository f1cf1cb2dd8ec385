//! Replaying traces through gRPC: each row accounted for, each sampled answer equal to the
//! linear scan, and at the end each vehicle where an independent reading of the file says.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hansom::api::proto::{self, GetDriverRequest};
use hansom::client::{connect, driver_client};
use hansom::clock::Clock;
use hansom::index::{IndexConfig, LiveIndex};
use hansom::limits;
use hansom::replay::{self, ReplayOptions, Report, Times};
use hansom::server::{Running, Server, ServerConfig};
use hansom::units::Millis;

/// The recorded trace of this name, or `None` after saying so.
fn recorded(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("HANSOM_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")),
        PathBuf::from,
    );
    let path = data.join("traces").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent; set HANSOM_DATA", path.display());
    None
}

/// A server with the clock of the trace that forgets nobody.
fn server() -> (Running, String) {
    let config = ServerConfig { http: None, threads: 1, ..ServerConfig::default() };
    let index =
        IndexConfig { forget_after: Millis(limits::MAX_FORGET_AFTER_MS), ..IndexConfig::default() };
    let map = Arc::new(LiveIndex::new(index, 7));
    let running = Server::start(config, map, Arc::new(Clock::trace())).unwrap();
    let address = format!("http://{}", running.grpc_addr());
    (running, address)
}

/// Replays into a server that is still there afterwards.
fn replay_into(address: &str, trace: &Path) -> Report {
    let options = ReplayOptions {
        target: Some(address.to_owned()),
        times: Times::Keep,
        check_points: 20,
        check_questions: 5,
        query_rate: 200,
        ..ReplayOptions::new(vec![trace.to_path_buf()])
    };
    replay::run(&options).unwrap()
}

/// Nothing lost, nothing differs, something was looked at.
fn assert_sound(report: &Report) {
    assert_eq!(report.rows.add_up(false), Ok(()));
    assert!(!report.interrupted);
    let checks = report.checks.as_ref().unwrap();
    assert_eq!(checks.first_mismatch, None);
    assert!(checks.checked >= 20, "{checks:?}");
    assert_eq!(checks.checked, checks.equal);
    assert!(checks.hits > checks.checked, "empty answers prove little: {checks:?}");
}

/// What a file says of a vehicle last: position × 10⁷ and the time in seconds.
type Last = BTreeMap<String, (i64, i64, i64)>;

/// Reads an archive naively. `row` gives vehicle, latitude, longitude and seconds, or nothing for
/// a row that is no report.
fn last_rows(
    archive: &Path,
    row: impl Fn(&str, &str) -> Option<(String, f64, f64, i64)>,
) -> (u64, u64, Last) {
    let mut unpacked =
        tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(archive).unwrap()));
    let (mut rows, mut valid, mut last) = (0, 0, Last::new());
    for entry in unpacked.entries().unwrap() {
        let mut entry = entry.unwrap();
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().unwrap().file_stem().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            rows += 1;
            let Some((id, lat, lng, at)) = row(&name, line) else { continue };
            valid += 1;
            #[expect(clippy::cast_possible_truncation, reason = "degrees times ten million")]
            let fix = ((lat * 1e7).round() as i64, (lng * 1e7).round() as i64, at);
            let known = last.entry(id).or_insert(fix);
            // On a tie the later line.
            if fix.2 >= known.2 {
                *known = fix;
            }
        }
    }
    (rows, valid, last)
}

/// Asks for each vehicle by name.
fn assert_live_positions(address: &str, last: &Last) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = driver_client(connect(address).await.unwrap());
        for (id, &(lat, lng, at)) in last {
            let request = GetDriverRequest { driver_id: id.clone() };
            let driver = client.get_driver(request).await.unwrap().into_inner();
            let proto::Position { lat: live_lat, lng: live_lng } = driver.position.unwrap();
            let age = i64::try_from(driver.age_ms).unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "degrees times ten million")]
            let live = (
                (live_lat * 1e7).round() as i64,
                (live_lng * 1e7).round() as i64,
                driver.time_ms - age,
            );
            assert_eq!(live, (lat, lng, at * 1_000), "{id}");
        }
    });
}

/// `lat lon occupied unixtime`, one file a cab.
fn cabspotting(name: &str, line: &str) -> Option<(String, f64, f64, i64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [lat, lng, _, at] = fields.as_slice() else { return None };
    // The files are called new_NAME.txt.
    let name = name.strip_prefix("new_").unwrap_or(name);
    Some((name.to_owned(), lat.parse().ok()?, lng.parse().ok()?, at.parse().ok()?))
}

/// `id,YYYY-MM-DD HH:MM:SS,lon,lat`, Beijing time; all of 2008-02-04 but for damage.
fn t_drive(_: &str, line: &str) -> Option<(String, f64, f64, i64)> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    let [id, when, lng, lat] = fields.as_slice() else { return None };
    let (lat, lng): (f64, f64) = (lat.parse().ok()?, lng.parse().ok()?);
    if lat.abs() > 90.0 || lng.abs() > 180.0 || (lat == 0.0 && lng == 0.0) {
        return None;
    }
    let (date, time) = when.split_once(' ')?;
    let day = match date {
        "2008-02-03" => 13_912,
        "2008-02-04" => 13_913,
        "2008-02-05" => 13_914,
        _ => panic!("a day that this parser does not know: {date}"),
    };
    let mut seconds = 0;
    for part in time.split(':') {
        seconds = seconds * 60 + part.parse::<i64>().ok()?;
    }
    Some(((*id).to_owned(), lat, lng, day * 86_400 + seconds - 8 * 3_600))
}

fn assert_recorded(
    name: &str,
    rows: u64,
    row: impl Fn(&str, &str) -> Option<(String, f64, f64, i64)>,
) -> Option<Report> {
    let trace = recorded(name)?;
    let (naive_rows, valid, last) = last_rows(&trace, row);
    let (running, address) = server();
    let report = replay_into(&address, &trace);
    println!("{report:#?}");
    assert_sound(&report);
    assert_eq!(report.rows.read, rows);
    assert_eq!(naive_rows, rows);
    assert_eq!(report.rows.sent, valid);
    assert_eq!(report.drivers, last.len() as u64);
    assert_live_positions(&address, &last);
    assert!(report.query_latency.unwrap().failed == 0);
    running.drain();
    Some(report)
}

#[test]
fn a_day_of_cabspotting_ends_where_its_files_end() {
    let Some(report) = assert_recorded("cabspotting_2008-06-06.tar.gz", 507_231, cabspotting)
    else {
        return;
    };
    assert_eq!(report.drivers, 503);
}

#[test]
fn a_day_of_t_drive_ends_where_its_files_end() {
    let name = "tdrive_2008-02-04_ids1-3000.tar.gz";
    let Some(report) = assert_recorded(name, 855_161, t_drive) else { return };
    assert!(report.rows.rejected_by_server.contains_key("duplicate"), "it has exact duplicates");
}

/// A small CSV: three vehicles, one row of each kind of fault.
const CSV: &str = "\
car,ts,y,x
a,1700000000,37.0,-122.0
b,1700000001,37.1,-122.1
a,1700000002,37.2,-122.2
a,1700000002,37.2,-122.2
c,1700000003,91.0,-122.0
c,1700000003,0,0
,1700000004,37.0,-122.0
c,soon,37.0,-122.0
c,1700000005,37.3
c,1700000006,37.4,-122.4
";

fn csv(text: &str) -> (tempfile::TempDir, ReplayOptions) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cars.csv");
    std::fs::write(&path, text).unwrap();
    let mut options = ReplayOptions::new(vec![path]);
    options.read.csv = Some("id=car,time=ts,lat=y,lng=x".parse().unwrap());
    (folder, options)
}

#[test]
fn faulty_rows_are_counted_by_reader_and_server() {
    let (_folder, mut options) = csv(CSV);
    for batch in [1, 2, 1_024] {
        options.batch = batch;
        let report = replay::run(&options).unwrap();
        assert_eq!(report.rows.add_up(false), Ok(()));
        assert_eq!(report.rows.read, 10);
        assert_eq!(report.rows.rejected_by_reader.values().sum::<u64>(), 5, "{:?}", report.rows);
        assert_eq!(report.rows.rejected_by_server, [("duplicate".to_owned(), 1)].into());
        assert_eq!((report.rows.accepted, report.drivers), (4, 3));
        let checks = report.checks.unwrap();
        assert_eq!(checks.first_mismatch, None);
        assert!(checks.checked > 0 && checks.checked == checks.equal && checks.hits > 0);
    }
}

#[test]
fn a_replay_that_is_stopped_tells_what_was_not_sent() {
    let (_folder, mut options) = csv(CSV);
    let (stopper, stop) = tokio::sync::watch::channel(false);
    options.stop = stop;
    // Six seconds at full length: it is stopped as soon as the first rows are through.
    options.speed = "0.01x".parse().unwrap();
    options.watcher = Arc::new(move |progress| {
        if let replay::Progress::Replaying { .. } = progress {
            stopper.send_replace(true);
        }
    });
    let report = replay::run(&options).unwrap();
    assert!(report.interrupted);
    assert_eq!(report.rows.add_up(true), Ok(()));
    assert!(report.rows.sent > 0 && report.rows.unsent > 0, "{:?}", report.rows);
}

#[test]
fn a_paced_replay_takes_as_long_as_its_pace_says_however_much_is_checked() {
    let (_folder, mut options) = csv(CSV);
    // Six seconds between the first row and the last; each batch is followed by a check.
    options.speed = "10x".parse().unwrap();
    (options.batch, options.check_questions) = (1, 200);
    let report = replay::run(&options).unwrap();
    assert!(report.check_seconds > 0.0);
    assert!(report.replay_seconds >= 0.6, "{report:?}");
    let rate = report.rows.accepted as f64 / report.replay_seconds;
    assert!((report.updates_per_second - rate).abs() < 1e-9, "{report:?}");
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let (folder, options) = csv(CSV);
    let fails = |options: &ReplayOptions| replay::run(options).unwrap_err().to_string();
    let absent = ReplayOptions::new(vec![folder.path().join("absent")]);
    assert!(fails(&absent).contains("absent"));
    let unmapped = ReplayOptions::new(options.inputs.clone());
    assert!(fails(&unmapped).contains("column mapping"), "{}", fails(&unmapped));
    let nowhere =
        ReplayOptions { target: Some("http://127.0.0.1:1".to_owned()), ..options.clone() };
    assert!(fails(&nowhere).contains("cannot connect to http://127.0.0.1:1: "));
    let elsewhere = ReplayOptions { target: Some("ftp://x".to_owned()), ..options.clone() };
    assert!(fails(&elsewhere).contains("http://127.0.0.1:7400"));
    let endless = ReplayOptions { batch: 0, ..options };
    assert_eq!(fails(&endless), "batch 0 is not in 1..=4096");
}

#[test]
fn device_times_are_rebased_for_a_server_with_the_machines_clock() {
    let config = ServerConfig { http: None, threads: 1, ..ServerConfig::default() };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
    let running = Server::start(config, map, Arc::new(Clock::Wall)).unwrap();
    let (_folder, mut options) = csv(CSV);
    options.target = Some(format!("http://{}", running.grpc_addr()));
    options.times = Times::Rebase;
    options.speed = "100x".parse().unwrap();
    let report = replay::run(&options).unwrap();
    assert_eq!(report.rows.add_up(false), Ok(()));
    // As recorded they would be years too old.
    assert_eq!(report.rows.accepted, 4);
    assert_eq!(report.checks.unwrap().first_mismatch, None);
    running.drain();
}

#[test]
fn a_replay_of_which_nothing_is_accepted_fails_with_a_hint() {
    let config = ServerConfig { http: None, threads: 1, ..ServerConfig::default() };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
    let running = Server::start(config, map, Arc::new(Clock::Wall)).unwrap();
    let (folder, mut options) = csv(CSV);
    let target = format!("http://{}", running.grpc_addr());
    options.target = Some(target.clone());
    options.check = false;
    let report = replay::run(&options).unwrap();
    assert!(report.rows.all_rejected());
    assert_eq!((report.rows.sent, report.updates_per_second), (5, 0.0));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hansom"))
        .args(["replay", "cars.csv", "--csv-columns", "id=car,time=ts,lat=y,lng=x"])
        .args(["--target", &target, "--times", "keep"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("rejected all 5 rows sent: too_old; did you mean --times rebase?"),
        "{errors}"
    );
    running.drain();
}
