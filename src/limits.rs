//! Each limit of the service, in one place, with what happens when it is reached.

/// The most drivers one `Nearest` may ask for. More: `INVALID_ARGUMENT`.
pub const MAX_K: u16 = 1_000;

/// The most drivers in one page of `Within`. More: `INVALID_ARGUMENT`.
pub const MAX_PAGE: usize = 10_000;

/// The most ids a filter may exclude. More: `INVALID_ARGUMENT`.
pub const MAX_EXCLUDED: usize = 1_000;

/// The most drivers one index can hold, and the default of `--max-drivers`. One more:
/// `RESOURCE_EXHAUSTED`. The number is what 26 bits of a [`crate::model::DriverKey`] can name.
pub const MAX_DRIVERS: usize = 1 << 26;

/// The longest a driver can be remembered in silence: seven days. It keeps the 32-bit
/// millisecond clock of the index, which wraps after 49 days, unambiguous.
pub const MAX_FORGET_AFTER_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// The furthest a device clock may be allowed to run ahead: one day.
pub const MAX_CLOCK_SKEW_MS: u64 = 24 * 3_600 * 1_000;

/// The most vertices a polygon may have, all rings together: a detailed country outline. More:
/// `INVALID_ARGUMENT`.
pub const MAX_POLYGON_VERTICES: usize = 10_000;

/// Rows in one block of a trace file, unless it is cut short by a flush: small enough to seek
/// by, large enough to compress. Full: the block is written.
pub const TRACE_BLOCK_ROWS: usize = 8_192;

/// The most rows that a reader accepts in one block of a trace file. More: damage.
pub const MAX_TRACE_BLOCK_ROWS: u32 = 65_536;

/// The most bytes of one block of a trace file, packed and unpacked. More: damage, found before
/// anything is allocated.
pub const MAX_TRACE_BLOCK_BYTES: u32 = 8 << 20;

/// The most blocks in one trace file: 48 days of a flush a second. One more: the writer refuses.
pub const MAX_TRACE_BLOCKS: u32 = 1 << 22;

/// Rows of unordered traces that are sorted in memory (56 bytes each). Full: a sorted run goes to
/// a temporary file.
pub const MAX_SORT_ROWS: usize = 1 << 20;

/// The most sorted runs in the temporary file: a thousand million rows. More: an error that says
/// to split the input.
pub const MAX_SORT_RUNS: usize = 1_024;

/// The longest line of a text trace, in bytes. Longer: the row is counted as malformed.
pub const MAX_TRACE_LINE_BYTES: usize = 4_096;

/// The longest record of a CSV trace, in bytes. Longer, as after a quote left open: an error.
pub const MAX_CSV_RECORD_BYTES: u64 = 1 << 20;

/// Rows at the top of a text trace from which its direction in time is told.
pub const TRACE_LEAD_ROWS: usize = 1_024;

/// The most files in one folder of traces. More: an error.
pub const MAX_TRACE_FOLDER_FILES: usize = 100_000;

/// The most time-ordered trace files merged at once, each of which stays open. More: an error.
pub const MAX_OPEN_TRACES: usize = 256;

/// The longest name of a file in a tar archive, in bytes. Longer: an error.
pub const MAX_TAR_NAME_BYTES: u64 = 64 << 10;

/// The most drivers of a made-up fleet. More: the plan is refused.
pub const MAX_SIM_DRIVERS: u32 = 1_000_000;

/// The longest a made-up fleet can drive: seven days. Longer: the plan is refused.
pub const MAX_SIM_MS: u64 = 7 * 24 * 3_600 * 1_000;
