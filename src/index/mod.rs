//! The live map of what moves: reports in, "who is nearest?" out.
//!
//! [`LiveMap`] is the contract. [`LiveIndex`] is the engine that serves production;
//! [`ScanIndex`] is its obvious twin, a linear scan that the tests compare it with and the
//! benchmarks measure it against. Both are synchronous and pure: the present is an argument.
//!
//! What stands still (places, zones, road segments) does not belong here.

mod arena;
mod bucket;
mod changes;
mod check;
mod kernel;
mod live;
mod meta;
mod names;
mod node;
mod occupant;
mod order;
mod raw;
mod reader;
mod record;
mod region;
mod regions;
mod rules;
mod scan;
mod search;
mod slots;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod tree;
mod version;
mod wheel;
mod writer;

pub use changes::Changes;
pub use check::Violation;
pub use live::LiveIndex;
pub use occupant::Occupant;
pub(crate) use raw::prefetch;
pub use region::{disk_of_region, region_of};
pub use scan::ScanIndex;

use crate::geo::{Area, Haversine, LatLng};
use crate::ids::DriverId;
use crate::limits;
use crate::model::{
    DriverKey, DriverStatus, Filter, Motion, Nearest, Profile, Reason, Report, Within,
};
use crate::units::{Millis, Timestamp};

/// How an index judges reports and silence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexConfig {
    /// A driver silent for so long no longer counts as supply.
    pub stale_after: Millis,
    /// A driver silent for so long is removed and its id released; at most
    /// [`limits::MAX_FORGET_AFTER_MS`]. A report this old is refused.
    pub forget_after: Millis,
    /// A device clock may run ahead by so much; at most [`limits::MAX_CLOCK_SKEW_MS`].
    pub max_clock_skew: Millis,
    /// A faster move than this is flagged as implausible, in metres per second.
    pub max_speed_m_s: f64,
    /// The most drivers known at once; at most [`limits::MAX_DRIVERS`].
    pub max_drivers: usize,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            stale_after: Millis::from_secs(60),
            forget_after: Millis::from_secs(30 * 60),
            max_clock_skew: Millis::from_secs(30),
            max_speed_m_s: 90.0,
            max_drivers: limits::DEFAULT_MAX_DRIVERS,
        }
    }
}

impl IndexConfig {
    /// The same within the limits that its fields name: an index relies on them.
    fn in_range(self) -> Self {
        Self {
            forget_after: self.forget_after.min(Millis(limits::MAX_FORGET_AFTER_MS)),
            max_clock_skew: self.max_clock_skew.min(Millis(limits::MAX_CLOCK_SKEW_MS)),
            max_drivers: self.max_drivers.clamp(1, limits::MAX_DRIVERS),
            ..self
        }
    }
}

/// The map is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{max} drivers are known, the most that --max-drivers allows")]
pub struct FullError {
    /// The limit.
    pub max: usize,
}

/// What became of a batch of reports. Reused from batch to batch, so that it allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// How many were applied, the implausible ones included.
    pub applied: u64,
    /// How many of those moved faster than a vehicle can.
    pub implausible: u64,
    /// Those not applied: the place in the batch, ascending, and why.
    pub rejected: Vec<(u32, Reason)>,
}

impl BatchOutcome {
    /// Forgets the last batch, keeping the memory.
    pub fn clear(&mut self) {
        self.applied = 0;
        self.implausible = 0;
        self.rejected.clear();
    }
}

/// A driver in an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Who; [`LiveMap::id`] tells the name.
    pub driver: DriverKey,
    /// Where, exactly as reported.
    pub position: LatLng,
    /// How far from the question's centre or the area's anchor.
    pub distance: Haversine,
    /// When the device was there.
    pub at: Timestamp,
    /// What the driver was doing.
    pub status: DriverStatus,
    /// The driver's qualities.
    pub profile: Profile,
}

/// Everything known of one driver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Driver {
    /// The last position applied, if there was any.
    pub fix: Option<Fix>,
    /// What the driver is doing.
    pub status: DriverStatus,
    /// The driver's qualities.
    pub profile: Profile,
}

/// The last applied report of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Where.
    pub position: LatLng,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// How it moved.
    pub motion: Motion,
}

/// What the passing of time changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// Drivers that left the supply.
    pub went_stale: u64,
    /// Drivers that were removed.
    pub forgotten: u64,
}

/// The drivers that count as supply in one H3 region, by status number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// The region: an H3 cell index.
    pub region: u64,
    /// Not stale, by [`DriverStatus::code`].
    pub by_status: [u64; 6],
}

/// An answer, and the memory with which it was found: reuse it from question to question.
#[derive(Debug, Default)]
pub struct Answer {
    /// Who was found, in the order that the question promises.
    pub hits: Vec<Hit>,
    /// Whether the page was full and more follow.
    pub more: bool,
    scratch: search::Scratch,
}

/// A map of moving drivers.
///
/// # Guarantees
/// - Answers are exact: the k nearest are those of a linear scan, nearest first, ties in the
///   order of ids; asking for k returns k if k pass the filter within the radius.
/// - A driver is in an answer at most once, at a position that was reported; a driver that does
///   not move is never missed, whatever moves around it.
/// - A refused report changes nothing.
/// - The present may jump. If it lies more than [`limits::MAX_TIME_STEP_MS`] after the last
///   [`LiveMap::advance`], the time between passes first; if it lies as far before it, that is
///   how far back it is taken to be.
pub trait LiveMap: Send + Sync {
    /// The key of the driver with this id, making it known if it is not.
    ///
    /// A new driver is available, has the default profile, no position, and is forgotten like
    /// any other if it stays silent.
    ///
    /// # Errors
    /// [`FullError`] if it is new and the map is full.
    fn bind(&self, now: Timestamp, id: &DriverId) -> Result<DriverKey, FullError>;

    /// The key of the driver with this id, if it is known.
    fn find(&self, id: &DriverId) -> Option<DriverKey>;

    /// The id of a driver; `None` if it has been forgotten.
    fn id(&self, driver: DriverKey) -> Option<DriverId>;

    /// A hint that the ids of these hits will be asked for: an index in which each would be a wait
    /// for memory can wait for all of them at once.
    fn expect_ids(&self, _hits: &[Hit]) {}

    /// Sets what a driver is doing; false if the driver has been forgotten.
    fn set_status(&self, driver: DriverKey, status: DriverStatus) -> bool;

    /// Sets a driver's qualities; false if the driver has been forgotten.
    fn set_profile(&self, driver: DriverKey, profile: Profile) -> bool;

    /// Applies reports in their order and adds what became of them to `outcome`.
    fn apply(&self, now: Timestamp, reports: &[Report], outcome: &mut BatchOutcome);

    /// Removes a driver at once; false if it was not there.
    fn forget(&self, driver: DriverKey) -> bool;

    /// What is known of a driver; `None` if it has been forgotten.
    fn driver(&self, now: Timestamp, driver: DriverKey) -> Option<Driver>;

    /// The k nearest, nearest first, ties in the order of ids.
    fn nearest(&self, now: Timestamp, question: &Nearest, answer: &mut Answer);

    /// A page of those in an area, in the order of ids.
    fn within(&self, now: Timestamp, question: &Within, answer: &mut Answer);

    /// How many are in an area.
    fn count(&self, now: Timestamp, area: &Area, filter: &Filter) -> u64;

    /// Gives `take` everybody who has a position, `most` at a time, in an order of the map's own,
    /// beginning at `from`; 0 is the beginning. Returns where to go on, `None` after the last.
    ///
    /// # Guarantees
    /// Who is known from the first call to the last, and has a position, is given exactly once.
    fn walk(
        &self,
        now: Timestamp,
        from: u32,
        most: usize,
        take: &mut dyn FnMut(DriverId, Driver),
    ) -> Option<u32>;

    /// Lets time pass: drivers silent for too long leave the supply, then the map.
    ///
    /// Call it about once a second. Never needed for the age filter of a question.
    fn advance(&self, now: Timestamp) -> Advance;

    /// The supply of each region that has any, in the order of the regions' indices.
    fn supply(&self) -> Vec<Supply>;

    /// How many drivers are known, with a position or without.
    fn len(&self) -> usize;

    /// Whether no driver is known.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A moment of the index's 32-bit millisecond clock, made whole again.
///
/// Right as long as it lies within 24 days of `now`: seven days that time may jump unnoticed,
/// seven that a driver may be silent, and one that its clock may run ahead.
fn widen(now: Timestamp, at32: u32) -> Timestamp {
    let behind = narrow(now).wrapping_sub(at32).cast_signed();
    Timestamp::from_millis(now.as_millis().saturating_sub(i64::from(behind)))
}

/// What a call at a moment has to do about time, whose passing was last seen at `passed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Present {
    /// The moment is near enough.
    Is(Timestamp),
    /// Time has to pass first.
    MustPass,
}

/// Judges a moment by the last one at which time passed.
fn present(passed: Timestamp, now: Timestamp) -> Present {
    let step = Millis(limits::MAX_TIME_STEP_MS);
    if now > passed.plus(step) {
        Present::MustPass
    } else {
        Present::Is(now.max(passed.minus(step)))
    }
}

/// The low 32 bits of a moment in milliseconds.
fn narrow(at: Timestamp) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "wraps: see widen")]
    let low = at.as_millis() as u32;
    low
}
