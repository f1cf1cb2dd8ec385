//! A server in the process, clients for it, and what the tests say again and again.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use hansom::api::proto::driver_service_client::DriverServiceClient;
use hansom::api::proto::proximity_service_client::ProximityServiceClient;
use hansom::api::proto::{BindHandles, HandleBinding};
use hansom::api::proto::{
    ConnectRequest, ConnectResponse, DriverStatus, Hello, IngestRequest, IngestResponse, Position,
    PositionReport, ReportBatch, connect_request, ingest_request,
};
use hansom::clock::{Clock, wall_now};
use hansom::index::{IndexConfig, LiveIndex};
use hansom::server::{Running, Server, ServerConfig};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

/// Far longer than anything here takes: what is later has hung.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The result of `work`, which must not hang.
pub(super) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it hangs")
}

/// Asks again until the answer is yes.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let ask = async {
        let mut pace = tokio::time::interval(Duration::from_millis(2));
        while !holds().await {
            pace.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, ask).await.is_ok(), "never: {what}");
}

pub(super) struct Fixture {
    pub(super) running: Running,
    channel: Channel,
}

impl Fixture {
    pub(super) async fn start() -> Self {
        Self::with(IndexConfig::default(), |_| {}).await
    }

    pub(super) async fn with(index: IndexConfig, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig { threads: 2, ..ServerConfig::default() };
        change(&mut config);
        let map = Arc::new(LiveIndex::new(index, 7));
        let running = Server::start(config, map, Arc::new(Clock::Wall)).unwrap();
        let channel = channel(running.grpc_addr()).await;
        Self { running, channel }
    }

    pub(super) fn driver(&self) -> DriverServiceClient<Channel> {
        DriverServiceClient::new(self.channel.clone())
    }

    pub(super) fn proximity(&self) -> ProximityServiceClient<Channel> {
        ProximityServiceClient::new(self.channel.clone())
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(super) fn http(&self) -> SocketAddr {
        self.running.http_addr().unwrap()
    }

    /// Drivers `d0`, `d1`, … in a row to the east, 0.001° apart, from `lat`,0.
    pub(super) async fn with_row_of_drivers(count: u32, lat: f64) -> Self {
        let fixture = Self::start().await;
        let mut ingest = Ingest::open(&fixture).await;
        let handles: Vec<u32> = (0..count).collect();
        let rows: Vec<(u32, f64, f64)> =
            handles.iter().map(|&i| (i, lat, f64::from(i) * 0.001)).collect();
        ingest.send(bind(&handles)).await;
        ingest.send(batch(1, &rows)).await;
        let ack = ingest.acked(2).await;
        assert_eq!(ack.applied_rows, u64::from(count));
        fixture
    }
}

pub(super) async fn channel(address: SocketAddr) -> Channel {
    soon(Endpoint::from_shared(format!("http://{address}")).unwrap().connect()).await.unwrap()
}

pub(super) fn now_ms() -> i64 {
    wall_now().as_millis()
}

pub(super) fn at(lat: f64, lng: f64) -> Position {
    Position { lat, lng }
}

pub(super) fn report(lat: f64, lng: f64, device_time_ms: i64) -> PositionReport {
    PositionReport { position: Some(at(lat, lng)), device_time_ms, motion: None, status: 0 }
}

/// An `Ingest` as a gateway holds it.
pub(super) struct Ingest {
    pub(super) sender: mpsc::Sender<IngestRequest>,
    pub(super) responses: Streaming<IngestResponse>,
}

impl Ingest {
    pub(super) async fn open(fixture: &Fixture) -> Self {
        Self::over(fixture.channel()).await
    }

    pub(super) async fn over(channel: Channel) -> Self {
        let (sender, receiver) = mpsc::channel(4);
        let mut client = DriverServiceClient::new(channel);
        let call = client.ingest(ReceiverStream::new(receiver)).await;
        Self { sender, responses: call.unwrap().into_inner() }
    }

    pub(super) async fn send(&self, kind: ingest_request::Kind) {
        soon(self.sender.send(IngestRequest { kind: Some(kind) })).await.unwrap();
    }

    /// The acknowledgement of the first `messages`, with what those before it named.
    pub(super) async fn acked(&mut self, messages: u64) -> IngestResponse {
        let mut named = IngestResponse::default();
        loop {
            let mut ack = soon(self.responses.message()).await.unwrap().expect("an ack");
            named.batches.append(&mut ack.batches);
            named.updates.append(&mut ack.updates);
            named.bindings.append(&mut ack.bindings);
            named.rejections_omitted += ack.rejections_omitted;
            if ack.messages >= messages {
                assert_eq!(ack.messages, messages);
                let rejected: u64 = ack.rejected.iter().map(|r| r.count).sum();
                assert_eq!(ack.received_rows, ack.applied_rows + rejected, "counts add up");
                let rejections_omitted = named.rejections_omitted;
                let IngestResponse { batches, updates, bindings, .. } = named;
                return IngestResponse { batches, updates, bindings, rejections_omitted, ..ack };
            }
        }
    }
}

/// Binds each handle `i` to the driver `d{i}`.
pub(super) fn bind(handles: &[u32]) -> ingest_request::Kind {
    bind_named(handles.iter().map(|&handle| (handle, format!("d{handle}"))))
}

pub(super) fn bind_named(named: impl IntoIterator<Item = (u32, String)>) -> ingest_request::Kind {
    let bindings = named
        .into_iter()
        .map(|(handle, driver_id)| HandleBinding { handle, driver_id, profile: None, status: 0 })
        .collect();
    ingest_request::Kind::Bind(BindHandles { bindings })
}

/// Rows of handle, latitude and longitude, all at the present.
pub(super) fn batch(sequence: u64, rows: &[(u32, f64, f64)]) -> ingest_request::Kind {
    ingest_request::Kind::Batch(columns(sequence, rows))
}

pub(super) fn columns(sequence: u64, rows: &[(u32, f64, f64)]) -> ReportBatch {
    #[expect(clippy::cast_possible_truncation, reason = "in range by the tests' choice")]
    let e7 = |degrees: f64| (degrees * 1e7).round() as i32;
    ReportBatch {
        sequence,
        handle: rows.iter().map(|row| row.0).collect(),
        lat_e7: rows.iter().map(|row| e7(row.1)).collect(),
        lng_e7: rows.iter().map(|row| e7(row.2)).collect(),
        base_device_time_ms: now_ms(),
        ..ReportBatch::default()
    }
}

/// A `Connect` as an app holds it.
pub(super) struct Connect {
    pub(super) sender: mpsc::Sender<ConnectRequest>,
    pub(super) responses: Streaming<ConnectResponse>,
}

impl Connect {
    pub(super) async fn open(fixture: &Fixture, hello: Hello) -> Self {
        let (sender, receiver) = mpsc::channel(4);
        let call = fixture.driver().connect(ReceiverStream::new(receiver)).await;
        let connect = Self { sender, responses: call.unwrap().into_inner() };
        connect.send(connect_request::Kind::Hello(hello)).await;
        connect
    }

    pub(super) async fn send(&self, kind: connect_request::Kind) {
        soon(self.sender.send(ConnectRequest { kind: Some(kind) })).await.unwrap();
    }
}

pub(super) fn hello(driver_id: &str) -> Hello {
    Hello {
        driver_id: driver_id.to_owned(),
        profile: None,
        status: DriverStatus::Available.into(),
        ack_interval_ms: Some(0),
    }
}

/// What an HTTP/1.1 server answers to these bytes: head and body.
pub(super) async fn raw_http(address: SocketAddr, request: Vec<u8>) -> (String, Vec<u8>) {
    let exchange = move || {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(&request).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let body = answer.split_off(end);
        (String::from_utf8(answer).unwrap(), body)
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

pub(super) async fn http_get(address: SocketAddr, path: &str) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let (head, body) = raw_http(address, request.into_bytes()).await;
    (head, String::from_utf8(body).unwrap())
}
