//! The market's thread: take what waits, apply it, commit it, and only then tell anybody.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::HostConfig;
use super::attend::{Attendance, Claim, News, concerns};
use super::behind::Behind;
use super::error::{HostError, HostStartError};
use super::fleet::{Attend, FleetLine};
use super::handle::MarketHandle;
use super::ledger::Ledger;
use super::lines::Lines;
use super::restore::restore;
use super::shared::{HostState, Shared};
use super::supply::HostSupply;
use crate::clock::{self, Clock};
use crate::dispatch::policy::Decision;
use crate::dispatch::{
    Command, Event, Fact, Market, MarketConfig, Matched, Refusal, Reply, StatusChange,
};
use crate::ids::{DriverId, TripId};
use crate::journal::{CommitError, Retention, Stream, StreamId};
use crate::limits;
use crate::model::DriverStatus;
use crate::records;
use crate::units::{Millis, Timestamp};

/// Whoever waits for the answer to a command.
type Answer<T> = oneshot::Sender<Result<T, HostError>>;

/// Looks at a market, or is told why nobody can.
pub(super) type Look = Box<dyn FnOnce(Result<&Market, HostError>) + Send>;

/// What waits in the queue.
pub(super) enum Item {
    /// A command.
    Do {
        /// Which.
        command: Command,
        /// Who wants to know.
        answer: Answer<Reply>,
    },
    /// A driver who wants to be told.
    Attend {
        /// Who.
        driver: DriverId,
        /// Since when.
        claim: Claim,
        /// Who wants to know.
        answer: Answer<Attendance>,
    },
    /// A gateway that wants to be told.
    OpenFleet {
        /// Who wants to know.
        answer: Answer<FleetLine>,
    },
    /// Drivers of whom a gateway wants to be told.
    AttendFleet(Attend),
    /// A question.
    Look(Look),
    /// Nothing: the thread looks whether it has to stop.
    Wake,
}

/// Whether commands are taken.
enum Health {
    /// They are.
    Up,
    /// Not before this moment; then the market is restored from what is durable.
    Postponed { until: Instant, reason: String },
    /// Not until a restart.
    Dead { reason: String },
}

/// What is told once all of it is durable.
#[derive(Default)]
struct Turn {
    events: Vec<Event>,
    answers: Vec<(Answer<Reply>, Result<Reply, HostError>)>,
    attends: Vec<(DriverId, Claim, Answer<Attendance>)>,
    fleets: Vec<Attend>,
    looks: Vec<Look>,
    news: Vec<(DriverId, Box<News>)>,
    decisions: Vec<Arc<Decision>>,
}

impl Turn {
    /// Whether nobody is to be told anything.
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.items() == 0
    }

    fn items(&self) -> usize {
        let fleets: usize = self.fleets.iter().map(|attend| attend.drivers.len()).sum();
        self.answers.len() + self.attends.len() + self.looks.len() + fleets
    }
}

pub(super) struct Worker {
    config: HostConfig,
    shared: Arc<Shared>,
    queue: Receiver<Item>,
    market: Market,
    lines: Lines,
    ledger: Ledger,
    health: Health,
    behind: Behind,
    /// Whether a batch was due for which the last commit had no room: the next one takes no more than
    /// one command before it.
    batch_waits: bool,
    /// Decisions of this market that were written down, or are to be in this turn.
    noted: u64,
    /// When the core is told next that time has passed, whatever is due.
    tick_at: Instant,
    /// When lines are tidied and history is pruned next.
    upkeep_at: Instant,
}

impl Worker {
    pub(super) fn new(config: HostConfig) -> Result<(Self, MarketHandle), HostStartError> {
        let (journal, metrics) = (Arc::clone(&config.journal), Arc::clone(&config.metrics));
        let market = restored(&config)?;
        let policy = (config.policy)().name();
        let (head, counts) = (market.head(), market.counts());
        let state = HostState { head, counts, policy, down: None };
        let archive = config.decisions.as_ref().map(|(_, archive)| archive.clone());
        let shared = Arc::new(Shared::new(state, journal, archive, metrics));
        let (sender, queue) = sync_channel(limits::MAX_MARKET_QUEUE);
        let handle = MarketHandle::new(Arc::clone(&shared), sender);
        let now = clock::stopwatch();
        let mut worker = Self {
            config,
            shared,
            queue,
            market,
            lines: Lines::default(),
            ledger: Ledger::default(),
            health: Health::Up,
            behind: Behind::default(),
            batch_waits: false,
            noted: 0,
            tick_at: now,
            upkeep_at: now + UPKEEP,
        };
        // Before the first question, so that nobody who is bound is taken to be free.
        worker.tell_map();
        worker.tell_state();
        Ok((worker, handle))
    }

    /// Works until the host stops.
    pub(super) fn run(mut self) {
        let _told = ToldOfPanic(Arc::clone(&self.shared));
        while !self.shared.is_stopping() {
            match self.queue.recv_timeout(self.wait()) {
                Ok(item) => self.turn(Some(item)),
                Err(RecvTimeoutError::Timeout) => self.turn(None),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        // Those who still wait find that the market has ended, and so do those who watch.
        self.shared.watched.end();
    }

    /// How long nothing has to be done unless somebody asks.
    fn wait(&self) -> Duration {
        let idle = self.tick_at.saturating_duration_since(clock::stopwatch());
        let due = [self.market.next_deadline(), self.market.next_batch()];
        let Some(due) = due.into_iter().flatten().min() else { return idle };
        if !matches!(self.health, Health::Up) {
            return idle;
        }
        let left = match &*self.config.clock {
            Clock::Wall => Duration::from_millis(due.since(self.config.clock.now()).get()),
            // Nobody says how fast a recorded day passes.
            Clock::Trace(_) => Duration::from_millis(limits::TRACE_CLOCK_POLL_MS),
        };
        idle.min(left)
    }

    /// Takes what waits, and what is due, from the queue to the answers.
    fn turn(&mut self, first: Option<Item>) {
        let now = self.config.clock.now();
        self.recover();
        let mut turn = Turn::default();
        let mut next = first;
        while let Some(item) = next {
            self.take(now, item, &mut turn);
            let room = turn.items() < limits::MARKET_TURN_COMMANDS && self.ledger.has_room();
            next = if room && !self.batch_waits { self.queue.try_recv().ok() } else { None };
        }
        let present = clock::stopwatch();
        let ticks = present >= self.tick_at;
        if ticks {
            self.tick_at = present + TICK;
        }
        if matches!(self.health, Health::Up) && now != Clock::UNSTARTED {
            if ticks || self.market.next_deadline().is_some_and(|at| at <= now) {
                self.internal(now, Command::Tick, &mut turn);
            }
            self.match_batch(now, &mut turn);
            if ticks {
                let latest = self.market.latest();
                self.behind.look(self.shared.market, latest, now, &self.shared.metrics);
            }
        }
        // Whoever is told of a failure needs no commit; whoever is told anything else needs one, also
        // of nothing: the journal says whether this process still may tell.
        let quiet = turn.is_empty() || !matches!(self.health, Health::Up);
        let committed = if quiet { Ok(()) } else { self.commit(&turn.events) };
        match committed {
            Ok(()) => self.publish(turn),
            Err(error) => self.fail(&error, turn),
        }
        self.upkeep();
    }

    fn take(&mut self, now: Timestamp, item: Item, turn: &mut Turn) {
        let refusal = self.refusal(now);
        match item {
            Item::Wake => {}
            Item::Do { command, answer } => {
                let outcome = match refusal {
                    Some(error) => Err(error),
                    None => self.carry_out(now, command, turn).map_err(HostError::from),
                };
                turn.answers.push((answer, outcome));
            }
            Item::Attend { driver, claim, answer } => match refusal {
                // Whoever was told is told no more: nobody here knows how things stand.
                Some(error) => drop(answer.send(Err(error))),
                None => turn.attends.push((driver, claim, answer)),
            },
            Item::OpenFleet { answer } => {
                // Nobody is on it yet: nothing of it depends on what is durable.
                let line = refusal.map_or_else(|| Ok(self.lines.open_fleet()), Err);
                drop(answer.send(line));
            }
            // Its line has ended with the market's health.
            Item::AttendFleet(_) if refusal.is_some() => {}
            Item::AttendFleet(attend) => turn.fleets.push(attend),
            Item::Look(look) => match refusal {
                Some(error @ HostError::Down { .. }) => look(Err(error)),
                _ => turn.looks.push(look),
            },
        }
    }

    /// Why no command is taken, if none is.
    fn refusal(&self, now: Timestamp) -> Option<HostError> {
        let market = self.shared.market;
        match &self.health {
            Health::Postponed { reason, .. } | Health::Dead { reason } => {
                Some(HostError::Down { market, reason: reason.clone() })
            }
            Health::Up if now == Clock::UNSTARTED => Some(HostError::NoTime { market }),
            Health::Up => None,
        }
    }

    /// Does a command; one about a trip that the core has forgotten is tried again with what history
    /// knows of it.
    fn carry_out(
        &mut self,
        now: Timestamp,
        command: Command,
        turn: &mut Turn,
    ) -> Result<Reply, Refusal> {
        let again = command.clone();
        let mut outcome = self.apply(now, command, turn);
        if let Err(Refusal::UnknownTrip { trip }) = outcome
            && self.recall(trip)
        {
            outcome = self.apply(now, again, turn);
        }
        if let Err(refusal) = &outcome {
            self.shared.metrics.refused(refusal.name());
        }
        outcome
    }

    fn recall(&mut self, trip: TripId) -> bool {
        match self.shared.journal.stream(StreamId(trip.number())) {
            Ok(Some(Stream::Ended(ended))) => match records::decode_trip(&ended.state) {
                Ok(ended) => self.market.recall(ended),
                Err(error) => {
                    tracing::error!(%trip, %error, "an ended trip cannot be read");
                    false
                }
            },
            Ok(_) => false,
            Err(error) => {
                tracing::error!(%trip, %error, "an ended trip cannot be read");
                false
            }
        }
    }

    fn apply(
        &mut self,
        now: Timestamp,
        command: Command,
        turn: &mut Turn,
    ) -> Result<Reply, Refusal> {
        let first = turn.events.len();
        let map = Arc::clone(&self.config.map);
        let mut supply = HostSupply::new(&*map, now);
        let outcome = self.market.apply(now, command, &mut supply, &mut turn.events);
        self.tell_map();
        self.note_decisions(turn);
        let events = &turn.events[first..];
        self.ledger.add(events, &self.market);
        for event in events {
            let Some(trip) = self.market.trip(event.trip) else { continue };
            self.shared.metrics.happened(event.fact.kind());
            match event.fact {
                Fact::OfferMade { attempt: 1, .. } => {
                    self.shared.metrics.to_offer.record(seconds(event.at, trip.requested_at));
                }
                Fact::OfferAccepted { .. } => {
                    self.shared.metrics.to_assignment.record(seconds(event.at, trip.requested_at));
                }
                _ => {}
            }
            if let Some(driver) = concerns(event, trip)
                && self.lines.has(&driver)
            {
                let news = News { event: event.clone(), request: trip.request };
                turn.news.push((driver, Box::new(news)));
            }
        }
        outcome
    }

    /// Takes what the core has decided: it is written down once what came of it is durable.
    fn note_decisions(&mut self, turn: &mut Turn) {
        let made = self.market.decisions_made();
        if let Some((sink, _)) = self.config.decisions.as_ref().filter(|_| made > self.noted) {
            let before = turn.decisions.len();
            turn.decisions.extend(self.market.decisions_after(self.noted).map(Arc::clone));
            // Those that the core has forgotten already.
            sink.miss(made - self.noted - (turn.decisions.len() - before) as u64);
        }
        self.noted = made;
    }

    /// Matches those who wait, if their window is over and the commit has room for what comes of it.
    fn match_batch(&mut self, now: Timestamp, turn: &mut Turn) {
        let due = self.market.next_batch().filter(|at| *at <= now);
        self.batch_waits = due.is_some() && !self.ledger.has_room_for_window();
        if let Some(due) = due.filter(|_| !self.batch_waits) {
            let begun = clock::stopwatch();
            let matched = self.internal(now, Command::MatchBatch, turn);
            if let Some(Reply::Matched(Matched { requests, .. })) = matched {
                self.shared.metrics.batch_late.record(seconds(now, due));
                self.shared.metrics.batch_seconds.record(begun.elapsed());
                self.shared.metrics.batch_requests.record(requests as f64);
            }
        }
    }

    /// A command of the host's own, which cannot be refused.
    fn internal(&mut self, now: Timestamp, command: Command, turn: &mut Turn) -> Option<Reply> {
        let name = command.name();
        match self.apply(now, command, turn) {
            Ok(reply) => Some(reply),
            Err(refusal) => {
                tracing::error!(%refusal, command = name, "the market refuses its host");
                None
            }
        }
    }

    fn commit(&mut self, events: &[Event]) -> Result<(), CommitError> {
        let begun = clock::stopwatch();
        let committed = self.shared.journal.commit(self.ledger.seal(&self.market));
        self.ledger.clear();
        committed?;
        if events.is_empty() {
            return Ok(());
        }
        self.shared.metrics.commit_seconds.record(begun.elapsed());
        self.shared.metrics.commit_events.record(events.len() as f64);
        Ok(())
    }

    /// All of it is durable: tells everybody.
    fn publish(&mut self, turn: Turn) {
        if !turn.events.is_empty() {
            self.tell_state();
        }
        for (answer, outcome) in turn.answers {
            // Whoever asked may be gone.
            drop(answer.send(outcome));
        }
        self.shared.watched.publish(&turn.events);
        if let Some((sink, _)) = &self.config.decisions {
            turn.decisions.iter().for_each(|decision| sink.record(decision));
        }
        for (driver, news) in turn.news {
            self.lines.tell(&driver, news);
        }
        // After the news: what these are shown has it all.
        for (driver, claim, answer) in turn.attends {
            let attendance = self.lines.open(driver, claim, &self.market);
            drop(answer.send(Ok(attendance)));
        }
        for attend in turn.fleets {
            self.lines.attend(attend, &self.market);
        }
        for look in turn.looks {
            look(Ok(&self.market));
        }
    }

    /// Nothing of it may be told: what the core knows is ahead of what is durable.
    fn fail(&mut self, error: &CommitError, turn: Turn) {
        let reason = error.to_string();
        tracing::error!(market = %self.shared.market, %error, "a commit failed");
        self.health = if passes(error) {
            let until = clock::stopwatch() + RETRY;
            Health::Postponed { until, reason: reason.clone() }
        } else {
            Health::Dead { reason: reason.clone() }
        };
        self.shared.metrics.down.set(1.0);
        self.shared.set_state(HostState { down: Some(reason.clone()), ..self.shared.state() });
        let down = || HostError::Down { market: self.shared.market, reason: reason.clone() };
        for (answer, _) in turn.answers {
            drop(answer.send(Err(down())));
        }
        for (_, _, answer) in turn.attends {
            drop(answer.send(Err(down())));
        }
        for look in turn.looks {
            look(Err(down()));
        }
        if matches!(self.health, Health::Dead { .. }) {
            // Nothing will be known of trips here any more.
            self.shared.watched.end();
            self.lines.end_for_good(&reason);
        } else {
            // Their apps come back, and learn how things stand when that is known.
            self.lines.end(&reason);
        }
    }

    /// Goes back to what is durable, once it is time to try again.
    fn recover(&mut self) {
        let Health::Postponed { until, reason } = &self.health else { return };
        let present = clock::stopwatch();
        if present < *until {
            return;
        }
        let reason = reason.clone();
        match restored(&self.config) {
            Ok(market) => {
                self.market = market;
                self.noted = 0;
                self.health = Health::Up;
                for driver in self.shared.unbind_all() {
                    if self.market.driver_status(&driver).is_none() {
                        self.tell_map_of(driver, DriverStatus::Available);
                    }
                }
                self.tell_map();
                self.tell_state();
            }
            Err(error) => {
                tracing::error!(market = %self.shared.market, %error, "cannot go back");
                self.health = Health::Postponed { until: present + RETRY, reason };
            }
        }
    }

    /// Writes statuses that have changed into the live map.
    fn tell_map(&mut self) {
        let changes: Vec<StatusChange> = self.market.take_changes().collect();
        for StatusChange { driver, status } in changes {
            self.shared.bind(driver, status);
            self.tell_map_of(driver, status);
        }
    }

    /// A driver whom the map does not know is told of when it does: by whoever makes it known.
    fn tell_map_of(&self, driver: DriverId, status: DriverStatus) {
        if let Some(key) = self.config.map.find(&driver) {
            self.config.map.set_status(key, status);
        }
    }

    fn tell_state(&self) {
        let (head, counts) = (self.market.head(), self.market.counts());
        let policy = self.shared.state().policy;
        self.shared.metrics.down.set(0.0);
        self.shared.metrics.set_open(&counts.by_state);
        self.shared.set_state(HostState { head, counts, policy, down: None });
    }

    /// What history may be removed: nothing that the core remembers and may still amend.
    pub(super) fn retention(&self) -> Retention {
        let (head, ended) = (self.market.head(), self.market.counts().ended as u64);
        let kept_for = self.config.keep_history.max(self.config.market.ended_kept_for);
        Retention { before: head.at.minus(kept_for), keep: self.config.keep_trips.max(ended) }
    }

    /// What has to be done now and then.
    fn upkeep(&mut self) {
        let present = clock::stopwatch();
        if present < self.upkeep_at || !matches!(self.health, Health::Up) {
            return;
        }
        self.upkeep_at = present + UPKEEP;
        self.lines.tidy();
        match self.shared.journal.prune(self.retention()) {
            Ok(pruned) if pruned.streams > 0 => {
                tracing::info!(trips = pruned.streams, bytes = pruned.bytes, "history was pruned");
            }
            Ok(_) => {}
            Err(error) => self.fail(&error, Turn::default()),
        }
    }
}

/// Tells everybody, should an invariant be broken: the market's thread ends then, and is not begun
/// anew before a restart.
struct ToldOfPanic(Arc<Shared>);

impl Drop for ToldOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let down = Some("its thread has panicked; the journal is intact".to_owned());
            self.0.metrics.down.set(1.0);
            self.0.set_state(HostState { down, ..self.0.state() });
            self.0.watched.end();
        }
    }
}

/// How often the core is told that time has passed.
const TICK: Duration = Duration::from_secs(1);

/// How long commands are refused after a commit that may succeed later.
const RETRY: Duration = Duration::from_millis(limits::RETRY_AFTER_MS);

/// How often lines are tidied and history is pruned.
const UPKEEP: Duration = Duration::from_mins(1);

fn restored(config: &HostConfig) -> Result<Market, HostStartError> {
    let (policy, travel) = ((config.policy)(), Arc::clone(&config.travel));
    // What the journal would refuse is refused by name before.
    let open_trips = config.market.open_trips.min(limits::MAX_JOURNAL_OPEN_STREAMS);
    let market = MarketConfig { open_trips, ..config.market.clone() };
    restore(market, policy, travel, &*config.journal)
}

/// Whether a commit after this one may succeed without a restart: all errors that leave the journal as
/// it was, so that the market can go back to it.
const fn passes(error: &CommitError) -> bool {
    !matches!(error, CommitError::Failed(_) | CommitError::Poisoned(_))
}

fn seconds(later: Timestamp, earlier: Timestamp) -> Duration {
    let Millis(millis) = later.since(earlier);
    Duration::from_millis(millis)
}
