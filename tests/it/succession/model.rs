//! The lease's scripts as they are meant, without Redis: a moment is a number of milliseconds.

use hansom::succession::{Answer, Holder, Standing};
use hansom::units::Millis;

/// What Redis has of a lease.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Owner, token, and the moment at which it ends.
    lease: Option<(String, u64, u64)>,
    fence: Option<(u64, String)>,
    /// Since when nothing has been known.
    waiting: Option<u64>,
}

impl Model {
    fn held(&self, now: u64) -> Option<&(String, u64, u64)> {
        self.lease.as_ref().filter(|(_, _, end)| *end > now)
    }

    /// `clock` is what a token goes on from where nothing is known.
    pub(super) fn claim(
        &mut self,
        now: u64,
        owner: &str,
        ttl: u64,
        floor: u64,
        clock: u64,
    ) -> Answer {
        if let Some((owner, token, end)) = self.held(now) {
            let (owner, token, address) = (owner.clone(), *token, String::new());
            let holder = Holder { owner, token, address };
            return Answer::Held { holder, left: Millis(end - now) };
        }
        if self.fence.is_none() && now - *self.waiting.get_or_insert(now) <= ttl {
            return Answer::Bare;
        }
        self.take(now, owner, ttl, floor, clock)
    }

    /// The same from whoever has it, and without waiting.
    pub(super) fn take(
        &mut self,
        now: u64,
        owner: &str,
        ttl: u64,
        floor: u64,
        clock: u64,
    ) -> Answer {
        let last = self.fence.as_ref().map_or(clock, |(token, _)| *token);
        let token = last.max(floor) + 1;
        self.waiting = None;
        self.fence = Some((token, owner.to_owned()));
        self.lease = Some((owner.to_owned(), token, now + ttl));
        Answer::Claimed { token }
    }

    pub(super) fn renew(
        &mut self,
        now: u64,
        owner: &str,
        token: u64,
        ttl: u64,
        standing: Standing,
    ) -> Answer {
        let ours = self.fence == Some((token, owner.to_owned()));
        let later = self.fence.as_ref().is_some_and(|(last, _)| *last >= token);
        match (&self.fence, standing) {
            (None, Standing::Over) => return Answer::Bare,
            (Some((last, by)), _) if !ours && (later || standing == Standing::Over) => {
                let (owner, token) = match self.held(now) {
                    Some((other, theirs, _)) => (other.clone(), *theirs),
                    None => (by.clone(), *last),
                };
                return Answer::Lost { holder: Holder { owner, token, address: String::new() } };
            }
            _ => {}
        }
        self.fence = Some((token, owner.to_owned()));
        self.lease = Some((owner.to_owned(), token, now + ttl));
        if ours { Answer::Renewed } else { Answer::Restored }
    }

    pub(super) fn release(&mut self, owner: &str, token: u64) {
        self.lease.take_if(|(by, of, _)| by == owner && *of == token);
    }

    pub(super) fn end(&mut self) {
        self.lease = None;
    }

    /// Nothing has been known for long, if nothing is.
    pub(super) fn wait(&mut self) {
        self.waiting = self.waiting.map(|_| 0);
    }

    pub(super) fn flush(&mut self) {
        *self = Self::default();
    }
}
