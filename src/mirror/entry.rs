//! A driver as Redis keeps one: a line of text that a person can read.

use crate::geo::{E7, LatLng};
use crate::ids::DriverId;
use crate::index::Driver;
use crate::model::{Attributes, Capacity, DriverStatus, Motion, Profile, Rating, VehicleTypes};
use crate::units::Timestamp;

/// The furthest from the equator that a geo set takes a position, in ten-millionths of a degree.
pub const GEO_LIMIT_E7: i32 = 850_511_287;

/// What is mirrored of a driver who has a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub position: LatLng,
    /// When, by the device's clock.
    pub at: Timestamp,
    /// How it moved.
    pub motion: Motion,
    /// What the driver was doing.
    pub status: DriverStatus,
    /// The driver's qualities.
    pub profile: Profile,
}

impl Entry {
    /// What is mirrored of a driver: nothing without a position, nor of one who is offline.
    pub fn of(driver: &Driver) -> Option<Self> {
        let fix = driver.fix?;
        (driver.status != DriverStatus::Offline).then_some(Self {
            position: fix.position,
            at: fix.at,
            motion: fix.motion,
            status: driver.status,
            profile: driver.profile,
        })
    }

    /// Stands for a line that cannot be read: newer than anything, so that it can be removed.
    pub(super) fn unreadable() -> Self {
        let origin = LatLng::try_from(E7 { lat: 0, lng: 0 });
        Self {
            position: origin.unwrap_or_else(|_| unreachable!("0, 0 is on the globe")),
            at: Timestamp::from_millis(1 << 52),
            motion: Motion::default(),
            status: DriverStatus::Offline,
            profile: Profile::default(),
        }
    }

    /// Whether a geo set can hold it.
    pub fn fits_geo(&self) -> bool {
        (-GEO_LIMIT_E7..=GEO_LIMIT_E7).contains(&self.position.lat_e7())
    }

    /// The line, as `docs/redis-keys.md` has it.
    ///
    /// # Examples
    /// ```
    /// use hansom::mirror::Entry;
    /// let line = "377955000,-1223937000,1700000000000,1,1,4,487,0,9000,1200,";
    /// let entry = Entry::parse(line).unwrap();
    /// assert_eq!(entry.motion.speed_cm_s, Some(1_200));
    /// assert_eq!(entry.to_line(), line);
    /// ```
    pub fn to_line(&self) -> String {
        let mut line = Vec::with_capacity(80);
        self.write_line(&mut line);
        String::from_utf8(line).unwrap_or_else(|_| unreachable!("digits and commas are text"))
    }

    /// Appends the line.
    pub(super) fn write_line(&self, line: &mut Vec<u8>) {
        let Profile { vehicle_types, capacity, rating, attributes } = self.profile;
        let known = [
            i64::from(self.position.lat_e7()),
            i64::from(self.position.lng_e7()),
            self.at.as_millis(),
            i64::from(self.status.code()),
            i64::from(vehicle_types.bits()),
            i64::from(capacity.get()),
            i64::from(rating.centi_stars()),
            i64::from(attributes.bits()),
        ];
        for (i, number) in known.into_iter().enumerate() {
            if i > 0 {
                line.push(b',');
            }
            write_number(number, line);
        }
        let Motion { heading_cdeg, speed_cm_s, accuracy_dm } = self.motion;
        for known in [heading_cdeg, speed_cm_s, accuracy_dm] {
            line.push(b',');
            if let Some(value) = known {
                write_number(i64::from(value), line);
            }
        }
    }

    /// What a line says; `None` if it is not one of ours. Fields beyond those known are ignored.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(',');
        let mut next = || fields.next();
        let e7 = E7 { lat: next()?.parse().ok()?, lng: next()?.parse().ok()? };
        let position = LatLng::try_from(e7).ok()?;
        let at = Timestamp::from_millis(next()?.parse().ok()?);
        let status = DriverStatus::from_code(next()?.parse().ok()?)?;
        let profile = Profile {
            vehicle_types: VehicleTypes::try_from(next()?.parse::<u32>().ok()?).ok()?,
            capacity: Capacity::try_from(next()?.parse::<u32>().ok()?).ok()?,
            rating: Rating::from_centi_stars(next()?.parse().ok()?),
            attributes: Attributes::try_from(next()?.parse::<u32>().ok()?).ok()?,
        };
        let mut known = || next().and_then(|field| field.parse().ok());
        let (heading_cdeg, speed_cm_s, accuracy_dm) = (known(), known(), known());
        let motion = Motion { heading_cdeg, speed_cm_s, accuracy_dm };
        Some(Self { position, at, motion, status, profile })
    }
}

/// Appends a number in decimal: three times as fast as formatting it, and there are a dozen a driver.
pub(super) fn write_number(number: i64, to: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let (mut rest, mut first) = (number.unsigned_abs(), digits.len());
    loop {
        first -= 1;
        digits[first] = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        to.push(b'-');
    }
    to.extend_from_slice(&digits[first..]);
}

/// A number that differs, but for one in four thousand millions, if a driver's line does: the first
/// 32 bits of a SHA-1, which scripts in Redis can compute too.
pub(super) fn print_of(id: &[u8], line: &[u8]) -> u32 {
    let mut hasher = sha1_smol::Sha1::new();
    hasher.update(id);
    hasher.update(b"\n");
    hasher.update(line);
    let [a, b, c, d, ..] = hasher.digest().bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// An id as Redis sends it.
pub(super) fn id_of(bytes: &[u8]) -> Option<DriverId> {
    DriverId::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_written() {
        let mut reached = [0; 2];
        for i in 0..2_000_u32 {
            let odd = |bit: u32| i >> bit & 1 == 1;
            let lat = i32::try_from(i).unwrap() * 900_000 - 900_000_000;
            let entry = Entry {
                position: LatLng::try_from(E7 { lat, lng: -lat * 2 }).unwrap(),
                at: Timestamp::from_millis(i64::from(i) - 1_000),
                motion: Motion {
                    heading_cdeg: odd(0).then_some(35_999),
                    speed_cm_s: odd(1).then_some(0),
                    accuracy_dm: odd(2).then_some(65_534),
                },
                status: DriverStatus::ALL[i as usize % 6],
                profile: Profile {
                    vehicle_types: VehicleTypes::try_from(i * 32 % 65_536).unwrap(),
                    capacity: Capacity::try_from(i % 64).unwrap(),
                    rating: Rating::from_centi_stars(u16::try_from(i % 501).unwrap()),
                    attributes: Attributes::try_from(i * 8_000 % (1 << 24)).unwrap(),
                },
            };
            assert_eq!(Entry::parse(&entry.to_line()), Some(entry));
            reached[usize::from(entry.fits_geo())] += 1;
        }
        assert!(reached[0] > 50 && reached[1] > 1_000, "{reached:?}");
    }

    #[test]
    fn numbers_are_written_as_they_are_formatted() {
        for number in [0, 9, 10, -1, -1_223_937_000, 1_700_000_000_000, i64::MIN, i64::MAX] {
            let mut bytes = b"x".to_vec();
            write_number(number, &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), format!("x{number}"));
        }
    }

    #[test]
    fn what_is_no_line_is_none() {
        for line in [
            "",
            "1,2",
            "a,2,3,1,1,4,500,0,,,",
            "1,2,3,9,1,4,500,0,,,",
            "910000000,0,0,1,1,4,5,0,,,",
        ] {
            assert_eq!(Entry::parse(line), None, "{line}");
        }
        assert!(Entry::parse("1,2,3,1,1,4,500,0").is_some(), "motion may be missing");
        assert!(
            Entry::parse("1,2,3,1,1,4,500,0,,,,new").is_some(),
            "a later version may know more"
        );
        assert_ne!(print_of(b"a", b"1"), print_of(b"a", b"2"));
        assert_ne!(print_of(b"a", b"1"), print_of(b"b", b"1"));
    }
}
