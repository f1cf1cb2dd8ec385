//! Each refusal and each failure of a market against the documented code.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::*;
use crate::dispatch::{End, Ending, Party, TripState};
use crate::ids::{OfferId, QuoteId};
use crate::units::Timestamp;

/// One of each refusal, in the order of [`Refusal::NAMES`].
fn refusals() -> Vec<Refusal> {
    let trip: TripId = "sf-1".parse().unwrap();
    let (market, offer): (_, OfferId) = (trip.market(), trip.offer(2));
    let quote: QuoteId = "sf-q1".parse().unwrap();
    let (state, action, hint) = (TripState::Offered, "started", "wait");
    let (at, party) = (Timestamp::from_millis(0), Party::Driver);
    let end = End { at, ending: Ending::Unfulfilled };
    let (key, rider) = ("k".parse().unwrap(), "ada".parse().unwrap());
    vec![
        Refusal::OtherMarket { id: "ny-1".to_owned(), market },
        Refusal::UnknownTrip { trip },
        Refusal::NotYourTrip { trip, party },
        Refusal::NoDriver { trip, state },
        Refusal::TooSoon { trip, state, action, hint },
        Refusal::TooLate { trip, state, action, hint },
        Refusal::TripOver { trip, state, end, action },
        Refusal::StillWaiting { trip, from: at },
        Refusal::UnknownOffer { offer },
        Refusal::NotYourOffer { offer },
        Refusal::OfferExpired { offer, at },
        Refusal::AlreadyTaken { offer, expired_at: at },
        Refusal::OfferDeclined { offer, at },
        Refusal::OfferClosed { offer, at },
        Refusal::OfferAccepted { offer },
        Refusal::KeyReused { key, trip, differs: "pickup" },
        Refusal::RiderHasOpenTrip { rider, open: trip, limit: 1 },
        Refusal::MarketFull { market, limit: 9 },
        Refusal::QuotesFull { market, limit: 9, from: at },
        Refusal::UnknownQuote { quote },
        Refusal::QuoteExpired { quote, at },
        Refusal::QuoteDiffers { quote, differs: "pickup" },
        Refusal::NoDropoff,
        Refusal::AlreadyRated { trip, party },
        Refusal::TooManyChanges { trip, limit: 9 },
    ]
}

/// The documented code by name.
fn documented(name: &str) -> Code {
    match name {
        "unknown_trip" | "unknown_offer" | "unknown_quote" => Code::NotFound,
        "key_reused" | "already_rated" => Code::AlreadyExists,
        "other_market" | "no_dropoff" => Code::InvalidArgument,
        "market_full" | "quotes_full" | "market_queue" => Code::ResourceExhausted,
        "market_down" | "market_elsewhere" | "market_ended" | "no_time" => Code::Unavailable,
        "unreadable" => Code::Internal,
        _ => Code::FailedPrecondition,
    }
}

fn check(error: HostError) {
    let (message, failure) = (error.to_string(), Failure::from(error));
    let name = failure.reason();
    let status = Status::from(failure);
    assert_eq!((status.code(), status.message()), (documented(name), message.as_str()), "{name}");
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), (name, "hansom"));
    let retry = matches!(status.code(), Code::ResourceExhausted | Code::Unavailable);
    assert_eq!(details.retry_info().is_some(), retry, "{name}");
    let wrong = status.code() == Code::InvalidArgument;
    assert_eq!(details.bad_request().is_some(), wrong, "{name}");
}

#[test]
fn each_refusal_has_its_documented_status_its_name_and_its_words() {
    let refusals = refusals();
    let names: Vec<&str> = refusals.iter().map(Refusal::name).collect();
    assert_eq!(names, Refusal::NAMES, "one of each, in order");
    for refusal in refusals {
        check(HostError::Refused(refusal));
    }
}

#[test]
fn each_failure_of_a_market_has_its_documented_status() {
    let trip: TripId = "sf-1".parse().unwrap();
    let (market, reason) = (trip.market(), "the disk is full".to_owned());
    check(HostError::QueueFull { market, max: 9 });
    check(HostError::Down { market, reason: reason.clone() });
    check(HostError::Elsewhere { market, active: Some("10.0.0.7:7400".to_owned()) });
    check(HostError::Ended { market });
    check(HostError::NoTime { market });
    check(HostError::Unreadable { trip, cause: reason });
}
