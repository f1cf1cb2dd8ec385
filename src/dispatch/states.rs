//! The states of a trip, and the one table of which event may lead from which to which.
//!
//! The table is data: decisions ask it whether they may, the history is applied by it, and a test
//! walks every state with every kind of event. What a driver is doing follows from the trips that
//! the driver is in, see [`TripState::driver_status`].

use std::fmt;

use crate::model::DriverStatus;

/// Where a trip stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TripState {
    /// Asked for; nobody has been looked for yet.
    Requested,
    /// Looked for in vain so far, or an offer came back: looked for again with the next batch.
    Searching,
    /// One driver has been asked and has not answered.
    Offered,
    /// A driver has accepted and finishes another trip first.
    Assigned,
    /// The driver is on the way to the pickup.
    EnRoute,
    /// The driver waits at the pickup.
    Arrived,
    /// The rider is on board.
    InProgress,
    /// Over: the rider was brought.
    Completed,
    /// Over: called off by the rider, by the driver as a no-show, or by the service.
    Cancelled,
    /// Over: nobody was found in time.
    Unfulfilled,
}

impl TripState {
    /// All of them, in the order of a trip's life.
    pub const ALL: [Self; 10] = [
        Self::Requested,
        Self::Searching,
        Self::Offered,
        Self::Assigned,
        Self::EnRoute,
        Self::Arrived,
        Self::InProgress,
        Self::Completed,
        Self::Cancelled,
        Self::Unfulfilled,
    ];

    /// Its name in metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Searching => "searching",
            Self::Offered => "offered",
            Self::Assigned => "assigned",
            Self::EnRoute => "en_route",
            Self::Arrived => "arrived",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Unfulfilled => "unfulfilled",
        }
    }

    /// Whether the trip is not over.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Completed | Self::Cancelled | Self::Unfulfilled)
    }

    /// Whether a driver is being looked for and none has been asked.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Requested | Self::Searching)
    }

    /// What the driver who serves a trip in this state is doing; none if no driver does.
    pub const fn driver_status(self) -> Option<DriverStatus> {
        match self {
            Self::EnRoute => Some(DriverStatus::EnRoute),
            Self::Arrived => Some(DriverStatus::Waiting),
            Self::InProgress => Some(DriverStatus::OnTrip),
            _ => None,
        }
    }
}

impl fmt::Display for TripState {
    /// As the protocol writes it: `IN_PROGRESS`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().to_ascii_uppercase())
    }
}

/// What can happen to a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A rider requested it.
    TripRequested,
    /// The first search found nobody.
    SearchContinued,
    /// A driver was asked.
    OfferMade,
    /// The driver said no, or went offline.
    OfferDeclined,
    /// The driver said nothing in time.
    OfferExpired,
    /// The driver said yes.
    OfferAccepted,
    /// The driver set off for the pickup.
    PickupStarted,
    /// The driver reached the pickup.
    DriverArrived,
    /// The rider boarded.
    TripStarted,
    /// The rider was brought.
    TripCompleted,
    /// The rider called it off, or did not show up.
    TripCancelled,
    /// The driver gave it back.
    DriverCancelled,
    /// The service took it from a driver who did not reach the pickup in time.
    AssignmentRevoked,
    /// Nobody was found in time.
    TripUnfulfilled,
    /// The service ended it: it stood still for far too long.
    TripAbandoned,
    /// One side rated the other.
    TripRated,
    /// The driver wants to go offline after this trip.
    DriverSignedOff,
    /// The driver wants to stay after this trip after all.
    DriverSignedOn,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::TripRequested,
        Self::SearchContinued,
        Self::OfferMade,
        Self::OfferDeclined,
        Self::OfferExpired,
        Self::OfferAccepted,
        Self::PickupStarted,
        Self::DriverArrived,
        Self::TripStarted,
        Self::TripCompleted,
        Self::TripCancelled,
        Self::DriverCancelled,
        Self::AssignmentRevoked,
        Self::TripUnfulfilled,
        Self::TripAbandoned,
        Self::TripRated,
        Self::DriverSignedOff,
        Self::DriverSignedOn,
    ];

    /// Its name in metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TripRequested => "trip_requested",
            Self::SearchContinued => "search_continued",
            Self::OfferMade => "offer_made",
            Self::OfferDeclined => "offer_declined",
            Self::OfferExpired => "offer_expired",
            Self::OfferAccepted => "offer_accepted",
            Self::PickupStarted => "pickup_started",
            Self::DriverArrived => "driver_arrived",
            Self::TripStarted => "trip_started",
            Self::TripCompleted => "trip_completed",
            Self::TripCancelled => "trip_cancelled",
            Self::DriverCancelled => "driver_cancelled",
            Self::AssignmentRevoked => "assignment_revoked",
            Self::TripUnfulfilled => "trip_unfulfilled",
            Self::TripAbandoned => "trip_abandoned",
            Self::TripRated => "trip_rated",
            Self::DriverSignedOff => "driver_signed_off",
            Self::DriverSignedOn => "driver_signed_on",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

use EventKind as K;
use TripState as S;

/// Each event that may happen: in which states, and to which it leads. What is not here is illegal.
///
/// [`EventKind::TripRequested`] is not here: it happens to no trip, and makes one that is
/// [`TripState::Requested`].
pub const TRANSITIONS: [(EventKind, &[TripState], Next); 17] = [
    (K::SearchContinued, &[S::Requested], Next::Is(S::Searching)),
    (K::OfferMade, &[S::Requested, S::Searching], Next::Is(S::Offered)),
    (K::OfferDeclined, &[S::Offered], Next::Is(S::Searching)),
    (K::OfferExpired, &[S::Offered], Next::Is(S::Searching)),
    (K::OfferAccepted, &[S::Offered], Next::Is(S::Assigned)),
    (K::PickupStarted, &[S::Assigned], Next::Is(S::EnRoute)),
    (K::DriverArrived, &[S::EnRoute], Next::Is(S::Arrived)),
    (K::TripStarted, &[S::Arrived], Next::Is(S::InProgress)),
    (K::TripCompleted, &[S::InProgress], Next::Is(S::Completed)),
    (
        K::TripCancelled,
        &[S::Requested, S::Searching, S::Offered, S::Assigned, S::EnRoute, S::Arrived],
        Next::Is(S::Cancelled),
    ),
    (K::DriverCancelled, &[S::Assigned, S::EnRoute, S::Arrived], Next::Is(S::Searching)),
    (K::AssignmentRevoked, &[S::Assigned, S::EnRoute], Next::Is(S::Searching)),
    (K::TripUnfulfilled, &[S::Requested, S::Searching], Next::Is(S::Unfulfilled)),
    (K::TripAbandoned, &[S::Arrived, S::InProgress], Next::Is(S::Cancelled)),
    (K::TripRated, &[S::Completed], Next::Same),
    (K::DriverSignedOff, &[S::EnRoute, S::Arrived, S::InProgress], Next::Same),
    (K::DriverSignedOn, &[S::EnRoute, S::Arrived, S::InProgress], Next::Same),
];

/// Where an event leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// To this state.
    Is(TripState),
    /// Nowhere: it is only noted.
    Same,
}

/// The state after an event of this kind, if it may happen in this one.
///
/// # Examples
/// ```
/// use hansom::dispatch::{EventKind, TripState, next_state};
/// assert_eq!(next_state(TripState::Arrived, EventKind::TripStarted), Some(TripState::InProgress));
/// assert_eq!(next_state(TripState::EnRoute, EventKind::TripStarted), None);
/// ```
pub fn next_state(state: TripState, kind: EventKind) -> Option<TripState> {
    let (_, _, next) =
        TRANSITIONS.iter().find(|(event, from, _)| *event == kind && from.contains(&state))?;
    Some(match next {
        Next::Is(next) => *next,
        Next::Same => state,
    })
}
