//! From a log to riders and drivers.

use super::draws::Draws;
use super::plan::Rider;
use crate::geo::LatLng;
use crate::model::Capacity;
use crate::trace::requests::{LogFormat, Request};
use crate::units::{Millis, Timestamp};

const MINUTE_MS: u64 = 60_000;

/// The riders of a log's requests, in the order of time.
///
/// # Guarantees
/// - Who has not said where to is given another request's pickup, drawn by `seed`: places where many
///   set out are places where many go.
/// - Times of formats that tell the minute alone are spread: the i-th of n requests of a minute asks
///   at `i / n` of it. Otherwise all of a minute would ask at once, and the next 59 s nobody.
/// - As many requests, as many riders; ties stay in the order in which they came.
pub fn riders_of(requests: &[(Request, LogFormat)], seed: u64) -> Vec<Rider> {
    let draws = Draws::new(seed);
    let pickups: Vec<LatLng> = requests.iter().map(|(request, _)| request.pickup).collect();
    let times = spread(requests);
    let mut riders: Vec<Rider> = (0..)
        .zip(requests.iter().zip(times))
        .map(|(number, ((request, _), at))| {
            let dropoff = request.dropoff.or_else(|| draws.dropoff(number, &pickups));
            let seats = Capacity::try_from(u32::from(request.passengers.get()));
            Rider {
                at,
                pickup: request.pickup,
                dropoff: dropoff.unwrap_or(request.pickup),
                // As many may ride as the largest vehicle has seats.
                seats: seats.unwrap_or(Capacity::MAX),
            }
        })
        .collect();
    riders.sort_by_key(|rider| rider.at);
    riders
}

/// When each asks.
fn spread(requests: &[(Request, LogFormat)]) -> Vec<Timestamp> {
    let mut times: Vec<Timestamp> = requests.iter().map(|(request, _)| request.at).collect();
    let coarse = |(_, format): &(Request, LogFormat)| *format == LogFormat::UberFoil;
    let mut first = 0;
    while let Some(at) = times.get(first).copied() {
        let minute = times[first..].iter().take_while(|time| **time == at).count();
        let of_minute = first..first + minute;
        let among = requests[of_minute.clone()].iter().filter(|request| coarse(request)).count();
        let share = MINUTE_MS / u64::try_from(among.max(1)).unwrap_or(MINUTE_MS);
        let in_minute = of_minute.filter(|number| coarse(&requests[*number]));
        for (i, number) in (0..).zip(in_minute) {
            times[number] = at.plus(Millis(i * share));
        }
        first += minute;
    }
    times
}

/// Where the riders of a log are picked up: a place for each.
pub fn places_of(requests: &[(Request, LogFormat)]) -> Vec<LatLng> {
    requests.iter().map(|(request, _)| request.pickup).collect()
}

/// Where `drivers` drivers are at the beginning: each at one of the places, drawn by `seed`; as many
/// as there are places to draw from, or none.
pub fn starts(drivers: u32, places: &[LatLng], seed: u64) -> Vec<LatLng> {
    let draws = Draws::new(seed);
    (0..drivers).filter_map(|cab| draws.start(cab, places)).collect()
}
