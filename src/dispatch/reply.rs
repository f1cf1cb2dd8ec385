//! What a market answers when it does what was asked.

use super::quote::Quote;
use crate::ids::{DriverId, TripId};
use crate::model::DriverStatus;
use crate::units::Money;

/// Whether a command did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was done now.
    Done,
    /// The same had been done before; nothing changed.
    AlreadyDone,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// There is a trip.
    Requested {
        /// Its name.
        trip: TripId,
        /// Whether it is new.
        standing: Standing,
    },
    /// The trip is called off.
    Cancelled {
        /// What is owed; zero if nothing.
        fee: Money,
        /// Whether it was called off before.
        standing: Standing,
    },
    /// The trip is completed.
    Completed {
        /// What is owed.
        fare: Money,
        /// Whether it was completed before.
        standing: Standing,
    },
    /// What a driver, or a rating, wanted is so.
    Noted(Standing),
    /// A driver's wish to go offline is noted.
    GoesOffline(OfflineFrom),
    /// What a trip would cost.
    Quoted(Quote),
    /// Time has passed.
    Ticked {
        /// How many trips something was due for.
        due: usize,
    },
    /// Those who wait were looked at.
    Matched(Matched),
}

/// From when on a driver is offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfflineFrom {
    /// From now.
    Now,
    /// From the end of this trip.
    After(TripId),
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Requests that were looked at.
    pub requests: usize,
    /// Offers that were made.
    pub offers: usize,
    /// Requests that wait for the next batch since this one was full.
    pub left: usize,
    /// Choices of the policy that could not be offered, which only a wrong policy makes.
    pub refused: usize,
}

/// A driver whose status is another one now: the host writes it into the live map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Who.
    pub driver: DriverId,
    /// What the driver is doing from now on.
    pub status: DriverStatus,
}
