//! What was applied can be read back from the recording.

use std::sync::Arc;

use hansom::index::IndexConfig;
use hansom::server::Recorder;
use hansom::trace;

use super::support::{Fixture, Ingest, batch, bind, now_ms, report, soon};

#[tokio::test]
async fn a_recording_holds_each_applied_report_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.trace");
    let (recorder, sink) = Recorder::create(&path).unwrap();
    let fixture = Fixture::with(IndexConfig::default(), |config| {
        config.sink = Some(Arc::new(sink));
    })
    .await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0, 1])).await;
    // The second row is a duplicate of the first, the third has no driver.
    ingest.send(batch(1, &[(0, 1.0, 1.0), (0, 1.0, 1.0), (9, 1.0, 1.0), (1, 2.0, 2.0)])).await;
    assert_eq!(ingest.acked(2).await.applied_rows, 2);
    let request = hansom::api::proto::ReportRequest {
        driver_id: "alone".to_owned(),
        report: Some(report(3.0, 3.0, now_ms())),
        profile: None,
    };
    soon(fixture.driver().report(request)).await.unwrap();
    recorder.finish(PATIENCE).unwrap();
    let mut reader = trace::open(&path, &trace::ReadOptions::default()).unwrap();
    let mut found = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        let name = reader.vehicle_name(record.vehicle).to_string();
        found.push((name, record.position.degrees().lat));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("alone", 3.0), ("d0", 1.0), ("d1", 2.0)];
    assert_eq!(found, expected.map(|(name, lat)| (name.to_owned(), lat)));
}

#[test]
fn a_file_that_exists_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious.trace");
    std::fs::write(&path, "precious").unwrap();
    assert!(Recorder::create(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
