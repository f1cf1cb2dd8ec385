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
    /// One for ever, taken from whoever has it: there is no standby, and nobody to wait for. Once it
    /// is lost to another it is taken again only when that one has given it back.
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
    /// Try to take the lease.
    Claim,
    /// Take it, from whoever has it.
    Seize,
    /// Renew it.
    Renew {
        /// Its token.
        token: u64,
        /// How it stands.
        standing: Standing,
    },
    /// Nothing before this moment.
    Wait {
        /// Until when.
        until: Instant,
    },
}

/// How a lease stands that is to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is relied upon: nobody else can have one.
    Valid,
    /// It is not relied upon any more: somebody else may have had one since.
    Over,
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
    /// Nothing is known of the market, and has not been for long enough.
    Bare,
    /// It is ours for another while.
    Renewed,
    /// The same, and Redis had forgotten it.
    Restored,
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
    Without { look_at: Option<Instant> },
    With { token: u64, until: Option<Instant>, renew_at: Instant },
}

/// A lease as one process sees it.
///
/// # Guarantees
/// - It is relied upon only until a fifth of it is left, counted from *before* the question was
///   sent whose answer granted it.
/// - Where Redis has forgotten the lease it goes on only if it was relied upon without a break.
/// - No token is accepted twice, nor a smaller one after a larger.
#[derive(Clone, Debug)]
pub struct Lease {
    terms: Terms,
    state: State,
    holder: Option<Holder>,
    /// Somebody else has taken it.
    deposed: bool,
    floor: u64,
    sent: Option<Instant>,
}

impl Lease {
    /// None yet. Tokens up to `floor` are known to have been given out.
    pub const fn new(terms: Terms, floor: u64) -> Self {
        let state = State::Without { look_at: None };
        Self { terms, state, holder: None, deposed: false, floor, sent: None }
    }

    /// What to do. While a question is under way nothing is asked for.
    pub fn next(&self, now: Instant) -> Step {
        match (self.state, self.terms) {
            (State::Without { look_at: Some(until) }, _) if now < until => Step::Wait { until },
            // Taking it back would be done to it in turn.
            (State::Without { .. }, Terms::Sole) if !self.deposed => Step::Seize,
            (State::Without { .. }, _) => Step::Claim,
            (State::With { renew_at, .. }, _) if now < renew_at => Step::Wait { until: renew_at },
            (State::With { token, .. }, _) => {
                let standing = if self.is_valid(now) { Standing::Valid } else { Standing::Over };
                Step::Renew { token, standing }
            }
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
            (Answer::Restored, State::With { token, .. }) if self.is_valid(now) => {
                self.grant(token, sent);
                Change::None
            }
            // It may have been another's in between, which nobody knows any more.
            (Answer::Restored | Answer::Bare, State::With { .. }) => {
                self.lose(now, None);
                Change::Lost
            }
            (Answer::Held { holder, left }, State::Without { .. }) => {
                self.floor = self.floor.max(holder.token);
                self.holder = Some(holder);
                // Just after its end if nobody renews it; and often enough to know who has it.
                let end = Duration::from_millis(left.get().saturating_add(1));
                let look_at = Some(now + end.min(self.terms.pace()));
                self.state = State::Without { look_at };
                Change::None
            }
            (Answer::Bare, State::Without { .. }) => {
                let look_at = Some(now + self.terms.pace() / 3);
                self.holder = None;
                self.state = State::Without { look_at };
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

    fn is_valid(&self, now: Instant) -> bool {
        match self.open_until() {
            Open::Never => false,
            Open::Until(until) => now < until,
            Open::Always => true,
        }
    }

    /// The question was not answered: nothing is known beyond what was known before.
    pub fn failed(&mut self, now: Instant) {
        self.sent = None;
        let again = now + self.terms.pace() / 4;
        match &mut self.state {
            State::Without { look_at } => *look_at = Some(again),
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
        self.deposed |= holder.is_some();
        self.holder = holder;
        let look_at = Some(now + self.terms.pace() / 4);
        self.state = State::Without { look_at };
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
