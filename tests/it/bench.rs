//! `hansom bench query`, `dispatch` and `mirror` at a small scale: servers of their own, a load, the
//! figures.

use std::process::Command;

#[test]
fn questions_are_asked_in_each_manner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("q.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    command.args(["bench", "query", "--drivers", "2000", "--seconds", "0.3", "--callers", "3"]);
    command.args([
        "--busy-poll-us",
        "50",
        "--updates",
        "20000",
        "--queries",
        "500",
        "--json",
        path.to_str().unwrap(),
    ]);
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("looking for more for 50 us"), "{table}");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(report["options"]["busy_poll_us"], 50);
    let figures = report["figures"].as_array().unwrap();
    let names: Vec<&str> = figures.iter().map(|figure| figure["name"].as_str().unwrap()).collect();
    let expected = [
        "Nearest, unary",
        "NearestStream",
        "mixed: bulk ingest",
        "mixed: Nearest, unary",
        "open: bulk ingest",
        "open: Nearest, unary",
    ];
    assert_eq!(names, expected);
    let count = |i: usize| figures[i]["count"].as_u64().unwrap();
    assert!((0..6).all(|i| count(i) > 0), "{figures:?}");
    // 0.3 s of 20,000 rows a second in batches of 256, and of 500 questions a second: they are due
    // whatever the machine does, but for those at the very end.
    for rows in [count(2), count(4)] {
        assert!(rows % 256 == 0 && (20..=30).contains(&(rows / 256)), "{rows}");
    }
    let due = count(5) + figures[5]["latency"]["overdue"].as_u64().unwrap();
    assert!((140..=160).contains(&due), "{due}");
    assert!(figures[3]["setup"].as_str().unwrap().contains(", 3 callers over "), "{figures:?}");
    for timed in [0, 3, 5] {
        assert!(figures[timed]["latency"]["p99_us"].as_f64().unwrap() > 0.0, "{figures:?}");
    }
}

#[test]
fn a_small_market_is_loaded_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    command.args(["bench", "dispatch", "--drivers", "2000", "--requests", "40", "--every", "1s"]);
    command.args(["--seconds", "2", "--warm-up", "1", "--trip", "0.5", "--window", "0.2"]);
    command.args(["--watching", "500", "--report", path.to_str().unwrap()]);
    let output = command.output().unwrap();
    let (table, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for told in ["request due to offer with the driver", "a commit of the journal", "p99 within"] {
        assert!(table.contains(told), "{table}");
    }
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let figures = &report["figures"];
    let count = |name: &str| figures[name].as_u64().unwrap();
    assert_eq!(count("requests"), 80, "{figures}");
    let missed = count("overdue") + count("never_offered");
    let held = missed == 0 && figures["request_to_offer"]["p99"].as_f64().unwrap() <= 350.0;
    assert_eq!(output.status.code(), Some(if held { 0 } else { 5 }), "{errors}");
    let said = format!("{} offered to nobody, ", count("never_offered"));
    let verdict = said + if held { "holds" } else { "does not hold" };
    assert!(table.contains(&verdict), "{table}");
    assert_eq!(count("taken") + count("overdue"), 80, "{figures}");
    // Who has nobody nearby waits; all others go through everything.
    assert!(count("completed") > 40 && count("offers") > 60 && count("watched") > 20, "{figures}");
    assert_eq!(count("never_offered") + figures["request_to_offer"]["count"].as_u64().unwrap(), 80);
    for name in ["refused", "commands_refused", "watches_failed"] {
        assert_eq!(figures[name], serde_json::json!({}), "{name}");
    }
    assert!(figures["commits"]["count"].as_f64().unwrap() > 20.0, "{figures}");
    assert!(figures["samples"].as_array().unwrap().len() >= 3, "{figures}");
}

#[test]
fn a_small_copy_is_measured_stopped_and_started_from() {
    if crate::redis::binary().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    command.args(["bench", "mirror", "--drivers", "1000", "--every", "0.5s", "--seconds", "2"]);
    command.args(["--warm-up", "1", "--turn", "0.2s", "--outage", "2s", "--recovery", "3s"]);
    command.args(["--requests", "10", "--warm-start", "--report", path.to_str().unwrap()]);
    let output = command.output().unwrap();
    let (table, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Whether all holds is a matter of the machine.
    assert!(matches!(output.status.code(), Some(0 | 5)), "{table}{errors}");
    for told in [
        "lag p50 / p99 / max",
        "under an equal share",
        "redis stopped",
        "matching without redis, of that before",
        "fresh server",
    ] {
        assert!(table.contains(told), "{table}");
    }
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let figures = &report["figures"];
    let number = |one: &str, name: &str| figures[one][name].as_f64().unwrap();
    assert!(number("steady", "applied_per_s") > 1_000.0, "{figures}");
    assert!(figures["steady"]["lag"]["count"].as_u64().unwrap() > 20, "{figures}");
    assert!((1.0..=1_000.0).contains(&number("outage", "backlog_max")), "{figures}");
    // One in a hundred, unless there is a trip to be driven.
    let left = number("outage", "left");
    assert!((3.0..=10.0).contains(&left), "{figures}");
    assert_eq!(number("outage", "audited").to_bits(), (1_000.0 - left).to_bits());
    let matching = &figures["outage"]["matching"];
    for rate in ["before_per_s", "during_per_s", "backlog_events"] {
        assert!(matching[rate].as_f64().unwrap() > 1.0, "{rate}: {matching}");
    }
    assert_eq!(matching["trips_differ"], 0, "{matching}");
    let differences = figures["outage"]["differences"].as_object().unwrap();
    assert!(differences.values().all(|count| count == 0), "{figures}");
    assert_eq!(number("warm", "learnt").to_bits(), (1_000.0 - left).to_bits());
}
