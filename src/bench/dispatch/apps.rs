//! What drivers do about what they are told, each after a while.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Scene, until};
use crate::api::proto::command_answer::Outcome;
use crate::api::proto::connect_fleet_response::Kind;
use crate::api::proto::driver_command::What;
use crate::api::proto::trip_event::What as Happened;
use crate::api::proto::{CommandAnswer, CompleteTrip, FleetEvent, TripEnding, TripEvent};
use crate::bench::fleet::{Fleet, Rng};
use crate::bench::stage::BenchError;
use crate::client::{FleetCommands, FleetTold};
use crate::clock;
use crate::ids::{OfferId, TripId};

/// How long after an offer it is answered, in milliseconds: from, to.
const ANSWER_MS: (u32, u32) = (1_000, 5_000);

/// How long drivers take to the pickup.
const PICKUP_MS: (u32, u32) = (5_000, 15_000);

/// How long riders take to board.
const BOARDING_MS: (u32, u32) = (2_000, 8_000);

/// How long rides take.
const RIDE_MS: (u32, u32) = (10_000, 30_000);

/// When commands for which there is no room are sent again.
const AGAIN: Duration = Duration::from_millis(10);

/// Something that a driver is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Accept(OfferId),
    Decline(OfferId),
    Arrive(TripId),
    Start(TripId),
    Complete(TripId),
}

/// The apps of all drivers.
pub(super) struct Apps {
    scene: Arc<Scene>,
    commands: FleetCommands,
    dice: Rng,
    due: BinaryHeap<Reverse<(Instant, u32, Deed)>>,
    /// What was due and could not be sent for want of room, the first first: it was due when it was.
    postponed: VecDeque<(Instant, u32, Deed)>,
    /// When the commands were due that are not answered.
    unanswered: BTreeMap<u64, Instant>,
}

impl Apps {
    pub(super) fn new(scene: Arc<Scene>, commands: FleetCommands) -> Self {
        let dice = Rng(scene.options.seed ^ 0x4150_5053);
        Self {
            scene,
            commands,
            dice,
            due: BinaryHeap::new(),
            postponed: VecDeque::new(),
            unanswered: BTreeMap::new(),
        }
    }

    /// Hears and does, until it is over.
    pub(super) async fn run(
        mut self,
        mut told: FleetTold,
        mut over: watch::Receiver<bool>,
    ) -> Result<(), BenchError> {
        loop {
            let next = match (self.postponed.is_empty(), self.due.peek()) {
                (false, _) => clock::stopwatch() + AGAIN,
                (true, Some(Reverse((at, ..)))) => *at,
                (true, None) => clock::stopwatch() + Duration::from_secs(1),
            };
            tokio::select! {
                biased;
                kind = told.next() => self.hear(kind?),
                () = until(next) => self.act(),
                _ = over.changed() => return Ok(()),
            }
        }
    }

    fn hear(&mut self, kind: Kind) {
        let now = clock::stopwatch();
        match kind {
            Kind::Event(FleetEvent { driver_id, event: Some(event) }) => {
                self.happened(now, &driver_id, event);
            }
            Kind::Answer(answer) => self.answered(now, answer),
            Kind::Attended(attended) => {
                self.scene.ledger.lock().told_anew += attended.drivers.len() as u64;
            }
            Kind::Event(_) | Kind::Superseded(_) => {}
        }
    }

    fn happened(&mut self, now: Instant, driver: &str, event: TripEvent) {
        let driver = driver.strip_prefix("driver-").and_then(|number| number.parse().ok());
        let (Some(driver), Ok(trip)) = (driver, event.trip_id.parse::<TripId>()) else { return };
        match event.what {
            Some(Happened::OfferMade(offer)) => {
                let Ok(offer) = offer.offer_id.parse::<OfferId>() else { return };
                self.scene.ledger.lock().offered(trip, offer.attempt(), now, &self.scene);
                let declines = self.dice.below(1_000) < self.scene.options.declined_permille;
                let deed = if declines { Deed::Decline(offer) } else { Deed::Accept(offer) };
                self.will(now, ANSWER_MS, driver, deed);
            }
            Some(Happened::PickupStarted(_)) => {
                self.will(now, PICKUP_MS, driver, Deed::Arrive(trip));
            }
            Some(Happened::DriverArrived(_)) => {
                self.will(now, BOARDING_MS, driver, Deed::Start(trip));
            }
            Some(Happened::TripStarted(_)) => {
                self.will(now, RIDE_MS, driver, Deed::Complete(trip));
            }
            Some(Happened::TripEnded(end)) => {
                let completed = end.ending() == TripEnding::Completed;
                let counts = self.scene.counts(now);
                self.scene.ledger.lock().trip_ended(trip, completed, counts);
            }
            _ => {}
        }
    }

    fn will(&mut self, now: Instant, (low, high): (u32, u32), driver: u32, deed: Deed) {
        let after = Duration::from_millis((low + self.dice.below(high - low)).into());
        self.due.push(Reverse((now + after.mul_f64(self.scene.scale()), driver, deed)));
    }

    /// Does all that is due.
    fn act(&mut self) {
        let now = clock::stopwatch();
        while let Some(&Reverse((due, driver, deed))) = self.due.peek() {
            if due > now {
                break;
            }
            self.due.pop();
            self.postponed.push_back((due, driver, deed));
        }
        while let Some(&(due, driver, deed)) = self.postponed.front() {
            if !self.send(due, driver, deed) {
                return;
            }
            self.postponed.pop_front();
        }
    }

    /// Whether there was room.
    fn send(&mut self, due: Instant, driver: u32, deed: Deed) -> bool {
        let what = match deed {
            Deed::Accept(offer) => What::AcceptOfferId(offer.to_string()),
            Deed::Decline(offer) => What::DeclineOfferId(offer.to_string()),
            Deed::Arrive(trip) => What::ArriveTripId(trip.to_string()),
            Deed::Start(trip) => What::StartTripId(trip.to_string()),
            Deed::Complete(trip) => {
                What::Complete(CompleteTrip { trip_id: trip.to_string(), driven_m: None })
            }
        };
        let Some(number) = self.commands.send(Fleet::name(driver), what) else { return false };
        self.unanswered.insert(number, due);
        if let Deed::Accept(offer) = deed {
            self.scene.ledger.lock().accepts(offer.trip(), due);
        }
        true
    }

    fn answered(&mut self, now: Instant, answer: CommandAnswer) {
        let Some(due) = self.unanswered.remove(&answer.number) else { return };
        let counts = self.scene.counts(due);
        let mut ledger = self.scene.ledger.lock();
        match answer.outcome {
            Some(Outcome::Refused(refused)) => ledger.command_refused(refused.reason, counts),
            Some(Outcome::Done(_)) | None => {
                ledger.command_done(now.duration_since(due), counts);
            }
        }
    }
}
