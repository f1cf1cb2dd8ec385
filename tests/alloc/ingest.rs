//! The bulk path: messages to a session, from there to the index, and back an acknowledgement.
//!
//! The messages are made beforehand: what decoding them costs is the protocol library's.

use std::sync::Arc;

use hansom::api::Door;
use hansom::api::ingest::Session;
use hansom::api::proto::ingest_request::Kind;
use hansom::api::proto::{
    BindHandles, DriverStatus, HandleBinding, HandleReport, IngestRequest, ReportBatch,
};
use hansom::clock::Clock;
use hansom::units::Millis;
use tokio::sync::watch;

use super::counter::allocations;
use super::fleet::{BATCH, BATCHES, DRIVERS, Fleet, Move, Reach, id};

/// Of the moves of a batch so many come one by one.
const SINGLE: usize = 24;

fn status(one: &Move) -> i32 {
    if one.driver.is_multiple_of(10) { DriverStatus::OnTrip.into() } else { 0 }
}

fn columns(sequence: usize, moves: &[Move]) -> Kind {
    let base = moves[0].at;
    let delta = |one: &Move| i32::try_from(one.at.since(base).get()).unwrap();
    Kind::Batch(ReportBatch {
        sequence: sequence as u64,
        handle: moves.iter().map(|one| one.driver).collect(),
        lat_e7: moves.iter().map(|one| one.position.lat_e7()).collect(),
        lng_e7: moves.iter().map(|one| one.position.lng_e7()).collect(),
        base_device_time_ms: base.as_millis(),
        device_time_delta_ms: moves.iter().map(delta).collect(),
        heading_cdeg: vec![100; moves.len()],
        speed_cm_s: vec![900; moves.len()],
        accuracy_dm: vec![80; moves.len()],
        status: moves.iter().map(status).collect(),
    })
}

fn single(one: &Move) -> Kind {
    Kind::Update(HandleReport {
        handle: one.driver,
        lat_e7: one.position.lat_e7(),
        lng_e7: one.position.lng_e7(),
        device_time_ms: one.at.as_millis(),
        heading_cdeg: Some(100),
        speed_cm_s: None,
        accuracy_dm: Some(80),
        status: status(one),
    })
}

/// What comes together: two batches, and some moves one by one.
fn messages(fleet: &mut Fleet, round: usize) -> Vec<IngestRequest> {
    let moves = fleet.moves();
    let (alone, together) = moves.split_at(SINGLE);
    let half = together.len() / 2;
    let mut kinds: Vec<Kind> = alone.iter().map(single).collect();
    kinds.push(columns(2 * round, &together[..half]));
    kinds.push(columns(2 * round + 1, &together[half..]));
    kinds.into_iter().map(|kind| IngestRequest { kind: Some(kind) }).collect()
}

#[test]
fn a_bulk_update_allocates_nothing() {
    let mut fleet = Fleet::warm();
    let map = Arc::clone(&fleet.index);
    let clock = Clock::trace();
    clock.observe(fleet.now);
    let (_drain, draining) = watch::channel(false);
    let door = Door::new(map, Arc::new(clock), Millis::from_secs(30), None, draining);
    let mut session = Session::default();
    let binding =
        |handle| HandleBinding { handle, driver_id: id(handle), profile: None, status: 0 };
    let bind = Kind::Bind(BindHandles { bindings: (0..DRIVERS).map(binding).collect() });
    session.take(&door, IngestRequest { kind: Some(bind) });
    let mut reach = Reach::default();
    let mut last = None;
    for round in 0..=BATCHES {
        let messages = messages(&mut fleet, round);
        let asked = allocations(|| {
            for message in messages {
                session.take(&door, message);
            }
            session.flush(&door);
            last = session.ack();
        });
        assert!(asked == 0 || round == 0, "round {round} asked for memory {asked} times");
        reach.look(&fleet);
    }
    let ack = last.unwrap();
    let rows = ((BATCHES + 1) * BATCH) as u64;
    assert_eq!((ack.received_rows, ack.applied_rows), (rows, rows), "{:?}", ack.rejected);
    assert_eq!(ack.bound_handles, u64::from(DRIVERS));
    reach.enough(&fleet);
}
