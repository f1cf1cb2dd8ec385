//! A steady load: how far Redis is behind, what is skipped, and what it costs.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use super::load::{Load, Sampled};
use super::{Scene, lag};
use crate::bench::cpu::{Cpu, resident};
use crate::bench::dispatch::Spread;
use crate::bench::scrape;
use crate::bench::stage::BenchError;
use crate::clock;

/// How often the server is asked for its backlog.
const LOOK: Duration = Duration::from_millis(500);

/// What a steady load came to.
#[derive(Clone, Debug, Serialize)]
pub struct Steady {
    /// Reports a second that were applied.
    pub applied_per_s: f64,
    /// How late the gateway sent at most: waiting for the server included.
    pub late_ms: f64,
    /// From sending a report until Redis had it or a later one, in milliseconds.
    pub lag: Option<Spread>,
    /// Followed reports of drivers who crossed into another region meanwhile: not in `lag`.
    pub moved_away: u64,
    /// Followed reports that were not there after a minute: in `lag` as that.
    pub given_up: u64,
    /// The most drivers whose changes waited.
    pub backlog_max: f64,
    /// Drivers written to Redis a second.
    pub written_per_s: f64,
    /// Reports a second that were never written since a later one was.
    pub coalesced_per_s: f64,
    /// How often a second a short move was put off.
    pub put_off_per_s: f64,
    /// Processors kept busy by the server's workers, its mirror, all of it, and Redis.
    pub worker_cores: f64,
    /// By the mirror's threads.
    pub mirror_cores: f64,
    /// By the server's process.
    pub server_cores: f64,
    /// By Redis.
    pub redis_cores: f64,
    /// Processor time of Redis for each driver written, in microseconds.
    pub redis_us_a_write: f64,
    /// Of the mirror for each driver written.
    pub mirror_us_a_write: f64,
    /// The server's memory at the end, in megabytes.
    pub server_mb: f64,
    /// Of Redis.
    pub redis_mb: f64,
}

pub(super) async fn measure(
    scene: &Scene,
    load: &Load,
    samples: &mut mpsc::Receiver<Sampled>,
) -> Result<Steady, BenchError> {
    let (server, redis) = (scene.server.pid(), scene.redis.pid());
    let before = scrape::look(scene.server.http).await?;
    let (cpu, redis_cpu) = (Cpu::of(server), Cpu::of(redis));
    let (applied, begun) = (load.applied(), clock::stopwatch());
    load.late();
    let over = scene.options.seconds;
    let mut end = None;
    let watch = async {
        let (mut most, mut pace) = (0.0_f64, tokio::time::interval(LOOK));
        loop {
            pace.tick().await;
            let page = scrape::look(scene.server.http).await?;
            most = most.max(page.value("hansom_mirror_backlog").unwrap_or_default());
            if begun.elapsed() >= over {
                let costs = (Cpu::of(server).since(cpu), Cpu::of(redis).since(redis_cpu));
                end = Some((page, load.applied() - applied, begun.elapsed(), costs, load.late()));
                return Ok::<f64, BenchError>(most);
            }
        }
    };
    let (most, lags) = tokio::join!(watch, lag::follow(&scene.reader, samples, over));
    let (backlog_max, lags) = (most?, lags?);
    let Some((page, applied, took, (cpu, redis_cpu), late)) = end else {
        return Err(BenchError::Thread("the measurement did not end".to_owned()));
    };
    let seconds = took.as_secs_f64();
    let count = |name: &str| {
        let at = |page: &scrape::Page| page.value(name).unwrap_or_default();
        (at(&page) - at(&before)).max(0.0)
    };
    let (written, put_off) =
        (count("hansom_mirror_written_total"), count("hansom_mirror_put_off_total"));
    let cores = |spent: Duration| spent.as_secs_f64() / seconds;
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / written.max(1.0);
    Ok(Steady {
        applied_per_s: applied as f64 / seconds,
        late_ms: late.as_secs_f64() * 1e3,
        lag: Spread::of(&lags.nanos),
        moved_away: lags.moved_away,
        given_up: lags.given_up,
        backlog_max,
        written_per_s: written / seconds,
        coalesced_per_s: (applied as f64 - written).max(0.0) / seconds,
        put_off_per_s: put_off / seconds,
        worker_cores: cores(cpu.workers),
        mirror_cores: cores(cpu.mirror),
        server_cores: cores(cpu.all),
        redis_cores: cores(redis_cpu.all),
        redis_us_a_write: each(redis_cpu.all),
        mirror_us_a_write: each(cpu.mirror),
        server_mb: resident(server) as f64 / 1e6,
        redis_mb: resident(redis) as f64 / 1e6,
    })
}
