//! `hansom bench run` at a small scale: each part runs, answers agree, nothing is left behind.
//! Never a time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hansom::clock::stopwatch;
use hansom::suite::Suite;
use hansom::suite::result::{LAYOUT, Series, SuiteResult, SystemStatus};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn bench(out: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    command.args(["bench", "run", "--scale", "small", "--out"]).arg(out).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn result(out: &Path) -> SuiteResult {
    serde_json::from_slice(&std::fs::read(out.join("result.json")).unwrap()).unwrap()
}

#[test]
fn each_suite_is_run_with_whoever_is_there_and_answers_agree() {
    let folder = tempfile::tempdir().unwrap();
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/data/san-francisco.htrace");
    let arguments = ["--seconds", "0.02", "--repeat", "2", "--trace", trace, "--limit-ms", "1000"];
    let output = bench(folder.path(), &arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}{errors}");
    let result = result(folder.path());
    assert_eq!((result.layout, result.scale.as_str()), (LAYOUT, "small"));
    let names: Vec<&str> = result.systems.iter().map(|system| system.name.as_str()).collect();
    let all = "hansom hansom-direct redis valkey tile38 postgis rstar kiddo scan floor";
    assert_eq!(names, all.split(' ').collect::<Vec<_>>());
    for system in &result.systems {
        match &system.status {
            SystemStatus::Measured => assert!(!system.usage.is_empty()),
            SystemStatus::Missing { install, .. } => assert!(!install.is_empty()),
            SystemStatus::Failed { reason } => panic!("{}: {reason}", system.name),
        }
    }
    for suite in Suite::ALL {
        let of = |system: &str| {
            let series = result.series.iter().filter(|series| series.suite == suite.name());
            series.filter(|series| series.system == system).collect::<Vec<_>>()
        };
        let (wire, direct) = (of("hansom"), of("hansom-direct"));
        if [Suite::Updates, Suite::Queries].contains(&suite) {
            for call in ["unary", "turns", if suite == Suite::Updates { "bulk" } else { "stream" }]
            {
                assert!(wire.iter().any(|series| series.call == call), "{suite:?} {call}");
            }
        }
        let inside = [Suite::Threads, Suite::Floor].contains(&suite);
        assert_eq!(wire.is_empty(), inside, "{suite:?}");
        assert_eq!(direct.is_empty(), suite == Suite::Memory, "{suite:?}");
        for series in wire.into_iter().chain(direct) {
            complete(series);
        }
    }
    let agreements: Vec<_> = result.series.iter().filter_map(|series| series.agreement).collect();
    assert!(agreements.len() > 30, "{} comparisons", agreements.len());
    assert!(agreements.iter().all(|found| found.different == 0 && found.compared >= 100));
    let exact = |series: &&Series| series.system.starts_with("hansom");
    let ours = result.series.iter().filter(exact).filter_map(|series| series.agreement);
    assert!(ours.into_iter().all(|found| found.equal == found.compared));
    assert!(told.contains("B a driver") && told.contains("equal"), "{told}");
}

/// Whether a series has what its suite measures.
fn complete(series: &Series) {
    let named = format!("{} {} {}", series.suite, series.system, series.call);
    match series.suite.as_str() {
        "memory" => assert!(series.bytes_per_driver.is_some_and(|bytes| bytes > 0.0), "{named}"),
        "load" => {
            let climb = series.climb.as_ref().expect("a climb");
            assert!(climb.steps.len() >= 2, "{named}");
        }
        _ => {
            assert_eq!(series.runs.len(), 2, "{named}");
            assert!(series.runs.iter().all(|run| run.operations > 0), "{named}");
            assert_eq!(series.runs[0].latency.is_some(), series.waits(), "{named}");
        }
    }
}

#[test]
fn an_interrupt_ends_a_run_with_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["queries", "--peer", "rstar", "--seconds", "30", "--repeat", "100"];
    let mut child = bench(folder.path(), &arguments).spawn().unwrap();
    let begun = stopwatch();
    // The file of the result is made when signals are listened to.
    while std::fs::read_dir(folder.path()).unwrap().next().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it does not begin");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed() < PATIENCE, "it went on");
    let result = result(folder.path());
    assert_eq!(result.systems.len(), 3, "two of ours and the one that was asked for");
}

#[test]
fn a_server_that_cannot_be_reached_spoils_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let nobody =
        ["updates", "--seconds", "0.02", "--repeat", "1", "--peer", "redis=redis://[::1]:1"];
    let output = bench(folder.path(), &nobody).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "a failure is told");
    let result = result(folder.path());
    let failed = |name: &str| {
        let system = result.systems.iter().find(|system| system.name == name).unwrap();
        matches!(system.status, SystemStatus::Failed { .. })
    };
    assert!(failed("redis") && !failed("hansom"));
    assert!(result.series.iter().any(|series| series.system == "hansom"));
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (wrong, told) in [
        (&["speed"][..], "possible values"),
        (&["--peer", "reddis"], "none of redis, valkey, tile38, postgis, rstar, kiddo, scan"),
        (&["--peer", "kiddo=x"], "no address"),
        (&["trace"], "needs --trace"),
        (&["--seconds", "0"], "not in 0.01..=3600"),
    ] {
        let output = bench(folder.path(), wrong).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(told), "{wrong:?}: {errors}");
    }
}
