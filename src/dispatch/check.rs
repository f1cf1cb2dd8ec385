//! The whole state of a market, checked against its invariants.
//!
//! Everything that the book keeps beside the trips is worked out again from the trips alone, the
//! slow and obvious way, and compared. Tests do it after every command; a restored market does it
//! once. The invariants are numbered in `book`.

use std::collections::{BTreeMap, BTreeSet};

use super::book::Bonds;
use super::market::Market;
use super::states::TripState;
use super::trip::{Afterwards, Trip};
use crate::ids::{DriverId, RequestKey, RiderId};
use crate::limits;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {tag} is broken: {what}")]
pub struct Violation {
    /// Its tag, as where it is declared.
    pub tag: &'static str,
    /// Where and how.
    pub what: String,
}

/// Fails with a violation unless the condition holds.
macro_rules! holds {
    ($condition:expr, $tag:literal, $($what:tt)+) => {
        if !$condition {
            return Err(Violation { tag: $tag, what: format!($($what)+) });
        }
    };
}

impl Market {
    /// Checks each invariant of the state.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    ///
    /// # Complexity
    /// O(n log n) for n trips, open and remembered.
    pub fn check(&self) -> Result<(), Violation> {
        self.check_trips()?;
        self.check_drivers()?;
        self.check_timers()?;
        self.check_riders()
    }

    /// D2 and D9: each trip in itself.
    fn check_trips(&self) -> Result<(), Violation> {
        let head = self.book.head;
        let all = self.book.open.iter().chain(&self.book.ended);
        let mut events = 0;
        for (number, trip) in all {
            let id = trip.id;
            holds!(*number == id.number(), "D9", "trip {id} is kept under {number}");
            holds!(id.market() == head.market, "D9", "trip {id} is not of {}", head.market);
            holds!((1..=head.trips).contains(number), "D9", "trip {id} is beyond {}", head.trips);
            let known = self.book.open.contains_key(number);
            holds!(
                known == trip.state.is_open(),
                "D4",
                "trip {id} is {} and misplaced",
                trip.state
            );
            let fault = trip.fault();
            holds!(fault.is_none(), "D2", "trip {id} is {}: {}", trip.state, fault.unwrap_or(""));
            let late = trip.since > head.at || trip.requested_at > trip.since;
            holds!(!late, "D9", "trip {id} is in a state since {}", trip.since);
            events += u64::from(trip.ordinal);
        }
        holds!(events <= head.seq.0, "D9", "trips had {events} events, the market {}", head.seq);
        let mut by_state = [0; TripState::ALL.len()];
        for trip in self.book.open.values() {
            by_state[trip.state as usize] += 1;
        }
        holds!(
            by_state == self.book.by_state,
            "D8",
            "{by_state:?} are not {:?}",
            self.book.by_state
        );
        Ok(())
    }

    /// D1 and D5: drivers and what binds them.
    fn check_drivers(&self) -> Result<(), Violation> {
        let mut bonds: BTreeMap<DriverId, Bonds> = BTreeMap::new();
        for (&number, trip) in &self.book.open {
            let id = trip.id;
            let mut bind = |driver: DriverId, pick: fn(&mut Bonds) -> &mut Option<u64>| {
                let bond = pick(bonds.entry(driver).or_default());
                holds!(bond.is_none(), "D1", "driver {driver} has trip {id} and {bond:?}");
                *bond = Some(number);
                Ok(())
            };
            if let Some(offer) = &trip.offer {
                bind(offer.driver, |bonds| &mut bonds.offered)?;
            }
            if let Some(driver) = trip.driver() {
                match trip.state {
                    TripState::Assigned => bind(*driver, |bonds| &mut bonds.queued)?,
                    _ => bind(*driver, |bonds| &mut bonds.current)?,
                }
            }
        }
        let mut ready = BTreeSet::new();
        for (driver, bonds) in &bonds {
            holds!(
                bonds.queued.is_none() || bonds.offered.is_none(),
                "D1",
                "driver {driver} has {bonds:?}"
            );
            match (bonds.current, bonds.queued.or(bonds.offered)) {
                (Some(current), Some(ahead)) => {
                    let state = self.book.open.get(&current).map(|trip| trip.state);
                    holds!(
                        state == Some(TripState::InProgress),
                        "D5",
                        "driver {driver} has trip number {ahead} ahead, but {current} is {state:?}"
                    );
                }
                (None, _) => ready.extend(bonds.queued),
                _ => {}
            }
        }
        holds!(ready == self.book.ready, "D5", "{ready:?} are ready, not {:?}", self.book.ready);
        let kept: BTreeMap<DriverId, Bonds> =
            self.book.bonds.iter().map(|(driver, bonds)| (*driver, *bonds)).collect();
        holds!(kept == bonds, "D1", "drivers are bound by {bonds:?}, not by {kept:?}");
        Ok(())
    }

    /// D3 and D4: what is due when, and who waits.
    fn check_timers(&self) -> Result<(), Violation> {
        let (mut timers, mut waiting, mut ending) =
            <(BTreeSet<_>, BTreeSet<_>, BTreeMap<_, _>)>::default();
        for (&number, trip) in &self.book.open {
            let deadline = trip.deadline();
            holds!(deadline.is_some(), "D3", "trip {} is {} without timer", trip.id, trip.state);
            timers.extend(deadline.map(|at| (at, number)));
            if trip.state.is_waiting() {
                waiting.insert((trip.requested_at, number));
            }
            if let (TripState::InProgress, Some(assignment)) = (trip.state, trip.assignment)
                && assignment.afterwards == Afterwards::Stays
            {
                ending.extend(trip.request.journey.dropoff.map(|dropoff| (number, dropoff)));
            }
        }
        holds!(timers == self.book.timers, "D3", "timers are {:?}", self.book.timers);
        holds!(waiting == self.book.waiting, "D4", "{:?} wait", self.book.waiting);
        holds!(ending == self.book.ending, "D4", "{:?} end somewhere", self.book.ending);
        let ended = self.book.ended.iter();
        let ended: BTreeSet<_> =
            ended.filter_map(|(&number, trip)| Some((trip.end?.at, number))).collect();
        holds!(ended == self.book.ended_order, "D4", "{:?} have ended", self.book.ended_order);
        let gathers = self.gathering_since.is_some();
        holds!(gathers || waiting.is_empty(), "D4", "requests wait for a batch that never comes");
        Ok(())
    }

    /// D6 and D7: keys and riders.
    fn check_riders(&self) -> Result<(), Violation> {
        let mut riders: BTreeMap<RiderId, BTreeSet<u64>> = BTreeMap::new();
        for (&number, trip) in &self.book.open {
            riders.entry(trip.request.rider).or_default().insert(number);
        }
        let kept = self.book.riders.iter();
        let kept: BTreeMap<RiderId, BTreeSet<u64>> =
            kept.map(|(rider, trips)| (*rider, trips.iter().copied().collect())).collect();
        holds!(kept == riders, "D7", "riders have {riders:?}, not {kept:?}");
        let mut keys: BTreeMap<(RiderId, RequestKey), u64> = BTreeMap::new();
        for trip in self.book.open.values().chain(self.book.ended.values()) {
            let latest = keys.entry((trip.request.rider, trip.request.key)).or_default();
            *latest = trip.id.number().max(*latest);
        }
        let kept = self.book.keys.iter().map(|(key, number)| (*key, *number)).collect();
        holds!(keys == kept, "D6", "keys lead to {kept:?}, not to {keys:?}");
        Ok(())
    }
}

impl Trip {
    /// What is wrong with a trip in itself; nothing as a rule.
    pub(super) fn fault(&self) -> Option<&'static str> {
        use TripState as S;
        let state = self.state;
        let assignment = self.assignment.as_ref();
        let has_driver = matches!(state, S::Assigned | S::EnRoute | S::Arrived | S::InProgress);
        let at_pickup = matches!(state, S::Arrived | S::InProgress | S::Completed);
        let has_started = matches!(state, S::InProgress | S::Completed);
        let arrived =
            assignment.is_some_and(|a| a.arrived_at.is_some() && a.no_show_from.is_some());
        let started = assignment.is_some_and(|a| a.started_at.is_some());
        let mut asked: Vec<&DriverId> = self.asked.iter().map(|asked| &asked.driver).collect();
        asked.extend(self.offer.as_ref().map(|offer| &offer.driver));
        asked.extend(assignment.map(|assignment| &assignment.driver));
        let offers = asked.len();
        asked.sort_unstable();
        asked.dedup();
        let faults = [
            ("it had no event", self.ordinal == 0),
            ("an end goes with a state that is over", self.end.is_some() == state.is_open()),
            (
                "an offer is pending exactly while it is offered",
                self.offer.is_some() != (state == S::Offered),
            ),
            ("it lacks its driver", has_driver && assignment.is_none()),
            ("nobody has it, but a driver", state.is_open() && !has_driver && assignment.is_some()),
            ("its driver has not arrived", at_pickup && !arrived),
            ("it was not started", has_started && !started),
            ("it was started too early", started && state.is_open() && !has_started),
            ("a driver was asked twice", asked.len() != offers),
            (
                "it has had more answers than offers",
                offers != usize::try_from(self.attempts).unwrap_or(0),
            ),
            ("too many were asked", offers > limits::MAX_OFFERS_PER_TRIP),
            (
                "only a completed trip is rated",
                state != S::Completed
                    && (self.rated_by_rider.is_some() || self.rated_by_driver.is_some()),
            ),
            ("a quote goes with a fare", self.agreed.is_some() != self.request.quote.is_some()),
            ("its end is not of its state", self.end.is_some_and(|end| end.state() != state)),
        ];
        faults.iter().find(|(_, is_so)| *is_so).map(|(what, _)| *what)
    }
}
