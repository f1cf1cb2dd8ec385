//! Riders: each asks at its moment, and some watch what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Scene, until};
use crate::api::proto::trip_event::What;
use crate::api::proto::{
    GetTripRequest, Journey, RequestTripRequest, TripEnding, WatchTripRequest,
};
use crate::bench::fleet::{Fleet, Rng};
use crate::bench::stage::BenchError;
use crate::client::{ClientError, Rider, connect, rider_client};
use crate::clock;
use crate::ids::TripId;

/// Connections over which riders ask: each is served by one worker.
const CONNECTIONS: usize = 4;

/// How many trips that have not ended are looked up.
const LOOKED_UP: usize = 1_000;

/// How far from where a driver was riders stand, likewise: some five hundred metres.
const PICKUP_E7: u32 = 50_000;

/// How far rides go north or south and east or west at most, in ten-millionths of a degree: some three
/// kilometres.
const RIDE_E7: u32 = 300_000;

/// Riders ask until nothing more is measured.
pub(super) async fn ask(scene: &Arc<Scene>) -> Result<(), BenchError> {
    let options = &scene.options;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        clients.push(rider_client(connect(&options.target).await?));
    }
    // Where drivers were at the beginning: they wander, and are as many everywhere.
    let mut places = Fleet::new(options.drivers, options.seed, clock::wall_now());
    let mut dice = Rng(options.seed ^ 0x5249_4445_5253);
    let interval = Duration::from_secs_f64(1.0 / options.requests);
    let mut due = scene.began;
    for number in 0_u64.. {
        if due >= scene.until {
            break;
        }
        until(due).await;
        let watches = dice.below(1_000) < options.watching_permille;
        let request = RequestTripRequest {
            rider_id: format!("rider-{number:08}"),
            request_key: "1".to_owned(),
            journey: Some(journey(&mut places, &mut dice)),
            quote_id: String::new(),
            immediate: false,
        };
        if scene.ledger.lock().asks(scene.counts(due)) {
            let turn = usize::try_from(number).unwrap_or(0) % CONNECTIONS;
            let rider = Asking { scene: Arc::clone(scene), client: clients[turn].clone(), due };
            tokio::spawn(rider.ride(request, watches));
        }
        due += interval;
    }
    Ok(())
}

/// In which state the trips are that have not ended; at most [`LOOKED_UP`] of them are asked about.
pub(super) async fn standing(scene: &Scene) -> Result<BTreeMap<String, u64>, BenchError> {
    let mut client = rider_client(connect(&scene.options.target).await?);
    let mut states = BTreeMap::new();
    let open = scene.ledger.lock().open_trips();
    for trip in open.iter().take(LOOKED_UP) {
        let request = GetTripRequest { trip_id: trip.to_string() };
        let answer = client.get_trip(request).await.map_err(ClientError::refused("GetTrip"))?;
        let state = answer.into_inner().trip.unwrap_or_default().state();
        let name = state.as_str_name().trim_start_matches("TRIP_STATE_");
        *states.entry(name.to_owned()).or_default() += 1;
    }
    Ok(states)
}

/// A rider who asks.
struct Asking {
    scene: Arc<Scene>,
    client: Rider,
    due: Instant,
}

impl Asking {
    async fn ride(mut self, request: RequestTripRequest, watches: bool) {
        let answer = self.client.request_trip(request).await;
        let counts = self.scene.counts(self.due);
        let trip = match answer.map_err(ClientError::refused("RequestTrip")) {
            Ok(answer) => answer.into_inner().trip_id,
            Err(error) => {
                return self.scene.ledger.lock().request_refused(error.reason(), counts);
            }
        };
        let Ok(id) = trip.parse::<TripId>() else { return };
        let now = clock::stopwatch();
        self.scene.ledger.lock().request_taken(id, self.due, now, counts);
        if watches && let Err(error) = self.watch(trip, id).await {
            self.scene.ledger.lock().watch_failed(&error);
        }
    }

    /// Watches a trip to its end.
    async fn watch(&mut self, trip_id: String, trip: TripId) -> Result<(), ClientError> {
        let refused = ClientError::refused("WatchTrip");
        let request = WatchTripRequest { trip_id, after_ordinal: 0 };
        let mut events = self.client.watch_trip(request).await.map_err(&refused)?.into_inner();
        while let Some(told) = events.message().await.map_err(&refused)? {
            let now = clock::stopwatch();
            match told.event.and_then(|event| event.what) {
                Some(What::OfferAccepted(_)) => {
                    self.scene.ledger.lock().rider_heard(trip, now, self.scene.counts(self.due));
                }
                // No gateway hears of a trip that no driver has.
                Some(What::TripEnded(end)) if end.ending() == TripEnding::Unfulfilled => {
                    let counts = self.scene.counts(now);
                    self.scene.ledger.lock().trip_ended(trip, false, counts);
                }
                _ => {}
            }
        }
        self.scene.ledger.lock().watched += 1;
        Ok(())
    }
}

/// From near a driver to somewhere near.
fn journey(places: &mut Fleet, dice: &mut Rng) -> Journey {
    let (lat, lng) = places.place();
    let mut off = |e7: i32, by: u32| {
        let by = f64::from(dice.below(2 * by + 1)) - f64::from(by);
        (f64::from(e7) + by) / 1e7
    };
    let at = |lat: f64, lng: f64| {
        let lng = (lng + 540.0).rem_euclid(360.0) - 180.0;
        crate::api::proto::Position { lat: lat.clamp(-89.0, 89.0), lng }
    };
    let from = at(off(lat, PICKUP_E7), off(lng, PICKUP_E7));
    let to = at(off(lat, RIDE_E7), off(lng, RIDE_E7));
    Journey { pickup: Some(from), dropoff: Some(to), passengers: 1, needs: None }
}
