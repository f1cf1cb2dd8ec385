//! As load really comes: operations are due at fixed moments, whether or not those before are
//! done, and each one's time counts from the moment it was due.
//!
//! A client sends what is due together and waits for the answers, of updates not before nothing more is
//! due or several batches are under way; what becomes due meanwhile waits, and its waiting counts. So a system that stands still for a while is charged for
//! everybody who waited, not for one.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::closed::{Job, Work};
use super::quantiles::{nanos, quantiles};
use super::result::{Climb, Step};
use super::system::{Client, Trouble};
use crate::clock;

/// The most operations that are sent together: what a batch of ours and a pipeline of others take well.
const TOGETHER: u64 = 1_024;

/// Batches of updates that are under way before all of them are waited for: a client that waited for
/// each would measure the way there and back.
const UNSETTLED: usize = 8;

/// How many steps a climb takes at most.
const STEPS: usize = 24;

/// A climb ends when the rate that holds and the one that does not are as close as this.
const CLOSE: f64 = 1.1;

/// Has a job done at a rate, operations a second, for so long.
///
/// # Errors
/// [`Trouble`] of the system.
pub fn step(
    client: &mut dyn Client,
    job: Job,
    work: &mut Work<'_>,
    [rate, seconds, limit_ms]: [f64; 3],
    stop: &AtomicBool,
) -> Result<Step, Trouble> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
    let all = (rate * seconds).ceil() as u64;
    let schedule = Schedule { began: clock::stopwatch(), rate };
    let end = schedule.due(all);
    let mut shift = Shift { client, job, work, schedule, times: nanos(), unsettled: Vec::new() };
    let mut done = 0;
    while done < all && !stop.load(Ordering::Relaxed) {
        let now = clock::stopwatch();
        let due = shift.schedule.until(now).min(all);
        if now >= end && done < all {
            break;
        }
        if due <= done {
            // Nothing is due: those under way are done when they are, and not when others follow.
            shift.settle()?;
            let next = shift.schedule.due(done);
            std::thread::sleep(next.saturating_duration_since(clock::stopwatch()));
            continue;
        }
        let batch = done..due.min(done + TOGETHER);
        shift.update(&batch)?;
        shift.ask(&batch)?;
        done = batch.end;
    }
    shift.settle()?;
    let took = shift.schedule.began.elapsed().as_secs_f64();
    // Who was never served waited until the end, at least.
    (done..all).for_each(|i| shift.record(i, end.max(clock::stopwatch())));
    let latency = quantiles(&shift.times);
    let held = latency.p99 <= limit_ms * 1e3 && done as f64 >= 0.99 * all as f64;
    Ok(Step { due: rate, done: done as f64 / took, latency, held })
}

/// A client at work.
struct Shift<'a, 'b> {
    client: &'a mut dyn Client,
    job: Job,
    work: &'a mut Work<'b>,
    schedule: Schedule,
    times: Histogram<u64>,
    /// Batches with updates that may still be under way.
    unsettled: Vec<Range<u64>>,
}

impl Shift<'_, '_> {
    fn record(&mut self, number: u64, to: Instant) {
        let took = to.saturating_duration_since(self.schedule.due(number)).as_nanos();
        self.times.saturating_record(u64::try_from(took).unwrap_or(u64::MAX));
    }

    /// Has the moves of a batch made; they are under way when it returns.
    fn update(&mut self, batch: &Range<u64>) -> Result<(), Trouble> {
        let Some(call) = self.job.update else { return Ok(()) };
        let mut left = batch.clone().filter(|&i| self.job.is_update(i)).count();
        if left == 0 {
            return Ok(());
        }
        while left > 0 {
            let moves = self.work.moves.next(left);
            self.client.update(call, moves)?;
            left -= moves.len();
        }
        self.unsettled.push(batch.clone());
        if self.unsettled.len() >= UNSETTLED { self.settle() } else { Ok(()) }
    }

    /// Waits for the moves that are under way.
    fn settle(&mut self) -> Result<(), Trouble> {
        if self.unsettled.is_empty() {
            return Ok(());
        }
        self.client.settle()?;
        let (job, at) = (self.job, clock::stopwatch());
        for batch in std::mem::take(&mut self.unsettled) {
            batch.filter(|&i| job.is_update(i)).for_each(|i| self.record(i, at));
        }
        Ok(())
    }

    /// Asks the questions of a batch.
    fn ask(&mut self, batch: &Range<u64>) -> Result<(), Trouble> {
        let Some((call, ask)) = self.job.ask else { return Ok(()) };
        let mut questions = batch.clone().filter(|&i| !self.job.is_update(i)).collect::<Vec<_>>();
        while !questions.is_empty() {
            let places = self.work.places.next(questions.len());
            let (schedule, times) = (&self.schedule, &mut self.times);
            self.client.ask(call, &ask, places, &mut |i, found| {
                std::hint::black_box(found);
                let took = clock::stopwatch().saturating_duration_since(schedule.due(questions[i]));
                let took = u64::try_from(took.as_nanos());
                times.saturating_record(took.unwrap_or(u64::MAX));
            })?;
            questions.drain(..places.len());
        }
        Ok(())
    }
}

impl Job {
    /// Whether the operation of this number is an update: evenly mixed.
    fn is_update(&self, number: u64) -> bool {
        let percent = u64::from(self.update_percent);
        number * percent / 100 != (number + 1) * percent / 100
    }
}

/// When operations are due.
struct Schedule {
    began: Instant,
    rate: f64,
}

impl Schedule {
    fn due(&self, number: u64) -> Instant {
        self.began + Duration::from_secs_f64(number as f64 / self.rate)
    }

    /// How many are due by now.
    fn until(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began).as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let due = (passed * self.rate).floor() as u64;
        due + 1
    }
}

/// Looks for the highest rate held.
#[derive(Clone, Debug)]
pub struct Climber {
    next: Option<f64>,
    broken: Option<f64>,
    /// The rate broke once: the machine may have stood still, so that it gets another chance.
    doubted: bool,
    climb: Climb,
}

impl Climber {
    /// Begins at a rate.
    pub const fn new(rate: f64, limit_ms: f64) -> Self {
        let climb = Climb { limit_ms, held: None, steps: Vec::new() };
        Self { next: Some(rate.max(1.0)), broken: None, doubted: false, climb }
    }

    /// The rate to try, if the climb is not over.
    pub const fn next(&self) -> Option<f64> {
        self.next
    }

    /// Takes in how it went at that rate.
    pub fn took(&mut self, step: Step) {
        self.climb.steps.push(step);
        let rate = step.due;
        let doubted = std::mem::replace(&mut self.doubted, !step.held);
        let next = if step.held {
            self.climb.held = Some(self.climb.held.map_or(rate, |held| held.max(rate)));
            self.broken.map_or(rate * 1.5, |broken| (rate * broken).sqrt())
        } else if doubted {
            self.doubted = false;
            self.broken = Some(rate);
            self.climb.held.map_or(rate / 2.0, |held| (rate * held).sqrt())
        } else {
            rate
        };
        let close = self.climb.held.zip(self.broken).is_some_and(|(held, no)| no / held < CLOSE);
        let over = close || next < 1.0 || self.climb.steps.len() >= STEPS;
        self.next = (!over).then_some(next);
    }

    /// What came of it.
    pub fn finish(self) -> Climb {
        self.climb
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::result::Quantiles;

    fn climb_to(edge: f64, from: f64) -> Climb {
        let mut climber = Climber::new(from, 10.0);
        while let Some(rate) = climber.next() {
            let latency = Quantiles { p50: 0.0, p90: 0.0, p99: 0.0, p999: 0.0, max: 0.0 };
            climber.took(Step { due: rate, done: rate, latency, held: rate <= edge });
        }
        climber.finish()
    }

    #[test]
    fn the_edge_is_found_from_both_sides() {
        for from in [10.0, 1_000.0, 90_000.0] {
            let climb = climb_to(5_000.0, from);
            let held = climb.held.unwrap();
            assert!((4_500.0..=5_000.0).contains(&held), "from {from}: {held}");
        }
        let never = climb_to(0.0, 1_000.0);
        assert_eq!(never.held, None);
        assert!(climb_to(f64::MAX, 1.0).steps.len() <= STEPS);
    }

    #[test]
    fn one_bad_moment_does_not_end_a_climb() {
        let mut climber = Climber::new(100.0, 10.0);
        let latency = Quantiles { p50: 0.0, p90: 0.0, p99: 0.0, p999: 0.0, max: 0.0 };
        for (rate, held, next) in
            [(100.0, true, 150.0), (150.0, false, 150.0), (150.0, true, 225.0)]
        {
            climber.took(Step { due: rate, done: rate, latency, held });
            assert_eq!(climber.next(), Some(next));
        }
    }

    #[test]
    fn updates_and_questions_are_evenly_mixed() {
        for update_percent in [0, 10, 50, 90, 100] {
            let job = Job { update: None, ask: None, update_percent };
            let updates = (0..1_000).filter(|&i| job.is_update(i)).count();
            assert_eq!(updates, 10 * update_percent as usize);
            let first = (0..10).filter(|&i| job.is_update(i)).count();
            assert_eq!(first, update_percent as usize / 10);
        }
    }
}
