//! The one table from failures to gRPC statuses.

use std::time::Duration;

use tonic::codegen::http;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::convert::FieldError;
use crate::dispatch::Refusal;
use crate::host::HostError;
use crate::ids::{DriverId, TripId};
use crate::index::FullError;
use crate::limits;
use crate::mirror::FallbackError;
use crate::model::DriverStatus;

/// Why a call or a stream ends without what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The request cannot be accepted as it is.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The driver is not known, or was forgotten.
    #[error("driver {driver:?} is not known")]
    UnknownDriver {
        /// Who was asked for.
        driver: String,
    },
    /// The map has no room for another driver.
    #[error(transparent)]
    MapFull(#[from] FullError),
    /// The server has as many streams as it may.
    #[error("max_streams: {max} streams are open, the most that one server holds")]
    TooManyStreams {
        /// The limit.
        max: usize,
    },
    /// More drivers are in the area than a watch can hold.
    #[error("max_watched: more than {max} drivers are in the area; watch a smaller one")]
    WatchTooLarge {
        /// The limit.
        max: usize,
    },
    /// More drivers are attended than may be.
    #[error(
        "max_fleet_drivers: {max} drivers are attended by this stream, the most that one may attend"
    )]
    FleetTooLarge {
        /// The limit.
        max: usize,
    },
    /// The requests of one connection occupy too much memory.
    #[error(
        "max_request_bytes: the requests of this connection occupy {max} bytes, the most it may have"
    )]
    TooMuchUnfinished {
        /// The limit.
        max: usize,
    },
    /// A connection leaves too much unread.
    #[error(
        "max_answer_bytes: {max} bytes of answers on this connection are not read, the most it may \
         have"
    )]
    TooMuchUnread {
        /// The limit.
        max: usize,
    },
    /// A message is longer than any may be.
    #[error("max_message_bytes: the message has more than {max} bytes, the most that one may have")]
    MessageTooLarge {
        /// The limit.
        max: usize,
    },
    /// The market does not do what was asked.
    #[error(transparent)]
    Market(#[from] HostError),
    /// The server hosts no market.
    #[error("this server hosts no market; it only knows where drivers are")]
    NoMarket,
    /// A status that dispatch decides.
    #[error(
        "driver {driver} is bound by a trip or an offer ({bound}); the status {status} belongs to \
         dispatch, only AVAILABLE and OFFLINE can be set"
    )]
    StatusOwned {
        /// Whose.
        driver: DriverId,
        /// What was wanted.
        status: DriverStatus,
        /// What the driver is doing.
        bound: DriverStatus,
    },
    /// No decision about the trip is remembered.
    #[error("trip {trip}: no decision about it is remembered")]
    Undecided {
        /// Which.
        trip: TripId,
    },
    /// The market answered what it never should.
    #[error("the market answered {reply}, which is no answer to this; please report it")]
    Odd {
        /// What it answered.
        reply: String,
    },
    /// The copy of the map does not answer.
    #[error("the map is not here, and its copy does not answer: {0}")]
    NoCopy(#[from] FallbackError),
    /// There is only the copy, which is not asked for this.
    #[error("the map is not here; from its copy, Nearest, Within and Count are answered")]
    CopyOnly,
    /// The server is shutting down.
    #[error("the server drains; reconnect")]
    Draining,
    /// The client's deadline has passed.
    #[error("the deadline of the stream has passed")]
    DeadlineExceeded,
}

impl Failure {
    /// A driver that is not known.
    pub fn unknown(driver: &DriverId) -> Self {
        Self::UnknownDriver { driver: driver.as_str().to_owned() }
    }

    pub(super) fn code(&self) -> Code {
        match self {
            Self::Field(_) => Code::InvalidArgument,
            Self::UnknownDriver { .. } | Self::Undecided { .. } => Code::NotFound,
            Self::Market(error) => market_code(error),
            Self::NoMarket => Code::Unimplemented,
            Self::StatusOwned { .. } => Code::FailedPrecondition,
            Self::Odd { .. } => Code::Internal,
            Self::MapFull(_)
            | Self::TooManyStreams { .. }
            | Self::WatchTooLarge { .. }
            | Self::FleetTooLarge { .. }
            | Self::TooMuchUnfinished { .. }
            | Self::TooMuchUnread { .. }
            | Self::MessageTooLarge { .. } => Code::ResourceExhausted,
            Self::Draining | Self::NoCopy(_) | Self::CopyOnly => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
        }
    }

    /// The machine-readable name.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Field(_) => "bad_field",
            Self::UnknownDriver { .. } => "unknown_driver",
            Self::MapFull(_) => "max_drivers",
            Self::TooManyStreams { .. } => "max_streams",
            Self::WatchTooLarge { .. } => "max_watched",
            Self::FleetTooLarge { .. } => "max_fleet_drivers",
            Self::TooMuchUnfinished { .. } => "max_request_bytes",
            Self::TooMuchUnread { .. } => "max_answer_bytes",
            Self::MessageTooLarge { .. } => "max_message_bytes",
            Self::Market(error) => market_reason(error),
            Self::NoMarket => "no_market",
            Self::StatusOwned { .. } => "status_owned",
            Self::Undecided { .. } => "undecided",
            Self::Odd { .. } => "odd_reply",
            Self::NoCopy(_) => "no_copy",
            Self::CopyOnly => "copy_only",
            Self::Draining => "draining",
            Self::DeadlineExceeded => "deadline_exceeded",
        }
    }

    /// What a market's failures carry: the name, and what their codes promise.
    fn market_details(&self) -> ErrorDetails {
        let mut details = ErrorDetails::new();
        let none: [(String, String); 0] = [];
        match self {
            Self::Market(HostError::Elsewhere { active: Some(active), .. }) => {
                let active = [("active".to_owned(), active.clone())];
                details.set_error_info(self.reason(), "hansom", active);
            }
            _ => {
                details.set_error_info(self.reason(), "hansom", none);
            }
        }
        match self.code() {
            Code::ResourceExhausted => {
                details.add_quota_failure_violation(self.reason(), self.to_string());
                details.set_retry_info(Some(Duration::from_millis(limits::RETRY_AFTER_MS)));
            }
            Code::Unavailable => {
                details.set_retry_info(Some(Duration::from_millis(limits::RETRY_AFTER_MS)));
            }
            Code::InvalidArgument => {
                let field = match self {
                    Self::Market(HostError::Refused(Refusal::NoDropoff)) => "journey.dropoff",
                    _ => "id",
                };
                details.add_bad_request_violation(field, self.to_string());
            }
            _ => {}
        }
        details
    }

    fn details(&self) -> ErrorDetails {
        let retry =
            || ErrorDetails::with_retry_info(Some(Duration::from_millis(limits::RETRY_AFTER_MS)));
        let limit = |name: &str| {
            let mut details = retry();
            details.add_quota_failure_violation(name, self.to_string());
            details
        };
        match self {
            Self::Field(FieldError { field, detail }) => {
                ErrorDetails::with_bad_request_violation(field, detail)
            }
            Self::UnknownDriver { driver } => {
                let mut details = ErrorDetails::new();
                details.set_resource_info("driver", driver, "", self.to_string());
                details
            }
            Self::MapFull(_) => limit("max_drivers"),
            Self::TooManyStreams { .. } => limit("max_streams"),
            Self::WatchTooLarge { .. } => limit("max_watched"),
            Self::FleetTooLarge { .. } => limit("max_fleet_drivers"),
            Self::TooMuchUnfinished { .. } => limit("max_request_bytes"),
            Self::TooMuchUnread { .. } => limit("max_answer_bytes"),
            Self::MessageTooLarge { .. } => limit("max_message_bytes"),
            Self::Market(_)
            | Self::NoMarket
            | Self::StatusOwned { .. }
            | Self::Undecided { .. }
            | Self::Odd { .. } => self.market_details(),
            Self::Draining | Self::NoCopy(_) | Self::CopyOnly => retry(),
            Self::DeadlineExceeded => ErrorDetails::new(),
        }
    }
}

/// The code of each failure of a market.
const fn market_code(error: &HostError) -> Code {
    match error {
        HostError::Refused(refusal) => refusal_code(refusal),
        HostError::QueueFull { .. } => Code::ResourceExhausted,
        HostError::Down { .. }
        | HostError::Elsewhere { .. }
        | HostError::Ended { .. }
        | HostError::NoTime { .. } => Code::Unavailable,
        HostError::Unreadable { .. } => Code::Internal,
    }
}

/// The machine-readable name of each failure of a market.
const fn market_reason(error: &HostError) -> &'static str {
    match error {
        HostError::Refused(refusal) => refusal.name(),
        HostError::QueueFull { .. } => "market_queue",
        HostError::Down { .. } => "market_down",
        HostError::Elsewhere { .. } => "market_elsewhere",
        HostError::Ended { .. } => "market_ended",
        HostError::NoTime { .. } => "no_time",
        HostError::Unreadable { .. } => "unreadable",
    }
}

/// The code of each refusal: what is not known, what was done for another, what is wrong in
/// itself, what there is too much of; and what cannot be done as things stand.
const fn refusal_code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::UnknownTrip { .. }
        | Refusal::UnknownOffer { .. }
        | Refusal::UnknownQuote { .. } => Code::NotFound,
        Refusal::KeyReused { .. } | Refusal::AlreadyRated { .. } => Code::AlreadyExists,
        Refusal::OtherMarket { .. } | Refusal::NoDropoff => Code::InvalidArgument,
        Refusal::MarketFull { .. } | Refusal::QuotesFull { .. } => Code::ResourceExhausted,
        Refusal::NotYourTrip { .. }
        | Refusal::NoDriver { .. }
        | Refusal::TooManyChanges { .. }
        | Refusal::TooSoon { .. }
        | Refusal::TooLate { .. }
        | Refusal::TripOver { .. }
        | Refusal::StillWaiting { .. }
        | Refusal::NotYourOffer { .. }
        | Refusal::OfferExpired { .. }
        | Refusal::AlreadyTaken { .. }
        | Refusal::OfferDeclined { .. }
        | Refusal::OfferClosed { .. }
        | Refusal::OfferAccepted { .. }
        | Refusal::RiderHasOpenTrip { .. }
        | Refusal::QuoteExpired { .. }
        | Refusal::QuoteDiffers { .. } => Code::FailedPrecondition,
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let details = failure.details();
        Self::with_error_details(failure.code(), failure.to_string(), details)
    }
}

impl From<FieldError> for Status {
    fn from(error: FieldError) -> Self {
        Failure::from(error).into()
    }
}

/// What a call or a stream ends with when a message cannot be read: tonic's status in our terms.
///
/// Ours pass: they have details. tonic's have none, and by their code is told what was wrong:
/// `OUT_OF_RANGE` too long, `RESOURCE_EXHAUSTED` too long once unpacked, `INTERNAL` not a message.
pub fn unreadable(status: Status) -> Status {
    if !status.details().is_empty() {
        return status;
    }
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Failure::MessageTooLarge { max: limits::MAX_MESSAGE_BYTES }.into()
        }
        Code::Internal => FieldError::because("request", status.message()).into(),
        _ => status,
    }
}

/// The same for a call that was answered with nothing but a status.
pub fn unreadable_call<B: Default>(response: http::Response<B>) -> http::Response<B> {
    match response.extensions().get::<Status>() {
        Some(status) if status.details().is_empty() => unreadable(status.clone()).into_http(),
        _ => response,
    }
}

#[cfg(test)]
mod market_tests;

#[cfg(test)]
mod tests {
    use super::*;

    /// The documented code of each failure; a new variant does not compile without a line here.
    fn documented(failure: &Failure) -> (Code, &'static str) {
        match failure {
            Failure::Field(_) => (Code::InvalidArgument, "k 0 is not in 1..=1000"),
            Failure::UnknownDriver { .. } => (Code::NotFound, "driver \"cab-7\" is not known"),
            Failure::MapFull(_) => {
                (Code::ResourceExhausted, "9 drivers are known, the most that --max-drivers allows")
            }
            Failure::TooManyStreams { .. } => (
                Code::ResourceExhausted,
                "max_streams: 9 streams are open, the most that one server holds",
            ),
            Failure::WatchTooLarge { .. } => (
                Code::ResourceExhausted,
                "max_watched: more than 9 drivers are in the area; watch a smaller one",
            ),
            Failure::FleetTooLarge { .. } => (
                Code::ResourceExhausted,
                "max_fleet_drivers: 9 drivers are attended by this stream, the most that one may \
                 attend",
            ),
            Failure::TooMuchUnfinished { .. } => (
                Code::ResourceExhausted,
                "max_request_bytes: the requests of this connection occupy 9 bytes, the most it may \
                 have",
            ),
            Failure::TooMuchUnread { .. } => (
                Code::ResourceExhausted,
                "max_answer_bytes: 9 bytes of answers on this connection are not read, the most it \
                 may have",
            ),
            Failure::MessageTooLarge { .. } => (
                Code::ResourceExhausted,
                "max_message_bytes: the message has more than 9 bytes, the most that one may have",
            ),
            Failure::Market(_) => (
                Code::ResourceExhausted,
                "market_queue: 9 commands wait in market sf, the most that may",
            ),
            Failure::NoMarket => (
                Code::Unimplemented,
                "this server hosts no market; it only knows where drivers are",
            ),
            Failure::StatusOwned { .. } => (
                Code::FailedPrecondition,
                "driver cab-7 is bound by a trip or an offer (en_route); the status on_trip belongs \
                 to dispatch, only AVAILABLE and OFFLINE can be set",
            ),
            Failure::Undecided { .. } => {
                (Code::NotFound, "trip sf-1: no decision about it is remembered")
            }
            Failure::Odd { .. } => (
                Code::Internal,
                "the market answered x, which is no answer to this; please report it",
            ),
            Failure::NoCopy(_) => (
                Code::Unavailable,
                "the map is not here, and its copy does not answer: redis has not answered within 1s",
            ),
            Failure::CopyOnly => (
                Code::Unavailable,
                "the map is not here; from its copy, Nearest, Within and Count are answered",
            ),
            Failure::Draining => (Code::Unavailable, "the server drains; reconnect"),
            Failure::DeadlineExceeded => {
                (Code::DeadlineExceeded, "the deadline of the stream has passed")
            }
        }
    }

    #[test]
    fn each_failure_has_its_documented_status() {
        let failures = [
            Failure::Field(FieldError::range("k", 0, "1..=1000")),
            Failure::UnknownDriver { driver: "cab-7".to_owned() },
            Failure::MapFull(FullError { max: 9 }),
            Failure::TooManyStreams { max: 9 },
            Failure::WatchTooLarge { max: 9 },
            Failure::FleetTooLarge { max: 9 },
            Failure::TooMuchUnfinished { max: 9 },
            Failure::TooMuchUnread { max: 9 },
            Failure::MessageTooLarge { max: 9 },
            Failure::Market(HostError::QueueFull { market: "sf".parse().unwrap(), max: 9 }),
            Failure::NoMarket,
            Failure::StatusOwned {
                driver: "cab-7".parse().unwrap(),
                status: DriverStatus::OnTrip,
                bound: DriverStatus::EnRoute,
            },
            Failure::Undecided { trip: "sf-1".parse().unwrap() },
            Failure::Odd { reply: "x".to_owned() },
            Failure::NoCopy(FallbackError::Late { within: Duration::from_secs(1) }),
            Failure::CopyOnly,
            Failure::Draining,
            Failure::DeadlineExceeded,
        ];
        for failure in failures {
            let (code, message) = documented(&failure);
            let status = Status::from(failure);
            assert_eq!((status.code(), status.message()), (code, message));
            let details = status.get_error_details();
            let retry = matches!(code, Code::ResourceExhausted | Code::Unavailable);
            assert_eq!(details.retry_info().is_some(), retry, "{message}");
            assert_eq!(details.bad_request().is_some(), code == Code::InvalidArgument);
            assert_eq!(details.quota_failure().is_some(), code == Code::ResourceExhausted);
        }
    }

    #[test]
    fn only_what_has_no_details_is_put_in_our_terms() {
        let ours = Status::from(Failure::TooManyStreams { max: 9 });
        assert_eq!(unreadable(ours.clone()).message(), ours.message());
        let terms = |code| unreadable(Status::new(code, "as tonic says")).code();
        assert_eq!(terms(Code::OutOfRange), Code::ResourceExhausted);
        assert_eq!(terms(Code::Internal), Code::InvalidArgument);
        for code in [Code::Cancelled, Code::Unimplemented, Code::Unknown, Code::NotFound] {
            assert_eq!(terms(code), code);
        }
        let unpacked = unreadable(Status::resource_exhausted("as tonic says"));
        assert!(unpacked.message().starts_with("max_message_bytes: "), "{unpacked:?}");
        let bytes = unreadable(Status::internal("as tonic says"));
        assert_eq!(bytes.message(), "request: as tonic says");
        let call = unreadable_call::<()>(Status::out_of_range("as tonic says").into_http());
        assert_eq!(call.headers()["grpc-status"], "8");
    }
}
