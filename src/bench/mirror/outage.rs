//! Redis stops under load, and comes back.

use std::time::Duration;

use serde::Serialize;

use super::Scene;
use super::load::Load;
use crate::api::proto::{DriverStatus, SetStatusRequest};
use crate::audit::{AuditOptions, Counts, Difference, audit};
use crate::bench::cpu::resident;
use crate::bench::fleet::Fleet;
use crate::bench::scrape;
use crate::bench::stage::BenchError;
use crate::client::{ClientError, connect, driver_client};
use crate::clock;
use crate::limits;

/// How long the load before it is measured, to compare with: no longer than the outage.
const BEFORE: Duration = Duration::from_secs(15);

/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How long an audit looks again at what differs: what is reported meanwhile takes as long to be in
/// Redis as at any other time.
const SETTLE: Duration = Duration::from_secs(20);

/// Of so many drivers one goes offline while Redis is gone: its entry is to be removed.
const LEAVES: usize = 100;

/// What an outage came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outage {
    /// How long Redis was stopped, in seconds.
    pub seconds: f64,
    /// Reports applied a second before it.
    pub before_per_s: f64,
    /// Meanwhile.
    pub during_per_s: f64,
    /// The one, of the other.
    pub ratio: f64,
    /// How late the gateway sent at most meanwhile, in milliseconds.
    pub late_ms: f64,
    /// Drivers who went offline meanwhile.
    pub left: usize,
    /// By how much the server's memory grew, in megabytes.
    pub grown_mb: f64,
    /// By how much it may.
    pub allowed_mb: f64,
    /// The most drivers whose changes waited.
    pub backlog_max: f64,
    /// From the return of Redis until no more waited than usual, in seconds; none if that took
    /// longer than it was given.
    pub caught_up_s: Option<f64>,
    /// Some time after the return, under load: entries compared.
    pub audited: u64,
    /// Of them, those that were not in Redis, or not as they should.
    pub differences: Counts,
    /// The first of these.
    pub examples: Vec<Difference>,
}

pub(super) async fn measure(scene: &Scene, load: &Load) -> Result<Outage, BenchError> {
    let pid = scene.server.pid();
    let usual = async {
        let (applied, begun) = (load.applied(), clock::stopwatch());
        let mut most = 0.0_f64;
        while begun.elapsed() < BEFORE.min(scene.options.outage) {
            tokio::time::sleep(LOOK).await;
            most = most.max(backlog(scene).await?);
        }
        let rate = (load.applied() - applied) as f64 / begun.elapsed().as_secs_f64();
        Ok::<_, BenchError>((rate, most))
    };
    let (before_per_s, usual) = usual.await?;
    load.late();
    scene.redis.pause()?;
    let memory = resident(pid);
    let (applied, begun) = (load.applied(), clock::stopwatch());
    let left = leave(scene).await?;
    let (mut grown, mut backlog_max) = (0, 0.0_f64);
    while begun.elapsed() < scene.options.outage {
        tokio::time::sleep(LOOK).await;
        grown = grown.max(resident(pid).saturating_sub(memory));
        backlog_max = backlog_max.max(backlog(scene).await?);
    }
    let during_per_s = (load.applied() - applied) as f64 / begun.elapsed().as_secs_f64();
    let late = load.late();
    let seconds = begun.elapsed().as_secs_f64();
    scene.redis.resume()?;
    let (resumed, mut caught_up_s) = (clock::stopwatch(), None);
    while resumed.elapsed() < scene.options.recovery {
        tokio::time::sleep(LOOK).await;
        if caught_up_s.is_none() && backlog(scene).await? <= usual {
            caught_up_s = Some(resumed.elapsed().as_secs_f64());
        }
    }
    let found = audit(&AuditOptions {
        target: scene.target(),
        redis: scene.address.clone(),
        settle: SETTLE,
        show: 10,
    })
    .await?
    .drivers;
    Ok(Outage {
        seconds,
        before_per_s,
        during_per_s,
        ratio: during_per_s / before_per_s.max(1e-9),
        late_ms: late.as_secs_f64() * 1e3,
        left,
        grown_mb: grown as f64 / 1e6,
        allowed_mb: limits::MIRROR_OUTAGE_BYTES as f64 / 1e6,
        backlog_max,
        caught_up_s,
        audited: found.compared,
        differences: found.differences,
        examples: found.examples,
    })
}

async fn backlog(scene: &Scene) -> Result<f64, BenchError> {
    let page = scrape::look(scene.server.http).await?;
    Ok(page.value("hansom_mirror_backlog").unwrap_or_default())
}

/// Lets drivers go offline; how many.
async fn leave(scene: &Scene) -> Result<usize, BenchError> {
    let mut client = driver_client(connect(&scene.target()).await?);
    let mut left = 0;
    for driver in (0..scene.options.drivers).step_by(LEAVES) {
        let request = SetStatusRequest {
            driver_id: Fleet::name(driver),
            status: DriverStatus::Offline.into(),
        };
        client.set_status(request).await.map_err(ClientError::refused("SetStatus"))?;
        left += 1;
    }
    Ok(left)
}
