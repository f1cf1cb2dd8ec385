//! Questions about drivers, parsed.

use super::{Attributes, Capacity, DriverStatus, Profile, Rating, StatusSet, VehicleTypes};
use crate::geo::{Area, LatLng};
use crate::ids::DriverId;
use crate::limits;
use crate::units::{Meters, Millis};

/// Which drivers count. All conditions must hold; each has a value that means "any".
#[derive(Clone, Debug)]
pub struct Filter {
    /// Allowed statuses.
    pub statuses: StatusSet,
    /// At least one of these types must be served; none given means any.
    pub vehicle_types: VehicleTypes,
    /// At least this many seats.
    pub min_capacity: Capacity,
    /// At least this rating.
    pub min_rating: Rating,
    /// Each of these is required.
    pub attributes: Attributes,
    /// Positions older than this do not count; `None` accepts what is not yet forgotten.
    pub max_age: Option<Millis>,
    /// Drivers not wanted, at most [`limits::MAX_EXCLUDED`].
    pub excluded: Vec<DriverId>,
}

impl Filter {
    /// Excludes nobody.
    pub const ANY: Self = Self {
        statuses: StatusSet::ALL,
        vehicle_types: VehicleTypes::NONE,
        min_capacity: Capacity::ZERO,
        min_rating: Rating::ZERO,
        attributes: Attributes::NONE,
        max_age: None,
        excluded: Vec::new(),
    };

    /// Whether a driver passes who is of this kind and was there so long ago, in plain words: what
    /// an index tests bit by bit.
    pub fn passes(
        &self,
        driver: &DriverId,
        status: DriverStatus,
        profile: &Profile,
        age: Millis,
    ) -> bool {
        self.statuses.contains(status)
            && (self.vehicle_types == VehicleTypes::NONE
                || self.vehicle_types.bits() & profile.vehicle_types.bits() != 0)
            && profile.capacity >= self.min_capacity
            && profile.rating >= self.min_rating
            && profile.attributes.bits() & self.attributes.bits() == self.attributes.bits()
            && self.max_age.is_none_or(|max| age <= max)
            && !self.excluded.contains(driver)
    }
}

impl Default for Filter {
    /// Available drivers of any kind.
    fn default() -> Self {
        Self { statuses: StatusSet::AVAILABLE, ..Self::ANY }
    }
}

/// How many drivers are asked for, 1..=1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct K(u16);

/// A count of drivers that cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("k {value} is not in 1..={max}", max = limits::MAX_K)]
pub struct KError {
    /// What was given.
    pub value: u64,
}

impl K {
    /// Ten: what a dispatcher asks for as a rule.
    pub const TEN: Self = Self(10);

    /// The count.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl TryFrom<u64> for K {
    type Error = KError;

    fn try_from(value: u64) -> Result<Self, KError> {
        match u16::try_from(value) {
            Ok(small) if (1..=limits::MAX_K).contains(&small) => Ok(Self(small)),
            _ => Err(KError { value }),
        }
    }
}

/// "The k nearest within this radius."
#[derive(Clone, Debug)]
pub struct Nearest {
    /// From here.
    pub center: LatLng,
    /// At most so many.
    pub k: K,
    /// No further than this, the edge included.
    pub radius: Meters,
    /// Who counts.
    pub filter: Filter,
}

/// "All in this area", a page at a time in the order of their ids.
#[derive(Clone, Debug)]
pub struct Within {
    /// Where.
    pub area: Area,
    /// Who counts.
    pub filter: Filter,
    /// Which part of the answer.
    pub page: Page,
}

/// A part of a long answer.
#[derive(Clone, Debug)]
pub struct Page {
    /// Only ids after this one.
    pub after: Option<DriverId>,
    /// At most so many, 1..=[`limits::MAX_PAGE`].
    pub size: usize,
}
