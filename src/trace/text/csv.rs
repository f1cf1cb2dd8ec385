//! Any CSV with a header line, read through a column mapping.

use std::io::Read;
use std::path::Path;

use super::records::{CsvRecords, Dialect, clean};
use super::{Row, number, position};
use crate::model::{DriverStatus, Motion};
use crate::trace::civil::{self, UtcOffset};
use crate::trace::options::Field;
use crate::trace::{CsvColumns, Record, RowReason, TraceError, Vehicles};
use crate::units::Timestamp;

/// From here on a Unix time is in milliseconds: as seconds it would be the year 5138, as
/// milliseconds it is 1973.
const FIRST_MILLIS: i64 = 100_000_000_000;

/// The rows of one CSV.
pub(in crate::trace) struct CsvRows<R: Read> {
    records: CsvRecords<R>,
    columns: [Option<usize>; Field::COUNT],
    offset: UtcOffset,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header line and finds the mapped columns.
    pub(in crate::trace) fn new(
        input: R,
        path: &Path,
        mapping: &CsvColumns,
        offset: UtcOffset,
    ) -> Result<Self, TraceError> {
        let mut records = CsvRecords::new(input, Dialect::Headed);
        let names = records.names(path)?;
        let mut columns = [None; Field::COUNT];
        for field in Field::ALL {
            let Some(column) = mapping.column(field) else { continue };
            let place = names.iter().position(|name| name == column);
            columns[field as usize] = Some(place.ok_or_else(|| TraceError::NoSuchColumn {
                path: path.to_path_buf(),
                field: field.name(),
                column: column.into(),
                columns: names.join(", "),
            })?);
        }
        Ok(Self { records, columns, offset })
    }

    /// The next row, or `None` at the end.
    pub(in crate::trace) fn next(&mut self, path: &Path, vehicles: &mut Vehicles) -> Option<Row> {
        match self.records.advance(path) {
            Ok(true) => Some(self.parse(vehicles)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn parse(&self, vehicles: &mut Vehicles) -> Row {
        let parsed = || {
            let position =
                position(number(self.required(Field::Lat)?)?, number(self.required(Field::Lng)?)?)?;
            let at = time(self.required(Field::Time)?, self.offset).ok_or(RowReason::BadTime)?;
            let id = self.required(Field::Id)?.parse().map_err(|_| RowReason::BadId)?;
            let motion = Motion {
                heading_cdeg: self.scaled(Field::Heading, 100.0, 36_000)?.map(|h| h % 36_000),
                speed_cm_s: self.scaled(Field::Speed, 100.0, u16::MAX - 1)?,
                accuracy_dm: self.scaled(Field::Accuracy, 10.0, u16::MAX - 1)?,
            };
            let status = match self.optional(Field::Status)? {
                "" => None,
                text => Some(status(text).ok_or(RowReason::BadValue)?),
            };
            Ok((at, position, motion, status, id))
        };
        let (at, position, motion, status, id) = match parsed() {
            Ok(row) => row,
            Err(reason) => return Ok(Err(reason)),
        };
        let vehicle = vehicles.intern(&id)?;
        Ok(Ok(Record { at, vehicle, position, motion, status }))
    }

    fn required(&self, field: Field) -> Result<&str, RowReason> {
        let cell = self.columns[field as usize].and_then(|column| self.records.text(column));
        cell.ok_or(RowReason::Malformed)
    }

    /// The cell, empty if the column is not mapped.
    fn optional(&self, field: Field) -> Result<&str, RowReason> {
        if self.columns[field as usize].is_none() { Ok("") } else { self.required(field) }
    }

    fn scaled(&self, field: Field, factor: f64, max: u16) -> Result<Option<u16>, RowReason> {
        let text = self.optional(field)?;
        if text.is_empty() {
            return Ok(None);
        }
        let value = (number(text)? * factor).round();
        if !(0.0..=f64::from(max)).contains(&value) {
            return Err(RowReason::BadValue);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        Ok(Some(value as u16))
    }
}

/// The names in the first line of a CSV, for an error about a missing mapping.
pub(in crate::trace) fn columns_of(head: &[u8]) -> String {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(head);
    let names = reader.byte_headers().map(|names| names.iter().map(clean).collect::<Vec<_>>());
    names.unwrap_or_default().join(", ")
}

fn status(text: &str) -> Option<DriverStatus> {
    DriverStatus::ALL
        .into_iter()
        .find(|status| status.name().eq_ignore_ascii_case(text))
        .or_else(|| DriverStatus::from_code(text.parse().ok()?))
}

fn time(text: &str, offset: UtcOffset) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Ok(number) = whole.parse::<i64>() else { return civil::parse(text, offset) };
    if number >= FIRST_MILLIS {
        return civil::bounded(number);
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digit = |i| fraction.as_bytes().get(i).map_or(0, |digit| i64::from(digit - b'0'));
    let millis = digit(0) * 100 + digit(1) * 10 + digit(2);
    civil::bounded(number.checked_mul(1_000)?.checked_add(millis)?)
}
