//! What a process knows of its market's lease, where its keeper and the doors for its peers see it.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Peer;
use super::gate::Gate;
use super::holds::Held;
use super::lease::{Heard, Lease, Open, Terms};
use super::peers::PeerAnswer;
use crate::ids::MarketId;
use crate::units::Millis;

/// A market's lease as one process sees it, shared. The market's gate follows it.
#[derive(Debug)]
pub struct Tenure {
    market: MarketId,
    terms: Terms,
    seed: u64,
    owner: String,
    /// Held for a decision, never while anybody is asked.
    held: Mutex<State>,
    /// Something has changed that may concern who extends the lease.
    pub(super) changed: Notify,
}

#[derive(Debug)]
struct State {
    lease: Lease,
    /// That of the market that runs under the lease.
    gate: Option<Arc<Gate>>,
}

impl Tenure {
    /// No lease yet. The seed is a number that nobody else has: it names the process.
    pub fn new(market: MarketId, terms: Terms, seed: u64) -> Self {
        let owner = format!("{seed:016x}");
        let held = Mutex::new(State { lease: Lease::new(terms, 0), gate: None });
        Self { market, terms, seed, owner, held, changed: Notify::new() }
    }

    /// Which market.
    pub const fn market(&self) -> MarketId {
        self.market
    }

    /// Which lease is wanted.
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// A name that no other process has had.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// Looks at the lease or changes it; the gate is as it says afterwards.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Lease) -> T) -> T {
        let mut state = self.held.lock();
        let done = change(&mut state.lease);
        if let Some(gate) = &state.gate {
            gate.set(state.lease.open_until());
        }
        drop(state);
        self.changed.notify_one();
        done
    }

    /// The same without a word to whoever extends the lease.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Lease) -> T) -> T {
        look(&self.held.lock().lease)
    }

    /// Whether the lease is relied upon at a moment.
    pub fn is_held(&self, now: Instant) -> bool {
        match self.look(Lease::open_until) {
            Open::Never => false,
            Open::Until(until) => now < until,
            Open::Always => true,
        }
    }

    /// A market runs under the lease from now on: its gate follows it.
    pub(super) fn attach(&self, gate: &Arc<Gate>) {
        let mut state = self.held.lock();
        gate.set(state.lease.open_until());
        state.gate = Some(Arc::clone(gate));
    }

    /// No market does.
    pub(super) fn detach(&self) {
        if let Some(gate) = self.held.lock().gate.take() {
            gate.set(Open::Never);
        }
    }

    /// Another process, which has the market's lease, asks this one not to take over for a while.
    pub fn promise(&self, now: Instant, token: u64, span: Millis) -> PeerAnswer<Held> {
        PeerAnswer {
            owner: self.owner.clone(),
            said: self.with(|lease| lease.promise(now, token, span)),
        }
    }

    /// Another process, which wants to take over, asks for how long somebody is known to run the market.
    pub fn asked(&self, now: Instant, by: Peer) -> PeerAnswer<Heard> {
        let owner = self.owner.clone();
        // Whoever has no address of its own may ask itself.
        let said =
            if by.owner == owner { Heard::Nobody } else { self.with(|lease| lease.asked(now, by)) };
        PeerAnswer { owner, said }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;
    use crate::succession::lease::{Answer, Change};

    #[test]
    fn who_has_slept_knows_at_once_that_the_lease_is_over() {
        let terms = Terms::For(Millis::from_secs(10));
        let (tenure, now) = (Tenure::new("main".parse().unwrap(), terms, 7), clock::stopwatch());
        assert!(!tenure.is_held(now));
        let answered = |answer| {
            tenure.with(|lease| {
                lease.sent(now);
                lease.answered(now, answer)
            })
        };
        answered(Answer::Free { token: 4, whom: Vec::new() });
        let claimed = Answer::Claimed { token: 5, standbys: Vec::new() };
        assert_eq!(answered(claimed), Change::Gained { token: 5 });
        // A fifth of it is left to clocks that run at other speeds.
        for (seconds, held) in [(0, true), (7, true), (8, false), (11, false)] {
            assert_eq!(tenure.is_held(now + Duration::from_secs(seconds)), held, "{seconds} s");
        }
        assert!(tenure.look(Lease::token).is_some(), "nobody has told it yet");
    }
}
