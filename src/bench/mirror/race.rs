//! How much can be taken in with a mirror, and without: two servers, loaded as fast as they take it, in
//! turns, so that what else the machine does meets both.
//!
//! Redis and the mirror need processor time of their own, which on a machine without idle cores nobody
//! else gets. So two things are compared: the rate on the whole machine, and the reports applied for each
//! second of processor time that the ingest path got, which is the rate under an equal share.

use std::time::Duration;

use serde::Serialize;

use super::{Scene, serve};
use crate::bench::cpu::Cpu;
use crate::bench::fleet::Fleet;
use crate::bench::process::ServeProcess;
use crate::bench::stage::{BATCH_ROWS, BenchError, open};
use crate::client::{Ingestor, connect};
use crate::clock;

/// Turns of each.
const TURNS: usize = 4;

/// Batches without an acknowledgement.
const WINDOW: usize = 64;

/// What one server took in.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Side {
    /// Reports applied a second.
    pub applied_per_s: f64,
    /// Processor time of the server's workers for each, in microseconds.
    pub worker_us: f64,
    /// Processors that its workers got.
    pub worker_cores: f64,
    #[serde(skip)]
    applied: u64,
    #[serde(skip)]
    took: Duration,
    #[serde(skip)]
    workers: Duration,
}

/// Both of them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Race {
    /// With a mirror, whose Redis shares the machine.
    pub with: Side,
    /// Without.
    pub without: Side,
    /// With, of without: on the whole machine.
    pub whole_machine: f64,
    /// With, of without: under an equal share of processor time.
    pub equal_share: f64,
}

struct Racer<'a> {
    server: &'a ServeProcess,
    fleet: Fleet,
    ingestor: Ingestor,
    next: u32,
    side: Side,
}

impl<'a> Racer<'a> {
    async fn new(scene: &Scene, server: &'a ServeProcess) -> Result<Self, BenchError> {
        let pace = scene.pace();
        let fleet = Fleet::new(pace.drivers, pace.seed, clock::wall_now());
        let channel = connect(&format!("http://{}", server.grpc)).await?;
        let ingestor = open(channel, &fleet, WINDOW).await?;
        Ok(Self { server, fleet, ingestor, next: 0, side: Side::default() })
    }

    async fn turn(&mut self, length: Duration) -> Result<(), BenchError> {
        let (before, cpu) = (self.ingestor.totals().applied, Cpu::of(self.server.pid()));
        let begun = clock::stopwatch();
        while begun.elapsed() < length {
            let batch = self.fleet.moved(self.next, 1_024, clock::wall_now());
            self.next = (self.next + 1_024) % self.fleet.len();
            self.next -= self.next % 1_024;
            self.ingestor.report(batch).await?;
        }
        self.ingestor.settle().await?;
        let side = &mut self.side;
        side.took += begun.elapsed();
        side.workers += Cpu::of(self.server.pid()).since(cpu).workers;
        side.applied += self.ingestor.totals().applied - before;
        Ok(())
    }

    fn side(&self) -> Side {
        let Side { applied, took, workers, .. } = self.side;
        Side {
            applied_per_s: applied as f64 / took.as_secs_f64().max(1e-9),
            worker_us: workers.as_secs_f64() * 1e6 / applied.max(1) as f64,
            worker_cores: workers.as_secs_f64() / took.as_secs_f64().max(1e-9),
            ..self.side
        }
    }
}

pub(super) async fn run(scene: &Scene) -> Result<Race, BenchError> {
    let plain = serve(&scene.options, None, None)?;
    let mut without = Racer::new(scene, &plain).await?;
    let mut with = Racer::new(scene, &scene.server).await?;
    // Everybody is known to both.
    for racer in [&mut with, &mut without] {
        for first in (0..racer.fleet.len()).step_by(BATCH_ROWS) {
            let batch = racer.fleet.moved(first, 1_024, clock::wall_now());
            racer.ingestor.report(batch).await?;
        }
        racer.ingestor.settle().await?;
    }
    for _ in 0..TURNS {
        with.turn(scene.options.turn).await?;
        // What the mirror still carries is not the other's affair.
        quiet(scene).await?;
        without.turn(scene.options.turn).await?;
    }
    let (with, without) = (with.side(), without.side());
    Ok(Race {
        with,
        without,
        whole_machine: with.applied_per_s / without.applied_per_s.max(1e-9),
        equal_share: without.worker_us / with.worker_us.max(1e-9),
    })
}

/// Waits until nothing waits for Redis.
async fn quiet(scene: &Scene) -> Result<(), BenchError> {
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let begun = clock::stopwatch();
    let mut quiet = 0;
    while quiet < 3 && begun.elapsed() < Duration::from_mins(1) {
        pace.tick().await;
        let page = crate::bench::scrape::look(scene.server.http).await?;
        let backlog = page.value("hansom_mirror_backlog").unwrap_or_default();
        quiet = if backlog < 1.0 { quiet + 1 } else { 0 };
    }
    Ok(())
}
