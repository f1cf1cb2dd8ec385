//! The gateway's stream.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use hansom::api::proto::ingest_request::Kind;
use hansom::api::proto::{
    BindRejectReason, CountRequest, DriverStatus, GetDriverRequest, HandleReport, IngestRequest,
    RejectReason,
};
use hansom::index::IndexConfig;
use hansom::limits;
use prost::Message as _;

use super::proximity::world;
use super::support::{
    Fixture, Ingest, PATIENCE, batch, bind, bind_named, columns, eventually, now_ms, soon,
};

#[tokio::test]
async fn bad_rows_are_named_and_good_rows_beside_them_are_applied() {
    let fixture = Fixture::start().await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0, 1, 2])).await;
    let mut rows = columns(
        7,
        &[
            (0, 1.0, 1.0),
            (9, 1.0, 1.0),
            (1, 91.0, 1.0),
            (2, 1.0, 2.0),
            (0, 1.0, 1.0),
            (1, 1.0, 1.0),
            (1, 1.0, 1.0),
            (1, 1.0, 1.001),
        ],
    );
    let hour = 3_600_000;
    rows.device_time_delta_ms = vec![0, 0, 0, 0, -1, hour, -hour, 5];
    rows.heading_cdeg = vec![0, 0, 0, 36_000, 0, 0, 0, 65_535];
    rows.status = vec![DriverStatus::OnTrip.into(); 8];
    ingest.send(Kind::Batch(rows)).await;
    let ack = ingest.acked(2).await;
    assert_eq!((ack.received_rows, ack.applied_rows, ack.last_sequence), (8, 2, 7));
    assert_eq!(ack.bound_handles, 3);
    let named: Vec<(u32, RejectReason)> =
        ack.batches[0].rows.iter().map(|row| (row.row, row.reason())).collect();
    assert_eq!(ack.batches[0].sequence, 7);
    assert_eq!(
        named,
        [
            (1, RejectReason::UnknownHandle),
            (2, RejectReason::BadPosition),
            (3, RejectReason::BadValue),
            (4, RejectReason::OutOfOrder),
            (5, RejectReason::InFuture),
            (6, RejectReason::TooOld),
        ]
    );
    let request = GetDriverRequest { driver_id: "d1".to_owned() };
    let driver = fixture.driver().get_driver(request).await.unwrap().into_inner();
    assert_eq!(driver.position.map(|p| p.lng), Some(1.001));
    assert_eq!(driver.status(), DriverStatus::OnTrip);
}

#[tokio::test]
async fn a_batch_whose_columns_disagree_is_refused_whole_and_the_stream_goes_on() {
    let fixture = Fixture::start().await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0, 1])).await;
    let mut short = columns(1, &[(0, 1.0, 1.0), (1, 1.0, 1.0)]);
    short.lat_e7.pop();
    ingest.send(Kind::Batch(short)).await;
    let mut odd = columns(2, &[(0, 1.0, 1.0), (1, 1.0, 1.0)]);
    odd.speed_cm_s = vec![1];
    ingest.send(Kind::Batch(odd)).await;
    ingest.send(batch(3, &[(0, 1.0, 1.0), (1, 1.0, 1.0)])).await;
    let ack = ingest.acked(4).await;
    assert_eq!((ack.received_rows, ack.applied_rows), (6, 2));
    let errors: Vec<(u64, &str)> =
        ack.batches.iter().map(|b| (b.sequence, b.error.as_str())).collect();
    assert_eq!(
        errors,
        [(1, "lat_e7 has 1 rows, handle has 2"), (2, "speed_cm_s has 1 rows, handle has 2")]
    );
    assert_eq!(ack.rejected[0].reason(), RejectReason::MalformedBatch);
    assert_eq!(ack.rejected[0].count, 4);
}

#[tokio::test]
async fn bindings_that_cannot_be_are_refused_one_by_one() {
    let fixture = Fixture::start().await;
    let mut ingest = Ingest::open(&fixture).await;
    let named = [
        (0, "a".to_owned()),
        (0, "b".to_owned()),
        (0, "a".to_owned()),
        (1, String::new()),
        (2, "x".repeat(65)),
        (limits::HANDLE_SLACK + 1, "far".to_owned()),
        (u32::MAX, "farther".to_owned()),
        (3, "c".to_owned()),
    ];
    ingest.send(bind_named(named)).await;
    ingest.send(batch(1, &[(0, 1.0, 1.0), (3, 1.0, 1.0), (1, 1.0, 1.0)])).await;
    let ack = ingest.acked(2).await;
    assert_eq!((ack.bound_handles, ack.applied_rows), (2, 2));
    let reasons: Vec<(u32, BindRejectReason, &str)> =
        ack.bindings.iter().map(|b| (b.handle, b.reason(), b.detail.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (0, BindRejectReason::HandleTaken, "handle 0 is bound to driver \"a\""),
            (1, BindRejectReason::BadDriverId, "driver_id: id is empty; 1 to 64 bytes are allowed"),
            (
                2,
                BindRejectReason::BadDriverId,
                "driver_id: id has 65 bytes; 1 to 64 bytes are allowed"
            ),
            (65_537, BindRejectReason::BadHandle, "handle 65537 is not in 0..65537"),
            (u32::MAX, BindRejectReason::BadHandle, "handle 4294967295 is not in 0..65537"),
        ]
    );
}

#[tokio::test]
async fn a_full_map_refuses_the_next_driver_and_keeps_the_others() {
    let index = IndexConfig { max_drivers: 2, ..IndexConfig::default() };
    let fixture = Fixture::with(index, |_| {}).await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0, 1, 2])).await;
    ingest.send(batch(1, &[(0, 1.0, 1.0), (1, 1.0, 1.0), (2, 1.0, 1.0)])).await;
    let ack = ingest.acked(2).await;
    assert_eq!(ack.applied_rows, 2);
    assert_eq!(ack.bindings[0].reason(), BindRejectReason::MapFull);
    assert!(ack.bindings[0].detail.contains("2 drivers are known"), "{:?}", ack.bindings);
}

#[tokio::test]
async fn a_driver_that_was_forgotten_is_made_known_again() {
    let fixture = Fixture::start().await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0, 1])).await;
    let mut first = columns(1, &[(0, 1.0, 1.0), (1, 1.0, 1.0)]);
    first.status = vec![DriverStatus::Waiting.into(), 0];
    ingest.send(Kind::Batch(first)).await;
    ingest.acked(2).await;
    let map = &fixture.running.door().map;
    assert!(map.forget(map.find(&"d0".parse().unwrap()).unwrap()));
    let rows = [(0, 2.0, 2.0), (1, 2.0, 2.0), (0, 2.0, 2.0001)];
    let mut second = columns(2, &rows);
    second.device_time_delta_ms = vec![1, 1, 2];
    ingest.send(Kind::Batch(second)).await;
    let ack = ingest.acked(3).await;
    assert_eq!((ack.applied_rows, ack.rejected.len()), (5, 0));
    let request = GetDriverRequest { driver_id: "d0".to_owned() };
    let driver = fixture.driver().get_driver(request).await.unwrap().into_inner();
    assert_eq!(driver.position.map(|p| p.lng), Some(2.0001));
    assert_eq!(driver.status(), DriverStatus::Waiting);
}

fn single(handle: u32, lng_e7: i32, device_time_ms: i64) -> Kind {
    Kind::Update(HandleReport { handle, lng_e7, device_time_ms, ..HandleReport::default() })
}

#[tokio::test]
async fn single_updates_are_gathered_and_their_rejections_numbered() {
    let fixture = Fixture::start().await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(bind(&[0])).await;
    let now = now_ms();
    let updates = 2_000;
    for i in 0..updates {
        let (handle, time) = if i == 1_234 { (5, now) } else { (0, now + i64::from(i)) };
        ingest.send(single(handle, i, time)).await;
    }
    let ack = ingest.acked(1 + 2_000).await;
    assert_eq!((ack.received_rows, ack.applied_rows), (2_000, 1_999));
    let named: Vec<(u64, u32, RejectReason)> =
        ack.updates.iter().map(|u| (u.ordinal, u.handle, u.reason())).collect();
    assert_eq!(named, [(1_234, 5, RejectReason::UnknownHandle)]);
}

#[tokio::test]
async fn rejections_beyond_what_is_named_are_counted() {
    let fixture = Fixture::start().await;
    let mut ingest = Ingest::open(&fixture).await;
    ingest.send(batch(1, &vec![(0, 1.0, 1.0); 5_000])).await;
    let ack = ingest.acked(1).await;
    assert_eq!(ack.batches[0].rows.len(), limits::MAX_NAMED_REJECTIONS);
    assert_eq!(ack.rejections_omitted, 5_000 - limits::MAX_NAMED_REJECTIONS as u64);
    assert_eq!(ack.rejected[0].count, 5_000);
}

/// A gRPC frame.
fn frame(kind: Kind) -> Vec<u8> {
    let body = IngestRequest { kind: Some(kind) }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&body);
    frame
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_of_a_message_keeps_what_came_before() {
    let fixture = Fixture::start().await;
    // By gRPC-Web, so that the test decides where in a message the bytes end.
    let mut bytes = frame(bind(&[0]));
    bytes.extend(frame(batch(1, &[(0, 3.0, 4.0)])));
    let next = frame(batch(2, &[(0, 5.0, 6.0)]));
    bytes.extend(&next[..next.len() / 2]);
    let head = format!(
        "POST /hansom.v1.DriverService/Ingest HTTP/1.1\r\nHost: x\r\n\
         Content-Type: application/grpc-web+proto\r\nContent-Length: {}\r\n\r\n",
        bytes.len() + 100
    );
    let mut socket = TcpStream::connect(fixture.running.grpc_addr()).unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&bytes).unwrap();
    socket.shutdown(std::net::Shutdown::Both).unwrap();
    drop(socket);
    let client = fixture.driver();
    eventually("the first batch is applied", || {
        let mut client = client.clone();
        async move {
            let request = GetDriverRequest { driver_id: "d0".to_owned() };
            let driver = client.get_driver(request).await;
            driver
                .is_ok_and(|d| d.into_inner().position.is_some_and(|p| (p.lat - 3.0).abs() < 1e-9))
        }
    })
    .await;
    eventually("the stream is gone", || async {
        let metrics = fixture.running.door().metrics.render();
        metrics.contains("hansom_streams 0\n")
    })
    .await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_held_back_and_nobody_else() {
    let fixture = Fixture::start().await;
    let mut ingest = Ingest::open(&fixture).await;
    // Each batch has unknown handles only, so that acknowledgements are long.
    let rows = vec![(0, 1.0, 1.0); 4_096];
    let message = IngestRequest { kind: Some(batch(1, &rows)) };
    let size = message.encoded_len();
    let mut sent = 0_usize;
    let held_back = loop {
        let sending = ingest.sender.send(message.clone());
        match tokio::time::timeout(Duration::from_secs(1), sending).await {
            Ok(result) => result.unwrap(),
            Err(_) => break true,
        }
        sent += 1;
        if sent * size > 256 << 20 {
            break false;
        }
    };
    assert!(held_back, "{} MiB were taken from a client that does not read", (sent * size) >> 20);
    let taken = sent * size;
    let bound = 3 * limits::CONNECTION_WINDOW_BYTES as usize;
    assert!(taken < bound, "{taken} bytes are under way, more than {bound}");
    // Another client does not notice.
    let count = CountRequest { area: Some(world()), filter: None };
    soon(fixture.proximity().count(count)).await.unwrap();
    // Once it reads, all is acknowledged and nothing is lost.
    let ack = ingest.acked(sent as u64).await;
    assert_eq!(ack.received_rows, (sent * rows.len()) as u64);
    drop(ingest.sender);
    let end = tokio::time::timeout(PATIENCE, ingest.responses.message()).await.unwrap();
    assert!(end.unwrap().is_none());
}
