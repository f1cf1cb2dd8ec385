//! Records what was applied into a trace file, on a thread of its own.
//!
//! The hot path hands rows over and never waits: when the disk is slower than the traffic for
//! too long, rows are missing from the trace, counted and reported, and the map is untouched.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::api::ReportSink;
use crate::clock;
use crate::ids::DriverId;
use crate::limits;
use crate::model::Report;
use crate::trace::{Order, Record, TraceError, TraceWriter, VehicleIx};

/// How often what was recorded is made durable: a crash loses at most so much.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

enum Message {
    Rows(Vec<(DriverId, Report)>),
    Finish,
}

/// The end of the recorder that takes rows.
#[derive(Debug)]
pub struct RecorderSink {
    sender: SyncSender<Message>,
    dropped: AtomicU64,
}

/// The end of the recorder that ends it.
#[derive(Debug)]
pub struct Recorder {
    sender: SyncSender<Message>,
    thread: JoinHandle<Result<(), TraceError>>,
}

impl Recorder {
    /// Starts to record into a new file at `path`.
    ///
    /// # Errors
    /// If the file exists already or cannot be made, or the thread cannot be started.
    pub fn create(path: &Path) -> Result<(Self, RecorderSink), TraceError> {
        let writer = TraceWriter::create(path, Order::AsArrived)?;
        let (sender, receiver) = sync_channel(limits::MAX_WAITING_RECORDS);
        let failed = TraceError::io(path);
        let thread = std::thread::Builder::new()
            .name("hansom-recorder".to_owned())
            .spawn(move || {
                let written = write_all(writer, &receiver);
                if let Err(error) = &written {
                    tracing::error!(%error, "the recording has ended early");
                }
                written
            })
            .map_err(failed)?;
        let sink = RecorderSink { sender: sender.clone(), dropped: AtomicU64::new(0) };
        Ok((Self { sender, thread }, sink))
    }

    /// Writes what is still waiting, and the file's end.
    ///
    /// # Errors
    /// If the recording has failed, now or earlier.
    pub fn finish(self) -> Result<(), TraceError> {
        // An error means that the thread has ended already, which joining it explains.
        drop(self.sender.send(Message::Finish));
        self.thread.join().unwrap_or(Err(TraceError::Broken))
    }
}

impl ReportSink for RecorderSink {
    fn record(&self, rows: Vec<(DriverId, Report)>) -> bool {
        let count = rows.len() as u64;
        if self.sender.try_send(Message::Rows(rows)).is_ok() {
            return true;
        }
        let before = self.dropped.fetch_add(count, Ordering::Relaxed);
        // At the first loss, and each time it has doubled: a log is no place for a flood.
        if before == 0 || before.ilog2() < (before + count).ilog2() {
            tracing::warn!(rows = before + count, "the recorder is behind; rows are missing");
        }
        false
    }
}

fn write_all(mut writer: TraceWriter, queue: &Receiver<Message>) -> Result<(), TraceError> {
    let mut flushed = clock::stopwatch();
    loop {
        let left = FLUSH_INTERVAL.saturating_sub(flushed.elapsed());
        match queue.recv_timeout(left) {
            Ok(Message::Rows(rows)) => {
                for (id, report) in &rows {
                    writer.write(id, &record(report))?;
                }
            }
            Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if flushed.elapsed() >= FLUSH_INTERVAL {
            writer.flush()?;
            flushed = clock::stopwatch();
        }
    }
    writer.finish().map(drop)
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
