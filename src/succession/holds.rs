//! How long a holder may go on that cannot renew its lease: as long as each standby that it knows of
//! holds back for it, which it asks them directly; alone if it knows of none.
//!
//! Nothing here asks anybody or a clock. Whoever can take over by Redis alone, and is not known here,
//! asks the holder first, and is known from then on.

use std::time::{Duration, Instant};

use super::Peer;
use crate::limits;
use crate::units::Millis;

/// What is to be done so that the market can go on without Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Nothing at all: there is no right that could be extended.
    Never,
    /// Nothing before this moment.
    Wait {
        /// Until when.
        until: Instant,
    },
    /// Nobody is known who could take over: go on.
    Alone,
    /// Ask each of these to hold back.
    Ask {
        /// Whom.
        whom: Vec<Peer>,
        /// The token of the lease.
        token: u64,
        /// For how long.
        span: Millis,
    },
}

/// What a standby said that was asked to hold back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It does not take over for as long as it was asked.
    Granted,
    /// It does not promise anything.
    Refused,
    /// A later token than the asker's has been given out.
    Later {
        /// Which.
        token: u64,
    },
}

/// How much of a span of somebody else's clock is relied upon: four fifths, for clocks that run at
/// different speeds and for what happens between a look at the clock and an answer.
pub(super) fn relied_upon(span: Millis) -> Duration {
    Duration::from_millis(span.get()) * 4 / 5
}

#[derive(Clone, Debug)]
struct Known {
    peer: Peer,
    /// Until when it holds back, counted from before it was asked.
    until: Option<Instant>,
    /// When it made itself known, if it was not Redis that named it.
    came: Option<Instant>,
}

/// Who could take over, and what they have promised.
#[derive(Clone, Debug)]
pub(super) struct Holds {
    known: Vec<Known>,
    /// Until when the market may go on beyond the lease.
    extended: Option<Instant>,
    next_at: Instant,
    span: Millis,
    over: Retired,
}

/// Whether the process is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retired {
    Yes,
    No,
}

impl Holds {
    /// After a lease was granted to a question sent at a moment; these were standbys then.
    pub(super) fn new(sent: Instant, ttl: Millis, standbys: Vec<Peer>) -> Self {
        let known = standbys.into_iter().map(|peer| Known { peer, until: None, came: None });
        Self {
            known: known.collect(),
            extended: None,
            // Renewals come three times in a lease: by now one has not been answered in time.
            next_at: sent + Duration::from_millis(ttl.get()) / 2,
            span: ttl,
            over: Retired::No,
        }
    }

    /// The same after a renewal. Who came by meanwhile is kept: Redis may not have named it yet.
    pub(super) fn renewed(&mut self, sent: Instant, standbys: Vec<Peer>) {
        let came = |known: &Known| known.came.is_some_and(|came| came >= sent);
        let newcomers: Vec<Known> = self.known.drain(..).filter(came).collect();
        let over = self.over;
        *self = Self { over, ..Self::new(sent, self.span, standbys) };
        for known in newcomers {
            self.learn(known.came, known.peer);
        }
    }

    /// Somebody wants to take over, and says so.
    pub(super) fn came(&mut self, now: Instant, peer: Peer) {
        self.learn(Some(now), peer);
        self.next_at = self.next_at.min(now);
    }

    fn learn(&mut self, came: Option<Instant>, peer: Peer) {
        if let Some(known) = self.known.iter_mut().find(|known| known.peer.owner == peer.owner) {
            known.came = came;
        } else if self.known.len() <= limits::MAX_STANDBYS {
            // One too many is enough to go on no further.
            self.known.push(Known { peer, until: None, came });
        }
    }

    pub(super) fn knows(&self, owner: &str) -> bool {
        self.known.iter().any(|known| known.peer.owner == owner)
    }

    /// The process is about to end: it goes on no further than it may already.
    pub(super) fn retire(&mut self) {
        self.over = Retired::Yes;
    }

    /// What to do next, if the market may go on now.
    pub(super) fn next(&self, now: Instant, token: u64) -> Extension {
        if self.over == Retired::Yes || self.known.len() > limits::MAX_STANDBYS {
            return Extension::Never;
        }
        if now < self.next_at {
            return Extension::Wait { until: self.next_at };
        }
        if self.known.is_empty() {
            return Extension::Alone;
        }
        let whom = self.known.iter().map(|known| known.peer.clone()).collect();
        Extension::Ask { whom, token, span: self.span }
    }

    /// Nobody is known, and the market goes on.
    pub(super) fn go_on(&mut self, now: Instant) {
        if self.known.is_empty() {
            let stride = Duration::from_millis(limits::ALONE_STRIDE_MS);
            self.extended = Some(now + stride);
            self.next_at = now + stride / 4;
        }
    }

    /// All that are known are asked now.
    pub(super) fn asking(&mut self, now: Instant) {
        // Soon again, unless all grant it.
        self.next_at = now + Duration::from_millis(self.span.get()) / 12;
    }

    /// One of those who were asked at a moment holds back.
    pub(super) fn granted(&mut self, sent: Instant, owner: &str) {
        let until = sent + relied_upon(self.span);
        for known in self.known.iter_mut().filter(|known| known.peer.owner == owner) {
            known.until = known.until.max(Some(until));
        }
        // None while one of them has promised nothing.
        let all = self.known.iter().map(|known| known.until).min().flatten();
        if let Some(all) = all {
            self.extended = self.extended.max(Some(all));
            if all == until {
                self.next_at = sent + Duration::from_millis(self.span.get()) / 3;
            }
        }
    }

    pub(super) const fn extended(&self) -> Option<Instant> {
        self.extended
    }
}
