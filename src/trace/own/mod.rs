//! The own trace format, as `docs/trace-format.md` specifies it.
//!
//! `columns` turns records into bytes and back, `frame` says what is this format's among files of
//! blocks (`src/trace/blocks/`), `writer` and `file` are the two ends. Nothing here knows another format.

mod columns;
mod file;
mod frame;
mod writer;

pub use file::TraceFile;
pub use frame::{MAGIC, Order, VERSION};
pub use writer::TraceWriter;

#[cfg(test)]
mod tests;
