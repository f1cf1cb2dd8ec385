//! Whether this process may act for a market: what it may conclude from answers, and when.
//!
//! Nothing here asks Redis or a clock. Whoever drives it does what [`Lease::next`] says, tells it
//! when it [sent](Lease::sent) a question and what was answered, and looks at
//! [`Lease::open_until`].

use std::time::{Duration, Instant};

use super::Holder;
use crate::units::Millis;

/// Which lease a process wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// One that ends unless it is renewed, so that a standby can take over.
    For(Millis),
    /// One for ever, taken from whoever has it: there is no standby, and nobody to wait for.
    Sole,
}

impl Terms {
    /// How long the lease lasts; 0 for ever, as the scripts want it.
    pub const fn ttl(self) -> Millis {
        match self {
            Self::For(ttl) => ttl,
            Self::Sole => Millis::ZERO,
        }
    }

    /// How long it is relied upon: four fifths of it, for clocks that run at different speeds and for
    /// what happens between a look at the clock and an answer.
    fn relied_upon(ttl: Millis) -> Duration {
        Duration::from_millis(ttl.get()) * 4 / 5
    }

    /// The time between renewals.
    fn pace(self) -> Duration {
        match self {
            Self::For(ttl) => Duration::from_millis(ttl.get()) / 3,
            Self::Sole => Duration::from_secs(1),
        }
    }
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Try to take the lease; where nothing is known of the market, answer `BARE`.
    Claim,
    /// Take it, also where nothing is known of the market.
    ClaimBare,
    /// Renew it.
    Renew {
        /// Its token.
        token: u64,
    },
    /// Nothing before this moment.
    Wait {
        /// Until when.
        until: Instant,
    },
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The lease is ours, with this token.
    Claimed {
        /// The token.
        token: u64,
    },
    /// Somebody has it.
    Held {
        /// Who.
        holder: Holder,
        /// For how long unless it is renewed.
        left: Millis,
    },
    /// Nothing is known of the market.
    Bare,
    /// It is ours for another while.
    Renewed,
    /// It was ours, and is no more.
    Lost {
        /// Whose it is now.
        holder: Holder,
    },
}

/// What an answer has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that anybody has to act upon.
    None,
    /// The lease is ours: the market is to be opened.
    Gained {
        /// With this token.
        token: u64,
    },
    /// It is ours no more: the market is to be closed.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Without { look_at: Option<Instant>, bare_since: Option<Instant> },
    With { token: u64, until: Option<Instant>, renew_at: Instant },
}

/// A lease as one process sees it.
///
/// # Guarantees
/// - It is relied upon only until a fifth of it is left, counted from *before* the question was
///   sent whose answer granted it.
/// - Where nothing is known of the market it is taken only after a whole lease in which that was
///   answered each time: whoever is active has written down its own by then, or has stopped.
/// - No token is accepted twice, nor a smaller one after a larger.
#[derive(Clone, Debug)]
pub struct Lease {
    terms: Terms,
    state: State,
    holder: Option<Holder>,
    floor: u64,
    sent: Option<Instant>,
}

impl Lease {
    /// None yet. Tokens up to `floor` are known to have been given out.
    pub const fn new(terms: Terms, floor: u64) -> Self {
        let state = State::Without { look_at: None, bare_since: None };
        Self { terms, state, holder: None, floor, sent: None }
    }

    /// What to do. While a question is under way nothing is asked for.
    pub fn next(&self, now: Instant) -> Step {
        match (self.state, self.terms) {
            (State::Without { look_at: Some(until), .. }, _) if now < until => Step::Wait { until },
            (State::Without { .. }, Terms::Sole) => Step::ClaimBare,
            (State::Without { bare_since: Some(since), .. }, Terms::For(ttl))
                if now.saturating_duration_since(since) > Duration::from_millis(ttl.get()) =>
            {
                Step::ClaimBare
            }
            (State::Without { .. }, _) => Step::Claim,
            (State::With { renew_at, .. }, _) if now < renew_at => Step::Wait { until: renew_at },
            (State::With { token, .. }, _) => Step::Renew { token },
        }
    }

    /// A question is sent now.
    pub const fn sent(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// It was answered.
    pub fn answered(&mut self, now: Instant, answer: Answer) -> Change {
        // What was never sent cannot be counted from anything.
        let Some(sent) = self.sent.take() else { return Change::None };
        match (answer, self.state) {
            (Answer::Claimed { token }, State::Without { .. }) if token > self.floor => {
                self.floor = token;
                self.holder = None;
                self.grant(token, sent);
                Change::Gained { token }
            }
            (Answer::Renewed, State::With { token, .. }) => {
                self.grant(token, sent);
                Change::None
            }
            (Answer::Held { holder, left }, State::Without { .. }) => {
                self.floor = self.floor.max(holder.token);
                self.holder = Some(holder);
                // Just after its end if nobody renews it; and often enough to know who has it.
                let end = Duration::from_millis(left.get().saturating_add(1));
                let look_at = Some(now + end.min(self.terms.pace()));
                self.state = State::Without { look_at, bare_since: None };
                Change::None
            }
            (Answer::Bare, State::Without { bare_since, .. }) => {
                let bare_since = Some(bare_since.unwrap_or(now));
                let look_at = Some(now + self.terms.pace() / 3);
                self.holder = None;
                self.state = State::Without { look_at, bare_since };
                Change::None
            }
            (Answer::Lost { holder }, State::With { .. }) => {
                self.lose(now, Some(holder));
                Change::Lost
            }
            // An answer to what was not asked: ask again.
            _ => Change::None,
        }
    }

    fn grant(&mut self, token: u64, sent: Instant) {
        let until = match self.terms {
            Terms::For(ttl) => Some(sent + Terms::relied_upon(ttl)),
            Terms::Sole => None,
        };
        self.state = State::With { token, until, renew_at: sent + self.terms.pace() };
    }

    /// The question was not answered: nothing is known beyond what was known before.
    pub fn failed(&mut self, now: Instant) {
        self.sent = None;
        let again = now + self.terms.pace() / 4;
        match &mut self.state {
            // Whoever is active may have been there in the meantime.
            State::Without { look_at, bare_since } => {
                *look_at = Some(again);
                *bare_since = None;
            }
            State::With { renew_at, .. } => *renew_at = again,
        }
    }

    /// The lease is to be renewed at once: there is a doubt.
    pub fn hurry(&mut self, now: Instant) {
        if let State::With { renew_at, .. } = &mut self.state {
            *renew_at = now.min(*renew_at);
        }
    }

    /// Somebody else holds a later token, as a refused write tells; or it was given back.
    pub fn lose(&mut self, now: Instant, holder: Option<Holder>) {
        self.floor = self.floor.max(holder.as_ref().map_or(0, |holder| holder.token));
        self.holder = holder;
        let look_at = Some(now + self.terms.pace() / 4);
        self.state = State::Without { look_at, bare_since: None };
    }

    /// The largest token that is known to have been given out.
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// Our token, whether or not it can be relied upon at the moment.
    pub const fn token(&self) -> Option<u64> {
        match self.state {
            State::With { token, .. } => Some(token),
            State::Without { .. } => None,
        }
    }

    /// Who else has the lease, as far as is known.
    pub const fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// Until when this process may act.
    pub const fn open_until(&self) -> Open {
        match self.state {
            State::With { until: Some(until), .. } => Open::Until(until),
            State::With { until: None, .. } => Open::Always,
            State::Without { .. } => Open::Never,
        }
    }
}

/// How long a process may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Not at all.
    Never,
    /// Before this moment.
    Until(Instant),
    /// Until it is told otherwise.
    Always,
}
