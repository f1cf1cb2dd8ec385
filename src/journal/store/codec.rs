//! Rows as bytes: integers little-endian, each row behind a checksum of its table, its key and its
//! content.
//!
//! The store has checksums of its own, of pages, which it verifies when a file is opened. Ours hold
//! whenever a row is read, and tell a row that stands in the wrong place.

use crate::journal::model::{Event, Ordinal, Place, Seq, StreamId};
use crate::units::Timestamp;

/// The newest version of the files, and the one that is written.
pub(super) const VERSION: u16 = 1;

/// What kind of row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Numbers = 1,
    Head,
    Event,
    Open,
    Ended,
    Segment,
}

/// A row that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?} {key} {what}")]
pub(super) struct BadRow {
    pub(super) kind: Kind,
    pub(super) key: u64,
    pub(super) what: &'static str,
}

/// A row being written.
struct Draft(Vec<u8>);

const CRC_BYTES: usize = 4;

impl Draft {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(CRC_BYTES + capacity);
        bytes.resize(CRC_BYTES, 0);
        Self(bytes)
    }

    fn u64s(mut self, numbers: &[u64]) -> Self {
        for number in numbers {
            self.0.extend(number.to_le_bytes());
        }
        self
    }

    fn i64(mut self, number: i64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Rising numbers: how many, the first, and the differences, seven bits a byte.
    fn seqs(mut self, seqs: &[Seq]) -> Self {
        let mut put = |mut number: u64| {
            while number >= 0x80 {
                self.0.push(0x80 | number.to_le_bytes()[0]);
                number >>= 7;
            }
            self.0.push(number.to_le_bytes()[0]);
        };
        put(seqs.len() as u64);
        let mut last = 0;
        for seq in seqs {
            put(seq.0.wrapping_sub(last));
            last = seq.0;
        }
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn seal(mut self, kind: Kind, key: u64) -> Vec<u8> {
        let crc = checksum(kind, key, &self.0[CRC_BYTES..]);
        self.0[..CRC_BYTES].copy_from_slice(&crc.to_le_bytes());
        self.0
    }
}

fn checksum(kind: Kind, key: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind as u8]);
    hasher.update(&key.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// A row being read, its checksum verified.
struct Parts<'a> {
    kind: Kind,
    key: u64,
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn open(kind: Kind, key: u64, row: &'a [u8]) -> Result<Self, BadRow> {
        let mut parts = Self { kind, key, rest: row };
        let stored = parts.u32()?;
        if checksum(kind, key, parts.rest) == stored {
            Ok(parts)
        } else {
            Err(parts.bad("does not match its checksum"))
        }
    }

    fn bad(&self, what: &'static str) -> BadRow {
        BadRow { kind: self.kind, key: self.key, what }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BadRow> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.bad("is too short"))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, BadRow> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, BadRow> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, BadRow> {
        self.take().map(i64::from_le_bytes)
    }

    fn varint(&mut self) -> Result<u64, BadRow> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.bad("has a number of more than 64 bits"))
    }

    fn seqs(&mut self) -> Result<Vec<Seq>, BadRow> {
        let count = self.varint()?;
        // Each takes a byte at least: nothing is reserved that cannot be there.
        let most = self.rest.len() as u64;
        let mut seqs = Vec::with_capacity(usize::try_from(count.min(most)).unwrap_or(0));
        let mut last = 0_u64;
        for _ in 0..count {
            last = last.wrapping_add(self.varint()?);
            seqs.push(Seq(last));
        }
        Ok(seqs)
    }
}

pub(super) fn event_row(event: &Event) -> Vec<u8> {
    let draft = Draft::new(20 + event.bytes.len()).u64s(&[event.stream.0]).u32(event.ordinal.0);
    draft.i64(event.at.as_millis()).bytes(&event.bytes).seal(Kind::Event, event.seq.0)
}

pub(super) fn parse_event(seq: Seq, row: &[u8]) -> Result<Event, BadRow> {
    let mut parts = Parts::open(Kind::Event, seq.0, row)?;
    let (stream, ordinal) = (StreamId(parts.u64()?), Ordinal(parts.u32()?));
    let at = Timestamp::from_millis(parts.i64()?);
    Ok(Event { seq, stream, ordinal, at, bytes: parts.rest.to_vec() })
}

/// An open stream in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenRow {
    pub(super) events: Vec<Seq>,
    pub(super) state: Vec<u8>,
}

pub(super) fn open_row(stream: StreamId, events: &[Seq], state: &[u8]) -> Vec<u8> {
    let draft = Draft::new(12 + 2 * events.len() + state.len());
    draft.seqs(events).bytes(state).seal(Kind::Open, stream.0)
}

pub(super) fn parse_open(stream: StreamId, row: &[u8]) -> Result<OpenRow, BadRow> {
    let mut parts = Parts::open(Kind::Open, stream.0, row)?;
    Ok(OpenRow { events: parts.seqs()?, state: parts.rest.to_vec() })
}

/// An ended stream in its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndedRow {
    pub(super) at: Timestamp,
    pub(super) events: Vec<Seq>,
    pub(super) state: Vec<u8>,
}

pub(super) fn ended_row(place: Place, events: &[Seq], state: &[u8]) -> Vec<u8> {
    let draft = Draft::new(20 + 2 * events.len() + state.len()).i64(place.at.as_millis());
    draft.seqs(events).bytes(state).seal(Kind::Ended, place.stream.0)
}

pub(super) fn parse_ended(stream: StreamId, row: &[u8]) -> Result<EndedRow, BadRow> {
    let mut parts = Parts::open(Kind::Ended, stream.0, row)?;
    let at = Timestamp::from_millis(parts.i64()?);
    Ok(EndedRow { at, events: parts.seqs()?, state: parts.rest.to_vec() })
}

pub(super) fn head_row(head: &[u8]) -> Vec<u8> {
    Draft::new(head.len()).bytes(head).seal(Kind::Head, 0)
}

pub(super) fn parse_head(row: &[u8]) -> Result<Vec<u8>, BadRow> {
    Ok(Parts::open(Kind::Head, 0, row)?.rest.to_vec())
}

/// What a segment holds, told without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// The number in its name.
    pub(super) number: u64,
    /// Its first event; after `last` if it has none.
    pub(super) first: Seq,
    /// Its last event, or the last before it.
    pub(super) last: Seq,
    /// Streams that ended in it.
    pub(super) ended: u64,
    /// Streams that ended in an earlier segment and were amended in it.
    pub(super) amended: u64,
    /// The first event of all streams in its history; [`u64::MAX`] if there are none.
    pub(super) needs: Seq,
    /// The least and the largest number of streams in its history.
    pub(super) streams: [StreamId; 2],
    /// The earliest end in its history, those amended left out, and included; and the latest.
    pub(super) earliest_ended: Timestamp,
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
    /// The length and the checksum of its file; 0 while it is written to.
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

impl Summary {
    /// An empty segment that begins after `last`.
    pub(super) const fn new(number: u64, last: Seq) -> Self {
        Self {
            number,
            first: last.next(),
            last,
            ended: 0,
            amended: 0,
            needs: Seq(u64::MAX),
            streams: [StreamId(u64::MAX), StreamId(0)],
            earliest_ended: Timestamp::from_millis(i64::MAX),
            earliest: Timestamp::from_millis(i64::MAX),
            latest: Timestamp::from_millis(i64::MIN),
            bytes: 0,
            crc: 0,
        }
    }

    /// Adds a stream to the history of the segment.
    pub(super) fn add(&mut self, place: Place, events: &[Seq]) {
        let [least, largest] = self.streams;
        self.streams = [least.min(place.stream), largest.max(place.stream)];
        self.needs = self.needs.min(events.first().copied().unwrap_or(self.needs));
        self.earliest = self.earliest.min(place.at);
        self.latest = self.latest.max(place.at);
    }

    fn write(&self, draft: Draft) -> Draft {
        let draft = draft.u64s(&[self.number, self.first.0, self.last.0]);
        let draft = draft.u64s(&[self.ended, self.amended, self.needs.0]);
        let draft = draft.u64s(&self.streams.map(|stream| stream.0));
        let times = [self.earliest_ended, self.earliest, self.latest];
        let draft = times.iter().fold(draft, |draft, at| draft.i64(at.as_millis()));
        draft.u64s(&[self.bytes]).u32(self.crc)
    }

    fn read(parts: &mut Parts<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            number: parts.u64()?,
            first: Seq(parts.u64()?),
            last: Seq(parts.u64()?),
            ended: parts.u64()?,
            amended: parts.u64()?,
            needs: Seq(parts.u64()?),
            streams: [StreamId(parts.u64()?), StreamId(parts.u64()?)],
            earliest_ended: Timestamp::from_millis(parts.i64()?),
            earliest: Timestamp::from_millis(parts.i64()?),
            latest: Timestamp::from_millis(parts.i64()?),
            bytes: parts.u64()?,
            crc: parts.u32()?,
        })
    }
}

pub(super) fn segment_row(summary: &Summary) -> Vec<u8> {
    summary.write(Draft::new(112)).seal(Kind::Segment, summary.number)
}

pub(super) fn parse_segment(number: u64, row: &[u8]) -> Result<Summary, BadRow> {
    Summary::read(&mut Parts::open(Kind::Segment, number, row)?)
}

/// The numbers of a journal, as of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Commits so far.
    pub(super) commit: u64,
    /// The largest number that a stream has had.
    pub(super) newest: StreamId,
    /// Open streams.
    pub(super) open: u64,
    /// Bytes of records that came into the segment with commits.
    pub(super) payload: u64,
    /// Bytes of records that the segment began with.
    pub(super) carried: u64,
    /// The time of the segment's first event, or [`Numbers::NOT_BEGUN`].
    pub(super) began: Timestamp,
    /// The segment so far.
    pub(super) segment: Summary,
}

impl Numbers {
    /// When a segment begins that has no event.
    pub(super) const NOT_BEGUN: Timestamp = Timestamp::from_millis(i64::MIN);

    /// Those of a journal that nobody has written to.
    pub(super) const EMPTY: Self = Self {
        commit: 0,
        newest: StreamId(0),
        open: 0,
        payload: 0,
        carried: 0,
        began: Self::NOT_BEGUN,
        segment: Summary::new(1, Seq::ZERO),
    };
}

pub(super) fn numbers_row(numbers: &Numbers) -> Vec<u8> {
    let draft = Draft::new(176).u32(VERSION.into()).u64s(&[numbers.commit, numbers.newest.0]);
    let draft = draft.u64s(&[numbers.open, numbers.payload, numbers.carried]);
    numbers.segment.write(draft.i64(numbers.began.as_millis())).seal(Kind::Numbers, 0)
}

/// The numbers, or the version if it is newer than those known here.
pub(super) fn parse_numbers(row: &[u8]) -> Result<Result<Numbers, u32>, BadRow> {
    let mut parts = Parts::open(Kind::Numbers, 0, row)?;
    let version = parts.u32()?;
    if version > u32::from(VERSION) {
        return Ok(Err(version));
    }
    Ok(Ok(Numbers {
        commit: parts.u64()?,
        newest: StreamId(parts.u64()?),
        open: parts.u64()?,
        payload: parts.u64()?,
        carried: parts.u64()?,
        began: Timestamp::from_millis(parts.i64()?),
        segment: Summary::read(&mut parts)?,
    }))
}
