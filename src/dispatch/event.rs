//! What has happened: the history from which all state follows.
//!
//! An event says what was decided, not why it might be: deadlines, fees and fares stand in it as
//! they were agreed, so that a history read under another configuration gives the same state.

use std::fmt;

use super::states::EventKind;
use super::trip::{Declined, DriverReason, Ending, Party, Pickup, Stars, TripRequest};
use crate::ids::{DriverId, TripId};
use crate::units::{Money, Timestamp};

/// The place of an event in its market's history: 1, 2, 3 … without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);

    /// The place after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One thing that happened to one trip.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the market's history.
    pub seq: Seq,
    /// To which trip it happened.
    pub trip: TripId,
    /// Its place among the events of that trip: 1, 2, 3 … without gaps.
    pub ordinal: u32,
    /// When. Never earlier than the event before it in the market.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A rider requested a trip.
    TripRequested {
        /// What was asked for.
        request: Box<TripRequest>,
        /// The fare agreed by a quote.
        agreed: Option<Money>,
        /// Until when a driver is looked for.
        patience_until: Timestamp,
    },
    /// The first search found nobody; the search goes on.
    SearchContinued,
    /// A driver was asked.
    OfferMade {
        /// The number of the offer among those for this trip.
        attempt: u32,
        /// Who was asked.
        driver: DriverId,
        /// An answer counts before this moment.
        deadline: Timestamp,
        /// The way to the pickup as it was estimated.
        pickup: Pickup,
        /// The trip that the driver finishes first.
        after: Option<TripId>,
    },
    /// The driver will not come.
    OfferDeclined {
        /// Which offer.
        attempt: u32,
        /// Who was asked.
        driver: DriverId,
        /// In which way.
        how: Declined,
    },
    /// The driver did not answer in time.
    OfferExpired {
        /// Which offer.
        attempt: u32,
        /// Who was asked.
        driver: DriverId,
    },
    /// The driver will come.
    OfferAccepted {
        /// Which offer.
        attempt: u32,
        /// Who comes.
        driver: DriverId,
        /// When the assignment is revoked if the pickup was not reached.
        overdue_at: Timestamp,
    },
    /// The driver set off for the pickup.
    PickupStarted {
        /// Who.
        driver: DriverId,
        /// When the assignment is revoked if the pickup was not reached.
        overdue_at: Timestamp,
    },
    /// The driver reached the pickup.
    DriverArrived {
        /// Who.
        driver: DriverId,
        /// From when on the driver may leave with a no-show fee.
        no_show_from: Timestamp,
        /// When the trip is abandoned if it was not started.
        overdue_at: Timestamp,
    },
    /// The rider boarded.
    TripStarted {
        /// Who drives.
        driver: DriverId,
        /// When the dropoff should be reached, if it is known where that is.
        expected_end: Option<Timestamp>,
        /// When the trip is abandoned if it was not completed.
        overdue_at: Timestamp,
    },
    /// The rider was brought.
    TripCompleted {
        /// Who drove.
        driver: DriverId,
        /// What the rider owes.
        fare: Money,
    },
    /// It was called off for good.
    TripCancelled {
        /// By whom, why, and what is due: never [`Ending::Completed`].
        ending: Ending,
    },
    /// The driver gave the trip back; another is looked for.
    DriverCancelled {
        /// Who will not come.
        driver: DriverId,
        /// Why.
        reason: DriverReason,
        /// Until when another driver is looked for.
        patience_until: Timestamp,
    },
    /// The driver did not reach the pickup in time; another is looked for.
    AssignmentRevoked {
        /// Who did not come.
        driver: DriverId,
        /// Until when another driver is looked for.
        patience_until: Timestamp,
    },
    /// Nobody was found in time.
    TripUnfulfilled,
    /// The service ended a trip that stood still for far too long.
    TripAbandoned,
    /// One side rated the other.
    TripRated {
        /// Who rated: the rider or the driver.
        by: Party,
        /// How well.
        stars: Stars,
    },
    /// The driver will go offline after this trip.
    DriverSignedOff {
        /// Who.
        driver: DriverId,
    },
    /// The driver will stay after this trip.
    DriverSignedOn {
        /// Who.
        driver: DriverId,
    },
}

impl Fact {
    /// The driver whom it names.
    pub const fn driver(&self) -> Option<DriverId> {
        match self {
            Self::OfferMade { driver, .. }
            | Self::OfferDeclined { driver, .. }
            | Self::OfferExpired { driver, .. }
            | Self::OfferAccepted { driver, .. }
            | Self::PickupStarted { driver, .. }
            | Self::DriverArrived { driver, .. }
            | Self::TripStarted { driver, .. }
            | Self::TripCompleted { driver, .. }
            | Self::DriverCancelled { driver, .. }
            | Self::AssignmentRevoked { driver, .. }
            | Self::DriverSignedOff { driver }
            | Self::DriverSignedOn { driver } => Some(*driver),
            Self::TripRequested { .. }
            | Self::SearchContinued
            | Self::TripCancelled { .. }
            | Self::TripUnfulfilled
            | Self::TripAbandoned
            | Self::TripRated { .. } => None,
        }
    }

    /// Its row in the table of transitions.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::TripRequested { .. } => EventKind::TripRequested,
            Self::SearchContinued => EventKind::SearchContinued,
            Self::OfferMade { .. } => EventKind::OfferMade,
            Self::OfferDeclined { .. } => EventKind::OfferDeclined,
            Self::OfferExpired { .. } => EventKind::OfferExpired,
            Self::OfferAccepted { .. } => EventKind::OfferAccepted,
            Self::PickupStarted { .. } => EventKind::PickupStarted,
            Self::DriverArrived { .. } => EventKind::DriverArrived,
            Self::TripStarted { .. } => EventKind::TripStarted,
            Self::TripCompleted { .. } => EventKind::TripCompleted,
            Self::TripCancelled { .. } => EventKind::TripCancelled,
            Self::DriverCancelled { .. } => EventKind::DriverCancelled,
            Self::AssignmentRevoked { .. } => EventKind::AssignmentRevoked,
            Self::TripUnfulfilled => EventKind::TripUnfulfilled,
            Self::TripAbandoned => EventKind::TripAbandoned,
            Self::TripRated { .. } => EventKind::TripRated,
            Self::DriverSignedOff { .. } => EventKind::DriverSignedOff,
            Self::DriverSignedOn { .. } => EventKind::DriverSignedOn,
        }
    }
}
