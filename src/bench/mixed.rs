//! Updates at a steady rate beside questions.
//!
//! In [`mixed`], latency counts from the moment a caller asks; in [`open_loop`], where questions
//! come at a steady rate too, from the moment each was due.

use std::time::Duration;

use tokio::task::JoinSet;

use super::beat::{Beat, Ticker};
use super::fleet::Fleet;
use super::ingest::accepted;
use super::query;
use super::stage::{self, BenchError, BenchOptions, Done, Figure, Stage};
use super::stalls::Stalls;
use crate::client::{Ingestor, connect};
use crate::clock;
use crate::limits;

/// Rows in a batch: small, so that questions do not wait long behind one.
const ROWS: u32 = 256;

/// Overdue questions or batches sent before the sockets get a turn.
const CATCH_UP: u32 = 16;

/// Two figures: updates at a steady rate, and the questions of a few callers who each wait for an
/// answer before they ask again, as clients with a pool of connections do.
///
/// # Errors
/// [`BenchError`].
pub fn mixed(stage: &Stage) -> Result<[Figure; 2], BenchError> {
    let options = stage.options;
    let stalls = Stalls::look();
    let (updates, mut questions) = beside(stage, async |_, thread| {
        let askers = query::connected(stage).await?;
        query::callers(stage, thread, askers, stage.share(options.callers)).await
    })?;
    let callers = stage.share(options.callers) * options.client_threads;
    // Of the updates as much as of the questions.
    (questions.client_cpu, questions.server_cpu) = (Duration::ZERO, Duration::ZERO);
    let connections = stage.share(options.connections) * options.client_threads;
    let setup = format!(
        "k {}, {}, {callers} callers over {connections} connections; {stalls}",
        options.k, options.radius
    );
    let figures = ["mixed: bulk ingest", "mixed: Nearest, unary"];
    Ok([
        Figure::new(figures[0], "updates", &updates, intended(options)),
        Figure::new(figures[1], "questions", &questions, setup),
    ])
}

/// The same with questions at a steady rate as well, whether or not those before are answered.
///
/// # Errors
/// [`BenchError`].
pub fn open_loop(stage: &Stage) -> Result<[Figure; 2], BenchError> {
    let options = stage.options;
    let threads = u32::try_from(options.client_threads).unwrap_or(1).max(1);
    let stalls = Stalls::look();
    let (updates, questions) = beside(stage, async |ticker, thread| {
        ask(stage, ticker, thread, options.mixed_queries / threads).await
    })?;
    let setup = format!(
        "k {}, {}, {}/s intended; {stalls}",
        options.k, options.radius, options.mixed_queries
    );
    let mut figure = Figure::new("open: Nearest, unary", "questions", &questions, setup);
    if let Some(latency) = &mut figure.latency {
        latency.overdue = questions.overdue;
    }
    Ok([Figure::new("open: bulk ingest", "updates", &updates, intended(options)), figure])
}

fn intended(options: BenchOptions) -> String {
    format!("{} updates/s in batches of {ROWS} intended", options.mixed_updates)
}

/// Updates at a steady rate and, on each client thread, what `ask` does beside them.
fn beside<F>(stage: &Stage, ask: F) -> Result<(Done, Done), BenchError>
where
    F: AsyncFn(&Ticker, usize) -> Result<Done, BenchError> + Sync,
{
    let options = stage.options;
    let threads = u32::try_from(options.client_threads).unwrap_or(1).max(1);
    let mut updates = Done::new();
    let updated = parking_lot::Mutex::new(&mut updates);
    let ticker = Ticker::start().map_err(|error| BenchError::Thread(error.to_string()))?;
    let questions = stage.clients(async |thread| {
        // Before the questions begin: binding a million handles is another workload.
        let fleet = stage.fleet(thread);
        let channel = connect(&stage.address()).await?;
        let ingestor = stage::open(channel, &fleet, limits::MAX_UNACKED_MESSAGES).await?;
        let (update, asked) = tokio::join!(
            update(stage, &ticker, ingestor, fleet, options.mixed_updates / threads),
            ask(&ticker, thread),
        );
        let update = update?;
        let mut all = updated.lock();
        all.count += update.count;
        all.took = all.took.max(update.took);
        asked
    })?;
    Ok((updates, questions))
}

async fn update(
    stage: &Stage,
    ticker: &Ticker,
    mut ingestor: Ingestor,
    mut fleet: Fleet,
    rate: u32,
) -> Result<Done, BenchError> {
    let mut beat = Beat::new(ticker, f64::from(rate) / f64::from(ROWS), 1);
    let (began, deadline) = (clock::stopwatch(), stage.deadline());
    while beat.next(deadline).await.is_some() {
        fleet.pass_moves(ROWS as usize);
        ingestor.report(fleet.moves(ROWS as usize)).await?;
    }
    ingestor.settle().await?;
    let mut done = Done::new();
    done.took = began.elapsed();
    let totals = ingestor.finish().await?;
    done.count = accepted(totals.received, totals.applied)?;
    Ok(done)
}

async fn ask(stage: &Stage, ticker: &Ticker, thread: usize, rate: u32) -> Result<Done, BenchError> {
    let mut fleet = stage.fleet(thread);
    // Over several connections, as questions come: each is served by one worker.
    let askers = query::connected(stage).await?;
    let mut next = 0;
    let mut beat = Beat::new(ticker, f64::from(rate), CATCH_UP);
    let (began, deadline) = (clock::stopwatch(), stage.deadline());
    let mut done = Done::new();
    let mut under_way = JoinSet::new();
    let failed = |error: tokio::task::JoinError| BenchError::Thread(error.to_string());
    while let Some(due) = beat.next(deadline).await {
        while let Some(took) = under_way.try_join_next() {
            done.record(took.map_err(failed)??);
        }
        if under_way.len() >= limits::MAX_BENCH_QUESTIONS {
            done.overdue += 1;
            continue;
        }
        let mut asker = askers[next % askers.len()].clone();
        next += 1;
        let question = fleet.question(stage.options.k, stage.options.radius);
        let nudge = ticker.nudge();
        under_way.spawn(async move {
            asker.nearest(question).await?;
            let took = due.elapsed();
            nudge.notify_waiters();
            Ok::<_, BenchError>(took)
        });
    }
    while let Some(took) = under_way.join_next().await {
        done.record(took.map_err(failed)??);
    }
    done.took = began.elapsed();
    Ok(done)
}
