//! The positions of the fleet, each driver's at its moment, in columns.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Scene, until};
use crate::bench::fleet::Fleet;
use crate::bench::ingest::accepted;
use crate::bench::stage::{BATCH_ROWS, BenchError, open};
use crate::client::{Ingestor, connect};
use crate::clock;
use crate::limits;

/// How often the gateway sends, about: those who are due within it are sent together.
const SLICE: Duration = Duration::from_millis(20);

/// A gateway with its fleet.
pub(super) struct Gateway {
    fleet: Fleet,
    ingestor: Ingestor,
}

/// What became of the positions.
pub(super) struct Updates {
    /// Applied, while it was measured and around it.
    pub(super) applied: u64,
    /// How many a second.
    pub(super) per_second: f64,
    /// How late the gateway sent, at most: waiting for the server included.
    pub(super) late: Duration,
}

impl Gateway {
    /// Makes each driver known at its place.
    pub(super) async fn open(target: &str, fleet: Fleet) -> Result<Self, BenchError> {
        let window = limits::MAX_UNACKED_MESSAGES / 4;
        let mut ingestor = open(connect(target).await?, &fleet, window).await?;
        for first in (0..fleet.len()).step_by(BATCH_ROWS) {
            ingestor.report(fleet.parade(first, 1_024)).await?;
        }
        ingestor.settle().await?;
        let (received, applied) = (ingestor.totals().received, ingestor.totals().applied);
        accepted(received, applied)?;
        Ok(Self { fleet, ingestor })
    }

    /// Reports until it is over.
    pub(super) async fn report(
        &mut self,
        scene: &Scene,
        over: watch::Receiver<bool>,
    ) -> Result<Updates, BenchError> {
        let Self { fleet, ingestor } = self;
        let every = scene.options.every;
        let slices = (every.as_secs_f64() / SLICE.as_secs_f64()).ceil().max(1.0);
        let rows = (f64::from(fleet.len()) / slices).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of u32"
        )]
        let rows = rows as u32;
        let slices = fleet.len().div_ceil(rows.max(1)).max(1);
        let before = ingestor.totals().clone();
        let began = clock::stopwatch();
        let (mut due, mut late) = (began, Duration::ZERO);
        for slice in (0..slices).cycle() {
            if *over.borrow() {
                break;
            }
            until(due).await;
            let batch = fleet.moved(slice * rows, rows, clock::wall_now());
            ingestor.report(batch).await?;
            late = late.max(past(due));
            due += every / slices;
        }
        ingestor.settle().await?;
        let took = began.elapsed();
        let totals = ingestor.totals();
        let (received, applied) =
            (totals.received - before.received, totals.applied - before.applied);
        accepted(received, applied)?;
        Ok(Updates { applied, per_second: applied as f64 / took.as_secs_f64(), late })
    }
}

fn past(due: Instant) -> Duration {
    clock::stopwatch().saturating_duration_since(due)
}
