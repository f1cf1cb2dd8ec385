//! What can go wrong with a journal, and what it means for whoever waits for an answer.

use std::path::PathBuf;
use std::sync::Arc;

use super::model::{Ordinal, Seq, StreamId};

/// Why a batch is not committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The batch contradicts what the journal holds: the caller's mistake. Nothing has changed and
    /// the journal goes on.
    #[error(transparent)]
    Refused(#[from] BatchError),
    /// The disk has too little space left. Nothing has changed, and commits are taken again when
    /// there is more.
    #[error(
        "{}: {free} bytes are free on this disk, less than the {reserve} that are kept in reserve",
        path.display()
    )]
    NoSpace {
        /// The journal's folder.
        path: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes that must be.
        reserve: u64,
    },
    /// What has to be known of an amended stream cannot be read. Nothing has changed.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// Writing failed. The batch is not acknowledged: after a restart it may be there as a whole or
    /// not at all. Each further commit is [`CommitError::Poisoned`].
    #[error("{0}; nothing more is committed until a restart")]
    Failed(Arc<Failure>),
    /// An earlier commit failed, so that nothing is known of what the disk holds. Nothing is
    /// committed until the journal is opened anew.
    #[error("nothing is committed until a restart, since earlier {0}")]
    Poisoned(Arc<Failure>),
    /// This process must not write at present. Nothing has changed.
    #[error("{reason}")]
    Closed {
        /// Why not.
        reason: &'static str,
    },
    /// The batch is kept here, and not known to be where it has to be before anybody is told. Nobody
    /// may be told: it may turn out to be there, or never to have been.
    #[error("{reason}")]
    Unconfirmed {
        /// What is missing.
        reason: &'static str,
    },
}

/// A write that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: commit {commit} failed: {cause}", path.display())]
pub struct Failure {
    /// The file.
    pub path: PathBuf,
    /// The number of the commit.
    pub commit: u64,
    /// What the system or the store said.
    pub cause: String,
}

/// How a batch contradicts the journal or its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// An event's number is not the next.
    #[error("event {found} where event {expected} belongs")]
    Gap {
        /// The number it has.
        found: Seq,
        /// The number it should have.
        expected: Seq,
    },
    /// An event's number in its stream is not the next.
    #[error("event {found} of stream {stream} where its event {expected} belongs")]
    StreamGap {
        /// The stream.
        stream: StreamId,
        /// The number it has.
        found: Ordinal,
        /// The number it should have.
        expected: Ordinal,
    },
    /// A stream that is not open, and whose number is not larger than that of each before.
    #[error("stream {stream} is not open, and new streams have numbers above {newest}")]
    NotOpen {
        /// The stream.
        stream: StreamId,
        /// The largest number that has been used.
        newest: StreamId,
    },
    /// A stream is to be amended that has not ended, or is no longer kept.
    #[error("stream {stream} cannot be amended: it is not in the history that is kept")]
    NotEnded {
        /// The stream.
        stream: StreamId,
    },
    /// A stream has events in the batch and no state.
    #[error("stream {stream} has events and no state in this batch")]
    NoState {
        /// The stream.
        stream: StreamId,
    },
    /// A stream begins with a state and without an event.
    #[error("stream {stream} begins without an event")]
    NoEvent {
        /// The stream.
        stream: StreamId,
    },
    /// [`StreamId::NONE`] has neither state nor end.
    #[error("stream 0 is no stream: it has neither a state nor an end")]
    NoStream,
    /// More than a named limit allows.
    #[error("{value} {what}, more than {max}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        value: usize,
        /// The limit.
        max: usize,
    },
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The events asked for have been pruned.
    #[error("event {asked} has been pruned; the first that is kept is {first}")]
    Pruned {
        /// The event asked for.
        asked: Seq,
        /// The first that is kept.
        first: Seq,
    },
    /// The stream never was, or has been pruned.
    #[error("stream {stream} is neither open nor in the history that is kept")]
    UnknownStream {
        /// The stream.
        stream: StreamId,
    },
    /// What was read is not what was written.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The system or the store refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
    /// This process must not tell at present what it has.
    #[error("{reason}")]
    Closed {
        /// Why not.
        reason: &'static str,
    },
}

/// Why a journal cannot be opened. Nothing of what it holds has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another part of this one, has it open.
    #[error("{}: the journal is open elsewhere; only one process at a time can use it", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// A file is not what was written.
    #[error("{}: damaged: {what}; restore the journal's folder from a copy", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file is not there.
    #[error("{}: missing, and the journal needs it; restore the journal's folder from a copy", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The files are sound but hold less than was acknowledged: an old copy, or damage that looks
    /// like one.
    #[error(
        "{}: it ends with commit {found}, and commit {acknowledged} was acknowledged; restore the \
         journal's folder from a copy, or give up what was acknowledged later by emptying {}",
        path.display(),
        witness.display()
    )]
    SetBack {
        /// The file that should hold it.
        path: PathBuf,
        /// The last commit it holds.
        found: u64,
        /// The last commit known to have been acknowledged.
        acknowledged: u64,
        /// The file that says so.
        witness: PathBuf,
    },
    /// Nothing says what was acknowledged last.
    #[error(
        "{}: {what}, so that nothing tells whether the journal is whole; restore the journal's \
         folder from a copy, or accept what it holds by making this an empty file",
        witness.display()
    )]
    NoWitness {
        /// The file.
        witness: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The journal was written by a newer program.
    #[error("{}: journal version {found} is newer than {newest}, the newest known here", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that can be read.
        newest: u32,
    },
    /// The system or the store refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
}
