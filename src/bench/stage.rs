//! What each measurement stands on: a server with a fleet in it, threads for clients, a clock
//! that says when it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tonic::transport::Channel;

use super::fleet::Fleet;
use crate::audit::AuditError;
use crate::client::{ClientError, Ingestor, connect};
use crate::clock::{self, Clock};
use crate::index::{IndexConfig, LiveIndex};
use crate::limits;
use crate::mirror::LinkError;
use crate::replay::Latency;
use crate::server::{Running, Server, ServerConfig, StartError};
use crate::units::{Meters, Millis, Timestamp};

/// Rows in a bulk batch: where a larger one stops paying.
pub(super) const BATCH_ROWS: usize = 1_024;

/// How a measurement is made.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BenchOptions {
    /// Drivers on the map, 1..=[`limits::MAX_HANDLES`].
    pub drivers: u32,
    /// How long each measurement takes.
    pub seconds: f64,
    /// Threads of the server.
    pub server_threads: usize,
    /// For how long they look for more before they sleep, in microseconds.
    pub busy_poll_us: u64,
    /// Threads of the clients.
    pub client_threads: usize,
    /// How many drivers a question asks for.
    pub k: u32,
    /// How far it reaches.
    pub radius: Meters,
    /// Questions, or batches, that each client thread has under way.
    pub in_flight: usize,
    /// Connections, over all client threads; at least one each.
    pub connections: usize,
    /// Streams of apps.
    pub streams: usize,
    /// Callers in the mixed run, over all client threads; at least one each.
    pub callers: usize,
    /// Updates a second in the mixed and the open run.
    pub mixed_updates: u32,
    /// Questions a second in the open run.
    pub mixed_queries: u32,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A thread could not be started, or did not end well.
    #[error("a client thread failed: {0}")]
    Thread(String),
    /// The server's metrics cannot be read.
    #[error("the metrics at {address} cannot be read: {cause}")]
    Metrics {
        /// Where.
        address: String,
        /// Why not.
        cause: String,
    },
    /// The server's process did not start.
    #[error("cannot start {program}: {cause}")]
    Process {
        /// Which program.
        program: String,
        /// Why not.
        cause: String,
    },
    /// Redis does not answer.
    #[error("redis: {0}")]
    Copy(#[from] LinkError),
    /// Redis cannot be compared with the server.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Something was rejected that should not have been: the number would mean nothing.
    #[error("{rejected} of {received} updates were rejected")]
    Rejected {
        /// How many.
        rejected: u64,
        /// Of how many.
        received: u64,
    },
}

/// One number, and what belongs to it.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// What the rate counts.
    pub unit: &'static str,
    /// How many a second.
    pub per_second: f64,
    /// How many in all.
    pub count: u64,
    /// How long it took.
    pub seconds: f64,
    /// Processor time that the clients spent on one, in microseconds, if it can be told apart.
    pub client_cpu_us: Option<f64>,
    /// Processor time that the server spent on one, in microseconds.
    pub server_cpu_us: Option<f64>,
    /// How long answers took, where there are any.
    pub latency: Option<Latency>,
    /// How it was set up.
    pub setup: String,
}

impl Figure {
    pub(super) fn new(name: &'static str, unit: &'static str, done: &Done, setup: String) -> Self {
        let seconds = done.took.as_secs_f64();
        let each = |cpu: Duration| {
            let micros = cpu.as_secs_f64() * 1e6 / done.count.max(1) as f64;
            (!cpu.is_zero()).then_some(micros)
        };
        Self {
            name,
            unit,
            per_second: done.count as f64 / seconds,
            count: done.count,
            seconds,
            client_cpu_us: each(done.client_cpu),
            server_cpu_us: each(done.server_cpu),
            latency: (!done.nanos.is_empty()).then(|| Latency::of(&done.nanos)),
            setup,
        }
    }
}

/// An hour: what takes longer is recorded as that.
const HOUR_NS: u64 = 3_600_000_000_000;

/// What a client thread did.
pub(super) struct Done {
    pub(super) count: u64,
    pub(super) took: Duration,
    /// Processor time of the client thread, and of the server's workers meanwhile.
    pub(super) client_cpu: Duration,
    pub(super) server_cpu: Duration,
    /// What could not be asked because too much was under way.
    pub(super) overdue: u64,
    pub(super) nanos: Histogram<u64>,
}

/// For times in nanoseconds.
pub(super) fn nanos() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HOUR_NS, 3).expect("an hour in three digits is allowed")
}

impl Done {
    pub(super) fn new() -> Self {
        Self {
            count: 0,
            took: Duration::ZERO,
            client_cpu: Duration::ZERO,
            server_cpu: Duration::ZERO,
            overdue: 0,
            nanos: nanos(),
        }
    }

    pub(super) fn record(&mut self, took: Duration) {
        self.count += 1;
        self.nanos.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// When the fleet is first seen.
const BEGINNING: Timestamp = Timestamp::from_secs(1_700_000_000);

/// A server with a fleet in it.
#[derive(Debug)]
pub struct Stage {
    running: Running,
    clock: Arc<Clock>,
    pub(super) options: BenchOptions,
}

impl Stage {
    /// Starts a server and makes each driver known, at a place of its own.
    ///
    /// # Errors
    /// [`BenchError`].
    pub fn set(options: BenchOptions) -> Result<Self, BenchError> {
        // A fleet that has gone stale would be another workload.
        let days = Millis::from_secs(6 * 86_400);
        let index = IndexConfig { stale_after: days, forget_after: days, ..IndexConfig::default() };
        let config = ServerConfig {
            http: None,
            threads: options.server_threads,
            busy_poll: Duration::from_micros(options.busy_poll_us),
            stale_after: days,
            ..ServerConfig::default()
        };
        let map = Arc::new(LiveIndex::new(index, 1));
        // The clock follows the fleet, whose time passes as its moves do.
        let clock = Arc::new(Clock::trace());
        clock.observe(BEGINNING);
        let running = Server::start(config, map, Arc::clone(&clock))?;
        let stage = Self { running, clock, options };
        stage.populate()?;
        Ok(stage)
    }

    /// The server's address.
    pub(super) fn address(&self) -> String {
        format!("http://{}", self.running.grpc_addr())
    }

    /// The fleet of one client thread, from the present on. All begin at the same places.
    pub(super) fn fleet(&self, thread: usize) -> Fleet {
        let mut fleet = Fleet::new(self.options.drivers, 42, self.clock.now());
        // The same places, other moves.
        fleet.reseed(thread as u64 + 1);
        fleet
    }

    fn populate(&self) -> Result<(), BenchError> {
        let fleet = self.fleet(0);
        let setup = async |_: usize| {
            let mut ingestor = open(connect(&self.address()).await?, &fleet, 16).await?;
            for first in (0..fleet.len()).step_by(BATCH_ROWS) {
                ingestor.report(fleet.parade(first, 1_024)).await?;
            }
            let totals = ingestor.finish().await?;
            let mut done = Done::new();
            done.count = totals.applied;
            Ok(done)
        };
        let done = on_runtime(|| setup(0))?;
        let (received, applied) = (u64::from(fleet.len()), done.count);
        if applied == received {
            Ok(())
        } else {
            Err(BenchError::Rejected { rejected: received - applied, received })
        }
    }

    /// Runs `client` on each client thread, each with a runtime of its own, and adds up.
    pub(super) fn clients<F: Future<Output = Result<Done, BenchError>>>(
        &self,
        client: impl Fn(usize) -> F + Sync,
    ) -> Result<Done, BenchError> {
        std::thread::scope(|scope| {
            let run = |thread: usize| {
                let client = &client;
                scope.spawn(move || on_runtime(|| client(thread)))
            };
            let threads: Vec<_> = (0..self.options.client_threads).map(run).collect();
            let mut all = Done::new();
            for thread in threads {
                let failed = |_| BenchError::Thread("it panicked".to_owned());
                let done = thread.join().map_err(failed)??;
                all.count += done.count;
                all.client_cpu += done.client_cpu;
                all.server_cpu += done.server_cpu;
                all.overdue += done.overdue;
                all.took = all.took.max(done.took);
                all.nanos += &done.nanos;
            }
            Ok(all)
        })
    }

    /// The end of a measurement that begins now.
    pub(super) fn deadline(&self) -> Instant {
        clock::stopwatch() + Duration::from_secs_f64(self.options.seconds)
    }

    /// How many of something each client thread has.
    pub(super) fn share(&self, all: usize) -> usize {
        all.div_ceil(self.options.client_threads).max(1)
    }

    /// Changes how many questions are under way, for measurements to come.
    pub fn set_in_flight(&mut self, in_flight: usize) {
        self.options.in_flight = in_flight;
    }

    /// Ends the server.
    pub fn strike(self) {
        self.running.drain();
    }
}

fn on_runtime<F: Future<Output = Result<Done, BenchError>>>(
    client: impl FnOnce() -> F,
) -> Result<Done, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| BenchError::Thread(error.to_string()))?;
    runtime.block_on(client())
}

/// A bulk stream on which each driver is bound to a handle of the same number.
pub(super) async fn open(
    channel: Channel,
    fleet: &Fleet,
    window: usize,
) -> Result<Ingestor, BenchError> {
    let mut ingestor = Ingestor::open(channel, window).await?;
    let all: Vec<u32> = (0..fleet.len()).collect();
    for chunk in all.chunks(limits::MAX_BINDINGS_PER_MESSAGE / 4) {
        ingestor.bind(chunk.iter().map(|&driver| Fleet::binding(driver)).collect()).await?;
    }
    ingestor.settle().await?;
    Ok(ingestor)
}
