//! Histories of positions: reading the public formats and our own, writing our own. Those of
//! requests are in [`requests`].
//!
//! [`open`] recognises a format by content and yields [`Record`]s in global time order, whatever
//! the order of the input; [`TraceWriter`] writes the own format, [`TraceFile`] seeks in it,
//! [`TraceDigest`] fingerprints what a trace says. Start reading at `reader`. Nothing here keeps a
//! live map or judges a report: rows that are well-formed are handed on, however late they are.

mod archive;
pub(crate) mod blocks;
pub mod civil;
mod counts;
mod digest;
mod error;
mod inputs;
mod intake;
mod lines;
mod options;
mod own;
mod reader;
mod record;
pub mod requests;
mod skipped;
mod sniff;
mod sort;
mod text;

pub use blocks::{BlockInfo, Sink};
pub use counts::{Phase, Progress, RowCounts, RowReason};
pub use digest::TraceDigest;
pub(crate) use digest::hex;
pub use error::{Damage, DamageKind, TraceError};
pub use options::{CsvColumns, CsvColumnsError, ReadOptions};
pub use own::{MAGIC, Order, TraceFile, TraceWriter, VERSION};
pub use reader::{TraceReader, open, open_all};
pub use record::{Record, VehicleIx, Vehicles};
pub use skipped::{SkipReason, Skipped, SkippedFile};
pub use sniff::Format;

#[cfg(test)]
mod tests;
