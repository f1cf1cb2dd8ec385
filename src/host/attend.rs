//! Drivers who are told what concerns them: one line a driver, the newest connection has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::mpsc;

use crate::dispatch::{Event, Fact, Market, Outcome, Trip, TripRequest};
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

/// Why no more news comes on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// The driver has attended anew, elsewhere.
    Superseded,
    /// [`limits::MAX_WAITING_NEWS`] waited to be read: attend anew, which tells how things stand.
    Lagged,
    /// The market has ended.
    Ended,
}

const SUPERSEDED: u8 = 1;
const LAGGED: u8 = 2;

/// A driver's line to the market.
///
/// # Guarantees
/// The trips are those that bind the driver at one durable moment, and the news is all that
/// concerns the driver after it, in order, without a gap, until the line ends.
#[derive(Debug)]
pub struct Attendance {
    /// The trips that bind the driver: under way, queued behind it, offered.
    pub trips: Vec<Trip>,
    /// What has happened since.
    pub news: mpsc::Receiver<News>,
    end: Arc<AtomicU8>,
}

impl Attendance {
    /// Why the line has ended, once `news` has.
    pub fn end(&self) -> LineEnd {
        match self.end.load(Ordering::Acquire) {
            SUPERSEDED => LineEnd::Superseded,
            LAGGED => LineEnd::Lagged,
            _ => LineEnd::Ended,
        }
    }
}

/// The other end of a line.
#[derive(Debug)]
struct Line {
    sender: mpsc::Sender<News>,
    end: Arc<AtomicU8>,
}

/// All lines of a market.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: BTreeMap<DriverId, Line>,
}

impl Lines {
    /// Opens a driver's line, and ends the one before.
    pub(super) fn open(&mut self, driver: DriverId, market: &Market) -> Attendance {
        let (sender, news) = mpsc::channel(limits::MAX_WAITING_NEWS);
        let end = Arc::new(AtomicU8::new(0));
        let line = Line { sender, end: Arc::clone(&end) };
        if let Some(former) = self.lines.insert(driver, line) {
            former.end.store(SUPERSEDED, Ordering::Release);
        }
        let trips = market.trips_of(&driver).cloned().collect();
        Attendance { trips, news, end }
    }

    /// Whether somebody listens for this driver.
    pub(super) fn has(&self, driver: &DriverId) -> bool {
        self.lines.contains_key(driver)
    }

    /// Tells a driver.
    pub(super) fn tell(&mut self, driver: &DriverId, news: News) {
        let Some(line) = self.lines.get(driver) else { return };
        if let Err(error) = line.sender.try_send(news) {
            if matches!(error, mpsc::error::TrySendError::Full(_)) {
                line.end.store(LAGGED, Ordering::Release);
            }
            self.lines.remove(driver);
        }
    }

    /// Forgets those whose other end is gone.
    pub(super) fn tidy(&mut self) {
        self.lines.retain(|_, line| !line.sender.is_closed());
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
