//! One line for one driver: what an app is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::mpsc;

use crate::dispatch::{Event, Fact, Outcome, Trip, TripRequest};
use crate::ids::DriverId;
use crate::limits;

/// Something durable that concerns a driver.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// What happened.
    pub event: Event,
    /// What the rider asked for.
    pub request: TripRequest,
}

/// When somebody wished to be told of a driver: of several, the newest is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim(pub(super) u64);

/// Why no more news comes on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// Somebody else is told of the driver, who wished so later.
    Superseded,
    /// [`limits::MAX_WAITING_NEWS`] waited to be read: attend anew with the same claim, which tells how
    /// things stand.
    Lagged,
    /// The market takes nothing until a restart.
    Down,
    /// The market has ended, or has forgotten what it did not make durable.
    Ended,
}

const SUPERSEDED: u8 = 1;
const LAGGED: u8 = 2;
const DOWN: u8 = 3;

/// A driver's line to the market.
///
/// # Guarantees
/// The trips are those that bind the driver at one durable moment, and the news is all that
/// concerns the driver after it, in order, without a gap, until the line ends.
#[derive(Debug)]
pub struct Attendance {
    /// The trips that bind the driver: under way, queued behind it, offered.
    pub trips: Vec<Trip>,
    /// What has happened since. In boxes: a line that is silent, as most are, has room for some
    /// thirty, and shall not occupy it.
    pub news: mpsc::Receiver<Box<News>>,
    end: Arc<AtomicU8>,
}

impl Attendance {
    /// Why the line has ended, once `news` has.
    pub fn end(&self) -> LineEnd {
        match self.end.load(Ordering::Acquire) {
            SUPERSEDED => LineEnd::Superseded,
            LAGGED => LineEnd::Lagged,
            DOWN => LineEnd::Down,
            _ => LineEnd::Ended,
        }
    }
}

/// The other end of an app's line.
#[derive(Debug)]
pub(super) struct AppEnd {
    sender: mpsc::Sender<Box<News>>,
    end: Arc<AtomicU8>,
}

impl AppEnd {
    /// A line to somebody who is shown these trips.
    pub(super) fn open(trips: Vec<Trip>) -> (Self, Attendance) {
        let (sender, news) = mpsc::channel(limits::MAX_WAITING_NEWS);
        let end = Arc::new(AtomicU8::new(0));
        (Self { sender, end: Arc::clone(&end) }, Attendance { trips, news, end })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Tells the driver; whether the line goes on.
    pub(super) fn tell(&self, news: Box<News>) -> bool {
        let Err(error) = self.sender.try_send(news) else { return true };
        if matches!(error, mpsc::error::TrySendError::Full(_)) {
            self.end.store(LAGGED, Ordering::Release);
        }
        false
    }

    /// Ends the line: the driver is told elsewhere.
    pub(super) fn supersede(self) {
        self.end.store(SUPERSEDED, Ordering::Release);
    }

    /// Ends the line: the market is down for good.
    pub(super) fn go_down(self) {
        self.end.store(DOWN, Ordering::Release);
    }
}

/// The driver whom an event concerns, given the trip after it.
pub(super) fn concerns(event: &Event, trip: &Trip) -> Option<DriverId> {
    if let Some(driver) = event.fact.driver() {
        return Some(driver);
    }
    match event.fact {
        Fact::TripCancelled { .. } | Fact::TripAbandoned | Fact::TripUnfulfilled => {
            let assigned = trip.assignment.as_ref().map(|assignment| assignment.driver);
            let withdrawn = trip.asked.last().filter(|asked| asked.outcome == Outcome::Withdrawn);
            assigned.or(withdrawn.map(|asked| asked.driver))
        }
        _ => None,
    }
}
