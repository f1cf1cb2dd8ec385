//! A gateway's stream: the trips of many drivers, and what they do with them.
//!
//! Polled like the other streams, without a task of its own: what is not taken waits in the
//! gateway's line, and when that overflows the gateway is told how things stand instead.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

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
use crate::host::{Attended, FleetLine, FleetNews, HostError, MarketHandle, Missed, Pending};
use crate::ids::DriverId;
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
        let (refusals, answers) = (VecDeque::new(), Answers::default());
        Ok(Self { market, inbound, life, line, timer: None, refusals, answers, end: None })
    }

    fn has_room(&self) -> bool {
        self.refusals.is_empty() && self.answers.due() < limits::MAX_UNANSWERED_FLEET_COMMANDS
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
                    Some(Asked::Attend(message)) => self.attend(&message),
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
        self.life.yield_turn();
    }

    fn attend(&mut self, message: &AttendDrivers) {
        let Line::Open(line) = &self.line else { return };
        let max = limits::MAX_ATTENDED_PER_MESSAGE;
        let mut drivers = Vec::with_capacity(message.driver_ids.len().min(max));
        for (i, id) in message.driver_ids.iter().enumerate() {
            let parsed = id.parse::<DriverId>();
            let field = || format!("attend.driver_ids[{i}]");
            match parsed {
                _ if i >= max => {
                    let failure = Failure::FleetTooLarge { of: "message", max };
                    self.refusals.push_back(not_attended(id, &failure));
                }
                Ok(driver) => drivers.push(driver),
                Err(error) => {
                    let failure = FieldError::because(field(), error).into();
                    self.refusals.push_back(not_attended(id, &failure));
                }
            }
        }
        if drivers.is_empty() {
            return;
        }
        let ids = drivers.clone();
        if let Err(error) = self.market.attend_fleet(line.id, drivers) {
            let failure = Failure::from(error);
            self.refusals.extend(ids.iter().map(|id| not_attended(id.as_str(), &failure)));
        }
    }

    fn command(&mut self, message: &FleetCommand) {
        let command = message.command.clone().unwrap_or_default();
        match convert::driver_id(&message.driver_id) {
            Ok(driver) => self.answers.take(Some(&self.market), driver, &command),
            Err(error) => self.answers.refuse(command.number, error.into()),
        }
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
        let Line::Open(line) = &mut self.line else { return Poll::Pending };
        match line.news.poll_recv(cx) {
            Poll::Ready(Some(news)) => Poll::Ready(Ok(news_message(&news))),
            Poll::Ready(None) => {
                let market = self.market.market();
                Poll::Ready(Err(HostError::Ended { market }.into()))
            }
            Poll::Pending => match line.missed() {
                Some(Missed::Superseded(driver)) => {
                    let driver_id = driver.to_string();
                    Poll::Ready(Ok(Kind::Superseded(FleetSuperseded { driver_id })))
                }
                Some(Missed::Lagged(drivers)) => {
                    if self.market.attend_fleet(line.id, drivers.clone()).is_err() {
                        // The market is as busy as can be.
                        line.put_back(drivers);
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

fn news_message(news: &FleetNews) -> Kind {
    match news {
        FleetNews::Attended(all) => {
            let drivers = all.iter().map(attended_message).collect();
            Kind::Attended(DriversAttended { drivers })
        }
        FleetNews::Happened(driver, news) => {
            let event = convert::event_message(&news.event, Some(&news.request.journey));
            Kind::Event(FleetEvent { driver_id: driver.to_string(), event: Some(event) })
        }
        FleetNews::Superseded(driver) => {
            Kind::Superseded(FleetSuperseded { driver_id: driver.to_string() })
        }
    }
}

fn attended_message(attended: &Attended) -> DriverAttended {
    let id = attended.driver.as_str();
    let Some(trips) = &attended.trips else {
        let max = limits::MAX_FLEET_DRIVERS;
        return not_attended(id, &Failure::FleetTooLarge { of: "stream", max });
    };
    let trips = trips.iter().map(convert::trip_message).collect();
    DriverAttended { driver_id: id.to_owned(), trips, refused: None }
}

fn not_attended(id: &str, failure: &Failure) -> DriverAttended {
    let refused = Some(refused(failure));
    DriverAttended { driver_id: id.to_owned(), trips: Vec::new(), refused }
}
