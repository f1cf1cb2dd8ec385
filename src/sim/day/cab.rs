//! One driver and the cab: where it is, what it is at, how its time and way were spent.

use crate::geo::{E7, LatLng};
use crate::ids::{DriverId, TripId};
use crate::model::{DriverKey, DriverStatus};
use crate::travel::Eta;
use crate::units::{Meters, Millis, Timestamp};

/// What a driver is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Nothing.
    None,
    /// Drives to the pickup of this trip.
    ToPickup(TripId),
    /// Waits there.
    AtPickup(TripId),
    /// Carries the rider.
    Riding(TripId),
}

impl Task {
    /// The trip that it is about.
    pub(super) const fn trip(self) -> Option<TripId> {
        match self {
            Self::None => None,
            Self::ToPickup(trip) | Self::AtPickup(trip) | Self::Riding(trip) => Some(trip),
        }
    }
}

/// A drive under way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    from: LatLng,
    to: LatLng,
    since: Timestamp,
    duration: Millis,
    distance: Meters,
}

/// A driver with a cab.
#[derive(Clone, Debug)]
pub(super) struct Cab {
    pub(super) id: DriverId,
    /// Its short name in the map; none until the first shift begins.
    pub(super) key: Option<DriverKey>,
    pub(super) status: DriverStatus,
    /// Since when it has that status.
    since: Timestamp,
    /// How long it had each status, by its number.
    pub(super) spent: [Millis; 6],
    pub(super) task: Task,
    /// Counts what it was sent to do.
    pub(super) errand: u32,
    /// Counts the beginnings and ends of shifts.
    pub(super) turn: u32,
    place: LatLng,
    leg: Option<Leg>,
    pub(super) reported_at: Option<Timestamp>,
}

impl Cab {
    pub(super) fn new(id: DriverId, place: LatLng, now: Timestamp) -> Self {
        Self {
            id,
            key: None,
            status: DriverStatus::Offline,
            since: now,
            spent: [Millis::ZERO; 6],
            task: Task::None,
            errand: 0,
            turn: 0,
            place,
            leg: None,
            reported_at: None,
        }
    }

    pub(super) const fn is_driving(&self) -> bool {
        self.leg.is_some()
    }

    /// Where it is.
    pub(super) fn position(&self, now: Timestamp) -> LatLng {
        self.leg.map_or(self.place, |leg| leg.at(now))
    }

    /// Sets out; it will be there when the drive has taken as long as was estimated.
    pub(super) fn set_out(&mut self, now: Timestamp, to: LatLng, eta: &Eta) {
        let from = self.position(now);
        let (duration, distance) = (eta.duration, eta.distance);
        self.leg = Some(Leg { from, to, since: now, duration, distance });
    }

    /// Stops where it is, there or on the way; returns how far it has driven, in millimetres.
    pub(super) fn stop(&mut self, now: Timestamp) -> u64 {
        let Some(leg) = self.leg else { return 0 };
        self.place = leg.at(now);
        self.leg = None;
        leg.driven_mm(now)
    }

    /// Has another status from now on; what is not between the two moments is not counted.
    pub(super) fn becomes(
        &mut self,
        now: Timestamp,
        status: DriverStatus,
        (from, until): (Timestamp, Timestamp),
    ) {
        let spent = &mut self.spent[usize::from(self.status.code())];
        let passed = now.clamp(from, until).since(self.since.clamp(from, until));
        *spent = Millis(spent.get() + passed.get());
        (self.status, self.since) = (status, now);
    }
}

impl Leg {
    /// Where one is on it: on the line between the ends, by the share of time that has passed.
    fn at(&self, now: Timestamp) -> LatLng {
        let (passed, whole) = (now.since(self.since).get(), self.duration.get());
        if passed >= whole {
            return self.to;
        }
        let share = |difference: i64| {
            let (passed, whole) = (i128::from(passed), i128::from(whole));
            i64::try_from(i128::from(difference) * passed / whole).unwrap_or(difference)
        };
        let (lat, lng) = (i64::from(self.from.lat_e7()), i64::from(self.from.lng_e7()));
        let north = i64::from(self.to.lat_e7()) - lat;
        // Around the globe by the shorter way.
        let east = wrapped(i64::from(self.to.lng_e7()) - lng);
        let (lat, lng) = (lat + share(north), wrapped(lng + share(east)));
        let e7 = i32::try_from(lat).ok().zip(i32::try_from(lng).ok());
        let place = e7.and_then(|(lat, lng)| LatLng::try_from(E7 { lat, lng }).ok());
        place.unwrap_or(self.to)
    }

    fn driven_mm(&self, now: Timestamp) -> u64 {
        let (passed, whole) = (now.since(self.since), self.duration);
        let all = millimetres(self.distance);
        if passed >= whole {
            return all;
        }
        let part = u128::from(all) * u128::from(passed.get()) / u128::from(whole.get());
        u64::try_from(part).unwrap_or(all)
    }
}

fn wrapped(lng_e7: i64) -> i64 {
    (lng_e7 + 1_800_000_000).rem_euclid(3_600_000_000) - 1_800_000_000
}

/// A length in whole millimetres, so that sums do not depend on their order.
pub(super) fn millimetres(length: Meters) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=2.1e10")]
    let mm = (length.get() * 1_000.0).round() as u64;
    mm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Degrees;
    use crate::travel::TravelSource;

    fn place(lat: f64, lng: f64) -> LatLng {
        LatLng::try_from(Degrees { lat, lng }).unwrap()
    }

    fn eta(seconds: u64) -> Eta {
        let duration = Millis::from_secs(seconds);
        Eta { duration, distance: Meters::whole(1_000), source: TravelSource::StraightLine }
    }

    #[test]
    fn a_cab_moves_evenly_also_across_the_antimeridian() {
        let start = Timestamp::from_secs(1_000);
        let after = |seconds| start.plus(Millis::from_secs(seconds));
        let mut cab = Cab::new("cab-0000001".parse().unwrap(), place(10.0, 179.9), start);
        cab.set_out(start, place(10.1, -179.9), &eta(100));
        assert_eq!(cab.position(start), place(10.0, 179.9));
        assert_eq!(cab.position(after(25)), place(10.025, 179.95));
        assert_eq!(cab.position(after(50)), place(10.05, -180.0));
        assert_eq!(cab.position(after(75)), place(10.075, -179.95));
        assert_eq!(cab.position(after(101)), place(10.1, -179.9));
        assert_eq!(cab.stop(after(75)), 750_000);
        assert_eq!((cab.position(after(90)), cab.stop(after(90))), (place(10.075, -179.95), 0));
    }

    #[test]
    fn time_is_spent_once_and_counts_between_two_moments() {
        let start = Timestamp::from_secs(0);
        let after = |seconds| start.plus(Millis::from_secs(seconds));
        let counted = (after(5), after(50));
        let mut cab = Cab::new("cab-0000001".parse().unwrap(), place(0.0, 0.0), start);
        for (at, status) in [
            (10, DriverStatus::Available),
            (30, DriverStatus::OnTrip),
            (70, DriverStatus::Available),
            (90, DriverStatus::Offline),
        ] {
            cab.becomes(after(at), status, counted);
        }
        let spent = cab.spent.map(|spent| spent.get() / 1_000);
        assert_eq!(spent, [5, 20, 0, 0, 0, 20]);
    }
}
