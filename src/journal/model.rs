//! What a journal keeps, and what is asked of it: numbers and bytes.

use std::collections::BTreeMap;
use std::fmt;

use crate::limits;
use crate::units::Timestamp;

/// The number of an event in its journal: from 1, without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The number after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a stream of events, as of a trip. Numbers rise: a stream that begins has a larger
/// one than all that began before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl StreamId {
    /// What belongs to no stream: its events have [`Ordinal::ZERO`], and there is no state.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of an event in its stream: from 1, without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(pub u32);

impl Ordinal {
    /// Before the first event of a stream.
    pub const ZERO: Self = Self(0);

    /// The number after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One event, as it is handed in and as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the journal.
    pub seq: Seq,
    /// The stream it belongs to, or [`StreamId::NONE`].
    pub stream: StreamId,
    /// Its number in that stream.
    pub ordinal: Ordinal,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: at most [`limits::MAX_JOURNAL_RECORD_BYTES`], of which the journal knows
    /// nothing.
    pub bytes: Vec<u8>,
}

/// What becomes of a stream in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is open, and this is its state now.
    Put {
        /// The whole state.
        state: Vec<u8>,
    },
    /// It has ended in this state.
    Ended {
        /// When; what history is listed by.
        at: Timestamp,
        /// The last state.
        state: Vec<u8>,
    },
    /// It ended in an earlier batch, and this is its last state now, as when a trip is rated.
    Amended {
        /// The last state.
        state: Vec<u8>,
    },
}

impl Change {
    /// The state that the stream has after the change.
    pub fn state(&self) -> &[u8] {
        match self {
            Self::Put { state } | Self::Ended { state, .. } | Self::Amended { state } => state,
        }
    }
}

/// What is committed together: all of it or nothing.
///
/// # Examples
/// ```
/// use hansom::journal::{Batch, Event, Ordinal, Seq, StreamId};
/// use hansom::units::Timestamp;
/// let mut batch = Batch::default();
/// let at = Timestamp::from_secs(1_768_006_800);
/// let (seq, stream, ordinal) = (Seq(1), StreamId(1), Ordinal(1));
/// batch.event(Event { seq, stream, ordinal, at, bytes: b"requested".to_vec() });
/// batch.put(stream, b"waiting".to_vec());
/// assert_eq!((batch.events().len(), batch.bytes()), (1, 16));
/// assert!(batch.has_room());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    events: Vec<Event>,
    changes: BTreeMap<StreamId, Change>,
    head: Option<Vec<u8>>,
    bytes: usize,
}

impl Batch {
    /// Adds an event; events stand in the order of their numbers.
    pub fn event(&mut self, event: Event) {
        self.bytes += event.bytes.len();
        self.events.push(event);
    }

    /// Sets the state of an open stream; the last word on a stream counts.
    pub fn put(&mut self, stream: StreamId, state: Vec<u8>) {
        self.change(stream, Change::Put { state });
    }

    /// Ends a stream in this state; the last word on a stream counts.
    pub fn end(&mut self, stream: StreamId, at: Timestamp, state: Vec<u8>) {
        self.change(stream, Change::Ended { at, state });
    }

    /// Replaces the last state of a stream that ended in an earlier batch; the last word on a stream
    /// counts. It keeps its place in history.
    pub fn amend(&mut self, stream: StreamId, state: Vec<u8>) {
        self.change(stream, Change::Amended { state });
    }

    fn change(&mut self, stream: StreamId, change: Change) {
        self.bytes += change.state().len();
        if let Some(earlier) = self.changes.insert(stream, change) {
            self.bytes -= earlier.state().len();
        }
    }

    /// Replaces the head, the one record that belongs to no stream.
    pub fn set_head(&mut self, head: Vec<u8>) {
        self.bytes += head.len();
        if let Some(earlier) = self.head.replace(head) {
            self.bytes -= earlier.len();
        }
    }

    /// The events, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What becomes of streams, in the order of their numbers.
    pub fn changes(&self) -> &BTreeMap<StreamId, Change> {
        &self.changes
    }

    /// The new head, if it changes.
    pub fn head(&self) -> Option<&[u8]> {
        self.head.as_deref()
    }

    /// The bytes of all records.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.changes.is_empty() && self.head.is_none()
    }

    /// Whether whoever gathers may go on: less than half of what a commit takes is used.
    pub fn has_room(&self) -> bool {
        let used = self.events.len().max(self.changes.len());
        used < limits::MAX_JOURNAL_BATCH_RECORDS / 2
            && self.bytes < limits::MAX_JOURNAL_BATCH_BYTES / 2
    }

    /// Empties it, keeping the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.changes.clear();
        self.head = None;
        self.bytes = 0;
    }
}

/// A stream that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStream {
    /// Which.
    pub stream: StreamId,
    /// The last of its events, which is how many there are.
    pub last: Ordinal,
    /// The state of the last commit that changed it.
    pub state: Vec<u8>,
}

/// A stream that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedStream {
    /// Which.
    pub stream: StreamId,
    /// The last of its events, which is how many there are.
    pub last: Ordinal,
    /// When it ended.
    pub at: Timestamp,
    /// Its last state.
    pub state: Vec<u8>,
}

impl EndedStream {
    /// The place in history from which a list goes on after this stream.
    pub const fn place(&self) -> Place {
        Place { at: self.at, stream: self.stream }
    }
}

/// A stream as the journal knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// It goes on.
    Open(OpenStream),
    /// It is history.
    Ended(EndedStream),
}

/// A place in history: by the time of the end, then by the stream's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// When the stream ended.
    pub at: Timestamp,
    /// Its number.
    pub stream: StreamId,
}

/// Which ended streams are asked for: those that ended in `from..until`, latest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Ended at this moment or later.
    pub from: Timestamp,
    /// Ended before this moment.
    pub until: Timestamp,
    /// Only streams before this place: the last of the page before.
    pub before: Option<Place>,
    /// At most so many, and at most [`limits::MAX_JOURNAL_PAGE`].
    pub size: usize,
}

impl History {
    /// The latest `size` streams.
    pub const fn latest(size: usize) -> Self {
        let (from, until) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        Self { from, until, before: None, size }
    }

    /// The page after one that ended with `last`.
    pub const fn after(self, last: &EndedStream) -> Self {
        Self { before: Some(last.place()), ..self }
    }
}

/// A part of a long answer.
///
/// It holds at most what was asked for and at most [`limits::MAX_JOURNAL_PAGE`] rows, and ends
/// early after [`limits::MAX_JOURNAL_PAGE_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the order that the question promises.
    pub rows: Vec<T>,
    /// Whether more follow.
    pub more: bool,
}

/// What [`super::Journal::prune`] may remove: ended streams for which one of both holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Those that ended before this moment.
    pub before: Timestamp,
    /// Those beyond this number, the latest kept.
    pub keep: u64,
}

/// What was removed from history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Ended streams.
    pub streams: u64,
    /// Events, of streams and of none.
    pub events: u64,
    /// Bytes given back to the disk.
    pub bytes: u64,
}

/// What a journal holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The last event acknowledged.
    pub last: Seq,
    /// The first event that can still be read; after `last` if there is none.
    pub first: Seq,
    /// Open streams.
    pub open: u64,
    /// Ended streams that can be listed: so many until history is pruned, then at least so many.
    pub ended: u64,
    /// Bytes on disk; 0 in memory.
    pub bytes: u64,
    /// Commits since it was created.
    pub commits: u64,
    /// Bytes free on its disk, if that can be told.
    pub free: Option<u64>,
}
