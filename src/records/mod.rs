//! Trips, events and decisions as bytes: what a journal keeps, and a log of decisions.
//!
//! A record is a version byte and a protobuf message (`proto/hansom/records/v1/`).
//! Fields that are not known are passed over; a version, a kind of fact or a state that is not known
//! is an error, since to go on without it would be to go on wrongly. Damage is not found here: that
//! is what checksums are for.
//!
//! # Guarantees
//! What was encoded is decoded as it was; the same value has the same bytes in each build.

mod decision;
mod event;
mod parts;
mod proto;
#[cfg(test)]
mod tests;
mod trip;

pub use decision::{LogEntry, LoggedDecision};
use prost::Message;

use crate::dispatch::policy::Decision;
use crate::dispatch::{Event, Head, Seq, Trip};
use crate::units::Timestamp;

/// The version that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// Bytes that are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There are no bytes.
    #[error("record is empty")]
    Empty,
    /// A newer program wrote it.
    #[error("record has version {found}; this program reads version {VERSION}")]
    Version {
        /// Its version.
        found: u8,
    },
    /// It is no message at all.
    #[error("record cannot be read: {why}")]
    Malformed {
        /// What the decoder says.
        why: String,
    },
    /// A value is missing, out of range, or not known to this program.
    #[error("record has {field}: {why}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Adds an event's bytes to `bytes`.
///
/// # Examples
/// ```
/// use hansom::dispatch::{Event, Fact, Seq};
/// use hansom::{records, units::Timestamp};
/// let event = Event {
///     seq: Seq(7),
///     trip: "sf-12".parse()?,
///     ordinal: 3,
///     at: Timestamp::from_secs(1_700_000_000),
///     fact: Fact::TripUnfulfilled,
/// };
/// let mut bytes = Vec::new();
/// records::encode_event(&event, &mut bytes);
/// assert_eq!(records::decode_event(&bytes)?, event);
/// bytes[0] = 9;
/// let error = records::decode_event(&bytes).unwrap_err();
/// assert_eq!(error.to_string(), "record has version 9; this program reads version 1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode_event(event: &Event, bytes: &mut Vec<u8>) {
    encode(&proto::Event::from(event), bytes);
}

/// An event from its bytes.
///
/// # Errors
/// [`RecordError`] if they are not an event that this program knows.
pub fn decode_event(bytes: &[u8]) -> Result<Event, RecordError> {
    Event::try_from(decode::<proto::Event>(bytes)?)
}

/// Adds a trip's bytes to `bytes`.
pub fn encode_trip(trip: &Trip, bytes: &mut Vec<u8>) {
    encode(&proto::Trip::from(trip), bytes);
}

/// A trip from its bytes.
///
/// # Errors
/// [`RecordError`] if they are not a trip that this program knows.
pub fn decode_trip(bytes: &[u8]) -> Result<Trip, RecordError> {
    Trip::try_from(decode::<proto::Trip>(bytes)?)
}

/// Adds the bytes of a market's place in its history to `bytes`.
pub fn encode_head(head: &Head, bytes: &mut Vec<u8>) {
    let head = proto::Head {
        market: head.market.to_string(),
        seq: head.seq.0,
        at_ms: head.at.as_millis(),
        trips: head.trips,
    };
    encode(&head, bytes);
}

/// A market's place in its history from its bytes.
///
/// # Errors
/// [`RecordError`] if they are not such a place.
pub fn decode_head(bytes: &[u8]) -> Result<Head, RecordError> {
    let head: proto::Head = decode(bytes)?;
    Ok(Head {
        market: parts::parsed("market", &head.market)?,
        seq: Seq(head.seq),
        at: Timestamp::from_millis(head.at_ms),
        trips: head.trips,
    })
}

/// Adds the bytes of an entry of a log of decisions to `bytes`.
pub fn encode_log_entry(entry: &LogEntry, bytes: &mut Vec<u8>) {
    encode(&entry.to_proto(), bytes);
}

/// Adds the bytes of the entry that a decision makes to `bytes`.
pub fn encode_decision(decision: &Decision, bytes: &mut Vec<u8>) {
    encode(&decision::entry_of(decision), bytes);
}

/// An entry of a log of decisions from its bytes.
///
/// # Guarantees
/// Places in a decision lead somewhere: edges to drivers, riders to edges, choices to edges of their
/// rider. Whether it is a good decision, or one that can be carried out, is not looked at.
///
/// # Errors
/// [`RecordError`] if they are not an entry that this program knows.
pub fn decode_log_entry(bytes: &[u8]) -> Result<LogEntry, RecordError> {
    LogEntry::try_from(decode::<proto::LogEntry>(bytes)?)
}

fn encode(message: &impl Message, bytes: &mut Vec<u8>) {
    bytes.reserve(1 + message.encoded_len());
    bytes.push(VERSION);
    // Cannot fail: a vector grows.
    message.encode_raw(bytes);
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, RecordError> {
    match bytes.split_first() {
        None => Err(RecordError::Empty),
        Some((&VERSION, message)) => {
            M::decode(message).map_err(|error| RecordError::Malformed { why: error.to_string() })
        }
        Some((&found, _)) => Err(RecordError::Version { found }),
    }
}
