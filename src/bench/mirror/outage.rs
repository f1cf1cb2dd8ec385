//! Redis stops under load, and comes back.

use std::time::{Duration, Instant};

use serde::Serialize;
use tonic::Code;

use super::Scene;
use super::load::Load;
use super::market::{self, Market, Matching};
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
    /// What became of the market, if there was one.
    pub matching: Option<Matching>,
}

/// What had been done at a moment.
struct Mark {
    at: Instant,
    applied: u64,
    accepted: f64,
    memory: u64,
}

impl Mark {
    async fn now(scene: &Scene, load: &Load) -> Result<Self, BenchError> {
        let page = scrape::look(scene.server.http).await?;
        let memory = resident(scene.server.pid());
        let (at, accepted) = (clock::stopwatch(), market::accepted(&page));
        Ok(Self { at, applied: load.applied(), accepted, memory })
    }

    /// Reports applied, offers accepted and bytes grown a second since an earlier one.
    fn rates(&self, since: &Self) -> [f64; 3] {
        let seconds = (self.at - since.at).as_secs_f64().max(1e-9);
        let grown = self.memory.saturating_sub(since.memory) as f64;
        [(self.applied - since.applied) as f64, self.accepted - since.accepted, grown]
            .map(|many| many / seconds)
    }
}

pub(super) async fn measure(
    scene: &Scene,
    load: &Load,
    market: Option<&Market>,
) -> Result<Outage, BenchError> {
    let (first, mut usual) = (Mark::now(scene, load).await?, 0.0_f64);
    while first.at.elapsed() < BEFORE.min(scene.options.outage) {
        tokio::time::sleep(LOOK).await;
        usual = usual.max(backlog(scene).await?);
    }
    load.late();
    let before = Mark::now(scene, load).await?;
    let refused = market.map_or(0, Market::refused);
    scene.redis.pause()?;
    let left = leave(scene).await?;
    let (mut grown, mut backlog_max) = (0, 0.0_f64);
    while before.at.elapsed() < scene.options.outage {
        tokio::time::sleep(LOOK).await;
        grown = grown.max(resident(scene.server.pid()).saturating_sub(before.memory));
        backlog_max = backlog_max.max(backlog(scene).await?);
    }
    let (after, late) = (Mark::now(scene, load).await?, load.late());
    let refused = market.map_or(0, Market::refused) - refused;
    let page = scrape::look(scene.server.http).await?;
    let seconds = (after.at - before.at).as_secs_f64();
    scene.redis.resume()?;
    let (resumed, mut caught_up_s) = (clock::stopwatch(), None);
    while resumed.elapsed() < scene.options.recovery {
        tokio::time::sleep(LOOK).await;
        if caught_up_s.is_none() && backlog(scene).await? <= usual {
            caught_up_s = Some(resumed.elapsed().as_secs_f64());
        }
    }
    let report = audit(&AuditOptions {
        target: scene.target(),
        redis: scene.address.clone(),
        settle: SETTLE,
        show: 10,
    })
    .await?;
    let [before_per_s, accepted_before, growing] = before.rates(&first);
    let [during_per_s, accepted_meanwhile, _] = after.rates(&before);
    let mut allowed = limits::MIRROR_OUTAGE_BYTES as f64;
    if market.is_some() {
        // What it would have grown in any case, and what waits to be shipped.
        allowed += growing * seconds + limits::MAX_BACKLOG_BYTES as f64;
    }
    let trips = report.trips.as_ref().map(|trips| trips.differences.total());
    let matching = market.map(|_| Matching {
        before_per_s: accepted_before,
        during_per_s: accepted_meanwhile,
        ratio: accepted_meanwhile / accepted_before.max(1e-9),
        refused,
        backlog_events: page.value("hansom_trips_backlog_events").unwrap_or_default(),
        // One that runs no market any more has none as it should.
        trips_differ: trips.unwrap_or(u64::MAX),
    });
    Ok(Outage {
        seconds,
        before_per_s,
        during_per_s,
        ratio: during_per_s / before_per_s.max(1e-9),
        late_ms: late.as_secs_f64() * 1e3,
        left,
        grown_mb: grown as f64 / 1e6,
        allowed_mb: allowed / 1e6,
        backlog_max,
        caught_up_s,
        audited: report.drivers.compared,
        differences: report.drivers.differences,
        examples: report.drivers.examples,
        matching,
    })
}

async fn backlog(scene: &Scene) -> Result<f64, BenchError> {
    let page = scrape::look(scene.server.http).await?;
    Ok(page.value("hansom_mirror_backlog").unwrap_or_default())
}

/// Lets drivers go offline who have no trip; how many.
async fn leave(scene: &Scene) -> Result<usize, BenchError> {
    let mut client = driver_client(connect(&scene.target()).await?);
    let mut left = 0;
    for driver in (0..scene.options.drivers).step_by(LEAVES) {
        let request = SetStatusRequest {
            driver_id: Fleet::name(driver),
            status: DriverStatus::Offline.into(),
        };
        match client.set_status(request).await {
            Ok(_) => left += 1,
            // Whom the market has bound stays.
            Err(status) if status.code() == Code::FailedPrecondition => {}
            Err(status) => return Err(ClientError::refused("SetStatus")(status).into()),
        }
    }
    Ok(left)
}
