//! One line for many drivers: what a gateway is told of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::attend::News;
use crate::dispatch::Trip;
use crate::ids::DriverId;
use crate::limits;

/// Names a gateway's line in its market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FleetId(pub(super) u64);

/// Something durable that a gateway is told.
#[derive(Clone, Debug, PartialEq)]
pub enum FleetNews {
    /// How things stand with drivers who are told here from now on.
    Attended(Vec<Attended>),
    /// Something that concerns a driver.
    Happened(DriverId, Box<News>),
    /// A driver is told elsewhere from now on.
    Superseded(DriverId),
}

/// How things stand with a driver.
#[derive(Clone, Debug, PartialEq)]
pub struct Attended {
    /// Who.
    pub driver: DriverId,
    /// The trips that bind the driver; none if there are as many drivers on the line as may be, so
    /// that this one is not told here.
    pub trips: Option<Vec<Trip>>,
}

/// What did not fit into the line.
#[derive(Debug, Default)]
struct Overflow {
    /// Drivers to be attended anew.
    lagged: BTreeSet<DriverId>,
    /// Drivers who are told elsewhere. Each has been attended, so they are no more than that.
    superseded: VecDeque<DriverId>,
}

/// A gateway's line to the market.
///
/// # Guarantees
/// For each driver who is attended: the trips are those that bind the driver at one durable moment,
/// and the news is all that concerns the driver after it, in order, without a gap, until the driver
/// is superseded or [`Missed::Lagged`].
#[derive(Debug)]
pub struct FleetLine {
    /// Its name, for [`super::MarketHandle::attend_fleet`].
    pub id: FleetId,
    /// What has happened; ends when the market does, or has forgotten what it did not make durable.
    pub news: mpsc::Receiver<FleetNews>,
    overflow: Arc<Mutex<Overflow>>,
}

/// What a gateway has missed since it reads too slowly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// That this driver is told elsewhere.
    Superseded(DriverId),
    /// What concerns these drivers: they have to be attended anew.
    Lagged(Vec<DriverId>),
}

impl FleetLine {
    /// What was missed, to be asked when there is no news.
    pub fn missed(&self) -> Option<Missed> {
        let mut overflow = self.overflow.lock();
        if let Some(driver) = overflow.superseded.pop_front() {
            return Some(Missed::Superseded(driver));
        }
        let mut lagged = Vec::new();
        while lagged.len() < limits::MAX_ATTENDED_PER_MESSAGE
            && let Some(driver) = overflow.lagged.pop_first()
        {
            lagged.push(driver);
        }
        (!lagged.is_empty()).then_some(Missed::Lagged(lagged))
    }

    /// Puts drivers back who could not be attended anew just now.
    pub fn put_back(&self, lagged: Vec<DriverId>) {
        self.overflow.lock().lagged.extend(lagged);
    }
}

/// The other end of a gateway's line.
#[derive(Debug)]
pub(super) struct FleetEnd {
    sender: mpsc::Sender<FleetNews>,
    overflow: Arc<Mutex<Overflow>>,
    /// Drivers on the line.
    pub(super) drivers: usize,
}

/// Whether a driver's news goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Yes,
    /// There was no room: no more until attended anew.
    Lagged,
}

impl FleetEnd {
    pub(super) fn open(id: FleetId) -> (Self, FleetLine) {
        let (sender, news) = mpsc::channel(limits::MAX_WAITING_FLEET_NEWS);
        let overflow = Arc::<Mutex<Overflow>>::default();
        let line = FleetLine { id, news, overflow: Arc::clone(&overflow) };
        (Self { sender, overflow, drivers: 0 }, line)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Tells of a driver.
    pub(super) fn tell(&self, driver: DriverId, news: Box<News>) -> Told {
        // Held while sending: whoever finds the line empty and then looks here misses nothing.
        let mut overflow = self.overflow.lock();
        if self.sender.try_send(FleetNews::Happened(driver, news)).is_ok() {
            return Told::Yes;
        }
        overflow.lagged.insert(driver);
        Told::Lagged
    }

    /// Tells how things stand; of the drivers who could not be told.
    pub(super) fn attended(&self, all: Vec<Attended>) -> Vec<DriverId> {
        let mut overflow = self.overflow.lock();
        let Err(error) = self.sender.try_send(FleetNews::Attended(all)) else { return Vec::new() };
        let (mpsc::error::TrySendError::Full(unsent) | mpsc::error::TrySendError::Closed(unsent)) =
            error;
        let FleetNews::Attended(all) = unsent else { return Vec::new() };
        let lagged: Vec<DriverId> = all.iter().map(|attended| attended.driver).collect();
        overflow.lagged.extend(lagged.iter().copied());
        lagged
    }

    /// Tells that a driver is told elsewhere.
    pub(super) fn supersede(&self, driver: DriverId) {
        let mut overflow = self.overflow.lock();
        if self.sender.try_send(FleetNews::Superseded(driver)).is_err() {
            overflow.superseded.push_back(driver);
        }
    }
}
