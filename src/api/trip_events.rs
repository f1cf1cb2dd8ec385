//! What happens to one trip, each event once and in order.
//!
//! All of it is read from the journal: history first, then again whenever more has become durable.
//! So nothing waits for a slow reader, and nothing can overflow.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio_stream::Stream;
use tonic::Status;

use super::convert::{self, FieldError};
use super::life::StreamLife;
use super::proto::WatchTripResponse;
use super::status::Failure;
use crate::dispatch::{Event, Fact, Refusal, Trip};
use crate::host::{HostError, MarketHandle, Reading, TripWatch};
use crate::ids::TripId;
use crate::journal::Page;

/// The watch, when the trip has gone on; and whether the market is still there.
type Change = Pin<Box<dyn Future<Output = (TripWatch, bool)> + Send>>;

/// The responses of one `WatchTrip`.
pub struct TripEvents {
    market: MarketHandle,
    life: StreamLife,
    trip: TripId,
    /// The last event that was read.
    last: u32,
    read: VecDeque<Event>,
    /// What is being read, on a thread that may wait for the disk.
    reading: Option<Reading<Result<Option<Page<Event>>, HostError>>>,
    /// Whether more lies in the journal than was read.
    more: bool,
    /// Whether the trip is over, so that there is nothing to wait for.
    over: bool,
    change: Change,
    ended: bool,
}

impl TripEvents {
    /// Watches a trip from after an event on.
    ///
    /// # Errors
    /// If the trip is not known, or has not come that far.
    pub(super) async fn open(
        market: MarketHandle,
        life: StreamLife,
        trip: TripId,
        after: u32,
    ) -> Result<Self, Failure> {
        // Before the journal is read: what comes after is noticed.
        let watch = market.watch(trip);
        let known = trip_of(&market, trip).await?;
        if after > known.ordinal {
            let allowed = format_args!("0..={}", known.ordinal);
            return Err(FieldError::range("after_ordinal", after, allowed).into());
        }
        // Events of a trip that is over are read as far as they were then.
        let over = known.end.is_some();
        let change = changed(watch);
        let more = true;
        let (read, reading) = (VecDeque::new(), None);
        Ok(Self {
            market,
            life,
            trip,
            last: after,
            read,
            reading,
            more,
            over,
            change,
            ended: false,
        })
    }

    /// Reads on in the journal.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let (trip, last) = (self.trip, self.last);
        let reading = self.reading.get_or_insert_with(|| {
            let market = self.market.clone();
            Reading::begin(move || market.events_after(trip, last))
        });
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let page = read.unwrap_or_else(|_| Err(ended(&self.market)));
        let unknown = HostError::Refused(Refusal::UnknownTrip { trip });
        Poll::Ready(match page.and_then(|page| page.ok_or(unknown)) {
            Ok(page) => {
                self.take(page);
                Ok(())
            }
            Err(error) => Err(error.into()),
        })
    }

    fn take(&mut self, page: Page<Event>) {
        self.more = page.more;
        self.last = page.rows.last().map_or(self.last, |event| event.ordinal);
        self.over |= page.rows.iter().any(|event| is_end(&event.fact));
        self.read.extend(page.rows);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<WatchTripResponse, Failure>>> {
        if let Some(failure) = self.life.poll_end(cx) {
            return Poll::Ready(Some(Err(failure)));
        }
        loop {
            if let Some(event) = self.read.pop_front() {
                let event = Some(convert::event_message(&event, None));
                return Poll::Ready(Some(Ok(WatchTripResponse { event })));
            }
            if self.more {
                match ready!(self.poll_read(cx)) {
                    Ok(()) => continue,
                    Err(failure) => return Poll::Ready(Some(Err(failure))),
                }
            }
            if self.over {
                return Poll::Ready(None);
            }
            let (watch, goes_on) = ready!(self.change.as_mut().poll(cx));
            if !goes_on {
                return Poll::Ready(Some(Err(self.market.why_over().into())));
            }
            self.change = changed(watch);
            self.more = true;
        }
    }
}

impl Stream for TripEvents {
    type Item = Result<WatchTripResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = ready!(self.poll(cx));
        self.ended = !matches!(polled, Some(Ok(_)));
        Poll::Ready(polled.map(|outcome| outcome.map_err(Status::from)))
    }
}

/// A trip as it durably is, read on a thread that may wait for the disk: the worker's serves positions
/// meanwhile.
///
/// # Errors
/// If the trip is not known or cannot be read.
pub(super) async fn trip_of(market: &MarketHandle, trip: TripId) -> Result<Trip, Failure> {
    let reader = market.clone();
    let read = Reading::begin(move || reader.trip(trip)).await;
    let found = read.unwrap_or_else(|_| Err(ended(market)))?;
    Ok(found.ok_or(HostError::Refused(Refusal::UnknownTrip { trip }))?)
}

/// The server ends, and with it whoever reads.
fn ended(market: &MarketHandle) -> HostError {
    HostError::Ended { market: market.market() }
}

fn changed(mut watch: TripWatch) -> Change {
    Box::pin(async move {
        let goes_on = watch.changed().await;
        (watch, goes_on)
    })
}

/// Whether a trip is over after this.
const fn is_end(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::TripCompleted { .. }
            | Fact::TripCancelled { .. }
            | Fact::TripUnfulfilled
            | Fact::TripAbandoned
    )
}
