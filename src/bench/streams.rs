//! Many apps at once, each on a `Connect` of its own, over a bounded number of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::fleet::{Fleet, REPORT_INTERVAL_MS};
use super::ingest::accepted;
use super::meter::Meter;
use super::stage::{BenchError, Done, Figure, Stage};
use crate::api::proto::{
    ConnectRequest, ConnectResponse, Hello, Position, PositionReport,
    connect_request::Kind as Request, connect_response::Kind as Response,
};
use crate::client::{ClientError, connect, driver_client};
use crate::clock;
use crate::geo::E7;
use crate::limits;
use crate::units::Millis;

/// How many apps are served before the other tasks of the thread run.
const APPS_A_TURN: usize = 32;

/// One app.
struct App {
    sender: mpsc::Sender<ConnectRequest>,
    driver: u32,
    sent: u64,
    received: Arc<AtomicU64>,
}

/// Apps that report in turn, as often as their acknowledgements allow.
///
/// # Errors
/// [`BenchError`].
pub fn connects(stage: &Stage) -> Result<Figure, BenchError> {
    let (streams, connections) =
        (stage.share(stage.options.streams), stage.share(stage.options.connections));
    let done = stage.clients(async |thread| {
        let mut channels = Vec::with_capacity(connections);
        for _ in 0..connections {
            channels.push(connect(&stage.address()).await?);
        }
        let mut apps = Vec::with_capacity(streams);
        let mut readers = JoinSet::new();
        for i in 0..streams {
            let number = u32::try_from(thread * streams + i).unwrap_or(u32::MAX);
            let channel = channels[i % connections].clone();
            let (app, acks) = open(channel, number % stage.options.drivers).await?;
            readers.spawn(read(acks, Arc::clone(&app.received)));
            apps.push(app);
        }
        let mut fleet = stage.fleet(thread);
        let (meter, deadline) = (Meter::begin(thread), stage.deadline());
        while clock::stopwatch() < deadline {
            fleet.pass(Millis(REPORT_INTERVAL_MS));
            for turn in apps.chunks_mut(APPS_A_TURN) {
                for app in turn {
                    report(app, &mut fleet);
                }
                tokio::task::yield_now().await;
            }
        }
        // Closed: the last acknowledgement of each stream tells all.
        drop(apps);
        let (mut received, mut applied) = (0, 0);
        while let Some(read) = readers.join_next().await {
            let (r, a) = read.map_err(|error| BenchError::Thread(error.to_string()))??;
            received += r;
            applied += a;
        }
        let mut done = Done::new();
        meter.end(&mut done);
        done.count = accepted(received, applied)?;
        Ok(done)
    })?;
    let threads = stage.options.client_threads;
    let setup = format!("{} streams over {} connections", streams * threads, connections * threads);
    Ok(Figure::new("apps, one Connect each", "updates", &done, setup))
}

async fn open(
    channel: Channel,
    driver: u32,
) -> Result<(App, Streaming<ConnectResponse>), BenchError> {
    // The window is in flight at most, and the hello.
    let (sender, receiver) =
        mpsc::channel(usize::try_from(limits::BENCH_APP_WINDOW).unwrap_or(1) + 1);
    let hello = Hello { driver_id: Fleet::name(driver), ..Hello::default() };
    let hello = ConnectRequest { kind: Some(Request::Hello(hello)) };
    let ended = || ClientError::Ended { call: "Connect" };
    sender.send(hello).await.map_err(|_| ended())?;
    let response = driver_client(channel).connect(ReceiverStream::new(receiver)).await;
    let acks = response.map_err(ClientError::refused("Connect"))?.into_inner();
    Ok((App { sender, driver, sent: 0, received: Arc::default() }, acks))
}

/// Sends one position, if the app may.
fn report(app: &mut App, fleet: &mut Fleet) {
    if app.sent - app.received.load(Ordering::Relaxed) >= limits::BENCH_APP_WINDOW {
        return;
    }
    let E7 { lat, lng } = fleet.step_of(app.driver);
    let report = PositionReport {
        position: Some(Position { lat: f64::from(lat) / 1e7, lng: f64::from(lng) / 1e7 }),
        device_time_ms: fleet.now().as_millis(),
        motion: None,
        status: 0,
    };
    // There is room: it is as long as the window. If the stream is gone, its reader says why.
    let message = ConnectRequest { kind: Some(Request::Position(report)) };
    app.sent += u64::from(app.sender.try_send(message).is_ok());
}

/// Takes acknowledgements in to the end; how many messages were received and applied.
async fn read(
    mut acks: Streaming<ConnectResponse>,
    received: Arc<AtomicU64>,
) -> Result<(u64, u64), BenchError> {
    let mut last = (0, 0);
    while let Some(message) = acks.message().await.map_err(ClientError::refused("Connect"))? {
        if let Some(Response::Ack(ack)) = message.kind {
            received.store(ack.received, Ordering::Relaxed);
            last = (ack.received, ack.applied);
        }
    }
    Ok(last)
}
