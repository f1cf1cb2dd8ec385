//! Why a command was not carried out, in the words of those who write the apps.
//!
//! A refused command changed nothing and left no event. Each refusal names what it is about, how
//! that stands, and what would have been possible.

use super::states::TripState;
use super::trip::{End, Party};
use crate::ids::{MarketId, OfferId, QuoteId, RequestKey, RiderId, TripId};
use crate::units::{Timestamp, rfc3339};

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The id belongs to another market.
    #[error("{id} is not of market {market}")]
    OtherMarket {
        /// What was named.
        id: String,
        /// Which market was asked.
        market: MarketId,
    },
    /// No such trip is remembered.
    #[error("trip {trip} is not known here: it never was, or it ended too long ago")]
    UnknownTrip {
        /// Which.
        trip: TripId,
    },
    /// The trip is somebody else's.
    #[error("trip {trip} has another {party}")]
    NotYourTrip {
        /// Which.
        trip: TripId,
        /// Whether its rider or its driver was meant.
        party: Party,
    },
    /// Nobody drives this trip at the moment.
    #[error("trip {trip} is {state}; no driver has it now")]
    NoDriver {
        /// Which.
        trip: TripId,
        /// How it stands.
        state: TripState,
    },
    /// The trip is not over, and does not stand where this can be done.
    #[error("trip {trip} is {state}; it cannot be {action} yet: {hint}")]
    TooSoon {
        /// Which.
        trip: TripId,
        /// How it stands.
        state: TripState,
        /// What was wanted, as a participle.
        action: &'static str,
        /// What has to come first.
        hint: &'static str,
    },
    /// The trip is not over, but it is too late for this.
    #[error("trip {trip} is {state}; it can no longer be {action}: {hint}")]
    TooLate {
        /// Which.
        trip: TripId,
        /// How it stands.
        state: TripState,
        /// What was wanted, as a participle.
        action: &'static str,
        /// What is possible instead.
        hint: &'static str,
    },
    /// The trip is over.
    #[error(
        "trip {trip} is {state} (by {by} at {when}: {why}); it can no longer be {action}",
        by = end.ending.by(), when = rfc3339(end.at), why = end.ending.reason()
    )]
    TripOver {
        /// Which.
        trip: TripId,
        /// How it stands.
        state: TripState,
        /// How it ended.
        end: End,
        /// What was wanted, as a participle.
        action: &'static str,
    },
    /// The wait at the pickup is not over.
    #[error("trip {trip}: the rider may still come; a no-show can be reported from {when}", when = rfc3339(*from))]
    StillWaiting {
        /// Which.
        trip: TripId,
        /// From when on.
        from: Timestamp,
    },
    /// No such offer was made.
    #[error("offer {offer} is not known: trip {trip} has had no such offer", trip = offer.trip())]
    UnknownOffer {
        /// Which.
        offer: OfferId,
    },
    /// The offer was made to somebody else.
    #[error("offer {offer} was made to another driver")]
    NotYourOffer {
        /// Which.
        offer: OfferId,
    },
    /// The answer came too late; the trip is still looking for a driver, or asks another.
    #[error("offer {offer} expired at {when}", when = rfc3339(*at))]
    OfferExpired {
        /// Which.
        offer: OfferId,
        /// When.
        at: Timestamp,
    },
    /// The answer came too late, and another driver has the trip by now.
    #[error("offer {offer} expired at {when}; another driver has taken the trip since", when = rfc3339(*expired_at))]
    AlreadyTaken {
        /// Which.
        offer: OfferId,
        /// When it expired.
        expired_at: Timestamp,
    },
    /// The same driver declined it before.
    #[error("offer {offer} was declined at {when}; that cannot be taken back", when = rfc3339(*at))]
    OfferDeclined {
        /// Which.
        offer: OfferId,
        /// When.
        at: Timestamp,
    },
    /// The same driver accepted it and has lost the trip since.
    #[error("offer {offer} was accepted, and the trip left this driver at {when}", when = rfc3339(*at))]
    OfferClosed {
        /// Which.
        offer: OfferId,
        /// When.
        at: Timestamp,
    },
    /// The offer was accepted, so that it cannot be declined.
    #[error("offer {offer} was accepted; to give the trip back, cancel as its driver")]
    OfferAccepted {
        /// Which.
        offer: OfferId,
    },
    /// The same key was used for another request.
    #[error(
        "request key {key} was used for trip {trip} with another {differs}; use a new key for a new request"
    )]
    KeyReused {
        /// The key.
        key: RequestKey,
        /// What it was used for.
        trip: TripId,
        /// The first thing that differs.
        differs: &'static str,
    },
    /// The rider has as many open trips as a rider may have.
    #[error("rider {rider} has open trip {open}, and {limit} is the most that may be open at once")]
    RiderHasOpenTrip {
        /// Who.
        rider: RiderId,
        /// The oldest of them.
        open: TripId,
        /// The limit.
        limit: usize,
    },
    /// The market has as many open trips as it can hold.
    #[error("market {market} has {limit} open trips, the most that it takes; try again later")]
    MarketFull {
        /// Which.
        market: MarketId,
        /// The limit.
        limit: usize,
    },
    /// As many quotes are valid as the market holds.
    #[error(
        "market {market} holds {limit} valid quotes, the most that it does; one expires at {when}, try again then",
        when = rfc3339(*from)
    )]
    QuotesFull {
        /// Which.
        market: MarketId,
        /// The limit.
        limit: usize,
        /// When there is room for another.
        from: Timestamp,
    },
    /// No such quote is remembered.
    #[error(
        "quote {quote} is not known: it never was, expired long ago, or the service has restarted; ask for a new one"
    )]
    UnknownQuote {
        /// Which.
        quote: QuoteId,
    },
    /// The quote is no longer valid.
    #[error("quote {quote} expired at {when}; ask for a new one", when = rfc3339(*at))]
    QuoteExpired {
        /// Which.
        quote: QuoteId,
        /// When.
        at: Timestamp,
    },
    /// The quote was given for something else.
    #[error("quote {quote} was given for another {differs}; ask for a new one")]
    QuoteDiffers {
        /// Which.
        quote: QuoteId,
        /// The first thing that differs.
        differs: &'static str,
    },
    /// A fare cannot be told before it is known where to.
    #[error("a quote needs a dropoff")]
    NoDropoff,
    /// The trip was rated before.
    #[error("trip {trip} was rated by this {party} before; a rating cannot be changed")]
    AlreadyRated {
        /// Which.
        trip: TripId,
        /// By which side.
        party: Party,
    },
    /// The driver has signed off and on too often during one trip.
    #[error(
        "trip {trip} has had {limit} events; its driver can sign off and on no more before it is over"
    )]
    TooManyChanges {
        /// Which.
        trip: TripId,
        /// The limit.
        limit: u32,
    },
}

impl Refusal {
    /// All names, in the order of the variants.
    pub const NAMES: [&str; 25] = [
        "other_market",
        "unknown_trip",
        "not_your_trip",
        "no_driver",
        "too_soon",
        "too_late",
        "trip_over",
        "still_waiting",
        "unknown_offer",
        "not_your_offer",
        "offer_expired",
        "already_taken",
        "offer_declined",
        "offer_closed",
        "offer_accepted",
        "key_reused",
        "rider_has_open_trip",
        "market_full",
        "quotes_full",
        "unknown_quote",
        "quote_expired",
        "quote_differs",
        "no_dropoff",
        "already_rated",
        "too_many_changes",
    ];

    /// Its name in metrics and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OtherMarket { .. } => "other_market",
            Self::UnknownTrip { .. } => "unknown_trip",
            Self::NotYourTrip { .. } => "not_your_trip",
            Self::NoDriver { .. } => "no_driver",
            Self::TooSoon { .. } => "too_soon",
            Self::TooLate { .. } => "too_late",
            Self::TripOver { .. } => "trip_over",
            Self::StillWaiting { .. } => "still_waiting",
            Self::UnknownOffer { .. } => "unknown_offer",
            Self::NotYourOffer { .. } => "not_your_offer",
            Self::OfferExpired { .. } => "offer_expired",
            Self::AlreadyTaken { .. } => "already_taken",
            Self::OfferDeclined { .. } => "offer_declined",
            Self::OfferClosed { .. } => "offer_closed",
            Self::OfferAccepted { .. } => "offer_accepted",
            Self::KeyReused { .. } => "key_reused",
            Self::RiderHasOpenTrip { .. } => "rider_has_open_trip",
            Self::MarketFull { .. } => "market_full",
            Self::QuotesFull { .. } => "quotes_full",
            Self::UnknownQuote { .. } => "unknown_quote",
            Self::QuoteExpired { .. } => "quote_expired",
            Self::QuoteDiffers { .. } => "quote_differs",
            Self::NoDropoff => "no_dropoff",
            Self::AlreadyRated { .. } => "already_rated",
            Self::TooManyChanges { .. } => "too_many_changes",
        }
    }
}
