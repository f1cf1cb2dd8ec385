//! `hansom replay` of a log of trip requests against a server in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use hansom::api::proto::{CountRequest, DriverStatus, Filter, StatusRequest, StatusResponse};
use hansom::sim::{City, DemandPlan, demand};
use hansom::trace::requests::RequestWriter;
use hansom::units::Millis;

use super::proximity::world;
use super::support::{eventually, soon};
use super::town::Town;

/// A log of so many made-up requests within ten minutes.
fn log(folder: &Path, requests: u32) -> PathBuf {
    let plan = DemandPlan::new(City::SAN_FRANCISCO, requests, Millis::from_secs(600), 1).unwrap();
    let path = folder.join("requests.csv");
    let mut writer = RequestWriter::new(std::fs::File::create(&path).unwrap()).unwrap();
    for request in demand(&plan) {
        writer.write(&request).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn replay(town: &Town, log: &Path, more: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    let target = format!("http://{}", town.served.grpc);
    command.arg("replay").arg(log).args(["--target", &target]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

async fn output(child: Child) -> Output {
    soon(tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())).await.unwrap()
}

async fn status(town: &Town) -> StatusResponse {
    soon(town.admin().status(StatusRequest {})).await.unwrap().into_inner()
}

async fn available(town: &Town) -> u64 {
    let filter =
        Some(Filter { statuses: vec![DriverStatus::Available.into()], ..Filter::default() });
    let request = CountRequest { area: Some(world()), filter };
    let mut client = hansom::api::proto::proximity_service_client::ProximityServiceClient::new(
        town.channel.clone(),
    );
    soon(client.count(request)).await.unwrap().into_inner().count
}

#[tokio::test]
async fn riders_and_drivers_of_a_log_meet_the_market_of_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &["--policy", "batch"]).await;
    let log = log(folder.path(), 80);
    let report = folder.path().join("r.json");
    let more = ["--fleet", "60", "--speed", "200x", "--report", report.to_str().unwrap()];
    let output = output(replay(&town, &log, &more)).await;
    let (table, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    for told in ["market main, at 200x", "batch", "served", "request to pickup, p99", "replayed in"]
    {
        assert!(table.contains(told), "{table}");
    }
    assert!(!table.contains("digest"), "{table}");
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let outcome = &report["policies"][0];
    let count = |name: &str| outcome[name].as_u64().unwrap();
    let ended = count("served") + count("unfulfilled") + count("cancelled");
    assert_eq!(
        (ended + count("refused"), count("open"), count("unasked")),
        (80, 0, 0),
        "{outcome}"
    );
    assert_eq!(count("refused"), 0, "{outcome}");
    assert!(count("served") > 40, "{outcome}");
    let offers = &outcome["offers"];
    let offered = |name: &str| offers[name].as_u64().unwrap();
    assert!(offered("made") >= offered("accepted") && offered("accepted") >= count("served"));
    assert!(outcome["shifts"]["with_rider"].as_f64().unwrap() > 0.05, "{outcome}");
    assert!(outcome["distances"]["with_rider_km"].as_f64().unwrap() > 50.0, "{outcome}");
    // The server has seen the same, and nobody is left behind.
    let status = status(&town).await;
    assert_eq!((status.trips, status.ended_trips, status.bound_drivers), (80, 80, 0), "{status:?}");
    assert_eq!(available(&town).await, 0);
}

#[tokio::test]
async fn an_interrupt_ends_it_with_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    // In full it would take ten minutes.
    let log = log(folder.path(), 600);
    let child = replay(&town, &log, &["--fleet", "60"]);
    eventually("trips", async || status(&town).await.trips > 0).await;
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = output(child).await;
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(table.contains("interrupted") && table.contains("at 1x"), "{table}");
    assert_eq!(available(&town).await, 0);
}

#[tokio::test]
async fn what_a_server_decides_itself_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(folder.path(), &[]).await;
    let log = log(folder.path(), 10);
    for (more, why) in [
        (&["--speed", "max"][..], "run on its own clock"),
        (&["--speed", "2000x"], "--speed 2000x is not in 0.001x..=1000x"),
        (&["--policy", "batch", "--window", "3"], "--policy, --window are not for --target"),
        (&["--times", "keep"], "--times is for traces of positions"),
    ] {
        let output = output(replay(&town, &log, more)).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        // Lines are wrapped.
        let errors = errors.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(errors.contains(why), "{errors}");
    }
}
