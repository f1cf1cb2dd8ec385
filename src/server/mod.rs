//! The running server: sockets, threads, time, shutdown.
//!
//! One *control* thread accepts connections, lets time pass and serves HTTP; each *worker*
//! thread has a runtime of its own and serves the connections that it was handed, from the
//! first byte to the last. Nothing moves between workers: that costs two to three times less
//! CPU per call than a runtime that steals work.
//!
//! The server is a library: the command line, replay, benchmarks and tests embed it.

mod accept;
mod browsers;
mod busy;
mod control;
mod errors;
mod framing;
mod guard;
mod health;
mod options;
mod purse;
mod record;
mod services;
mod wire;
mod worker;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

pub use browsers::WebOrigins;
pub use options::ServerConfig;
pub use record::{Recorder, RecorderSink};

use crate::api::{Door, SharedMap};
use crate::clock::Clock;
use crate::limits;

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address could not be bound.
    #[error("cannot listen on {address} for {what}")]
    Bind {
        /// What should have been served there.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A thread or its runtime could not be made.
    #[error("cannot start the thread {name}")]
    Thread {
        /// Which.
        name: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The number of threads makes no sense.
    #[error("threads {threads} is not in 1..={max}", max = limits::MAX_THREADS)]
    Threads {
        /// What was asked for.
        threads: usize,
    },
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All that was in flight has finished.
    Finished,
    /// The deadline passed; what was left was cut.
    Cut,
}

/// A server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Serves `map` until [`Running::drain`].
    ///
    /// # Errors
    /// [`StartError`]; then nothing is left behind.
    pub fn start(
        config: ServerConfig,
        map: SharedMap,
        clock: Arc<Clock>,
    ) -> Result<Running, StartError> {
        if !(1..=limits::MAX_THREADS).contains(&config.threads) {
            return Err(StartError::Threads { threads: config.threads });
        }
        let (grpc, grpc_addr) = bind("gRPC", config.listen)?;
        let http = config.http.map(|address| bind("HTTP", address)).transpose()?;
        let http_addr = http.as_ref().map(|(_, address)| *address);
        let (drain, draining) = watch::channel(false);
        let (stop, stopping) = watch::channel(false);
        let door = Door::new(map, clock, config.stale_after, config.sink, draining);
        let door = door.with_copy(config.copy);
        let door = Arc::new(match (config.market, config.metrics) {
            (Some((market, metrics)), _) => door.with_market(market, metrics),
            (None, Some(metrics)) => door.counting_in(metrics),
            (None, None) => door,
        });
        let tenure = config.tenure;
        let health = health::reporter();
        let mut running = Running {
            grpc_addr,
            http_addr,
            door: Arc::clone(&door),
            drain,
            stop,
            workers: Vec::with_capacity(config.threads),
            control: None,
        };
        let mut queues = Vec::with_capacity(config.threads);
        for i in 0..config.threads {
            let (sender, receiver) = mpsc::channel(limits::MAX_WAITING_CONNECTIONS);
            queues.push(sender);
            let worker = worker::Worker {
                door: Arc::clone(&door),
                tenure: tenure.clone(),
                health: health.clone(),
                greeting: config.greeting,
                busy_poll: config.busy_poll.min(Duration::from_micros(limits::MAX_BUSY_POLL_US)),
                web_origins: config.web_origins.clone(),
                drain_timeout: config.drain_timeout,
                give_back: config.give_back,
            };
            let stopping = stopping.clone();
            let name = format!("hansom-worker-{i}");
            running.workers.push(spawn(&name, move |runtime| {
                runtime.block_on(worker.run(receiver, stopping))
            })?);
        }
        let http = http.map(|(listener, _)| listener);
        let http_limits = config.http_limits;
        let control = control::Control { door, health, grpc, http, http_limits, queues };
        running.control = Some(spawn("hansom-control", move |runtime| {
            runtime.block_on(control.run(stopping));
        })?);
        Ok(running)
    }
}

/// A server that runs. Dropped, it stops at once and cuts what is in flight.
#[derive(Debug)]
pub struct Running {
    grpc_addr: SocketAddr,
    http_addr: Option<SocketAddr>,
    door: Arc<Door>,
    drain: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<Drained>>,
    control: Option<JoinHandle<()>>,
}

impl Running {
    /// Where gRPC is served.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where HTTP is served, if it is.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http_addr
    }

    /// The door behind which it serves: the map, the metrics.
    pub fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// Begins to drain and returns at once: not ready, no new connections, streams are told.
    pub fn begin_drain(&self) {
        self.drain.send_replace(true);
    }

    /// Drains and waits for the end: what is in flight finishes, or is cut at the deadline.
    pub fn drain(mut self) -> Drained {
        self.begin_drain();
        let drained = self.join_workers();
        self.stop.send_replace(true);
        drained
    }

    fn join_workers(&mut self) -> Drained {
        let mut drained = Drained::Finished;
        for worker in self.workers.drain(..) {
            // A worker that panicked has not finished.
            if worker.join().unwrap_or(Drained::Cut) == Drained::Cut {
                drained = Drained::Cut;
            }
        }
        drained
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.begin_drain();
        self.stop.send_replace(true);
        self.join_workers();
        if let Some(control) = self.control.take()
            && control.join().is_err()
        {
            tracing::error!("the control thread panicked");
        }
    }
}

/// A socket that listens, and where.
fn bind(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { what, address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// A thread with a runtime of its own.
fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(tokio::runtime::Runtime) -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    let failed = |source| StartError::Thread { name: name.to_owned(), source };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(limits::READER_THREADS)
        .build();
    let runtime = runtime.map_err(failed)?;
    std::thread::Builder::new().name(name.to_owned()).spawn(move || work(runtime)).map_err(failed)
}
