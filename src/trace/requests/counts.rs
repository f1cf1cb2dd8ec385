//! What became of the rows of a log: each is a request or counted under one reason.

/// Why a row of a log is not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RequestReason {
    /// The row does not have the format's fields, or they are not numbers where numbers belong.
    Malformed = 0,
    /// It tells how a trip ended; the row that tells of its start is the request.
    EndRow = 1,
    /// A time cannot be read, or lies outside the years 1970 to 9999.
    BadTime = 2,
    /// A coordinate is exactly 0, at one end of the trip or the other: what a receiver without a
    /// fix writes.
    ZeroCoordinates = 3,
    /// The coordinates of an end are not on the globe.
    NotOnGlobe = 4,
    /// An end of the trip lies outside of the region.
    OutsideRegion = 5,
    /// There are more passengers than any vehicle has seats.
    BadPassengers = 6,
}

impl RequestReason {
    /// How many reasons there are.
    pub const COUNT: usize = 7;

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Malformed,
        Self::EndRow,
        Self::BadTime,
        Self::ZeroCoordinates,
        Self::NotOnGlobe,
        Self::OutsideRegion,
        Self::BadPassengers,
    ];

    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::EndRow => "end_row",
            Self::BadTime => "bad_time",
            Self::ZeroCoordinates => "zero_coordinates",
            Self::NotOnGlobe => "not_on_globe",
            Self::OutsideRegion => "outside_region",
            Self::BadPassengers => "bad_passengers",
        }
    }
}

impl std::fmt::Display for RequestReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How many rows were read, and what became of them.
///
/// # Invariants
/// Q1: `read >= yielded + rejected`, with equality once the reader has returned `None`. Blank
/// lines and a line of column names are not rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Rows found in the logs.
    pub read: u64,
    /// Requests handed to the caller.
    pub yielded: u64,
    /// Rows that are no request, by the number of their [`RequestReason`].
    pub rejected: [u64; RequestReason::COUNT],
}

impl RequestCounts {
    /// How many rows were rejected for this reason.
    pub const fn rejected_for(&self, reason: RequestReason) -> u64 {
        self.rejected[reason as usize]
    }

    /// How many rows were rejected for any reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    pub(super) fn reject(&mut self, reason: RequestReason) {
        self.rejected[reason as usize] += 1;
    }
}
