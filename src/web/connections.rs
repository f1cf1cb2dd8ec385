//! The connections of the HTTP door: few, short, one request each, cut when they dawdle.
//!
//! A probe or a scrape takes milliseconds. Who needs longer holds a place that others need.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::Door;
use crate::limits;

/// How long to wait after an accept that failed, which is mostly a lack of file descriptors.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// What clients of the HTTP door may take. Tests take less, so that they need not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// The most connections at once; one more is closed at once.
    pub connections: usize,
    /// How long the head of a request may take.
    pub header: Duration,
    /// How long a connection may last.
    pub exchange: Duration,
}

impl Default for HttpLimits {
    /// As `src/limits.rs` names them.
    fn default() -> Self {
        Self {
            connections: limits::MAX_HTTP_CONNECTIONS,
            header: Duration::from_secs(limits::HTTP_HEADER_SECONDS),
            exchange: Duration::from_secs(limits::HTTP_EXCHANGE_SECONDS),
        }
    }
}

/// A connection's place among those allowed, given back when dropped.
struct Place {
    door: Arc<Door>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn take(door: &Arc<Door>, places: &Arc<Semaphore>) -> Option<Self> {
        let permit = Arc::clone(places).try_acquire_owned().ok()?;
        door.metrics.http_connections.increment(1.0);
        Some(Self { door: Arc::clone(door), _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.door.metrics.http_connections.decrement(1.0);
    }
}

/// Accepts and serves until dropped.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    door: Arc<Door>,
    limits: HttpLimits,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                if let Some(place) = Place::take(&door, &places) {
                    tokio::spawn(converse(socket, router.clone(), limits, place));
                } else {
                    door.metrics.http_connections_refused.increment(1);
                    tracing::warn!(%peer, "HTTP connection refused: max_http_connections is reached");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

/// One request and its answer.
async fn converse(socket: TcpStream, router: Router, limits: HttpLimits, place: Place) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        // A client that holds its connection between two scrapes gains nothing by it here.
        .keep_alive(false)
        .max_buf_size(limits::MAX_HEADER_BYTES as usize)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router));
    match tokio::time::timeout(limits.exchange, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an HTTP connection ended early"),
        Err(_) => tracing::debug!("an HTTP connection was cut: it took too long"),
    }
    drop(place);
}
