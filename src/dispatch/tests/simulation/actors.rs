//! Riders and drivers: most of the time they do what makes sense, and now and then anything else.

use super::world::{World, destination};
use crate::dispatch::{
    Command, DriverReason, Journey, Needs, Rater, RiderReason, Stars, Trip, TripRequest, TripState,
    Urgency,
};
use crate::ids::{DriverId, TripId};
use crate::model::{Capacity, VehicleTypes};

type Done = Result<(), String>;

impl World {
    pub(super) fn driver_acts(&mut self) -> Done {
        let driver = self.pick_driver();
        match self.rng.below(40) {
            0 => return self.send(Command::GoOffline { driver }),
            1..4 => return self.send(Command::GoOnline { driver }),
            4..8 => {
                let command = self.anything(driver);
                return self.send(command);
            }
            _ => {}
        }
        // Somebody who has something to do, if anybody has.
        let busy: Vec<DriverId> = self
            .drivers
            .iter()
            .copied()
            .filter(|driver| self.market.driver_status(driver).is_some())
            .collect();
        if busy.is_empty() {
            return Ok(());
        }
        let at = usize::try_from(self.rng.below(busy.len() as u64)).unwrap();
        let driver = busy[at];
        let trips: Vec<Trip> = self.market.trips_of(&driver).cloned().collect();
        for trip in trips {
            if let Some(command) = self.next_of(&trip, driver) {
                self.send(command)?;
            }
        }
        Ok(())
    }

    /// What a driver does next with a trip.
    fn next_of(&mut self, trip: &Trip, driver: DriverId) -> Option<Command> {
        let (id, dice) = (trip.id, self.rng.below(20));
        let give_back = |reason| Command::CancelAsDriver { trip: id, driver, reason };
        match trip.state {
            TripState::Offered => {
                let offer = trip.offer_id()?;
                match dice {
                    0..11 => Some(Command::AcceptOffer { offer, driver }),
                    11..15 => Some(Command::DeclineOffer { offer, driver }),
                    _ => None,
                }
            }
            TripState::Assigned => (dice == 0).then(|| give_back(DriverReason::Other)),
            TripState::EnRoute if dice < 2 => Some(give_back(DriverReason::Vehicle)),
            TripState::EnRoute => Some(Command::Arrive { trip: id, driver }),
            TripState::Arrived if dice < 6 => Some(give_back(DriverReason::NoShow)),
            TripState::Arrived => Some(Command::StartTrip { trip: id, driver }),
            TripState::InProgress if dice < 6 => {
                Some(Command::CompleteTrip { trip: id, driver, driven: None })
            }
            _ => None,
        }
    }

    /// A trip that there is, was, or never was.
    fn any_trip(&mut self) -> TripId {
        let market = if self.rng.once_in(40) { "la".parse().unwrap() } else { self.config.market };
        let last = self.market.head().trips;
        // Most of the time a recent one.
        let back = if self.rng.once_in(4) { last } else { last.min(4) };
        market.trip((last + 1).saturating_sub(self.rng.below(back + 2)).max(1))
    }

    /// Anything at all that a driver can send.
    fn anything(&mut self, driver: DriverId) -> Command {
        let trip = self.any_trip();
        let offer = trip.offer(u32::try_from(1 + self.rng.below(4)).unwrap());
        let stars = Stars::try_from(1 + u32::try_from(self.rng.below(5)).unwrap()).unwrap();
        match self.rng.below(9) {
            0 | 1 => Command::AcceptOffer { offer, driver },
            2 => Command::DeclineOffer { offer, driver },
            3 => Command::Arrive { trip, driver },
            4 => Command::StartTrip { trip, driver },
            5 => Command::CompleteTrip { trip, driver, driven: None },
            6 => Command::CancelAsDriver { trip, driver, reason: DriverReason::Other },
            7 => Command::CancelAsDriver { trip, driver, reason: DriverReason::NoShow },
            _ => Command::RateTrip { trip, by: Rater::Driver(driver), stars },
        }
    }

    pub(super) fn rider_acts(&mut self) -> Done {
        let rider = self.pick_rider();
        let trip = self.any_trip();
        match self.rng.below(20) {
            0..3 => {
                let rides = self.market.trips_of_rider(&rider).next().map(|trip| trip.id);
                let trip = rides.unwrap_or(trip);
                let reason = RiderReason::ChangedMind;
                self.send(Command::CancelTrip { trip, rider, reason })
            }
            3 => {
                let stars = Stars::try_from(1 + u32::try_from(self.rng.below(5)).unwrap()).unwrap();
                let by = self.market.trip(trip).map_or(rider, |trip| trip.request.rider);
                self.send(Command::RateTrip { trip, by: Rater::Rider(by), stars })
            }
            4..6 => {
                let journey = self.any_journey();
                self.send(Command::Quote { rider, journey })
            }
            6..9 => self.request_again(),
            9..11 => self.request_as_quoted(),
            _ => {
                let request = TripRequest {
                    key: format!("k{}", self.requests.len()).parse().unwrap(),
                    rider,
                    journey: self.any_journey(),
                    quote: None,
                    urgency: self.any_urgency(),
                };
                self.requests.push(request);
                self.send(Command::RequestTrip(Box::new(request)))
            }
        }
    }

    /// The same request once more, or another under the same key.
    fn request_again(&mut self) -> Done {
        if self.requests.is_empty() {
            return Ok(());
        }
        let back = self.rng.below(self.requests.len().min(8) as u64);
        let at = self.requests.len() - 1 - usize::try_from(back).unwrap();
        let mut request = self.requests[at];
        if self.rng.once_in(4) {
            request.journey = self.any_journey();
        }
        self.send(Command::RequestTrip(Box::new(request)))
    }

    /// A request with a quote that was given, or one that was not.
    fn request_as_quoted(&mut self) -> Done {
        let Some(quote) = self.quotes.last().copied() else { return Ok(()) };
        let mut request = TripRequest {
            key: format!("k{}", self.requests.len()).parse().unwrap(),
            rider: quote.rider,
            journey: quote.journey,
            quote: Some(quote.id),
            urgency: self.any_urgency(),
        };
        match self.rng.below(8) {
            0 => request.journey = self.any_journey(),
            1 => request.quote = Some(self.config.market.quote(self.rng.below(1_000))),
            2 => request.rider = self.pick_rider(),
            _ => {}
        }
        self.requests.push(request);
        self.send(Command::RequestTrip(Box::new(request)))
    }

    fn any_urgency(&mut self) -> Urgency {
        if self.rng.once_in(4) { Urgency::Immediate } else { Urgency::Batch }
    }

    fn any_journey(&mut self) -> Journey {
        let types = u32::try_from(self.rng.below(4)).unwrap();
        Journey {
            pickup: destination(&mut self.rng),
            dropoff: (!self.rng.once_in(8)).then(|| destination(&mut self.rng)),
            passengers: Capacity::try_from(1 + u32::try_from(self.rng.below(4)).unwrap()).unwrap(),
            needs: Needs { vehicle_types: VehicleTypes::try_from(types).unwrap(), ..Needs::NONE },
        }
    }

    /// Each driver does at once what comes next.
    pub(super) fn everybody_helps(&mut self) -> Done {
        for driver in self.drivers.clone() {
            let trips: Vec<Trip> = self.market.trips_of(&driver).cloned().collect();
            for trip in trips {
                let id = trip.id;
                let command = match trip.state {
                    TripState::Offered => {
                        trip.offer_id().map(|offer| Command::AcceptOffer { offer, driver })
                    }
                    TripState::EnRoute => Some(Command::Arrive { trip: id, driver }),
                    TripState::Arrived => Some(Command::StartTrip { trip: id, driver }),
                    TripState::InProgress => {
                        Some(Command::CompleteTrip { trip: id, driver, driven: None })
                    }
                    _ => None,
                };
                if let Some(command) = command {
                    self.tell(command)?;
                }
            }
        }
        Ok(())
    }
}
