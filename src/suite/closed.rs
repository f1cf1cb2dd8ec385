//! As much as possible: each thread has its next piece of work done when the last is done.
//!
//! How much a piece is grows until it takes a while, so that a system that is slow ends in time
//! and one that is fast is kept busy.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::quantiles::{nanos, quantiles};
use super::result::Run;
use super::system::{Call, Client, System, Trouble};
use super::workload::{Ask, Move};
use crate::clock;
use crate::geo::LatLng;

/// The most operations of a piece.
const MOST: usize = 8_192;

/// A piece that takes this long is long enough.
const LONG: Duration = Duration::from_millis(5);

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// How drivers move, if they do.
    pub update: Option<Call>,
    /// How is asked what, if something is.
    pub ask: Option<(Call, Ask)>,
    /// How many of a hundred operations are updates.
    pub update_percent: u32,
}

impl Job {
    /// Whether each operation waits for the one before.
    pub fn waits(&self) -> bool {
        self.update.is_some_and(Call::waits) || self.ask.is_some_and(|(call, _)| call.waits())
    }
}

/// Things that come in a circle.
#[derive(Clone, Copy, Debug)]
pub struct Circle<'a, T> {
    all: &'a [T],
    at: usize,
    /// How often it has been begun anew.
    rounds: usize,
}

impl<'a, T> Circle<'a, T> {
    /// From the first on.
    pub const fn new(all: &'a [T]) -> Self {
        Self { all, at: 0, rounds: 0 }
    }

    /// The last ones, as they were made: the whole circle if it was closed, then up to here.
    pub fn made(self) -> impl Iterator<Item = &'a T> {
        let whole = if self.rounds > 0 { self.all } else { &[] };
        whole.iter().chain(&self.all[..self.at])
    }

    /// The next ones: so many, or fewer where the circle closes. None if there are none at all.
    pub fn next(&mut self, count: usize) -> &'a [T] {
        if self.at == self.all.len() {
            self.at = 0;
            self.rounds += 1;
        }
        let end = self.all.len().min(self.at + count);
        let next = &self.all[self.at..end];
        self.at = end;
        next
    }
}

/// A thread's work.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Where its drivers go.
    pub moves: Circle<'a, Move>,
    /// Where is asked.
    pub places: Circle<'a, LatLng>,
}

impl<'a> Work<'a> {
    /// Work that begins with the first of each.
    pub const fn new(moves: &'a [Move], places: &'a [LatLng]) -> Self {
        Self { moves: Circle::new(moves), places: Circle::new(places) }
    }

    /// The same, going on where the circles of `progress` have come to.
    #[must_use]
    pub const fn going_on(mut self, progress: Progress) -> Self {
        (self.moves.at, self.moves.rounds) = progress.moves;
        (self.places.at, self.places.rounds) = progress.places;
        self
    }

    /// How far each circle has come.
    pub const fn progress(&self) -> Progress {
        let Self { moves, places } = self;
        Progress { moves: (moves.at, moves.rounds), places: (places.at, places.rounds) }
    }
}

/// How far circles have come: the place in each, and how often it was begun anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    moves: (usize, usize),
    places: (usize, usize),
}

impl Progress {
    /// After the first moves, before the first question.
    pub const fn after_moves(moves: usize) -> Self {
        Self { moves: (moves, 0), places: (0, 0) }
    }
}

/// Runs a job for so long, on as many threads as there are shares of the moves. The work goes on
/// where it ends: whoever repeats moves at once would find drivers where they are to go.
///
/// # Errors
/// [`Trouble`] of the system.
pub fn closed(
    system: &dyn System,
    job: Job,
    work: &mut [Work<'_>],
    seconds: f64,
    stop: &AtomicBool,
) -> Result<Run, Trouble> {
    let clients = work.iter().map(|_| system.client(job.update, job.ask.map(|(call, _)| call)));
    let clients: Vec<Box<dyn Client>> = clients.collect::<Result<_, _>>()?;
    let ready = Barrier::new(clients.len());
    let ended = std::thread::scope(|scope| {
        let ready = &ready;
        let mut threads = Vec::with_capacity(work.len());
        for (mut client, work) in clients.into_iter().zip(work.iter_mut()) {
            threads.push(scope.spawn(move || {
                let client: &mut dyn Client = &mut *client;
                // Before the clock runs: connections, statements, caches.
                let prepared = match job.update {
                    Some(call) => client.prepare(call, work.moves.all),
                    None => Ok(()),
                };
                let warm = prepared
                    .and_then(|()| piece(client, job, work, 16))
                    .and_then(|_| client.settle());
                ready.wait();
                warm?;
                let deadline = clock::stopwatch() + Duration::from_secs_f64(seconds);
                thread(client, job, work, deadline, stop)
            }));
        }
        let panicked = |_| Trouble::Failed("a client thread panicked".to_owned());
        threads.into_iter().map(|thread| thread.join().map_err(panicked)?).collect::<Vec<_>>()
    });
    let mut run = Run { operations: 0, seconds: 0.0, latency: None };
    let mut times = nanos();
    for thread in ended {
        let (operations, took, taken) = thread?;
        run.operations += operations;
        run.seconds = run.seconds.max(took.as_secs_f64());
        times += taken;
    }
    run.latency = (!times.is_empty()).then(|| quantiles(&times));
    Ok(run)
}

/// What a thread did: operations, how long it took in all, how long each.
type Done = (u64, Duration, Histogram<u64>);

fn thread(
    client: &mut dyn Client,
    job: Job,
    work: &mut Work<'_>,
    deadline: Instant,
    stop: &AtomicBool,
) -> Result<Done, Trouble> {
    let (mut times, mut operations) = (nanos(), 0);
    let mut count = if job.waits() { 1 } else { 16 };
    let began = clock::stopwatch();
    let mut now = began;
    while now < deadline && !stop.load(Ordering::Relaxed) {
        operations += piece(client, job, work, count)?;
        let then = clock::stopwatch();
        let took = then - now;
        now = then;
        if job.waits() {
            times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        } else if took < LONG && count < MOST {
            count *= 2;
        }
    }
    client.settle()?;
    Ok((operations, began.elapsed(), times))
}

/// Does so many operations, or fewer where a circle closes; returns how many.
fn piece(
    client: &mut dyn Client,
    job: Job,
    work: &mut Work<'_>,
    count: usize,
) -> Result<u64, Trouble> {
    let mut done = 0;
    let updates = (count * job.update_percent as usize).div_ceil(100);
    if let Some(call) = job.update {
        let moves = work.moves.next(updates);
        client.update(call, moves)?;
        done += moves.len();
    }
    if let Some((call, ask)) = job.ask {
        // In proportion to the moves that there were.
        let questions = match job.update_percent {
            0 => count,
            percent => done * (100 - percent as usize) / percent as usize,
        };
        let places = work.places.next(questions);
        let mut answers = 0;
        client.ask(call, &ask, places, &mut |_, found| {
            std::hint::black_box(found);
            answers += 1;
        })?;
        if answers != places.len() {
            let asked = places.len();
            return Err(Trouble::Failed(format!("{answers} answers to {asked} questions")));
        }
        done += places.len();
    }
    Ok(done as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_closes() {
        let mut circle = Circle::new(&[1, 2, 3, 4, 5]);
        assert_eq!(circle.next(3), [1, 2, 3]);
        assert_eq!(circle.next(3), [4, 5]);
        assert_eq!(circle.next(3), [1, 2, 3]);
        assert!(Circle::<u8>::new(&[]).next(3).is_empty());
    }

    #[test]
    fn what_was_made_can_be_made_again() {
        let all = [1, 2, 3, 4, 5];
        let mut work = Work::new(&[], &[]);
        assert_eq!(work.progress(), Progress::default());
        let mut circle = Circle::new(&all);
        circle.next(3);
        assert_eq!(circle.made().copied().collect::<Vec<_>>(), [1, 2, 3]);
        circle.next(3);
        circle.next(2);
        assert_eq!(circle.made().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 1, 2]);
        work = work.going_on(Progress::after_moves(0));
        assert!(work.moves.next(1).is_empty());
    }
}
