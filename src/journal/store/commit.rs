//! The way of a batch: judged, written, noted, acknowledged.

use std::collections::BTreeMap;

use super::codec::Numbers;
use super::segment::Line;
use super::witness::Note;
use super::{Judged, RedbJournal, Writer};
use crate::journal::error::{CommitError, ReadError};
use crate::journal::model::{Batch, Change, Place, Seq, StreamId};
use crate::journal::rules::{self, Verdict};
use crate::units::Timestamp;

impl RedbJournal {
    pub(super) fn commit_batch(&self, batch: &Batch) -> Result<Seq, CommitError> {
        let mut guard = self.writer.lock();
        let writer = &mut *guard;
        self.refuse_if_poisoned()?;
        let verdict = rules::judge(batch, &Judged { writer, journal: self })?;
        if batch.is_empty() {
            return Ok(verdict.last);
        }
        self.refuse_if_full()?;
        let mut numbers = next(&writer.numbers, batch, &verdict);
        let lines = self.lines(batch, writer, &mut numbers)?;
        {
            let shared = self.shared.read();
            // Absent only after a failure, which has been looked for.
            let written = shared.active.as_ref().map(|active| {
                active.commit(batch, &lines, &numbers).map_err(|trouble| {
                    CommitError::Failed(self.poison(active.path(), numbers.commit, &trouble))
                })
            });
            written.unwrap_or_else(|| self.refuse_if_poisoned())?;
        }
        writer.numbers = numbers;
        for (stream, Line { events, place }) in lines {
            match place {
                None => writer.open.insert(stream, events),
                Some(_) => writer.open.remove(&stream),
            };
        }
        *self.acknowledged.lock() = numbers;
        // The batch is durable and so acknowledged, even if it is the last that can be.
        let note = Note { commit: numbers.commit, segment: numbers.segment.number };
        match writer.witness.note(note) {
            Err(error) => drop(self.poison(writer.witness.path(), numbers.commit, &error)),
            Ok(()) => self.roll_if_due(writer, batch.events().last().map(|event| event.at)),
        }
        Ok(numbers.segment.last)
    }

    pub(super) fn refuse_if_full(&self) -> Result<(), CommitError> {
        let reserve = self.config.reserve_bytes;
        // A system that does not tell will refuse the write if there is no room.
        match self.disk.free(self.folder.any_file()) {
            Ok(free) if free < reserve => {
                Err(CommitError::NoSpace { path: self.path(), free, reserve })
            }
            _ => Ok(()),
        }
    }

    /// The events and the place of each stream that the batch changes; those that are history are
    /// entered in the segment's numbers.
    fn lines(
        &self,
        batch: &Batch,
        writer: &Writer,
        numbers: &mut Numbers,
    ) -> Result<BTreeMap<StreamId, Line>, ReadError> {
        let mut lines = BTreeMap::new();
        for (&stream, change) in batch.changes() {
            let open = || writer.open.get(&stream).cloned().unwrap_or_default();
            let line = match *change {
                Change::Put { .. } => Line { events: open(), place: None },
                Change::Ended { at, .. } => {
                    Line { events: open(), place: Some(Place { at, stream }) }
                }
                Change::Amended { .. } => {
                    let ended = self.find_ended(&self.shared.read(), stream)?;
                    let (segment, row) = ended.ok_or(ReadError::UnknownStream { stream })?;
                    numbers.segment.amended += u64::from(segment != numbers.segment.number);
                    Line { events: row.events, place: Some(Place { at: row.at, stream }) }
                }
            };
            lines.insert(stream, line);
        }
        for event in batch.events() {
            if let Some(line) = lines.get_mut(&event.stream) {
                line.events.push(event.seq);
            }
        }
        for (stream, line) in &lines {
            let Some(place) = line.place else { continue };
            let segment = &mut numbers.segment;
            segment.add(place, &line.events);
            if matches!(batch.changes()[stream], Change::Ended { .. }) {
                segment.ended += 1;
                segment.earliest_ended = segment.earliest_ended.min(place.at);
            }
        }
        Ok(lines)
    }
}

/// The numbers after a batch, its history left out.
fn next(numbers: &Numbers, batch: &Batch, verdict: &Verdict) -> Numbers {
    let mut next = *numbers;
    next.commit += 1;
    next.newest = verdict.newest;
    next.open = verdict.open as u64;
    next.payload += batch.bytes() as u64;
    next.segment.last = verdict.last;
    if let (Some(first), true) = (batch.events().first(), numbers.began == Numbers::NOT_BEGUN) {
        next.began = first.at.max(Timestamp::from_millis(i64::MIN + 1));
    }
    next
}
