//! The log of decisions on disk: who was considered for whom at which cost, what was chosen, and what
//! proves it; and somebody who checks all of that. `docs/decisions.md` has the format and the checks.
//!
//! From the top: [`Recorder`] (a market's decisions into a folder of bounded size, off the market's
//! thread), [`DecisionWriter`] and [`DecisionFile`] (one file), [`Archive`] (why was this trip
//! offered to whom, long ago), [`Verifier`] (is a decision what it claims to be). A log is soft: it may
//! lack decisions, which it says, and nothing that dispatch does waits for it or depends on it. Files
//! are files of blocks, as traces are; entries are records.

mod archive;
mod error;
mod file;
mod recorder;
mod rolling;
mod segments;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use archive::Archive;
pub use error::DecisionLogError;
pub use file::DecisionFile;
pub use recorder::{DecisionSink, Recorder};
pub use segments::{EXTENSION, LogPlace, sort_as_begun};
pub use verify::{Checked, Difference, Reach, Unverifiable, Verdict, Verifier};
pub use writer::DecisionWriter;

use crate::limits;
use crate::trace::blocks::Family;

/// The newest version of the format, and the one that is written.
pub const VERSION: u16 = 1;

/// Files of decisions.
static DECISIONS: Family = Family {
    magic: *b"\x89HDECID\n",
    version: VERSION,
    block: *b"HDEC",
    parts: "parts",
    max_rows: limits::MAX_DECISION_BLOCK_ENTRIES,
    max_bytes: limits::MAX_DECISION_BLOCK_BYTES,
    max_blocks: limits::MAX_TRACE_BLOCKS,
};
