//! The loop: what is due next happens, until all trips have ended.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::agenda::{Agenda, Answer, Due};
use super::draws::Draws;
use super::fleet::{Fleet, PARTS};
use super::plan::{DayPlan, Rider};
use super::tally::Tally;
use crate::dispatch::policy::{Decision, Policy, Proof};
use crate::dispatch::{
    Command, ConfigErrors, Event, Journey, LiveSupply, Market, MarketConfig, Needs, Refusal, Reply,
    RiderReason, TripRequest, TripState, Urgency,
};
use crate::ids::TripId;
use crate::index::{IndexConfig, LiveIndex};
use crate::limits;
use crate::model::DriverStatus;
use crate::travel::TravelTime;
use crate::units::{Millis, Timestamp};

/// How long before the first request the drivers come to work.
pub(super) const LEAD: Millis = Millis::from_secs(1);

/// Rounds between two of which time passes in the map, and the watcher is told.
const ROUNDS_A_BEAT: u64 = 4;

/// Who looks on. Nothing of the simulation depends on it, unless it ends it.
pub trait Watch {
    /// This has happened.
    fn happened(&mut self, _event: &Event) {}

    /// This was decided.
    fn decided(&mut self, _decision: &Decision) {}

    /// Drivers are about to be found for those who wait.
    fn batch_begins(&mut self) {}

    /// They have been found, for so many.
    fn batch_ended(&mut self, _riders: u64) {}

    /// It is so late, and so many riders have come to ask; `Break` ends the day early.
    fn time_passes(&mut self, _now: Timestamp, _riders: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Nobody looks on.
impl Watch for () {}

/// Lives through a day.
///
/// # Guarantees
/// The same plan with the same policy and travel times gives the same events and the same tally, on
/// whichever thread, whatever else runs. The day goes on after the last request until no trip is open,
/// unless the watcher ends it.
///
/// # Errors
/// [`ConfigErrors`] if the market's configuration is out of range. The rest of the plan is taken to
/// have passed [`DayPlan::check`].
///
/// # Complexity
/// O(log n) for each event and for each report of n drivers, and what the policy takes.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use hansom::dispatch::{MarketConfig, policy::Greedy};
/// use hansom::geo::{Degrees, LatLng};
/// use hansom::model::Capacity;
/// use hansom::sim::day::{DayPlan, Habits, Rider, run};
/// use hansom::travel::StraightLine;
/// use hansom::units::Timestamp;
/// let place = |lat, lng| LatLng::try_from(Degrees { lat, lng });
/// let rider = Rider {
///     at: Timestamp::from_secs(1_700_000_000),
///     pickup: place(37.78, -122.41)?,
///     dropoff: place(37.79, -122.42)?,
///     seats: Capacity::try_from(1)?,
/// };
/// let plan = DayPlan {
///     market: MarketConfig::new("sf".parse()?),
///     habits: Habits { acceptance_permille: 1_000, ..Habits::default() },
///     seed: 1,
///     starts: vec![place(37.781, -122.411)?],
///     riders: vec![rider],
/// };
/// plan.check()?;
/// let travel = Arc::new(StraightLine::default());
/// let tally = run(&plan, Box::new(Greedy::default()), travel, &mut ())?;
/// assert_eq!((tally.requests, tally.served, tally.open), (1, 1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(
    plan: &DayPlan,
    policy: Box<dyn Policy>,
    travel: Arc<dyn TravelTime>,
    watch: &mut dyn Watch,
) -> Result<Tally, ConfigErrors> {
    let config = IndexConfig { max_drivers: plan.starts.len(), ..IndexConfig::default() };
    let map = LiveIndex::new(config, plan.seed);
    let market = MarketConfig { open_trips: limits::MAX_OPEN_TRIPS, ..plan.market.clone() };
    let market = Market::new(market, policy, Arc::clone(&travel))?;
    let mut world = World::new(plan, market, travel, &map, watch);
    world.begin();
    while world.goes_on {
        world.step();
    }
    Ok(world.end())
}

/// What is known of a rider who has asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) trip: TripId,
    /// The cab that comes, or carries.
    pub(super) cab: Option<u32>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// What somebody does.
    Due,
    /// A timer of the market.
    Tick,
    /// A batch.
    Batch,
}

/// Everything there is on a simulated day.
pub(super) struct World<'a> {
    pub(super) plan: &'a DayPlan,
    pub(super) draws: Draws,
    pub(super) market: Market,
    pub(super) travel: Arc<dyn TravelTime>,
    supply: LiveSupply<'a>,
    pub(super) fleet: Fleet<'a>,
    pub(super) agenda: Agenda,
    pub(super) watch: &'a mut dyn Watch,
    pub(super) now: Timestamp,
    /// By the number of the rider; those who have not asked yet have none.
    pub(super) wishes: Vec<Option<Wish>>,
    /// The riders of trips, by the trip's number less one.
    pub(super) riders: Vec<u32>,
    events: Vec<Event>,
    /// How many decisions the watcher was told of.
    decided: u64,
    pub(super) tally: Tally,
    goes_on: bool,
}

impl<'a> World<'a> {
    fn new(
        plan: &'a DayPlan,
        market: Market,
        travel: Arc<dyn TravelTime>,
        map: &'a LiveIndex,
        watch: &'a mut dyn Watch,
    ) -> Self {
        let at = |rider: Option<&Rider>| rider.map_or(Timestamp::default(), |one| one.at);
        let span = (at(plan.riders.first()), at(plan.riders.last()));
        let now = span.0.minus(LEAD);
        let tally = Tally { requests: plan.riders.len() as u64, span, ..Tally::default() };
        Self {
            plan,
            draws: Draws::new(plan.seed),
            market,
            travel,
            supply: LiveSupply::new(map, now),
            fleet: Fleet::new(plan, map, now),
            agenda: Agenda::default(),
            watch,
            now,
            wishes: vec![None; plan.riders.len()],
            riders: Vec::with_capacity(plan.riders.len()),
            events: Vec::new(),
            decided: 0,
            tally,
            goes_on: true,
        }
    }

    /// All drivers come to work, and the first rider is expected.
    fn begin(&mut self) {
        for cab in (0..).take(self.fleet.cabs.len()) {
            self.shift_begins(cab);
        }
        self.agenda.add(self.now, Due::Round { number: 0 });
        self.expect(0);
    }

    fn expect(&mut self, rider: u32) {
        if let Some(next) = self.plan.riders.get(rider as usize) {
            self.agenda.add(next.at, Due::Request { rider });
        }
    }

    fn step(&mut self) {
        let (at, next) = self.next();
        self.now = self.now.max(at);
        match next {
            Next::Due => {
                if let Some(due) = self.agenda.take() {
                    self.attend(due);
                }
            }
            Next::Tick => self.tell(Command::Tick),
            Next::Batch => self.batch(),
        }
        let asked = self.tally.asked + self.tally.refused;
        if asked == self.tally.requests && self.market.counts().open == 0 {
            self.goes_on = false;
        }
    }

    /// What comes first: at the same moment people, then timers, then batches.
    fn next(&self) -> (Timestamp, Next) {
        let far = Timestamp::from_millis(i64::MAX);
        let all = [
            (self.agenda.next_at(), Next::Due),
            (self.market.next_deadline(), Next::Tick),
            (self.market.next_batch(), Next::Batch),
        ];
        let first = all.into_iter().filter_map(|(at, next)| Some((at?, next)));
        first.min_by_key(|(at, _)| *at).unwrap_or((far, Next::Tick))
    }

    fn batch(&mut self) {
        self.watch.batch_begins();
        let reply = self.command(Command::MatchBatch);
        let Ok(Reply::Matched(matched)) = reply else { return };
        let riders = matched.requests as u64;
        self.watch.batch_ended(riders);
        if riders == 0 {
            return;
        }
        self.tally.batches += 1;
        self.tally.batched += riders;
        self.tally.largest_batch = self.tally.largest_batch.max(riders);
        if let Some(decision) = self.market.last_decision() {
            self.tally.etas += decision.spent.etas;
            self.tally.proven += u64::from(decision.proof == Proof::Within(Millis::ZERO));
        }
    }

    fn attend(&mut self, due: Due) {
        match due {
            Due::Round { number } => self.round(number),
            Due::Shift { cab, turn } => self.shift(cab, turn),
            Due::Arrival { cab, errand } => self.arrival(cab, errand),
            Due::Boarding { cab, errand } => self.boarding(cab, errand),
            Due::Answer { cab, trip, attempt, answer } => {
                let driver = self.fleet.cab(cab).id;
                let offer = self.plan.market.market.trip(trip).offer(attempt);
                self.tell(match answer {
                    Answer::Yes => Command::AcceptOffer { offer, driver },
                    Answer::No => Command::DeclineOffer { offer, driver },
                });
            }
            Due::Patience { rider } => self.patience_ends(rider),
            Due::Request { rider } => self.request(rider),
        }
    }

    fn round(&mut self, number: u64) {
        self.fleet.round(self.now, number);
        let pause = Millis(self.plan.habits.report_every.get() / u64::from(PARTS));
        self.agenda.add(self.now.plus(pause), Due::Round { number: number + 1 });
        if number.is_multiple_of(ROUNDS_A_BEAT) {
            self.fleet.advance(self.now);
            // Also when nothing is due: ended trips are forgotten by it.
            self.tell(Command::Tick);
            let riders = self.tally.asked + self.tally.refused;
            if self.watch.time_passes(self.now, riders).is_break() {
                self.goes_on = false;
            }
        }
    }

    fn request(&mut self, number: u32) {
        self.expect(number + 1);
        let Some(rider) = self.plan.riders.get(number as usize) else { return };
        let name = format!("rider-{:08}", u64::from(number) + 1);
        let (Ok(id), Ok(key)) = (name.parse(), name.parse()) else {
            unreachable!("{name} has letters, a dash and ten digits at most");
        };
        let journey = Journey {
            pickup: rider.pickup,
            dropoff: Some(rider.dropoff),
            passengers: rider.seats,
            needs: Needs::NONE,
        };
        let request = TripRequest { key, rider: id, journey, quote: None, urgency: Urgency::Batch };
        let trip = self.plan.market.market.trip(self.market.head().trips + 1);
        // Known before the events of the request are: an offer may be among them.
        self.wishes[number as usize] = Some(Wish { trip, cab: None });
        self.riders.push(number);
        if self.command(Command::RequestTrip(Box::new(request))).is_ok() {
            self.tally.asked += 1;
            let patience = self.draws.patience(number, &self.plan.habits);
            self.agenda.add(self.now.plus(patience), Due::Patience { rider: number });
        } else {
            self.tally.refused += 1;
            self.wishes[number as usize] = None;
            self.riders.pop();
        }
    }

    fn patience_ends(&mut self, number: u32) {
        let Some(wish) = self.wishes[number as usize] else { return };
        let trip = wish.trip;
        let Some(found) = self.market.trip(trip) else { return };
        // Whoever has the driver at the door stays.
        let waits = match found.state {
            TripState::Requested
            | TripState::Searching
            | TripState::Offered
            | TripState::Assigned
            | TripState::EnRoute => true,
            TripState::Arrived
            | TripState::InProgress
            | TripState::Completed
            | TripState::Cancelled
            | TripState::Unfulfilled => false,
        };
        if waits {
            let (rider, reason) = (found.request.rider, RiderReason::WaitedTooLong);
            self.tell(Command::CancelTrip { trip, rider, reason });
        }
    }

    fn shift(&mut self, number: u32, turn: u32) {
        let cab = self.fleet.cab(number);
        if cab.turn != turn {
            return;
        }
        let driver = cab.id;
        if cab.status == DriverStatus::Offline {
            self.shift_begins(number);
        } else {
            self.tell(Command::GoOffline { driver });
        }
    }

    fn shift_begins(&mut self, number: u32) {
        // As many drivers as the map has room for: it is never full.
        if self.fleet.sign_on(self.now, number).is_err() {
            return;
        }
        let cab = self.fleet.cab(number);
        cab.turn += 1;
        let (driver, turn) = (cab.id, cab.turn);
        let lasts = self.draws.shift(number, turn / 2, &self.plan.habits);
        self.agenda.add(self.now.plus(lasts), Due::Shift { cab: number, turn });
        self.tell(Command::GoOnline { driver });
    }

    /// A shift is over: the next begins when the cab has changed hands.
    fn shift_ended(&mut self, number: u32) {
        let cab = self.fleet.cab(number);
        cab.turn += 1;
        let turn = cab.turn;
        let pause = self.draws.handover(number, turn / 2, &self.plan.habits);
        self.agenda.add(self.now.plus(pause), Due::Shift { cab: number, turn });
    }

    /// Gives a command whose refusal is counted and changes nothing.
    pub(super) fn tell(&mut self, command: Command) {
        drop(self.command(command));
    }

    /// Gives the market a command, as a door does: statuses go into the map at once, then all hear of
    /// what has happened.
    fn command(&mut self, command: Command) -> Result<Reply, Refusal> {
        let mut events = std::mem::take(&mut self.events);
        self.supply.set_now(self.now);
        let reply = self.market.apply(self.now, command, &mut self.supply, &mut events);
        self.tally.commands += 1;
        if let Err(refusal) = &reply {
            *self.tally.refusals.entry(refusal.name()).or_default() += 1;
        }
        for decision in self.market.decisions_after(self.decided) {
            self.watch.decided(decision);
        }
        self.decided = self.market.decisions_made();
        for change in self.market.take_changes() {
            let number = self.fleet.number(&change.driver);
            let before = self.fleet.cab(number).status;
            self.fleet.becomes(self.now, number, change.status);
            if change.status == DriverStatus::Offline && before != DriverStatus::Offline {
                self.shift_ended(number);
            }
        }
        for event in &events {
            self.tally.events += 1;
            self.watch.happened(event);
            self.react(event);
        }
        events.clear();
        self.events = events;
        reply
    }

    fn end(mut self) -> Tally {
        let Tally { requests, asked, refused, served, unfulfilled, cancelled, .. } = self.tally;
        self.tally.unasked = requests - asked - refused;
        self.tally.open = asked - served - unfulfilled - cancelled;
        self.tally.settled_at = self.now;
        for cab in (0..).take(self.fleet.cabs.len()) {
            let status = self.fleet.cab(cab).status;
            self.fleet.becomes(self.now, cab, status);
            let spent = self.fleet.cab(cab).spent;
            for (sum, spent) in self.tally.spent.iter_mut().zip(spent) {
                *sum = Millis(sum.get() + spent.get());
            }
        }
        self.tally.reports = self.fleet.applied;
        self.tally.reports_refused = self.fleet.refused;
        self.tally
    }
}
