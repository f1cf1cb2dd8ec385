//! What became of the rows of a trace: each is yielded or counted under one reason.

/// Why a row of a text trace is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RowReason {
    /// The row does not have the format's fields, or they are not numbers where numbers belong.
    Malformed = 0,
    /// The coordinates are not on the globe.
    BadPosition = 1,
    /// Exactly 0,0: what a receiver without a fix writes.
    NoFix = 2,
    /// The time cannot be read, or lies outside the years 1970 to 9999.
    BadTime = 3,
    /// The vehicle's name is not an id.
    BadId = 4,
    /// Another value is out of range.
    BadValue = 5,
}

impl RowReason {
    /// How many reasons there are.
    pub const COUNT: usize = 6;

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Malformed,
        Self::BadPosition,
        Self::NoFix,
        Self::BadTime,
        Self::BadId,
        Self::BadValue,
    ];

    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::BadPosition => "bad_position",
            Self::NoFix => "no_fix",
            Self::BadTime => "bad_time",
            Self::BadId => "bad_id",
            Self::BadValue => "bad_value",
        }
    }
}

impl std::fmt::Display for RowReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How many rows were read, and what became of them.
///
/// # Invariants
/// C1: `read >= yielded + rejected`, with equality once the reader has returned `None`. Blank
/// lines are not rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Rows found in the input.
    pub read: u64,
    /// Records handed to the caller.
    pub yielded: u64,
    /// Rows that are no record, by the number of their [`RowReason`].
    pub rejected: [u64; RowReason::COUNT],
}

impl RowCounts {
    /// How many rows were rejected for this reason.
    pub const fn rejected_for(&self, reason: RowReason) -> u64 {
        self.rejected[reason as usize]
    }

    /// How many rows were rejected for any reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    pub(super) fn reject(&mut self, reason: RowReason) {
        self.rejected[reason as usize] += 1;
    }
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files read so far, as they lie on disk.
    pub bytes_read: u64,
    /// Bytes of all files.
    pub bytes_total: u64,
    /// What is going on.
    pub phase: Phase,
}

/// What a reader is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading and sorting inputs that are not in time order; no record can be yielded yet.
    Reading,
    /// Handing out records.
    Yielding,
}
