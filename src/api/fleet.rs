//! A gateway's stream: the trips of many drivers, and what they do with them.
//!
//! Polled like the other streams, without a task of its own: what is not taken waits in the
//! gateway's line, and when that overflows the gateway is told how things stand instead.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use prost::Message as _;
use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::answers::{Answers, refused};
use super::convert::{self, FieldError};
use super::door::Door;
use super::life::{StreamLife, arm, fired};
use super::proto::connect_fleet_request::Kind as Asked;
use super::proto::connect_fleet_response::Kind;
use super::proto::{
    AttendDrivers, ConnectFleetRequest, ConnectFleetResponse, DriverAttended, DriversAttended,
    FleetCommand, FleetEvent, FleetSuperseded,
};
use super::status::{Failure, unreadable};
use crate::host::{Attended, Due, FleetLine, FleetNews, HostError, MarketHandle, Missed, Pending};
use crate::ids::{DriverId, MAX_ID_BYTES};
use crate::limits;

/// How the stream stands towards the market.
enum Line {
    /// Asked for; nothing is read before it is there.
    Asked(Pending<FleetLine>),
    /// There.
    Open(FleetLine),
}

/// The responses of one `ConnectFleet`.
pub struct FleetStream {
    market: MarketHandle,
    inbound: Streaming<ConnectFleetRequest>,
    life: StreamLife,
    line: Line,
    /// Fires when drivers who could not be attended anew are tried again.
    timer: Option<Pin<Box<Sleep>>>,
    /// Drivers who are not attended, to be told: at most a message of them.
    refusals: VecDeque<DriverAttended>,
    /// Drivers who are, of one time that they were attended, as far as they are not told yet.
    attended: Option<(VecDeque<DriverAttended>, Due)>,
    answers: Answers,
    end: Option<Result<(), Status>>,
}

impl FleetStream {
    /// Opens the stream.
    ///
    /// # Errors
    /// [`Failure::NoMarket`], [`Failure::Market`] if the market is elsewhere.
    pub(super) fn open(
        door: &Door,
        inbound: Streaming<ConnectFleetRequest>,
        life: StreamLife,
    ) -> Result<Self, Failure> {
        let market = door.market()?;
        let line = Line::Asked(market.open_fleet());
        let (refusals, answers, attended) = (VecDeque::new(), Answers::default(), None);
        let (timer, end) = (None, None);
        Ok(Self { market, inbound, life, line, timer, refusals, attended, answers, end })
    }

    fn has_room(&self) -> bool {
        let attends = match &self.line {
            Line::Open(line) => line.due(),
            Line::Asked(_) => 0,
        };
        self.refusals.is_empty()
            && attends < limits::MAX_UNANSWERED_ATTENDS
            && self.answers.due() < limits::MAX_UNANSWERED_FLEET_COMMANDS
    }

    /// Takes in what is there, up to a limit.
    fn gather(&mut self, cx: &mut Context<'_>) {
        for _ in 0..limits::MAX_GATHERED_MESSAGES {
            // What is due is told first; the answer wakes the stream.
            if !self.has_room() {
                return;
            }
            match Pin::new(&mut self.inbound).poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(message))) => match message.kind {
                    Some(Asked::Attend(message)) => {
                        if let Err(error) = self.attend(&message) {
                            self.end = Some(Err(Failure::from(error).into()));
                            return;
                        }
                    }
                    Some(Asked::Command(message)) => self.command(&message),
                    // A kind that this version does not know.
                    None => {}
                },
                Poll::Ready(Some(Err(status))) => {
                    self.end = Some(Err(unreadable(status)));
                    return;
                }
                Poll::Ready(None) => {
                    self.end = Some(Ok(()));
                    return;
                }
            }
        }
        self.life.yield_turn(cx);
    }

    /// Attends those who can be; the others are refused one by one.
    fn attend(&mut self, message: &AttendDrivers) -> Result<(), FieldError> {
        let Line::Open(line) = &self.line else { return Ok(()) };
        let (ids, max) = (&message.driver_ids, limits::MAX_ATTENDED_PER_MESSAGE);
        if ids.len() > max {
            // Before anything is made of them: there may be millions.
            let field = "attend.driver_ids".to_owned();
            let detail = format!("{field} has {} ids; at most {max} are allowed", ids.len());
            return Err(FieldError { field, detail });
        }
        let mut drivers = Vec::with_capacity(ids.len());
        for (i, id) in ids.iter().enumerate() {
            match id.parse::<DriverId>() {
                Ok(driver) => drivers.push(driver),
                Err(error) => {
                    let error = FieldError::because(format!("attend.driver_ids[{i}]"), error);
                    self.refusals.push_back(not_attended(beginning(id), &error.into()));
                }
            }
        }
        if drivers.is_empty() {
            return Ok(());
        }
        let ids = drivers.clone();
        if let Err(error) = self.market.attend_fleet(line, drivers) {
            let failure = Failure::from(error);
            self.refusals.extend(ids.iter().map(|id| not_attended(id.as_str(), &failure)));
        }
        Ok(())
    }

    fn command(&mut self, message: &FleetCommand) {
        let command = message.command.clone().unwrap_or_default();
        match convert::driver_id(&message.driver_id) {
            Ok(driver) => self.answers.take(Some(&self.market), driver, &command),
            Err(error) => self.answers.refuse(command.number, error.into()),
        }
    }

    /// The next drivers to tell of who are attended.
    fn next_attended(&mut self) -> Option<Kind> {
        let (all, _) = self.attended.as_mut()?;
        let drivers = fitting(all);
        if all.is_empty() {
            self.attended = None;
        }
        Some(Kind::Attended(DriversAttended { drivers }))
    }

    /// What the gateway has to be told next. Registers the waker otherwise.
    fn tell(&mut self, cx: &mut Context<'_>) -> Poll<Result<Kind, Failure>> {
        if !self.refusals.is_empty() {
            let drivers = self.refusals.drain(..).collect();
            return Poll::Ready(Ok(Kind::Attended(DriversAttended { drivers })));
        }
        if let Some(answer) = self.answers.poll(cx) {
            return Poll::Ready(Ok(Kind::Answer(answer)));
        }
        if let Some(drivers) = self.next_attended() {
            return Poll::Ready(Ok(drivers));
        }
        let Line::Open(line) = &mut self.line else { return Poll::Pending };
        match line.news.poll_recv(cx) {
            Poll::Ready(Some(FleetNews::Attended(all, due))) => {
                self.attended = Some((all.iter().map(attended_message).collect(), due));
                self.next_attended().map_or(Poll::Pending, |drivers| Poll::Ready(Ok(drivers)))
            }
            Poll::Ready(Some(FleetNews::Happened(driver, news))) => {
                let event = Some(convert::event_message(&news.event, Some(&news.request.journey)));
                let driver_id = driver.to_string();
                Poll::Ready(Ok(Kind::Event(FleetEvent { driver_id, event })))
            }
            Poll::Ready(Some(FleetNews::Superseded(driver))) => {
                Poll::Ready(Ok(superseded_message(driver)))
            }
            Poll::Ready(None) => {
                let market = self.market.market();
                let error = match line.down() {
                    Some(reason) => HostError::Down { market, reason },
                    None => HostError::Ended { market },
                };
                Poll::Ready(Err(error.into()))
            }
            // What was attended is told first, which wakes the stream.
            Poll::Pending if line.due() >= limits::MAX_UNANSWERED_ATTENDS => Poll::Pending,
            Poll::Pending => match line.missed() {
                Some(Missed::Superseded(driver)) => Poll::Ready(Ok(superseded_message(driver))),
                Some(Missed::Lagged(lagged)) => {
                    if self.market.attend_anew(line, &lagged).is_err() {
                        // The market is as busy as can be.
                        line.put_back(lagged);
                        arm(&mut self.timer, Duration::from_millis(limits::RETRY_AFTER_MS));
                        // Not yet: it registers the waker.
                        let _ = fired(&mut self.timer, cx);
                    }
                    Poll::Pending
                }
                None => Poll::Pending,
            },
        }
    }
}

impl Stream for FleetStream {
    type Item = Result<ConnectFleetResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Line::Asked(pending) = &mut this.line
            && this.end.is_none()
        {
            match Pin::new(pending).poll(cx) {
                Poll::Ready(Ok(line)) => this.line = Line::Open(line),
                Poll::Ready(Err(error)) => this.end = Some(Err(Failure::from(error).into())),
                Poll::Pending => {}
            }
        }
        if this.end.is_none() {
            if this.life.steps_back(cx) {
                return Poll::Pending;
            }
            if let Some(failure) = this.life.poll_end(cx) {
                this.end = Some(Err(failure.into()));
            } else if matches!(this.line, Line::Open(_)) {
                this.gather(cx);
            }
        }
        // Who has said all still hears the answers.
        let hears = this.end.is_none() || this.answers.due() > 0;
        if hears && !matches!(this.end, Some(Err(_))) {
            match this.tell(cx) {
                Poll::Ready(Ok(kind)) => {
                    return Poll::Ready(Some(Ok(ConnectFleetResponse { kind: Some(kind) })));
                }
                Poll::Ready(Err(failure)) => this.end = Some(Err(failure.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
        match this.end.replace(Ok(())) {
            Some(Err(status)) => Poll::Ready(Some(Err(status))),
            Some(Ok(())) => Poll::Ready(None),
            None => {
                this.end = None;
                Poll::Pending
            }
        }
    }
}

/// As many drivers as one message may tell of, and at least one, if there is one.
fn fitting(all: &mut VecDeque<DriverAttended>) -> Vec<DriverAttended> {
    let (mut drivers, mut bytes) = (Vec::new(), 0);
    while let Some(next) = all.front() {
        // With what precedes it.
        bytes += next.encoded_len() + 8;
        if bytes > limits::ATTENDED_MESSAGE_BYTES && !drivers.is_empty() {
            break;
        }
        drivers.extend(all.pop_front());
    }
    drivers
}

fn superseded_message(driver: DriverId) -> Kind {
    Kind::Superseded(FleetSuperseded { driver_id: driver.to_string() })
}

fn attended_message(attended: &Attended) -> DriverAttended {
    let id = attended.driver.as_str();
    let Some(trips) = &attended.trips else {
        let max = limits::MAX_FLEET_DRIVERS;
        return not_attended(id, &Failure::FleetTooLarge { max });
    };
    let trips = trips.iter().map(convert::trip_message).collect();
    DriverAttended { driver_id: id.to_owned(), trips, refused: None }
}

/// As much of what should have been an id as an id may have.
fn beginning(id: &str) -> &str {
    let end = (0..=MAX_ID_BYTES.min(id.len())).rev().find(|end| id.is_char_boundary(*end));
    id.split_at(end.unwrap_or(0)).0
}

fn not_attended(id: &str, failure: &Failure) -> DriverAttended {
    let refused = Some(refused(failure));
    DriverAttended { driver_id: id.to_owned(), trips: Vec::new(), refused }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::proto::Trip;

    #[test]
    fn drivers_are_told_in_messages_that_every_client_takes() {
        let name = "x".repeat(MAX_ID_BYTES);
        let trip = Trip { rider_id: "r".repeat(1_500), ..Trip::default() };
        let one = |trips: usize| DriverAttended {
            driver_id: name.clone(),
            trips: vec![trip.clone(); trips],
            refused: None,
        };
        let huge = limits::ATTENDED_MESSAGE_BYTES / 1_000;
        let trips =
            (0..limits::MAX_ATTENDED_PER_MESSAGE).map(|i| if i == 7 { huge } else { i % 4 });
        let mut all: VecDeque<DriverAttended> = trips.map(one).collect();
        let whole = all.clone();
        let (mut told, mut alone, mut messages) = (Vec::new(), 0, 0);
        while !all.is_empty() {
            let drivers = fitting(&mut all);
            let bytes = DriversAttended { drivers: drivers.clone() }.encoded_len();
            alone += u32::from(drivers.len() == 1);
            messages += 1;
            assert!(bytes <= limits::ATTENDED_MESSAGE_BYTES || drivers.len() == 1, "{bytes}");
            told.extend(drivers);
        }
        assert_eq!(told, Vec::from(whole));
        assert!(messages > 8 && alone == 1, "{messages} messages, {alone} of one driver");
    }
}
