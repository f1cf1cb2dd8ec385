//! Clients that make a server hold what they never finish or never read, and what its process
//! pays for them in memory: as much as a connection may have, however many calls there are.
//!
//! What is measured is the most that the process ever held (VmHWM), so that no moment is missed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::proximity_service_client::ProximityServiceClient;
use hansom::api::proto::{CountRequest, IngestRequest, WithinRequest};
use hansom::index::IndexConfig;
use hansom::limits;
use hyper::body::Bytes;
use prost::Message as _;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::hostile::memory;
use super::proximity::world;
use super::serve::Served;
use super::support::{Fixture, PATIENCE, batch, bind, channel, http_get, soon};
use super::waiting::{Request, call, calls, framed, next, read, request};

const MIB: usize = 1 << 20;

/// Drivers in the map: a full page of `Within`.
const DRIVERS: u32 = 10_000;

/// So many calls each kind of client makes: several times what a connection may hold.
const CALLS: usize = 200;

/// A call that announces the largest message, sends all of it but the last byte, and waits.
fn half_a_request() -> Request {
    let length = u32::try_from(limits::MAX_MESSAGE_BYTES).unwrap();
    let part = Bytes::from(vec![0; 64 << 10]);
    let most = std::iter::repeat_n(part.clone(), limits::MAX_MESSAGE_BYTES / part.len() - 1);
    let head = Bytes::from([&[0], &length.to_be_bytes()[..]].concat());
    request("DriverService/Report", [head].into_iter().chain(most).chain([part.slice(1..)]), false)
}

fn full_page() -> Request {
    let page = WithinRequest { area: Some(world()), page_size: DRIVERS, ..Default::default() };
    request("ProximityService/Within", [framed(false, &page.encode_to_vec())], true)
}

async fn populate(served: &Served) {
    let handles: Vec<u32> = (0..DRIVERS).collect();
    let rows: Vec<_> = handles.iter().map(|&i| (i, 10.0, f64::from(i) * 1e-4)).collect();
    let messages = [bind(&handles), batch(1, &rows)];
    let messages = messages.map(|kind| IngestRequest { kind: Some(kind) });
    let mut client = DriverServiceClient::new(channel(served.grpc).await);
    let mut acks = soon(client.ingest(tokio_stream::iter(messages))).await.unwrap().into_inner();
    while soon(acks.message()).await.unwrap().is_some() {}
}

/// A client that behaves is served, on a connection of its own.
async fn a_good_client_is_served(served: &Served) {
    let mut client = ProximityServiceClient::new(channel(served.grpc).await);
    let request = CountRequest { area: Some(world()), filter: None };
    let count = soon(client.count(request)).await.unwrap().into_inner().count;
    assert_eq!(count, u64::from(DRIVERS));
    let request = WithinRequest { area: Some(world()), page_size: DRIVERS, ..Default::default() };
    let page = soon(client.within(request)).await.unwrap().into_inner();
    assert_eq!(page.hits.len(), DRIVERS as usize);
    let (head, _) = http_get(served.http, "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

/// What the clients of the test below may make the server hold, by its limits.
fn allowed() -> usize {
    // One connection fills what requests may occupy, one what answers may.
    let purses = limits::MAX_REQUEST_BYTES_PER_CONNECTION + limits::MAX_ANSWER_BYTES_PER_CONNECTION;
    // Beside it each call has what is not counted: a decoder's buffer, two slices under way.
    let calls = 2 * CALLS * (limits::FREE_REQUEST_BYTES + 2 * limits::ANSWER_SLICE_BYTES);
    // What has come and is not decoded yet.
    let windows = 2 * limits::CONNECTION_WINDOW_BYTES as usize;
    // A page while it is put together on either thread, as values and as bytes; heads of requests.
    let work = 2 * 4 * MIB + CALLS * 4 * limits::MAX_HEADER_BYTES as usize;
    // Buffers grow by doubling: up to half of what is held may be spare.
    purses + calls + windows + work + limits::MAX_ANSWER_BYTES_PER_CONNECTION
}

#[tokio::test]
async fn memory_is_bounded_whatever_is_not_finished_and_not_read() {
    let served = Served::start(&["--threads", "2"]);
    populate(&served).await;
    a_good_client_is_served(&served).await;
    let before = memory(&served, "VmRSS");
    // Connections that say nothing, or a part of what HTTP/2 begins with.
    let silent: Vec<TcpStream> = (0..CALLS)
        .map(|i| {
            let mut socket = TcpStream::connect(served.grpc).unwrap();
            socket.write_all(&b"PRI * HTTP/2.0"[..i % 15]).unwrap();
            socket
        })
        .collect();
    // Half requests: as many wait as there is room for, the others are refused.
    let busy = channel(served.grpc).await;
    let mut waiting = calls(&busy, CALLS, half_a_request);
    let room = limits::MAX_REQUEST_BYTES_PER_CONNECTION / limits::MAX_MESSAGE_BYTES + 1;
    for i in room..CALLS {
        let answer = next(&mut waiting).await;
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted, "{i}: {status:?}");
        assert!(status.message().starts_with("max_request_bytes: "), "{status:?}");
        assert!(status.get_error_details().retry_info().is_some());
    }
    a_good_client_is_served(&served).await;
    // Heads that are larger than they may be.
    let large_head = || {
        let mut request = request("DriverService/Report", [], true);
        request.headers_mut().insert("x-large", "x".repeat(60 << 10).parse().unwrap());
        request
    };
    let other = channel(served.grpc).await;
    let mut heads = calls(&other, CALLS, large_head);
    for _ in 0..CALLS {
        assert_eq!(next(&mut heads).await.status(), 431);
    }
    // Pages that nobody reads, on a connection whose client takes no more than a little.
    let endpoint = Endpoint::from_shared(format!("http://{}", served.grpc)).unwrap();
    let lazy = soon(endpoint.initial_stream_window_size(Some(1_024)).connect()).await.unwrap();
    let mut asked = calls(&lazy, CALLS, full_page);
    let mut unread = Vec::new();
    for _ in 0..CALLS {
        unread.push(next(&mut asked).await);
    }
    a_good_client_is_served(&served).await;
    if let Some((before, most)) = before.zip(memory(&served, "VmHWM")) {
        let (more, allowed) = ((most - before) / MIB, allowed() / MIB);
        println!("{} MiB before, {more} MiB more at most, {allowed} MiB allowed", before / MIB);
        assert!(more < allowed, "{more} MiB more, {allowed} MiB are allowed");
    }
    // Now they are read after all: each is a page, or says why it is none.
    let (mut pages, mut refusals) = (0, 0);
    for answer in unread {
        match read(answer).await {
            Ok(page) => {
                assert_eq!(page.hits.len(), DRIVERS as usize);
                pages += 1;
            }
            Err(status) => {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                assert!(status.message().starts_with("max_answer_bytes: "), "{status:?}");
                refusals += 1;
            }
        }
    }
    assert!(pages > 10 && refusals > 10, "{pages} pages, {refusals} refusals");
    // And there is room again.
    let answer = soon(call(lazy, full_page())).await.unwrap();
    assert_eq!(read(answer).await.unwrap().hits.len(), DRIVERS as usize);
    drop((waiting, silent));
}

#[tokio::test]
async fn what_unpacks_to_a_hundred_megabytes_is_refused_before_it_does() {
    let served = Served::start(&["--threads", "2"]);
    let connection = channel(served.grpc).await;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..100 {
        packed.write_all(&vec![0; MIB]).unwrap();
    }
    let bomb = framed(true, &packed.finish().unwrap());
    assert!(bomb.len() < 128 << 10, "{} bytes", bomb.len());
    let before = memory(&served, "VmRSS");
    for method in ["DriverService/Report", "ProximityService/Count"].repeat(10) {
        let mut request = request(method, [bomb.clone()], true);
        request.headers_mut().insert("grpc-encoding", "gzip".parse().unwrap());
        let answer = soon(call(connection.clone(), request)).await.unwrap();
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(status.message().starts_with("max_message_bytes: "), "{status:?}");
    }
    // What may be unpacked, in a buffer that has doubled, beside the one it was copied from; and
    // as much again that the allocator has not given back. A third of what one bomb unpacks to.
    let allowed = 2 * (1 + 2 + 1) * limits::MAX_MESSAGE_BYTES;
    if let Some((before, most)) = before.zip(memory(&served, "VmHWM")) {
        let (more, allowed) = ((most - before) / MIB, allowed / MIB);
        println!("{more} MiB more at most, {allowed} MiB allowed");
        assert!(more < allowed, "{more} MiB more, {allowed} MiB are allowed");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_say_what_it_speaks_is_closed() {
    let fixture = Fixture::with(IndexConfig::default(), |config| {
        config.greeting = Duration::from_millis(30);
    })
    .await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        let mut socket = TcpStream::connect(fixture.running.grpc_addr()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(beginning.as_bytes()).unwrap();
        let closed = tokio::task::spawn_blocking(move || socket.read(&mut [0; 64]));
        // In time: neither a byte, nor silence until the patience ends.
        match closed.await.unwrap() {
            Ok(read) => assert_eq!(read, 0, "{beginning:?}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    // Who has greeted may be silent for as long as it likes.
    let request = CountRequest { area: Some(world()), filter: None };
    soon(fixture.proximity().count(request)).await.unwrap();
}
