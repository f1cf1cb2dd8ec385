//! Files of blocks: headers, checksums, compression, a footer to enter them by, and damage that is a
//! place in the file. What stands inside of a block is its owner's: a trace has columns of positions,
//! a log of decisions has records.
//!
//! Layouts are fixed, integers little-endian; `docs/trace-format.md` has them byte by byte. Sizes are
//! checked against the limits of a [`Family`] before anybody allocates by them. From the top:
//! `reader.rs` and `writer.rs` are the two ends, `frame.rs` is what both agree on.

mod frame;
mod reader;
mod sink;
mod writer;

pub(crate) use frame::{Family, Shape};
pub use reader::BlockInfo;
pub(crate) use reader::{Block, BlockReader, OpenError};
pub use sink::Sink;
pub(crate) use writer::{BlockWriter, WriteError};
