//! What a market remembers of its drivers beyond their trips: since when they are idle, and how they
//! answer offers.
//!
//! Soft: it weighs candidates and promises nothing. It is not in the history, and a restart forgets
//! it; everybody counts as new then.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::costs::DriverMerits;
use crate::ids::DriverId;
use crate::limits;
use crate::model::Profile;
use crate::units::{Millis, Timestamp};

/// Of a driver of whom nothing is known, four in five offers are taken to be accepted: as if five
/// had been made.
const PRIOR: Answers = Answers { accepted: 4, asked: 5 };

/// Beyond so many answers both counts are halved, so that the older half counts less.
const MAX_ANSWERS: u32 = 64;

#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    accepted: u32,
    asked: u32,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    idle_since: Option<Timestamp>,
    answers: Answers,
    /// When something was noted last.
    noted: Timestamp,
}

/// What is remembered of drivers; at most [`limits::MAX_DRIVERS_REMEMBERED`] of them.
#[derive(Debug)]
pub(super) struct DriverMemory {
    records: HashMap<DriverId, Record, FixedState>,
    /// All of them, by when something was noted last.
    order: BTreeSet<(Timestamp, DriverId)>,
}

impl DriverMemory {
    pub(super) fn new(hash_seed: u64) -> Self {
        let records = HashMap::with_hasher(FixedState::with_seed(hash_seed));
        Self { records, order: BTreeSet::new() }
    }

    /// What a driver has going for him or her.
    pub(super) fn merits(
        &self,
        now: Timestamp,
        driver: &DriverId,
        profile: &Profile,
    ) -> DriverMerits {
        let record = self.records.get(driver);
        let idle = record.and_then(|record| record.idle_since);
        let Answers { accepted, asked } = record.map_or_else(Answers::default, |r| r.answers);
        let (accepted, asked) = (accepted + PRIOR.accepted, asked + PRIOR.asked);
        DriverMerits {
            rating: profile.rating,
            idle: idle.map_or(Millis::ZERO, |since| now.since(since)),
            accepts_permille: accepted * 1_000 / asked,
        }
    }

    /// Whether a driver is known to have nothing to do.
    pub(super) fn is_idle(&self, driver: &DriverId) -> bool {
        self.records.get(driver).is_some_and(|record| record.idle_since.is_some())
    }

    /// A driver has nothing to do, from now on unless it was so before.
    pub(super) fn idles(&mut self, now: Timestamp, driver: &DriverId) {
        self.note(now, driver, |record| {
            record.idle_since.get_or_insert(now);
        });
    }

    /// A driver has something to do, or does not work.
    pub(super) fn stops_idling(&mut self, now: Timestamp, driver: &DriverId) {
        if self.records.contains_key(driver) {
            self.note(now, driver, |record| record.idle_since = None);
        }
    }

    /// A driver answered an offer, or did not.
    pub(super) fn answered(&mut self, now: Timestamp, driver: &DriverId, answer: Answer) {
        self.note(now, driver, |Record { answers, .. }| {
            answers.asked += 1;
            answers.accepted += u32::from(answer == Answer::Accepted);
            if answers.asked > MAX_ANSWERS {
                answers.asked /= 2;
                answers.accepted /= 2;
            }
        });
    }

    fn note(&mut self, now: Timestamp, driver: &DriverId, change: impl FnOnce(&mut Record)) {
        let new = Record { idle_since: None, answers: Answers::default(), noted: now };
        let record = self.records.entry(*driver).or_insert(new);
        self.order.remove(&(record.noted, *driver));
        record.noted = now;
        change(record);
        self.order.insert((now, *driver));
        if self.records.len() > limits::MAX_DRIVERS_REMEMBERED
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.records.remove(&oldest);
        }
    }

    /// How many drivers are remembered, by both accounts.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.records.len(), self.order.len())
    }
}

/// How a driver answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    Declined,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merits(memory: &DriverMemory, seconds: i64, driver: &str) -> (u64, u32) {
        let now = Timestamp::from_secs(seconds);
        let merits = memory.merits(now, &driver.parse().unwrap(), &Profile::default());
        (merits.idle.get(), merits.accepts_permille)
    }

    #[test]
    fn idling_and_answers_are_remembered() {
        let mut memory = DriverMemory::new(0);
        let a: DriverId = "a".parse().unwrap();
        assert_eq!(merits(&memory, 5, "a"), (0, 800));
        memory.stops_idling(Timestamp::from_secs(1), &a);
        assert_eq!(memory.len(), (0, 0), "nothing is noted of somebody unknown who does nothing");
        memory.idles(Timestamp::from_secs(2), &a);
        assert_eq!(merits(&memory, 5, "a"), (3_000, 800));
        memory.stops_idling(Timestamp::from_secs(6), &a);
        for _ in 0..1_000 {
            memory.answered(Timestamp::from_secs(7), &a, Answer::Declined);
        }
        let (idle, accepts) = merits(&memory, 8, "a");
        assert!(idle == 0 && accepts < 130, "{accepts}");
        for _ in 0..1_000 {
            memory.answered(Timestamp::from_secs(7), &a, Answer::Accepted);
        }
        assert!(merits(&memory, 8, "a").1 > 950);
        assert_eq!(memory.len(), (1, 1));
    }

    #[test]
    fn the_one_not_heard_of_for_longest_is_forgotten() {
        let mut memory = DriverMemory::new(0);
        let most = i64::try_from(limits::MAX_DRIVERS_REMEMBERED).unwrap();
        for i in 0..=most {
            memory.idles(Timestamp::from_secs(i), &i.to_string().parse().unwrap());
        }
        let most = limits::MAX_DRIVERS_REMEMBERED;
        assert_eq!(memory.len(), (most, most));
        assert_eq!(merits(&memory, 10, "0").0, 0);
        assert_eq!(merits(&memory, 10, "1").0, 9_000);
    }
}
