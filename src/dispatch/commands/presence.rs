//! Drivers who come to work and who leave.

use crate::dispatch::event::{Event, Fact};
use crate::dispatch::market::Market;
use crate::dispatch::refusal::Refusal;
use crate::dispatch::reply::{OfflineFrom, Reply, Standing};
use crate::dispatch::trip::{Afterwards, Declined, DriverReason};
use crate::ids::{DriverId, TripId};
use crate::limits;
use crate::model::DriverStatus;
use crate::units::Timestamp;

impl Market {
    pub(super) fn go_online(
        &mut self,
        now: Timestamp,
        driver: DriverId,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        if self.book.is_free(&driver) {
            let standing = if self.memory.is_idle(&driver) {
                Standing::AlreadyDone
            } else {
                self.memory.idles(now, &driver);
                Standing::Done
            };
            self.changes.insert(driver, DriverStatus::Available);
            return Ok(Reply::Noted(standing));
        }
        match self.current(&driver) {
            Some((trip, Afterwards::GoesOffline)) => {
                self.may_change_mind(trip)?;
                self.emit(now, trip, Fact::DriverSignedOn { driver }, events);
                Ok(Reply::Noted(Standing::Done))
            }
            _ => Ok(Reply::Noted(Standing::AlreadyDone)),
        }
    }

    pub(super) fn go_offline(
        &mut self,
        now: Timestamp,
        driver: DriverId,
        events: &mut Vec<Event>,
    ) -> Result<Reply, Refusal> {
        if let Some((trip, Afterwards::Stays)) = self.current(&driver) {
            self.may_change_mind(trip)?;
        }
        let bonds = self.book.bonds_of(&driver);
        self.offer_leaves(now, driver, events);
        let queued = bonds.queued.and_then(|number| self.book.open.get(&number));
        if let Some((trip, patience)) = queued.map(|trip| (trip.id, trip.patience_until)) {
            let patience_until = patience.max(now.plus(self.config.patience));
            let reason = DriverReason::WentOffline;
            let fact = Fact::DriverCancelled { driver, reason, patience_until };
            self.give_back(now, trip, fact, events);
        }
        if let Some((trip, afterwards)) = self.current(&driver) {
            if afterwards == Afterwards::Stays {
                self.emit(now, trip, Fact::DriverSignedOff { driver }, events);
            }
            return Ok(Reply::GoesOffline(OfflineFrom::After(trip)));
        }
        self.change(now, driver, DriverStatus::Offline);
        Ok(Reply::GoesOffline(OfflineFrom::Now))
    }

    /// Gives back the offer of a driver who is offline from now on, if one is pending.
    pub(super) fn offer_leaves(
        &mut self,
        now: Timestamp,
        driver: DriverId,
        events: &mut Vec<Event>,
    ) {
        let offered = self.book.bonds_of(&driver).offered;
        let offered = offered.and_then(|number| self.book.open.get(&number));
        if let Some((trip, offer)) = offered.and_then(|trip| Some((trip.id, trip.offer?))) {
            let (attempt, how) = (offer.attempt, Declined::ByGoingOffline);
            let fact = Fact::OfferDeclined { attempt, driver, how };
            self.give_back(now, trip, fact, events);
        }
    }

    /// Whether the driver of a trip may sign off or on once more: each time is an event, and a trip has
    /// so many at most.
    fn may_change_mind(&self, trip: TripId) -> Result<(), Refusal> {
        let limit = limits::MAX_EVENTS_TO_SIGN;
        match self.trip(trip) {
            Some(found) if found.ordinal >= limit => Err(Refusal::TooManyChanges { trip, limit }),
            _ => Ok(()),
        }
    }

    /// The trip that a driver is on, and what the driver does afterwards.
    fn current(&self, driver: &DriverId) -> Option<(TripId, Afterwards)> {
        let trip = self.book.open.get(&self.book.bonds_of(driver).current?)?;
        Some((trip.id, trip.assignment?.afterwards))
    }
}
