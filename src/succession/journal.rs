//! A journal whose commits are also shipped, and that takes none without the lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::Notify;

use super::backlog::{Backlog, Parcel};
use super::gate::Gate;
use super::{Ack, Snapshot};
use crate::clock;
use crate::journal::{
    Batch, Change, CommitError, EndedStream, Event, Failure, History, Journal, OpenStream, Ordinal,
    Page, Pruned, ReadError, Retention, Seq, Stats, Stream, StreamId,
};
use crate::limits;
use crate::telemetry::Seldom;

/// Why nothing is told: somebody else may be active.
const NOT_HELD: &str = "this process does not hold the lease of the market";

/// Why nothing is told: Redis does not confirm it.
const NOT_CONFIRMED: &str = "Redis has not confirmed what was done";

/// A journal of one term of office: the market's journal, with a gate before it and a backlog of what
/// is to be shipped behind it.
///
/// Its numbers are the market's. The journal below may have begun later than the market did, with
/// what a predecessor left, and then has smaller ones: the difference is the `shift`.
///
/// # Guarantees
/// - Nothing is committed while the gate is closed, and no commit is acknowledged, and nothing that
///   was read is told, after it has closed.
/// - What is committed is shipped in order, each batch as it was committed.
/// - Where acknowledgements wait for Redis, nothing that Redis has not confirmed is acknowledged
///   or read.
pub struct ShippedJournal {
    inner: RwLock<Option<Arc<dyn Journal>>>,
    shift: u64,
    gate: Arc<Gate>,
    ack: Ack,
    backlog: Mutex<Backlog>,
    confirmed: Condvar,
    /// Held while a batch is committed and put into the backlog, and while all that is open is read.
    order: Mutex<()>,
    /// There is something to ship.
    pub(super) work: Notify,
    /// What is to be shipped cannot be read, or nobody is there who does it.
    stuck: AtomicBool,
}

impl std::fmt::Debug for ShippedJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShippedJournal").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl ShippedJournal {
    /// Puts a journal behind a gate.
    pub fn new(inner: Arc<dyn Journal>, shift: u64, gate: Arc<Gate>, ack: Ack) -> Self {
        let last = Seq(inner.stats().last.0 + shift);
        Self {
            inner: RwLock::new(Some(inner)),
            shift,
            gate,
            ack,
            backlog: Mutex::new(Backlog::new(last)),
            confirmed: Condvar::new(),
            order: Mutex::new(()),
            work: Notify::new(),
            stuck: AtomicBool::new(false),
        }
    }

    /// Lets go of the journal below, so that it can be opened anew.
    pub fn close(&self) {
        self.gate.set(super::Open::Never);
        *self.inner.write() = None;
        let _held = self.backlog.lock();
        self.confirmed.notify_all();
    }

    /// All up to this event is where it has to be.
    pub(super) fn confirm(&self, seq: Seq) {
        self.backlog.lock().confirm(seq);
        self.confirmed.notify_all();
    }

    /// Whether all after an event can be shipped batch by batch.
    pub(super) fn reaches(&self, seq: Seq) -> bool {
        self.backlog.lock().reaches(seq)
    }

    /// What is to be shipped after an event.
    pub(super) fn after(&self, seq: Seq) -> Vec<Arc<Parcel>> {
        self.backlog.lock().after(seq)
    }

    /// Events that are not known to be where they have to be.
    pub fn unconfirmed(&self) -> u64 {
        self.backlog.lock().unconfirmed()
    }

    /// How long the first of those has waited.
    pub fn lag(&self, now: Instant) -> Duration {
        self.backlog.lock().lag(now)
    }

    /// The last event committed.
    pub fn last(&self) -> Seq {
        self.backlog.lock().last()
    }

    /// All that a successor needs, as of one moment between two commits; the events of each trip
    /// come later, with [`Self::events_up_to`].
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let inner = self.inner()?;
        let _between = self.order.lock();
        let last = self.last();
        let head = inner.head()?.unwrap_or_default();
        let mut open = Vec::new();
        let mut after = StreamId::NONE;
        loop {
            let page = inner.open_streams(after, limits::MAX_JOURNAL_PAGE)?;
            open.extend(page.rows);
            match open.last() {
                Some(row) if page.more => after = row.stream,
                _ => break,
            }
        }
        let mut ended: Vec<EndedStream> = Vec::new();
        let mut question = History::latest(limits::MAX_JOURNAL_PAGE);
        loop {
            let room = limits::MAX_SHIPPED_ENDED_TRIPS - ended.len();
            question.size = room.min(limits::MAX_JOURNAL_PAGE);
            if question.size == 0 {
                break;
            }
            let page = inner.history(&question)?;
            ended.extend(page.rows);
            match ended.last() {
                Some(last) if page.more => question = question.after(last),
                _ => break,
            }
        }
        Ok(Snapshot { last, head, open, ended })
    }

    /// The events of a trip up to one of them, as records; none if they are not kept any more.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) fn events_up_to(
        &self,
        stream: StreamId,
        last: Ordinal,
    ) -> Result<Option<Vec<Vec<u8>>>, ReadError> {
        let inner = self.inner()?;
        let mut records = Vec::new();
        let wanted = last.0 as usize;
        while records.len() < wanted {
            let from = Ordinal(u32::try_from(records.len()).unwrap_or(u32::MAX)).next();
            let page = match inner.events_of(stream, from, wanted - records.len()) {
                Ok(page) => page,
                Err(ReadError::UnknownStream { .. } | ReadError::Pruned { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            if page.rows.is_empty() {
                return Ok(None);
            }
            records.extend(page.rows.into_iter().map(|row| row.bytes));
        }
        Ok(Some(records))
    }

    /// Waits until all that was committed so far is where it has to be: as long as the lease holds and
    /// somebody ships it.
    ///
    /// # Errors
    /// What it would wait for in vain.
    pub(super) fn settle(&self) -> Result<(), &'static str> {
        let (last, mut complaints) = (self.last(), Seldom::default());
        loop {
            let now = clock::stopwatch();
            if self.settled(last, now + LOOK_AT_THE_LEASE) {
                return Ok(());
            }
            if !self.gate.is_open() {
                return Err(NOT_HELD);
            }
            if self.stuck.load(Ordering::Acquire) {
                return Err("the journal cannot be shipped to Redis");
            }
            if complaints.due(now).is_some() {
                let events = self.unconfirmed();
                tracing::warn!(events, "the market is not open: {NOT_CONFIRMED}");
            }
        }
    }

    /// Whether anybody can ship at all, whatever Redis says.
    pub(super) fn set_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Release);
    }

    fn inner(&self) -> Result<Arc<dyn Journal>, ReadError> {
        self.inner.read().clone().ok_or(ReadError::Closed { reason: NOT_HELD })
    }

    /// Reads, and tells what was read only if the lease held until then.
    fn told<T>(
        &self,
        read: impl FnOnce(&dyn Journal) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let inner = self.inner()?;
        let found = read(&*inner)?;
        let last = self.last();
        if !self.settled(last, deadline()) {
            return Err(ReadError::Closed { reason: NOT_CONFIRMED });
        }
        if self.gate.is_open() { Ok(found) } else { Err(ReadError::Closed { reason: NOT_HELD }) }
    }

    /// Waits until all up to an event is confirmed, if that is asked for; false if it never came.
    fn settled(&self, seq: Seq, deadline: Instant) -> bool {
        if self.ack == Ack::Local {
            return true;
        }
        let mut backlog = self.backlog.lock();
        while backlog.confirmed() < seq {
            if self.inner.read().is_none()
                || self.confirmed.wait_until(&mut backlog, deadline).timed_out()
            {
                return backlog.confirmed() >= seq;
            }
        }
        true
    }

    /// The batch with the numbers of the journal below.
    fn below(&self, batch: &Batch) -> Batch {
        let mut below = Batch::default();
        for event in batch.events() {
            // One that lies before it all is refused below as the gap that it is.
            let seq = Seq(event.seq.0.saturating_sub(self.shift));
            below.event(Event { seq, ..event.clone() });
        }
        for (&stream, change) in batch.changes() {
            match change.clone() {
                Change::Put { state } => below.put(stream, state),
                Change::Ended { at, state } => below.end(stream, at, state),
                Change::Amended { state } => below.amend(stream, state),
            }
        }
        if let Some(head) = batch.head() {
            below.set_head(head.to_vec());
        }
        below
    }
}

impl Journal for ShippedJournal {
    fn commit(&self, batch: &Batch) -> Result<Seq, CommitError> {
        let closed = || CommitError::Closed { reason: NOT_HELD };
        let inner = self.inner.read().clone().ok_or_else(closed)?;
        let order = self.order.lock();
        if !self.gate.is_open() {
            return Err(closed());
        }
        if batch.is_empty() {
            inner.commit(batch)?;
            return Ok(self.last());
        }
        if self.shift == 0 {
            inner.commit(batch)?;
        } else {
            inner.commit(&self.below(batch))?;
        }
        let last = {
            let mut backlog = self.backlog.lock();
            backlog.push(clock::stopwatch(), batch.clone());
            backlog.last()
        };
        drop(order);
        self.work.notify_one();
        if !self.settled(last, deadline()) {
            return Err(CommitError::Unconfirmed { reason: NOT_CONFIRMED });
        }
        if self.gate.is_open() {
            Ok(last)
        } else {
            Err(CommitError::Unconfirmed { reason: NOT_HELD })
        }
    }

    fn head(&self) -> Result<Option<Vec<u8>>, ReadError> {
        self.told(|inner| inner.head())
    }

    fn open_streams(&self, after: StreamId, size: usize) -> Result<Page<OpenStream>, ReadError> {
        self.told(|inner| inner.open_streams(after, size))
    }

    fn stream(&self, stream: StreamId) -> Result<Option<Stream>, ReadError> {
        self.told(|inner| inner.stream(stream))
    }

    fn events(&self, from: Seq, size: usize) -> Result<Page<Event>, ReadError> {
        let below = Seq(from.0.saturating_sub(self.shift));
        let above = |seq: Seq| Seq(seq.0 + self.shift);
        let mut page = self.told(|inner| match inner.events(below, size) {
            Err(ReadError::Pruned { asked, first }) => {
                Err(ReadError::Pruned { asked: above(asked), first: above(first) })
            }
            other => other,
        })?;
        page.rows.iter_mut().for_each(|row| row.seq = above(row.seq));
        Ok(page)
    }

    fn events_of(
        &self,
        stream: StreamId,
        from: Ordinal,
        size: usize,
    ) -> Result<Page<Event>, ReadError> {
        let mut page = self.told(|inner| inner.events_of(stream, from, size))?;
        page.rows.iter_mut().for_each(|row| row.seq = Seq(row.seq.0 + self.shift));
        Ok(page)
    }

    fn history(&self, question: &History) -> Result<Page<EndedStream>, ReadError> {
        self.told(|inner| inner.history(question))
    }

    fn prune(&self, retention: Retention) -> Result<Pruned, CommitError> {
        let inner = self.inner.read().clone();
        inner.ok_or(CommitError::Closed { reason: NOT_HELD })?.prune(retention)
    }

    fn stats(&self) -> Stats {
        let Some(inner) = self.inner.read().clone() else { return Stats::default() };
        let stats = inner.stats();
        let above = |seq: Seq| Seq(seq.0 + self.shift);
        Stats { last: above(stats.last), first: above(stats.first), ..stats }
    }

    fn failure(&self) -> Option<Arc<Failure>> {
        self.inner.read().as_ref()?.failure()
    }
}

/// How often whoever waits without an end looks whether the lease still holds.
const LOOK_AT_THE_LEASE: Duration = Duration::from_millis(100);

/// Until when a confirmation is waited for that is asked for now.
fn deadline() -> Instant {
    clock::stopwatch() + Duration::from_millis(limits::MAX_CONFIRM_WAIT_MS)
}
