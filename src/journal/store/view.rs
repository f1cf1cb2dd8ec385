//! A segment as of one moment, for reading.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};

use super::codec::{self, EndedRow, Numbers, OpenRow, Summary};
use super::segment::{ENDED, HEAD, HEAD_KEY, LOG, NUMBERS_KEY, OPEN, PLACES, SEGMENTS};
use super::trouble::Trouble;
use crate::journal::model::{Event, Place, Seq, StreamId};
use crate::units::Timestamp;

/// Whether a visitor wants more.
pub(super) type More = bool;

/// What was committed when the view was made.
pub(super) struct View(pub(super) ReadTransaction);

/// How many rows the tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) events: u64,
    pub(super) open: u64,
    pub(super) ended: u64,
    pub(super) places: u64,
}

impl View {
    pub(super) fn numbers(&self) -> Result<Numbers, Trouble> {
        let row = self.0.open_table(HEAD)?.get(NUMBERS_KEY)?;
        let row = row.ok_or_else(|| Trouble::damage("it has no numbers"))?;
        codec::parse_numbers(row.value())?.map_err(Trouble::Version)
    }

    pub(super) fn head(&self) -> Result<Option<Vec<u8>>, Trouble> {
        let row = self.0.open_table(HEAD)?.get(HEAD_KEY)?;
        Ok(row.map(|row| codec::parse_head(row.value())).transpose()?)
    }

    pub(super) fn sizes(&self) -> Result<Sizes, Trouble> {
        Ok(Sizes {
            events: self.0.open_table(LOG)?.len()?,
            open: self.0.open_table(OPEN)?.len()?,
            ended: self.0.open_table(ENDED)?.len()?,
            places: self.0.open_table(PLACES)?.len()?,
        })
    }

    pub(super) fn sealed(&self) -> Result<Vec<Summary>, Trouble> {
        let table = self.0.open_table(SEGMENTS)?;
        let rows = table.iter()?.map(|row| {
            let (number, row) = row?;
            Ok(codec::parse_segment(number.value(), row.value())?)
        });
        rows.collect()
    }

    pub(super) fn open(&self, stream: StreamId) -> Result<Option<OpenRow>, Trouble> {
        let row = self.0.open_table(OPEN)?.get(stream.0)?;
        Ok(row.map(|row| codec::parse_open(stream, row.value())).transpose()?)
    }

    /// Visits the open streams after this one, in order.
    pub(super) fn open_after(
        &self,
        after: StreamId,
        mut visit: impl FnMut(StreamId, OpenRow) -> More,
    ) -> Result<(), Trouble> {
        let table = self.0.open_table(OPEN)?;
        for row in table.range((Bound::Excluded(after.0), Bound::Unbounded))? {
            let (stream, row) = row?;
            let stream = StreamId(stream.value());
            if !visit(stream, codec::parse_open(stream, row.value())?) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn ended(&self, stream: StreamId) -> Result<Option<EndedRow>, Trouble> {
        let row = self.0.open_table(ENDED)?.get(stream.0)?;
        Ok(row.map(|row| codec::parse_ended(stream, row.value())).transpose()?)
    }

    /// Visits the ended streams in `from..before`, the latest first.
    pub(super) fn ended_before(
        &self,
        from: Timestamp,
        before: Place,
        mut visit: impl FnMut(StreamId, EndedRow) -> More,
    ) -> Result<(), Trouble> {
        let (low, high) = ((from.as_millis(), 0), (before.at.as_millis(), before.stream.0));
        if low >= high {
            return Ok(());
        }
        let (places, rows) = (self.0.open_table(PLACES)?, self.0.open_table(ENDED)?);
        for place in places.range(low..high)?.rev() {
            let (at, stream) = place?.0.value();
            let row = rows.get(stream)?;
            let row = row.ok_or_else(|| lacking("ended stream", stream))?;
            let stream = StreamId(stream);
            let row = codec::parse_ended(stream, row.value())?;
            if row.at.as_millis() != at {
                return Err(Trouble::damage(format!("ended stream {stream} has two times")));
            }
            if !visit(stream, row) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn event(&self, seq: Seq) -> Result<Event, Trouble> {
        let row = self.0.open_table(LOG)?.get(seq.0)?;
        let row = row.ok_or_else(|| lacking("event", seq.0))?;
        Ok(codec::parse_event(seq, row.value())?)
    }

    /// Visits the events from this one to the other, each of which must be there.
    pub(super) fn events(
        &self,
        from: Seq,
        to: Seq,
        mut visit: impl FnMut(Event) -> More,
    ) -> Result<(), Trouble> {
        if from > to {
            return Ok(());
        }
        let table = self.0.open_table(LOG)?;
        let mut next = from;
        for row in table.range(from.0..=to.0)? {
            let (seq, row) = row?;
            if seq.value() != next.0 {
                break;
            }
            if !visit(codec::parse_event(next, row.value())?) {
                return Ok(());
            }
            next = next.next();
        }
        if next > to { Ok(()) } else { Err(lacking("event", next.0)) }
    }
}

fn lacking(what: &str, number: u64) -> Trouble {
    Trouble::damage(format!("{what} {number} is missing"))
}
