//! The own trace format, as `docs/trace-format.md` specifies it.
//!
//! `columns` turns records into bytes and back, `frame` puts headers and checksums around them,
//! `writer` and `file` are the two ends. Nothing here knows another format.

mod columns;
mod file;
mod frame;
mod writer;

pub use file::{BlockInfo, TraceFile};
pub use frame::{MAGIC, Order, VERSION};
pub use writer::{Sink, TraceWriter};

#[cfg(test)]
mod tests;
