//! What others may do with a market, from any thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::attend::{Attendance, Claim};
use super::error::HostError;
use super::fleet::{Attend, FleetLine, Lagged};
use super::shared::{HostState, Shared};
use super::watch::TripWatch;
use super::worker::Item;
use crate::dispatch::policy::Explanation;
use crate::dispatch::{Command, Event, Market, Reply, Trip};
use crate::ids::{DriverId, MarketId, TripId};
use crate::journal::{Ordinal, Page, ReadError, Stats, Stream, StreamId};
use crate::limits;
use crate::model::DriverStatus;
use crate::records;
use crate::telemetry::MarketMetrics;

/// A market, as its doors know it. Cheap to copy.
///
/// # Guarantees
/// What is answered is durable: a [`Reply`], a trip, an event. Commands of one handle are carried out
/// in the order in which they were submitted.
#[derive(Clone)]
pub struct MarketHandle {
    pub(super) shared: Arc<Shared>,
    queue: SyncSender<Item>,
}

impl std::fmt::Debug for MarketHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MarketHandle").field("market", &self.shared.market).finish_non_exhaustive()
    }
}

impl MarketHandle {
    pub(super) fn new(shared: Arc<Shared>, queue: SyncSender<Item>) -> Self {
        Self { shared, queue }
    }

    /// The market's name.
    pub fn market(&self) -> MarketId {
        self.shared.market
    }

    /// Where it counts.
    pub fn metrics(&self) -> &Arc<MarketMetrics> {
        &self.shared.metrics
    }

    /// Queues a command. It is carried out whether or not anybody waits for the answer.
    pub fn submit(&self, command: Command) -> Pending<Reply> {
        self.ask(|answer| Item::Do { command, answer })
    }

    /// A wish to be told of a driver, as of now.
    pub fn claim(&self) -> Claim {
        self.shared.claim()
    }

    /// Opens a driver's line, which ends the one before, unless that has the newer claim: then this one
    /// is ended.
    pub fn attend(&self, driver: DriverId, claim: Claim) -> Pending<Attendance> {
        self.ask(|answer| Item::Attend { driver, claim, answer })
    }

    /// Opens a gateway's line, on which nobody is.
    pub fn open_fleet(&self) -> Pending<FleetLine> {
        self.ask(|answer| Item::OpenFleet { answer })
    }

    /// Puts drivers on a gateway's line, as of now: each is ended where it was before, unless somebody
    /// wishes to be told of it later than this call. The line tells when it is so; nothing is told if the
    /// line is not known any more.
    ///
    /// # Errors
    /// [`HostError::QueueFull`] and [`HostError::Ended`]; then nobody was put there.
    pub fn attend_fleet(&self, line: &FleetLine, drivers: Vec<DriverId>) -> Result<(), HostError> {
        self.queue(Item::AttendFleet(Attend::new(line, drivers, self.claim())))
    }

    /// Puts drivers on a gateway's line again who are told there no more since it reads too slowly,
    /// unless they have been attended elsewhere meanwhile: then they are superseded here.
    ///
    /// # Errors
    /// As [`Self::attend_fleet`].
    pub fn attend_anew(&self, line: &FleetLine, lagged: &[Lagged]) -> Result<(), HostError> {
        self.queue(Item::AttendFleet(Attend::anew(line, lagged, self.claim())))
    }

    /// Why a trip was offered to whom; `None` if no decision is remembered that it was part of.
    pub fn explain(&self, trip: TripId) -> Pending<Option<Explanation>> {
        self.look(move |market| market.explain(trip))
    }

    /// Looks at the market as of a durable moment.
    pub fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Market) -> T + Send + 'static,
    ) -> Pending<T> {
        self.ask(|answer: oneshot::Sender<Result<T, HostError>>| {
            Item::Look(Box::new(move |market| {
                // Nobody waits any more: no harm.
                drop(answer.send(market.map(look)));
            }))
        })
    }

    fn ask<T>(
        &self,
        item: impl FnOnce(oneshot::Sender<Result<T, HostError>>) -> Item,
    ) -> Pending<T> {
        let (sender, receiver) = oneshot::channel();
        let answer = self.queue(item(sender)).map(|()| receiver);
        Pending { market: self.shared.market, answer }
    }

    fn queue(&self, item: Item) -> Result<(), HostError> {
        let market = self.shared.market;
        self.queue.try_send(item).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.shared.metrics.queue_full.increment(1);
                HostError::QueueFull { market, max: limits::MAX_MARKET_QUEUE }
            }
            TrySendError::Disconnected(_) => HostError::Ended { market },
        })
    }

    /// What a driver is doing whom a trip or an offer binds; `None` for everybody else.
    pub fn bound(&self, driver: &DriverId) -> Option<DriverStatus> {
        self.shared.bound(driver)
    }

    /// Whether any driver is bound.
    pub fn binds_anybody(&self) -> bool {
        self.shared.binds_anybody()
    }

    /// A trip as it durably is; `None` if it never was, or is no longer kept.
    ///
    /// # Errors
    /// [`HostError::Refused`] for a trip of another market, [`HostError::Unreadable`].
    pub fn trip(&self, trip: TripId) -> Result<Option<Trip>, HostError> {
        self.must_be_ours(trip)?;
        let unreadable = |cause: String| HostError::Unreadable { trip, cause };
        let state = match self.shared.journal.stream(StreamId(trip.number())) {
            Ok(None) => return Ok(None),
            Ok(Some(Stream::Open(open))) => open.state,
            Ok(Some(Stream::Ended(ended))) => ended.state,
            Err(error) => return Err(self.unread(trip, &error)),
        };
        let trip = records::decode_trip(&state).map_err(|error| unreadable(error.to_string()))?;
        Ok(Some(trip))
    }

    /// A page of a trip's durable events after the one with this ordinal; `None` if it is not known.
    ///
    /// # Errors
    /// As [`Self::trip`].
    pub fn events_after(
        &self,
        trip: TripId,
        ordinal: u32,
    ) -> Result<Option<Page<Event>>, HostError> {
        self.must_be_ours(trip)?;
        let unreadable = |cause: String| HostError::Unreadable { trip, cause };
        let (stream, from) = (StreamId(trip.number()), Ordinal(ordinal).next());
        let size = limits::TRIP_EVENTS_PAGE;
        let page = match self.shared.journal.events_of(stream, from, size) {
            Ok(page) => page,
            Err(ReadError::UnknownStream { .. }) => return Ok(None),
            Err(error) => return Err(self.unread(trip, &error)),
        };
        let rows = page.rows.iter().map(|row| records::decode_event(&row.bytes));
        let rows: Result<Vec<Event>, _> = rows.collect();
        let rows = rows.map_err(|error| unreadable(error.to_string()))?;
        Ok(Some(Page { rows, more: page.more }))
    }

    /// Why a trip was not read.
    fn unread(&self, trip: TripId, error: &ReadError) -> HostError {
        match error {
            ReadError::Closed { reason } => {
                HostError::Down { market: self.shared.market, reason: (*reason).to_owned() }
            }
            error => HostError::Unreadable { trip, cause: error.to_string() },
        }
    }

    fn must_be_ours(&self, trip: TripId) -> Result<(), HostError> {
        let market = self.shared.market;
        if trip.market() == market {
            return Ok(());
        }
        Err(crate::dispatch::Refusal::OtherMarket { id: trip.to_string(), market }.into())
    }

    /// Begins to watch a trip.
    pub fn watch(&self, trip: TripId) -> TripWatch {
        self.shared.watched.watch(trip.number())
    }

    /// How many trips are watched.
    pub fn watched(&self) -> usize {
        self.shared.watched.len()
    }

    /// How the market stands, as of its last commit.
    pub fn state(&self) -> HostState {
        self.shared.state()
    }

    /// Why nothing more comes of it: it is down, or has ended.
    pub fn why_over(&self) -> HostError {
        let market = self.shared.market;
        match self.state().down {
            Some(reason) => HostError::Down { market, reason },
            None => HostError::Ended { market },
        }
    }

    /// What its journal holds.
    pub fn journal(&self) -> Stats {
        self.shared.journal.stats()
    }

    pub(super) fn stop(&self) {
        self.shared.stop();
        // If the queue is full, the thread is awake.
        drop(self.queue.try_send(Item::Wake));
    }
}

/// An answer that will come: when what it says is durable.
#[derive(Debug)]
pub struct Pending<T> {
    market: MarketId,
    answer: Result<oneshot::Receiver<Result<T, HostError>>, HostError>,
}

impl<T> Pending<T> {
    /// Why it was not even queued, if it was not.
    pub fn error(&self) -> Option<&HostError> {
        self.answer.as_ref().err()
    }

    /// Waits, outside of any runtime.
    ///
    /// # Errors
    /// [`HostError`].
    ///
    /// # Panics
    /// Within a runtime, which would be held up.
    pub fn wait(self) -> Result<T, HostError> {
        let ended = HostError::Ended { market: self.market };
        self.answer?.blocking_recv().unwrap_or(Err(ended))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, HostError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let market = self.market;
        match &mut self.answer {
            Ok(receiver) => Pin::new(receiver)
                .poll(cx)
                .map(|answer| answer.unwrap_or(Err(HostError::Ended { market }))),
            Err(error) => Poll::Ready(Err(error.clone())),
        }
    }
}
