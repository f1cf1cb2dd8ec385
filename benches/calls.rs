//! One unary call over the loopback, from the client's side, beside the least that it can cost.
//!
//! Measured: time a call, one under way and 64 under way, on one connection. Workload: a map of one driver, who
//! reports and is asked for. Notes: the twin is a service of the same methods that answers at once, on the
//! bare transport, without our layers, map, clock and metrics; what is beyond it is ours. On two cores a call
//! alone waits for the other side to be woken up; `taskset -c 0 cargo bench --bench calls` has both sides on
//! one core and tells their work.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hansom::api::proto::driver_service_server::{self, DriverServiceServer};
use hansom::api::proto::proximity_service_server::{self, ProximityServiceServer};
use hansom::api::proto::{self, NearestRequest, Position, PositionReport, ReportRequest};
use hansom::client::{Driver, Proximity, connect, driver_client, proximity_client};
use hansom::clock::{Clock, stopwatch};
use hansom::index::{IndexConfig, LiveIndex};
use hansom::server::{Running, Server, ServerConfig};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many calls are under way.
const UNDER_WAY: [usize; 2] = [1, 64];

/// Device times: one is never told twice.
static TIME_MS: AtomicI64 = AtomicI64::new(1_700_000_000_000);

const PLACE: Position = Position { lat: 52.5, lng: 13.4 };

/// Answers at once.
struct Empty;

type Never<T> = tokio_stream::Pending<Result<T, Status>>;
type Told<T> = Result<Response<T>, Status>;

fn done<T: Default>() -> Response<T> {
    Response::new(T::default())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The twin, on a thread of its own like each worker; it ends with the process.
fn empty_service() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            let incoming =
                tokio_stream::StreamExt::map(TcpListenerStream::new(listener), |socket| {
                    socket.and_then(|socket| socket.set_nodelay(true).map(|()| socket))
                });
            let transport = tonic::transport::Server::builder()
                .add_service(ProximityServiceServer::new(Empty))
                .add_service(DriverServiceServer::new(Empty));
            transport.serve_with_incoming(incoming).await
        })
    });
    address
}

/// Ours, with one worker.
fn ours() -> Running {
    let config = ServerConfig { http: None, threads: 1, ..ServerConfig::default() };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 1));
    Server::start(config, map, Arc::new(Clock::trace())).expect("a server")
}

/// A client's connection and both services on it.
#[derive(Clone)]
struct Caller {
    proximity: Proximity,
    driver: Driver,
}

impl Caller {
    async fn nearest(&mut self) {
        let question = NearestRequest {
            position: Some(PLACE),
            k: 10,
            radius_m: Some(5_000.0),
            ..NearestRequest::default()
        };
        self.proximity.nearest(question).await.expect("an answer");
    }

    async fn report(&mut self) {
        let report = PositionReport {
            position: Some(PLACE),
            device_time_ms: TIME_MS.fetch_add(1, Ordering::Relaxed),
            ..PositionReport::default()
        };
        let request = ReportRequest {
            driver_id: "cab-1".to_owned(),
            report: Some(report),
            ..ReportRequest::default()
        };
        self.driver.report(request).await.expect("an answer");
    }
}

/// So many calls, so many of them under way.
async fn calls(
    caller: &Caller,
    count: u64,
    under_way: usize,
    call: impl AsyncFn(&mut Caller) + Copy + 'static,
) -> Duration {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let began = stopwatch();
            let mut tasks = JoinSet::new();
            for task in 0..under_way as u64 {
                let mut caller = caller.clone();
                let share = (count + task) / under_way as u64;
                tasks.spawn_local(async move {
                    for _ in 0..share {
                        call(&mut caller).await;
                    }
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended.expect("no call panics");
            }
            began.elapsed()
        })
        .await
}

fn bench(c: &mut Criterion) {
    let (running, client) = (ours(), runtime());
    let caller = |address: SocketAddr| {
        let channel = client.block_on(connect(&format!("http://{address}"))).expect("it listens");
        Caller { proximity: proximity_client(channel.clone()), driver: driver_client(channel) }
    };
    let servers =
        [("hansom", caller(running.grpc_addr())), ("empty service", caller(empty_service()))];
    for under_way in UNDER_WAY {
        let mut group = c.benchmark_group(format!("calls, {under_way} under way"));
        for (name, caller) in &servers {
            group.bench_function(BenchmarkId::new("Nearest", name), |b| {
                b.iter_custom(|count| {
                    client.block_on(calls(caller, count, under_way, Caller::nearest))
                });
            });
            group.bench_function(BenchmarkId::new("Report", name), |b| {
                b.iter_custom(|count| {
                    client.block_on(calls(caller, count, under_way, Caller::report))
                });
            });
        }
        group.finish();
    }
    drop(servers);
    running.drain();
}

criterion_group!(benches, bench);
criterion_main!(benches);

#[tonic::async_trait]
impl proximity_service_server::ProximityService for Empty {
    type NearestStreamStream = Never<proto::NearestStreamResponse>;
    type WatchAreaStream = Never<proto::WatchAreaResponse>;

    async fn nearest(&self, _: Request<NearestRequest>) -> Told<proto::NearestResponse> {
        Ok(done())
    }

    async fn nearest_stream(
        &self,
        _: Request<Streaming<proto::NearestStreamRequest>>,
    ) -> Told<Self::NearestStreamStream> {
        pending().await
    }

    async fn within(&self, _: Request<proto::WithinRequest>) -> Told<proto::WithinResponse> {
        Ok(done())
    }

    async fn count(&self, _: Request<proto::CountRequest>) -> Told<proto::CountResponse> {
        Ok(done())
    }

    async fn watch_area(&self, _: Request<proto::WatchAreaRequest>) -> Told<Self::WatchAreaStream> {
        pending().await
    }
}

#[tonic::async_trait]
impl driver_service_server::DriverService for Empty {
    type ConnectStream = Never<proto::ConnectResponse>;
    type IngestStream = Never<proto::IngestResponse>;
    type ConnectFleetStream = Never<proto::ConnectFleetResponse>;

    async fn connect(
        &self,
        _: Request<Streaming<proto::ConnectRequest>>,
    ) -> Told<Self::ConnectStream> {
        pending().await
    }

    async fn ingest(
        &self,
        _: Request<Streaming<proto::IngestRequest>>,
    ) -> Told<Self::IngestStream> {
        pending().await
    }

    async fn connect_fleet(
        &self,
        _: Request<Streaming<proto::ConnectFleetRequest>>,
    ) -> Told<Self::ConnectFleetStream> {
        pending().await
    }

    async fn report(&self, _: Request<ReportRequest>) -> Told<proto::ReportResponse> {
        Ok(done())
    }

    async fn set_status(
        &self,
        _: Request<proto::SetStatusRequest>,
    ) -> Told<proto::SetStatusResponse> {
        Ok(done())
    }

    async fn get_driver(
        &self,
        _: Request<proto::GetDriverRequest>,
    ) -> Told<proto::GetDriverResponse> {
        Ok(done())
    }

    async fn accept_offer(
        &self,
        _: Request<proto::AcceptOfferRequest>,
    ) -> Told<proto::AcceptOfferResponse> {
        Ok(done())
    }

    async fn decline_offer(
        &self,
        _: Request<proto::DeclineOfferRequest>,
    ) -> Told<proto::DeclineOfferResponse> {
        Ok(done())
    }

    async fn arrive(&self, _: Request<proto::ArriveRequest>) -> Told<proto::ArriveResponse> {
        Ok(done())
    }

    async fn start_trip(
        &self,
        _: Request<proto::StartTripRequest>,
    ) -> Told<proto::StartTripResponse> {
        Ok(done())
    }

    async fn complete_trip(
        &self,
        _: Request<proto::CompleteTripRequest>,
    ) -> Told<proto::CompleteTripResponse> {
        Ok(done())
    }

    async fn cancel_as_driver(
        &self,
        _: Request<proto::CancelAsDriverRequest>,
    ) -> Told<proto::CancelAsDriverResponse> {
        Ok(done())
    }
}
