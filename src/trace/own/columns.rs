//! The inside of a block: records as columns of small differences.
//!
//! Vehicles stand in a dictionary of the block's own, so that each block can be read alone. Time
//! differs from row to row, positions and motion from the same vehicle's last row; differences
//! are zigzag varints, which deflate then squeezes. Decoding trusts nothing: it checks each value
//! and that the bytes end where they should.

use std::collections::BTreeMap;

use crate::geo::{E7, LatLng};
use crate::ids::DriverId;
use crate::model::{DriverStatus, Motion};
use crate::trace::blocks::Shape;
use crate::trace::{Record, VehicleIx};
use crate::units::Timestamp;

/// The records of one block. Their vehicle numbers are places in `ids`.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) ids: Vec<DriverId>,
    pub(super) records: Vec<Record>,
    /// The dictionary backwards; only kept while writing.
    by_id: BTreeMap<DriverId, VehicleIx>,
}

/// Why bytes are not columns.
pub(super) type Fault = &'static str;

/// The last known values of one vehicle, from which the next ones differ.
#[derive(Clone, Copy, Default)]
struct Last {
    lat: i64,
    lng: i64,
    heading: i64,
    speed: i64,
    accuracy: i64,
}

const HEADING: u8 = 1;
const SPEED: u8 = 2;
const ACCURACY: u8 = 4;
const STATUS_SHIFT: u8 = 3;
const MAX_HEADING: u16 = 35_999;
const MAX_MOTION: u16 = u16::MAX - 1;

impl Columns {
    pub(super) fn push(&mut self, driver: &DriverId, record: &Record) {
        let next = VehicleIx(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
        let vehicle = *self.by_id.entry(*driver).or_insert(next);
        if vehicle == next {
            self.ids.push(*driver);
        }
        self.records.push(Record { vehicle, ..*record });
    }

    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.records.clear();
        self.by_id.clear();
    }

    /// The shape; `None` when there is no record.
    pub(super) fn shape(&self) -> Option<Shape> {
        Some(Shape {
            rows: u32::try_from(self.records.len()).ok()?,
            parts: u32::try_from(self.ids.len()).ok()?,
            first: self.records.iter().map(|r| r.at).min()?,
            last: self.records.iter().map(|r| r.at).max()?,
        })
    }

    pub(super) fn encode(&self, first: Timestamp) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.records.len() * 12 + self.ids.len() * 16);
        for id in &self.ids {
            out.push(u8::try_from(id.as_bytes().len()).unwrap_or(u8::MAX));
            out.extend_from_slice(id.as_bytes());
        }
        let mut previous = first.as_millis();
        for record in &self.records {
            put(&mut out, zigzag(record.at.as_millis().wrapping_sub(previous)));
            previous = record.at.as_millis();
        }
        self.records.iter().for_each(|r| put(&mut out, u64::from(r.vehicle.0)));
        out.extend(self.records.iter().map(flags));
        self.differences(&mut out, |r| Some(r.position.lat_e7().into()), |last| &mut last.lat);
        self.differences(&mut out, |r| Some(r.position.lng_e7().into()), |last| &mut last.lng);
        self.differences(&mut out, |r| r.motion.heading_cdeg.map(Into::into), |l| &mut l.heading);
        self.differences(&mut out, |r| r.motion.speed_cm_s.map(Into::into), |l| &mut l.speed);
        self.differences(&mut out, |r| r.motion.accuracy_dm.map(Into::into), |l| &mut l.accuracy);
        out
    }

    fn differences(
        &self,
        out: &mut Vec<u8>,
        value: impl Fn(&Record) -> Option<i64>,
        slot: impl Fn(&mut Last) -> &mut i64,
    ) {
        let mut last = vec![Last::default(); self.ids.len()];
        for record in &self.records {
            if let Some(value) = value(record) {
                let previous = slot(&mut last[record.vehicle.index()]);
                put(out, zigzag(value - *previous));
                *previous = value;
            }
        }
    }

    /// Reads columns of this shape, whose sizes have been checked against the limits.
    pub(super) fn decode(bytes: &[u8], shape: Shape) -> Result<Self, Fault> {
        let mut cursor = Cursor { bytes };
        let ids = (0..shape.parts).map(|_| cursor.id()).collect::<Result<Vec<_>, _>>()?;
        let times = cursor.times(shape)?;
        let vehicles = (0..shape.rows)
            .map(|_| match u32::try_from(cursor.varint()?) {
                Ok(vehicle) if vehicle < shape.parts => Ok(VehicleIx(vehicle)),
                _ => Err("a row names a vehicle beyond the dictionary"),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let flags = cursor.take(vehicles.len())?;
        let mut last = vec![Last::default(); ids.len()];
        let mut column = |mask: u8, max: i64, slot: fn(&mut Last) -> &mut i64| {
            let rows = vehicles.iter().zip(flags);
            rows.map(|(vehicle, flags)| {
                if mask != 0 && flags & mask == 0 {
                    return Ok(0);
                }
                let previous = slot(&mut last[vehicle.index()]);
                *previous = previous.wrapping_add(unzigzag(cursor.varint()?));
                // Coordinates reach to both sides of zero, motion does not.
                let min = if mask == 0 { -max } else { 0 };
                (min..=max).contains(previous).then_some(*previous).ok_or("a value is out of range")
            })
            .collect::<Result<Vec<i64>, Fault>>()
        };
        let lat = column(0, 900_000_000, |last| &mut last.lat)?;
        let lng = column(0, 1_800_000_000, |last| &mut last.lng)?;
        let heading = column(HEADING, MAX_HEADING.into(), |last| &mut last.heading)?;
        let speed = column(SPEED, MAX_MOTION.into(), |last| &mut last.speed)?;
        let accuracy = column(ACCURACY, MAX_MOTION.into(), |last| &mut last.accuracy)?;
        if !cursor.bytes.is_empty() {
            return Err("there are bytes after the last column");
        }
        let mut records = Vec::with_capacity(times.len());
        for (i, (&at, &vehicle)) in times.iter().zip(&vehicles).enumerate() {
            let some = |mask: u8, column: &[i64]| {
                (flags[i] & mask != 0).then(|| u16::try_from(column[i]).ok()).flatten()
            };
            let motion = Motion {
                heading_cdeg: some(HEADING, &heading),
                speed_cm_s: some(SPEED, &speed),
                accuracy_dm: some(ACCURACY, &accuracy),
            };
            let position = position(lat[i], lng[i])?;
            records.push(Record { at, vehicle, position, motion, status: status(flags[i])? });
        }
        Ok(Self { ids, records, by_id: BTreeMap::new() })
    }
}

fn flags(record: &Record) -> u8 {
    let Motion { heading_cdeg, speed_cm_s, accuracy_dm } = record.motion;
    let bit = |value: Option<u16>, mask| if value.is_some() { mask } else { 0 };
    let status = record.status.map_or(0, |status| status.code() + 1);
    bit(heading_cdeg, HEADING)
        | bit(speed_cm_s, SPEED)
        | bit(accuracy_dm, ACCURACY)
        | (status << STATUS_SHIFT)
}

fn status(flags: u8) -> Result<Option<DriverStatus>, Fault> {
    match flags >> STATUS_SHIFT {
        0 => Ok(None),
        code => DriverStatus::from_code(code - 1).map(Some).ok_or("a status is unknown"),
    }
}

fn position(lat: i64, lng: i64) -> Result<LatLng, Fault> {
    let (Ok(lat), Ok(lng)) = (i32::try_from(lat), i32::try_from(lng)) else {
        return Err("a position is not on the globe");
    };
    LatLng::try_from(E7 { lat, lng }).map_err(|_| "a position is not on the globe")
}

/// The bytes not yet read.
struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (head, rest) = self.bytes.split_at_checked(length).ok_or("a column is cut off")?;
        self.bytes = rest;
        Ok(head)
    }

    fn id(&mut self) -> Result<DriverId, Fault> {
        let length = self.take(1)?[0];
        DriverId::try_from(self.take(length.into())?).map_err(|_| "a vehicle has no valid id")
    }

    fn times(&mut self, shape: Shape) -> Result<Vec<Timestamp>, Fault> {
        let mut millis = shape.first.as_millis();
        (0..shape.rows)
            .map(|_| {
                millis = millis.wrapping_add(unzigzag(self.varint()?));
                let at = Timestamp::from_millis(millis);
                if at < shape.first || at > shape.last {
                    return Err("a time lies outside the block's span");
                }
                Ok(at)
            })
            .collect()
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                break;
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 64 bits")
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}
