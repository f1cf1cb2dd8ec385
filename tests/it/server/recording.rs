//! What was applied can be read back from the recording.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::ingest_request::Kind;
use hansom::api::proto::{GetDriverRequest, ReportRequest};
use hansom::clock::stopwatch;
use hansom::index::IndexConfig;
use hansom::limits;
use hansom::server::{Drained, Recorder};
use hansom::trace::{self, Order, Sink, TraceWriter};

use super::serve::Served;
use super::support::{
    Fixture, Ingest, PATIENCE, batch, bind, channel as connect, columns, eventually, http_get,
    now_ms, report, soon,
};

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
    let request = ReportRequest {
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

/// A disk that takes nothing until its other end is dropped, after the file's header.
struct Stuck(Receiver<()>, bool);

impl Stuck {
    fn new() -> (SyncSender<()>, Self) {
        let (release, waiting) = sync_channel(1);
        (release, Self(waiting, false))
    }
}

impl io::Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.1, true) {
            // An error means that it is released.
            let _released = self.0.recv();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Stuck {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The value of a metric in the text of `/metrics`.
fn value(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn a_disk_that_is_stuck_costs_recorded_rows_and_nothing_else() {
    let path = Path::new("stuck.htrace");
    let (release, disk) = Stuck::new();
    let writer = TraceWriter::new(disk, path, Order::AsArrived).unwrap();
    let (recorder, sink) = Recorder::start(path, writer).unwrap();
    let fixture = Fixture::with(IndexConfig::default(), |config| {
        config.sink = Some(Arc::new(sink));
    })
    .await;
    let mut ingest = Ingest::open(&fixture).await;
    let drivers = u32::try_from(limits::TRACE_BLOCK_ROWS).unwrap();
    ingest.send(bind(&(0..drivers).collect::<Vec<_>>())).await;
    // Enough for a block, which is stuck, for a full queue, and for two batches beyond it.
    let batches = limits::MAX_WAITING_RECORD_ROWS / limits::TRACE_BLOCK_ROWS + 3;
    let rows: Vec<_> = (0..drivers).map(|i| (i, 1.0, f64::from(i) * 1e-4)).collect();
    let began = now_ms();
    for i in 1..=batches {
        let mut columns = columns(i as u64, &rows);
        // Each later than the one before, and none in the future.
        columns.base_device_time_ms = began - 10_000 + i64::try_from(i).unwrap();
        ingest.send(Kind::Batch(columns)).await;
        let ack = ingest.acked(i as u64 + 1).await;
        assert_eq!(ack.applied_rows, (i * limits::TRACE_BLOCK_ROWS) as u64, "all are applied");
    }
    let (_, text) = http_get(fixture.http(), "/metrics").await;
    let dropped = value(&text, "hansom_trace_rows_dropped_total");
    let applied = (batches * limits::TRACE_BLOCK_ROWS) as u64;
    let kept = (limits::MAX_WAITING_RECORD_ROWS + limits::TRACE_BLOCK_ROWS) as u64;
    assert_eq!(dropped, applied - kept, "what the queue and the block cannot hold");
    assert_eq!(value(&text, "hansom_trace_failed"), 0, "it is late, not dead");
    drop(ingest);
    let Fixture { running, .. } = fixture;
    let ending = tokio::task::spawn_blocking(move || {
        let drained = running.drain();
        let began = stopwatch();
        (drained, recorder.finish(Duration::from_millis(50)), began.elapsed())
    });
    let (drained, finished, took) = soon(ending).await.unwrap();
    assert_eq!(drained, Drained::Finished);
    let text = finished.unwrap_err().to_string();
    assert!(text.contains("stuck.htrace") && text.contains("did not finish within"), "{text}");
    assert!(took < PATIENCE / 2, "{took:?}");
    drop(release);
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_ends_the_recording_and_not_the_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full.htrace");
    // 512 blocks of 512 or 1,024 bytes are all that this process may write into one file: some
    // blocks of the trace, and not many.
    let served =
        Served::start_in("ulimit -f 512; exec \"$@\"", &["--record", path.to_str().unwrap()]);
    let mut client = DriverServiceClient::new(connect(served.grpc).await);
    let mut sent = 0_u32;
    let mut text = String::new();
    let begun = stopwatch();
    while value_or_zero(&text, "hansom_trace_failed") == 0 {
        assert!(begun.elapsed() < PATIENCE, "it never fails: {text}");
        for _ in 0..2_000 {
            sent += 1;
            let one = report(1.0, f64::from(sent) * 1e-5, now_ms());
            // Long names, so that a file is soon full.
            let driver_id = format!("{sent}-{:x<40}", sent.wrapping_mul(2_654_435_761));
            let request = ReportRequest { driver_id, report: Some(one), profile: None };
            assert!(soon(client.report(request)).await.unwrap().into_inner().applied);
        }
        text = http_get(served.http, "/metrics").await.1;
    }
    // The map goes on.
    let one = Some(report(1.0, 1.0, now_ms()));
    let request = ReportRequest { driver_id: "after".to_owned(), report: one, profile: None };
    assert!(soon(client.report(request)).await.unwrap().into_inner().applied);
    let request = GetDriverRequest { driver_id: "after".to_owned() };
    soon(client.get_driver(request)).await.unwrap();
    eventually("each row is either in the file or counted as dropped", || async {
        let text = http_get(served.http, "/metrics").await.1;
        let dropped = value(&text, "hansom_trace_rows_dropped_total");
        let recorded = rows_of(&path);
        recorded > 0 && dropped > 0 && recorded + dropped == u64::from(sent) + 1
    })
    .await;
    served.signal("-TERM");
    let ended = tokio::task::spawn_blocking(move || served.end());
    let (code, errors) = soon(ended).await.unwrap();
    assert_eq!(code, Some(1), "{errors}");
    for part in ["the recording has ended early", "full.htrace: File too large", "is incomplete"] {
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
}

fn value_or_zero(text: &str, name: &str) -> u64 {
    if text.is_empty() { 0 } else { value(text, name) }
}

/// The rows that can be read from a trace, up to its damage.
fn rows_of(path: &Path) -> u64 {
    let mut reader = trace::open(path, &trace::ReadOptions::default()).unwrap();
    while reader.next().unwrap().is_some() {}
    assert!(reader.damage().is_some(), "it has no end");
    reader.stats().yielded
}
