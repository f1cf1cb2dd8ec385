//! Questions a second: a call each, and many in flight on one stream.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::fleet::Fleet;
use super::meter::Meter;
use super::stage::{BenchError, BenchOptions, Done, Figure, Stage};
use crate::client::{Asker, PipelinedAsker, connect};
use crate::clock;
use crate::limits;

/// Unary calls, many at once, each asked when the one before is answered.
///
/// # Errors
/// [`BenchError`].
pub fn unary(stage: &Stage) -> Result<Figure, BenchError> {
    let options = stage.options;
    let done = stage.clients(async |thread| {
        let askers = connected(stage).await?;
        callers(stage, thread, askers, options.in_flight).await
    })?;
    let threads = options.client_threads;
    let setup = format!(
        "k {}, {}, {} in flight over {} connections",
        options.k,
        options.radius,
        options.in_flight * threads,
        stage.share(options.connections) * threads
    );
    Ok(Figure::new("Nearest, unary", "questions", &done, setup))
}

/// An asker a connection of this client thread.
pub(super) async fn connected(stage: &Stage) -> Result<Vec<Asker>, BenchError> {
    let mut askers = Vec::new();
    for _ in 0..stage.share(stage.options.connections) {
        askers.push(Asker::new(connect(&stage.address()).await?));
    }
    Ok(askers)
}

/// So many callers, each of whom asks again once it has its answer, until the deadline.
pub(super) async fn callers(
    stage: &Stage,
    thread: usize,
    askers: Vec<Asker>,
    many: usize,
) -> Result<Done, BenchError> {
    let BenchOptions { k, radius, .. } = stage.options;
    let fleet = Arc::new(Mutex::new(stage.fleet(thread)));
    let (meter, deadline) = (Meter::begin(thread), stage.deadline());
    let mut callers = JoinSet::new();
    for mut asker in askers.into_iter().cycle().take(many) {
        let fleet = Arc::clone(&fleet);
        callers.spawn(async move {
            let mut done = Done::new();
            loop {
                let asked = clock::stopwatch();
                if asked >= deadline {
                    return Ok::<_, BenchError>(done);
                }
                let question = fleet.lock().question(k, radius);
                asker.nearest(question).await?;
                done.record(asked.elapsed());
            }
        });
    }
    let mut all = Done::new();
    while let Some(done) = callers.join_next().await {
        let done = done.map_err(|error| BenchError::Thread(error.to_string()))??;
        all.count += done.count;
        all.nanos += done.nanos;
    }
    meter.end(&mut all);
    Ok(all)
}

/// `NearestStream`, one a connection, each with its own questions in flight.
///
/// # Errors
/// [`BenchError`].
pub fn pipelined(stage: &Stage) -> Result<Figure, BenchError> {
    let options = stage.options;
    let window = options.in_flight.min(limits::MAX_UNANSWERED_QUESTIONS);
    let streams = stage.share(options.connections);
    let done = stage.clients(async |thread| {
        let mut askers = Vec::with_capacity(streams);
        for i in 0..streams {
            let channel = connect(&stage.address()).await?;
            let mut fleet = stage.fleet(thread);
            // The same places, other questions.
            fleet.reseed((thread << 16 | i) as u64 + 1);
            askers.push((PipelinedAsker::open(channel, window).await?, fleet));
        }
        let (meter, deadline) = (Meter::begin(thread), stage.deadline());
        let mut streams = JoinSet::new();
        for (asker, fleet) in askers {
            streams.spawn(keep_asking(asker, fleet, options, deadline));
        }
        let mut done = Done::new();
        while let Some(count) = streams.join_next().await {
            done.count += count.map_err(|error| BenchError::Thread(error.to_string()))??;
        }
        meter.end(&mut done);
        Ok(done)
    })?;
    let streams = streams * options.client_threads;
    let setup = format!(
        "k {}, {}, {window} in flight a stream, {streams} streams",
        options.k, options.radius
    );
    Ok(Figure::new("NearestStream", "questions", &done, setup))
}

/// Keeps a stream full until the deadline; how many questions were answered.
async fn keep_asking(
    mut asker: PipelinedAsker,
    mut fleet: Fleet,
    options: BenchOptions,
    deadline: Instant,
) -> Result<u64, BenchError> {
    let (mut answered, mut open) = (0, true);
    while open || asker.unanswered() > 0 {
        while open && asker.has_room() {
            asker.ask(fleet.question(options.k, options.radius)).await?;
        }
        asker.answer().await?;
        answered += 1;
        open = open && clock::stopwatch() < deadline;
    }
    Ok(answered)
}
