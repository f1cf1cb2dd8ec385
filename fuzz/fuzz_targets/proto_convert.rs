//! Any bytes as each request: decoding and conversion refuse or accept, and never panic; what a
//! bulk stream counts adds up.

#![no_main]

use std::sync::Arc;

use hansom::api::proto::{
    Area, ConnectRequest, Filter, IngestRequest, NearestRequest, PositionReport, Profile,
    WithinRequest,
};
use hansom::api::{Door, connect, convert, ingest};
use hansom::clock::Clock;
use hansom::index::{IndexConfig, ScanIndex};
use hansom::units::Millis;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fn door() -> Door {
    let (_, drain) = tokio::sync::watch::channel(false);
    let map = Arc::new(ScanIndex::new(IndexConfig { max_drivers: 64, ..IndexConfig::default() }));
    Door::new(map, Arc::new(Clock::Wall), Millis::from_secs(60), None, drain)
}

fuzz_target!(|bytes: &[u8]| {
    let stale = Millis::from_secs(60);
    if let Ok(message) = NearestRequest::decode(bytes) {
        let _ = convert::nearest(&message, stale);
    }
    if let Ok(message) = Area::decode(bytes) {
        let _ = convert::area(Some(&message));
    }
    if let Ok(message) = Filter::decode(bytes) {
        let _ = convert::filter(Some(&message), stale);
    }
    if let Ok(message) = WithinRequest::decode(bytes) {
        let _ = convert::page(&message);
    }
    if let Ok(message) = Profile::decode(bytes) {
        let _ = convert::profile(&message);
    }
    if let Ok(message) = PositionReport::decode(bytes) {
        let _ = convert::report("", &message);
    }
    if let Ok(message) = ConnectRequest::decode(bytes) {
        let door = door();
        if let Ok(mut session) = connect::Session::open(&door, &message) {
            let _ = session.take(&door, &message);
            session.flush(&door);
        }
    }
    // As a stream: each message after a byte that tells its length.
    let door = door();
    let mut session = ingest::Session::default();
    let mut rest = bytes;
    while let Some((&length, tail)) = rest.split_first() {
        let (message, tail) = tail.split_at(tail.len().min(length.into()));
        if let Ok(message) = IngestRequest::decode(message) {
            session.take(&door, message);
        }
        rest = tail;
    }
    session.flush(&door);
    if let Some(ack) = session.ack() {
        let rejected: u64 = ack.rejected.iter().map(|reject| reject.count).sum();
        assert_eq!(ack.received_rows, ack.applied_rows + rejected);
    }
});
