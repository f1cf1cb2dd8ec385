//! What is the own format's alone: its name, its limits, and in which order records stand.

use crate::limits;
use crate::trace::blocks::Family;

/// The first eight bytes. The first is no text and the last is a line feed, so that a transfer
/// that takes the file for text shows.
pub const MAGIC: [u8; 8] = *b"\x89HTRACE\n";

/// The newest version of the format, and the one that is written.
pub const VERSION: u16 = 1;

/// Files of the own format.
pub(super) static TRACES: Family = Family {
    magic: MAGIC,
    version: VERSION,
    block: *b"HBLK",
    parts: "vehicles",
    max_rows: limits::MAX_TRACE_BLOCK_ROWS,
    max_bytes: limits::MAX_TRACE_BLOCK_BYTES,
    max_blocks: limits::MAX_TRACE_BLOCKS,
};

const FLAG_BY_TIME: u16 = 1;

/// In which order the records of a file stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By time: the file can be replayed as it is read. The writer refuses anything else.
    ByTime,
    /// As they arrived, as from a live server: a reader sorts them.
    AsArrived,
}

impl Order {
    pub(super) const fn flags(self) -> u16 {
        match self {
            Self::ByTime => FLAG_BY_TIME,
            Self::AsArrived => 0,
        }
    }

    pub(super) const fn of_flags(flags: u16) -> Self {
        if flags & FLAG_BY_TIME != 0 { Self::ByTime } else { Self::AsArrived }
    }
}
