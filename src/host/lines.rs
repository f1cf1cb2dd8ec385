//! Who is told of which driver: the newest of those who wished to be.
//!
//! Newest is who wished it last, not of whom the market heard last: a line that lagged, or found no room
//! in the market's queue, is asked for again with the [`Claim`] that it had, and takes nothing from
//! anybody who came meanwhile.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::attend::{AppEnd, Attendance, Claim, News};
use super::fleet::{Attend, Attended, FleetEnd, FleetId, FleetLine, Told};
use crate::dispatch::Market;
use crate::ids::DriverId;
use crate::limits;

/// Where a driver is told.
#[derive(Debug)]
enum Line {
    /// By the driver's own app.
    App(AppEnd),
    /// By a gateway.
    Fleet(FleetId),
}

/// A line, and since when it was wished.
#[derive(Debug)]
struct Listener {
    line: Line,
    claim: Claim,
}

/// All lines of a market.
#[derive(Debug, Default)]
pub(super) struct Lines {
    drivers: BTreeMap<DriverId, Listener>,
    fleets: BTreeMap<FleetId, FleetEnd>,
    last_fleet: u64,
    /// What was opened since those that are gone were looked for.
    opened: usize,
    /// What was there then.
    kept: usize,
}

impl Lines {
    /// Opens a driver's line, and ends the one before; if that was wished later, it stays, and the new
    /// one is ended at once.
    pub(super) fn open(&mut self, driver: DriverId, claim: Claim, market: &Market) -> Attendance {
        self.make_room(1);
        let (end, attendance) = AppEnd::open(market.trips_of(&driver).cloned().collect());
        if self.has_newer(&driver, claim) {
            end.supersede();
        } else {
            self.put(driver, Listener { line: Line::App(end), claim });
        }
        attendance
    }

    /// Opens a gateway's line, with nobody on it.
    pub(super) fn open_fleet(&mut self) -> FleetLine {
        self.make_room(1);
        self.last_fleet += 1;
        let id = FleetId(self.last_fleet);
        let (end, line) = FleetEnd::open(id);
        self.fleets.insert(id, end);
        line
    }

    /// Puts drivers on a gateway's line; each is ended where it was before, unless that was wished
    /// later.
    pub(super) fn attend(&mut self, attend: Attend, market: &Market) {
        let Attend { fleet, drivers, claim: wished, former, due } = attend;
        self.make_room(drivers.len());
        let mut all = Vec::with_capacity(drivers.len());
        for (i, driver) in drivers.into_iter().enumerate() {
            let claim = former.get(i).copied().unwrap_or(wished);
            // Gone: nobody reads what it would be told.
            let Some(end) = self.fleets.get(&fleet) else { return };
            match self.claim_here(&driver, fleet) {
                // Has been here all the time, with the newer of both claims.
                Some(here) => {
                    let claim = here.max(claim);
                    self.put(driver, Listener { line: Line::Fleet(fleet), claim });
                }
                None if self.has_newer(&driver, claim) => {
                    end.supersede(driver);
                    continue;
                }
                None if end.drivers >= limits::MAX_FLEET_DRIVERS => {
                    all.push(Attended { driver, trips: None });
                    continue;
                }
                None => self.put(driver, Listener { line: Line::Fleet(fleet), claim }),
            }
            let trips = Some(market.trips_of(&driver).cloned().collect());
            all.push(Attended { driver, trips });
        }
        let Some(end) = self.fleets.get(&fleet).filter(|_| !all.is_empty()) else { return };
        // Whoever was refused is not here, and asks again as of then.
        let claim = |driver: &DriverId| self.claim_here(driver, fleet).unwrap_or(wished);
        for driver in end.attended(all, due, claim) {
            self.leave(&driver, fleet);
        }
    }

    /// With which claim a driver is on a gateway's line, if on it.
    fn claim_here(&self, driver: &DriverId, fleet: FleetId) -> Option<Claim> {
        let listener = self.drivers.get(driver)?;
        matches!(listener.line, Line::Fleet(id) if id == fleet).then_some(listener.claim)
    }

    /// Whether somebody is told of a driver who wished so later than this.
    fn has_newer(&self, driver: &DriverId, claim: Claim) -> bool {
        let newer = self.drivers.get(driver).filter(|listener| listener.claim > claim);
        newer.is_some_and(|listener| match &listener.line {
            Line::App(line) => !line.is_closed(),
            Line::Fleet(fleet) => self.fleets.get(fleet).is_some_and(|end| !end.is_closed()),
        })
    }

    /// Puts a driver on a line and tells the former one, if it is another.
    fn put(&mut self, driver: DriverId, listener: Listener) {
        let to = match listener.line {
            Line::App(_) => None,
            Line::Fleet(fleet) => Some(fleet),
        };
        if let Some(end) = to.and_then(|fleet| self.fleets.get_mut(&fleet)) {
            end.drivers += 1;
        }
        match self.drivers.insert(driver, listener).map(|former| former.line) {
            None => {}
            Some(Line::App(former)) => former.supersede(),
            Some(Line::Fleet(former)) => {
                if let Some(end) = self.fleets.get_mut(&former) {
                    end.drivers -= 1;
                    if to != Some(former) {
                        end.supersede(driver);
                    }
                }
            }
        }
    }

    /// Takes a driver off a gateway's line, if it is there.
    fn leave(&mut self, driver: &DriverId, fleet: FleetId) {
        if let Entry::Occupied(listener) = self.drivers.entry(*driver)
            && matches!(listener.get().line, Line::Fleet(id) if id == fleet)
        {
            listener.remove();
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
        let Some(Listener { line, claim }) = self.drivers.get(driver) else { return };
        match line {
            Line::App(line) => {
                if !line.tell(news) {
                    self.drivers.remove(driver);
                }
            }
            &Line::Fleet(fleet) => {
                let told = self.fleets.get(&fleet).map(|end| end.tell(*driver, *claim, news));
                if told != Some(Told::Yes) {
                    self.leave(driver, fleet);
                }
            }
        }
    }

    /// Ends all of them as those of a market that goes on no more, and tells apps so.
    pub(super) fn end_for_good(&mut self, why: &str) {
        for listener in std::mem::take(&mut self.drivers).into_values() {
            if let Line::App(line) = listener.line {
                line.go_down();
            }
        }
        self.end(why);
    }

    /// Ends all of them, and tells gateways why. Names of gateways' lines are not given again.
    pub(super) fn end(&mut self, why: &str) {
        self.drivers.clear();
        for end in std::mem::take(&mut self.fleets).into_values() {
            end.end(why);
        }
    }

    /// Forgets those whose other end is gone.
    pub(super) fn tidy(&mut self) {
        self.fleets.retain(|_, end| !end.is_closed());
        let fleets = &self.fleets;
        self.drivers.retain(|_, listener| match &listener.line {
            Line::App(line) => !line.is_closed(),
            Line::Fleet(fleet) => fleets.contains_key(fleet),
        });
        (self.opened, self.kept) = (0, self.len());
    }

    /// Tidies before so many more are opened, if that may have become worth it: so that those that are
    /// gone are never many more than those that are not, and each costs the same to find.
    fn make_room(&mut self, more: usize) {
        if self.opened > self.kept + limits::MAX_UNTIDIED_LINES {
            self.tidy();
        }
        self.opened = self.opened.saturating_add(more);
    }

    /// Drivers and gateways' lines.
    pub(super) fn len(&self) -> usize {
        self.drivers.len() + self.fleets.len()
    }
}
