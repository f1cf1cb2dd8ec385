//! The fleet that reports at a steady rate, whatever becomes of it, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::bench::fleet::Fleet;
use crate::bench::stage::{BATCH_ROWS, BenchError, open};
use crate::client::connect;
use crate::clock;
use crate::geo::{E7, LatLng};
use crate::index::region_of;
use crate::units::Timestamp;

/// How often is sent, about: those who are due within it are sent together.
const SLICE: Duration = Duration::from_millis(20);

/// Batches without an acknowledgement: few, so that what is acknowledged is known soon.
const WINDOW: usize = 8;

/// Waiting samples, beyond which none are taken.
const SAMPLES: usize = 1_024;

/// What is to be reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) drivers: u32,
    pub(super) every: Duration,
    pub(super) seed: u64,
}

/// A report whose way to Redis is followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled {
    pub(super) driver: u32,
    pub(super) at: Timestamp,
    pub(super) region: u64,
    /// When it was sent: a little before it was accepted.
    pub(super) sent: Instant,
}

/// What both threads see.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    ready: AtomicBool,
    applied: AtomicU64,
    late_us: AtomicU64,
}

/// A load that runs.
#[derive(Debug)]
pub(super) struct Load {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<(), BenchError>>,
}

impl Load {
    /// Makes the fleet known and lets it report; of each slice one report is offered to `samples`.
    ///
    /// # Errors
    /// [`BenchError`] if the server refuses, or the thread cannot be made.
    pub(super) fn start(
        target: &str,
        pace: Pace,
    ) -> Result<(Self, mpsc::Receiver<Sampled>), BenchError> {
        let failed = |error: std::io::Error| BenchError::Thread(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (sender, samples) = mpsc::channel(SAMPLES);
        let shared = Arc::new(Shared::default());
        let (theirs, target) = (Arc::clone(&shared), target.to_owned());
        let thread = std::thread::Builder::new()
            .name("hansom-load".to_owned())
            .spawn(move || runtime.block_on(report(&target, pace, &theirs, &sender)))
            .map_err(failed)?;
        let load = Self { shared, thread };
        while !load.shared.ready.load(Ordering::Acquire) {
            if load.thread.is_finished() {
                load.end()?;
                return Err(BenchError::Thread("the load ended before it began".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok((load, samples))
    }

    /// Reports applied so far.
    pub(super) fn applied(&self) -> u64 {
        self.shared.applied.load(Ordering::Relaxed)
    }

    /// How late reports were sent at most since this was last asked.
    pub(super) fn late(&self) -> Duration {
        Duration::from_micros(self.shared.late_us.swap(0, Ordering::Relaxed))
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`BenchError`] if it had failed.
    pub(super) fn end(self) -> Result<(), BenchError> {
        self.shared.stop.store(true, Ordering::Release);
        let ended = self.thread.join();
        ended.map_err(|_| BenchError::Thread("the load panicked".to_owned()))?
    }
}

async fn report(
    target: &str,
    pace: Pace,
    shared: &Shared,
    samples: &mpsc::Sender<Sampled>,
) -> Result<(), BenchError> {
    let mut fleet = Fleet::new(pace.drivers, pace.seed, clock::wall_now());
    let mut ingestor = open(connect(target).await?, &fleet, WINDOW).await?;
    for first in (0..fleet.len()).step_by(BATCH_ROWS) {
        ingestor.report(fleet.parade(first, 1_024)).await?;
    }
    ingestor.settle().await?;
    let before = ingestor.totals().applied;
    shared.ready.store(true, Ordering::Release);
    let slices = (pace.every.as_secs_f64() / SLICE.as_secs_f64()).ceil().max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of u32")]
    let rows = (f64::from(fleet.len()) / slices).ceil().max(1.0) as u32;
    let slices = fleet.len().div_ceil(rows);
    let mut due = clock::stopwatch();
    for (count, slice) in (0_usize..).zip((0..slices).cycle()) {
        if shared.stop.load(Ordering::Acquire) {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let (at, first) = (clock::wall_now(), slice * rows);
        let batch = fleet.moved(first, rows, at);
        // Another one each time around.
        let row = count.wrapping_mul(7_919) % batch.handle.len().max(1);
        let place = LatLng::try_from(E7 { lat: batch.lat_e7[row], lng: batch.lng_e7[row] });
        let (driver, sent) = (batch.handle[row], clock::stopwatch());
        ingestor.report(batch).await?;
        if let Ok(position) = place {
            // Full: somebody else is followed.
            let _ = samples.try_send(Sampled { driver, at, region: region_of(position), sent });
        }
        shared.applied.store(ingestor.totals().applied - before, Ordering::Relaxed);
        let late = clock::stopwatch().saturating_duration_since(due).as_micros();
        shared.late_us.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
        due += pace.every / slices;
    }
    ingestor.finish().await?;
    Ok(())
}
