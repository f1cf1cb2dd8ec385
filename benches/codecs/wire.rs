//! Measured: a bulk batch of 1,024 columns from bytes to messages, and from bytes to the map. Workload:
//! random drivers of 20,000 move about. Notes: the twin is the same positions as 1,024 single reports,
//! each decoded and converted by itself, as apps send them.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use hansom::api::ingest::Session;
use hansom::api::proto::{
    BindHandles, IngestRequest, Position, PositionReport, ReportBatch, ingest_request::Kind,
};
use hansom::api::{Door, convert};
use hansom::bench::fleet::Fleet;
use hansom::clock::Clock;
use hansom::index::{IndexConfig, LiveIndex};
use hansom::units::{Millis, Timestamp};
use prost::Message as _;
use tokio::sync::watch;

const ROWS: usize = 1_024;
const DRIVERS: u32 = 20_000;

fn message(kind: Kind) -> IngestRequest {
    IngestRequest { kind: Some(kind) }
}

/// A batch's rows as single reports, each in its own bytes.
fn singles(batch: &ReportBatch) -> Vec<Vec<u8>> {
    let places = batch.lat_e7.iter().zip(&batch.lng_e7);
    let report = |(&lat, &lng)| PositionReport {
        position: Some(Position { lat: f64::from(lat) / 1e7, lng: f64::from(lng) / 1e7 }),
        device_time_ms: batch.base_device_time_ms,
        ..PositionReport::default()
    };
    places.map(report).map(|report| report.encode_to_vec()).collect()
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire");
    group.throughput(Throughput::Elements(ROWS as u64));
    let now = Timestamp::from_secs(1_700_000_000);
    let mut fleet = Fleet::new(DRIVERS, 7, now);
    let mut moves = move || {
        fleet.pass(Millis(20));
        fleet.moves(ROWS)
    };
    group.bench_function("columns, to messages", |b| {
        b.iter_batched(
            || message(Kind::Batch(moves())).encode_to_vec(),
            |bytes| IngestRequest::decode(bytes.as_slice()).expect("just encoded"),
            BatchSize::NumIterations(16),
        );
    });
    let (map, clock) = (LiveIndex::new(IndexConfig::default(), 1), Clock::trace());
    clock.observe(now);
    let (map, drain) = (Arc::new(map), watch::channel(false).1);
    let door = Door::new(map, Arc::new(clock), Millis::from_secs(60), None, drain);
    let mut session = Session::default();
    let bindings = (0..DRIVERS).map(Fleet::binding).collect();
    session.take(&door, message(Kind::Bind(BindHandles { bindings })));
    group.bench_function("columns, to the map", |b| {
        b.iter_batched(
            || message(Kind::Batch(moves())).encode_to_vec(),
            |bytes| {
                let message = IngestRequest::decode(bytes.as_slice()).expect("just encoded");
                session.take(&door, message);
                session.flush(&door);
                session.ack()
            },
            BatchSize::NumIterations(16),
        );
    });
    group.bench_function("single reports, to values", |b| {
        b.iter_batched(
            || singles(&moves()),
            |all| {
                for bytes in &all {
                    let report = PositionReport::decode(bytes.as_slice()).expect("just encoded");
                    convert::report("report", &report).expect("in range");
                }
            },
            BatchSize::NumIterations(16),
        );
    });
    group.finish();
}
