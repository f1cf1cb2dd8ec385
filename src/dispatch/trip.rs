//! A trip: all that is known of it. The same value is what the core works with, what a snapshot
//! keeps and what an app is shown.

use std::fmt;

use super::states::TripState;
use crate::geo::LatLng;
use crate::ids::{DriverId, OfferId, QuoteId, RequestKey, RiderId, TripId};
use crate::model::{Attributes, Capacity, Rating, VehicleTypes};
use crate::units::{Meters, Millis, Money, Timestamp};

/// What kind of vehicle and driver will do. Each is a hard condition: who does not meet it is
/// never asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Needs {
    /// At least one of these types must be served; none given means any.
    pub vehicle_types: VehicleTypes,
    /// Each of these is required.
    pub attributes: Attributes,
    /// At least this rating.
    pub min_rating: Rating,
}

impl Needs {
    /// Anybody will do.
    pub const NONE: Self = Self {
        vehicle_types: VehicleTypes::NONE,
        attributes: Attributes::NONE,
        min_rating: Rating::ZERO,
    };
}

/// Where to, with how many and in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Journey {
    /// Where the rider boards.
    pub pickup: LatLng,
    /// Where the rider wants to go, if it was said.
    pub dropoff: Option<LatLng>,
    /// How many seats are needed.
    pub passengers: Capacity,
    /// What will do.
    pub needs: Needs,
}

/// Whether a request can wait for its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Urgency {
    /// It is solved together with the others of its window.
    Batch,
    /// A driver is looked for at once, and again at once after each decline.
    Immediate,
}

/// A rider's request for a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TripRequest {
    /// The rider's name for this request: asking again with the same key is asking once.
    pub key: RequestKey,
    /// Who asks.
    pub rider: RiderId,
    /// For what.
    pub journey: Journey,
    /// The quote that the rider agreed to.
    pub quote: Option<QuoteId>,
    /// Whether it can wait for its batch.
    pub urgency: Urgency,
}

/// The way to a pickup as it was estimated when a driver was asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pickup {
    /// How long until the driver is there, the end of a current trip included.
    pub duration: Millis,
    /// How far it is.
    pub distance: Meters,
}

/// A driver who has been asked and has not answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// The number of the offer among those for its trip, from 1.
    pub attempt: u32,
    /// Who was asked.
    pub driver: DriverId,
    /// When.
    pub made_at: Timestamp,
    /// An answer counts before this moment.
    pub deadline: Timestamp,
    /// The way to the pickup.
    pub pickup: Pickup,
    /// The trip that the driver would finish first.
    pub after: Option<TripId>,
}

/// A driver who was asked before and is not asked again for this trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The number of the offer.
    pub attempt: u32,
    /// Who was asked.
    pub driver: DriverId,
    /// When the offer, or the assignment that followed it, was over.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// In which way an offer was declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Declined {
    /// The driver said no.
    ByAnswer,
    /// The driver went offline.
    ByGoingOffline,
}

/// What came of an offer that is no longer pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Declined.
    Declined(Declined),
    /// Not answered in time, which counts as declined.
    Expired,
    /// The trip was over before the driver answered.
    Withdrawn,
    /// Accepted, and given back later.
    GivenBack(DriverReason),
    /// Accepted, and taken away since the pickup was not reached in time.
    Revoked,
}

/// The driver who has accepted a trip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assignment {
    /// The number of the offer that was accepted.
    pub attempt: u32,
    /// Who.
    pub driver: DriverId,
    /// When the offer was accepted.
    pub accepted_at: Timestamp,
    /// The way to the pickup as it was estimated.
    pub pickup: Pickup,
    /// The trip that the driver finishes, or finished, first.
    pub after: Option<TripId>,
    /// When the driver reached the pickup.
    pub arrived_at: Option<Timestamp>,
    /// From when on the driver may leave with a no-show fee; set on arrival.
    pub no_show_from: Option<Timestamp>,
    /// When the rider boarded.
    pub started_at: Option<Timestamp>,
    /// When the dropoff should be reached; set at the start if the dropoff is known.
    pub expected_end: Option<Timestamp>,
    /// When the service steps in if nothing more happens.
    pub overdue_at: Timestamp,
    /// What the driver does after this trip.
    pub afterwards: Afterwards,
}

/// What a driver does after a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// Takes the next one.
    Stays,
    /// Goes offline.
    GoesOffline,
}

/// A side of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Who rides.
    Rider,
    /// Who drives.
    Driver,
    /// Who brings them together: we.
    Service,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rider => "rider",
            Self::Driver => "driver",
            Self::Service => "service",
        })
    }
}

/// Why a rider calls a trip off. Decides nothing; kept for those who look into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiderReason {
    /// None of the others, or not said.
    Other,
    /// Does not want to go any more.
    ChangedMind,
    /// It takes too long.
    WaitedTooLong,
    /// The pickup or the dropoff was wrong.
    WrongPlace,
    /// The driver asked for it.
    DriverAsked,
}

/// Why a driver gives a trip back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriverReason {
    /// None of the others, or not said.
    Other,
    /// The rider did not come to the pickup: ends the trip, with a fee, once the wait is over.
    NoShow,
    /// The pickup cannot be reached.
    CannotReach,
    /// Something is wrong with the vehicle.
    Vehicle,
    /// It would not be safe.
    Safety,
    /// The driver went offline with the trip still ahead.
    WentOffline,
}

/// How a trip ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The rider was brought and owes a fare.
    Completed {
        /// What is owed.
        fare: Money,
    },
    /// The rider called it off.
    CancelledByRider {
        /// Why.
        reason: RiderReason,
        /// What is owed all the same; zero within the free window.
        fee: Money,
    },
    /// The rider did not come to the pickup.
    NoShow {
        /// What is owed all the same.
        fee: Money,
    },
    /// It stood still for far too long, and the service ended it. Nothing is owed.
    Abandoned,
    /// Nobody was found in time.
    Unfulfilled,
}

impl Ending {
    /// Who ended it.
    pub const fn by(&self) -> Party {
        match self {
            Self::Completed { .. } | Self::NoShow { .. } => Party::Driver,
            Self::CancelledByRider { .. } => Party::Rider,
            Self::Abandoned | Self::Unfulfilled => Party::Service,
        }
    }

    /// Why, in a word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "brought",
            Self::CancelledByRider { reason, .. } => match reason {
                RiderReason::Other => "other",
                RiderReason::ChangedMind => "changed mind",
                RiderReason::WaitedTooLong => "waited too long",
                RiderReason::WrongPlace => "wrong place",
                RiderReason::DriverAsked => "driver asked",
            },
            Self::NoShow { .. } => "no-show",
            Self::Abandoned => "stood still for too long",
            Self::Unfulfilled => "nobody was found in time",
        }
    }

    /// What the rider owes: the fare or the fee.
    pub const fn due(&self) -> Option<Money> {
        match self {
            Self::Completed { fare } => Some(*fare),
            Self::CancelledByRider { fee, .. } | Self::NoShow { fee } => Some(*fee),
            Self::Abandoned | Self::Unfulfilled => None,
        }
    }
}

/// The end of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// How.
    pub ending: Ending,
}

impl End {
    /// The state that a trip with this end is in.
    pub const fn state(&self) -> TripState {
        match self.ending {
            Ending::Completed { .. } => TripState::Completed,
            Ending::Unfulfilled => TripState::Unfulfilled,
            Ending::CancelledByRider { .. } | Ending::NoShow { .. } | Ending::Abandoned => {
                TripState::Cancelled
            }
        }
    }
}

/// A rating that one side of a trip gives the other: 1 to 5 stars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stars(u8);

/// A number of stars that cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stars {value} is not in 1..=5")]
pub struct StarsError {
    /// What was given.
    pub value: u32,
}

impl Stars {
    /// How many.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u32> for Stars {
    type Error = StarsError;

    fn try_from(value: u32) -> Result<Self, StarsError> {
        match u8::try_from(value) {
            Ok(small @ 1..=5) => Ok(Self(small)),
            _ => Err(StarsError { value }),
        }
    }
}

/// Everything known of one trip.
///
/// # Guarantees
/// Complete: a market restored from the trips that are open goes on as if it had never stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Trip {
    /// Its name.
    pub id: TripId,
    /// How many events have happened to it.
    pub ordinal: u32,
    /// Where it stands.
    pub state: TripState,
    /// Since when it stands there.
    pub since: Timestamp,
    /// What was asked for.
    pub request: TripRequest,
    /// When it was asked for: the waiting time counts from here, whatever happened since.
    pub requested_at: Timestamp,
    /// Until when a driver is looked for.
    pub patience_until: Timestamp,
    /// The fare agreed by a quote.
    pub agreed: Option<Money>,
    /// The number of offers made so far.
    pub attempts: u32,
    /// The drivers who were asked and are not asked again, in the order of their outcomes.
    pub asked: Vec<Asked>,
    /// The driver who has been asked and has not answered.
    pub offer: Option<Offer>,
    /// The driver who has accepted. Kept when the trip is over.
    pub assignment: Option<Assignment>,
    /// How it ended.
    pub end: Option<End>,
    /// What the rider gave the driver.
    pub rated_by_rider: Option<Stars>,
    /// What the driver gave the rider.
    pub rated_by_driver: Option<Stars>,
}

impl Trip {
    /// About how many bytes writing it and an event of it takes, at most: names are up to 64 bytes.
    pub fn weight(&self) -> usize {
        1_024 + 128 * self.asked.len()
    }

    /// When something has to be done if nothing happens before; none if the trip is over.
    ///
    /// While it waits: the end of its patience. While an offer is pending: the offer's deadline.
    /// While a driver has it: when that is overdue.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            TripState::Requested | TripState::Searching => Some(self.patience_until),
            TripState::Offered => self.offer.map(|offer| offer.deadline),
            TripState::Assigned
            | TripState::EnRoute
            | TripState::Arrived
            | TripState::InProgress => self.assignment.map(|assignment| assignment.overdue_at),
            TripState::Completed | TripState::Cancelled | TripState::Unfulfilled => None,
        }
    }

    /// The name of the offer that is pending.
    pub fn offer_id(&self) -> Option<OfferId> {
        self.offer.map(|offer| self.id.offer(offer.attempt))
    }

    /// The driver who has accepted the trip, as long as it is open.
    pub fn driver(&self) -> Option<&DriverId> {
        let assigned = self.assignment.as_ref().filter(|_| self.state.is_open());
        assigned.map(|assignment| &assignment.driver)
    }

    /// Whether a driver was asked before, or is being asked.
    pub fn has_asked(&self, driver: &DriverId) -> bool {
        self.asked.iter().any(|asked| asked.driver == *driver)
            || self.offer.is_some_and(|offer| offer.driver == *driver)
    }
}
