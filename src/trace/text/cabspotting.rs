//! Cabspotting (San Francisco, 2008): a file a cab, rows `lat lon occupied unixtime`.
//!
//! The cab is named by its file, `new_<id>.txt`. Files run forwards or backwards in time,
//! depending on the copy.
//!
//! # References
//! Piorkowski, Sarafijanovic-Djukic and Grossglauser 2009, CRAWDAD epfl/mobility.

use super::{LineFormat, Row, number, position};
use crate::ids::DriverId;
use crate::model::{DriverStatus, Motion};
use crate::trace::{Record, RowReason, Vehicles, civil};

/// One cab's file.
pub(in crate::trace) struct Cabspotting {
    cab: Option<DriverId>,
}

impl Cabspotting {
    /// The cab of the file with this name, given without its folder.
    pub(in crate::trace) fn new(file_name: &str) -> Self {
        let name = file_name.strip_suffix(".gz").unwrap_or(file_name);
        let name = name.strip_suffix(".txt").unwrap_or(name);
        Self { cab: name.strip_prefix("new_").unwrap_or(name).parse().ok() }
    }
}

impl LineFormat for Cabspotting {
    fn recognises(line: &str) -> bool {
        let mut fields = line.split_ascii_whitespace();
        let mut next = || fields.next().unwrap_or_default();
        let numbers = [next(), next(), next()].iter().all(|text| text.parse::<f64>().is_ok());
        numbers && next().parse::<i64>().is_ok() && next().is_empty()
    }

    fn parse(&self, line: &str, vehicles: &mut Vehicles) -> Row {
        let parsed = || {
            let mut fields = line.split_ascii_whitespace();
            let mut next = || fields.next().ok_or(RowReason::Malformed);
            let (lat, lng, occupied, time) = (next()?, next()?, next()?, next()?);
            if fields.next().is_some() {
                return Err(RowReason::Malformed);
            }
            let position = position(number(lat)?, number(lng)?)?;
            let status = match occupied {
                "0" => DriverStatus::Available,
                "1" => DriverStatus::OnTrip,
                _ => return Err(RowReason::BadValue),
            };
            let seconds = time.parse::<i64>().map_err(|_| RowReason::BadTime)?;
            let at = seconds.checked_mul(1_000).and_then(civil::bounded);
            let at = at.ok_or(RowReason::BadTime)?;
            Ok((at, position, status, self.cab.ok_or(RowReason::BadId)?))
        };
        let (at, position, status, cab) = match parsed() {
            Ok(row) => row,
            Err(reason) => return Ok(Err(reason)),
        };
        let vehicle = vehicles.intern(&cab)?;
        Ok(Ok(Record { at, vehicle, position, motion: Motion::default(), status: Some(status) }))
    }
}
