//! What the messages of a bulk stream mean, message by message, without a runtime.
//!
//! Messages are gathered with [`Session::take`] and applied together by [`Session::flush`]; the
//! memory for that is kept, so that the steady state allocates nothing per update.

use super::columns::{self, Row};
use super::handles::HandleTable;
use super::pending::Pending;
use crate::api::door::Door;
use crate::api::proto::{self, RejectReason, ingest_request::Kind};
use crate::api::tally::{Tally, reason_message};
use crate::clock;
use crate::index::BatchOutcome;
use crate::limits;
use crate::model::{Reason, Report};
use crate::units::Timestamp;

/// How far ahead the driver behind a handle is asked for.
const HANDLE_AHEAD: usize = 16;

/// The state of one bulk stream.
#[derive(Debug, Default)]
pub struct Session {
    handles: HandleTable,
    /// What waits to be applied, and for each report where it came from.
    reports: Vec<Report>,
    places: Vec<Place>,
    /// What was refused before it came that far.
    early: Vec<(Place, RejectReason)>,
    segments: Vec<Segment>,
    newest: Option<Timestamp>,
    outcome: BatchOutcome,
    rejected: Vec<(Place, RejectReason)>,
    tally: Tally,
    messages: u64,
    acked: u64,
    updates: u64,
    last_sequence: u64,
    pending: Pending,
}

/// Where a row came from: ordered as the client sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    segment: u32,
    row: u32,
    handle: u32,
}

/// Rows of one batch, or a run of single updates.
#[derive(Clone, Copy, Debug)]
enum Segment {
    Batch { sequence: u64 },
    Updates { first: u64 },
}

impl Session {
    /// Takes in a message. Rows wait for [`Self::flush`]; bindings are effective at once.
    pub fn take(&mut self, door: &Door, message: proto::IngestRequest) {
        self.messages += 1;
        match message.kind {
            Some(Kind::Update(update)) => self.take_update(door, &update),
            Some(Kind::Batch(batch)) => self.take_batch(door, &batch),
            Some(Kind::Bind(bind)) => self.take_bindings(door, &bind),
            // A kind that this version does not know: counted as processed, means nothing.
            None => {}
        }
    }

    /// Whether enough has been gathered to be applied.
    pub fn is_full(&self) -> bool {
        self.reports.len() + self.early.len() >= limits::MAX_GATHERED_ROWS
    }

    fn take_update(&mut self, door: &Door, update: &proto::HandleReport) {
        let ordinal = self.updates;
        self.updates += 1;
        self.tally.received += 1;
        let first = if let Some(Segment::Updates { first }) = self.segments.last() {
            *first
        } else {
            self.segments.push(Segment::Updates { first: ordinal });
            ordinal
        };
        // A run of updates is at most one gather long.
        let row = u32::try_from(ordinal - first).unwrap_or(u32::MAX);
        self.take_row(door, row, update.handle, columns::single(update));
    }

    fn take_batch(&mut self, door: &Door, batch: &proto::ReportBatch) {
        let sequence = batch.sequence;
        self.last_sequence = sequence;
        self.tally.received += batch.handle.len() as u64;
        match columns::rows(batch) {
            Err(error) => {
                // In the order of the batches: what came before is named before.
                self.flush(door);
                let rows = batch.handle.len() as u64;
                self.tally.reject(&door.metrics, RejectReason::MalformedBatch, rows);
                self.pending.batch(sequence, error);
            }
            Ok(rows) => {
                self.segments.push(Segment::Batch { sequence });
                self.reports.reserve(rows);
                self.places.reserve(rows);
                for (i, &handle) in batch.handle.iter().enumerate() {
                    if let Some(&ahead) = batch.handle.get(i + HANDLE_AHEAD) {
                        self.handles.expect(ahead);
                    }
                    // `rows` has checked that the place fits.
                    let place = u32::try_from(i).unwrap_or(u32::MAX);
                    self.take_row(door, place, handle, columns::row(batch, i));
                }
            }
        }
    }

    #[inline]
    fn take_row(&mut self, door: &Door, row: u32, handle: u32, parsed: Result<Row, Reason>) {
        let segment = u32::try_from(self.segments.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let place = Place { segment, row, handle };
        let Some(driver) = self.handles.key(handle) else {
            self.early.push((place, RejectReason::UnknownHandle));
            return;
        };
        match parsed {
            Ok(Row { position, at, motion, status }) => {
                let status = match status {
                    Some(_) if door.binds_anybody() => {
                        self.handles.id(handle).and_then(|id| door.settable(&id, status))
                    }
                    _ => status,
                };
                self.newest = self.newest.max(clock::plausible(at));
                self.reports.push(Report { driver, position, at, motion, status });
                self.places.push(place);
            }
            Err(reason) => self.early.push((place, reason_message(reason))),
        }
    }

    fn take_bindings(&mut self, door: &Door, message: &proto::BindHandles) {
        // Rows that came before mean what they meant then.
        self.flush(door);
        let now = door.now();
        for (i, binding) in message.bindings.iter().enumerate() {
            let bound = if i < limits::MAX_BINDINGS_PER_MESSAGE {
                self.handles.bind(door, now, binding)
            } else {
                Err(proto::BindRejection {
                    handle: binding.handle,
                    reason: proto::BindRejectReason::TooMany.into(),
                    detail: format!(
                        "the message has {} bindings; at most {} are allowed",
                        message.bindings.len(),
                        limits::MAX_BINDINGS_PER_MESSAGE
                    ),
                })
            };
            if let Err(rejection) = bound {
                self.pending.binding(rejection);
            }
        }
    }

    /// Applies what has been gathered.
    pub fn flush(&mut self, door: &Door) {
        if self.segments.is_empty() {
            return;
        }
        if let Some(newest) = self.newest.take() {
            door.clock.observe(newest);
        }
        let now = door.now();
        self.outcome.clear();
        door.map.apply(now, &self.reports, &mut self.outcome);
        self.rejected.append(&mut self.early);
        if !self.outcome.rejected.is_empty() {
            self.retry_forgotten(door, now);
        }
        self.note_statuses();
        self.tally.apply(&door.metrics, self.outcome.applied, self.outcome.implausible);
        if door.is_recorded() {
            self.record(door);
        }
        let rejected = self.outcome.rejected.iter().filter_map(|&(i, reason)| {
            self.places.get(i as usize).map(|&place| (place, reason_message(reason)))
        });
        self.rejected.extend(rejected);
        if !self.rejected.is_empty() {
            self.name_rejected(door);
        }
        self.reports.clear();
        self.places.clear();
        self.segments.clear();
    }

    /// Makes drivers known again that were forgotten since they were bound, and applies their
    /// reports once more, each driver's in their order.
    fn retry_forgotten(&mut self, door: &Door, now: Timestamp) {
        let forgotten = |&(_, reason): &(u32, Reason)| reason == Reason::UnknownDriver;
        let again: Vec<u32> =
            self.outcome.rejected.iter().filter(|r| forgotten(r)).map(|&(i, _)| i).collect();
        if again.is_empty() {
            return;
        }
        let mut reports = Vec::with_capacity(again.len());
        for &i in &again {
            let (place, mut report) = (self.places[i as usize], self.reports[i as usize]);
            let stale = self.handles.key(place.handle) == Some(report.driver);
            let known = if stale {
                self.handles.rebind(door, now, place.handle)
            } else {
                self.handles.key(place.handle)
            };
            if let Some(key) = known {
                report.driver = key;
            }
            reports.push(report);
        }
        self.outcome.rejected.retain(|r| !forgotten(r));
        let mut second = BatchOutcome::default();
        door.map.apply(now, &reports, &mut second);
        self.outcome.applied += second.applied;
        self.outcome.implausible += second.implausible;
        let places = second.rejected.iter().map(|&(i, reason)| (again[i as usize], reason));
        self.outcome.rejected.extend(places);
        self.outcome.rejected.sort_unstable_by_key(|&(i, _)| i);
    }

    /// Statuses are remembered for the day a driver has to be made known again.
    fn note_statuses(&mut self) {
        for (report, place) in self.reports.iter().zip(&self.places) {
            if let Some(status) = report.status {
                self.handles.note_status(place.handle, status);
            }
        }
    }

    fn record(&self, door: &Door) {
        let mut rejected = self.outcome.rejected.iter().map(|&(i, _)| i).peekable();
        let mut rows = Vec::with_capacity(self.reports.len());
        for (i, (report, place)) in (0_u32..).zip(self.reports.iter().zip(&self.places)) {
            if rejected.next_if_eq(&i).is_none()
                && let Some(id) = self.handles.id(place.handle)
            {
                rows.push((id, *report));
            }
        }
        door.record(rows);
    }

    /// Counts and names what was not applied, in the order in which it came.
    fn name_rejected(&mut self, door: &Door) {
        self.rejected.sort_unstable_by_key(|&(place, _)| place);
        let mut last_segment = None;
        for (place, reason) in self.rejected.drain(..) {
            self.tally.reject(&door.metrics, reason, 1);
            let first = last_segment.replace(place.segment) != Some(place.segment);
            match self.segments.get(place.segment as usize) {
                Some(&Segment::Batch { sequence }) => {
                    self.pending.row(sequence, first, place.row, reason);
                }
                Some(&Segment::Updates { first }) => {
                    self.pending.update(first + u64::from(place.row), place.handle, reason);
                }
                None => {}
            }
        }
    }

    /// The acknowledgement of all messages flushed so far; `None` if the last one stands.
    pub fn ack(&mut self) -> Option<proto::IngestResponse> {
        if self.acked == self.messages {
            return None;
        }
        self.acked = self.messages;
        let mut ack = proto::IngestResponse {
            messages: self.messages,
            received_rows: self.tally.received,
            applied_rows: self.tally.applied,
            implausible_rows: self.tally.implausible,
            rejected: self.tally.reject_counts(),
            last_sequence: self.last_sequence,
            bound_handles: u64::from(self.handles.bound()),
            ..Default::default()
        };
        self.pending.take(&mut ack);
        Some(ack)
    }
}
