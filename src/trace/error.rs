//! What can go wrong with a trace as a whole. Single bad rows are counted, not raised; damage to
//! a file of the own format ends it early and is told by [`Damage`].

use std::io;
use std::path::{Path, PathBuf};

use super::requests::LogFormat;
use crate::units::Timestamp;

/// Why a trace cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The operating system refused, or a compressed stream is broken.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The content is none of the known formats.
    #[error(
        "{}: not a trace of a known format (own format, plain; Cabspotting, T-Drive, or CSV with a \
         column mapping, each plain, .gz, .tar or .tar.gz; or a folder of plain and .gz files)",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The content is none of the known formats of request logs.
    #[error(
        "{}: not a log of trip requests in a known format (own CSV, TLC yellow cabs, taxi events, \
         Uber FOIL, cab trips; each plain or .gz)",
        path.display()
    )]
    UnknownLog {
        /// The file.
        path: PathBuf,
    },
    /// The content is a log of requests where a trace of positions belongs.
    #[error("{}: a log of trip requests ({format}), not a trace of positions", path.display())]
    RequestLog {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: LogFormat,
    },
    /// The content is compressed in a way that is not read.
    #[error("{}: unsupported compression {what}; unpack it or recompress it with gzip", path.display())]
    UnsupportedCompression {
        /// The file.
        path: PathBuf,
        /// Its compression.
        what: &'static str,
    },
    /// The own format, packed. It seeks and is compressed already, so it is read only plain.
    #[error("{}: own format inside {what}: {remedy} first", path.display())]
    PackedOwn {
        /// The file.
        path: PathBuf,
        /// What it is packed in.
        what: &'static str,
        /// What makes it readable.
        remedy: &'static str,
    },
    /// The file was written by a newer program.
    #[error("{}: trace format version {found} is newer than {newest}, the newest known here", path.display())]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// The newest version that can be read.
        newest: u16,
    },
    /// A CSV needs to be told which column is what.
    #[error("{}: a CSV needs a column mapping; its columns are {columns}", path.display())]
    NeedsColumns {
        /// The file.
        path: PathBuf,
        /// Its columns, separated by commas.
        columns: String,
    },
    /// A mapped column does not exist.
    #[error("{}: column `{column}` (for {field}) does not exist; the columns are {columns}", path.display())]
    NoSuchColumn {
        /// The file.
        path: PathBuf,
        /// What the column was to give.
        field: &'static str,
        /// The column that was asked for.
        column: String,
        /// The columns that exist, separated by commas.
        columns: String,
    },
    /// More than a named limit allows.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// There is nothing to read.
    #[error("no input files")]
    NoInput,
    /// A record was written to a file that promises time order, but is earlier than the last one.
    #[error("record at {at} written after one at {previous} into a trace that promises time order")]
    OutOfOrder {
        /// Its time.
        at: Timestamp,
        /// The time of the record before.
        previous: Timestamp,
    },
    /// An earlier write failed; what follows would be unreadable.
    #[error("an earlier write to this trace failed; it ends with the block before")]
    Broken,
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
}

impl TraceError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Self::Io { path, cause }
    }

    pub(super) fn own_in_tar(path: &Path) -> Self {
        Self::PackedOwn { path: path.to_path_buf(), what: "tar", remedy: "unpack it" }
    }
}

/// Where and why a file of the own format ends early. All records before it were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The byte at which the last sound part ends.
    pub offset: u64,
    /// The number of the block that could not be read, from zero.
    pub block: u64,
    /// What is wrong there.
    pub what: DamageKind,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, offset, block, what } = self;
        write!(f, "{}: at byte {offset}, block {block}: {what}", path.display())
    }
}

/// What is wrong with a file of the own format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// The file's first bytes do not match their checksum.
    #[error("the file header is damaged")]
    FileHeader,
    /// The file ends inside its header: nothing is known of it but that it is a trace.
    #[error("the file header is incomplete: {found} of {expected} bytes")]
    HeaderIncomplete {
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The file ends after a whole block: the writer was interrupted, or the end was cut off.
    #[error("the file ends without a footer; the writer was interrupted")]
    NoFooter,
    /// The file ends inside a block or the footer.
    #[error("the file ends early: {found} of {expected} bytes")]
    Truncated {
        /// Bytes there should be.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Neither a block nor a footer starts here.
    #[error("neither a block nor a footer starts here")]
    NoBlock,
    /// A block is missing or repeated.
    #[error("block number {found} where {expected} belongs")]
    Sequence {
        /// The number found.
        found: u32,
        /// The number expected.
        expected: u32,
    },
    /// A size in a header is beyond its limit.
    #[error("{what} {value} is not in 1..={max}")]
    OverLimit {
        /// Which size.
        what: &'static str,
        /// What it claims to be.
        value: u32,
        /// The limit.
        max: u32,
    },
    /// The bytes do not match their checksum.
    #[error("the checksum is {computed:08x}, not {stored:08x}")]
    Checksum {
        /// What the file says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The checksum holds, yet the content makes no sense: a faulty writer.
    #[error("the content is faulty: {0}")]
    Content(&'static str),
}
