//! What the messages of a driver's stream mean, message by message, without a runtime.

use std::cell::RefCell;
use std::task::Context;

use super::presence::Presence;
use crate::api::convert::{self, FieldError};
use crate::api::door::Door;
use crate::api::driving::presence;
use crate::api::proto::{self, RejectReason, connect_request::Kind};
use crate::api::status::Failure;
use crate::api::tally::{Tally, reason_message};
use crate::clock;
use crate::ids::DriverId;
use crate::index::BatchOutcome;
use crate::limits;
use crate::model::{DriverKey, DriverStatus, Profile, Reason, Report};
use crate::units::{Millis, Timestamp};

thread_local! {
    /// Ten thousand streams share a worker: none needs memory of its own for applying.
    static OUTCOME: RefCell<BatchOutcome> = RefCell::default();
}

/// The state of one driver's stream after its `hello`.
#[derive(Debug)]
pub struct Session {
    id: DriverId,
    key: DriverKey,
    profile: Option<Profile>,
    status: Option<DriverStatus>,
    ack_interval: Millis,
    waiting: Vec<(u64, Report)>,
    tally: Tally,
    acked: u64,
    rejections: Vec<proto::RejectedMessage>,
    omitted: u64,
    presence: Presence,
}

impl Session {
    /// Opens the session that the stream's first message asks for.
    ///
    /// # Errors
    /// If it is not a proper `hello`, or the map is full.
    pub fn open(door: &Door, first: &proto::ConnectRequest) -> Result<Self, Failure> {
        let Some(Kind::Hello(hello)) = &first.kind else {
            return Err(FieldError {
                field: "hello".to_owned(),
                detail: "hello is not set; it must be the stream's first message".to_owned(),
            }
            .into());
        };
        let id = hello.driver_id.parse();
        let id = id.map_err(|error| FieldError::because("hello.driver_id", error))?;
        let profile = hello.profile.as_ref().map(convert::profile).transpose()?;
        let status = convert::optional_status(hello.status);
        let ack_interval = convert::ack_interval(hello.ack_interval_ms)?;
        let key = door.map.bind(door.now(), &id)?;
        let mut told = Presence::default();
        let status = status.filter(|status| introduce(door, id, *status, &mut told));
        door.introduce(&id, key, profile, status);
        Ok(Self {
            id,
            key,
            profile,
            status,
            ack_interval,
            waiting: Vec::new(),
            tally: Tally::default(),
            acked: 0,
            rejections: Vec::new(),
            omitted: 0,
            presence: told,
        })
    }

    /// How long an acknowledgement may be kept back.
    pub fn ack_interval(&self) -> Millis {
        self.ack_interval
    }

    /// Takes in a message after the first.
    ///
    /// # Errors
    /// For a second `hello`, which ends the stream.
    pub fn take(&mut self, door: &Door, message: &proto::ConnectRequest) -> Result<(), Failure> {
        let ordinal = self.tally.received;
        match &message.kind {
            Some(Kind::Position(report)) => {
                self.tally.received += 1;
                self.take_report(door, ordinal, report);
            }
            Some(Kind::Status(code)) => {
                self.tally.received += 1;
                // Positions that came before were reported under the old status.
                self.flush(door);
                self.take_status(door, ordinal, *code);
            }
            Some(Kind::Hello(_)) => {
                return Err(FieldError {
                    field: "hello".to_owned(),
                    detail: "hello is set; it may only be the stream's first message".to_owned(),
                }
                .into());
            }
            // The stream's affair, and a kind that this version does not know.
            Some(Kind::Command(_)) | None => {}
        }
        Ok(())
    }

    fn take_report(&mut self, door: &Door, ordinal: u64, message: &proto::PositionReport) {
        match convert::report("position.", message) {
            Ok(values) => {
                let convert::ReportValues { position, at, motion, status } = values;
                let status = door.settable(&self.id, status);
                let report = Report { driver: self.key, position, at, motion, status };
                self.waiting.push((ordinal, report));
            }
            Err(error) => {
                let position = error.field.starts_with("position.position");
                let reason =
                    if position { RejectReason::BadPosition } else { RejectReason::BadValue };
                self.reject(door, ordinal, reason, error.detail);
            }
        }
    }

    fn take_status(&mut self, door: &Door, ordinal: u64, code: i32) {
        match convert::required_status("status", code) {
            Ok(status) => {
                if let Err((reason, detail)) = self.tell_market(door, ordinal, status) {
                    self.reject(door, ordinal, reason, detail);
                    return;
                }
                if door.bound(&self.id).is_some() {
                    self.tally.apply(&door.metrics, 1, 0);
                    return;
                }
                self.status = Some(status);
                if door.map.set_status(self.key, status) || self.rebind(door) {
                    self.tally.apply(&door.metrics, 1, 0);
                } else {
                    self.reject(door, ordinal, RejectReason::UnknownDriver, String::new());
                }
            }
            Err(error) => self.reject(door, ordinal, RejectReason::BadValue, error.detail),
        }
    }

    /// Tells dispatch of a status that is its affair.
    fn tell_market(
        &mut self,
        door: &Door,
        ordinal: u64,
        status: DriverStatus,
    ) -> Result<(), (RejectReason, String)> {
        let Ok(market) = door.market() else { return Ok(()) };
        let bound = door.bound(&self.id);
        let Some(command) = presence(self.id, status) else {
            return bound.map_or(Ok(()), |bound| {
                let failure = Failure::StatusOwned { driver: self.id, status, bound };
                Err((RejectReason::StatusOwned, failure.to_string()))
            });
        };
        // Carried out in its turn, before later commands of this stream.
        let answer = market.submit(command);
        if let Some(error) = answer.error() {
            return Err((RejectReason::MarketBusy, error.to_string()));
        }
        self.presence.take(Some(ordinal), status, bound, answer);
        Ok(())
    }

    /// Whether another message can be taken in.
    pub(super) fn has_room(&self) -> bool {
        self.presence.has_room()
    }

    /// Whether the market has answered each status.
    pub(super) fn is_settled(&self) -> bool {
        self.presence.is_settled()
    }

    /// The next status that the market has refused. Registers the waker while one is unanswered.
    pub(super) fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Option<proto::StatusRefused> {
        self.presence.poll(cx)
    }

    /// Whose stream it is.
    pub fn driver(&self) -> DriverId {
        self.id
    }

    /// Makes the driver known again after it was forgotten.
    fn rebind(&mut self, door: &Door) -> bool {
        let Ok(key) = door.map.bind(door.now(), &self.id) else { return false };
        self.key = key;
        door.introduce(&self.id, key, self.profile, self.status);
        true
    }

    /// Applies the positions taken in so far.
    pub fn flush(&mut self, door: &Door) {
        if self.waiting.is_empty() {
            return;
        }
        let times = self.waiting.iter().filter_map(|(_, report)| clock::plausible(report.at));
        if let Some(newest) = times.max() {
            door.clock.observe(newest);
        }
        OUTCOME.with_borrow_mut(|outcome| {
            self.apply(door, door.now(), outcome);
            let forgotten = |&(_, reason): &(u32, Reason)| reason == Reason::UnknownDriver;
            if outcome.rejected.iter().any(forgotten) && self.rebind(door) {
                // One driver: all of them were refused, so all are applied again.
                for (_, report) in &mut self.waiting {
                    report.driver = self.key;
                }
                self.apply(door, door.now(), outcome);
            }
            self.settle(door, outcome);
        });
    }

    fn apply(&self, door: &Door, now: Timestamp, outcome: &mut BatchOutcome) {
        outcome.clear();
        // One at a time is how they come: a stream gathers more than one only when it is behind.
        if let [(_, report)] = self.waiting.as_slice() {
            door.map.apply(now, std::slice::from_ref(report), outcome);
            return;
        }
        let reports: Vec<Report> = self.waiting.iter().map(|(_, report)| *report).collect();
        door.map.apply(now, &reports, outcome);
    }

    fn settle(&mut self, door: &Door, outcome: &BatchOutcome) {
        self.tally.apply(&door.metrics, outcome.applied, outcome.implausible);
        let mut rejected = outcome.rejected.iter().peekable();
        let mut recorded = Vec::new();
        let mut waiting = std::mem::take(&mut self.waiting);
        for (i, (ordinal, report)) in (0_u32..).zip(waiting.drain(..)) {
            if let Some(&(_, reason)) = rejected.next_if(|(place, _)| *place == i) {
                self.reject(door, ordinal, reason_message(reason), String::new());
                continue;
            }
            self.status = report.status.or(self.status);
            if door.is_recorded() {
                recorded.push((self.id, report));
            }
        }
        self.waiting = waiting;
        door.record(recorded);
    }

    fn reject(&mut self, door: &Door, ordinal: u64, reason: RejectReason, detail: String) {
        self.tally.reject(&door.metrics, reason, 1);
        if self.rejections.len() < limits::MAX_NAMED_CONNECT_REJECTIONS {
            let reason = reason.into();
            self.rejections.push(proto::RejectedMessage { ordinal, reason, detail });
        } else {
            self.omitted += 1;
        }
    }

    /// Messages that no acknowledgement covers yet.
    pub fn unacked(&self) -> u64 {
        self.tally.received - self.acked
    }

    /// Whether the client has to hear of something at once.
    pub fn is_urgent(&self) -> bool {
        self.unacked() >= limits::CONNECT_ACK_MESSAGES
            || !self.rejections.is_empty()
            || (self.ack_interval == Millis::ZERO && self.unacked() > 0)
    }

    /// The acknowledgement of all messages flushed so far.
    pub fn ack(&mut self) -> proto::ConnectAck {
        self.acked = self.tally.received;
        proto::ConnectAck {
            received: self.tally.received,
            applied: self.tally.applied,
            implausible: self.tally.implausible,
            rejected: self.tally.reject_counts(),
            rejections: std::mem::take(&mut self.rejections),
            rejections_omitted: std::mem::take(&mut self.omitted),
        }
    }
}

/// Tells dispatch of the status in a `hello`; says whether it may hold on the map. What is not even
/// queued holds nowhere.
fn introduce(door: &Door, driver: DriverId, status: DriverStatus, told: &mut Presence) -> bool {
    let Ok(market) = door.market() else { return true };
    match (presence(driver, status), door.bound(&driver)) {
        (Some(command), bound) => {
            let answer = market.submit(command);
            let queued = answer.error().is_none();
            told.take(None, status, bound, answer);
            queued
        }
        (None, Some(bound)) => {
            told.refuse(status, Failure::StatusOwned { driver, status, bound });
            false
        }
        (None, None) => true,
    }
}
