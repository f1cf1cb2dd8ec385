//! The sending thread: starts everything, sends batches when they are due, compares answers at
//! consistent points, and puts the report together.

use std::thread::{Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tokio::sync::{mpsc, watch};

use super::ask::{self, Positions, Stage};
use super::options::{Progress, ReplayOptions, Speed, Times};
use super::report::{Latency, Report, Rows};
use super::source::{self, Batch, Summary};
use super::target::Target;
use super::twin::Twin;
use super::{Checks, ReplayError};
use crate::api::convert::status_message;
use crate::client::{Asker, Ingestor, Totals, connect};
use crate::clock;
use crate::limits;
use crate::model::DriverStatus;
use crate::trace::Record;
use crate::units::{Millis, Timestamp};

/// Replays traces.
///
/// # Errors
/// [`ReplayError`] if the replay could not be finished. Rejected rows and answers that differ are
/// no errors; the report tells them.
pub fn run(options: &ReplayOptions) -> Result<Report, ReplayError> {
    options.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ReplayError::Thread)?;
    let target = Target::of(options)?;
    let positions = Positions::default();
    let (stage, seen) = watch::channel(Stage::Before);
    let (sender, batches) = mpsc::channel(limits::REPLAY_BATCHES_AHEAD);
    let (fed, summary, latency) = std::thread::scope(|scope| {
        let reader = Builder::new()
            .name("hansom-replay-read".to_owned())
            .spawn_scoped(scope, move || source::read(options, &sender))
            .map_err(ReplayError::Thread)?;
        let asking = || ask::run(options, &target.address, &positions, &seen);
        let asker = (options.query_rate > 0)
            .then(|| {
                Builder::new().name("hansom-replay-ask".to_owned()).spawn_scoped(scope, asking)
            })
            .transpose()
            .map_err(ReplayError::Thread)?;
        let feed = Feed::new(options, &target, &positions, &stage);
        let fed = runtime.block_on(feed.run(batches));
        stage.send_replace(Stage::After);
        let summary = join(reader, "hansom-replay-read")?;
        let latency = asker.map(|asker| join(asker, "hansom-replay-ask")).transpose()?;
        // A trace that cannot be read says more than the stream that ended for it.
        let summary = summary?;
        Ok::<_, ReplayError>((fed?, summary, latency.transpose()?))
    })?;
    let report = report(options, &target, fed, summary, latency);
    drop(runtime);
    target.end();
    Ok(report)
}

fn join<T>(thread: ScopedJoinHandle<'_, T>, name: &'static str) -> Result<T, ReplayError> {
    thread.join().map_err(|_| ReplayError::Panicked { name })
}

/// What the sending thread found.
struct Fed {
    sent: u64,
    totals: Totals,
    replaying: Duration,
    checking: Duration,
    checks: Option<Checks>,
}

/// When rows are due, and what time they are told to have.
#[derive(Clone, Copy, Debug)]
struct Timeline {
    first: Timestamp,
    began: Instant,
    began_wall: Timestamp,
}

impl Timeline {
    /// How long after the beginning a row is due.
    fn due(&self, at: Timestamp, speed: Speed) -> Duration {
        match speed {
            Speed::Max => Duration::ZERO,
            Speed::Times(factor) => {
                Duration::from_secs_f64(at.since(self.first).as_secs_f64() / factor)
            }
        }
    }

    /// The time that a row is told to have, on a server with the machine's clock.
    fn rebased(&self, at: Timestamp, speed: Speed) -> Timestamp {
        let since_begin = match speed {
            Speed::Max => self.began.elapsed(),
            Speed::Times(_) => self.due(at, speed),
        };
        let millis = u64::try_from(since_begin.as_millis()).unwrap_or(u64::MAX);
        self.began_wall.plus(Millis(millis))
    }
}

struct Feed<'a> {
    options: &'a ReplayOptions,
    target: &'a Target,
    positions: &'a Positions,
    stage: &'a watch::Sender<Stage>,
    rng: ChaCha8Rng,
    twin: Option<Twin>,
    timeline: Option<Timeline>,
    bound: u32,
    checking: Duration,
    /// Rows sent when the next check is due.
    next_check: u64,
}

impl<'a> Feed<'a> {
    fn new(
        options: &'a ReplayOptions,
        target: &'a Target,
        positions: &'a Positions,
        stage: &'a watch::Sender<Stage>,
    ) -> Self {
        Self {
            options,
            target,
            positions,
            stage,
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            twin: options.check.then(Twin::new),
            timeline: None,
            bound: 0,
            checking: Duration::ZERO,
            next_check: 0,
        }
    }

    async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Result<Fed, ReplayError> {
        let channel = connect(&self.target.address).await?;
        let mut asker = Asker::new(channel.clone());
        let window = if self.options.check {
            limits::MAX_NAMED_REJECTIONS / self.options.batch
        } else {
            limits::REPLAY_BATCHES_AHEAD
        };
        let mut ingestor = Ingestor::open(channel, window).await?;
        while let Some(mut batch) = batches.recv().await {
            if !self.wait_until_due(&batch).await {
                break;
            }
            self.send(&mut ingestor, &mut batch).await?;
            let rows = ingestor.rows_sent();
            (self.options.watcher)(Progress::Replaying { rows, of: batch.of });
            if self.options.check && rows >= self.next_check {
                self.check(&mut ingestor, &mut asker).await?;
                let rows = batch.of.unwrap_or_default();
                self.next_check += (rows / u64::from(self.options.check_points.max(1))).max(1);
            }
        }
        ingestor.settle().await?;
        let total = self.timeline.map_or(Duration::ZERO, |timeline| timeline.began.elapsed());
        let replaying = replaying(self.options.speed, total, self.checking);
        if self.options.check && self.bound > 0 {
            self.check(&mut ingestor, &mut asker).await?;
        }
        let sent = ingestor.rows_sent();
        let totals = ingestor.finish().await?;
        let checks = self.twin.map(Twin::into_checks);
        Ok(Fed { sent, totals, replaying, checking: self.checking, checks })
    }

    /// Waits for the moment of the batch's last row; false if the replay is stopped before.
    async fn wait_until_due(&mut self, batch: &Batch) -> bool {
        let Some((first, last)) = batch.records.first().zip(batch.records.last()) else {
            return !self.options.stopped();
        };
        let timeline = *self.timeline.get_or_insert_with(|| {
            self.target.begin(first.at);
            Timeline { first: first.at, began: clock::stopwatch(), began_wall: clock::wall_now() }
        });
        let due = timeline.due(last.at, self.options.speed);
        let wait = due.saturating_sub(timeline.began.elapsed());
        let mut stop = self.options.stop.clone();
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                Ok(_) = stop.wait_for(|&stop| stop) => {}
            }
        }
        !self.options.stopped()
    }

    async fn send(
        &mut self,
        ingestor: &mut Ingestor,
        batch: &mut Batch,
    ) -> Result<(), ReplayError> {
        self.rebase(&mut batch.records);
        for ids in batch.new.chunks(limits::MAX_BINDINGS_PER_MESSAGE) {
            ingestor.bind(source::bindings(self.bound, ids)).await?;
            self.bound += u32::try_from(ids.len()).unwrap_or(u32::MAX);
            if let Some(twin) = &mut self.twin {
                twin.bind(ids);
            }
        }
        let sequence = ingestor.report(source::columns(&batch.records)).await?;
        self.positions.add(batch.records.iter().map(|record| record.position));
        if let Some(twin) = &mut self.twin {
            twin.sent(sequence, &batch.records);
            twin.acked(&ingestor.news());
        }
        self.stage
            .send_if_modified(|stage| std::mem::replace(stage, Stage::During) == Stage::Before);
        Ok(())
    }

    fn rebase(&self, records: &mut [Record]) {
        if let (Times::Rebase, Some(timeline)) = (self.options.times, self.timeline) {
            for record in records {
                record.at = timeline.rebased(record.at, self.options.speed);
            }
        }
    }

    /// Waits until the server has applied all that was sent, and compares answers.
    async fn check(
        &mut self,
        ingestor: &mut Ingestor,
        asker: &mut Asker,
    ) -> Result<(), ReplayError> {
        let Some(twin) = &mut self.twin else { return Ok(()) };
        ingestor.settle().await?;
        let began = clock::stopwatch();
        twin.acked(&ingestor.news());
        for _ in 0..self.options.check_questions {
            let Some(position) = self.positions.draw(&mut self.rng) else { break };
            let mut question = ask::question(self.options, position);
            // Half of them count everybody, and half of those look everywhere.
            let draw = self.rng.next_u32();
            if draw.is_multiple_of(2)
                && let Some(filter) = &mut question.filter
            {
                let code = |status: DriverStatus| status_message(status).into();
                filter.statuses = DriverStatus::ALL.map(code).to_vec();
                question.radius_m = question.radius_m.filter(|_| draw.is_multiple_of(4));
            }
            let answer = asker.nearest(question.clone()).await?;
            twin.compare(&question, &answer);
        }
        self.checking += began.elapsed();
        Ok(())
    }
}

/// How long a replay took. At full speed the rows wait for the checks, which are therefore taken
/// off; a pace goes on meanwhile.
fn replaying(speed: Speed, total: Duration, checking: Duration) -> Duration {
    match speed {
        Speed::Max => total.saturating_sub(checking),
        Speed::Times(_) => total,
    }
}

fn report(
    options: &ReplayOptions,
    target: &Target,
    fed: Fed,
    summary: Summary,
    latency: Option<Latency>,
) -> Report {
    let Fed { sent, totals, replaying, checking, checks } = fed;
    let counts = &summary.counts;
    let rejected_by_reader = crate::trace::RowReason::ALL
        .into_iter()
        .map(|reason| (reason.name().to_owned(), counts.rejected_for(reason)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let seconds = replaying.as_secs_f64();
    let accepted = totals.applied;
    Report {
        format: summary.format,
        target: if target.is_embedded() { "embedded".into() } else { target.address.clone() },
        speed: options.speed.to_string(),
        device_times: match options.times {
            Times::Keep => "keep",
            Times::Rebase => "rebase",
        },
        interrupted: options.stopped(),
        rows: Rows {
            read: counts.read,
            rejected_by_reader,
            unsent: (counts.read - counts.rejected_total()).saturating_sub(sent),
            sent,
            accepted,
            implausible: totals.implausible,
            rejected_by_server: totals.rejected,
        },
        drivers: summary.vehicles,
        time_span_ms: summary.span,
        bounds: summary.bounds,
        replay_seconds: seconds,
        check_seconds: checking.as_secs_f64(),
        updates_per_second: if seconds > 0.0 { accepted as f64 / seconds } else { 0.0 },
        query_latency: latency,
        checks,
        damage: summary.damage,
        skipped_files: summary.skipped.count(),
        skipped: summary.skipped.named().iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_taken_off_only_where_rows_wait_for_them() {
        let [total, checking] = [10, 4].map(Duration::from_secs);
        assert_eq!(replaying(Speed::Max, total, checking), Duration::from_secs(6));
        assert_eq!(replaying(Speed::Times(60.0), total, checking), total);
    }
}
