//! `hansom generate requests` and `hansom inspect` of logs, as a user runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary in `folder` with these arguments, separated by blanks.
fn hansom(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hansom"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap()
}

/// The value of a row of the table on standard output.
fn value(output: &Output, name: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = text.lines().find_map(|line| line.trim_start().strip_prefix(name));
    row.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn generated_requests_are_inspected_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let generate = "generate requests --city berlin --requests 500 --minutes 10 --seed 7 \
                    --start 2026-02-01T00:00:00Z --out a.csv";
    let made = hansom(at, generate);
    assert_eq!(made.status.code(), Some(0), "{}", complaint(&made));
    assert_eq!(value(&made, "requests"), "500");
    let inspected = hansom(at, "inspect a.csv");
    assert_eq!(inspected.status.code(), Some(0), "{}", complaint(&inspected));
    for name in ["requests", "with a dropoff", "span", "bounding box", "busiest minute", "digest"] {
        assert_eq!(value(&made, name), value(&inspected, name));
    }
    assert_eq!(value(&inspected, "format"), "log of trip requests, hansom-requests");
    assert_eq!(value(&inspected, "rows read"), "500");
    assert!(value(&inspected, "span").starts_with("2026-02-01T00:0"));
    assert!(value(&inspected, "region").starts_with("within 100 km of 52."));

    let before = fs::read(at.join("a.csv")).unwrap();
    let refused = hansom(at, "generate requests --requests 1 --out a.csv");
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("a.csv exists; --force replaces it"));
    assert_eq!(hansom(at, &format!("{generate} --force")).status.code(), Some(0));
    assert_eq!(fs::read(at.join("a.csv")).unwrap(), before, "the same seed, another file");
    let names: Vec<_> = fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "temporary files were left: {names:?}");
}

#[test]
fn rows_that_are_no_request_are_listed_by_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let names = "requested_at_ms,pickup_lat,pickup_lng,dropoff_lat,dropoff_lng,passengers\n";
    let rows = "1000,52.5,13.4,52.6,13.5,2\n1500,52.5,13.4,,,1\n61000,52.5,13.4,,,1\n\
                soon,52.5,13.4,,,1\n2000,0,0,,,1\n2000,91,13.4,,,1\n2000,48.8,2.3,,,1\n\
                2000,52.5\n2000,52.5,13.4,,,100\n";
    fs::write(at.join("log"), format!("{names}{rows}")).unwrap();
    let inspected = hansom(at, "inspect log");
    assert_eq!(inspected.status.code(), Some(0), "{}", complaint(&inspected));
    for (name, told) in [
        ("rows read", "9"),
        ("rows rejected", "6"),
        ("malformed", "1"),
        ("bad_time", "1"),
        ("zero_coordinates", "1"),
        ("not_on_globe", "1"),
        ("outside_region", "1"),
        ("bad_passengers", "1"),
        ("requests", "3"),
        ("with a dropoff", "1"),
        ("with the trip's length", "0"),
        ("span", "1970-01-01T00:00:01Z to 1970-01-01T00:01:01Z (0:01:00)"),
        ("bounding box", "lat 52.5 to 52.6, lng 13.4 to 13.5"),
        ("busiest minute", "2 requests from 1970-01-01T00:00:00Z"),
        ("region", "within 100 km of 52.5,13.4, the median of the first pickups"),
    ] {
        assert_eq!(value(&inspected, name), told, "{name}");
    }
    assert!(!String::from_utf8_lossy(&inspected.stdout).contains("end_row"));
    let boxed = hansom(at, "inspect log --region 48,2,49,3");
    assert_eq!(
        (value(&boxed, "requests"), value(&boxed, "region")),
        ("1".into(), "the box given".into())
    );
    let anywhere = hansom(at, "inspect log --region anywhere");
    assert_eq!(value(&anywhere, "requests"), "4");
    let none = hansom(at, "inspect log --region -2,-2,-1,-1");
    assert_eq!(
        (value(&none, "span"), value(&none, "busiest minute")),
        ("none".into(), "none".into())
    );

    let pickups =
        "\"Date/Time\",\"Lat\",\"Lon\",\"Base\"\n\"4/24/2014 0:01:00\",40.7,-73.9,\"B\"\n";
    fs::write(at.join("foil"), pickups).unwrap();
    let first = |arguments: &str| value(&hansom(at, arguments), "span")[..20].to_owned();
    assert_eq!(first("inspect foil"), "2014-04-24T04:01:00Z");
    assert_eq!(first("inspect foil --utc-offset -05:00"), "2014-04-24T05:01:00Z");
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    hansom(at, "generate --drivers 5 --minutes 1 --out a.htrace");
    hansom(at, "generate requests --requests 5 --minutes 1 --out a.csv");
    for (arguments, code, why) in [
        ("inspect a.csv --blocks", 1, "--blocks is for traces"),
        ("inspect a.htrace --region anywhere", 1, "are for logs of requests"),
        ("inspect a.csv --region 1,2,3", 2, "region \"1,2,3\" is not nearby, anywhere or"),
        ("import a.csv --out b.htrace", 1, "a log of trip requests (hansom-requests), not a trace"),
        ("generate requests --requests 0 --out x", 1, "requests 0 is not in 1..=10000000"),
        ("generate requests --requests -1 --out x", 2, "invalid value '-1' for '--requests"),
        ("generate requests", 2, "--out <FILE>"),
        ("generate", 2, "--out <FILE>"),
        ("generate --drivers 5 requests --out x", 2, "cannot be used with"),
    ] {
        let refused = hansom(at, arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments}: {}", complaint(&refused));
        assert!(complaint(&refused).contains(why), "{arguments}: {}", complaint(&refused));
    }
    assert!(!at.join("x").exists());
}
