//! Events as messages and back.

use super::parts::{at, driver_reason, ending, known, money, parsed, pickup, present, request};
use super::parts::{stars, wrong};
use super::{RecordError, proto};
use crate::dispatch::{Declined, Event, Fact, Party, Seq};
use crate::ids::{DriverId, MarketId, TripId};
use crate::units::Timestamp;

use proto::event::Fact as P;

impl From<&Event> for proto::Event {
    fn from(event: &Event) -> Self {
        Self {
            seq: event.seq.0,
            market: event.trip.market().to_string(),
            trip: event.trip.number(),
            ordinal: event.ordinal,
            at_ms: event.at.as_millis(),
            fact: Some(fact_to_proto(&event.fact)),
        }
    }
}

fn fact_to_proto(fact: &Fact) -> P {
    let name = |driver: &DriverId| driver.to_string();
    match fact {
        Fact::TripRequested { request, agreed, patience_until } => {
            P::TripRequested(proto::TripRequested {
                request: Some((&**request).into()),
                agreed: agreed.map(Into::into),
                patience_until_ms: patience_until.as_millis(),
            })
        }
        Fact::SearchContinued => P::SearchContinued(proto::Nothing {}),
        Fact::TripUnfulfilled => P::TripUnfulfilled(proto::Nothing {}),
        Fact::TripAbandoned => P::TripAbandoned(proto::Nothing {}),
        Fact::TripCancelled { ending } => P::TripCancelled((*ending).into()),
        Fact::TripCompleted { driver, fare } => P::TripCompleted(proto::TripCompleted {
            driver: name(driver),
            fare: Some((*fare).into()),
        }),
        Fact::TripRated { by, stars } => {
            let by = match by {
                Party::Rider => proto::Party::Rider,
                Party::Driver => proto::Party::Driver,
                Party::Service => proto::Party::Unspecified,
            };
            P::TripRated(proto::TripRated { by: by.into(), stars: u32::from(stars.get()) })
        }
        Fact::DriverSignedOff { driver } => {
            P::DriverSignedOff(proto::DriverNamed { driver: name(driver) })
        }
        Fact::DriverSignedOn { driver } => {
            P::DriverSignedOn(proto::DriverNamed { driver: name(driver) })
        }
        Fact::OfferMade { .. }
        | Fact::OfferDeclined { .. }
        | Fact::OfferExpired { .. }
        | Fact::OfferAccepted { .. } => offer_to_proto(fact),
        Fact::PickupStarted { .. }
        | Fact::DriverArrived { .. }
        | Fact::TripStarted { .. }
        | Fact::DriverCancelled { .. }
        | Fact::AssignmentRevoked { .. } => drive_to_proto(fact),
    }
}

fn offer_to_proto(fact: &Fact) -> P {
    match fact {
        Fact::OfferMade { attempt, driver, deadline, pickup, after } => {
            P::OfferMade(proto::OfferMade {
                attempt: *attempt,
                driver: driver.to_string(),
                deadline_ms: deadline.as_millis(),
                pickup: Some((*pickup).into()),
                after: after.map(TripId::number),
            })
        }
        Fact::OfferDeclined { attempt, driver, how } => P::OfferDeclined(proto::OfferClosed {
            attempt: *attempt,
            driver: driver.to_string(),
            by_going_offline: *how == Declined::ByGoingOffline,
        }),
        Fact::OfferExpired { attempt, driver } => P::OfferExpired(proto::OfferClosed {
            attempt: *attempt,
            driver: driver.to_string(),
            by_going_offline: false,
        }),
        Fact::OfferAccepted { attempt, driver, overdue_at } => {
            P::OfferAccepted(proto::OfferAccepted {
                attempt: *attempt,
                driver: driver.to_string(),
                overdue_at_ms: overdue_at.as_millis(),
            })
        }
        _ => unreachable!("{} is no answer", fact.kind()),
    }
}

fn drive_to_proto(fact: &Fact) -> P {
    match fact {
        Fact::PickupStarted { driver, overdue_at } => P::PickupStarted(proto::Overdue {
            driver: driver.to_string(),
            overdue_at_ms: overdue_at.as_millis(),
        }),
        Fact::DriverArrived { driver, no_show_from, overdue_at } => {
            P::DriverArrived(proto::DriverArrived {
                driver: driver.to_string(),
                no_show_from_ms: no_show_from.as_millis(),
                overdue_at_ms: overdue_at.as_millis(),
            })
        }
        Fact::TripStarted { driver, expected_end, overdue_at } => {
            P::TripStarted(proto::TripStarted {
                driver: driver.to_string(),
                expected_end_ms: expected_end.map(Timestamp::as_millis),
                overdue_at_ms: overdue_at.as_millis(),
            })
        }
        Fact::DriverCancelled { driver, reason, patience_until } => {
            P::DriverCancelled(proto::DriverLeft {
                driver: driver.to_string(),
                reason: proto::DriverReason::from(*reason).into(),
                patience_until_ms: patience_until.as_millis(),
            })
        }
        Fact::AssignmentRevoked { driver, patience_until } => {
            P::AssignmentRevoked(proto::DriverLeft {
                driver: driver.to_string(),
                reason: proto::DriverReason::Other.into(),
                patience_until_ms: patience_until.as_millis(),
            })
        }
        _ => unreachable!("{} is no drive", fact.kind()),
    }
}

impl TryFrom<proto::Event> for Event {
    type Error = RecordError;

    fn try_from(event: proto::Event) -> Result<Self, RecordError> {
        let market: MarketId = parsed("market", &event.market)?;
        let fact = event.fact.ok_or_else(|| {
            wrong("fact", "none that this program knows: a newer one has written it")
        })?;
        Ok(Self {
            seq: Seq(event.seq),
            trip: market.trip(event.trip),
            ordinal: event.ordinal,
            at: at(event.at_ms),
            fact: fact_from_proto(market, fact)?,
        })
    }
}

fn fact_from_proto(market: MarketId, fact: P) -> Result<Fact, RecordError> {
    Ok(match fact {
        P::TripRequested(fact) => Fact::TripRequested {
            request: Box::new(request(market, fact.request)?),
            agreed: fact.agreed.map(|agreed| money("agreed", &agreed)).transpose()?,
            patience_until: at(fact.patience_until_ms),
        },
        P::SearchContinued(proto::Nothing {}) => Fact::SearchContinued,
        P::TripUnfulfilled(proto::Nothing {}) => Fact::TripUnfulfilled,
        P::TripAbandoned(proto::Nothing {}) => Fact::TripAbandoned,
        P::TripCancelled(fact) => Fact::TripCancelled { ending: ending(&fact)? },
        P::TripCompleted(fact) => Fact::TripCompleted {
            driver: driver(&fact.driver)?,
            fare: money("fare", &present("fare", fact.fare)?)?,
        },
        P::TripRated(fact) => Fact::TripRated {
            by: match known("rating party", fact.by)? {
                proto::Party::Rider => Party::Rider,
                proto::Party::Driver => Party::Driver,
                proto::Party::Unspecified => return Err(wrong("rating party", "missing")),
            },
            stars: present("stars", stars("stars", fact.stars)?)?,
        },
        P::DriverSignedOff(fact) => Fact::DriverSignedOff { driver: driver(&fact.driver)? },
        P::DriverSignedOn(fact) => Fact::DriverSignedOn { driver: driver(&fact.driver)? },
        P::OfferMade(fact) => Fact::OfferMade {
            attempt: fact.attempt,
            driver: driver(&fact.driver)?,
            deadline: at(fact.deadline_ms),
            pickup: pickup(fact.pickup)?,
            after: fact.after.map(|number| market.trip(number)),
        },
        P::OfferDeclined(fact) => Fact::OfferDeclined {
            attempt: fact.attempt,
            driver: driver(&fact.driver)?,
            how: if fact.by_going_offline { Declined::ByGoingOffline } else { Declined::ByAnswer },
        },
        P::OfferExpired(fact) => {
            Fact::OfferExpired { attempt: fact.attempt, driver: driver(&fact.driver)? }
        }
        fact => drive_from_proto(fact)?,
    })
}

fn drive_from_proto(fact: P) -> Result<Fact, RecordError> {
    Ok(match fact {
        P::OfferAccepted(fact) => Fact::OfferAccepted {
            attempt: fact.attempt,
            driver: driver(&fact.driver)?,
            overdue_at: at(fact.overdue_at_ms),
        },
        P::PickupStarted(fact) => Fact::PickupStarted {
            driver: driver(&fact.driver)?,
            overdue_at: at(fact.overdue_at_ms),
        },
        P::DriverArrived(fact) => Fact::DriverArrived {
            driver: driver(&fact.driver)?,
            no_show_from: at(fact.no_show_from_ms),
            overdue_at: at(fact.overdue_at_ms),
        },
        P::TripStarted(fact) => Fact::TripStarted {
            driver: driver(&fact.driver)?,
            expected_end: fact.expected_end_ms.map(at),
            overdue_at: at(fact.overdue_at_ms),
        },
        P::DriverCancelled(fact) => Fact::DriverCancelled {
            driver: driver(&fact.driver)?,
            reason: driver_reason(fact.reason),
            patience_until: at(fact.patience_until_ms),
        },
        P::AssignmentRevoked(fact) => Fact::AssignmentRevoked {
            driver: driver(&fact.driver)?,
            patience_until: at(fact.patience_until_ms),
        },
        _ => return Err(wrong("fact", "one that is read elsewhere")),
    })
}

fn driver(text: &str) -> Result<DriverId, RecordError> {
    parsed("driver", text)
}
