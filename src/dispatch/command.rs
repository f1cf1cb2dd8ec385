//! What can be asked of a market.

use super::trip::{DriverReason, Journey, RiderReason, Stars, TripRequest};
use crate::ids::{DriverId, OfferId, RiderId, TripId};
use crate::units::Meters;

/// One thing that a rider, a driver or the host wants done.
///
/// # Guarantees
/// Each command of a rider or a driver may be sent again by somebody who has not heard the answer:
/// what has already been done is answered as such ([`super::Standing::AlreadyDone`]), without a
/// second event.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A rider asks for a trip.
    RequestTrip(Box<TripRequest>),
    /// A rider calls a trip off.
    CancelTrip {
        /// Which.
        trip: TripId,
        /// Who asks; must be the trip's rider.
        rider: RiderId,
        /// Why.
        reason: RiderReason,
    },
    /// A driver takes a trip.
    AcceptOffer {
        /// Which offer.
        offer: OfferId,
        /// Who accepts.
        driver: DriverId,
    },
    /// A driver does not take a trip.
    DeclineOffer {
        /// Which offer.
        offer: OfferId,
        /// Who declines.
        driver: DriverId,
    },
    /// A driver is at the pickup.
    Arrive {
        /// Of which trip.
        trip: TripId,
        /// Who.
        driver: DriverId,
    },
    /// The rider is on board.
    StartTrip {
        /// Which trip.
        trip: TripId,
        /// Who drives.
        driver: DriverId,
    },
    /// The rider was brought.
    CompleteTrip {
        /// Which trip.
        trip: TripId,
        /// Who drove.
        driver: DriverId,
        /// How far, if the vehicle measures it; used for the fare when none was agreed.
        driven: Option<Meters>,
    },
    /// A driver gives a trip back, or leaves without a rider who did not come.
    CancelAsDriver {
        /// Which trip.
        trip: TripId,
        /// Who.
        driver: DriverId,
        /// Why.
        reason: DriverReason,
    },
    /// One side of a completed trip rates the other.
    RateTrip {
        /// Which trip.
        trip: TripId,
        /// Who rates.
        by: Rater,
        /// How well.
        stars: Stars,
    },
    /// A driver starts to work, or stays after all.
    GoOnline {
        /// Who.
        driver: DriverId,
    },
    /// A driver stops working: at once, or after the trip.
    GoOffline {
        /// Who.
        driver: DriverId,
    },
    /// A rider asks what a trip would cost.
    Quote {
        /// Who asks.
        rider: RiderId,
        /// For what.
        journey: Journey,
    },
    /// The host says that time has passed: what is due is done, up to
    /// [`crate::limits::MAX_TIMERS_PER_TICK`] of it and [`crate::limits::MAX_TICK_BYTES`].
    Tick,
    /// The host says that the window is over: drivers are found for all who wait.
    MatchBatch,
}

/// Who rates a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rater {
    /// The trip's rider, who rates the driver.
    Rider(RiderId),
    /// The trip's driver, who rates the rider.
    Driver(DriverId),
}

impl Command {
    /// Its name in metrics, and in refusals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RequestTrip(_) => "request_trip",
            Self::CancelTrip { .. } => "cancel_trip",
            Self::AcceptOffer { .. } => "accept_offer",
            Self::DeclineOffer { .. } => "decline_offer",
            Self::Arrive { .. } => "arrive",
            Self::StartTrip { .. } => "start_trip",
            Self::CompleteTrip { .. } => "complete_trip",
            Self::CancelAsDriver { .. } => "cancel_as_driver",
            Self::RateTrip { .. } => "rate_trip",
            Self::GoOnline { .. } => "go_online",
            Self::GoOffline { .. } => "go_offline",
            Self::Quote { .. } => "quote",
            Self::Tick => "tick",
            Self::MatchBatch => "match_batch",
        }
    }
}
