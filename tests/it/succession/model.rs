//! The lease's scripts as they are meant, without Redis: a moment is a number of milliseconds.

use std::collections::BTreeMap;

use hansom::succession::{Answer, Holder, Peer, Standing};
use hansom::units::Millis;

/// What Redis has of a lease.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Owner, token, and the moment at which it ends.
    lease: Option<(String, u64, u64)>,
    fence: Option<Fence>,
    /// Since when nothing has been known.
    waiting: Option<u64>,
    /// Who waits for the lease, and until when that is believed.
    standbys: BTreeMap<String, u64>,
}

#[derive(Clone, Debug)]
struct Fence {
    token: u64,
    owner: String,
    /// Whether it says where its owner is: not after it was given back.
    has_address: bool,
}

/// Who asks, and for how long a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'a> {
    pub(super) owner: &'a str,
    pub(super) ttl: u64,
}

/// Where somebody is, as tests have it.
pub(super) fn address(owner: &str) -> String {
    format!("at-{owner}")
}

pub(super) fn peer(owner: &str) -> Peer {
    Peer { owner: owner.to_owned(), address: address(owner) }
}

fn holder(owner: &str, token: u64, asker: &str) -> Holder {
    // Whoever asks need not be told where it is.
    let address = if owner == asker { String::new() } else { address(owner) };
    Holder { owner: owner.to_owned(), token, address }
}

impl Model {
    fn held(&self, now: u64) -> Option<&(String, u64, u64)> {
        self.lease.as_ref().filter(|(_, _, end)| *end > now)
    }

    /// Why nobody can take the lease, if so.
    fn hindered(&mut self, now: u64, by: By<'_>) -> Option<Answer> {
        if let Some((owner, token, end)) = self.held(now) {
            let holder = holder(owner, *token, by.owner);
            return Some(Answer::Held { holder, left: Millis(end - now) });
        }
        let mut waits = || now - *self.waiting.get_or_insert(now) <= by.ttl;
        (self.fence.is_none() && waits()).then_some(Answer::Bare)
    }

    fn others(&mut self, now: u64, but: &str) -> Vec<Peer> {
        self.standbys.retain(|_, until| *until > now);
        self.standbys.keys().filter(|owner| *owner != but).map(|owner| peer(owner)).collect()
    }

    fn last_token(&self) -> u64 {
        self.fence.as_ref().map_or(0, |fence| fence.token)
    }

    pub(super) fn look(&mut self, now: u64, by: By<'_>) -> Answer {
        self.standbys.insert(by.owner.to_owned(), now + by.ttl);
        if let Some(hindered) = self.hindered(now, by) {
            return hindered;
        }
        let mut whom = self.others(now, by.owner);
        if let Some(fence) = self.fence.as_ref().filter(|fence| fence.has_address)
            && fence.owner != by.owner
            && whom.iter().all(|other| other.owner != fence.owner)
        {
            whom.push(peer(&fence.owner));
        }
        Answer::Free { token: self.last_token(), whom }
    }

    /// `clock` is what a token goes on from where nothing is known.
    pub(super) fn claim(
        &mut self,
        now: u64,
        by: By<'_>,
        floor: u64,
        after: u64,
        clock: u64,
    ) -> Answer {
        if let Some(hindered) = self.hindered(now, by) {
            return hindered;
        }
        let known = self.standbys.get(by.owner).is_some_and(|until| *until > now);
        if !known || self.last_token() != after {
            return Answer::Again;
        }
        self.seize(now, by, floor, clock)
    }

    /// The same from whoever has it, and without waiting.
    pub(super) fn seize(&mut self, now: u64, by: By<'_>, floor: u64, clock: u64) -> Answer {
        let last = self.fence.as_ref().map_or(clock, |fence| fence.token);
        let token = last.max(floor) + 1;
        self.waiting = None;
        self.write(now, by, token);
        self.standbys.remove(by.owner);
        Answer::Claimed { token, standbys: self.others(now, by.owner) }
    }

    fn write(&mut self, now: u64, By { owner, ttl }: By<'_>, token: u64) {
        self.fence = Some(Fence { token, owner: owner.to_owned(), has_address: true });
        self.lease = Some((owner.to_owned(), token, now + ttl));
    }

    pub(super) fn renew(&mut self, now: u64, by: By<'_>, token: u64, standing: Standing) -> Answer {
        let fence = self.fence.as_ref();
        let ours = fence.is_some_and(|fence| (fence.token, &*fence.owner) == (token, by.owner));
        match (fence, standing) {
            (None, Standing::Over) => return Answer::Bare,
            (Some(fence), _) if !ours && (fence.token >= token || standing == Standing::Over) => {
                let holder = match self.held(now) {
                    Some((other, theirs, _)) => holder(other, *theirs, ""),
                    None => holder(&fence.owner, fence.token, &fence.owner),
                };
                return Answer::Lost { holder };
            }
            _ => {}
        }
        self.write(now, by, token);
        let standbys = self.others(now, by.owner);
        if ours { Answer::Renewed { standbys } } else { Answer::Restored { standbys } }
    }

    pub(super) fn release(&mut self, owner: &str, token: u64) {
        self.standbys.remove(owner);
        self.lease.take_if(|(by, of, _)| by == owner && *of == token);
        if let Some(fence) = &mut self.fence
            && (fence.token, &*fence.owner) == (token, owner)
        {
            fence.has_address = false;
        }
    }

    pub(super) fn end(&mut self) {
        self.lease = None;
    }

    /// Nobody is believed to wait any more.
    pub(super) fn forget_standbys(&mut self) {
        self.standbys.clear();
    }

    /// Nothing has been known for long, if nothing is.
    pub(super) fn wait(&mut self) {
        self.waiting = self.waiting.map(|_| 0);
    }

    pub(super) fn flush(&mut self) {
        *self = Self::default();
    }

    /// The last token that was given out.
    pub(super) fn token(&self) -> u64 {
        self.last_token()
    }
}
