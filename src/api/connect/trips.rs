//! The trips of one driver's stream: what the app is told of them, and the answers to its commands.
//!
//! Polled like the rest of the stream, without a task of its own: what is not taken waits in the
//! driver's line, and when that overflows the app is told how things stand instead.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::api::answers::Answers;
use crate::api::convert;
use crate::api::life::{arm, fired};
use crate::api::proto::connect_response::Kind;
use crate::api::proto::{DriverCommand, DriverTrips, Superseded};
use crate::api::status::Failure;
use crate::host::{Attendance, Claim, HostError, LineEnd, MarketHandle, Pending};
use crate::ids::DriverId;
use crate::limits;

/// How the stream stands towards the market.
enum Line {
    /// Asked for.
    Asked(Pending<Attendance>),
    /// There.
    Open(Attendance),
    /// Not to be had; asked for again when the timer fires.
    Waits,
    /// Another stream of the driver has it.
    Elsewhere,
    /// The market has ended, here at least, or takes nothing until a restart.
    Over(HostError),
}

/// The trips of one stream.
pub(super) struct Trips {
    /// The market, and since when the driver wishes to be told here.
    market: Option<(MarketHandle, Claim)>,
    driver: DriverId,
    line: Line,
    timer: Option<Pin<Box<Sleep>>>,
    answers: Answers,
}

impl Trips {
    /// The trips of a driver who has just connected.
    pub(super) fn new(market: Option<MarketHandle>, driver: DriverId) -> Self {
        let market = market.map(|market| {
            let claim = market.claim();
            (market, claim)
        });
        let line = match &market {
            Some((market, claim)) => Line::Asked(market.attend(driver, *claim)),
            None => Line::Elsewhere,
        };
        Self { market, driver, line, timer: None, answers: Answers::default() }
    }

    /// Whether another command can be taken.
    pub(super) fn has_room(&self) -> bool {
        self.answers.due() < limits::MAX_UNANSWERED_COMMANDS
    }

    /// Whether nobody waits for an answer.
    pub(super) fn is_settled(&self) -> bool {
        self.answers.due() == 0
    }

    /// Why there will be no more news, once the market has ended or is down for good: the app has to
    /// connect anew.
    pub(super) fn is_over(&self) -> Option<Failure> {
        match &self.line {
            Line::Over(error) => Some(error.clone().into()),
            _ => None,
        }
    }

    /// Takes a command.
    pub(super) fn take(&mut self, command: &DriverCommand) {
        let market = self.market.as_ref().map(|(market, _)| market);
        self.answers.take(market, self.driver, command);
    }

    /// What the client has to be told next, if there is anything. Registers the waker otherwise.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Kind> {
        self.answers.poll(cx).map(Kind::Answer).or_else(|| self.poll_line(cx))
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Option<Kind> {
        let Self { market, driver, line, timer, .. } = self;
        let (market, claim) = market.as_ref()?;
        loop {
            match line {
                Line::Asked(pending) => match Pin::new(pending).poll(cx) {
                    Poll::Pending => return None,
                    Poll::Ready(Ok(attendance)) => {
                        let trips = attendance.trips.iter().map(convert::trip_message).collect();
                        *line = Line::Open(attendance);
                        return Some(Kind::Trips(DriverTrips { trips }));
                    }
                    Poll::Ready(Err(error @ HostError::Ended { .. })) => *line = Line::Over(error),
                    Poll::Ready(Err(_)) => *line = waits(timer),
                },
                Line::Open(attendance) => match attendance.news.poll_recv(cx) {
                    Poll::Pending => return None,
                    Poll::Ready(Some(news)) => {
                        let journey = &news.request.journey;
                        let event = convert::event_message(&news.event, Some(journey));
                        return Some(Kind::Event(event));
                    }
                    Poll::Ready(None) => match attendance.end() {
                        LineEnd::Superseded => {
                            *line = Line::Elsewhere;
                            return Some(Kind::Superseded(Superseded {}));
                        }
                        LineEnd::Lagged => *line = Line::Asked(market.attend(*driver, *claim)),
                        LineEnd::Down => *line = Line::Over(market.why_over()),
                        LineEnd::Ended => *line = waits(timer),
                    },
                },
                Line::Waits => {
                    if !fired(timer, cx) {
                        return None;
                    }
                    *line = Line::Asked(market.attend(*driver, *claim));
                }
                Line::Elsewhere | Line::Over(_) => return None,
            }
        }
    }
}

/// Asks again later.
fn waits(timer: &mut Option<Pin<Box<Sleep>>>) -> Line {
    arm(timer, Duration::from_millis(limits::RETRY_AFTER_MS));
    Line::Waits
}
