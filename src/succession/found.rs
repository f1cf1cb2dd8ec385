//! A fresh journal from what a predecessor left in Redis.
//!
//! It begins with all that is known of the trips that are open or ended lately, each with all of
//! its events. Events of other trips are missing, so that the journal has fewer than the market
//! had: the difference is kept as the shift of its [`Lineage`].

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::Copy;
use super::lineage::{Lineage, LineageError};
use crate::dispatch;
use crate::journal::{
    Batch, CommitError, Event, Journal, JournalConfig, OpenError, Ordinal, RedbJournal, Seq,
    StreamId,
};
use crate::records::{self, RecordError};

/// Why a copy makes no journal. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoundError {
    /// A record in Redis is none of this program.
    #[error("{what} in Redis is no record of this program: {cause}")]
    Record {
        /// Which.
        what: String,
        /// What is wrong with it.
        cause: RecordError,
    },
    /// The copy contradicts itself.
    #[error("the copy in Redis contradicts itself: {what}")]
    Contradiction {
        /// How.
        what: String,
    },
    /// The new journal does not take it.
    #[error("the new journal does not take it: {0}")]
    Commit(#[from] CommitError),
    /// The new journal cannot be made.
    #[error("the new journal cannot be made: {0}")]
    Open(#[from] OpenError),
    /// Its lineage cannot be written.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// A folder cannot be made, renamed or removed.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A trip of a copy with all of its events.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trip {
    stream: StreamId,
    state: Vec<u8>,
    known: dispatch::Trip,
    events: Vec<(dispatch::Event, Vec<u8>)>,
}

/// The trips of a copy in the order of their numbers.
///
/// # Errors
/// [`FoundError::Record`], and [`FoundError::Contradiction`] if a trip lacks an event, or is
/// after the copy's end.
pub(super) fn trips(copy: &Copy) -> Result<Vec<Trip>, FoundError> {
    let mut trips = Vec::with_capacity(copy.open.len() + copy.ended.len());
    if !copy.head.is_empty() || copy.seq > Seq::ZERO {
        let head = records::decode_head(&copy.head);
        let head =
            head.map_err(|cause| FoundError::Record { what: "the head".to_owned(), cause })?;
        if head.seq.0 != copy.seq.0 {
            let what = format!("its head is at event {}, its cursor at {}", head.seq.0, copy.seq);
            return Err(FoundError::Contradiction { what });
        }
    }
    let mut states: Vec<(&u64, &Vec<u8>)> = copy.open.iter().chain(&copy.ended).collect();
    states.sort_unstable_by_key(|(number, _)| **number);
    for (&number, state) in states {
        let wrong =
            |what: &str| FoundError::Contradiction { what: format!("trip {number} {what}") };
        let record = |what: String| move |cause| FoundError::Record { what, cause };
        let trip = records::decode_trip(state).map_err(record(format!("trip {number}")))?;
        let open = copy.open.contains_key(&number);
        if open && copy.ended.contains_key(&number) {
            return Err(wrong("is both open and ended"));
        }
        if trip.id.number() != number || trip.end.is_some() == open {
            return Err(wrong("is another, or stands where it does not belong"));
        }
        let mut events = Vec::new();
        for ordinal in 1..=trip.ordinal {
            let bytes = copy.events.get(&(number, ordinal));
            let bytes = bytes.ok_or_else(|| wrong(&format!("lacks its event {ordinal}")))?;
            let event = records::decode_event(bytes)
                .map_err(record(format!("event {ordinal} of trip {number}")))?;
            if event.trip != trip.id || event.ordinal != ordinal || event.seq.0 > copy.seq.0 {
                return Err(wrong(&format!("has another event where its event {ordinal} belongs")));
            }
            events.push((event, bytes.clone()));
        }
        trips.push(Trip { stream: StreamId(number), state: state.clone(), known: trip, events });
    }
    Ok(trips)
}

/// Fills an empty journal with the trips of a copy; answers with the shift.
///
/// # Errors
/// [`FoundError`].
pub(super) fn fill(copy: &Copy, journal: &dyn Journal) -> Result<u64, FoundError> {
    let trips = trips(copy)?;
    let mut seq = Seq::ZERO;
    let mut batch = Batch::default();
    for Trip { stream, state, known, events } in trips {
        for (event, bytes) in events {
            seq = seq.next();
            let ordinal = Ordinal(event.ordinal);
            batch.event(Event { seq, stream, ordinal, at: event.at, bytes });
        }
        match known.end {
            None => batch.put(stream, state),
            Some(end) => batch.end(stream, end.at, state),
        }
        if !batch.has_room() {
            journal.commit(&batch)?;
            batch.clear();
        }
    }
    if !copy.head.is_empty() {
        batch.set_head(copy.head.clone());
    }
    journal.commit(&batch)?;
    copy.seq.0.checked_sub(seq.0).ok_or_else(|| FoundError::Contradiction {
        what: format!("it ends with event {}, and has {seq}", copy.seq),
    })
}

/// Makes the journal of a market from a copy, in place of what is in the folder, which is kept beside
/// it. Either all of it is done or nothing.
///
/// # Errors
/// [`FoundError`].
pub(super) fn found(folder: &Path, copy: &Copy, term: u64) -> Result<Lineage, FoundError> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |source| FoundError::Io { path, source }
    };
    let fresh = beside(folder, &format!("founding-{term}"));
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(at(&fresh))?;
    }
    let journal = RedbJournal::open(&fresh, JournalConfig::default())?;
    let lineage = Lineage { term, shift: fill(copy, &journal)? };
    drop(journal);
    lineage.write(&fresh)?;
    if folder.exists() {
        let old = beside(folder, &format!("before-{term}"));
        fs::rename(folder, &old).map_err(at(folder))?;
    }
    fs::rename(&fresh, folder).map_err(at(&fresh))?;
    let parent = folder.parent().filter(|path| !path.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(at(parent))?;
    Ok(lineage)
}

/// Finishes what a process began that died between the two renames of [`found`].
///
/// # Errors
/// [`FoundError::Io`].
pub(super) fn finish(folder: &Path) -> Result<(), FoundError> {
    let io = |source| FoundError::Io { path: folder.to_path_buf(), source };
    let parent = folder.parent().filter(|path| !path.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    if folder.exists() || !parent.exists() {
        return Ok(());
    }
    let prefix = beside(folder, "founding-");
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(parent).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let text = path.to_string_lossy();
        let term = text.strip_prefix(&*prefix.to_string_lossy()).and_then(|term| term.parse().ok());
        // The lineage is written last: without it the journal may be half of one.
        let whole = Lineage::read(&path).is_ok_and(|lineage| Some(lineage.term) == term);
        if let Some(term) = term.filter(|term| whole && *term > newest.as_ref().map_or(0, |n| n.0))
        {
            newest = Some((term, path.clone()));
        }
    }
    match newest {
        Some((_, path)) => fs::rename(path, folder).map_err(io),
        None => Ok(()),
    }
}

fn beside(folder: &Path, what: &str) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{name}.{what}"))
}
