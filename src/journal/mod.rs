//! What must not be lost: events and the states they lead to, durable before anybody is told.
//!
//! A [`Journal`] knows bytes and numbers, not trips. It keeps a log of events numbered without
//! gaps; the state of each stream (a trip) that is open, which is all that a start has to read; one
//! small head; and, until it is pruned, the history of streams that have ended. Whoever decides
//! gathers what belongs together in a [`Batch`], and tells the world when [`Journal::commit`] has
//! returned.
//!
//! [`RedbJournal`] keeps them on disk. [`MemoryJournal`] keeps nothing: it is for simulation and
//! tests, and fails when told to.

mod error;
mod memory;
mod model;
mod page;
mod rules;
mod store;
#[cfg(test)]
mod tests;

pub use error::{BatchError, CommitError, Failure, OpenError, ReadError};
pub use memory::{Fault, MemoryJournal};
pub use model::{
    Batch, Change, EndedStream, Event, History, OpenStream, Ordinal, Page, Place, Pruned,
    Retention, Seq, Stats, Stream, StreamId,
};
pub use store::{JournalConfig, RedbJournal};

use std::sync::Arc;

/// Keeps events and the states they lead to.
///
/// All calls may come from any thread, and wait: [`Journal::commit`] for the disk, the others for
/// as long as it takes to read a page. One thread commits as a rule; if several do, one waits for
/// the other.
///
/// # Guarantees
/// - A batch is kept as a whole or not at all, whenever the process or the machine dies.
/// - When `commit` has returned `Ok`, the batch survives the death of both.
/// - What is read is what was acknowledged, in full and in order; where that cannot be, the answer
///   is an error. Nothing is shown before it is durable, nor ever what a failed commit has left.
/// - After a commit has [failed](CommitError::Failed), none succeeds until the journal is opened
///   anew; what was acknowledged can be read meanwhile, as far as the disk lets it.
pub trait Journal: Send + Sync {
    /// Makes a batch durable and returns the number of the last event. An empty batch costs
    /// nothing.
    ///
    /// A batch must fit what is there: events have the next numbers, in the journal and in their
    /// streams; a stream that has events in the batch has its new state or its end there too; a
    /// stream begins with an event, and with a larger number than any before it. A stream that has
    /// ended takes more events only with [`Batch::amend`], and never opens again.
    ///
    /// # Errors
    /// [`CommitError`]. Only after [`CommitError::Failed`] it is unknown, until the journal is
    /// opened anew, whether the batch was kept.
    fn commit(&self, batch: &Batch) -> Result<Seq, CommitError>;

    /// The head, if one was ever committed.
    ///
    /// # Errors
    /// [`ReadError`].
    fn head(&self) -> Result<Option<Vec<u8>>, ReadError>;

    /// A page of the open streams with larger numbers than `after`, in the order of numbers.
    ///
    /// # Errors
    /// [`ReadError`].
    fn open_streams(&self, after: StreamId, size: usize) -> Result<Page<OpenStream>, ReadError>;

    /// A stream, open or ended; `None` if it never was or has been pruned.
    ///
    /// # Errors
    /// [`ReadError`].
    fn stream(&self, stream: StreamId) -> Result<Option<Stream>, ReadError>;

    /// A page of the events from number `from` on, in order.
    ///
    /// # Errors
    /// [`ReadError::Pruned`] if the first of them has been pruned.
    fn events(&self, from: Seq, size: usize) -> Result<Page<Event>, ReadError>;

    /// A page of a stream's events from its event `from` on, in order.
    ///
    /// # Errors
    /// [`ReadError::UnknownStream`] if it is neither open nor in the history that is kept;
    /// [`ReadError::Pruned`] if it may be removed from history and its first events have been.
    fn events_of(
        &self,
        stream: StreamId,
        from: Ordinal,
        size: usize,
    ) -> Result<Page<Event>, ReadError>;

    /// A page of the streams that have ended: those that ended latest first; of those that ended
    /// together, those with larger numbers first.
    ///
    /// # Errors
    /// [`ReadError`].
    fn history(&self, question: &History) -> Result<Page<EndedStream>, ReadError>;

    /// Removes history that need not be kept, with its events, oldest first.
    ///
    /// # Guarantees
    /// What is to be kept is kept, and so is each event from the first of a kept or open stream on.
    /// Some of what may be removed can stay for a while: space is given back in large pieces.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    fn prune(&self, retention: Retention) -> Result<Pruned, CommitError>;

    /// What is in it.
    fn stats(&self) -> Stats;

    /// The write that failed, if one has: nothing is committed any more.
    fn failure(&self) -> Option<Arc<Failure>>;
}
