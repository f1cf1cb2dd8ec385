//! The asking thread: questions at a steady rate, whatever becomes of the answers.
//!
//! A question that finds a slow server does not delay the next one, and its latency counts from
//! the moment it was due: a server cannot look fast by being asked less.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::report::Latency;
use super::{ReplayError, ReplayOptions};
use crate::api::convert::position_message;
use crate::api::proto::{Filter, NearestRequest};
use crate::client::{Asker, ClientError, connect};
use crate::clock;
use crate::geo::LatLng;
use crate::limits;

/// How far the replay is, for the asking thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has reported yet.
    Before,
    /// Reports are flowing.
    During,
    /// The last one is acknowledged.
    After,
}

/// Recently reported positions.
#[derive(Debug, Default)]
pub(super) struct Positions {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    positions: Vec<LatLng>,
    next: usize,
}

impl Positions {
    /// Keeps some of these, in place of older ones.
    pub(super) fn add(&self, fresh: impl Iterator<Item = LatLng>) {
        let mut kept = self.kept.lock();
        for position in fresh {
            let next = kept.next;
            kept.next = (next + 1) % limits::REPLAY_POSITIONS_KEPT;
            match kept.positions.get_mut(next) {
                Some(old) => *old = position,
                None => kept.positions.push(position),
            }
        }
    }

    /// One of them.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> Option<LatLng> {
        let kept = self.kept.lock();
        let count = kept.positions.len().max(1);
        kept.positions.get(rng.next_u32() as usize % count).copied()
    }
}

/// The question "who is free near here?", as the options want it.
pub(super) fn question(options: &ReplayOptions, position: LatLng) -> NearestRequest {
    NearestRequest {
        position: Some(position_message(position)),
        k: u32::try_from(options.k.get()).unwrap_or(u32::MAX),
        radius_m: Some(options.radius.get()),
        filter: Some(Filter { max_age_ms: Some(options.max_age.get()), ..Filter::default() }),
    }
}

/// Asks from the first report to the end.
pub(super) fn run(
    options: &ReplayOptions,
    address: &str,
    positions: &Positions,
    stage: &watch::Receiver<Stage>,
) -> Result<Latency, ReplayError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ReplayError::Thread)?;
    let (sender, due) = mpsc::channel(limits::MAX_REPLAY_QUESTIONS);
    std::thread::scope(|scope| {
        let pacer = std::thread::Builder::new().name("hansom-replay-pace".to_owned());
        let mut seen = stage.clone();
        let begun = runtime.block_on(async {
            let asker = Asker::new(connect(address).await?);
            // An error means that the replay is over.
            Ok::<_, ClientError>(match seen.wait_for(|stage| *stage != Stage::Before).await {
                Ok(stage) if *stage == Stage::During => Some(asker),
                _ => None,
            })
        })?;
        let Some(asker) = begun else { return Ok(Latency::of(&histogram())) };
        let pacing = pacer
            // The sender goes with the thread: that ends the asking.
            .spawn_scoped(scope, move || pace(options.query_rate, stage, &sender))
            .map_err(ReplayError::Thread)?;
        let mut latency = runtime.block_on(ask(options, asker, positions, due));
        latency.overdue =
            pacing.join().map_err(|_| ReplayError::Panicked { name: "hansom-replay-pace" })?;
        Ok(latency)
    })
}

/// Says when a question is due; returns how many there was no room for.
///
/// A thread of its own, because the runtime's timer is no finer than a millisecond.
fn pace(rate: u32, stage: &watch::Receiver<Stage>, due: &mpsc::Sender<Instant>) -> u64 {
    let interval = Duration::from_secs(1) / rate.max(1);
    let mut overdue = 0;
    let mut next = clock::stopwatch() + interval;
    while *stage.borrow() == Stage::During {
        let wait = next.saturating_duration_since(clock::stopwatch());
        if !wait.is_zero() {
            // Short, so that the end is noticed even at one question an hour.
            std::thread::sleep(wait.min(Duration::from_millis(50)));
            continue;
        }
        overdue += u64::from(due.try_send(next).is_err());
        next += interval;
    }
    overdue
}

async fn ask(
    options: &ReplayOptions,
    asker: Asker,
    positions: &Positions,
    mut due: mpsc::Receiver<Instant>,
) -> Latency {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut under_way = JoinSet::new();
    let mut nanos = histogram();
    let (mut failed, mut hits) = (0, 0);
    let mut open = true;
    while open || !under_way.is_empty() {
        tokio::select! {
            Some(done) = under_way.join_next() => match done {
                Ok(Ok((took, found))) => {
                    nanos.saturating_record(took);
                    hits += found;
                }
                _ => failed += 1,
            },
            // Not taken while too many are under way; then the pacer counts.
            next = due.recv(), if open && under_way.len() < limits::MAX_REPLAY_QUESTIONS => {
                open = next.is_some();
                if let (Some(due), Some(position)) = (next, positions.draw(&mut rng)) {
                    under_way.spawn(one(asker.clone(), question(options, position), due));
                }
            }
        }
    }
    let mut latency = Latency::of(&nanos);
    latency.failed = failed;
    latency.mean_hits = hits as f64 / nanos.len().max(1) as f64;
    latency
}

/// One question: how many nanoseconds after it was due the answer was there, and with how many.
async fn one(
    mut asker: Asker,
    question: NearestRequest,
    due: Instant,
) -> Result<(u64, u64), ClientError> {
    let answer = asker.nearest(question).await?;
    let took = u64::try_from(due.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Ok((took, answer.hits.len() as u64))
}

/// An hour: what takes longer is recorded as that.
const HOUR_NS: u64 = 3_600_000_000_000;

/// Three digits, up to an hour.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HOUR_NS, 3).expect("an hour in three digits is allowed")
}
