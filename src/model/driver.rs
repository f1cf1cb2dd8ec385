//! A driver's state and qualities, each a small number with a name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a driver is doing.
///
/// The numbers are stored in the index and in traces; they never change meaning.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DriverStatus {
    /// Not working; kept for look-ups, never offered.
    Offline = 0,
    /// Free to take a trip.
    #[default]
    Available = 1,
    /// Has been offered a trip and has not answered.
    OfferPending = 2,
    /// On the way to a pickup.
    EnRoute = 3,
    /// At the pickup, waiting for the rider.
    Waiting = 4,
    /// With a rider on board.
    OnTrip = 5,
}

impl DriverStatus {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Offline,
        Self::Available,
        Self::OfferPending,
        Self::EnRoute,
        Self::Waiting,
        Self::OnTrip,
    ];

    /// The status with this number, if there is one.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Offline),
            1 => Some(Self::Available),
            2 => Some(Self::OfferPending),
            3 => Some(Self::EnRoute),
            4 => Some(Self::Waiting),
            5 => Some(Self::OnTrip),
            _ => None,
        }
    }

    /// Its number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Its name in metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Available => "available",
            Self::OfferPending => "offer_pending",
            Self::EnRoute => "en_route",
            Self::Waiting => "waiting",
            Self::OnTrip => "on_trip",
        }
    }
}

impl fmt::Display for DriverStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusSet(u8);

impl StatusSet {
    /// Each status.
    pub const ALL: Self = Self(0b11_1111);

    /// Only those free to take a trip: what most questions want.
    pub const AVAILABLE: Self = Self(1 << DriverStatus::Available.code());

    /// The set with these members.
    pub fn of(statuses: &[DriverStatus]) -> Self {
        Self(statuses.iter().fold(0, |set, status| set | (1 << status.code())))
    }

    /// One bit a status, bit i for the status with number i.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether `status` is in the set.
    pub const fn contains(self, status: DriverStatus) -> bool {
        self.0 & (1 << status.code()) != 0
    }
}

/// A value beyond what a driver's profile can hold.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{what} {value} is not in 0..={max}")]
pub struct ValueError {
    /// Which quality.
    pub what: &'static str,
    /// What was given.
    pub value: f64,
    /// The largest allowed.
    pub max: f64,
}

/// The vehicle types that a driver serves, or that a rider accepts: one bit a type.
///
/// What bit 3 means is the operator's affair (say, wheelchair vans); sixteen are enough for the
/// product lists of the large companies, and keep the test inside the scan to one AND.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VehicleTypes(u16);

impl VehicleTypes {
    /// None: as a filter, "any type".
    pub const NONE: Self = Self(0);

    /// The set with these bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// One bit a type.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for VehicleTypes {
    type Error = ValueError;

    fn try_from(bits: u32) -> Result<Self, ValueError> {
        let refused =
            ValueError { what: "vehicle types", value: f64::from(bits), max: f64::from(u16::MAX) };
        u16::try_from(bits).map(Self).map_err(|_| refused)
    }
}

/// How many passengers fit, 0..=63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capacity(u8);

impl Capacity {
    /// The most seats that can be told.
    pub const MAX: Self = Self(63);

    /// As a filter, "any".
    pub const ZERO: Self = Self(0);

    /// The number of seats.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u32> for Capacity {
    type Error = ValueError;

    fn try_from(seats: u32) -> Result<Self, ValueError> {
        let max = Self::MAX.0;
        match u8::try_from(seats) {
            Ok(small) if small <= max => Ok(Self(small)),
            _ => Err(ValueError { what: "capacity", value: f64::from(seats), max: f64::from(max) }),
        }
    }
}

/// A rating of 0 to 5 stars in hundredths of a star.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rating(u16);

impl Rating {
    /// Five stars: where a new driver starts.
    pub const BEST: Self = Self(500);

    /// As a filter, "any".
    pub const ZERO: Self = Self(0);

    /// Hundredths of a star.
    pub const fn centi_stars(self) -> u16 {
        self.0
    }

    /// The rating from hundredths of a star; more than 500 is 500.
    pub const fn from_centi_stars(centi_stars: u16) -> Self {
        if centi_stars > Self::BEST.0 { Self::BEST } else { Self(centi_stars) }
    }

    /// Stars.
    pub fn stars(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl TryFrom<f64> for Rating {
    type Error = ValueError;

    /// Rounds to the nearest hundredth of a star.
    fn try_from(stars: f64) -> Result<Self, ValueError> {
        if !(0.0..=5.0).contains(&stars) {
            return Err(ValueError { what: "rating", value: stars, max: 5.0 });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=500")]
        Ok(Self((stars * 100.0).round() as u16))
    }
}

/// Up to 24 yes-or-no qualities: child seat, pets, electric, favourite of an airport …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attributes(u32);

impl Attributes {
    /// None: as a filter, "nothing required".
    pub const NONE: Self = Self(0);

    /// All 24.
    pub const ALL: Self = Self((1 << 24) - 1);

    /// One bit a quality.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Attributes {
    type Error = ValueError;

    fn try_from(bits: u32) -> Result<Self, ValueError> {
        if bits <= Self::ALL.0 {
            Ok(Self(bits))
        } else {
            let max = f64::from(Self::ALL.0);
            Err(ValueError { what: "attributes", value: f64::from(bits), max })
        }
    }
}

/// What changes rarely about a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// The vehicle types that the driver serves.
    pub vehicle_types: VehicleTypes,
    /// Passenger seats.
    pub capacity: Capacity,
    /// The riders' mean rating.
    pub rating: Rating,
    /// Yes-or-no qualities.
    pub attributes: Attributes,
}

impl Default for Profile {
    /// Type 0, four seats, five stars, no attributes.
    fn default() -> Self {
        Self {
            vehicle_types: VehicleTypes(1),
            capacity: Capacity(4),
            rating: Rating::BEST,
            attributes: Attributes::NONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_are_one_to_one() {
        for status in DriverStatus::ALL {
            assert_eq!(DriverStatus::from_code(status.code()), Some(status));
            assert!(StatusSet::ALL.contains(status));
            assert!(StatusSet::of(&[status]).contains(status));
        }
        assert_eq!(DriverStatus::from_code(6), None);
        assert!(!StatusSet::AVAILABLE.contains(DriverStatus::OnTrip));
    }

    #[test]
    fn values_beyond_the_range_are_named() {
        let error = Capacity::try_from(64).unwrap_err();
        assert_eq!(error.to_string(), "capacity 64 is not in 0..=63");
        assert!(Rating::try_from(f64::NAN).is_err());
        assert!(Rating::try_from(5.01).is_err());
        assert_eq!(Rating::try_from(4.876).unwrap().centi_stars(), 488);
        assert!(Attributes::try_from(1 << 24).is_err());
        assert!(VehicleTypes::try_from(1 << 16).is_err());
    }
}
