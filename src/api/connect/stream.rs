//! Feeds a [`Session`] what has arrived and decides when to acknowledge.
//!
//! Driven by the client's reading, without a queue, as [`crate::api::ingest`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::Session;
use super::trips::Trips;
use crate::api::door::{Door, time_ms};
use crate::api::life::{StreamLife, arm, fired};
use crate::api::proto::connect_request::Kind as Asked;
use crate::api::proto::{ConnectRequest, ConnectResponse, Ready, connect_response::Kind};
use crate::api::status::{Failure, unreadable};
use crate::limits;

/// The responses of one `Connect`.
pub struct ConnectStream {
    door: Arc<Door>,
    inbound: Streaming<ConnectRequest>,
    session: Option<Session>,
    trips: Option<Trips>,
    life: StreamLife,
    timer: Option<Pin<Box<Sleep>>>,
    armed: bool,
    end: Option<Result<(), Status>>,
}

impl ConnectStream {
    pub(in crate::api) fn new(
        door: Arc<Door>,
        inbound: Streaming<ConnectRequest>,
        life: StreamLife,
    ) -> Self {
        let (session, trips, timer) = (None, None, None);
        Self { door, inbound, session, trips, life, timer, armed: false, end: None }
    }

    fn has_room(&self) -> bool {
        self.trips.as_ref().is_none_or(Trips::has_room)
            && self.session.as_ref().is_none_or(Session::has_room)
    }

    /// Whether the client waits for no answer of the market.
    fn is_settled(&self) -> bool {
        self.trips.as_ref().is_none_or(Trips::is_settled)
            && self.session.as_ref().is_none_or(Session::is_settled)
    }

    /// What the market has to say.
    fn poll_market(&mut self, cx: &mut Context<'_>) -> Option<Kind> {
        let refused = self.session.as_mut().and_then(|session| session.poll_refusal(cx));
        if let Some(refused) = refused {
            return Some(Kind::StatusRefused(refused));
        }
        self.trips.as_mut()?.poll(cx)
    }

    /// Takes in what is there, up to a limit; says whether the session has just begun.
    fn gather(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..limits::MAX_GATHERED_MESSAGES {
            if !self.has_room() {
                // The answer wakes the stream.
                return false;
            }
            let message = match Pin::new(&mut self.inbound).poll_next(cx) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(status))) => {
                    self.end = Some(Err(unreadable(status)));
                    return false;
                }
                Poll::Ready(None) => {
                    self.end = Some(Ok(()));
                    return false;
                }
            };
            let taken = match &mut self.session {
                Some(session) => {
                    if let (Some(Asked::Command(command)), Some(trips)) =
                        (&message.kind, &mut self.trips)
                    {
                        // Where the driver was before belongs before it.
                        session.flush(&self.door);
                        trips.take(command);
                    }
                    session.take(&self.door, &message)
                }
                None => match Session::open(&self.door, &message) {
                    Ok(session) => {
                        let market = match self.door.market() {
                            Ok(market) => Some(market),
                            Err(Failure::NoMarket) => None,
                            // The app has to go where the driver's trips are.
                            Err(failure) => {
                                self.end = Some(Err(failure.into()));
                                return false;
                            }
                        };
                        self.trips = Some(Trips::new(market, session.driver()));
                        self.session = Some(session);
                        return true;
                    }
                    Err(failure) => Err(failure),
                },
            };
            if let Err(failure) = taken {
                self.end = Some(Err(failure.into()));
                return false;
            }
        }
        self.life.yield_turn(cx);
        false
    }

    /// The acknowledgement, if it is time for one.
    fn ack(&mut self, cx: &mut Context<'_>) -> Option<ConnectResponse> {
        let session = self.session.as_mut()?;
        if session.unacked() == 0 {
            return None;
        }
        if !session.is_urgent() && self.end.is_none() {
            if !self.armed {
                arm(&mut self.timer, Duration::from_millis(session.ack_interval().get()));
                self.armed = true;
            }
            if !fired(&mut self.timer, cx) {
                return None;
            }
        }
        self.armed = false;
        Some(ConnectResponse { kind: Some(Kind::Ack(session.ack())) })
    }
}

impl Stream for ConnectStream {
    type Item = Result<ConnectResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.end.is_none() {
            if this.life.steps_back(cx) {
                return Poll::Pending;
            }
            if let Some(failure) = this.life.poll_end(cx) {
                this.end = Some(Err(failure.into()));
            } else if this.gather(cx) {
                let ready = Ready { time_ms: time_ms(this.door.now()) };
                return Poll::Ready(Some(Ok(ConnectResponse { kind: Some(Kind::Ready(ready)) })));
            }
            if let Some(session) = &mut this.session {
                session.flush(&this.door);
            }
        }
        if let Some(ack) = this.ack(cx) {
            return Poll::Ready(Some(Ok(ack)));
        }
        let failed = matches!(this.end, Some(Err(_)));
        if !failed && let Some(kind) = this.poll_market(cx) {
            return Poll::Ready(Some(Ok(ConnectResponse { kind: Some(kind) })));
        }
        if this.end.is_none()
            && let Some(failure) = this.trips.as_ref().and_then(Trips::is_over)
        {
            this.trips = None;
            this.end = Some(Ok(()));
            return Poll::Ready(Some(Err(failure.into())));
        }
        let settled = this.is_settled();
        match this.end.replace(Ok(())) {
            Some(Err(status)) => {
                this.trips = None;
                Poll::Ready(Some(Err(status)))
            }
            Some(Ok(())) if !settled => Poll::Pending,
            Some(Ok(())) => Poll::Ready(None),
            None => {
                this.end = None;
                Poll::Pending
            }
        }
    }
}
