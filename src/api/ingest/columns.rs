//! Columns to rows.

use crate::api::convert;
use crate::api::proto;
use crate::geo::{E7, LatLng};
use crate::limits;
use crate::model::{DriverStatus, Motion, Reason};
use crate::units::Timestamp;

/// What an entry of a column means.
type Parse = fn(u32) -> Result<Option<u16>, Reason>;

/// A row whose values are in range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) position: LatLng,
    pub(super) at: Timestamp,
    pub(super) motion: Motion,
    pub(super) status: Option<DriverStatus>,
}

/// How many rows a batch has.
///
/// # Errors
/// Why it cannot be read, with the columns and their lengths.
pub(super) fn rows(batch: &proto::ReportBatch) -> Result<usize, String> {
    let rows = batch.handle.len();
    if rows > limits::MAX_BATCH_ROWS {
        return Err(format!(
            "the batch has {rows} rows; at most {} are allowed",
            limits::MAX_BATCH_ROWS
        ));
    }
    let required = [("lat_e7", batch.lat_e7.len()), ("lng_e7", batch.lng_e7.len())];
    for (column, length) in required {
        if length != rows {
            return Err(format!("{column} has {length} rows, handle has {rows}"));
        }
    }
    let optional = [
        ("device_time_delta_ms", batch.device_time_delta_ms.len()),
        ("heading_cdeg", batch.heading_cdeg.len()),
        ("speed_cm_s", batch.speed_cm_s.len()),
        ("accuracy_dm", batch.accuracy_dm.len()),
        ("status", batch.status.len()),
    ];
    for (column, length) in optional {
        if length != rows && length != 0 {
            return Err(format!("{column} has {length} rows, handle has {rows}"));
        }
    }
    Ok(rows)
}

/// Row `i` of a batch that [`rows`] has accepted.
#[inline]
pub(super) fn row(batch: &proto::ReportBatch, i: usize) -> Result<Row, Reason> {
    let e7 = E7 { lat: batch.lat_e7[i], lng: batch.lng_e7[i] };
    let delta = batch.device_time_delta_ms.get(i).copied().unwrap_or_default();
    let millis = batch.base_device_time_ms.saturating_add(i64::from(delta));
    Ok(Row {
        position: LatLng::try_from(e7).map_err(|_| Reason::BadPosition)?,
        at: Timestamp::from_millis(millis),
        motion: Motion {
            heading_cdeg: entry(&batch.heading_cdeg, i, convert::heading_of_column)?,
            speed_cm_s: entry(&batch.speed_cm_s, i, convert::column_value)?,
            accuracy_dm: entry(&batch.accuracy_dm, i, convert::column_value)?,
        },
        status: batch.status.get(i).and_then(|&code| convert::optional_status(code)),
    })
}

/// A report that came alone.
#[inline]
pub(super) fn single(update: &proto::HandleReport) -> Result<Row, Reason> {
    let e7 = E7 { lat: update.lat_e7, lng: update.lng_e7 };
    let value = |value: Option<u32>, parse: Parse| value.map_or(Ok(None), parse);
    Ok(Row {
        position: LatLng::try_from(e7).map_err(|_| Reason::BadPosition)?,
        at: Timestamp::from_millis(update.device_time_ms),
        motion: Motion {
            heading_cdeg: value(update.heading_cdeg, convert::heading_of_column)?,
            speed_cm_s: value(update.speed_cm_s, convert::column_value)?,
            accuracy_dm: value(update.accuracy_dm, convert::column_value)?,
        },
        status: convert::optional_status(update.status),
    })
}

/// Entry `i` of a column that may be empty.
#[inline]
fn entry(column: &[u32], i: usize, parse: Parse) -> Result<Option<u16>, Reason> {
    column.get(i).map_or(Ok(None), |&value| parse(value))
}
