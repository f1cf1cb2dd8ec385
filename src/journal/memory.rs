//! A journal that keeps nothing beyond its own life: for simulation and tests, and the obvious twin
//! of the one on disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Journal;
use super::error::{CommitError, Failure, ReadError};
use super::model::{
    Batch, Change, EndedStream, Event, History, OpenStream, Ordinal, Page, Place, Pruned,
    Retention, Seq, Stats, Stream, StreamId,
};
use super::page::Pager;
use super::rules::{self, Known, Verdict};

/// What its errors name instead of a file.
const NAME: &str = "the journal in memory";

/// How a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of the batch was kept, as when the disk is full.
    Before,
    /// All of the batch was kept, and nobody was told, as when the process died just then.
    After,
    /// Half of the events were kept, without the states they lead to. No journal may do that: it is
    /// for tests that must notice.
    Torn,
}

/// A journal in memory.
///
/// # Guarantees
/// Those of [`Journal`], where [`MemoryJournal::restart`] stands for opening anew; unless it is told
/// to break them.
///
/// # Examples
/// ```
/// use hansom::journal::{Batch, Fault, Journal, MemoryJournal};
/// let journal = MemoryJournal::default();
/// journal.fail(1, Fault::After);
/// let mut batch = Batch::default();
/// batch.set_head(b"one".to_vec());
/// assert!(journal.commit(&batch).is_err() && journal.commit(&batch).is_err());
/// assert_eq!(journal.head()?, None, "nobody was told");
/// journal.restart();
/// assert_eq!(journal.head()?, Some(b"one".to_vec()));
/// assert!(journal.commit(&batch).is_ok());
/// # Ok::<(), hansom::journal::ReadError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryJournal {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: Kept,
    fault: Option<(u64, Fault)>,
    failure: Option<Arc<Failure>>,
    /// What a restart finds, once a commit has failed.
    found: Option<Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    /// All events after `pruned`.
    events: VecDeque<Event>,
    pruned: Seq,
    open: BTreeMap<StreamId, Line>,
    ended: BTreeMap<StreamId, (Line, Place)>,
    places: BTreeSet<Place>,
    newest: StreamId,
    head: Option<Vec<u8>>,
    commits: u64,
}

/// A stream: the numbers of its events, and its state.
#[derive(Clone, Debug, Default)]
struct Line {
    events: Vec<Seq>,
    state: Vec<u8>,
}

impl Line {
    fn last(&self) -> Ordinal {
        // Few: MAX_JOURNAL_STREAM_EVENTS.
        Ordinal(u32::try_from(self.events.len()).unwrap_or(u32::MAX))
    }
}

impl Known for Kept {
    fn last(&self) -> Seq {
        Seq(self.pruned.0 + self.events.len() as u64)
    }

    fn newest(&self) -> StreamId {
        self.newest
    }

    fn last_of(&self, stream: StreamId) -> Option<Ordinal> {
        self.open.get(&stream).map(Line::last)
    }

    fn last_of_ended(&self, stream: StreamId) -> Result<Option<Ordinal>, ReadError> {
        Ok(self.ended.get(&stream).map(|(line, _)| line.last()))
    }

    fn open(&self) -> usize {
        self.open.len()
    }
}

impl Kept {
    fn event(&self, seq: Seq) -> Option<&Event> {
        let at = usize::try_from(seq.0.checked_sub(self.pruned.0 + 1)?).ok()?;
        self.events.get(at)
    }

    fn apply(&mut self, batch: &Batch, verdict: &Verdict) {
        for event in batch.events() {
            match batch.changes().get(&event.stream) {
                None => {}
                Some(Change::Amended { .. }) => {
                    if let Some((line, _)) = self.ended.get_mut(&event.stream) {
                        line.events.push(event.seq);
                    }
                }
                Some(_) => self.open.entry(event.stream).or_default().events.push(event.seq),
            }
            self.events.push_back(event.clone());
        }
        for (&stream, change) in batch.changes() {
            let state = change.state().to_vec();
            match *change {
                Change::Put { .. } => self.open.entry(stream).or_default().state = state,
                Change::Ended { at, .. } => {
                    let events = self.open.remove(&stream).unwrap_or_default().events;
                    let place = Place { at, stream };
                    self.places.insert(place);
                    self.ended.insert(stream, (Line { events, state }, place));
                }
                Change::Amended { .. } => {
                    if let Some((line, _)) = self.ended.get_mut(&stream) {
                        line.state = state;
                    }
                }
            }
        }
        self.newest = verdict.newest;
        if let Some(head) = batch.head() {
            self.head = Some(head.to_vec());
        }
        self.commits += 1;
    }

    /// What no journal may do: see [`Fault::Torn`].
    fn tear(&mut self, batch: &Batch) {
        let half = batch.events().len().div_ceil(2);
        self.events.extend(batch.events()[..half].iter().cloned());
    }

    fn prune(&mut self, retention: Retention) -> Pruned {
        let surplus = (self.places.len() as u64).saturating_sub(retention.keep);
        let mut pruned = Pruned::default();
        while let Some(&oldest) = self.places.first()
            && (oldest.at < retention.before || pruned.streams < surplus)
        {
            self.places.remove(&oldest);
            self.ended.remove(&oldest.stream);
            pruned.streams += 1;
        }
        let lines = self.open.values().chain(self.ended.values().map(|(line, _)| line));
        let first = lines.filter_map(|line| line.events.first()).min();
        let first = first.copied().unwrap_or(self.last().next());
        while self.pruned.next() < first && self.events.pop_front().is_some() {
            self.pruned = self.pruned.next();
            pruned.events += 1;
        }
        pruned
    }
}

impl MemoryJournal {
    /// Makes the `nth` commit from now fail, 1 being the next. Refused and empty batches do not
    /// count.
    pub fn fail(&self, nth: u64, fault: Fault) {
        let mut inner = self.inner.lock();
        inner.fault = Some((inner.kept.commits + nth, fault));
    }

    /// What opening anew does: a failure is over, and what its commit left is there.
    pub fn restart(&self) {
        let mut inner = self.inner.lock();
        inner.failure = None;
        inner.fault = None;
        if let Some(found) = inner.found.take() {
            inner.kept = found;
        }
    }
}

impl Inner {
    fn refuse_if_poisoned(&self) -> Result<(), CommitError> {
        let poisoned = |failure: &Arc<Failure>| Err(CommitError::Poisoned(failure.clone()));
        self.failure.as_ref().map_or(Ok(()), poisoned)
    }
}

impl Journal for MemoryJournal {
    fn commit(&self, batch: &Batch) -> Result<Seq, CommitError> {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        inner.refuse_if_poisoned()?;
        let verdict = rules::judge(batch, &inner.kept)?;
        if batch.is_empty() {
            return Ok(inner.kept.last());
        }
        let commit = inner.kept.commits + 1;
        match inner.fault.take_if(|(number, _)| *number == commit) {
            None => {
                inner.kept.apply(batch, &verdict);
                Ok(inner.kept.last())
            }
            Some((_, fault)) => {
                let mut found = inner.kept.clone();
                match fault {
                    Fault::Before => {}
                    Fault::After => found.apply(batch, &verdict),
                    Fault::Torn => found.tear(batch),
                }
                inner.found = Some(found);
                let cause = "it was told to fail".to_owned();
                let failure = Arc::new(Failure { path: Path::new(NAME).into(), commit, cause });
                inner.failure = Some(failure.clone());
                Err(CommitError::Failed(failure))
            }
        }
    }

    fn head(&self) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.inner.lock().kept.head.clone())
    }

    fn open_streams(&self, after: StreamId, size: usize) -> Result<Page<OpenStream>, ReadError> {
        let kept = &self.inner.lock().kept;
        let mut pager = Pager::new(size);
        for (&stream, line) in kept.open.range((Bound::Excluded(after), Bound::Unbounded)) {
            let open = OpenStream { stream, last: line.last(), state: line.state.clone() };
            if !pager.push(line.state.len(), open) {
                break;
            }
        }
        Ok(pager.page())
    }

    fn stream(&self, stream: StreamId) -> Result<Option<Stream>, ReadError> {
        let kept = &self.inner.lock().kept;
        let open = kept.open.get(&stream).map(|line| {
            Stream::Open(OpenStream { stream, last: line.last(), state: line.state.clone() })
        });
        let ended = || kept.ended.get(&stream).map(|(line, place)| ended(line, *place));
        Ok(open.or_else(|| ended().map(Stream::Ended)))
    }

    fn events(&self, from: Seq, size: usize) -> Result<Page<Event>, ReadError> {
        let kept = &self.inner.lock().kept;
        let (asked, first) = (from.max(Seq(1)), kept.pruned.next());
        if asked < first {
            return Err(ReadError::Pruned { asked, first });
        }
        let mut pager = Pager::new(size);
        let skip = usize::try_from(asked.0 - first.0).unwrap_or(usize::MAX);
        for event in kept.events.iter().skip(skip) {
            if !pager.push(event.bytes.len(), event.clone()) {
                break;
            }
        }
        Ok(pager.page())
    }

    fn events_of(
        &self,
        stream: StreamId,
        from: Ordinal,
        size: usize,
    ) -> Result<Page<Event>, ReadError> {
        let kept = &self.inner.lock().kept;
        let line = kept.open.get(&stream).or(kept.ended.get(&stream).map(|(line, _)| line));
        let line = line.ok_or(ReadError::UnknownStream { stream })?;
        let mut pager = Pager::new(size);
        let skip = from.0.saturating_sub(1) as usize;
        for event in line.events.iter().skip(skip).filter_map(|&seq| kept.event(seq)) {
            if !pager.push(event.bytes.len(), event.clone()) {
                break;
            }
        }
        Ok(pager.page())
    }

    fn history(&self, question: &History) -> Result<Page<EndedStream>, ReadError> {
        let kept = &self.inner.lock().kept;
        let mut pager = Pager::new(question.size);
        for place in kept.places.iter().rev() {
            let before = question.before.is_none_or(|before| *place < before);
            let within = (question.from..question.until).contains(&place.at);
            if let (true, true, Some((line, _))) = (before, within, kept.ended.get(&place.stream))
                && !pager.push(line.state.len(), ended(line, *place))
            {
                break;
            }
        }
        Ok(pager.page())
    }

    fn prune(&self, retention: Retention) -> Result<Pruned, CommitError> {
        let mut inner = self.inner.lock();
        inner.refuse_if_poisoned()?;
        Ok(inner.kept.prune(retention))
    }

    fn stats(&self) -> Stats {
        let kept = &self.inner.lock().kept;
        Stats {
            last: kept.last(),
            first: kept.pruned.next(),
            open: kept.open.len() as u64,
            ended: kept.ended.len() as u64,
            bytes: 0,
            commits: kept.commits,
            free: None,
        }
    }

    fn failure(&self) -> Option<Arc<Failure>> {
        self.inner.lock().failure.clone()
    }
}

fn ended(line: &Line, place: Place) -> EndedStream {
    let Place { at, stream } = place;
    EndedStream { stream, last: line.last(), at, state: line.state.clone() }
}
