//! State and qualities of a driver in two 32-bit words, and filters over them.
//!
//! | word | bits | what |
//! |---|---|---|
//! | first | 0..3 | status |
//! | | 3..19 | vehicle types |
//! | | 19..28 | rating in hundredths of a star |
//! | | 28 | stale: not part of the supply |
//! | | 31 | always one, so that "any type" is a mask too |
//! | second | 0..24 | attributes |
//! | | 24..30 | capacity |
//!
//! The first word lies beside the time; the second is looked at only by filters that need it.
//! Both are tested for eight drivers at once.

#![expect(clippy::inline_always, reason = "the scan's loop must see it to be vectorized")]

use super::narrow;
use crate::model::{
    Attributes, Capacity, DriverKey, DriverStatus, Filter, Profile, Rating, VehicleTypes,
};
use crate::units::{Millis, Timestamp};

const TYPES_SHIFT: u32 = 3;
const RATING_SHIFT: u32 = 19;
const RATING_MASK: u32 = 0x1ff;
const CAPACITY_SHIFT: u32 = 24;
const ANY: u32 = 1 << 31;

/// Set in the first word while the driver does not count as supply.
pub(super) const STALE: u32 = 1 << 28;

/// Both words of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    /// Tested in each scan.
    pub(super) first: u32,
    /// Tested if the filter asks for attributes or capacity.
    pub(super) second: u32,
}

impl Meta {
    /// Packs a driver's state, stale.
    pub(super) fn new(status: DriverStatus, profile: Profile) -> Self {
        Self {
            first: u32::from(status.code())
                | u32::from(profile.vehicle_types.bits()) << TYPES_SHIFT
                | u32::from(profile.rating.centi_stars()) << RATING_SHIFT
                | STALE
                | ANY,
            second: profile.attributes.bits() | u32::from(profile.capacity.get()) << CAPACITY_SHIFT,
        }
    }

    /// Both words in one.
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.second) << 32 | u64::from(self.first)
    }

    /// The inverse of [`Meta::to_bits`].
    pub(super) fn from_bits(bits: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the low word")]
        Self { first: bits as u32, second: (bits >> 32) as u32 }
    }

    /// What the driver is doing.
    #[inline]
    pub(super) fn status(self) -> DriverStatus {
        status_of(self.first)
    }

    /// The driver's qualities.
    pub(super) fn profile(self) -> Profile {
        #[expect(clippy::cast_possible_truncation, reason = "masked to their widths")]
        let (types, rating) =
            ((self.first >> TYPES_SHIFT) as u16, (self.first >> RATING_SHIFT & RATING_MASK) as u16);
        Profile {
            vehicle_types: VehicleTypes::from_bits(types),
            rating: Rating::from_centi_stars(rating),
            capacity: Capacity::try_from(self.second >> CAPACITY_SHIFT & 63)
                .unwrap_or(Capacity::MAX),
            attributes: Attributes::try_from(self.second & Attributes::ALL.bits())
                .unwrap_or(Attributes::NONE),
        }
    }

    /// The same driver in another status.
    pub(super) fn with_status(self, status: DriverStatus) -> Self {
        Self { first: first_with_status(self.first, status), ..self }
    }

    /// The same driver with other qualities.
    pub(super) fn with_profile(self, profile: Profile) -> Self {
        let made = Self::new(self.status(), profile);
        Self { first: made.first & !STALE | self.first & STALE, ..made }
    }
}

/// The status in a first word.
#[inline]
pub(super) fn status_of(first: u32) -> DriverStatus {
    DriverStatus::ALL[(first & 7) as usize % DriverStatus::ALL.len()]
}

/// A first word in another status.
#[inline]
pub(super) fn first_with_status(first: u32, status: DriverStatus) -> u32 {
    first & !7 | u32::from(status.code())
}

/// A filter, ready for the scan.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    /// One bit a status.
    statuses: u32,
    /// One bit a type, in place; [`ANY`] if none is asked for.
    types: u32,
    /// Hundredths of a star.
    min_rating: u32,
    /// The low 32 bits of the present.
    now: u32,
    /// In milliseconds.
    max_age: i32,
    second: u32,
    min_capacity: u32,
    /// Sorted.
    excluded: Vec<u32>,
}

impl Mask {
    /// Prepares a filter; the excluded are known by their keys.
    pub(super) fn new(now: Timestamp, filter: &Filter, mut excluded: Vec<u32>) -> Self {
        excluded.sort_unstable();
        let types = u32::from(filter.vehicle_types.bits()) << TYPES_SHIFT;
        let age = |Millis(ms)| i32::try_from(ms).unwrap_or(i32::MAX);
        Self {
            statuses: u32::from(filter.statuses.bits()),
            types: if types == 0 { ANY } else { types },
            min_rating: u32::from(filter.min_rating.centi_stars()),
            now: narrow(now),
            max_age: filter.max_age.map_or(i32::MAX, age),
            second: filter.attributes.bits(),
            min_capacity: u32::from(filter.min_capacity.get()),
            excluded,
        }
    }

    /// Whether the scan has to look at second words.
    #[inline]
    pub(super) fn looks_at_rest(&self) -> bool {
        self.second | self.min_capacity != 0
    }

    /// Whether the scan evaluates all of the filter.
    #[inline]
    pub(super) fn is_simple(&self) -> bool {
        self.excluded.is_empty()
    }

    /// The part of the filter that is evaluated for what passed the scan.
    #[inline]
    pub(super) fn excludes(&self, key: DriverKey) -> bool {
        !self.excluded.is_empty() && self.excluded.binary_search(&key.0).is_ok()
    }
}

/// The part of a filter that the scan evaluates, by value, so that it stays in registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes {
    statuses: u32,
    types: u32,
    min_rating: u32,
    now: u32,
    max_age: i32,
    second: u32,
    min_capacity: u32,
}

impl Lanes {
    #[inline(always)]
    pub(super) fn of(mask: &Mask) -> Self {
        let &Mask { statuses, types, min_rating, now, max_age, second, min_capacity, .. } = mask;
        Self { statuses, types, min_rating, now, max_age, second, min_capacity }
    }

    /// 1 if a driver's time or first word does not pass, else 0.
    #[inline(always)]
    pub(super) fn fails(self, at: u32, first: u32) -> u32 {
        let wrong_status = !(self.statuses >> (first & 7)) & 1;
        let wrong_type = u32::from(first & self.types == 0);
        let low_rating = u32::from((first >> RATING_SHIFT & RATING_MASK) < self.min_rating);
        let old = u32::from(self.now.wrapping_sub(at).cast_signed() > self.max_age);
        wrong_status | wrong_type | low_rating | old
    }

    /// 1 if a driver's second word does not pass, else 0.
    #[inline(always)]
    pub(super) fn fails_rest(self, second: u32) -> u32 {
        let lacks = u32::from(second & self.second != self.second);
        let small = u32::from((second >> CAPACITY_SHIFT & 63) < self.min_capacity);
        lacks | small
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_survive_packing() {
        for status in DriverStatus::ALL {
            let profile = Profile {
                vehicle_types: VehicleTypes::from_bits(0x8001),
                capacity: Capacity::MAX,
                rating: Rating::from_centi_stars(487),
                attributes: Attributes::ALL,
            };
            let meta = Meta::new(status, profile);
            assert_eq!((meta.status(), meta.profile()), (status, profile));
            assert_eq!(Meta::from_bits(meta.to_bits()), meta);
            let other = meta.with_profile(Profile::default()).with_status(DriverStatus::OnTrip);
            assert_eq!(
                (other.status(), other.profile()),
                (DriverStatus::OnTrip, Profile::default())
            );
        }
    }
}
