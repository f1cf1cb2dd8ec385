//! The public text formats, each a parser from a row to a record or the reason why it is none.

mod cabspotting;
mod csv;
mod records;
mod tdrive;

pub(super) use cabspotting::Cabspotting;
pub(super) use csv::{CsvRows, columns_of};
pub(super) use records::{CsvRecords, Dialect};
pub(super) use tdrive::TDrive;

use super::{Record, RowReason, TraceError, Vehicles};
use crate::geo::{Degrees, LatLng};

/// A row: a record, or why it is none. The outer error ends the whole reading.
pub(super) type Row = Result<Result<Record, RowReason>, TraceError>;

/// A format of one row a line.
pub(super) trait LineFormat {
    /// Whether a line has this format's fields, whatever their values.
    fn recognises(line: &str) -> bool;

    /// Reads a line.
    fn parse(&self, line: &str, vehicles: &mut Vehicles) -> Row;
}

/// The position of these degrees.
fn position(lat: f64, lng: f64) -> Result<LatLng, RowReason> {
    let position = LatLng::try_from(Degrees { lat, lng }).map_err(|_| RowReason::BadPosition)?;
    if position.lat_e7() == 0 && position.lng_e7() == 0 {
        return Err(RowReason::NoFix);
    }
    Ok(position)
}

/// A field that must be a number; "nan" is one here and fails as a position.
fn number(text: &str) -> Result<f64, RowReason> {
    text.parse().map_err(|_| RowReason::Malformed)
}
