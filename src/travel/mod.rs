//! How long it takes to drive from one place to another.
//!
//! [`TravelTime`] is what the dispatcher asks; [`StraightLine`] always has an answer and says by
//! which means. Whoever knows roads implements the trait; nobody who asks has to change.

mod straight;
#[cfg(test)]
mod tests;

use std::fmt;

pub use straight::{StraightLine, StraightLineError};

use crate::geo::LatLng;
use crate::units::{Meters, Millis};

/// By what means a travel time was found. Degradation is never silent: each answer says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TravelSource {
    /// The straight line times a detour factor, at one speed everywhere.
    StraightLine,
}

impl TravelSource {
    /// Its name in answers, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StraightLine => "straight_line",
        }
    }
}

impl fmt::Display for TravelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A drive, estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eta {
    /// How long it takes.
    pub duration: Millis,
    /// How far it is along the way.
    pub distance: Meters,
    /// Who says so.
    pub source: TravelSource,
}

/// Estimates drives.
///
/// # Guarantees
/// - The same two places have the same answer until the implementation is replaced.
/// - `time(a, b).duration >= lower_bound(d)` for all places at least the great-circle distance `d`
///   apart; the bound does not fall as `d` grows. So a search in order of straight-line distance
///   may stop without having missed anybody.
pub trait TravelTime: Send + Sync {
    /// The drive from one place to another.
    fn time(&self, from: LatLng, to: LatLng) -> Eta;

    /// The drives from many places to one, in the order of the places; replaces what `etas` held.
    ///
    /// The same answers as from [`TravelTime::time`], one by one: an implementation that searches
    /// a network finds them all in one go.
    fn times_to(&self, from: &[LatLng], to: LatLng, etas: &mut Vec<Eta>) {
        etas.clear();
        etas.extend(from.iter().map(|&from| self.time(from, to)));
    }

    /// No drive between places at least so far apart is shorter than this.
    fn lower_bound(&self, distance: Meters) -> Millis;

    /// By what means the answers are found.
    fn source(&self) -> TravelSource;
}
