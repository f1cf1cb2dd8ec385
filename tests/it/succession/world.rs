//! Processes with clocks of their own on one Redis, over a network that loses and delays, with pauses,
//! deaths, outages and floods of all kinds. A moment is a millisecond.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use hansom::clock::stopwatch;
use hansom::limits::PEER_PATIENCE_MS;
use hansom::succession::{
    Answer, Change, Extension, Heard, Held, Lease, Open, Peer, Standing, Step, Terms,
};
use hansom::units::Millis;

use super::model::{By, Model, peer};
use super::support::Chance;

pub(super) const TTL: u64 = 3_000;

/// How long a process waits for Redis.
const REDIS_TIMEOUT: u64 = 600;

/// A letter between processes that takes longer has met a bad network.
const PROMPT: u64 = 20;

/// How a process goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// It counts from when the answer came.
    CountsFromTheAnswer,
    /// It takes what nobody seems to have at once.
    TakesBareAtOnce,
    /// It says that its lease is valid when it is over, and believes that it is restored.
    NeverOver,
    /// It promises to hold back, and does not.
    BreaksPromises,
    /// It takes over without asking whoever may run the market.
    AsksNobody,
    /// It waits for their answers for a tenth of the time.
    Impatient,
    /// It goes on without asking the standbys that it knows of.
    GoesOnRegardless,
    /// It counts promises from when they came.
    CountsPromisesFromTheAnswer,
}

/// What happens, one in so many milliseconds; 0 never.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) flush: u64,
    pub(super) outage: u64,
    pub(super) pause: u64,
    pub(super) death: u64,
    /// One process is cut off from Redis.
    pub(super) cut_from_redis: u64,
    /// Two processes are cut off from each other.
    pub(super) cut: u64,
    /// One letter of so many is lost, and as many are late.
    pub(super) bad_letter: u64,
}

/// What has been seen: an oracle that sees nothing says nothing.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) gained: u64,
    pub(super) stepped_down: u64,
    pub(super) bare: u64,
    pub(super) restored: u64,
    pub(super) unanswered: u64,
    pub(super) pauses_over_the_end: u64,
    pub(super) promises: u64,
    pub(super) strides: u64,
    /// Somebody who wanted to take over was told that somebody runs the market.
    pub(super) warned: u64,
    pub(super) active_ms: u64,
    /// While Redis was gone for longer than any lease.
    pub(super) outage_ms: u64,
    pub(super) active_in_outage_ms: u64,
    /// Two were active, and the later had not been able to find out.
    pub(super) hole: u64,
    /// Two were active, and should not have been.
    pub(super) two: u64,
}

enum Mail {
    Hold { token: u64, span: Millis, sent: Instant },
    HoldBack { token: u64, sent: Instant, said: Held },
    Running { round: u64 },
    Runs { round: u64, said: Option<Heard> },
    Redis { number: u64, answer: Answer },
}

struct Letter {
    at: u64,
    to: String,
    from: String,
    mail: Mail,
}

/// A command on its way to Redis, which carries it out whether or not anybody waits.
struct Command {
    at: u64,
    from: String,
    number: u64,
    floor: u64,
    step: Step,
}

/// Whom a process asks that wants to take over.
struct Inquiry {
    round: u64,
    deadline: Instant,
    open: BTreeSet<String>,
    asked: BTreeSet<String>,
    /// Letters to or from these were lost or late.
    bad: BTreeSet<String>,
}

struct Process {
    name: String,
    lease: Lease,
    /// Its clock runs at so many thousandths of the true speed.
    pace: u64,
    /// The number of a question to Redis, and when it is given up.
    asked: Option<(u64, u64)>,
    inquiry: Option<Inquiry>,
    /// Whom it had asked, without a letter that was lost or late, when it took the lease.
    had_asked: BTreeSet<String>,
    /// Who knew of it as a standby then.
    known_to: BTreeSet<String>,
    paused_until: u64,
}

pub(super) struct World<'a> {
    epoch: Instant,
    now: u64,
    chance: Chance,
    weather: Weather,
    flaw: Flaw,
    redis: Model,
    down: Option<(u64, u64)>,
    commands: Vec<Command>,
    letters: Vec<Letter>,
    processes: Vec<Process>,
    cut_from_redis: BTreeMap<String, u64>,
    cuts: BTreeMap<(String, String), u64>,
    numbers: u64,
    tally: &'a mut Tally,
}

impl Process {
    fn new(name: String, pace: u64) -> Self {
        let lease = Lease::new(Terms::For(Millis(TTL)), 0);
        let (had_asked, known_to) = (BTreeSet::new(), BTreeSet::new());
        Self { name, lease, pace, asked: None, inquiry: None, had_asked, known_to, paused_until: 0 }
    }

    fn clock(&self, epoch: Instant, now: u64) -> Instant {
        epoch + Duration::from_micros(now * self.pace)
    }

    /// Whether it relies on the lease at a moment, were it to look.
    fn acts(&self, epoch: Instant, now: u64) -> bool {
        match self.lease.open_until() {
            Open::Never => false,
            Open::Until(until) => self.clock(epoch, now) < until,
            Open::Always => true,
        }
    }
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, flaw: Flaw, weather: Weather, tally: &'a mut Tally) -> Self {
        let mut chance = Chance::new(seed);
        let processes =
            (0..3).map(|number| Process::new(format!("p{number}"), 900 + chance.below(201)));
        Self {
            epoch: stopwatch(),
            now: 0,
            processes: processes.collect(),
            chance,
            weather,
            flaw,
            redis: Model::default(),
            down: None,
            commands: Vec::new(),
            letters: Vec::new(),
            cut_from_redis: BTreeMap::new(),
            cuts: BTreeMap::new(),
            numbers: 3,
            tally,
        }
    }

    pub(super) fn run(mut self, until: u64) {
        while self.now < until {
            self.happen();
            self.carry_out();
            for place in 0..self.processes.len() {
                if self.now >= self.processes[place].paused_until {
                    self.live(place);
                }
            }
            self.look();
            self.now += 1;
        }
    }

    fn once_in(&mut self, times: u64) -> bool {
        times > 0 && self.chance.once_in(times)
    }

    /// What nobody wants.
    fn happen(&mut self) {
        if self.once_in(self.weather.flush) {
            self.redis.flush();
        }
        if self.down.is_some_and(|(_, until)| until <= self.now) {
            self.down = None;
        }
        if self.down.is_none() && self.once_in(self.weather.outage) {
            self.down = Some((self.now, self.now + self.chance.below(8 * TTL)));
        }
        for place in 0..self.processes.len() {
            let until = self.now + self.chance.below(4 * TTL);
            let name = self.processes[place].name.clone();
            if self.once_in(self.weather.cut_from_redis) {
                self.cut_from_redis.insert(name.clone(), until);
            }
            let other = (place + 1) % self.processes.len();
            if self.once_in(self.weather.cut) {
                let other = self.processes[other].name.clone();
                self.cuts.insert((name.clone(), other.clone()), until);
                self.cuts.insert((other, name), until);
            }
            if self.now >= self.processes[place].paused_until && self.once_in(self.weather.pause) {
                let pause = self.chance.below(3 * TTL);
                let acts = self.processes[place].acts(self.epoch, self.now);
                self.tally.pauses_over_the_end += u64::from(pause > TTL && acts);
                self.processes[place].paused_until = self.now + pause;
            }
            if self.once_in(self.weather.death) {
                let (name, pace) = (format!("p{}", self.numbers), 900 + self.chance.below(201));
                self.numbers += 1;
                self.processes[place] = Process::new(name, pace);
            }
        }
    }

    /// Redis does what has reached it.
    fn carry_out(&mut self) {
        if self.down.is_some() {
            return;
        }
        let now = self.now;
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.commands).into_iter().partition(|command| command.at <= now);
        self.commands = later;
        due.sort_by_key(|command| command.at);
        for Command { from, number, floor, step, .. } in due {
            let by = By { owner: &from, ttl: TTL };
            let answer = match step {
                Step::Look => match self.redis.look(now, by) {
                    Answer::Bare if self.flaw == Flaw::TakesBareAtOnce => {
                        self.redis.seize(now, by, floor, now)
                    }
                    answer => answer,
                },
                Step::Claim { after } => self.redis.claim(now, by, floor, after, now),
                Step::Renew { token, standing } => self.redis.renew(now, by, token, standing),
                Step::Ask { .. } | Step::Wait { .. } | Step::Seize => {
                    unreachable!("it is not sent")
                }
            };
            if !self.is_cut_from_redis(&from) && !self.once_in(self.weather.bad_letter) {
                let late = self.delay();
                let mail = Mail::Redis { number, answer };
                let (to, from) = (from, "redis".to_owned());
                self.letters.push(Letter { at: now + late, to, from, mail });
            }
        }
    }

    fn is_cut_from_redis(&self, name: &str) -> bool {
        self.cut_from_redis.get(name).is_some_and(|until| *until > self.now)
    }

    fn delay(&mut self) -> u64 {
        let slow = self.once_in(self.weather.bad_letter);
        1 + self.chance.below(if slow { 20 * PROMPT } else { PROMPT })
    }

    /// Sends a letter. Tells whether it arrives in good time.
    fn send(&mut self, from: &str, to: &str, mail: Mail) -> bool {
        let cut = self.cuts.get(&(from.to_owned(), to.to_owned()));
        if cut.is_some_and(|until| *until > self.now) || self.once_in(self.weather.bad_letter) {
            return false;
        }
        let late = self.delay();
        let (at, to, from) = (self.now + late, to.to_owned(), from.to_owned());
        self.letters.push(Letter { at, to, from, mail });
        late <= PROMPT
    }

    /// One process does what there is to do.
    fn live(&mut self, place: usize) {
        let name = self.processes[place].name.clone();
        let now = self.now;
        let (mut due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.letters)
            .into_iter()
            .partition(|letter| letter.at <= now && letter.to == name);
        self.letters = later;
        due.sort_by_key(|letter| letter.at);
        for letter in due {
            self.read(place, letter);
        }
        self.bounce();
        let clock = self.processes[place].clock(self.epoch, now);
        let process = &mut self.processes[place];
        if process.asked.take_if(|(_, until)| *until <= now).is_some() {
            process.lease.failed(clock);
            self.tally.unanswered += 1;
        }
        self.inquire(place, clock);
        let process = &self.processes[place];
        if process.asked.is_none() && process.inquiry.is_none() {
            self.ask(place, clock);
        }
        self.extend(place, clock);
    }

    /// Letters to those who are dead: nobody listens there.
    fn bounce(&mut self) {
        let alive: BTreeSet<&str> = self.processes.iter().map(|process| &*process.name).collect();
        let now = self.now;
        let (dead, letters): (Vec<_>, Vec<_>) = std::mem::take(&mut self.letters)
            .into_iter()
            .partition(|letter| letter.at <= now && !alive.contains(&*letter.to));
        self.letters = letters;
        for Letter { to, from, mail, .. } in dead {
            if let Mail::Running { round } = mail {
                let mail = Mail::Runs { round, said: Some(Heard::Nobody) };
                self.letters.push(Letter { at: now + 1, to: from, from: to, mail });
            }
        }
    }

    fn read(&mut self, place: usize, letter: Letter) {
        let clock = self.processes[place].clock(self.epoch, self.now);
        let Letter { from, to: name, mail, .. } = letter;
        let process = &mut self.processes[place];
        match mail {
            Mail::Redis { number, answer } => {
                if process.asked.take_if(|(asked, _)| *asked == number).is_some() {
                    self.hear_redis(place, clock, answer);
                }
            }
            Mail::Hold { token, span, sent } => {
                let said = match self.flaw {
                    Flaw::BreaksPromises => process.lease.clone().promise(clock, token, span),
                    _ => process.lease.promise(clock, token, span),
                };
                self.tally.promises += u64::from(said == Held::Granted);
                self.send(&name, &from, Mail::HoldBack { token, sent, said });
            }
            Mail::HoldBack { token, sent, said } => match said {
                Held::Granted => {
                    let sent = match self.flaw {
                        Flaw::CountsPromisesFromTheAnswer => clock,
                        _ => sent,
                    };
                    process.lease.granted(clock, sent, token, &from);
                }
                Held::Later { token: later } if process.lease.token() == Some(token) => {
                    process.lease.raise(later);
                    process.lease.lose(clock, None);
                    self.tally.stepped_down += 1;
                }
                Held::Later { .. } | Held::Refused => {}
            },
            Mail::Running { round } => {
                let said = process.lease.asked(clock, peer(&from));
                let prompt = self.send(&name, &from, Mail::Runs { round, said: Some(said) });
                if !prompt {
                    let asker = self.processes.iter_mut().find(|process| process.name == from);
                    if let Some(Inquiry { bad, .. }) = asker.and_then(|p| p.inquiry.as_mut()) {
                        bad.insert(name);
                    }
                }
            }
            Mail::Runs { round, said } => {
                let Some(inquiry) = process.inquiry.as_mut().filter(|i| i.round == round) else {
                    return;
                };
                inquiry.open.remove(&from);
                if let Some(Heard::Somebody { wait }) = said {
                    self.tally.warned += 1;
                    process.lease.heard(clock, Heard::Somebody { wait });
                    process.inquiry = None;
                }
            }
        }
    }

    fn hear_redis(&mut self, place: usize, clock: Instant, answer: Answer) {
        let process = &mut self.processes[place];
        if self.flaw == Flaw::CountsFromTheAnswer {
            process.lease.sent(clock);
        }
        self.tally.bare += u64::from(answer == Answer::Bare);
        self.tally.restored += u64::from(matches!(answer, Answer::Restored { .. }));
        let answer = match (self.flaw, answer) {
            (Flaw::NeverOver, Answer::Restored { standbys }) => Answer::Renewed { standbys },
            (Flaw::TakesBareAtOnce, Answer::Claimed { token, standbys }) => {
                // It had only looked.
                let free = Answer::Free { token: token - 1, whom: Vec::new() };
                process.lease.answered(clock, free);
                process.lease.sent(clock);
                Answer::Claimed { token, standbys }
            }
            (_, answer) => answer,
        };
        match process.lease.answered(clock, answer) {
            Change::Gained { .. } => self.tally.gained += 1,
            Change::Lost => self.tally.stepped_down += 1,
            Change::None => {}
        }
    }

    /// Begins what the lease wants next.
    fn ask(&mut self, place: usize, clock: Instant) {
        let name = self.processes[place].name.clone();
        let step = match self.processes[place].lease.next(clock) {
            Step::Wait { .. } => return,
            Step::Ask { whom, .. } => return self.begin_inquiry(place, clock, whom),
            Step::Renew { token, .. } if self.flaw == Flaw::NeverOver => {
                Step::Renew { token, standing: Standing::Valid }
            }
            step => step,
        };
        if step == Step::Look {
            self.processes[place].had_asked.clear();
        }
        if let Step::Claim { .. } = step {
            let knows = |other: &&Process| other.lease.knows(&name);
            let known_to = self.processes.iter().filter(knows).map(|p| p.name.clone()).collect();
            self.processes[place].known_to = known_to;
        }
        self.numbers += 1;
        let number = self.numbers;
        let process = &mut self.processes[place];
        process.lease.sent(clock);
        process.asked = Some((number, self.now + REDIS_TIMEOUT));
        let floor = process.lease.floor();
        if !self.is_cut_from_redis(&name) && !self.once_in(self.weather.bad_letter) {
            let at = self.now + self.delay();
            self.commands.push(Command { at, from: name, number, floor, step });
        }
    }

    fn begin_inquiry(&mut self, place: usize, clock: Instant, whom: Vec<Peer>) {
        if self.flaw == Flaw::AsksNobody {
            // It could have.
            self.processes[place].had_asked = whom.into_iter().map(|peer| peer.owner).collect();
            return self.processes[place].lease.heard(clock, Heard::Nobody);
        }
        let name = self.processes[place].name.clone();
        self.numbers += 1;
        let round = self.numbers;
        let patience = match self.flaw {
            Flaw::Impatient => PEER_PATIENCE_MS / 10,
            _ => PEER_PATIENCE_MS,
        };
        let deadline = clock + Duration::from_millis(patience);
        let open: BTreeSet<String> = whom.into_iter().map(|peer| peer.owner).collect();
        let mut bad = BTreeSet::new();
        for to in &open {
            if !self.send(&name, to, Mail::Running { round }) {
                bad.insert(to.clone());
            }
        }
        let asked = open.clone();
        self.processes[place].inquiry = Some(Inquiry { round, deadline, open, asked, bad });
    }

    /// Ends an inquiry that is over.
    fn inquire(&mut self, place: usize, clock: Instant) {
        let process = &mut self.processes[place];
        let over = |inquiry: &mut Inquiry| inquiry.open.is_empty() || clock >= inquiry.deadline;
        if let Some(inquiry) = process.inquiry.take_if(over) {
            process.had_asked = &inquiry.asked - &inquiry.bad;
            process.lease.heard(clock, Heard::Nobody);
        }
    }

    fn extend(&mut self, place: usize, clock: Instant) {
        let process = &mut self.processes[place];
        match process.lease.extension(clock) {
            Extension::Never | Extension::Wait { .. } => {}
            Extension::Alone => {
                process.lease.go_on(clock);
                self.tally.strides += 1;
            }
            Extension::Ask { whom, token, span } => {
                process.lease.asking(clock);
                let name = process.name.clone();
                for Peer { owner, .. } in whom {
                    if self.flaw == Flaw::GoesOnRegardless {
                        self.processes[place].lease.granted(clock, clock, token, &owner);
                    } else {
                        self.send(&name, &owner, Mail::Hold { token, span, sent: clock });
                    }
                }
            }
        }
    }

    /// Who is active, and whether they may be.
    fn look(&mut self) {
        let (epoch, now) = (self.epoch, self.now);
        let mut active: Vec<&Process> =
            self.processes.iter().filter(|process| process.acts(epoch, now)).collect();
        let outage = self.down.is_some_and(|(since, _)| now > since + TTL);
        self.tally.active_ms += u64::from(!active.is_empty());
        self.tally.outage_ms += u64::from(outage);
        self.tally.active_in_outage_ms += u64::from(outage && !active.is_empty());
        active.sort_unstable_by_key(|process| process.lease.token());
        if let [.., earlier, later] = &*active {
            // The one hole: it was not known to whom it follows, and could not ask.
            let unknown = !later.known_to.contains(&earlier.name);
            let hole = unknown && !later.had_asked.contains(&earlier.name);
            if hole { self.tally.hole += 1 } else { self.tally.two += 1 }
        }
    }
}
