//! Whether this process may act for a market: what it may conclude from answers, and when.
//!
//! Nothing here asks anybody or a clock. Whoever drives it does what [`Lease::next`] and
//! [`Lease::extension`] say, tells it when it [sent](Lease::sent) a question and what was answered, and
//! looks at [`Lease::open_until`].

use std::time::{Duration, Instant};

use super::holds::{Extension, Held, Holds, relied_upon};
use super::{Holder, Peer};
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

    /// Until when a lease is relied upon that was asked for at a moment; none: for ever.
    fn end(self, sent: Instant) -> Option<Instant> {
        match self {
            Self::For(ttl) => Some(sent + relied_upon(ttl)),
            Self::Sole => None,
        }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look whether somebody has the lease, and be known as one who waits for it.
    Look,
    /// It is free: ask each of these whether they know of somebody who runs the market. To be
    /// [heard](Lease::heard) when all have said something, or one that somebody does, or when
    /// [`limits::PEER_PATIENCE_MS`](crate::limits::PEER_PATIENCE_MS) have passed.
    Ask {
        /// Whom.
        whom: Vec<Peer>,
        /// The last token that is known of.
        token: u64,
    },
    /// Take the lease, if it is free and this is still the last token.
    Claim {
        /// Which.
        after: u64,
    },
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
        /// Who else waits for it.
        standbys: Vec<Peer>,
    },
    /// Nobody has it. This process is known as one who waits for it.
    Free {
        /// The last token that was given out; 0 if none is known.
        token: u64,
        /// Who may know of somebody who runs the market all the same: whoever had the last token, and
        /// those who wait for it too.
        whom: Vec<Peer>,
    },
    /// It cannot be taken as things stand: to be looked at again.
    Again,
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
    Renewed {
        /// Who waits for it.
        standbys: Vec<Peer>,
    },
    /// The same, and Redis had forgotten it.
    Restored {
        /// Who waits for it.
        standbys: Vec<Peer>,
    },
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

/// What those said who may know of somebody who runs the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nobody does, as far as can be found out.
    Nobody,
    /// Somebody does, or is waited for.
    Somebody {
        /// For how long at least.
        wait: Millis,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Without {
        look_at: Option<Instant>,
    },
    /// It is free, and these are asked.
    Asking {
        token: u64,
        whom: Vec<Peer>,
    },
    /// It is free, and nobody runs the market.
    Free {
        token: u64,
    },
    With {
        token: u64,
        until: Option<Instant>,
        renew_at: Instant,
    },
}

/// A question under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    at: Instant,
    /// Whether it may make the lease ours.
    takes: bool,
}

/// A lease as one process sees it.
///
/// # Guarantees
/// - It is relied upon only until a fifth of it is left, counted from *before* the question was
///   sent whose answer granted it; beyond that as long as each standby known of has promised to hold
///   back, likewise, or none is known; and never again once it was not relied upon for a moment, unless
///   Redis says so.
/// - It is taken only after those were asked who may run the market, and not while this process has
///   promised to hold back.
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
    sent: Option<Sent>,
    /// Until when this process has promised to hold back.
    promised: Option<Instant>,
    holds: Option<Holds>,
}

impl Lease {
    /// None yet. Tokens up to `floor` are known to have been given out.
    pub const fn new(terms: Terms, floor: u64) -> Self {
        let state = State::Without { look_at: None };
        Self {
            terms,
            state,
            holder: None,
            deposed: false,
            floor,
            sent: None,
            promised: None,
            holds: None,
        }
    }

    /// What to do. While a question is under way nothing is asked for.
    pub fn next(&self, now: Instant) -> Step {
        match (&self.state, self.terms) {
            (State::Without { look_at: Some(until) }, _) if now < *until => {
                Step::Wait { until: *until }
            }
            // Taking it back would be done to it in turn.
            (State::Without { .. }, Terms::Sole) if !self.deposed => Step::Seize,
            (State::Without { .. }, _) => Step::Look,
            (State::Asking { token, whom }, _) => Step::Ask { whom: whom.clone(), token: *token },
            (State::Free { token }, _) => Step::Claim { after: *token },
            (State::With { renew_at, .. }, _) if now < *renew_at => Step::Wait { until: *renew_at },
            (State::With { token, .. }, _) => {
                let standing = if self.is_valid(now) { Standing::Valid } else { Standing::Over };
                Step::Renew { token: *token, standing }
            }
        }
    }

    /// A question to Redis is sent now.
    pub const fn sent(&mut self, now: Instant) {
        let takes = match (&self.state, self.terms) {
            (State::Free { .. }, _) => true,
            (State::Without { .. }, Terms::Sole) => !self.deposed,
            _ => false,
        };
        self.sent = Some(Sent { at: now, takes });
    }

    /// It was answered.
    pub fn answered(&mut self, now: Instant, answer: Answer) -> Change {
        // What was never sent cannot be counted from anything.
        let Some(Sent { at: sent, takes }) = self.sent.take() else { return Change::None };
        match (answer, &self.state) {
            (Answer::Claimed { token, standbys }, State::Without { .. } | State::Free { .. })
                if takes && token > self.floor =>
            {
                self.floor = token;
                self.holder = None;
                self.grant(token, sent, standbys);
                return Change::Gained { token };
            }
            (Answer::Free { token, whom }, State::Without { .. }) => {
                self.is_free(now, token, whom);
            }
            (Answer::Again, State::Free { .. }) => self.state = State::Without { look_at: None },
            // Counted from when it was asked for, it is over: nothing is gained by it, and whoever
            // came by meanwhile is not in it.
            (Answer::Renewed { .. } | Answer::Restored { .. }, State::With { .. })
                if self.terms.end(sent).is_some_and(|end| end <= now) =>
            {
                self.failed(now);
            }
            (Answer::Renewed { standbys }, State::With { token, .. }) => {
                self.grant(*token, sent, standbys);
            }
            (Answer::Restored { standbys }, State::With { token, .. }) if self.is_valid(now) => {
                self.grant(*token, sent, standbys);
            }
            // It may have been another's in between, which nobody knows any more.
            (Answer::Restored { .. } | Answer::Bare, State::With { .. }) => {
                self.lose(now, None);
                return Change::Lost;
            }
            (Answer::Held { holder, left }, State::Without { .. } | State::Free { .. }) => {
                self.floor = self.floor.max(holder.token);
                self.holder = Some(holder);
                // Just after its end if nobody renews it; and often enough to know who has it, and to
                // be known.
                let end = Duration::from_millis(left.get().saturating_add(1));
                self.look_in(now, end.min(self.terms.pace()));
            }
            (Answer::Bare, State::Without { .. } | State::Free { .. }) => {
                self.look_in(now, self.terms.pace() / 3);
            }
            (Answer::Lost { holder }, State::With { .. }) => {
                self.lose(now, Some(holder));
                return Change::Lost;
            }
            // An answer to what was not asked: ask again.
            _ => {}
        }
        Change::None
    }

    fn look_in(&mut self, now: Instant, pause: Duration) {
        self.state = State::Without { look_at: Some(now + pause) };
    }

    /// Nobody has the lease. Whoever had it last may be cut off from Redis, and go on.
    fn is_free(&mut self, now: Instant, token: u64, mut whom: Vec<Peer>) {
        self.floor = self.floor.max(token);
        if let Some(Holder { owner, address, .. }) = &self.holder
            && !address.is_empty()
            && whom.iter().all(|peer| peer.owner != *owner)
        {
            // Redis has forgotten it, or it was another Redis.
            whom.push(Peer { owner: owner.clone(), address: address.clone() });
        }
        match self.promised.filter(|until| *until > now) {
            Some(until) => self.look_in(now, (until - now).min(self.terms.pace())),
            None if whom.is_empty() => self.state = State::Free { token },
            None => self.state = State::Asking { token, whom },
        }
    }

    /// Those were asked who may know of somebody who runs the market.
    pub fn heard(&mut self, now: Instant, heard: Heard) {
        // It may have promised to hold back meanwhile.
        let State::Asking { token, .. } = self.state else { return };
        match heard {
            Heard::Nobody => self.state = State::Free { token },
            Heard::Somebody { wait } => {
                let wait = Duration::from_millis(wait.get().saturating_add(1));
                self.look_in(now, wait.min(self.terms.pace() / 2));
            }
        }
    }

    /// Somebody who has this token asks this process not to take over for a while.
    pub fn promise(&mut self, now: Instant, token: u64, span: Millis) -> Held {
        if token < self.floor {
            return Held::Later { token: self.floor };
        }
        let seizes = self.terms == Terms::Sole && !self.deposed;
        let takes = self.sent.is_some_and(|sent| sent.takes);
        if seizes || takes || matches!(self.state, State::With { .. }) {
            return Held::Refused;
        }
        self.promised = self.promised.max(Some(now + Duration::from_millis(span.get())));
        if !matches!(self.state, State::Without { .. }) {
            self.look_in(now, self.terms.pace() / 2);
        }
        Held::Granted
    }

    /// Somebody wants to take over, and asks for how long somebody is known to run the market.
    pub fn asked(&mut self, now: Instant, by: Peer) -> Heard {
        if let Some(holds) = &mut self.holds {
            holds.came(now, by);
        }
        let until = match self.open_until() {
            Open::Never => self.promised,
            Open::Until(until) => Some(until),
            Open::Always => Some(now + self.terms.pace()),
        };
        match until.filter(|until| *until > now) {
            None => Heard::Nobody,
            Some(until) => {
                let left = u64::try_from((until - now).as_millis()).unwrap_or(u64::MAX);
                Heard::Somebody { wait: Millis(left.max(1)) }
            }
        }
    }

    fn grant(&mut self, token: u64, sent: Instant, standbys: Vec<Peer>) {
        match (self.terms, &mut self.holds) {
            (Terms::For(_), Some(holds)) => holds.renewed(sent, standbys),
            (Terms::For(ttl), None) => self.holds = Some(Holds::new(sent, ttl, standbys)),
            (Terms::Sole, _) => {}
        }
        let (until, renew_at) = (self.terms.end(sent), sent + self.terms.pace());
        self.state = State::With { token, until, renew_at };
    }

    fn is_valid(&self, now: Instant) -> bool {
        match self.open_until() {
            Open::Never => false,
            Open::Until(until) => now < until,
            Open::Always => true,
        }
    }

    /// What is to be done so that the market can go on while the lease is not renewed.
    pub fn extension(&self, now: Instant) -> Extension {
        match (&self.state, &self.holds) {
            (State::With { token, .. }, Some(holds)) if self.is_valid(now) => {
                holds.next(now, *token)
            }
            _ => Extension::Never,
        }
    }

    /// [`Extension::Alone`]: goes on.
    pub fn go_on(&mut self, now: Instant) {
        if self.extension(now) == Extension::Alone
            && let Some(holds) = &mut self.holds
        {
            holds.go_on(now);
        }
    }

    /// [`Extension::Ask`]: they are asked now.
    pub fn asking(&mut self, now: Instant) {
        if let Some(holds) = &mut self.holds {
            holds.asking(now);
        }
    }

    /// A standby that was asked at a moment has promised to hold back.
    pub fn granted(&mut self, now: Instant, sent: Instant, token: u64, owner: &str) {
        let valid = self.is_valid(now) && self.token() == Some(token);
        if let Some(holds) = self.holds.as_mut().filter(|_| valid) {
            holds.granted(sent, owner);
        }
    }

    /// Whether a process is known as one that could take over.
    pub fn knows(&self, owner: &str) -> bool {
        self.holds.as_ref().is_some_and(|holds| holds.knows(owner))
    }

    /// The process is about to end: it does not go on beyond what it may already.
    pub fn retire(&mut self) {
        if let Some(holds) = &mut self.holds {
            holds.retire();
        }
    }

    /// The question was not answered: nothing is known beyond what was known before.
    pub fn failed(&mut self, now: Instant) {
        self.sent = None;
        let again = now + self.terms.pace() / 4;
        match &mut self.state {
            State::With { renew_at, .. } => *renew_at = again,
            _ => self.state = State::Without { look_at: Some(again) },
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
        self.holds = None;
        let look_at = Some(now + self.terms.pace() / 4);
        self.state = State::Without { look_at };
    }

    /// Tokens up to this one are known to have been given out.
    pub fn raise(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
    }

    /// The largest token that is known to have been given out.
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// Our token, whether or not it can be relied upon at the moment.
    pub const fn token(&self) -> Option<u64> {
        match self.state {
            State::With { token, .. } => Some(token),
            _ => None,
        }
    }

    /// Who else has the lease, as far as is known.
    pub const fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// Until when this process may act.
    pub fn open_until(&self) -> Open {
        match self.state {
            State::With { until: Some(until), .. } => {
                let extended = self.holds.as_ref().and_then(Holds::extended);
                Open::Until(extended.map_or(until, |extended| extended.max(until)))
            }
            State::With { until: None, .. } => Open::Always,
            _ => Open::Never,
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
