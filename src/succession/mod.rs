//! Who runs a market, and what a successor finds: one active process a market, its trips in Redis.
//!
//! Two things are kept apart. The *lease* ([`Lease`]) says who may act, by time: it is a hint that is
//! right as long as clocks run at about the same speed and Redis forgets nothing. Where Redis is gone, its
//! holder goes on as long as each standby that it knows of [holds back](Held). The *fence* is a
//! number that rises with each lease that is given out, and that each script which writes trips
//! compares: whoever has slept through the end of a lease writes nothing over its successor.
//!
//! From the top: [`Keeper`] (claims, opens, closes; `opening.rs`), [`Tenure`] (what it and its peers know
//! of the lease; `peers.rs` asks them), [`ShippedJournal`] (a market's journal with a
//! gate before it and a backlog behind it), `shipper.rs` (from the backlog into Redis), `found.rs`
//! and `lineage.rs` (from what a predecessor left to a fresh journal), `desk.rs` (the scripts in
//! `lua/`, as functions), `keys.rs` (names, also in docs/redis-keys.md).
//!
//! The market's host knows nothing of this: it has a [`Journal`](crate::journal::Journal) that
//! refuses, and ends when the keeper ends it. Not for: what a trip is.

mod backlog;
mod desk;
mod found;
mod gate;
mod holds;
mod journal;
mod keeper;
mod keys;
mod lease;
mod lineage;
mod opening;
mod peers;
mod shipper;
mod tenure;
#[cfg(test)]
mod tests;

use std::fmt;

pub use desk::{Copy, Desk, How, Put};
pub use found::FoundError;
pub use gate::Gate;
pub use holds::{Extension, Held};
pub use journal::ShippedJournal;
pub use keeper::{Keeper, KeeperConfig, KeeperStartError, Seat};
pub use keys::Keys;
pub use lease::{Answer, Change, Heard, Lease, Open, Standing, Step, Terms};
pub use lineage::{Lineage, LineageError};
pub use peers::{Asked, PeerAnswer, PeerError, Peers};
pub use tenure::Tenure;

use crate::journal::{EndedStream, OpenStream, Seq};

/// Who has the lease of a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// A name that no other process has had.
    pub owner: String,
    /// The number of the lease.
    pub token: u64,
    /// Where it can be reached, if it says so.
    pub address: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.address.is_empty() { &self.owner } else { &self.address })
    }
}

/// Another process that wants the market, or has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// A name that no other process has had.
    pub owner: String,
    /// Where it can be reached.
    pub address: String,
}

/// What a command waits for before it is acknowledged, beside this process's own journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ack {
    /// Nothing.
    #[default]
    Local,
    /// That Redis has it.
    Redis,
    /// That so many replicas have it.
    Replicas(u32),
}

/// All of a market that a successor needs, but for the events of its trips.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Snapshot {
    last: Seq,
    head: Vec<u8>,
    open: Vec<OpenStream>,
    /// Latest first.
    ended: Vec<EndedStream>,
}
