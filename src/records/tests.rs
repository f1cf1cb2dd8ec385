//! Bytes and back: made-up events and trips of every shape, damage, and what others have written.

use std::collections::BTreeSet;

use prost::Message;

use super::*;
use crate::dispatch::{
    Afterwards, Asked, Assignment, Declined, DriverReason, End, Ending, EventKind, Fact, Journey,
    Needs, Offer, Outcome, Party, Pickup, RiderReason, Stars, TripRequest, TripState, Urgency,
};
use crate::geo::{E7, LatLng};
use crate::ids::{DriverId, MarketId, TripId};
use crate::model::{Attributes, Capacity, Rating, VehicleTypes};
use crate::test_rng::Rng;
use crate::units::{Meters, Millis, Money};

/// Makes up values: small ones, large ones and the ends of their ranges.
struct Maker(Rng);

impl Maker {
    fn number(&mut self) -> u64 {
        match self.0.below(4) {
            0 => self.0.below(3),
            1 => u64::MAX - self.0.below(3),
            _ => self.0.next() >> self.0.below(64),
        }
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.number() & u64::from(u32::MAX)).unwrap()
    }

    fn at(&mut self) -> Timestamp {
        Timestamp::from_millis(self.number().cast_signed())
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.0.once_in(3)).then(|| make(self))
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.0.below(of.len() as u64)).unwrap()]
    }

    fn name(&mut self) -> String {
        let letters = ["a", "é", "7", "-", "日", "Z"];
        (0..=self.0.below(20)).map(|_| self.one(&letters)).collect()
    }

    fn driver(&mut self) -> DriverId {
        self.name().parse().unwrap()
    }

    fn market(&mut self) -> MarketId {
        self.one(&["sf", "a", "new-york", "abcdefghijklmnopqrstuvwx"]).parse().unwrap()
    }

    fn place(&mut self) -> LatLng {
        let within = |rng: &mut Rng, most: i64| i32::try_from(rng.within(-most, most)).unwrap();
        let lat = within(&mut self.0, 900_000_000);
        LatLng::try_from(E7 { lat, lng: within(&mut self.0, 1_800_000_000) }).unwrap()
    }

    fn money(&mut self) -> Money {
        let currency = self.one(&["USD", "EUR", "JPY"]).parse().unwrap();
        Money { minor: self.number().cast_signed(), currency }
    }

    fn pickup(&mut self) -> Pickup {
        let distance = Meters::new(f64::from(self.small()) / 1_000.0).unwrap();
        Pickup { duration: Millis(self.number()), distance }
    }

    fn request(&mut self, market: MarketId) -> TripRequest {
        let journey = Journey {
            pickup: self.place(),
            dropoff: self.maybe(Self::place),
            passengers: Capacity::try_from(self.small() % 64).unwrap(),
            needs: Needs {
                vehicle_types: VehicleTypes::try_from(self.small() % (1 << 16)).unwrap(),
                attributes: Attributes::try_from(self.small() % (1 << 24)).unwrap(),
                min_rating: Rating::from_centi_stars(u16::try_from(self.small() % 501).unwrap()),
            },
        };
        TripRequest {
            key: self.name().parse().unwrap(),
            rider: self.name().parse().unwrap(),
            journey,
            quote: self.maybe(|make| market.quote(make.number())),
            urgency: self.one(&[Urgency::Batch, Urgency::Immediate]),
        }
    }

    fn driver_reason(&mut self) -> DriverReason {
        use DriverReason as R;
        self.one(&[R::Other, R::NoShow, R::CannotReach, R::Vehicle, R::Safety, R::WentOffline])
    }

    fn ending(&mut self) -> Ending {
        use RiderReason as R;
        let fee = self.money();
        match self.0.below(5) {
            0 => Ending::Completed { fare: fee },
            1 => {
                let all =
                    [R::Other, R::ChangedMind, R::WaitedTooLong, R::WrongPlace, R::DriverAsked];
                Ending::CancelledByRider { reason: self.one(&all), fee }
            }
            2 => Ending::NoShow { fee },
            3 => Ending::Abandoned,
            _ => Ending::Unfulfilled,
        }
    }

    fn stars(&mut self) -> Stars {
        Stars::try_from(1 + self.small() % 5).unwrap()
    }

    fn fact(&mut self, kind: EventKind, market: MarketId) -> Fact {
        use EventKind as K;
        let (driver, attempt) = (self.driver(), self.small());
        match kind {
            K::TripRequested => Fact::TripRequested {
                request: Box::new(self.request(market)),
                agreed: self.maybe(Self::money),
                patience_until: self.at(),
            },
            K::SearchContinued => Fact::SearchContinued,
            K::TripUnfulfilled => Fact::TripUnfulfilled,
            K::TripAbandoned => Fact::TripAbandoned,
            K::OfferMade => Fact::OfferMade {
                attempt,
                driver,
                deadline: self.at(),
                pickup: self.pickup(),
                after: self.maybe(|make| market.trip(make.number())),
            },
            K::OfferDeclined => {
                let how = self.one(&[Declined::ByAnswer, Declined::ByGoingOffline]);
                Fact::OfferDeclined { attempt, driver, how }
            }
            K::OfferExpired => Fact::OfferExpired { attempt, driver },
            K::OfferAccepted => Fact::OfferAccepted { attempt, driver, overdue_at: self.at() },
            K::PickupStarted => Fact::PickupStarted { driver, overdue_at: self.at() },
            K::DriverArrived => {
                let (no_show_from, overdue_at) = (self.at(), self.at());
                Fact::DriverArrived { driver, no_show_from, overdue_at }
            }
            K::TripStarted => Fact::TripStarted {
                driver,
                expected_end: self.maybe(Self::at),
                overdue_at: self.at(),
            },
            K::TripCompleted => Fact::TripCompleted { driver, fare: self.money() },
            K::TripCancelled => Fact::TripCancelled { ending: self.ending() },
            K::DriverCancelled => {
                let (reason, patience_until) = (self.driver_reason(), self.at());
                Fact::DriverCancelled { driver, reason, patience_until }
            }
            K::AssignmentRevoked => Fact::AssignmentRevoked { driver, patience_until: self.at() },
            K::TripRated => Fact::TripRated {
                by: self.one(&[Party::Rider, Party::Driver]),
                stars: self.stars(),
            },
            K::DriverSignedOff => Fact::DriverSignedOff { driver },
            K::DriverSignedOn => Fact::DriverSignedOn { driver },
        }
    }

    fn event(&mut self, kind: EventKind) -> Event {
        let market = self.market();
        Event {
            seq: Seq(self.number()),
            trip: market.trip(self.number()),
            ordinal: self.small(),
            at: self.at(),
            fact: self.fact(kind, market),
        }
    }

    fn asked(&mut self) -> Asked {
        let outcome = match self.0.below(6) {
            0 => Outcome::Declined(Declined::ByAnswer),
            1 => Outcome::Declined(Declined::ByGoingOffline),
            2 => Outcome::Expired,
            3 => Outcome::Withdrawn,
            4 => Outcome::GivenBack(self.driver_reason()),
            _ => Outcome::Revoked,
        };
        Asked { attempt: self.small(), driver: self.driver(), at: self.at(), outcome }
    }

    fn offer(&mut self, market: MarketId) -> Offer {
        Offer {
            attempt: self.small(),
            driver: self.driver(),
            made_at: self.at(),
            deadline: self.at(),
            pickup: self.pickup(),
            after: self.maybe(|make| market.trip(make.number())),
        }
    }

    fn assignment(&mut self, market: MarketId) -> Assignment {
        Assignment {
            attempt: self.small(),
            driver: self.driver(),
            accepted_at: self.at(),
            pickup: self.pickup(),
            after: self.maybe(|make| market.trip(make.number())),
            arrived_at: self.maybe(Self::at),
            no_show_from: self.maybe(Self::at),
            started_at: self.maybe(Self::at),
            expected_end: self.maybe(Self::at),
            overdue_at: self.at(),
            afterwards: self.one(&[Afterwards::Stays, Afterwards::GoesOffline]),
        }
    }

    /// A trip of any shape: more shapes than a market ever makes.
    fn trip(&mut self) -> Trip {
        let market = self.market();
        let id: TripId = market.trip(self.number());
        Trip {
            id,
            ordinal: self.small(),
            state: self.one(&TripState::ALL),
            since: self.at(),
            request: self.request(market),
            requested_at: self.at(),
            patience_until: self.at(),
            agreed: self.maybe(Self::money),
            attempts: self.small(),
            asked: (0..self.0.below(5)).map(|_| self.asked()).collect(),
            offer: self.maybe(|make| make.offer(market)),
            assignment: self.maybe(|make| make.assignment(market)),
            end: self.maybe(|make| End { at: make.at(), ending: make.ending() }),
            rated_by_rider: self.maybe(Self::stars),
            rated_by_driver: self.maybe(Self::stars),
        }
    }
}

fn bytes_of<T>(value: &T, encode: fn(&T, &mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes);
    bytes
}

/// A field that no version has had: number 2,000, a varint.
const UNKNOWN_FIELD: [u8; 3] = [0x80, 0x7d, 0x07];

#[test]
fn events_of_each_kind_come_back() {
    let mut make = Maker(Rng(1));
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        for kind in EventKind::ALL {
            let event = make.event(kind);
            let mut bytes = bytes_of(&event, encode_event);
            assert_eq!(decode_event(&bytes).as_ref(), Ok(&event));
            assert_eq!(bytes, bytes_of(&event, encode_event), "the same bytes each time");
            bytes.extend(UNKNOWN_FIELD);
            assert_eq!(decode_event(&bytes), Ok(event), "an unknown field is passed over");
            seen.insert(bytes);
        }
    }
    assert!(seen.len() > 5_000, "{} different events", seen.len());
}

#[test]
fn trips_of_each_shape_come_back() {
    let mut make = Maker(Rng(2));
    for _ in 0..3_000 {
        let trip = make.trip();
        let mut bytes = bytes_of(&trip, encode_trip);
        assert_eq!(decode_trip(&bytes).as_ref(), Ok(&trip));
        bytes.extend(UNKNOWN_FIELD);
        assert_eq!(decode_trip(&bytes), Ok(trip));
    }
}

#[test]
fn heads_come_back() {
    let mut make = Maker(Rng(3));
    for _ in 0..300 {
        let (market, seq) = (make.market(), Seq(make.number()));
        let head = Head { market, seq, at: make.at(), trips: make.number() };
        assert_eq!(decode_head(&bytes_of(&head, encode_head)), Ok(head));
    }
}

#[test]
fn what_is_no_record_is_an_error_and_never_a_panic() {
    let mut make = Maker(Rng(4));
    let (mut refused, mut read) = (0, 0);
    for _ in 0..200 {
        for kind in EventKind::ALL {
            let mut bytes = bytes_of(&make.event(kind), encode_event);
            let cut = usize::try_from(make.0.below(bytes.len() as u64)).unwrap();
            let flip = usize::try_from(make.0.below(bytes.len() as u64)).unwrap();
            let cut_off = decode_event(&bytes[..cut]);
            bytes[flip] ^= 1 << make.0.below(8);
            for result in [cut_off.err(), decode_event(&bytes).err(), decode_trip(&bytes).err()] {
                if result.is_some() { refused += 1 } else { read += 1 }
            }
        }
    }
    assert!(
        refused > 5_000 && read > 100,
        "{refused} refused, {read} read: flips are not found here"
    );
    assert_eq!(decode_event(&[]), Err(RecordError::Empty));
    assert_eq!(decode_head(&[2, 0]), Err(RecordError::Version { found: 2 }));
}

#[test]
fn what_has_to_be_understood_is_refused_when_it_is_not() {
    let why = |message: &proto::Event| {
        let mut bytes = vec![VERSION];
        message.encode_raw(&mut bytes);
        decode_event(&bytes).unwrap_err().to_string()
    };
    let mut message = proto::Event { market: "sf".to_owned(), ..proto::Event::default() };
    assert_eq!(
        why(&message),
        "record has fact: none that this program knows: a newer one has written it"
    );
    let mut ending = proto::Ending { kind: 77, ..proto::Ending::default() };
    message.fact = Some(proto::event::Fact::TripCancelled(ending.clone()));
    assert_eq!(why(&message), "record has ending: 77 is not known to this program");
    ending.kind = 1;
    message.fact = Some(proto::event::Fact::TripCancelled(ending.clone()));
    assert_eq!(why(&message), "record has due: missing");
    ending.kind = 2;
    ending.due = Some(proto::Money { minor: 5, currency: "USD".to_owned() });
    ending.reason = 99;
    message.fact = Some(proto::event::Fact::TripCancelled(ending));
    let mut bytes = vec![VERSION];
    message.encode_raw(&mut bytes);
    let fee = Money { minor: 5, currency: "USD".parse().unwrap() };
    let reason = RiderReason::Other;
    let ending = Ending::CancelledByRider { reason, fee };
    let decoded = decode_event(&bytes).map(|event| event.fact);
    assert_eq!(decoded, Ok(Fact::TripCancelled { ending }), "a reason decides nothing");
    message.market = "SF".to_owned();
    assert!(why(&message).starts_with("record has market: market \"SF\" is not"));
}

/// A record of version 1 as it was written when there was no other. It has to be read for ever.
const GOLDEN: &str = "\
    01 0807 12027366 180c 2003 2880d095ffbc31 920121 0802 12056361622d37 1898c596ffbc31 \
    220d 08c0b802 110000000000489340 280b";

#[test]
fn a_record_of_the_first_version_is_read_for_ever() {
    let digits: String = GOLDEN.split_whitespace().collect();
    let bytes: Vec<u8> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect();
    let event = Event {
        seq: Seq(7),
        trip: "sf-12".parse().unwrap(),
        ordinal: 3,
        at: Timestamp::from_millis(1_700_000_000_000),
        fact: Fact::OfferMade {
            attempt: 2,
            driver: "cab-7".parse().unwrap(),
            deadline: Timestamp::from_millis(1_700_000_015_000),
            pickup: Pickup { duration: Millis(40_000), distance: Meters::whole(1_234) },
            after: Some("sf-11".parse().unwrap()),
        },
    };
    assert_eq!(bytes_of(&event, encode_event), bytes);
    assert_eq!(decode_event(&bytes), Ok(event));
}
