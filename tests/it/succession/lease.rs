//! Processes with clocks of their own, slow networks and long pauses, on one Redis that is flushed
//! now and then: never do two of them rely on the lease at one moment.

use std::time::{Duration, Instant};

use hansom::clock::stopwatch;
use hansom::succession::{Answer, Change, Lease, Open, Standing, Step, Terms};
use hansom::units::Millis;

use super::model::Model;
use super::support::Chance;

const TTL: u64 = 1_000;

/// How a process goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// It counts from when the answer came.
    CountsFromTheAnswer,
    /// It takes what nobody seems to have at once.
    TakesBareAtOnce,
    /// It says that its lease is valid when it is over, and believes that it is restored.
    NeverOver,
}

/// A question under way.
struct Asked {
    step: Step,
    /// When Redis gets it, and when the process gets the answer.
    at: u64,
    back: u64,
    answer: Option<Answer>,
    lost: bool,
}

struct Process {
    name: String,
    lease: Lease,
    /// Its clock runs at so many thousandths of the true speed.
    pace: u64,
    asked: Option<Asked>,
    paused_until: u64,
    flaw: Flaw,
}

impl Process {
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

    fn begin(&mut self, epoch: Instant, now: u64, chance: &mut Chance) {
        let clock = self.clock(epoch, now);
        let step = match self.lease.next(clock) {
            Step::Wait { .. } => return,
            step => step,
        };
        let step = match step {
            Step::Renew { token, .. } if self.flaw == Flaw::NeverOver => {
                Step::Renew { token, standing: Standing::Valid }
            }
            step => step,
        };
        self.lease.sent(clock);
        let slow = |chance: &mut Chance| if chance.once_in(20) { 400 } else { 20 };
        let (to, back) = (slow(chance), slow(chance));
        let at = now + 1 + chance.below(to);
        let back = at + 1 + chance.below(back);
        let lost = chance.once_in(15);
        self.asked = Some(Asked { step, at, back, answer: None, lost });
    }

    fn finish(&mut self, epoch: Instant, now: u64, tally: &mut Tally) {
        let clock = self.clock(epoch, now);
        let Some(asked) = self.asked.take_if(|asked| asked.back <= now) else { return };
        let Some(answer) = asked.answer.filter(|_| !asked.lost) else {
            tally.lost += 1;
            self.lease.failed(clock);
            return;
        };
        if self.flaw == Flaw::CountsFromTheAnswer {
            self.lease.sent(clock);
        }
        tally.bare += u64::from(answer == Answer::Bare);
        tally.restored += u64::from(answer == Answer::Restored);
        let answer = match answer {
            Answer::Restored if self.flaw == Flaw::NeverOver => Answer::Renewed,
            answer => answer,
        };
        match self.lease.answered(clock, answer) {
            Change::Gained { .. } => tally.gained += 1,
            Change::Lost => tally.stepped_down += 1,
            Change::None => {}
        }
    }
}

/// What has been seen: an oracle that sees nothing says nothing.
#[derive(Debug, Default)]
struct Tally {
    gained: u64,
    stepped_down: u64,
    lost: u64,
    bare: u64,
    restored: u64,
    pauses_over_the_end: u64,
    active_ms: u64,
    two: u64,
}

fn run(seed: u64, flaw: Flaw, tally: &mut Tally) {
    let (mut chance, epoch, mut redis) = (Chance::new(seed), stopwatch(), Model::default());
    let terms = Terms::For(Millis(TTL));
    let mut processes: Vec<Process> = (0..3)
        .map(|number| Process {
            name: format!("p{number}"),
            lease: Lease::new(terms, 0),
            pace: 900 + chance.below(201),
            asked: None,
            paused_until: 0,
            flaw,
        })
        .collect();
    for now in 0..60_000 {
        if chance.once_in(8_000) {
            redis.flush();
        }
        for process in &mut processes {
            if let Some(asked) = process.asked.as_mut().filter(|asked| asked.at == now) {
                let (name, floor) = (&process.name, process.lease.floor());
                asked.answer = Some(match asked.step {
                    Step::Claim if process.flaw == Flaw::TakesBareAtOnce => {
                        match redis.claim(now, name, TTL, floor, now) {
                            Answer::Bare => redis.take(now, name, TTL, floor, now),
                            other => other,
                        }
                    }
                    Step::Claim => redis.claim(now, name, TTL, floor, now),
                    Step::Renew { token, standing } => redis.renew(now, name, token, TTL, standing),
                    Step::Wait { .. } | Step::Seize => unreachable!("it is not sent"),
                });
            }
            if now < process.paused_until {
                continue;
            }
            if chance.once_in(4_000) {
                let pause = chance.below(3 * TTL);
                tally.pauses_over_the_end += u64::from(pause > TTL && process.acts(epoch, now));
                process.paused_until = now + pause;
                continue;
            }
            process.finish(epoch, now, tally);
            if process.asked.is_none() {
                process.begin(epoch, now, &mut chance);
            }
        }
        let active = processes.iter().filter(|process| process.acts(epoch, now)).count();
        tally.active_ms += u64::from(active == 1);
        tally.two += u64::from(active > 1);
    }
}

#[test]
fn never_do_two_processes_rely_on_the_lease_at_one_moment() {
    let mut tally = Tally::default();
    for seed in 0..60 {
        run(seed, Flaw::None, &mut tally);
        assert_eq!(tally.two, 0, "seed {seed}: {tally:?}");
    }
    println!("{tally:?}");
    assert!(tally.active_ms > 60 * 60_000 / 2, "somebody is active most of the time: {tally:?}");
    let seen =
        [tally.gained, tally.stepped_down, tally.bare, tally.lost, tally.pauses_over_the_end];
    assert!(seen.iter().all(|count| *count > 100), "{tally:?}");
}

#[test]
fn processes_that_count_wrongly_are_caught() {
    for flaw in [Flaw::CountsFromTheAnswer, Flaw::TakesBareAtOnce, Flaw::NeverOver] {
        let mut tally = Tally::default();
        (0..60).for_each(|seed| run(seed, flaw, &mut tally));
        assert!(tally.two > 0, "{flaw:?}: {tally:?}");
    }
}

#[test]
fn a_lease_is_renewed_in_time_and_given_up_before_its_end() {
    let (begun, ttl) = (stopwatch(), Duration::from_millis(TTL));
    let mut lease = Lease::new(Terms::For(Millis(TTL)), 4);
    assert_eq!(lease.next(begun), Step::Claim);
    lease.sent(begun);
    let answered = begun + Duration::from_millis(100);
    assert_eq!(lease.answered(answered, Answer::Claimed { token: 5 }), Change::Gained { token: 5 });
    assert_eq!(lease.next(answered), Step::Wait { until: begun + ttl / 3 });
    assert_eq!(lease.next(begun + ttl / 3), Step::Renew { token: 5, standing: Standing::Valid });
    assert_eq!(lease.open_until(), Open::Until(begun + ttl * 4 / 5), "from before it was asked");
    // Nobody answers: it is asked again, and not relied upon for longer.
    let later = begun + ttl / 2;
    lease.sent(later);
    lease.failed(later);
    assert_eq!(lease.next(later), Step::Wait { until: later + ttl / 12 });
    assert_eq!(lease.open_until(), Open::Until(begun + ttl * 4 / 5));
    lease.sent(later);
    assert_eq!(lease.answered(later, Answer::Renewed), Change::None);
    assert_eq!(lease.open_until(), Open::Until(later + ttl * 4 / 5));
    // Its time has passed: it may have been another's, unless Redis knows better.
    let over = later + ttl;
    let renewal = Step::Renew { token: 5, standing: Standing::Over };
    assert_eq!(lease.next(over), renewal);
    lease.sent(over);
    assert_eq!(lease.answered(over, Answer::Restored), Change::Lost);
}

#[test]
fn a_token_that_was_given_out_before_is_not_accepted() {
    let now = stopwatch();
    let mut lease = Lease::new(Terms::For(Millis(TTL)), 5);
    lease.sent(now);
    assert_eq!(lease.answered(now, Answer::Claimed { token: 5 }), Change::None);
    assert_eq!(lease.open_until(), Open::Never);
    // An answer that nobody asked for counts from nothing.
    assert_eq!(lease.answered(now, Answer::Claimed { token: 6 }), Change::None);
    assert_eq!(lease.token(), None);
}

#[test]
fn whoever_is_alone_waits_for_nobody_and_acts_until_told_otherwise() {
    let now = stopwatch();
    let mut lease = Lease::new(Terms::Sole, 0);
    assert_eq!(lease.next(now), Step::Seize);
    lease.sent(now);
    assert_eq!(lease.answered(now, Answer::Claimed { token: 1 }), Change::Gained { token: 1 });
    lease.sent(now);
    lease.failed(now);
    assert_eq!(lease.open_until(), Open::Always, "also while Redis is gone");
    lease.sent(now);
    let holder = hansom::succession::Holder {
        owner: "another".to_owned(),
        token: 2,
        address: String::new(),
    };
    assert_eq!(lease.answered(now, Answer::Lost { holder }), Change::Lost);
    assert_eq!((lease.open_until(), lease.floor()), (Open::Never, 2));
    let later = now + Duration::from_mins(1);
    assert_eq!(lease.next(later), Step::Claim, "it does not take it back");
}
