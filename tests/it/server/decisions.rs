//! Decisions of a running server: written down, looked up after a restart, and no matter to anybody
//! when they cannot be written.

use std::path::Path;

use hansom::api::proto::driver_command::What;
use hansom::api::proto::{ExplainRequest, ExplainResponse};
use hansom::clock::stopwatch;
use tonic::{Code, Status};

use super::serve::{Served, output};
use super::support::{PATIENCE, http_get, soon};
use super::town::{Town, reason};

async fn explain(town: &Town, trip: &str) -> Result<ExplainResponse, Status> {
    let request = ExplainRequest { trip_id: trip.to_owned() };
    soon(town.admin().explain(request)).await.map(tonic::Response::into_inner)
}

/// Ends a server as an operator does.
fn ended(town: Town) {
    town.served.signal("-TERM");
    let (code, errors) = town.served.end();
    assert_eq!(code, Some(0), "{errors}");
}

async fn start(folder: &Path, more: &[&str]) -> Town {
    Town::start(&folder.join("journal"), more).await
}

#[tokio::test]
async fn what_was_decided_is_told_after_a_restart_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = folder.path().join("decisions");
    let decisions = decisions.to_str().unwrap();
    let log = ["--decisions", decisions, "--policy", "batch"];
    let town = start(folder.path(), &log).await;
    let mut app = town.app("cab-1").await;
    app.trips().await;
    let trip = town.request("ada", "k1").await.unwrap();
    let offer = app.offer().await;
    app.does(What::AcceptOfferId(offer.offer_id)).await;
    let mut remembered = explain(&town, &trip).await.unwrap();
    for candidate in &mut remembered.candidates {
        // As exactly as the log has it.
        candidate.pickup_m = (candidate.pickup_m * 64.0).round() / 64.0;
    }
    assert!(remembered.candidates.iter().any(|one| one.chosen && one.driver_id == "cab-1"));
    drop(app);
    ended(town);

    // Memory is empty; without the log nothing is known any more.
    let town = start(folder.path(), &[]).await;
    let refused = explain(&town, &trip).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "undecided"));
    ended(town);
    let town = start(folder.path(), &log).await;
    assert_eq!(explain(&town, &trip).await.unwrap(), remembered);
    let refused = explain(&town, "main-77").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "undecided"));
    ended(town);

    let verified = output(&["verify-decisions", decisions]);
    let table = String::from_utf8(verified.stdout).unwrap();
    assert_eq!(verified.status.code(), Some(0), "{table}");
    let value = |name: &str| {
        let row = table.lines().find_map(|line| line.trim().strip_prefix(name));
        row.unwrap_or_else(|| panic!("{name} is not in {table}")).trim().to_owned()
    };
    assert_eq!((value("decisions read"), value("verified")), ("1".to_owned(), "1".to_owned()));
    assert_eq!(value("decisions at once"), "1");
}

#[cfg(unix)]
#[tokio::test]
async fn decisions_that_cannot_be_written_are_counted_and_trips_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = folder.path().to_str().unwrap();
    // Not a byte may be written into any file.
    let arguments = ["--decisions", decisions, "--window", "0s"];
    let served = Served::start_in("ulimit -f 0; exec \"$@\"", &arguments);
    let town = Town::of(served).await;
    let mut app = town.app("cab-1").await;
    app.trips().await;
    let begun = stopwatch();
    let mut metrics = String::new();
    let mut trips = 0;
    while !metrics.contains("hansom_decision_log_failed 1\n") {
        assert!(begun.elapsed() < PATIENCE, "it never fails: {metrics}");
        trips += 1;
        let trip = town.request(&format!("rider-{trips}"), "k").await.unwrap();
        let offer = app.offer().await;
        assert_eq!(offer.trip_id, trip, "offers are made whatever the disk does");
        app.does(What::AcceptOfferId(offer.offer_id)).await;
        app.does(What::ArriveTripId(trip.clone())).await;
        app.does(What::StartTripId(trip.clone())).await;
        let complete = hansom::api::proto::CompleteTrip { trip_id: trip, driven_m: None };
        app.does(What::Complete(complete)).await;
        metrics = http_get(town.served.http, "/metrics").await.1;
    }
    assert!(!metrics.contains("hansom_decisions_dropped_total 0\n"), "{metrics}");
    drop(app);
    town.served.signal("-TERM");
    let (code, errors) = town.served.end();
    assert_eq!(code, Some(1), "the log is incomplete: {errors}");
}
