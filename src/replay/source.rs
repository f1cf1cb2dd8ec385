//! The reader thread: records in, batches out, as far ahead as the queue allows.

use std::ops::ControlFlow;

use tokio::sync::mpsc;

use super::options::{Progress, ReplayOptions, Speed};
use super::report::Bounds;
use crate::api::convert::status_message;
use crate::api::proto::{HandleBinding, ReportBatch};
use crate::ids::DriverId;
use crate::model::Motion;
use crate::trace::{self, Phase, Record, RowCounts, Skipped, TraceError, TraceReader};
use crate::units::Timestamp;

/// The longest that a row waits for company when the trace is paced, in milliseconds.
const LINGER_MS: f64 = 50.0;

/// The value of a column that means "unknown", as `ReportBatch` has it.
const UNKNOWN: u32 = 65_535;

/// Records that are sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// Vehicles that have not been seen before, in the order of their numbers.
    pub(super) new: Vec<DriverId>,
    /// How many records there are in all, if known.
    pub(super) of: Option<u64>,
}

/// What the reader knows at the end.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) counts: RowCounts,
    pub(super) vehicles: u64,
    pub(super) format: String,
    pub(super) damage: Vec<String>,
    pub(super) skipped: Skipped,
    pub(super) span: Option<(Timestamp, Timestamp)>,
    pub(super) bounds: Option<Bounds>,
}

/// Reads until the end, a stop, or until nobody takes the batches any more.
pub(super) fn read(
    options: &ReplayOptions,
    batches: &mpsc::Sender<Batch>,
) -> Result<Summary, TraceError> {
    let mut reader = trace::open_all(&options.inputs, &options.read)?;
    let prepared = reader.prepare(&mut |progress| {
        if progress.phase == Phase::Reading {
            let trace::Progress { bytes_read, bytes_total, .. } = progress;
            (options.watcher)(Progress::Reading { bytes: bytes_read, of: bytes_total });
        }
        if options.stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let mut extent = Extent::default();
    match prepared {
        // Nothing was sent; what was read so far is told.
        Err(TraceError::Stopped) => {}
        Err(error) => return Err(error),
        Ok(()) => hand_out(options, &mut reader, batches, &mut extent)?,
    }
    Ok(Summary {
        counts: *reader.stats(),
        vehicles: reader.vehicles() as u64,
        format: reader.format().to_string(),
        damage: reader.damages().iter().map(ToString::to_string).collect(),
        skipped: reader.skipped().clone(),
        span: extent.span,
        bounds: extent.bounds(),
    })
}

fn hand_out(
    options: &ReplayOptions,
    reader: &mut TraceReader,
    batches: &mpsc::Sender<Batch>,
    extent: &mut Extent,
) -> Result<(), TraceError> {
    // Trace time that may pass between the first and the last row of a batch: what its column of
    // differences can hold, and no more than the pace allows.
    let most = f64::from(i32::MAX);
    let linger = match options.speed {
        Speed::Max => most,
        Speed::Times(factor) => most.min(LINGER_MS * factor),
    };
    let of = reader.rows_hint();
    let mut batch = Batch { of, ..Batch::default() };
    let mut known = 0;
    while let Some(record) = reader.next()? {
        if options.stopped() {
            return Ok(());
        }
        let waits = |first: &Record| record.at.since(first.at).get() as f64 > linger;
        if batch.records.len() >= options.batch || batch.records.first().is_some_and(waits) {
            let full = std::mem::replace(&mut batch, Batch { of, ..Batch::default() });
            if batches.blocking_send(full).is_err() {
                return Ok(());
            }
        }
        if batch.records.is_empty() {
            batch.records.reserve_exact(options.batch);
        }
        // Numbers are dense, but not in the order of the records.
        while known <= record.vehicle.index() {
            let number = u32::try_from(known).unwrap_or(u32::MAX);
            batch.new.push(*reader.vehicle_name(trace::VehicleIx(number)));
            known += 1;
        }
        extent.add(&record);
        batch.records.push(record);
    }
    if !batch.records.is_empty() {
        // If nobody takes it, the replay has failed elsewhere, and says so there.
        drop(batches.blocking_send(batch));
    }
    Ok(())
}

/// The bindings of vehicles that are numbered from `first`.
pub(super) fn bindings(first: u32, ids: &[DriverId]) -> Vec<HandleBinding> {
    let binding = |(handle, id): (u32, &DriverId)| HandleBinding {
        handle,
        driver_id: id.as_str().to_owned(),
        profile: None,
        status: 0,
    };
    (first..).zip(ids).map(binding).collect()
}

/// Records as columns. Columns in which no record has a value are left out.
pub(super) fn columns(records: &[Record]) -> ReportBatch {
    let base = records.first().map_or(0, |record| record.at.as_millis());
    let delta = |record: &Record| {
        // It fits: `hand_out` has seen to it.
        i32::try_from(record.at.as_millis().saturating_sub(base)).unwrap_or(i32::MAX)
    };
    let mut batch = ReportBatch {
        handle: records.iter().map(|record| record.vehicle.0).collect(),
        lat_e7: records.iter().map(|record| record.position.lat_e7()).collect(),
        lng_e7: records.iter().map(|record| record.position.lng_e7()).collect(),
        base_device_time_ms: base,
        device_time_delta_ms: records.iter().map(delta).collect(),
        ..ReportBatch::default()
    };
    if records.iter().any(|record| record.status.is_some()) {
        let status = |record: &Record| record.status.map_or(0, |s| status_message(s).into());
        batch.status = records.iter().map(status).collect();
    }
    batch.heading_cdeg = column(records, |motion| motion.heading_cdeg);
    batch.speed_cm_s = column(records, |motion| motion.speed_cm_s);
    batch.accuracy_dm = column(records, |motion| motion.accuracy_dm);
    batch
}

/// One quality of each record's motion; nothing if no record has it.
fn column(records: &[Record], of: impl Fn(&Motion) -> Option<u16>) -> Vec<u32> {
    if records.iter().all(|record| of(&record.motion).is_none()) {
        return Vec::new();
    }
    records.iter().map(|record| of(&record.motion).map_or(UNKNOWN, u32::from)).collect()
}

/// When and where.
#[derive(Debug, Default)]
struct Extent {
    span: Option<(Timestamp, Timestamp)>,
    corners: Option<[i32; 4]>,
}

impl Extent {
    fn add(&mut self, record: &Record) {
        let at = record.at;
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        let (lat, lng) = (record.position.lat_e7(), record.position.lng_e7());
        let [south, west, north, east] = self.corners.unwrap_or([lat, lng, lat, lng]);
        self.corners = Some([south.min(lat), west.min(lng), north.max(lat), east.max(lng)]);
    }

    fn bounds(&self) -> Option<Bounds> {
        let [south, west, north, east] = self.corners?.map(|e7| f64::from(e7) / 1e7);
        Some(Bounds { south, west, north, east })
    }
}
