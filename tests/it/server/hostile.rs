//! Clients that do their worst, all at once: what a server process pays for them in memory, and
//! that a good client beside them is served.
//!
//! What is measured is the most that the process ever held (VmHWM), so that no moment is missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::proximity_service_client::ProximityServiceClient;
use hansom::api::proto::{
    IngestRequest, NearestRequest, NearestStreamRequest, ReportRequest, WatchAreaRequest,
    WithinRequest,
};
use hansom::ids::DriverId;
use hansom::index::Hit;
use hansom::limits;
use prost::Message as _;
use tokio::task::JoinSet;
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::proximity::world;
use super::raw::{bomb, call, large, message, narrow};
use super::serve::Served;
use super::support::{Ingest, at, batch, bind, channel, eventually, now_ms, report, soon};

const MIB: usize = 1 << 20;

/// Drivers in the map: nearly a full page of `Within`, and nearly the most that can be watched.
const DRIVERS: u32 = 9_000;

/// Calls whose answer, a full page, is never read.
const UNREAD_PAGES: usize = 64;

/// Watches of which not even the beginning is read.
const UNREAD_WATCHES: usize = 16;

/// Streams of each kind that send without end and read nothing.
const DEAF_STREAMS: usize = 16;

/// Messages of 100 MiB, and bombs that are 256 MiB when unpacked.
const LARGE_MESSAGES: usize = 32;

/// The bytes behind a name like `VmHWM` in the process's status, or `None` after saying so.
pub(super) fn memory(served: &Served, name: &str) -> Option<usize> {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{}/status", served.pid())) else {
        println!("skipped: there is no /proc/PID/status here; memory is not measured");
        return None;
    };
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib: usize = line.unwrap().trim().strip_suffix(" kB").unwrap().parse().unwrap();
    Some(kib << 10)
}

/// Sends messages that are too large, plain and packed, all at once; each is refused.
async fn send_large_messages(served: &Served) {
    let connection = channel(served.grpc).await;
    let mut calls = JoinSet::new();
    let packed = bomb(256 * MIB);
    for i in 0..2 * LARGE_MESSAGES {
        let (body, expected) = if i % 2 == 0 {
            (large(100 * MIB), Code::ResourceExhausted)
        } else {
            (packed.clone(), Code::ResourceExhausted)
        };
        let connection = connection.clone();
        calls.spawn(async move {
            let response = call(connection, "DriverService/Report", body).await;
            (Status::from_header_map(response.headers()).unwrap(), expected)
        });
    }
    while let Some(ended) = calls.join_next().await {
        let (status, expected) = ended.unwrap();
        assert_eq!(status.code(), expected, "{status:?}");
    }
}

/// Asks for pages and reads none; they are held back for as long as the answers are kept.
async fn ask_for_pages(connection: &Channel) -> Vec<hyper::Response<Body>> {
    let question =
        WithinRequest { area: Some(world()), page_size: DRIVERS, ..WithinRequest::default() };
    let mut answers = Vec::new();
    for _ in 0..UNREAD_PAGES {
        let answer = call(connection.clone(), "ProximityService/Within", message(&question)).await;
        assert!(Status::from_header_map(answer.headers()).is_none(), "{:?}", answer.headers());
        answers.push(answer);
    }
    answers
}

/// The same message again and again; counts what is taken of it.
fn without_end<T: Clone + Send + 'static>(
    message: &T,
    taken: &Arc<AtomicUsize>,
) -> impl Stream<Item = T> + Send + 'static {
    let (message, taken) = (message.clone(), Arc::clone(taken));
    tokio_stream::iter(std::iter::repeat_with(move || {
        taken.fetch_add(1, Ordering::Relaxed);
        message.clone()
    }))
}

/// Waits until nothing more is taken from the clients: they are held back.
async fn held_back(taken: &AtomicUsize) {
    let (mut before, mut same) = (0, 0);
    eventually("the clients are held back", || {
        let now = taken.load(Ordering::Relaxed);
        same = if now == before { same + 1 } else { 0 };
        before = now;
        std::future::ready(same > 200)
    })
    .await;
}

/// Streams that send for ever and read nothing, until they are held back.
async fn deafen(served: &Served) -> Vec<Box<dyn Send>> {
    let taken = Arc::new(AtomicUsize::new(0));
    let mut held: Vec<Box<dyn Send>> = Vec::new();
    let mut questions = ProximityServiceClient::new(narrow(served).await);
    let nearest =
        NearestRequest { position: Some(at(1.0, 1.0)), k: 1_000, radius_m: None, filter: None };
    let question = NearestStreamRequest { question: 1, nearest: Some(nearest) };
    let mut gateways = DriverServiceClient::new(narrow(served).await);
    // Each row has no driver, so that each acknowledgement names as many as it may.
    let rows: Vec<_> = (0..1_000).map(|i| (i, 1.0, 1.0)).collect();
    let batch = IngestRequest { kind: Some(batch(1, &rows)) };
    for _ in 0..DEAF_STREAMS {
        let call = questions.nearest_stream(without_end(&question, &taken));
        held.push(Box::new(soon(call).await.unwrap()));
        held.push(Box::new(soon(gateways.ingest(without_end(&batch, &taken))).await.unwrap()));
    }
    // What the streams above have filled is their connection's window, so that no question more
    // gets through.
    let mut watches = ProximityServiceClient::new(narrow(served).await);
    for _ in 0..UNREAD_WATCHES {
        let all = WatchAreaRequest { area: Some(world()), filter: None, interval_ms: Some(100) };
        held.push(Box::new(soon(watches.watch_area(all)).await.unwrap()));
    }
    held_back(&taken).await;
    held
}

/// Reports and asks until told to stop; how often.
async fn behave(connection: Channel, stop: Arc<AtomicBool>) -> u64 {
    let mut driver = DriverServiceClient::new(connection.clone());
    let mut proximity = ProximityServiceClient::new(connection);
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let one = Some(report(2.0, 2.0, now_ms()));
        let request = ReportRequest { driver_id: "good".to_owned(), report: one, profile: None };
        soon(driver.report(request)).await.unwrap();
        let question =
            NearestRequest { position: Some(at(2.0, 2.0)), k: 1, radius_m: None, filter: None };
        let answer = soon(proximity.nearest(question)).await.unwrap().into_inner();
        assert_eq!(answer.hits[0].driver_id, "good");
        rounds += 1;
    }
    rounds
}

/// What the limits let bad clients make the server hold, if a page has so many bytes.
fn bound(page: usize) -> usize {
    // A buffer that has grown may be twice as long as what is in it.
    let pages = UNREAD_PAGES * 2 * page;
    let told = limits::MAX_WATCHED.next_power_of_two() * size_of::<(DriverId, Hit)>();
    let watches = UNREAD_WATCHES * (2 * page + told);
    // One answer that waits and one that is made; a tenth of a page has 1,000 drivers.
    let answers = DEAF_STREAMS * 4 * page / 10;
    // What a stream has read of a message, or of several, and what it names in its answer.
    let sessions = DEAF_STREAMS * MIB;
    let windows = 6 * limits::CONNECTION_WINDOW_BYTES as usize;
    // Each of two threads unpacks one message, or makes one page, at a time; and what the
    // allocator keeps.
    let working = 2 * 4 * limits::MAX_MESSAGE_BYTES + 16 * MIB;
    pages + watches + answers + sessions + windows + working
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_clients_cost_a_bounded_memory_and_a_good_one_is_served() {
    let served = Served::start(&["--threads", "2", "--log-level", "error"]);
    let good = channel(served.grpc).await;
    let mut ingest = Ingest::over(good.clone()).await;
    let handles: Vec<u32> = (0..DRIVERS).collect();
    let rows: Vec<_> = handles.iter().map(|&i| (i, 1.0, f64::from(i) * 0.001)).collect();
    ingest.send(bind(&handles)).await;
    ingest.send(batch(1, &rows)).await;
    assert_eq!(ingest.acked(2).await.applied_rows, u64::from(DRIVERS));
    let all = WithinRequest { area: Some(world()), page_size: DRIVERS, ..WithinRequest::default() };
    let page = soon(ProximityServiceClient::new(good.clone()).within(all)).await.unwrap();
    let page = page.into_inner().encoded_len();
    let Some(before) = memory(&served, "VmRSS") else { return };

    let stop = Arc::new(AtomicBool::new(false));
    let behaving = tokio::spawn(behave(good, Arc::clone(&stop)));
    let connection = narrow(&served).await;
    let pages = ask_for_pages(&connection).await;
    let streams = deafen(&served).await;
    send_large_messages(&served).await;
    stop.store(true, Ordering::Relaxed);
    let rounds = soon(behaving).await.unwrap();

    let most = memory(&served, "VmHWM").unwrap();
    let (cost, bound) = (most - before, bound(page));
    println!("{} KiB of {} KiB, {rounds} rounds, a page has {page} B", cost >> 10, bound >> 10);
    assert!(cost < bound, "{cost} bytes for bad clients, {bound} are allowed");
    assert!(rounds > 10, "the good client was served {rounds} times");
    drop((pages, streams));
}
