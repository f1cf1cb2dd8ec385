//! One wish to be driven, as a log tells it.

use std::num::NonZeroU8;

use crate::geo::{E7, LatLng};
use crate::trace::sort::Sortable;
use crate::units::{Millis, Timestamp};

/// How many want to be driven together: 1 to 63, as many as the largest vehicle has seats.
///
/// # Examples
/// ```
/// use hansom::trace::requests::Passengers;
/// assert_eq!(Passengers::try_from(2)?.get(), 2);
/// let none = Passengers::try_from(0).unwrap_err();
/// assert_eq!(none.to_string(), "passengers 0 is not in 1..=63");
/// # Ok::<(), hansom::trace::requests::PassengersError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Passengers(NonZeroU8);

/// A number of passengers that no vehicle takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("passengers {value} is not in 1..={}", Passengers::MAX.get())]
pub struct PassengersError {
    /// What was given.
    pub value: u32,
}

impl Passengers {
    /// Somebody alone.
    pub const ONE: Self = Self(NonZeroU8::MIN);

    /// The most: [`crate::model::Capacity::MAX`].
    pub const MAX: Self = Self(NonZeroU8::MIN.saturating_add(62));

    /// How many.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u32> for Passengers {
    type Error = PassengersError;

    fn try_from(value: u32) -> Result<Self, PassengersError> {
        let small = u8::try_from(value).ok().filter(|small| *small <= Self::MAX.get());
        small.and_then(NonZeroU8::new).map(Self).ok_or(PassengersError { value })
    }
}

/// Where a request stands: for messages, and for order among requests of the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// The number of the log, from 0, in the order in which they were named.
    pub input: u32,
    /// The number of the row there, from 1; a line of column names and empty lines are no rows.
    pub row: u64,
}

/// A trip that somebody asked for.
///
/// # Guarantees
/// What a log does not tell is `None`; nothing is guessed but one passenger where none is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When. Logs of trips tell when the rider got in, which is the closest there is.
    pub at: Timestamp,
    /// From where.
    pub pickup: LatLng,
    /// To where.
    pub dropoff: Option<LatLng>,
    /// How many together.
    pub passengers: Passengers,
    /// How long the recorded trip took.
    pub trip: Option<Millis>,
    /// Where the log has it.
    pub row: RowId,
}

/// A trip's length that says "unknown" in the temporary file.
const UNKNOWN_MS: u64 = u64::MAX;

/// A latitude that says "unknown" in the temporary file: no position has it.
const NOWHERE_E7: i32 = i32::MAX;

impl Sortable for Request {
    const BYTES: usize = 45;

    fn key(&self) -> (Timestamp, u32, i64) {
        (self.at, self.row.input, self.row.row.cast_signed())
    }

    fn store(&self, into: &mut Vec<u8>) {
        let Self { at, pickup, dropoff, passengers, trip, row } = *self;
        let dropoff = dropoff.map_or([NOWHERE_E7; 2], |place| [place.lat_e7(), place.lng_e7()]);
        into.extend_from_slice(&at.as_millis().to_le_bytes());
        into.extend_from_slice(&row.row.to_le_bytes());
        into.extend_from_slice(&trip.map_or(UNKNOWN_MS, Millis::get).to_le_bytes());
        into.extend_from_slice(&row.input.to_le_bytes());
        for e7 in [pickup.lat_e7(), pickup.lng_e7(), dropoff[0], dropoff[1]] {
            into.extend_from_slice(&e7.to_le_bytes());
        }
        into.push(passengers.get());
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        let eight = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let four = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_le_bytes);
        let place = |lat: i32, lng: i32| LatLng::try_from(E7 { lat, lng }).ok();
        let trip = eight(16)?;
        let (lat, lng) = (four(36)?, four(40)?);
        Some(Self {
            at: Timestamp::from_millis(eight(0)?.cast_signed()),
            pickup: place(four(28)?, four(32)?)?,
            dropoff: if lat == NOWHERE_E7 { None } else { Some(place(lat, lng)?) },
            passengers: Passengers::try_from(u32::from(*bytes.get(44)?)).ok()?,
            trip: (trip != UNKNOWN_MS).then_some(Millis(trip)),
            row: RowId { input: four(24)?.cast_unsigned(), row: eight(8)? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Capacity;

    #[test]
    fn as_many_may_ride_as_the_largest_vehicle_seats() {
        assert_eq!(Passengers::MAX.get(), Capacity::MAX.get());
        assert_eq!(Passengers::try_from(63), Ok(Passengers::MAX));
        for value in [0, 64, 256, 257, u32::MAX] {
            assert_eq!(Passengers::try_from(value), Err(PassengersError { value }));
        }
    }

    #[test]
    fn a_stored_request_is_the_same_again() {
        let place = |lat, lng| LatLng::try_from(E7 { lat, lng }).unwrap();
        let whole = Request {
            at: Timestamp::from_millis(-5),
            pickup: place(-900_000_000, 1_799_999_999),
            dropoff: Some(place(900_000_000, -1_800_000_000)),
            passengers: Passengers::MAX,
            trip: Some(Millis(u64::MAX - 1)),
            row: RowId { input: u32::MAX, row: u64::MAX / 2 },
        };
        let bare = Request { dropoff: None, trip: None, passengers: Passengers::ONE, ..whole };
        for request in [whole, bare] {
            let mut bytes = Vec::new();
            request.store(&mut bytes);
            assert_eq!(bytes.len(), Request::BYTES);
            assert_eq!(size_of::<Request>(), 64, "as the limits say");
            assert_eq!(Request::load(&bytes), Some(request));
            assert_eq!(Request::load(&bytes[1..]), None);
        }
    }
}
