//! Records what was applied into a trace file, on a thread of its own.
//!
//! The hot path hands rows over and never waits: when the disk is slower than the traffic for
//! too long, or full, rows are missing from the trace, counted and reported, and the map is
//! untouched.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::api::{ReportSink, SinkState};
use crate::clock;
use crate::ids::DriverId;
use crate::limits;
use crate::model::Report;
use crate::trace::{Order, Record, Sink, TraceError, TraceWriter, VehicleIx};

/// How often what was recorded is made durable: a crash loses at most so much.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Why rows are missing.
const BEHIND: &str = "the recorder is behind";
const FAILED: &str = "the recorder has failed";

type Rows = Vec<(DriverId, Report)>;

/// What the ends of the recorder and its thread tell each other beside the rows.
#[derive(Debug, Default)]
struct Shared {
    waiting_rows: AtomicUsize,
    dropped: AtomicU64,
    failed: AtomicBool,
    ending: AtomicBool,
}

impl Shared {
    /// Counts rows as lost.
    fn drop_rows(&self, count: usize, why: &'static str) {
        let count = count as u64;
        if count == 0 {
            return;
        }
        let before = self.dropped.fetch_add(count, Ordering::Relaxed);
        // At the first loss, and each time it has doubled: a log is no place for a flood.
        if before == 0 || before.ilog2() < (before + count).ilog2() {
            tracing::warn!(rows = before + count, why, "rows are missing from the recording");
        }
    }
}

/// The end of the recorder that takes rows.
#[derive(Debug)]
pub struct RecorderSink {
    sender: SyncSender<Rows>,
    shared: Arc<Shared>,
}

/// The end of the recorder that ends it.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    sender: SyncSender<Rows>,
    shared: Arc<Shared>,
    ended: Receiver<Result<(), TraceError>>,
}

impl Recorder {
    /// Starts to record into a new file at `path`.
    ///
    /// # Errors
    /// If the file exists already or cannot be made, or the thread cannot be started.
    pub fn create(path: &Path) -> Result<(Self, RecorderSink), TraceError> {
        Self::start(path, TraceWriter::create(path, Order::AsArrived)?)
    }

    /// Starts to record with `writer`; `path` only names it in errors.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start<W: Sink + Send + 'static>(
        path: &Path,
        writer: TraceWriter<W>,
    ) -> Result<(Self, RecorderSink), TraceError> {
        let (sender, receiver) = sync_channel(limits::MAX_WAITING_RECORDS);
        let (result, ended) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let sink = RecorderSink { sender: sender.clone(), shared: Arc::clone(&shared) };
        let recorder =
            Self { path: path.to_path_buf(), sender, shared: Arc::clone(&shared), ended };
        std::thread::Builder::new()
            .name("hansom-recorder".to_owned())
            .spawn(move || {
                let written = write_all(writer, &receiver, &shared);
                if let Err(error) = &written {
                    shared.failed.store(true, Ordering::Relaxed);
                    tracing::error!(%error, "the recording has ended early");
                    // The rows that came before the failure was seen are lost too.
                    let lost = receiver.try_iter().map(|rows| rows.len()).sum();
                    shared.drop_rows(lost, FAILED);
                }
                // An error means that nobody waits for the end.
                drop(result.send(written));
            })
            .map_err(TraceError::io(path))?;
        Ok((recorder, sink))
    }

    /// Writes what is still waiting, and the file's end.
    ///
    /// # Errors
    /// If the recording has failed, now or earlier, or is not finished `within` that time; then
    /// it is left as it is.
    pub fn finish(self, within: Duration) -> Result<(), TraceError> {
        self.shared.ending.store(true, Ordering::Release);
        // Wakes the thread. If the queue is full it is awake; if it has ended it says why.
        drop(self.sender.try_send(Rows::new()));
        self.ended.recv_timeout(within).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => {
                let why = format!("the recorder did not finish within {within:?}");
                Err(TraceError::io(&self.path)(io::Error::new(io::ErrorKind::TimedOut, why)))
            }
            RecvTimeoutError::Disconnected => Err(TraceError::Broken),
        })
    }
}

impl ReportSink for RecorderSink {
    fn record(&self, rows: Vec<(DriverId, Report)>) {
        let (count, shared) = (rows.len(), &*self.shared);
        if shared.failed.load(Ordering::Relaxed) {
            return shared.drop_rows(count, FAILED);
        }
        let waiting = shared.waiting_rows.fetch_add(count, Ordering::Relaxed);
        if waiting + count > limits::MAX_WAITING_RECORD_ROWS || self.sender.try_send(rows).is_err()
        {
            shared.waiting_rows.fetch_sub(count, Ordering::Relaxed);
            shared.drop_rows(count, BEHIND);
        }
    }

    fn state(&self) -> SinkState {
        SinkState {
            dropped_rows: self.shared.dropped.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
        }
    }
}

/// Writes rows until the end is wanted, or all who could send some are gone; then the file's end.
fn write_all<W: Sink>(
    mut writer: TraceWriter<W>,
    queue: &Receiver<Rows>,
    shared: &Shared,
) -> Result<(), TraceError> {
    let mut flushed = clock::stopwatch();
    loop {
        let left = FLUSH_INTERVAL.saturating_sub(flushed.elapsed());
        match queue.recv_timeout(left) {
            Ok(rows) => write(&mut writer, &rows, shared)?,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if shared.ending.load(Ordering::Acquire) {
            queue.try_iter().try_for_each(|rows| write(&mut writer, &rows, shared))?;
            break;
        }
        if flushed.elapsed() >= FLUSH_INTERVAL {
            let pending = writer.pending();
            writer.flush().inspect_err(|_| shared.drop_rows(pending, FAILED))?;
            flushed = clock::stopwatch();
        }
    }
    let pending = writer.pending();
    writer.finish().map(drop).inspect_err(|_| shared.drop_rows(pending, FAILED))
}

fn write<W: Sink>(
    writer: &mut TraceWriter<W>,
    rows: &Rows,
    shared: &Shared,
) -> Result<(), TraceError> {
    shared.waiting_rows.fetch_sub(rows.len(), Ordering::Relaxed);
    for (i, (id, report)) in rows.iter().enumerate() {
        writer.write(id, &record(report)).inspect_err(|_| {
            // The block that this row completed, and what would have followed it.
            shared.drop_rows(writer.pending() + rows.len() - i - 1, FAILED);
        })?;
    }
    Ok(())
}

fn record(report: &Report) -> Record {
    Record {
        at: report.at,
        vehicle: VehicleIx(0),
        position: report.position,
        motion: report.motion,
        status: report.status,
    }
}
