//! Answers, from the segment that is written to and from those that are sealed.

use std::cmp::Reverse;

use super::codec::{EndedRow, Summary};
use super::trouble::Trouble;
use super::view::View;
use super::{RedbJournal, Shared, last_of};
use crate::journal::error::ReadError;
use crate::journal::model::{
    EndedStream, Event, History, OpenStream, Ordinal, Page, Place, Seq, Stream, StreamId,
};
use crate::journal::page::Pager;
use crate::limits;
use crate::units::Timestamp;

impl RedbJournal {
    /// Asks the segment that is written to.
    pub(super) fn read_active<T>(
        &self,
        ask: impl FnOnce(&View) -> Result<T, Trouble>,
    ) -> Result<T, ReadError> {
        self.ask_active(&self.shared.read(), ask)
    }

    fn ask_active<T>(
        &self,
        shared: &Shared,
        ask: impl FnOnce(&View) -> Result<T, Trouble>,
    ) -> Result<T, ReadError> {
        let Some(active) = &shared.active else {
            let cause = "it was closed after a failure".to_owned();
            return Err(ReadError::Io { path: self.path(), cause });
        };
        let answer = active.view().and_then(|view| ask(&view));
        answer.map_err(|trouble| trouble.reading(active.path()))
    }

    fn ask_sealed<T>(
        &self,
        shared: &Shared,
        row: &Summary,
        ask: impl FnOnce(&View) -> Result<T, Trouble>,
    ) -> Result<T, ReadError> {
        shared.sealed.read(row, &self.folder, &*self.disk, ask)
    }

    pub(super) fn read_open(
        &self,
        after: StreamId,
        size: usize,
    ) -> Result<Page<OpenStream>, ReadError> {
        let mut pager = Pager::new(size);
        self.read_active(|view| {
            view.open_after(after, |stream, row| {
                let bytes = row.state.len();
                let last = last_of(&row.events);
                pager.push(bytes, OpenStream { stream, last, state: row.state })
            })
        })?;
        Ok(pager.page())
    }

    pub(super) fn read_stream(&self, stream: StreamId) -> Result<Option<Stream>, ReadError> {
        let shared = self.shared.read();
        if let Some(row) = self.ask_active(&shared, |view| view.open(stream))? {
            let last = last_of(&row.events);
            return Ok(Some(Stream::Open(OpenStream { stream, last, state: row.state })));
        }
        let ended = self.find_ended(&shared, stream)?;
        Ok(ended.map(|(_, row)| Stream::Ended(ended_stream(stream, row))))
    }

    /// An ended stream as it was amended last, and the segment in which that stands.
    pub(super) fn find_ended(
        &self,
        shared: &Shared,
        stream: StreamId,
    ) -> Result<Option<(u64, EndedRow)>, ReadError> {
        let active = self.ask_active(shared, |view| {
            let number = view.numbers()?.segment.number;
            Ok(view.ended(stream)?.map(|row| (number, row)))
        })?;
        if active.is_some() {
            return Ok(active);
        }
        let may_have = |row: &&Summary| (row.streams[0]..=row.streams[1]).contains(&stream);
        for row in shared.sealed.rows().rev().filter(may_have) {
            if let Some(found) = self.ask_sealed(shared, row, |view| view.ended(stream))? {
                return Ok(Some((row.number, found)));
            }
        }
        Ok(None)
    }

    pub(super) fn read_events(&self, from: Seq, size: usize) -> Result<Page<Event>, ReadError> {
        let shared = self.shared.read();
        let asked = from.max(Seq(1));
        let mut pager = Pager::new(size);
        let mut next = asked;
        if let Some(first) = shared.sealed.first().filter(|first| asked < *first) {
            return Err(ReadError::Pruned { asked, first });
        }
        for row in shared.sealed.rows() {
            let read = row.first.max(next)..=row.last;
            if read.is_empty() || pager.is_full() {
                continue;
            }
            next = row.last.next();
            self.ask_sealed(&shared, row, |view| {
                let push = |event: Event| pager.push(event.bytes.len(), event);
                view.events(*read.start(), *read.end(), push)
            })?;
        }
        if !pager.is_full() {
            self.ask_active(&shared, |view| {
                let segment = view.numbers()?.segment;
                if next < segment.first {
                    return Ok(Some(ReadError::Pruned { asked, first: segment.first }));
                }
                let push = |event: Event| pager.push(event.bytes.len(), event);
                view.events(next, segment.last, push).map(|()| None)
            })?
            .map_or(Ok(()), Err)?;
        }
        Ok(pager.page())
    }

    pub(super) fn read_events_of(
        &self,
        stream: StreamId,
        from: Ordinal,
        size: usize,
    ) -> Result<Page<Event>, ReadError> {
        let shared = self.shared.read();
        let events = match self.ask_active(&shared, |view| view.open(stream))? {
            Some(row) => row.events,
            None => match self.find_ended(&shared, stream)? {
                Some((_, row)) => row.events,
                None => return Err(ReadError::UnknownStream { stream }),
            },
        };
        let skip = from.0.saturating_sub(1) as usize;
        let mut pager = Pager::new(size);
        let mut rest = events.get(skip..).unwrap_or_default();
        let mut ordinal = from.max(Ordinal(1));
        if let (Some(&asked), Some(first)) = (rest.first(), shared.sealed.first())
            && asked < first
        {
            return Err(ReadError::Pruned { asked, first });
        }
        while let (Some(&first), false) = (rest.first(), pager.is_full()) {
            let row = shared.sealed.rows().find(|row| first <= row.last);
            let end = row.map_or(Seq(u64::MAX), |row| row.last);
            let (here, later) = rest.split_at(rest.partition_point(|seq| *seq <= end));
            rest = later;
            let ask = |view: &View| {
                for &seq in here {
                    let event = view.event(seq)?;
                    if (event.stream, event.ordinal) != (stream, ordinal) {
                        let what = format!("event {seq} is not event {ordinal} of {stream}");
                        return Err(Trouble::damage(what));
                    }
                    if !pager.push(event.bytes.len(), event) {
                        break;
                    }
                    ordinal = ordinal.next();
                }
                Ok(())
            };
            match row {
                Some(row) => self.ask_sealed(&shared, row, ask)?,
                None => self.ask_active(&shared, ask)?,
            }
        }
        Ok(pager.page())
    }

    pub(super) fn read_history(&self, question: &History) -> Result<Page<EndedStream>, ReadError> {
        let shared = self.shared.read();
        let end = Place { at: question.until, stream: StreamId(0) };
        let before = question.before.map_or(end, |before| before.min(end));
        let size = question.size.clamp(1, limits::MAX_JOURNAL_PAGE);
        let mut found =
            self.ask_active(&shared, |view| collect(view, question.from, before, size, u64::MAX))?;
        let mut sealed: Vec<&Summary> = shared.sealed.rows().collect();
        sealed.sort_by_key(|row| Reverse((row.latest, row.number)));
        for row in sealed {
            put_in_order(&mut found);
            let enough = found.get(size).is_some_and(|entry| entry.0.at > row.latest);
            if row.latest < question.from || enough {
                break;
            }
            if row.earliest <= before.at {
                found.extend(self.ask_sealed(&shared, row, |view| {
                    collect(view, question.from, before, size, row.number)
                })?);
            }
        }
        put_in_order(&mut found);
        let mut pager = Pager::new(size);
        for (_, _, row) in found {
            if !pager.push(row.state.len(), row) {
                break;
            }
        }
        Ok(pager.page())
    }
}

/// A stream of history, its place, and the segment in which it stands.
type Entry = (Place, u64, EndedStream);

/// The latest first, and of a stream that was amended only what stands in the newest segment.
fn put_in_order(found: &mut Vec<Entry>) {
    found.sort_unstable_by_key(|(place, segment, _)| Reverse((*place, *segment)));
    found.dedup_by_key(|(place, ..)| *place);
}

/// The latest of a segment's history, one more than asked for so that it shows whether there are.
fn collect(
    view: &View,
    from: Timestamp,
    before: Place,
    size: usize,
    segment: u64,
) -> Result<Vec<Entry>, Trouble> {
    let mut found = Vec::new();
    let mut bytes = 0;
    view.ended_before(from, before, |stream, row| {
        bytes += row.state.len();
        let ended = ended_stream(stream, row);
        found.push((ended.place(), segment, ended));
        found.len() <= size && bytes <= limits::MAX_JOURNAL_PAGE_BYTES
    })?;
    Ok(found)
}

fn ended_stream(stream: StreamId, row: EndedRow) -> EndedStream {
    EndedStream { stream, last: last_of(&row.events), at: row.at, state: row.state }
}
