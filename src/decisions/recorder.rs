//! Writes a market's decisions down, on a thread of its own.
//!
//! The market's thread hands decisions over and never waits: if the disk is slower than the market for
//! too long, or full, decisions are missing from the log, which says how many and where, and a metric
//! counts them. After a failure the log goes on in a new file a little later.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::rolling::{Disk, Files, RollingLog};
use super::{DecisionLogError, LogPlace};
use crate::clock;
use crate::dispatch::policy::Decision;
use crate::limits;
use crate::records::LogEntry;
use crate::telemetry::MarketMetrics;
use crate::units::Timestamp;

/// How often what was decided is handed to the system.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// How long after a failure the log tries again, unless a test says otherwise.
const RETRY: Duration = Duration::from_millis(limits::DECISION_LOG_RETRY_MS);

/// What waits in the queue.
enum Item {
    /// A decision, and how many before it could not be queued.
    Decided { missing: u64, decision: Arc<Decision> },
    /// Nothing: the thread looks whether it has to stop.
    Wake,
}

/// What the ends of the recorder and its thread tell each other beside the decisions.
struct Shared {
    waiting_rows: AtomicUsize,
    /// Those that could not be queued since the last that could.
    missing: AtomicU64,
    ending: AtomicBool,
    metrics: Arc<MarketMetrics>,
}

/// The end of a recorder that takes decisions: the market's.
pub struct DecisionSink {
    sender: SyncSender<Item>,
    shared: Arc<Shared>,
}

/// The end of a recorder that ends it.
pub struct Recorder {
    folder: PathBuf,
    sender: SyncSender<Item>,
    shared: Arc<Shared>,
    ended: Receiver<Result<(), DecisionLogError>>,
}

impl Recorder {
    /// Starts to write a market's decisions down.
    ///
    /// # Errors
    /// If the folder cannot be made or read, or the thread cannot be started.
    pub fn start(
        place: LogPlace,
        metrics: Arc<MarketMetrics>,
    ) -> Result<(Self, DecisionSink), DecisionLogError> {
        let made = std::fs::create_dir_all(&place.folder);
        made.map_err(DecisionLogError::io(&place.folder))?;
        Self::on(Files, place, metrics, RETRY)
    }

    pub(super) fn on<D: Disk<File: Send> + 'static>(
        disk: D,
        place: LogPlace,
        metrics: Arc<MarketMetrics>,
        retry: Duration,
    ) -> Result<(Self, DecisionSink), DecisionLogError> {
        let folder = place.folder.clone();
        let log = RollingLog::new(disk, place)?;
        let (sender, queue) = sync_channel(limits::MAX_WAITING_DECISIONS);
        let (result, ended) = sync_channel(1);
        let shared = Arc::new(Shared {
            waiting_rows: AtomicUsize::new(0),
            missing: AtomicU64::new(0),
            ending: AtomicBool::new(false),
            metrics,
        });
        let sink = DecisionSink { sender: sender.clone(), shared: Arc::clone(&shared) };
        let recorder = Self { folder: folder.clone(), sender, shared: Arc::clone(&shared), ended };
        std::thread::Builder::new()
            .name("hansom-decisions".to_owned())
            .spawn(move || {
                let now = clock::stopwatch();
                let (missing, told, last, failed) = (0, (0, 0), None, None);
                let writing = Writing { log, shared, retry, missing, told, last, failed };
                // An error means that nobody waits for the end.
                drop(result.send(writing.run(&queue, now)));
            })
            .map_err(DecisionLogError::io(&folder))?;
        Ok((recorder, sink))
    }

    /// Writes what is still waiting, and the file's end.
    ///
    /// # Errors
    /// If that fails, or is not done `within` that time; then it is left as it is.
    pub fn finish(self, within: Duration) -> Result<(), DecisionLogError> {
        self.shared.ending.store(true, Ordering::Release);
        // If the queue is full, the thread is awake.
        drop(self.sender.try_send(Item::Wake));
        let (path, seconds) = (self.folder, within.as_secs());
        let late = Err(DecisionLogError::Unfinished { path, seconds });
        self.ended.recv_timeout(within).unwrap_or(late)
    }
}

impl DecisionSink {
    /// Hands a decision over, or counts it as missing. Never waits.
    pub fn record(&self, decision: &Arc<Decision>) {
        let shared = &*self.shared;
        let rows = decision.rows();
        let waiting = shared.waiting_rows.fetch_add(rows, Ordering::Relaxed);
        // One that is larger than all that may wait is taken if nothing waits.
        if waiting == 0 || waiting + rows <= limits::MAX_WAITING_DECISION_ROWS {
            let missing = shared.missing.swap(0, Ordering::Relaxed);
            let decision = Arc::clone(decision);
            if self.sender.try_send(Item::Decided { missing, decision }).is_ok() {
                return;
            }
            shared.missing.fetch_add(missing, Ordering::Relaxed);
        }
        shared.waiting_rows.fetch_sub(rows, Ordering::Relaxed);
        self.miss(1);
    }

    /// Counts decisions as missing that nobody could hand over.
    pub fn miss(&self, decisions: u64) {
        let before = self.shared.missing.fetch_add(decisions, Ordering::Relaxed);
        self.shared.metrics.decisions_dropped.increment(decisions);
        if before == 0 && decisions > 0 {
            tracing::warn!("the log of decisions is behind: decisions are missing from it");
        }
    }
}

/// The thread's own.
struct Writing<D: Disk> {
    log: RollingLog<D>,
    shared: Arc<Shared>,
    /// How long after a failure it is tried again.
    retry: Duration,
    /// How many are missing before the next entry.
    missing: u64,
    /// How many entries of the block that is gathered say that decisions are missing, and how many.
    told: (u32, u64),
    /// When the last decision was made.
    last: Option<Timestamp>,
    /// Why nothing is written, and until when.
    failed: Option<(Instant, DecisionLogError)>,
}

impl<D: Disk> Writing<D> {
    /// Writes until the end is wanted, or nobody is left who could decide anything.
    fn run(mut self, queue: &Receiver<Item>, begun: Instant) -> Result<(), DecisionLogError> {
        let mut flushed = begun;
        loop {
            match queue.recv_timeout(FLUSH_INTERVAL.saturating_sub(flushed.elapsed())) {
                Ok(item) => self.take(item),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.shared.ending.load(Ordering::Acquire) {
                for item in queue.try_iter() {
                    self.take(item);
                }
                break;
            }
            if flushed.elapsed() >= FLUSH_INTERVAL {
                self.attempt(RollingLog::flush);
                flushed = clock::stopwatch();
            }
        }
        self.missing += self.shared.missing.swap(0, Ordering::Relaxed);
        self.attempt(|_| Ok(()));
        self.attempt(RollingLog::finish);
        self.failed.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn take(&mut self, item: Item) {
        let Item::Decided { missing, decision } = item else { return };
        self.shared.waiting_rows.fetch_sub(decision.rows(), Ordering::Relaxed);
        self.missing += missing;
        self.last = Some(decision.at);
        if self.attempt(|log| log.write(&decision)) {
            self.shared.metrics.decisions_logged.increment(1);
        } else {
            self.lose(1);
        }
    }

    /// Does something with the log, unless it has failed a moment ago; whether that was possible.
    fn attempt(
        &mut self,
        act: impl FnOnce(&mut RollingLog<D>) -> Result<(), DecisionLogError>,
    ) -> bool {
        if self.failed.as_ref().is_some_and(|(until, _)| clock::stopwatch() < *until) {
            return false;
        }
        // What is pending is lost with a block that cannot be written.
        let mut pending = self.log.pending();
        let done = self.tell_missing().and_then(|()| {
            pending = self.log.pending();
            act(&mut self.log)
        });
        match done {
            Ok(()) => {
                if self.log.pending() == 0 {
                    self.told = (0, 0);
                }
                self.failed = None;
                self.shared.metrics.decision_log_failed.set(0.0);
                true
            }
            Err(error @ DecisionLogError::TooLarge { .. }) => {
                tracing::warn!(%error, "a decision is missing from the log");
                false
            }
            Err(error) => {
                tracing::error!(%error, "the log of decisions has failed, and is tried again");
                self.log.abandon();
                let (entries, told) = std::mem::take(&mut self.told);
                self.missing += told;
                self.lose(pending.saturating_sub(entries).into());
                self.shared.metrics.decision_log_failed.set(1.0);
                self.failed = Some((clock::stopwatch() + self.retry, error));
                false
            }
        }
    }

    /// Writes down how many decisions are missing before the next one.
    fn tell_missing(&mut self) -> Result<(), DecisionLogError> {
        if self.missing > 0
            && let Some(at) = self.last
        {
            self.log.write_entry(&LogEntry::Missing { at, decisions: self.missing })?;
            self.told.0 += 1;
            self.told.1 += std::mem::take(&mut self.missing);
        }
        Ok(())
    }

    fn lose(&mut self, decisions: u64) {
        self.missing += decisions;
        self.shared.metrics.decisions_dropped.increment(decisions);
    }
}

impl std::fmt::Debug for DecisionSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecisionSink").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("folder", &self.folder).finish_non_exhaustive()
    }
}
