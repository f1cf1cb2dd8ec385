//! A position report, ready to be applied.

use super::DriverStatus;
use crate::geo::LatLng;
use crate::units::Timestamp;

/// The short name of a known driver within one process: what an id becomes once it is bound.
///
/// Holds the driver's slot and a generation, so that a key of a driver who was forgotten since
/// is recognised as stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverKey(pub(crate) u32);

impl DriverKey {
    /// The key that no driver has: its slot lies beyond [`crate::limits::MAX_DRIVERS`].
    pub(crate) const NOBODY: Self = Self(u32::MAX);

    /// The key as an opaque number, for tables kept by callers.
    pub const fn to_bits(self) -> u32 {
        self.0
    }
}

/// How a vehicle moves, as its device says. Kept beside the position; decides nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Motion {
    /// Degrees clockwise from north × 100, 0..=35999; `None` if unknown.
    pub heading_cdeg: Option<u16>,
    /// Centimetres per second, at most 65534; `None` if unknown.
    pub speed_cm_s: Option<u16>,
    /// Radius of 68 % confidence in decimetres, at most 65534; `None` if unknown.
    pub accuracy_dm: Option<u16>,
}

/// One driver's position at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose.
    pub driver: DriverKey,
    /// Where.
    pub position: LatLng,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// How it moves.
    pub motion: Motion,
    /// The driver's status from now on; `None` leaves it.
    pub status: Option<DriverStatus>,
}

/// Why a report was not applied. Each is counted, none disturbs its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// A report with a later device time was applied before.
    OutOfOrder = 0,
    /// The same position at the same device time was applied before.
    Duplicate = 1,
    /// The device time lies further back than drivers are remembered.
    TooOld = 2,
    /// The device time lies further ahead than clocks may disagree.
    InFuture = 3,
    /// The key's driver has been forgotten; bind the id again.
    UnknownDriver = 4,
    /// The coordinates are not on the globe.
    BadPosition = 5,
    /// Another value is out of range.
    BadValue = 6,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::OutOfOrder,
        Self::Duplicate,
        Self::TooOld,
        Self::InFuture,
        Self::UnknownDriver,
        Self::BadPosition,
        Self::BadValue,
    ];

    /// Its name in metrics, tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutOfOrder => "out_of_order",
            Self::Duplicate => "duplicate",
            Self::TooOld => "too_old",
            Self::InFuture => "in_future",
            Self::UnknownDriver => "unknown_driver",
            Self::BadPosition => "bad_position",
            Self::BadValue => "bad_value",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
