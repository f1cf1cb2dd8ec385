//! One line for many drivers: what a gateway is told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::attend::{Claim, News};
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
    Attended(Vec<Attended>, Due),
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

/// Drivers who are being attended: counted by their line until this is dropped, which is when the
/// gateway has been told how things stand with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    _counted: Arc<()>,
}

/// Drivers who are to be put on a gateway's line.
#[derive(Debug)]
pub(super) struct Attend {
    pub(super) fleet: FleetId,
    pub(super) drivers: Vec<DriverId>,
    /// As of when.
    pub(super) claim: Claim,
    /// With which claims, if they are attended anew.
    pub(super) former: Vec<Claim>,
    pub(super) due: Due,
}

impl Attend {
    /// Drivers whom a gateway wishes to be told of.
    pub(super) fn new(line: &FleetLine, drivers: Vec<DriverId>, claim: Claim) -> Self {
        let due = Due { _counted: Arc::clone(&line.counter) };
        Self { fleet: line.id, drivers, claim, former: Vec::new(), due }
    }

    /// Drivers whom it is told of no more since it reads too slowly.
    pub(super) fn anew(line: &FleetLine, lagged: &[Lagged], claim: Claim) -> Self {
        let drivers = lagged.iter().map(|one| one.driver).collect();
        let former = lagged.iter().map(|one| one.claim).collect();
        Self { former, ..Self::new(line, drivers, claim) }
    }
}

/// A driver who has to be attended anew, as of when it was first wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged {
    /// Who.
    pub driver: DriverId,
    claim: Claim,
}

/// What did not fit into the line.
#[derive(Debug, Default)]
struct Overflow {
    /// Drivers to be attended anew.
    lagged: BTreeMap<DriverId, Claim>,
    /// Drivers who are told elsewhere. Each has been attended, so they are no more than that.
    superseded: BTreeSet<DriverId>,
    /// Why the market takes no commands, if that is why the line has ended.
    down: Option<String>,
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
    counter: Arc<()>,
}

/// What a gateway has missed since it reads too slowly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// That this driver is told elsewhere.
    Superseded(DriverId),
    /// What concerns these drivers: they have to be attended anew.
    Lagged(Vec<Lagged>),
}

impl FleetLine {
    /// What was missed, to be asked when there is no news.
    pub fn missed(&self) -> Option<Missed> {
        let mut overflow = self.overflow.lock();
        if let Some(driver) = overflow.superseded.pop_first() {
            return Some(Missed::Superseded(driver));
        }
        let mut lagged = Vec::new();
        while lagged.len() < limits::MAX_ATTENDED_PER_MESSAGE
            && let Some((driver, claim)) = overflow.lagged.pop_first()
        {
            lagged.push(Lagged { driver, claim });
        }
        (!lagged.is_empty()).then_some(Missed::Lagged(lagged))
    }

    /// Puts drivers back who could not be attended anew just now.
    pub fn put_back(&self, lagged: Vec<Lagged>) {
        let lagged = lagged.into_iter().map(|one| (one.driver, one.claim));
        self.overflow.lock().lagged.extend(lagged);
    }

    /// How many times drivers have been attended of whom the gateway is not told yet.
    pub fn due(&self) -> usize {
        Arc::strong_count(&self.counter) - 1
    }

    /// Why the market takes no commands, if that is why the news has ended.
    pub fn down(&self) -> Option<String> {
        self.overflow.lock().down.clone()
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
        let (shared, counter) = (Arc::clone(&overflow), Arc::default());
        let line = FleetLine { id, news, overflow: shared, counter };
        (Self { sender, overflow, drivers: 0 }, line)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Tells of a driver.
    pub(super) fn tell(&self, driver: DriverId, claim: Claim, news: Box<News>) -> Told {
        // Held while sending: whoever finds the line empty and then looks here misses nothing.
        let mut overflow = self.overflow.lock();
        if self.sender.try_send(FleetNews::Happened(driver, news)).is_ok() {
            return Told::Yes;
        }
        overflow.lagged.insert(driver, claim);
        Told::Lagged
    }

    /// Tells how things stand with drivers of these claims; which ones could not be told.
    pub(super) fn attended(
        &self,
        all: Vec<Attended>,
        due: Due,
        claim: impl Fn(&DriverId) -> Claim,
    ) -> Vec<DriverId> {
        let mut overflow = self.overflow.lock();
        // It is so no more, and told after this it would seem to be.
        overflow.forget(&all);
        let Err(error) = self.sender.try_send(FleetNews::Attended(all, due)) else {
            return Vec::new();
        };
        let (mpsc::error::TrySendError::Full(unsent) | mpsc::error::TrySendError::Closed(unsent)) =
            error;
        let FleetNews::Attended(all, _) = unsent else { return Vec::new() };
        let lagged = all.iter().map(|one| (one.driver, claim(&one.driver)));
        let lagged: Vec<(DriverId, Claim)> = lagged.collect();
        overflow.lagged.extend(lagged.iter().copied());
        lagged.into_iter().map(|(driver, _)| driver).collect()
    }

    /// Tells that a driver is told elsewhere.
    pub(super) fn supersede(&self, driver: DriverId) {
        let mut overflow = self.overflow.lock();
        if self.sender.try_send(FleetNews::Superseded(driver)).is_err() {
            overflow.superseded.insert(driver);
        }
    }

    /// Ends the line, and tells why.
    pub(super) fn end(self, why: &str) {
        self.overflow.lock().down = Some(why.to_owned());
    }
}

impl Overflow {
    /// Takes drivers out who are on the line again.
    fn forget(&mut self, attended: &[Attended]) {
        for Attended { driver, .. } in attended {
            self.superseded.remove(driver);
            self.lagged.remove(driver);
        }
    }
}
