//! Connections: accepted by one thread, handed to workers in turn.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::api::Door;
use crate::limits;

/// How long to wait after an accept that failed, which is mostly a lack of file descriptors.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// A connection on its way from the accepting thread to a worker.
#[derive(Debug)]
pub(super) struct Accepted {
    socket: std::net::TcpStream,
    place: Place,
}

/// A connection's place among those allowed, given back when dropped.
#[derive(Debug)]
struct Place {
    door: Arc<Door>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.door.metrics.connections.decrement(1.0);
    }
}

/// Accepts until dropped.
pub(super) async fn accept(
    listener: TcpListener,
    door: Arc<Door>,
    queues: Vec<mpsc::Sender<Accepted>>,
) {
    let places = Arc::new(Semaphore::new(limits::MAX_CONNECTIONS));
    let mut turn = 0_usize;
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                turn = turn.wrapping_add(1);
                if let Err(why) = hand_over(socket, &door, &places, &queues, turn) {
                    door.metrics.connections_refused.increment(1);
                    tracing::warn!(%peer, why, "connection refused");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

fn hand_over(
    socket: TcpStream,
    door: &Arc<Door>,
    places: &Arc<Semaphore>,
    queues: &[mpsc::Sender<Accepted>],
    turn: usize,
) -> Result<(), &'static str> {
    let permit = Arc::clone(places).try_acquire_owned();
    let permit = permit.map_err(|_| "max_connections is reached")?;
    socket.set_nodelay(true).map_err(|_| "the socket is gone")?;
    let socket = socket.into_std().map_err(|_| "the socket is gone")?;
    door.metrics.connections.increment(1.0);
    let place = Place { door: Arc::clone(door), _permit: permit };
    let mut accepted = Accepted { socket, place };
    for i in 0..queues.len() {
        match queues[(turn + i) % queues.len()].try_send(accepted) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(back) | TrySendError::Closed(back)) => accepted = back,
        }
    }
    Err("the queue of each worker is full")
}

/// A connection that is served.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    _place: Place,
}

impl Accepted {
    /// Registers the connection with the runtime of the current thread.
    pub(super) fn adopt(self) -> io::Result<Connection> {
        Ok(Connection { socket: TcpStream::from_std(self.socket)?, _place: self.place })
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket.connect_info()
    }
}

impl Connection {
    fn socket(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().socket)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket().poll_read(cx, buffer)
    }
}

/// Without vectored writes, on purpose: with them h2 gives each answer of more than 256 bytes a
/// write of its own, without them it copies up to 1,024 bytes and lets answers that wait leave
/// together. Measured: 57,000 unary questions a second with, 80,000 without.
impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }
}
