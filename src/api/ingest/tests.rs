//! Sessions without a runtime: whatever comes, in whatever order, the counts add up.

use std::sync::Arc;

use tokio::sync::watch;

use super::Session;
use crate::api::Door;
use crate::api::proto::{
    BindHandles, HandleBinding, HandleReport, IngestRequest, RejectReason, ReportBatch,
    ingest_request::Kind,
};
use crate::clock::Clock;
use crate::index::{IndexConfig, ScanIndex};
use crate::units::{Millis, Timestamp};

const NOW: i64 = 1_000_000;

fn door() -> Door {
    let clock = Clock::trace();
    clock.observe(Timestamp::from_millis(NOW));
    let map = Arc::new(ScanIndex::new(IndexConfig::default()));
    Door::new(map, Arc::new(clock), Millis::from_secs(60), None, watch::channel(false).1)
}

fn bind(handle: u32, driver_id: &str) -> Kind {
    let driver_id = driver_id.to_owned();
    let binding = HandleBinding { handle, driver_id, profile: None, status: 0 };
    Kind::Bind(BindHandles { bindings: vec![binding] })
}

fn update(handle: u32, lng_e7: i32) -> Kind {
    let device_time_ms = NOW + i64::from(lng_e7);
    Kind::Update(HandleReport { handle, lng_e7, device_time_ms, ..HandleReport::default() })
}

fn batch(sequence: u64, handles: &[u32]) -> Kind {
    Kind::Batch(ReportBatch {
        sequence,
        handle: handles.to_vec(),
        lat_e7: vec![1; handles.len()],
        lng_e7: vec![1; handles.len()],
        base_device_time_ms: NOW + i64::try_from(sequence).unwrap(),
        ..ReportBatch::default()
    })
}

#[test]
fn a_gather_of_all_kinds_is_named_in_its_order() {
    let door = door();
    let mut session = Session::default();
    let kinds = [
        update(0, 1),
        bind(0, "a"),
        update(0, 2),
        update(7, 3),
        batch(10, &[0, 8, 8]),
        update(9, 4),
        batch(11, &[8]),
        Kind::Batch(ReportBatch { handle: vec![0], ..ReportBatch::default() }),
        update(0, 90),
    ];
    let count = kinds.len() as u64;
    for kind in kinds {
        session.take(&door, IngestRequest { kind: Some(kind) });
    }
    session.flush(&door);
    let ack = session.ack().unwrap();
    assert_eq!((ack.messages, ack.received_rows, ack.applied_rows), (count, 10, 3));
    let rejected: u64 = ack.rejected.iter().map(|reject| reject.count).sum();
    assert_eq!(ack.received_rows, ack.applied_rows + rejected);
    let updates: Vec<(u64, u32)> = ack.updates.iter().map(|u| (u.ordinal, u.handle)).collect();
    assert_eq!(updates, [(0, 0), (2, 7), (3, 9)]);
    let batches: Vec<(u64, usize)> =
        ack.batches.iter().map(|batch| (batch.sequence, batch.rows.len())).collect();
    assert_eq!(batches, [(10, 2), (11, 1), (0, 0)]);
    assert_eq!(ack.batches[0].rows[0].reason(), RejectReason::UnknownHandle);
    assert!(session.ack().is_none(), "the last acknowledgement stands");
}

#[test]
fn a_time_beyond_any_calendar_is_in_the_future_and_its_neighbours_move_the_clock() {
    let door = door();
    let mut session = Session::default();
    let later = NOW + 3_600_000;
    let at = |device_time_ms| {
        Kind::Update(HandleReport { handle: 0, device_time_ms, ..HandleReport::default() })
    };
    for kind in [bind(0, "a"), at(i64::MAX), at(later), at(i64::MAX)] {
        session.take(&door, IngestRequest { kind: Some(kind) });
    }
    session.flush(&door);
    let ack = session.ack().unwrap();
    assert_eq!((ack.received_rows, ack.applied_rows), (3, 1));
    assert!(ack.updates.iter().all(|update| update.reason() == RejectReason::InFuture));
    assert_eq!(door.now(), Timestamp::from_millis(later));
}

#[test]
fn an_empty_batch_is_acknowledged() {
    let door = door();
    let mut session = Session::default();
    session.take(&door, IngestRequest { kind: Some(batch(5, &[])) });
    session.take(&door, IngestRequest { kind: None });
    session.flush(&door);
    let ack = session.ack().unwrap();
    assert_eq!((ack.messages, ack.received_rows, ack.last_sequence), (2, 0, 5));
}
