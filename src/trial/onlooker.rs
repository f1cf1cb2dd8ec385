//! Who looks on while a day is lived through: digests events, measures batches, tells how late it is.

use std::ops::ControlFlow;
use std::time::Instant;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::options::{Progress, TrialOptions};
use crate::clock::stopwatch;
use crate::decisions::{DecisionLogError, DecisionWriter};
use crate::dispatch::Event;
use crate::dispatch::policy::Decision;
use crate::records;
use crate::sim::day::Watch;
use crate::trace::hex;
use crate::units::Timestamp;

/// How far all the policies are; on any thread, so behind a lock that is held for a moment, once a
/// simulated second.
pub(super) struct Board<'a> {
    options: &'a TrialOptions,
    /// All requests, of all policies together.
    all: u64,
    standings: Mutex<Vec<(u64, Timestamp)>>,
}

impl<'a> Board<'a> {
    pub(super) fn new(options: &'a TrialOptions, requests: usize, start: Timestamp) -> Self {
        let policies = options.policies.len();
        let all = requests as u64 * policies as u64;
        Self { options, all, standings: Mutex::new(vec![(0, start); policies]) }
    }

    fn note(&self, policy: usize, requests: u64, now: Timestamp) -> ControlFlow<()> {
        let (requests, now) = {
            let mut standings = self.standings.lock();
            if let Some(standing) = standings.get_mut(policy) {
                *standing = (requests, now);
            }
            let sum = standings.iter().map(|(requests, _)| requests).sum();
            (sum, standings.iter().map(|(_, now)| *now).min().unwrap_or(now))
        };
        (self.options.watcher)(Progress::Running { requests, of: self.all, now });
        if (self.options.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Looks on at one policy.
pub(super) struct Onlooker<'a> {
    board: &'a Board<'a>,
    policy: usize,
    digest: Sha256,
    bytes: Vec<u8>,
    batch_began: Option<Instant>,
    /// What batches took that had anybody in them, in nanoseconds.
    pub(super) solves: Vec<u64>,
    pub(super) stopped: bool,
    /// Where decisions are written down, if anywhere.
    pub(super) log: Option<DecisionWriter>,
    /// Why they are not any more.
    pub(super) failure: Option<DecisionLogError>,
}

impl<'a> Onlooker<'a> {
    pub(super) fn new(board: &'a Board<'a>, policy: usize, log: Option<DecisionWriter>) -> Self {
        Self {
            board,
            policy,
            digest: Sha256::new_with_prefix(b"hansom trial digest v1\n"),
            bytes: Vec::new(),
            batch_began: None,
            solves: Vec::new(),
            stopped: false,
            log,
            failure: None,
        }
    }

    /// Ends the log of decisions.
    pub(super) fn finish(&mut self) -> Result<(), DecisionLogError> {
        match (self.failure.take(), self.log.take()) {
            (Some(error), _) => Err(error),
            (None, Some(log)) => log.finish().map(drop),
            (None, None) => Ok(()),
        }
    }

    /// SHA-256 over the text `hansom trial digest v1\n`, then each event's record
    /// ([`records::encode_event`]) after its length in four bytes, little-endian; in hexadecimal.
    pub(super) fn digest(&self) -> String {
        hex(self.digest.clone())
    }
}

impl Watch for Onlooker<'_> {
    fn happened(&mut self, event: &Event) {
        self.bytes.clear();
        records::encode_event(event, &mut self.bytes);
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.digest.update(length.to_le_bytes());
        self.digest.update(&self.bytes);
    }

    fn decided(&mut self, decision: &Decision) {
        if let Some(log) = &mut self.log
            && let Err(error) = log.write(decision)
        {
            self.failure = Some(error);
            self.log = None;
        }
    }

    fn batch_begins(&mut self) {
        self.batch_began = Some(stopwatch());
    }

    fn batch_ended(&mut self, riders: u64) {
        let took = self.batch_began.take().map(|began| began.elapsed().as_nanos());
        if let Some(took) = took.filter(|_| riders > 0) {
            self.solves.push(u64::try_from(took).unwrap_or(u64::MAX));
        }
    }

    fn time_passes(&mut self, now: Timestamp, riders: u64) -> ControlFlow<()> {
        let flow = self.board.note(self.policy, riders, now);
        self.stopped |= flow.is_break();
        if self.failure.is_some() { ControlFlow::Break(()) } else { flow }
    }
}
