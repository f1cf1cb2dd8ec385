//! A second language: the Python example against a real server, by reflection alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use hansom::clock::Clock;
use hansom::dispatch::{MarketConfig, policy};
use hansom::host::{Host, HostConfig, MarketSlot};
use hansom::index::{IndexConfig, LiveIndex, LiveMap};
use hansom::journal::MemoryJournal;
use hansom::server::{Server, ServerConfig};
use hansom::travel::StraightLine;
use hansom::units::Millis;

/// A Python that has gRPC, if there is one: the one that `scripts/setup` makes, or the system's.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let has_grpc = |python: &PathBuf| {
        let import = "import google.protobuf, grpc, grpc_reflection";
        let mut command = Command::new(python);
        let command = command.args(["-c", import]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    [own, PathBuf::from("python3")].into_iter().find(has_grpc)
}

/// What the example prints and whether it is content.
fn run(python: &Path, example: &str, arguments: &[&str]) -> (bool, String) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/python").join(example);
    let output = Command::new(python).arg(example).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn python_streams_and_asks_through_reflection() {
    let Some(python) = python() else {
        println!("SKIPPED: no Python with grpcio and grpcio-reflection; run scripts/setup");
        return;
    };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
    let config = ServerConfig { http: None, threads: 1, ..ServerConfig::default() };
    let running = Server::start(config, map, Arc::new(Clock::Wall)).unwrap();
    let address = running.grpc_addr().to_string();

    let (content, text) = run(&python, "stream_and_query.py", &[&address, "--k", "7"]);
    assert!(content, "{text}");
    assert!(text.contains("streamed 21 rows: 20 applied"), "{text}");
    assert_eq!(text.matches(" ms ago").count(), 7, "{text}");
    assert_eq!(running.door().map.len(), 20, "the drivers are in the server's map");

    running.drain();
    let (content, text) = run(&python, "stream_and_query.py", &[&address]);
    assert!(!content, "without a server it must fail: {text}");
}

#[test]
fn python_rides_through_reflection() {
    let Some(python) = python() else {
        println!("SKIPPED: no Python with grpcio and grpcio-reflection; run scripts/setup");
        return;
    };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
    let (clock, metrics) = (Arc::new(Clock::Wall), hansom::api::metrics());
    let host = Host::start(HostConfig {
        market: MarketConfig::new("main".parse().unwrap()),
        policy: policy::POLICIES[0].1,
        travel: Arc::new(StraightLine::default()),
        map: Arc::clone(&map) as Arc<dyn LiveMap>,
        clock: Arc::clone(&clock),
        journal: Arc::new(MemoryJournal::default()),
        keep_history: Millis::from_secs(3_600),
        keep_trips: 1_000,
        decisions: None,
        metrics: Arc::clone(&metrics.market),
    })
    .unwrap();
    let market = Some((MarketSlot::here(host.handle().clone()), metrics));
    let config = ServerConfig { http: None, threads: 1, market, ..ServerConfig::default() };
    let running = Server::start(config, map, clock).unwrap();
    let address = running.grpc_addr().to_string();

    let (content, text) = run(&python, "ride.py", &[&address]);
    assert!(content, "{text}");
    assert!(text.contains("main-1 1 requested"), "{text}");
    assert!(text.contains("main-1 is completed, the fare is the one that was quoted"), "{text}");
}
