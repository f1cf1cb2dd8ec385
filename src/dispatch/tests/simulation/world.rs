//! The world around the market: the host with its journal, the clock, the network.

use super::STEPS;
use super::flaws::Flaw;
use super::reach::Reach;
use crate::dispatch::policy::POLICIES;
use crate::dispatch::tests::audit::Audit;
use crate::dispatch::tests::city::{City, Lies, place};
use crate::dispatch::tests::rig::{config, ten_m_s};
use crate::dispatch::{
    Command, Event, Fact, Head, Market, MarketConfig, Quote, Refusal, Reply, StatusChange, Trip,
    TripRequest, TripState,
};
use crate::geo::LatLng;
use crate::ids::{DriverId, RiderId, TripId};
use crate::model::{Capacity, Profile, Rating, VehicleTypes};
use crate::test_rng::Rng;
use crate::units::{Millis, Timestamp};

/// A market with a host that may die.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) rng: Rng,
    pub(super) flaw: Flaw,
    pub(super) config: MarketConfig,
    pub(super) market: Market,
    pub(super) city: City,
    /// True time.
    pub(super) now: Timestamp,
    /// What the clock shows beyond it.
    pub(super) skew: i64,
    /// Decided, told to nobody, gone with the process.
    pub(super) pending: Vec<Event>,
    /// On disk.
    pub(super) durable: Vec<Event>,
    /// What the events on disk say.
    pub(super) shadow: Market,
    /// The history as everybody sees it, and as it is on disk.
    pub(super) audit: Audit,
    pub(super) durable_audit: Audit,
    /// Trips whose riders will be told of them with the next commit, and those who have been.
    promises: Vec<TripId>,
    promised: Vec<TripId>,
    /// What the last snapshot kept.
    snapshot: Option<(Head, Vec<Trip>)>,
    /// Commands under way.
    pub(super) network: Vec<(Timestamp, Command)>,
    /// Statuses that the map has not heard of.
    stale: Vec<StatusChange>,
    pub(super) drivers: Vec<DriverId>,
    pub(super) riders: Vec<RiderId>,
    pub(super) requests: Vec<TripRequest>,
    pub(super) quotes: Vec<Quote>,
    pub(super) reach: Reach,
}

type Done = Result<(), String>;

pub(super) fn configured(seed: u64) -> MarketConfig {
    let window = if seed.is_multiple_of(5) { Millis::ZERO } else { Millis(2_000) };
    let small = seed.is_multiple_of(7);
    MarketConfig {
        window,
        open_trips: if small { 3 } else { 100 },
        open_trips_per_rider: if seed.is_multiple_of(3) { 2 } else { 1 },
        ended_kept: if small { 4 } else { 64 },
        ended_kept_for: Millis(1_200_000),
        patience: Millis(120_000),
        hash_seed: seed,
        ..config()
    }
}

fn market(config: &MarketConfig, head: Head, trips: Vec<Trip>) -> Result<Market, String> {
    // Each policy has every other seed.
    let seed = usize::try_from(config.hash_seed).unwrap_or_default();
    let policy = POLICIES[seed / 2 % POLICIES.len()].1();
    Market::restore(config.clone(), policy, ten_m_s(), head, trips).map_err(|e| e.to_string())
}

impl World {
    pub(super) fn new(seed: u64, flaw: Flaw) -> Self {
        let mut rng = Rng(seed);
        let config = configured(seed);
        let now = Timestamp::from_secs(1_700_000_000);
        let lies = if seed.is_multiple_of(11) { Lies::Yes } else { Lies::No };
        let mut city = City { now, lies, ..City::default() };
        let drivers: Vec<DriverId> =
            (0..3 + rng.below(6)).map(|i| format!("d{i}").parse().unwrap()).collect();
        for driver in &drivers {
            let position = anywhere(&mut rng);
            city.add(*driver, position).profile = profile(&mut rng);
        }
        let riders = (0..4 + rng.below(4)).map(|i| format!("r{i}").parse().unwrap()).collect();
        let fresh = || market(&config, Head::new(config.market), Vec::new()).unwrap();
        // A flaw of the configuration: the audit goes by what was agreed.
        let subject = market(&flaw.misconfigured(&config), Head::new(config.market), Vec::new());
        let audit = Audit::new(&config);
        Self {
            market: subject.unwrap(),
            shadow: fresh(),
            audit: audit.clone(),
            durable_audit: audit,
            pending: Vec::new(),
            durable: Vec::new(),
            promises: Vec::new(),
            promised: Vec::new(),
            snapshot: None,
            network: Vec::new(),
            stale: Vec::new(),
            requests: Vec::new(),
            quotes: Vec::new(),
            reach: Reach::default(),
            skew: 0,
            seed,
            rng,
            flaw,
            config,
            city,
            now,
            drivers,
            riders,
        }
    }

    /// One thing after another, with faults.
    pub(super) fn step(&mut self) -> Done {
        self.pass_time();
        self.deliver()?;
        if self.market.next_deadline().is_some_and(|at| at <= self.clock()) && self.rng.once_in(2) {
            self.tell(Command::Tick)?;
        }
        if self.market.next_batch().is_some_and(|at| at <= self.clock()) && self.rng.once_in(2) {
            self.tell(Command::MatchBatch)?;
        }
        match self.rng.below(10) {
            0..5 => self.driver_acts()?,
            5..9 => self.rider_acts()?,
            _ => self.tell(Command::Tick)?,
        }
        match self.rng.below(120) {
            0 => self.crash("crash")?,
            1 => self.fail()?,
            2..5 => self.keep_snapshot(),
            5..70 => self.commit()?,
            _ => {}
        }
        Ok(())
    }

    /// What the host's clock shows.
    pub(super) fn clock(&self) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis() + self.skew)
    }

    fn pass_time(&mut self) {
        let wait = match self.rng.below(200) {
            0 => 100_000_000,
            1 => 8_000_000,
            2..5 => 400_000,
            5..40 => self.rng.below(16_000),
            _ => self.rng.below(2_000),
        };
        if wait >= 400_000 {
            self.reach.count("jump forward");
        }
        self.now = self.now.plus(Millis(wait));
        self.skew = match self.rng.below(60) {
            0 => {
                self.reach.count("jump back");
                -3_600_000
            }
            1..20 => 0,
            _ => self.skew,
        };
        self.city.now = self.clock();
        let quiet = self.rng.below(self.drivers.len() as u64 * 4);
        for (i, cab) in (0..).zip(self.city.cabs.values_mut()) {
            if i != quiet {
                cab.at = self.city.now;
            }
        }
        let mover = self.pick_driver();
        self.city.cabs.get_mut(&mover).unwrap().position = anywhere(&mut self.rng);
    }

    pub(super) fn pick_driver(&mut self) -> DriverId {
        let at = self.rng.below(self.drivers.len() as u64);
        self.drivers[usize::try_from(at).unwrap()]
    }

    pub(super) fn pick_rider(&mut self) -> RiderId {
        let at = self.rng.below(self.riders.len() as u64);
        self.riders[usize::try_from(at).unwrap()]
    }

    /// Sends a command over a network that may lose, delay and repeat it.
    pub(super) fn send(&mut self, command: Command) -> Done {
        match self.rng.below(20) {
            0 => self.reach.count("lost command"),
            1..4 => {
                self.reach.count("late command");
                let late = self.now.plus(Millis(self.rng.below(40_000)));
                self.network.push((late, command));
            }
            4 => {
                self.reach.count("repeated command");
                let late = self.now.plus(Millis(self.rng.below(40_000)));
                self.network.push((late, command.clone()));
                self.tell(command)?;
            }
            _ => self.tell(command)?,
        }
        Ok(())
    }

    fn deliver(&mut self) -> Done {
        let (due, later) = std::mem::take(&mut self.network)
            .into_iter()
            .partition(|(at, _): &(Timestamp, Command)| *at <= self.now);
        self.network = later;
        for (_, command) in due {
            self.tell(command)?;
        }
        Ok(())
    }

    /// Hands a command to the market, and looks at everything.
    pub(super) fn tell(&mut self, command: Command) -> Done {
        let (head, first, clock) = (self.market.head(), self.pending.len(), self.clock());
        let (what, told) = (format!("{command:?}"), command.clone());
        let was_made = matches!(&told, Command::RequestTrip(request) if self.remembers(request));
        let mut applied = self.market.apply(clock, command, &mut self.city, &mut self.pending);
        self.flaw.spoil(&mut self.market, clock, &told, &mut applied, &mut self.pending);
        let after = |wrong: String| format!("after {what}: {wrong}");
        match &applied {
            Ok(Reply::Quoted(quote)) => self.quotes.push(*quote),
            Ok(Reply::Requested { trip, .. }) => self.promises.push(*trip),
            Ok(_) => {}
            Err(refusal) => {
                self.reach.count(refusal.name());
                if self.market.head() != head || self.pending.len() != first {
                    return Err(after(format!("refused ({refusal}) and changed")));
                }
            }
        }
        let makes = |event: &Event| matches!(event.fact, Fact::TripRequested { .. });
        if was_made && self.pending[first..].iter().any(makes) {
            return Err(after("a request has made two trips".to_owned()));
        }
        for event in &self.pending[first..] {
            self.reach.count(event.fact.kind().name());
            self.audit
                .take(event, &self.city)
                .map_err(|wrong| after(format!("{wrong}: {event:?}")))?;
        }
        let queued = |trip: &Trip| trip.state == TripState::Assigned;
        if self.pending[first..]
            .iter()
            .any(|event| self.market.trip(event.trip).is_some_and(queued))
        {
            self.reach.count("trip queued behind another");
        }
        self.market.check().map_err(|violation| after(violation.to_string()))?;
        self.audit.compare(&self.market).map_err(after)?;
        self.tell_map();
        Ok(())
    }

    /// Whether a request has made a trip that is remembered, found without the table of keys.
    fn remembers(&self, request: &TripRequest) -> bool {
        let mut all = self.market.open_trips().chain(self.market.ended_trips());
        all.any(|trip| (trip.request.rider, trip.request.key) == (request.rider, request.key))
    }

    fn tell_map(&mut self) {
        self.stale.extend(self.market.take_changes());
        if self.rng.once_in(10) {
            self.reach.count("stale map");
        } else {
            self.city.change(self.stale.drain(..));
        }
    }

    /// Everything decided so far is on disk, and may be told.
    fn commit(&mut self) -> Done {
        let mut written = std::mem::take(&mut self.pending);
        self.flaw.lose(&mut written);
        self.write(written)?;
        self.promised.append(&mut self.promises);
        Ok(())
    }

    fn write(&mut self, events: Vec<Event>) -> Done {
        for event in &events {
            self.shadow.evolve(event).map_err(|error| format!("on disk: {error}"))?;
            self.durable_audit.take(event, &self.city)?;
            self.reach.digest = digest(self.reach.digest, event);
        }
        self.durable.extend(events);
        Ok(())
    }

    /// The process dies; of what was being written any part may be on disk.
    fn crash(&mut self, why: &str) -> Done {
        self.reach.count(why);
        let survive = self.rng.below(self.pending.len() as u64 + 1);
        let mut written = std::mem::take(&mut self.pending);
        let torn = written.get(usize::try_from(survive).unwrap());
        if survive > 0 && torn.is_some_and(|event| event.trip == written[0].trip) {
            self.reach.count("crash between two events of one command");
        }
        written.truncate(usize::try_from(survive).unwrap());
        self.write(written)?;
        self.restart()
    }

    /// The disk fails: what was not acknowledged is gone, and with it the state that knows of it.
    fn fail(&mut self) -> Done {
        self.reach.count("journal error");
        self.pending.clear();
        self.restart()
    }

    fn keep_snapshot(&mut self) {
        let ended = self.shadow.ended_trips();
        let ended = ended.skip(self.shadow.counts().ended.saturating_sub(50));
        let trips = self.shadow.open_trips().chain(ended).cloned().collect();
        self.snapshot = Some((self.shadow.head(), trips));
    }

    fn restart(&mut self) -> Done {
        self.promises.clear();
        let from = if self.snapshot.is_some() { "a snapshot" } else { "the beginning" };
        self.reach.count(&format!("restored from {from}"));
        let beginning = || (Head::new(self.config.market), Vec::new());
        let (head, trips) = self.snapshot.clone().unwrap_or_else(beginning);
        self.market = market(&self.flaw.misconfigured(&self.config), head, trips)?;
        let known = usize::try_from(head.seq.0).unwrap();
        for event in &self.durable[known..] {
            self.market.evolve(event).map_err(|error| format!("restoring: {error}"))?;
        }
        self.audit = self.durable_audit.clone();
        self.is_the_shadow()?;
        self.stale.clear();
        self.quotes.retain(|_| false);
        self.city.change(self.market.take_changes());
        // Apps notice, and come back: whoever is not bound says what he or she is doing.
        for driver in self.drivers.clone() {
            if self.market.driver_status(&driver).is_none() {
                self.tell(Command::GoOnline { driver })?;
            }
        }
        Ok(())
    }

    /// Whether the market is what the durable events say.
    fn is_the_shadow(&self) -> Done {
        let (mine, truth) = (&self.market, &self.shadow);
        let open = |market: &Market| market.open_trips().cloned().collect::<Vec<_>>();
        if mine.head() != truth.head() || open(mine) != open(truth) {
            return Err(format!("restored {:?}, on disk is {:?}", mine.head(), truth.head()));
        }
        mine.check().map_err(|violation| violation.to_string())?;
        self.durable_audit.compare(mine)
    }

    /// The faults stop: every open trip ends.
    pub(super) fn settle(&mut self) -> Done {
        self.skew = 0;
        self.network.clear();
        self.now = self.now.max(self.shadow.head().at).plus(Millis(4_000_000));
        self.city.now = self.now;
        let helped = self.seed.is_multiple_of(2);
        self.reach.count(if helped { "settled with help" } else { "settled by timers" });
        for _ in 0..40 * STEPS {
            if self.market.counts().open == 0 {
                self.tell(Command::Tick)?;
                self.commit()?;
                return self.has_settled();
            }
            if helped {
                self.now = self.now.plus(Millis(3_000));
                self.city.now = self.now;
                for cab in self.city.cabs.values_mut() {
                    cab.at = self.now;
                }
                self.tell(Command::Tick)?;
                self.tell(Command::MatchBatch)?;
                self.everybody_helps()?;
            } else {
                let next = self.market.next_deadline().ok_or("open trips, and nothing is due")?;
                self.now = self.now.max(next);
                self.tell(Command::Tick)?;
            }
            self.commit()?;
        }
        Err(format!("does not settle: {:?}", self.market.counts()))
    }

    fn has_settled(&self) -> Done {
        let counts = self.market.counts();
        if counts.bound_drivers != 0 || self.market.next_deadline().is_some() {
            return Err(format!("nothing is open, but {counts:?}"));
        }
        if self.durable_audit.seq() != self.market.head().seq {
            return Err("the disk knows less than was told".to_owned());
        }
        if let Some(trip) = self.promised.iter().find(|trip| !self.durable_audit.is_over(**trip)) {
            return Err(format!("trip {trip} was promised and has no end"));
        }
        self.is_the_shadow()
    }
}

/// A refusal or a reply, as the flaws may change it.
pub(super) type Applied = Result<Reply, Refusal>;

fn anywhere(rng: &mut Rng) -> LatLng {
    let meters = |rng: &mut Rng| f64::from(i32::try_from(rng.within(-2_000, 2_000)).unwrap());
    place(meters(rng), meters(rng))
}

pub(super) fn destination(rng: &mut Rng) -> LatLng {
    anywhere(rng)
}

fn profile(rng: &mut Rng) -> Profile {
    let bits = |rng: &mut Rng, most| u32::try_from(rng.below(most)).unwrap();
    Profile {
        vehicle_types: VehicleTypes::try_from(1 + bits(rng, 3)).unwrap(),
        capacity: Capacity::try_from(2 + bits(rng, 4)).unwrap(),
        rating: Rating::BEST,
        ..Profile::default()
    }
}

/// FNV-1a over what identifies an event.
fn digest(sum: u64, event: &Event) -> u64 {
    let sum = if sum == 0 { 0xcbf2_9ce4_8422_2325 } else { sum };
    let text = format!("{event:?}");
    text.bytes().fold(sum, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
