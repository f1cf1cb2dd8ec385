//! `hansom replay` of logs of trip requests: tables, files, refusals; and a recorded hour.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use hansom::dispatch::MarketConfig;
use hansom::dispatch::policy::POLICIES;
use hansom::sim::day::Habits;
use hansom::trace::ReadOptions;
use hansom::trace::requests::LogOptions;
use hansom::travel::StraightLine;
use hansom::trial::{self, TrialOptions};
use hansom::units::Millis;

use crate::recorded::recorded;

const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/san-francisco-requests.csv");
const TRACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/san-francisco.htrace");

fn replay(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    command.arg("replay").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_log_is_replayed_against_a_fleet_with_table_json_and_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, html) = (path("r.json"), path("r.html"));
    let small = ["--fleet", "60", "--minutes", "10", "--policy", "greedy"];
    let files = ["--report", &json, "--html", &html];
    let output = replay(&[&[LOG], &small[..], &files[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for told in ["greedy", "served", "request to pickup, p99", "empty kilometres", "digest"] {
        assert!(table.contains(told), "{table}");
    }
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let outcome = &report["policies"][0];
    let count = |name: &str| outcome[name].as_u64().unwrap();
    assert_eq!(count("served") + count("unfulfilled") + count("cancelled"), count("requests"));
    assert!(count("requests") > 100 && count("served") > 50 && count("open") == 0, "{outcome}");
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(
        page.starts_with("<!doctype html>") && page.contains(outcome["digest"].as_str().unwrap())
    );

    // Nothing is overwritten unless it is meant; then it is the same again.
    let output = replay(&[&[LOG], &small[..], &files[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("exists; --force replaces it"));
    let again = replay(&[&[LOG], &small[..], &files[..], &["--force", "--threads", "2"]].concat());
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    let same: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(same["policies"][0]["digest"], outcome["digest"]);
}

#[test]
fn what_the_market_does_can_be_set_as_for_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hansom.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nmarket = \"none\"\nmax_pickup = \"1m\"\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let small = [LOG, "--fleet", "40", "--minutes", "5", "--policy", "batch"];
    let digest = |more: &[&str]| {
        let output = replay(&[&small[..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let table = text(&output.stdout);
        table.lines().find(|line| line.contains("digest")).unwrap().to_owned()
    };
    let plain = digest(&[]);
    assert_eq!(digest(&["--set", "cost_leave=15m", "--set", "window=2s"]), plain, "the defaults");
    let (near, set) = (digest(&["--config", file]), digest(&["--set", "max_pickup=1m"]));
    assert_ne!(near, plain);
    assert_eq!(near, set, "the file and the flag say the same");
    assert_eq!(digest(&["--config", file, "--set", "max_pickup=20m"]), plain, "a flag wins");
    for (wrong, why) in [
        ("cost_leav=1m", "--set cost_leav: is not a setting; did you mean cost_leave?"),
        ("cost_leave", "--set cost_leave: has no value: say name=value"),
        ("listen=x", "--set listen: is none of window, retry_every, offer_timeout"),
        ("patience=0s", "--set patience: patience_ms 0 is not in 1000..="),
    ] {
        let output = replay(&[&small[..], &["--set", wrong]].concat());
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(1) && told.contains(why), "{told}");
    }
}

#[test]
fn drivers_can_be_placed_where_a_trace_has_them() {
    let output = replay(&[LOG, "--fleet", "40", "--minutes", "5", "--fleet-from", TRACE]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("40, placed from recorded positions"));
}

#[test]
fn flags_of_the_other_kind_are_refused_by_name() {
    let refused = |arguments: &[&str], why: &str| {
        let output = replay(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = text(&output.stderr);
        assert!(told.contains(why), "{told}");
    };
    refused(
        &[TRACE, "--fleet", "10", "--html", "r.html"],
        "--fleet, --html are for logs of trip requests; ",
    );
    refused(&[LOG, "--speed", "2x"], "--speed is for traces of positions, or for logs");
    refused(&[LOG, "--batch", "2"], "--batch is for traces of positions; ");
    refused(&[LOG, "--batch", "2"], "san-francisco-requests.csv is a log of trip requests");
    refused(&[LOG, TRACE], "replay one kind at a time");
    refused(&[LOG, "--policy", "lottery"], "there are: greedy");
    refused(&[LOG, "--acceptance", "1.5"], "1.5 is not in 0..=1");
    refused(&[LOG, "--fleet", "0"], "0 is not in 1..=1000000");
    assert!(!Path::new("r.html").exists());
}

/// Some minutes of a recorded log.
fn part(log: &Path, minutes: u64, fleet: u32, threads: usize) -> trial::Report {
    let names = POLICIES.iter().map(|(name, _)| (*name).to_owned());
    let options = TrialOptions {
        logs: vec![log.to_path_buf()],
        read: LogOptions::default(),
        only_first: Some(Millis::from_secs(minutes * 60)),
        fleet,
        fleet_from: Vec::new(),
        read_fleet: ReadOptions::default(),
        policies: names.collect(),
        market: MarketConfig::new("replay".parse().unwrap()),
        habits: Habits::default(),
        travel: Arc::new(StraightLine::default()),
        driving: (6.5, 1.3),
        decisions: None,
        seed: 1,
        threads,
        watcher: Arc::new(|_| ()),
        stop: Arc::new(|| false),
    };
    trial::run(&options).unwrap()
}

#[test]
fn minutes_of_recorded_cities_are_lived_through() {
    let logs = [
        ("trips/nycTaxiRides.gz", 4, 300, 400),
        ("trips/uber-raw-data-apr14_24-30.csv.gz", 40, 60, 100),
        ("trips/sf_trips_derived_2008-06-06.csv.gz", 30, 60, 100),
    ];
    for (name, minutes, fleet, least) in logs {
        let Some(log) = recorded(name) else { continue };
        let report = part(&log, minutes, fleet, 1);
        assert!(report.requests >= least, "{name}: {} requests", report.requests);
        for outcome in &report.policies {
            outcome.add_up().unwrap();
            assert_eq!(
                (outcome.open, outcome.unasked, outcome.reports_refused),
                (0, 0, 0),
                "{name}"
            );
            assert!(outcome.served > 50, "{name}: {} served", outcome.served);
        }
        let digests = |report: &trial::Report| -> Vec<String> {
            report.policies.iter().map(|outcome| outcome.digest.clone().unwrap()).collect()
        };
        assert_eq!(digests(&report), digests(&part(&log, minutes, fleet, 2)), "{name}");
    }
}
