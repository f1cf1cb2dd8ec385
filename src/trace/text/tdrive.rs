//! T-Drive (Beijing, 2008): rows `id,YYYY-MM-DD HH:MM:SS,lon,lat` in Beijing time.
//!
//! # References
//! Yuan, Zheng, Xie and Sun 2011, "Driving with knowledge from the physical world", KDD.

use super::{LineFormat, Row, number, position};
use crate::ids::DriverId;
use crate::model::Motion;
use crate::trace::civil::{self, UtcOffset};
use crate::trace::{Record, RowReason, Vehicles};

/// Any T-Drive file: each row names its taxi.
pub(in crate::trace) struct TDrive;

impl LineFormat for TDrive {
    fn recognises(line: &str) -> bool {
        let mut fields = line.split(',');
        let mut next = || fields.next().unwrap_or_default();
        let (id, time, lng, lat) = (next(), next(), next(), next());
        !id.is_empty()
            && civil::parse(time, UtcOffset::BEIJING).is_some()
            && [lng, lat].iter().all(|text| text.parse::<f64>().is_ok())
            && fields.next().is_none()
    }

    fn parse(&self, line: &str, vehicles: &mut Vehicles) -> Row {
        let parsed = || {
            let mut fields = line.split(',');
            let mut next = || fields.next().ok_or(RowReason::Malformed);
            let (id, time, lng, lat) = (next()?, next()?, next()?, next()?);
            if fields.next().is_some() {
                return Err(RowReason::Malformed);
            }
            let position = position(number(lat)?, number(lng)?)?;
            let at = civil::parse(time, UtcOffset::BEIJING).ok_or(RowReason::BadTime)?;
            let taxi: DriverId = id.parse().map_err(|_| RowReason::BadId)?;
            Ok((at, position, taxi))
        };
        let (at, position, taxi) = match parsed() {
            Ok(row) => row,
            Err(reason) => return Ok(Err(reason)),
        };
        let vehicle = vehicles.intern(&taxi)?;
        Ok(Ok(Record { at, vehicle, position, motion: Motion::default(), status: None }))
    }
}
