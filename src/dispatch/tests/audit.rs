//! The obvious twin: reads the history alone and says whether it may be so.
//!
//! It knows the rules as a rider or a driver would put them, keeps a plain list of trips, and looks
//! through all of it after each event. It shares no table, index or check with the market.

use std::collections::{BTreeMap, BTreeSet};

use super::city::City;
use crate::dispatch::{Ending, Event, Fact, Journey, Market, MarketConfig, Seq, TripState};
use crate::ids::{DriverId, TripId};
use crate::limits;
use crate::model::{DriverStatus, Profile, VehicleTypes};
use crate::units::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fresh,
    Waiting,
    Asking { attempt: u32, driver: DriverId, deadline: Timestamp },
    Queued(DriverId),
    Coming(DriverId),
    AtPickup { driver: DriverId, no_show_from: Timestamp },
    Riding(DriverId),
    Over { completed_by: Option<DriverId> },
}

#[derive(Clone, Debug)]
struct Story {
    phase: Phase,
    events: u32,
    journey: Journey,
    agreed: bool,
    patience_until: Timestamp,
    accepted_at: Timestamp,
    asked: BTreeSet<DriverId>,
    attempts: u32,
    overdue_at: Timestamp,
}

/// The history so far, as somebody who was told of it would write it down.
#[derive(Clone, Debug)]
pub(super) struct Audit {
    config: MarketConfig,
    seq: Seq,
    at: Timestamp,
    trips: BTreeMap<TripId, Story>,
    open: BTreeSet<TripId>,
}

type Audited = Result<(), String>;

fn must(so: bool, what: &str) -> Audited {
    if so { Ok(()) } else { Err(what.to_owned()) }
}

impl Audit {
    pub(super) fn new(config: &MarketConfig) -> Self {
        Self {
            config: config.clone(),
            seq: Seq::ZERO,
            at: Timestamp::from_millis(i64::MIN),
            trips: BTreeMap::new(),
            open: BTreeSet::new(),
        }
    }

    pub(super) fn seq(&self) -> Seq {
        self.seq
    }

    /// Whether there was a trip, and it has ended.
    pub(super) fn is_over(&self, trip: TripId) -> bool {
        self.trips.get(&trip).is_some_and(|story| matches!(story.phase, Phase::Over { .. }))
    }

    /// The next event; the city is as it was when it was decided.
    pub(super) fn take(&mut self, event: &Event, city: &City) -> Audited {
        must(event.seq.0 == self.seq.0 + 1, "a gap in the market's history")?;
        must(event.at >= self.at, "time runs back")?;
        (self.seq, self.at) = (event.seq, event.at);
        if let Fact::TripRequested { request, agreed, patience_until } = &event.fact {
            must(event.ordinal == 1, "a first event that is not the first")?;
            let story = Story {
                phase: Phase::Fresh,
                events: 1,
                journey: request.journey,
                agreed: agreed.is_some(),
                patience_until: *patience_until,
                accepted_at: event.at,
                asked: BTreeSet::new(),
                attempts: 0,
                overdue_at: event.at,
            };
            self.open.insert(event.trip);
            return must(self.trips.insert(event.trip, story).is_none(), "a trip made twice");
        }
        let Some(mut story) = self.trips.get(&event.trip).cloned() else {
            return Err("an event of a trip that is not there".to_owned());
        };
        must(event.ordinal == story.events + 1, "a gap in the trip's history")?;
        story.events += 1;
        if let Fact::OfferMade { driver, after, .. } = &event.fact {
            self.may_be_asked(&story, driver, *after, city)?;
        }
        self.happen(&mut story, event)?;
        if matches!(story.phase, Phase::Over { .. }) {
            self.open.remove(&event.trip);
        }
        self.trips.insert(event.trip, story);
        self.nobody_is_twice()
    }

    /// Whether a driver may be asked: free or about to be, suitable, and not asked before.
    fn may_be_asked(
        &self,
        story: &Story,
        driver: &DriverId,
        after: Option<TripId>,
        city: &City,
    ) -> Audited {
        must(!story.asked.contains(driver), "somebody is asked again")?;
        let cab = city.cabs.get(driver).ok_or("somebody who is not there is asked")?;
        must(serves(&story.journey, &cab.profile), "somebody unsuitable is asked")?;
        let rides = self.open.iter().find(|trip| self.trips[trip].phase == Phase::Riding(*driver));
        must(rides.copied() == after, "the trip before is another one")
    }

    fn happen(&self, story: &mut Story, event: &Event) -> Audited {
        let at = event.at;
        let fits = match (&event.fact, story.phase) {
            (Fact::SearchContinued, Phase::Fresh) => {
                story.phase = Phase::Waiting;
                true
            }
            (Fact::OfferMade { attempt, driver, deadline, .. }, Phase::Fresh | Phase::Waiting) => {
                must(*attempt == story.attempts + 1, "attempts do not count up")?;
                must(*deadline == at.plus(self.config.offer_timeout), "another deadline")?;
                story.attempts += 1;
                story.asked.insert(*driver);
                let (attempt, driver, deadline) = (*attempt, *driver, *deadline);
                story.phase = Phase::Asking { attempt, driver, deadline };
                true
            }
            (Fact::TripUnfulfilled, Phase::Fresh | Phase::Waiting) => {
                let asked_all = story.asked.len() >= limits::MAX_OFFERS_PER_TRIP;
                must(asked_all || at >= story.patience_until, "given up too early")?;
                story.phase = Phase::Over { completed_by: None };
                true
            }
            (Fact::TripCancelled { ending }, _) => self.cancelled(story, at, ending)?,
            (
                Fact::OfferDeclined { attempt, driver, .. },
                Phase::Asking { attempt: a, driver: d, .. },
            ) => {
                story.phase = Phase::Waiting;
                (*attempt, *driver) == (a, d)
            }
            (
                Fact::OfferExpired { attempt, driver },
                Phase::Asking { attempt: a, driver: d, deadline },
            ) => {
                must(at >= deadline, "an offer expires early")?;
                story.phase = Phase::Waiting;
                (*attempt, *driver) == (a, d)
            }
            (
                Fact::OfferAccepted { attempt, driver, overdue_at },
                Phase::Asking { attempt: a, driver: d, deadline },
            ) => {
                must(at < deadline, "an offer is accepted late")?;
                story.phase = Phase::Queued(d);
                (story.accepted_at, story.overdue_at) = (at, *overdue_at);
                (*attempt, *driver) == (a, d)
            }
            _ => return self.drive(story, event),
        };
        must(fits, "it is another offer")
    }

    fn drive(&self, story: &mut Story, event: &Event) -> Audited {
        let at = event.at;
        let named = event.fact.driver();
        let fits = match (&event.fact, story.phase) {
            (Fact::PickupStarted { overdue_at, .. }, Phase::Queued(d)) => {
                story.phase = Phase::Coming(d);
                story.overdue_at = *overdue_at;
                named == Some(d)
            }
            (Fact::DriverArrived { no_show_from, overdue_at, .. }, Phase::Coming(d)) => {
                let from = at.plus(self.config.no_show_after);
                must(*no_show_from == from, "another no-show time")?;
                story.phase = Phase::AtPickup { driver: d, no_show_from: *no_show_from };
                story.overdue_at = *overdue_at;
                named == Some(d)
            }
            (Fact::TripStarted { overdue_at, .. }, Phase::AtPickup { driver: d, .. }) => {
                story.phase = Phase::Riding(d);
                story.overdue_at = *overdue_at;
                named == Some(d)
            }
            (Fact::TripCompleted { .. }, Phase::Riding(d)) => {
                story.phase = Phase::Over { completed_by: Some(d) };
                named == Some(d)
            }
            (
                Fact::DriverCancelled { patience_until, .. },
                Phase::Queued(d) | Phase::Coming(d) | Phase::AtPickup { driver: d, .. },
            ) => {
                story.phase = Phase::Waiting;
                must(*patience_until >= story.patience_until, "patience is cut short")?;
                story.patience_until = *patience_until;
                named == Some(d)
            }
            (
                Fact::AssignmentRevoked { patience_until, .. },
                Phase::Queued(d) | Phase::Coming(d),
            ) => {
                let ahead = matches!(story.phase, Phase::Queued(_));
                must(ahead || at >= story.overdue_at, "taken away too early")?;
                story.phase = Phase::Waiting;
                story.patience_until = *patience_until;
                named == Some(d)
            }
            (Fact::TripAbandoned, Phase::AtPickup { .. } | Phase::Riding(_)) => {
                must(at >= story.overdue_at, "abandoned too early")?;
                story.phase = Phase::Over { completed_by: None };
                true
            }
            (Fact::TripRated { .. }, Phase::Over { completed_by: Some(_) }) => true,
            (
                Fact::DriverSignedOff { .. } | Fact::DriverSignedOn { .. },
                Phase::Coming(d) | Phase::AtPickup { driver: d, .. } | Phase::Riding(d),
            ) => named == Some(d),
            _ => return Err(format!("{} while {:?}", event.fact.kind(), story.phase)),
        };
        must(fits, "it is another driver")
    }

    fn cancelled(&self, story: &mut Story, at: Timestamp, ending: &Ending) -> Result<bool, String> {
        let phase = std::mem::replace(&mut story.phase, Phase::Over { completed_by: None });
        let tariff = &self.config.tariff;
        match (ending, phase) {
            (_, Phase::Riding(_) | Phase::Over { .. }) => Err("cancelled too late".to_owned()),
            (Ending::CancelledByRider { fee, .. }, phase) => {
                let has_driver =
                    matches!(phase, Phase::Queued(_) | Phase::Coming(_) | Phase::AtPickup { .. });
                let free = !has_driver || at < story.accepted_at.plus(self.config.free_cancel);
                let due = if free { 0 } else { tariff.cancellation };
                must(fee.minor == due, "another fee").map(|()| true)
            }
            (Ending::NoShow { fee }, Phase::AtPickup { no_show_from, .. }) => {
                must(at >= no_show_from, "left too early")?;
                must(fee.minor == tariff.no_show, "another fee").map(|()| true)
            }
            _ => Err("cancelled in a way that cannot be".to_owned()),
        }
    }

    fn nobody_is_twice(&self) -> Audited {
        let (mut busy, mut queued, mut asked) =
            <(BTreeSet<_>, BTreeSet<_>, BTreeSet<_>)>::default();
        for trip in &self.open {
            let alone = match self.trips[trip].phase {
                Phase::Coming(driver) | Phase::AtPickup { driver, .. } | Phase::Riding(driver) => {
                    busy.insert(driver)
                }
                Phase::Queued(driver) => queued.insert(driver),
                Phase::Asking { driver, .. } => asked.insert(driver),
                _ => true,
            };
            must(alone, "a driver has two trips")?;
        }
        must(queued.is_disjoint(&asked), "a driver with a trip ahead is asked for another")
    }

    /// Whether the market sees it the same way.
    pub(super) fn compare(&self, market: &Market) -> Audited {
        must(market.counts().open == self.open.len(), "another number of open trips")?;
        for id in &self.open {
            let story = &self.trips[id];
            let trip = market.trip(*id).ok_or("an open trip is missing")?;
            let (state, driver) = match story.phase {
                Phase::Fresh => (TripState::Requested, None),
                Phase::Waiting => (TripState::Searching, None),
                Phase::Asking { .. } => (TripState::Offered, None),
                Phase::Queued(driver) => (TripState::Assigned, Some(driver)),
                Phase::Coming(driver) => (TripState::EnRoute, Some(driver)),
                Phase::AtPickup { driver, .. } => (TripState::Arrived, Some(driver)),
                Phase::Riding(driver) => (TripState::InProgress, Some(driver)),
                Phase::Over { .. } => return Err("an ended trip is open".to_owned()),
            };
            must(trip.state == state, "another state")?;
            must(trip.driver().copied() == driver, "another driver")?;
            must(trip.agreed.is_some() == story.agreed, "another fare")?;
            must(trip.patience_until == story.patience_until, "another patience")?;
            self.compare_driver(market, story)?;
        }
        Ok(())
    }

    fn compare_driver(&self, market: &Market, story: &Story) -> Audited {
        let (driver, doing) = match story.phase {
            Phase::Coming(driver) => (driver, DriverStatus::EnRoute),
            Phase::AtPickup { driver, .. } => (driver, DriverStatus::Waiting),
            Phase::Riding(driver) => (driver, DriverStatus::OnTrip),
            Phase::Asking { driver, .. } => {
                let rides = |trip: &TripId| self.trips[trip].phase == Phase::Riding(driver);
                let on_trip = self.open.iter().any(rides);
                let doing = if on_trip { DriverStatus::OnTrip } else { DriverStatus::OfferPending };
                (driver, doing)
            }
            _ => return Ok(()),
        };
        must(market.driver_status(&driver) == Some(doing), "a driver is said to do something else")
    }
}

fn serves(journey: &Journey, profile: &Profile) -> bool {
    let needs = journey.needs;
    let types = needs.vehicle_types;
    let right_type =
        types == VehicleTypes::NONE || types.bits() & profile.vehicle_types.bits() != 0;
    let all = needs.attributes.bits();
    right_type
        && profile.capacity.get() >= journey.passengers.get()
        && profile.rating >= needs.min_rating
        && profile.attributes.bits() & all == all
}
