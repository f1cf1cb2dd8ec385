//! Logs of trip requests: who wanted to be driven, when, from where, to where.
//!
//! [`open`] recognises a format by content and yields [`Request`]s in time order, whatever the order
//! of the input; a row that is none is counted under its reason. [`RequestWriter`] writes the own
//! format. `docs/request-logs.md` has the formats, and what counts as outside of the region. Start
//! reading at `reader`. Nothing here decides who drives: a log says what happened, not what was
//! asked for in vain.

mod counts;
mod digest;
mod events;
mod intake;
mod layout;
mod options;
mod reader;
mod recognise;
mod region;
mod request;
mod rides;
mod writer;

pub use counts::{RequestCounts, RequestReason};
pub use digest::RequestDigest;
pub use options::LogOptions;
pub use reader::{RequestReader, open, open_all};
pub use recognise::{LogFormat, recognise};
pub use region::{RegionRule, RegionRuleError};
pub use request::{Passengers, PassengersError, Request, RowId};
pub use writer::RequestWriter;

pub(super) use recognise::format_of;

#[cfg(test)]
mod tests;
