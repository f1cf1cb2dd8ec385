//! Drivers who are told what concerns them, by their own app or by a gateway: the newest has it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::mpsc;

use super::fleet::{Attended, FleetEnd, FleetId, FleetLine, Told};
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
            _ => LineEnd::Ended,
        }
    }
}

/// The other end of an app's line.
#[derive(Debug)]
struct AppEnd {
    sender: mpsc::Sender<Box<News>>,
    end: Arc<AtomicU8>,
}

/// Where a driver is told.
#[derive(Debug)]
enum Line {
    /// By the driver's own app.
    App(AppEnd),
    /// By a gateway.
    Fleet(FleetId),
}

/// All lines of a market.
#[derive(Debug, Default)]
pub(super) struct Lines {
    drivers: BTreeMap<DriverId, Line>,
    fleets: BTreeMap<FleetId, FleetEnd>,
    last_fleet: u64,
}

impl Lines {
    /// Opens a driver's line, and ends the one before.
    pub(super) fn open(&mut self, driver: DriverId, market: &Market) -> Attendance {
        let (sender, news) = mpsc::channel(limits::MAX_WAITING_NEWS);
        let end = Arc::new(AtomicU8::new(0));
        self.put(driver, Line::App(AppEnd { sender, end: Arc::clone(&end) }));
        let trips = market.trips_of(&driver).cloned().collect();
        Attendance { trips, news, end }
    }

    /// Opens a gateway's line, with nobody on it.
    pub(super) fn open_fleet(&mut self) -> FleetLine {
        self.last_fleet += 1;
        let id = FleetId(self.last_fleet);
        let (end, line) = FleetEnd::open(id);
        self.fleets.insert(id, end);
        line
    }

    /// Puts drivers on a gateway's line; each is ended where it was before.
    pub(super) fn attend(&mut self, fleet: FleetId, drivers: Vec<DriverId>, market: &Market) {
        let mut all = Vec::with_capacity(drivers.len());
        for driver in drivers {
            // Gone: nobody reads what it would be told.
            let Some(end) = self.fleets.get_mut(&fleet) else { return };
            let here = matches!(self.drivers.get(&driver), Some(Line::Fleet(id)) if *id == fleet);
            if !here && end.drivers >= limits::MAX_FLEET_DRIVERS {
                all.push(Attended { driver, trips: None });
                continue;
            }
            if !here {
                end.drivers += 1;
                self.put(driver, Line::Fleet(fleet));
            }
            let trips = Some(market.trips_of(&driver).cloned().collect());
            all.push(Attended { driver, trips });
        }
        let untold = self.fleets.get(&fleet).map(|end| end.attended(all));
        for driver in untold.into_iter().flatten() {
            self.leave(&driver, fleet);
        }
    }

    /// Puts a driver on a line and tells the former one.
    fn put(&mut self, driver: DriverId, line: Line) {
        match self.drivers.insert(driver, line) {
            None => {}
            Some(Line::App(former)) => former.end.store(SUPERSEDED, Ordering::Release),
            Some(Line::Fleet(former)) => {
                if let Some(end) = self.fleets.get_mut(&former) {
                    end.drivers -= 1;
                    end.supersede(driver);
                }
            }
        }
    }

    /// Takes a driver off a gateway's line, if it is there.
    fn leave(&mut self, driver: &DriverId, fleet: FleetId) {
        if let Entry::Occupied(line) = self.drivers.entry(*driver)
            && matches!(line.get(), Line::Fleet(id) if *id == fleet)
        {
            line.remove();
            if let Some(end) = self.fleets.get_mut(&fleet) {
                end.drivers -= 1;
            }
        }
    }

    /// Whether somebody listens for this driver.
    pub(super) fn has(&self, driver: &DriverId) -> bool {
        self.drivers.contains_key(driver)
    }

    /// Tells a driver.
    pub(super) fn tell(&mut self, driver: &DriverId, news: Box<News>) {
        match self.drivers.get(driver) {
            None => {}
            Some(Line::App(line)) => {
                let Err(error) = line.sender.try_send(news) else { return };
                if matches!(error, mpsc::error::TrySendError::Full(_)) {
                    line.end.store(LAGGED, Ordering::Release);
                }
                self.drivers.remove(driver);
            }
            Some(&Line::Fleet(fleet)) => {
                let told = self.fleets.get(&fleet).map(|end| end.tell(*driver, news));
                if told != Some(Told::Yes) {
                    self.leave(driver, fleet);
                }
            }
        }
    }

    /// Ends all of them. Names of gateways' lines are not given again.
    pub(super) fn end(&mut self) {
        self.drivers.clear();
        self.fleets.clear();
    }

    /// Forgets those whose other end is gone.
    pub(super) fn tidy(&mut self) {
        self.fleets.retain(|_, end| !end.is_closed());
        let fleets = &self.fleets;
        self.drivers.retain(|_, line| match line {
            Line::App(line) => !line.sender.is_closed(),
            Line::Fleet(fleet) => fleets.contains_key(fleet),
        });
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
