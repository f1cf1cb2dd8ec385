//! Questions to the log of decisions, however many and however impatient, leave threads to the journal.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::decisions::{LogPlace, Recorder};
use crate::journal::{
    Batch, CommitError, EndedStream, Event, Failure, History, OpenStream, Ordinal, Page, Pruned,
    ReadError, Retention, Seq, Stats, Stream, StreamId,
};

/// A journal of which a stream is read only once the gate is open.
struct Gated {
    journal: Arc<MemoryJournal>,
    reads: AtomicUsize,
    gate: Mutex<Receiver<()>>,
}

impl Journal for Gated {
    fn commit(&self, batch: &Batch) -> Result<Seq, CommitError> {
        self.journal.commit(batch)
    }

    fn head(&self) -> Result<Option<Vec<u8>>, ReadError> {
        self.journal.head()
    }

    fn open_streams(&self, after: StreamId, size: usize) -> Result<Page<OpenStream>, ReadError> {
        self.journal.open_streams(after, size)
    }

    fn stream(&self, stream: StreamId) -> Result<Option<Stream>, ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        // An error means that it is open for good.
        let _open = self.gate.lock().recv();
        self.journal.stream(stream)
    }

    fn events(&self, from: Seq, size: usize) -> Result<Page<Event>, ReadError> {
        self.journal.events(from, size)
    }

    fn events_of(
        &self,
        stream: StreamId,
        from: Ordinal,
        size: usize,
    ) -> Result<Page<Event>, ReadError> {
        self.journal.events_of(stream, from, size)
    }

    fn history(&self, question: &History) -> Result<Page<EndedStream>, ReadError> {
        self.journal.history(question)
    }

    fn prune(&self, retention: Retention) -> Result<Pruned, CommitError> {
        self.journal.prune(retention)
    }

    fn stats(&self) -> Stats {
        self.journal.stats()
    }

    fn failure(&self) -> Option<Arc<Failure>> {
        self.journal.failure()
    }
}

#[test]
fn questions_that_nobody_waits_for_any_more_occupy_no_further_thread() {
    let (rig, folder) = (Rig::start(), tempfile::tempdir().unwrap());
    let (open, gate): (SyncSender<()>, _) = sync_channel(1);
    let (journal, reads) = (Arc::clone(&rig.journal), AtomicUsize::new(0));
    let journal = Arc::new(Gated { journal, reads, gate: Mutex::new(gate) });
    let place = LogPlace {
        folder: folder.path().to_path_buf(),
        market: "sf".parse().unwrap(),
        max_bytes: 1 << 20,
    };
    let (recorder, sink) = Recorder::start(place.clone(), Arc::clone(&rig.metrics.market)).unwrap();
    let decisions = Some((sink, Archive::new(place)));
    let dispatch = Arc::clone(&journal) as Arc<dyn Journal>;
    let host = Host::start(HostConfig { decisions, journal: dispatch, ..rig.config() }).unwrap();
    let handle = host.handle();
    let Ok(Reply::Requested { trip, .. }) = handle.submit(request("ada")).wait() else { panic!() };

    // As a worker has them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(limits::READER_THREADS)
        .build()
        .unwrap();
    let ask = || async {
        let mut calls: Vec<_> = (0..8).map(|_| Box::pin(handle.explain_from_log(trip))).collect();
        for call in &mut calls {
            let asked = poll_fn(|cx| Poll::Ready(Pin::new(&mut *call).poll(cx))).await;
            assert!(asked.is_pending());
        }
        calls
    };
    runtime.block_on(async {
        let gone = ask().await;
        while journal.reads.load(Ordering::SeqCst) < limits::MAX_ARCHIVE_READS {
            std::thread::yield_now();
        }
        drop(gone);
        let patient = ask().await;
        let other = Reading::begin(|| 7);
        let read = tokio::time::timeout(Duration::from_secs(20), other).await;
        assert_eq!(read.expect("all threads are occupied").unwrap(), 7);
        assert_eq!(journal.reads.load(Ordering::SeqCst), limits::MAX_ARCHIVE_READS);
        drop(open);
        for call in patient {
            assert_eq!(call.await, Ok(None));
        }
    });
    recorder.finish(Duration::from_secs(20)).unwrap();
}
