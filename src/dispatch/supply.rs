//! What the outside lends the core for the time of one command: where drivers are.
//!
//! The core asks; what is behind it is the live map ([`super::LiveSupply`]), a simulated city, or
//! another machine. A supply may be stale: the core never gives away a driver whom its own table
//! has as busy, whatever the supply says.

use crate::geo::{Haversine, LatLng};
use crate::ids::DriverId;
use crate::model::{Filter, Profile};
use crate::units::{Meters, Millis, Timestamp};

/// A driver who may be free, near a pickup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearby {
    /// Who.
    pub driver: DriverId,
    /// Where.
    pub position: LatLng,
    /// How far from the pickup, in a straight line.
    pub distance: Haversine,
    /// When the position was reported.
    pub at: Timestamp,
    /// The driver's qualities.
    pub profile: Profile,
}

/// Where a driver is and with what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whereabouts {
    /// Where.
    pub position: LatLng,
    /// When the position was reported.
    pub at: Timestamp,
    /// The driver's qualities.
    pub profile: Profile,
}

/// A question for drivers around a place, asked bit by bit: it remembers how far it has got.
#[derive(Clone, Debug)]
pub struct Search {
    center: LatLng,
    radius: Meters,
    filter: Filter,
    last: Option<(Haversine, DriverId)>,
    given: usize,
    ended: bool,
}

impl Search {
    /// For drivers around `center` within `radius` that pass the filter.
    pub const fn new(center: LatLng, radius: Meters, filter: Filter) -> Self {
        Self { center, radius, filter, last: None, given: 0, ended: false }
    }

    /// Around where.
    pub const fn center(&self) -> LatLng {
        self.center
    }

    /// How far out.
    pub const fn radius(&self) -> Meters {
        self.radius
    }

    /// Who counts.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// The driver handed out last: the next ones come after it, in the order of distance and id.
    pub const fn last(&self) -> Option<(Haversine, DriverId)> {
        self.last
    }

    /// How many were handed out so far.
    pub const fn given(&self) -> usize {
        self.given
    }

    /// Whether there is nobody left.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Notes that a driver was handed out. For those who implement [`Supply`].
    pub fn give(&mut self, driver: &Nearby) {
        self.last = Some((driver.distance, driver.driver));
        self.given += 1;
    }

    /// Notes that nobody is left. For those who implement [`Supply`].
    pub fn end(&mut self) {
        self.ended = true;
    }
}

/// What has been spent on a batch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Times that lists of candidates were extended.
    pub rounds: u32,
    /// Travel times that were asked for.
    pub etas: u64,
}

/// Whether a batch may go on looking for something better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It may.
    GoOn,
    /// It has taken long enough: what is best so far is taken.
    Stop,
}

/// Where drivers are.
///
/// No method has a body here: a supply around another one that forgot to pass a call on would change
/// what it does, and nobody would notice.
pub trait Supply {
    /// Says that searches around these pickups, so far out, are what comes next. Nothing has to be
    /// done about it; a supply that has many to answer may look at all of its drivers once.
    fn expect(&mut self, pickups: &[LatLng], radius: Meters);

    /// Adds the next drivers of a search to `found`, nearest first in a straight line, ties in the
    /// order of ids; at least `want` unless there are fewer, in which case the search ends.
    ///
    /// # Guarantees
    /// No driver twice while nobody moves. Who moves meanwhile may come twice or not at all.
    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>);

    /// Where a driver is and with what, if that is known.
    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts>;

    /// How much it is worth that a trip ends there, in milliseconds of pickup time; zero unless
    /// somebody knows better.
    fn worth(&mut self, dropoff: LatLng) -> Millis;

    /// Whether a batch that has spent so much may go on. The core has no clock; this is where a
    /// host that has one says that time is up.
    fn pace(&mut self, spent: Spent) -> Pace;
}
