//! What a batch must be, whatever keeps it. Both journals judge by these rules before anything
//! changes.

use std::collections::BTreeMap;

use super::error::{BatchError, CommitError, ReadError};
use super::model::{Batch, Change, Ordinal, Seq, StreamId};
use crate::limits;

/// What the rules need to know of a journal.
pub(super) trait Known {
    /// The last event.
    fn last(&self) -> Seq;

    /// The largest number that a stream has ever had.
    fn newest(&self) -> StreamId;

    /// The last event of a stream, if it is open.
    fn last_of(&self, stream: StreamId) -> Option<Ordinal>;

    /// The last event of a stream, if it has ended and is kept.
    fn last_of_ended(&self, stream: StreamId) -> Result<Option<Ordinal>, ReadError>;

    /// How many streams are open.
    fn open(&self) -> usize;
}

/// How a batch changes the numbers of a journal that takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The last event afterwards.
    pub(super) last: Seq,
    /// The largest number that a stream has had afterwards.
    pub(super) newest: StreamId,
    /// The last event of each stream that the batch changes.
    pub(super) last_of: BTreeMap<StreamId, Ordinal>,
    /// Open streams afterwards.
    pub(super) open: usize,
}

/// Judges a batch.
pub(super) fn judge(batch: &Batch, known: &impl Known) -> Result<Verdict, CommitError> {
    sizes(batch)?;
    let (last, newest, open) = (known.last(), known.newest(), known.open());
    let mut verdict = Verdict { last, newest, open, last_of: BTreeMap::new() };
    for event in batch.events() {
        let expected = verdict.last.next();
        if event.seq != expected {
            return Err(BatchError::Gap { found: event.seq, expected }.into());
        }
        verdict.last = expected;
        let stream = event.stream;
        let before = match verdict.last_of.get(&stream) {
            Some(&last) => last,
            None if stream == StreamId::NONE => Ordinal::ZERO,
            None => match before(batch, known, stream)? {
                Some(last) => last,
                None if stream > verdict.newest => {
                    verdict.newest = stream;
                    verdict.open += 1;
                    Ordinal::ZERO
                }
                None => return Err(BatchError::NotOpen { stream, newest: verdict.newest }.into()),
            },
        };
        let expected = if stream == StreamId::NONE { before } else { before.next() };
        if event.ordinal != expected {
            let found = event.ordinal;
            return Err(BatchError::StreamGap { stream, found, expected }.into());
        }
        most("events in one stream", expected.0 as usize, limits::MAX_JOURNAL_STREAM_EVENTS)?;
        verdict.last_of.insert(stream, expected);
    }
    verdict.last_of.remove(&StreamId::NONE);
    if let Some(&stream) = verdict.last_of.keys().find(|id| !batch.changes().contains_key(id)) {
        return Err(BatchError::NoState { stream }.into());
    }
    for (&stream, change) in batch.changes() {
        if stream == StreamId::NONE {
            return Err(BatchError::NoStream.into());
        }
        if !verdict.last_of.contains_key(&stream) {
            let last = before(batch, known, stream)?.ok_or(if stream > verdict.newest {
                BatchError::NoEvent { stream }
            } else {
                BatchError::NotOpen { stream, newest: verdict.newest }
            })?;
            verdict.last_of.insert(stream, last);
        }
        verdict.open -= usize::from(matches!(change, Change::Ended { .. }));
    }
    most("open streams", verdict.open, limits::MAX_JOURNAL_OPEN_STREAMS)?;
    Ok(verdict)
}

/// The last event of a stream before the batch; `None` if it is neither open nor amended.
fn before(
    batch: &Batch,
    known: &impl Known,
    stream: StreamId,
) -> Result<Option<Ordinal>, CommitError> {
    match batch.changes().get(&stream) {
        Some(Change::Amended { .. }) => {
            let ended = known.last_of_ended(stream)?;
            Ok(Some(ended.ok_or(BatchError::NotEnded { stream })?))
        }
        _ => Ok(known.last_of(stream)),
    }
}

/// Judges what a batch is by itself.
fn sizes(batch: &Batch) -> Result<(), BatchError> {
    most("events in one batch", batch.events().len(), limits::MAX_JOURNAL_BATCH_RECORDS)?;
    most("states in one batch", batch.changes().len(), limits::MAX_JOURNAL_BATCH_RECORDS)?;
    most("bytes in one batch", batch.bytes(), limits::MAX_JOURNAL_BATCH_BYTES)?;
    let record = |what, bytes: &[u8]| most(what, bytes.len(), limits::MAX_JOURNAL_RECORD_BYTES);
    batch.events().iter().try_for_each(|event| record("bytes in one event", &event.bytes))?;
    let mut states = batch.changes().values();
    states.try_for_each(|change| record("bytes in one state", change.state()))?;
    record("bytes in the head", batch.head().unwrap_or_default())
}

fn most(what: &'static str, value: usize, max: usize) -> Result<(), BatchError> {
    if value <= max { Ok(()) } else { Err(BatchError::TooMany { what, value, max }) }
}
