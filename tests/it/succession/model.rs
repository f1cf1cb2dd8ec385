//! The lease's scripts as they are meant, without Redis: a moment is a number of milliseconds.

use hansom::succession::{Answer, Holder};
use hansom::units::Millis;

/// What Redis has of a lease.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Owner, token, and the moment at which it ends.
    lease: Option<(String, u64, u64)>,
    fence: Option<(u64, String)>,
}

impl Model {
    fn held(&self, now: u64) -> Option<&(String, u64, u64)> {
        self.lease.as_ref().filter(|(_, _, end)| *end > now)
    }

    pub(super) fn claim(
        &mut self,
        now: u64,
        owner: &str,
        ttl: u64,
        floor: u64,
        take_bare: bool,
    ) -> Answer {
        if let Some((owner, token, end)) = self.held(now) {
            let (owner, token, address) = (owner.clone(), *token, String::new());
            return Answer::Held {
                holder: Holder { owner, token, address },
                left: Millis(end - now),
            };
        }
        if self.fence.is_none() && !take_bare {
            return Answer::Bare;
        }
        let token = self.fence.as_ref().map_or(0, |(token, _)| *token).max(floor) + 1;
        self.fence = Some((token, owner.to_owned()));
        self.lease = Some((owner.to_owned(), token, now + ttl));
        Answer::Claimed { token }
    }

    pub(super) fn renew(&mut self, now: u64, owner: &str, token: u64, ttl: u64) -> Answer {
        let ours = (owner.to_owned(), token);
        if let Some((other, theirs, _)) = self.held(now)
            && (other.clone(), *theirs) != ours
        {
            let (owner, token, address) = (other.clone(), *theirs, String::new());
            return Answer::Lost { holder: Holder { owner, token, address } };
        }
        if let Some((last, by)) = &self.fence
            && (*last > token || (*last == token && by != owner))
        {
            let (owner, token, address) = (by.clone(), *last, String::new());
            return Answer::Lost { holder: Holder { owner, token, address } };
        }
        self.fence = Some((token, owner.to_owned()));
        self.lease = Some((owner.to_owned(), token, now + ttl));
        Answer::Renewed
    }

    pub(super) fn release(&mut self, owner: &str, token: u64) {
        self.lease.take_if(|(by, of, _)| by == owner && *of == token);
    }

    pub(super) fn end(&mut self) {
        self.lease = None;
    }

    pub(super) fn flush(&mut self) {
        *self = Self::default();
    }
}
