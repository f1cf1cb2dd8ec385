//! An independent reader of a day's events, who believes nothing.

use std::collections::BTreeMap;

use crate::dispatch::{Event, Fact};
use crate::geo::LatLng;
use crate::sim::day::{DayPlan, Rider, Span};
use crate::travel::TravelTime;
use crate::units::{Millis, Timestamp};

/// How often each thing was seen that is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) ended: u64,
    pub(super) rides: u64,
    /// Drives to a pickup from a place that is known.
    pub(super) drives: u64,
    pub(super) signed_off: u64,
    pub(super) queued: u64,
}

/// A driver as far as events tell.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Where the driver stands; unknown on the way, and when that was called off.
    place: Option<LatLng>,
    /// The trip under way.
    trip: Option<u64>,
    since: Timestamp,
}

/// What is known so far.
struct Auditor<'a> {
    plan: &'a DayPlan,
    travel: &'a dyn TravelTime,
    drivers: Vec<Known>,
    ends: BTreeMap<u64, &'static str>,
    offered: BTreeMap<u64, Timestamp>,
    reach: Reach,
}

/// Reads all events. Riders are numbered as their trips.
///
/// # Errors
/// What cannot be.
pub(super) fn audit(
    plan: &DayPlan,
    travel: &dyn TravelTime,
    events: &[Event],
) -> Result<Reach, String> {
    let start = |place: &LatLng| {
        let since = Timestamp::default();
        Known { place: Some(*place), trip: None, since }
    };
    let mut auditor = Auditor {
        plan,
        travel,
        drivers: plan.starts.iter().map(start).collect(),
        ends: BTreeMap::new(),
        offered: BTreeMap::new(),
        reach: Reach::default(),
    };
    for event in events {
        let told = auditor.trip(event).and_then(|()| auditor.driver(event));
        told.map_err(|what| format!("trip {} at {}: {what}", event.trip.number(), event.at))?;
    }
    let open = plan.riders.len() as u64 - auditor.reach.ended;
    if open > 0 {
        return Err(format!("{open} riders never heard of an end"));
    }
    Ok(auditor.reach)
}

impl Auditor<'_> {
    fn rider(&self, trip: u64) -> Rider {
        self.plan.riders[usize::try_from(trip).unwrap() - 1]
    }

    /// Asked when due, answered in time, ended once.
    fn trip(&mut self, event: &Event) -> Result<(), String> {
        let trip = event.trip.number();
        if let Some(end) = self.ends.get(&trip) {
            return Err(format!("{} after {end}", event.fact.kind()));
        }
        match &event.fact {
            Fact::TripRequested { .. } if event.at != self.rider(trip).at => {
                return Err("asked when not due".to_owned());
            }
            Fact::OfferMade { after, .. } => {
                self.offered.insert(trip, event.at);
                self.reach.queued += u64::from(after.is_some());
            }
            Fact::OfferAccepted { .. } => {
                let took = event.at.since(self.offered[&trip]);
                within(self.plan.habits.answer, took, "an answer")?;
            }
            Fact::DriverSignedOff { .. } => self.reach.signed_off += 1,
            _ => {}
        }
        if let Some(end) = end_of(&event.fact) {
            self.ends.insert(trip, end);
            self.reach.ended += 1;
        }
        Ok(())
    }

    /// One trip at a time, and each drive as long as the model says.
    fn driver(&mut self, event: &Event) -> Result<(), String> {
        let trip = event.trip.number();
        let rider = self.rider(trip);
        if self.ends.get(&trip) == Some(&"cancelled") {
            for known in self.drivers.iter_mut().filter(|known| known.trip == Some(trip)) {
                (known.place, known.trip) = (None, None);
            }
        }
        let Some(driver) = event.fact.driver() else { return Ok(()) };
        let known = &mut self.drivers[driver.as_str()[4..].parse::<usize>().unwrap() - 1];
        let passed = event.at.since(known.since);
        match &event.fact {
            Fact::PickupStarted { .. } => {
                if known.trip.is_some() {
                    return Err("a driver with two trips under way".to_owned());
                }
                known.trip = Some(trip);
            }
            Fact::DriverArrived { .. } => {
                if let Some(place) = known.place {
                    exactly(self.travel.time(place, rider.pickup).duration, passed, "a pickup")?;
                    self.reach.drives += 1;
                }
                known.place = Some(rider.pickup);
            }
            Fact::TripStarted { .. } => within(self.plan.habits.boarding, passed, "boarding")?,
            Fact::TripCompleted { .. } => {
                let ride = self.travel.time(rider.pickup, rider.dropoff).duration;
                exactly(ride, passed, "a ride")?;
                self.reach.rides += 1;
                (known.place, known.trip) = (Some(rider.dropoff), None);
            }
            _ => return Ok(()),
        }
        known.since = event.at;
        Ok(())
    }
}

fn within(span: Span, took: Millis, what: &str) -> Result<(), String> {
    let fine = (span.low..=span.high).contains(&took);
    if fine { Ok(()) } else { Err(format!("{what} too soon or too late: {took}")) }
}

fn exactly(expected: Millis, took: Millis, what: &str) -> Result<(), String> {
    if took == expected { Ok(()) } else { Err(format!("{what} took {took}, not {expected}")) }
}

fn end_of(fact: &Fact) -> Option<&'static str> {
    match fact {
        Fact::TripCompleted { .. } => Some("completed"),
        Fact::TripCancelled { .. } | Fact::TripAbandoned => Some("cancelled"),
        Fact::TripUnfulfilled => Some("unfulfilled"),
        _ => None,
    }
}

/// Travel times twice as fast as others.
pub(super) struct Hurried<T>(pub(super) T);

impl<T: TravelTime> TravelTime for Hurried<T> {
    fn time(&self, from: LatLng, to: LatLng) -> crate::travel::Eta {
        let eta = self.0.time(from, to);
        crate::travel::Eta { duration: Millis(eta.duration.get() / 2), ..eta }
    }

    fn lower_bound(&self, distance: crate::units::Meters) -> Millis {
        Millis(self.0.lower_bound(distance).get() / 2)
    }

    fn source(&self) -> crate::travel::TravelSource {
        self.0.source()
    }
}
