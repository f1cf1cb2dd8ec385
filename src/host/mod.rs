//! Hosts a market: gives the deterministic core a thread, a clock, a queue and a journal.
//!
//! One thread a market (`hansom-market-<id>`) takes all commands that wait, applies each to the core,
//! writes what happened into one batch, commits it, and only then answers, tells drivers and wakes
//! watchers: nobody hears of what is not durable. While the disk writes, the next batch gathers.
//!
//! From the top: [`Host`] (start and stop), [`MarketHandle`] (what others may do, from any thread),
//! `worker.rs` (the loop), `ledger.rs` (what one commit holds), `restore.rs` (a market from its
//! journal), `lines.rs` (who is told of whom), `attend.rs` and `fleet.rs` (drivers' and gateways' lines), `explain.rs` (decisions
//! that memory has forgotten), `reading.rs` (reads that may wait for the disk), `watch.rs` (watched
//! trips), `shared.rs` (what others read), `slot.rs` (a market
//! that comes and goes), `behind.rs` (a clock that was set back). Not for: messages, sockets, and what a command means.

mod attend;
mod behind;
mod error;
mod explain;
mod fleet;
mod handle;
mod ledger;
mod lines;
mod reading;
mod restore;
mod shared;
mod slot;
mod supply;
#[cfg(test)]
mod tests;
mod watch;
mod worker;

use std::sync::Arc;
use std::thread::JoinHandle;

pub use attend::{Attendance, Claim, LineEnd, News};
pub use error::{HostError, HostStartError};
pub use fleet::{Attended, Due, FleetId, FleetLine, FleetNews, Lagged, Missed};
pub use handle::{MarketHandle, Pending};
pub use reading::Reading;
pub use shared::HostState;
pub use slot::MarketSlot;
pub use watch::TripWatch;

use crate::clock::Clock;
use crate::decisions::{Archive, DecisionSink};
use crate::dispatch::{MarketConfig, policy};
use crate::index::LiveMap;
use crate::journal::Journal;
use crate::telemetry::MarketMetrics;
use crate::travel::TravelTime;
use crate::units::Millis;

/// What a host is made of.
pub struct HostConfig {
    /// How the market works.
    pub market: MarketConfig,
    /// Makes the policy, at each restore anew.
    pub policy: policy::Constructor,
    /// How long drives take.
    pub travel: Arc<dyn TravelTime>,
    /// Where drivers are, and where their statuses are written.
    pub map: Arc<dyn LiveMap>,
    /// Where the present comes from.
    pub clock: Arc<Clock>,
    /// Where what must not be lost is kept; of this market alone.
    pub journal: Arc<dyn Journal>,
    /// How long history of ended trips is kept.
    pub keep_history: Millis,
    /// The most ended trips that are kept in history.
    pub keep_trips: u64,
    /// Where decisions are written down, if anywhere, and can be looked up.
    pub decisions: Option<(DecisionSink, Archive)>,
    /// Where to count.
    pub metrics: Arc<MarketMetrics>,
}

/// A market that runs. Dropped, it finishes the commit under way and ends.
pub struct Host {
    handle: MarketHandle,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Restores the market from its journal and starts its thread.
    ///
    /// # Errors
    /// [`HostStartError`] if the journal cannot be read, or does not fit the market.
    pub fn start(config: HostConfig) -> Result<Self, HostStartError> {
        let (worker, handle) = worker::Worker::new(config)?;
        let name = format!("hansom-market-{}", handle.market());
        let spawned = std::thread::Builder::new().name(name.clone()).spawn(move || worker.run());
        let thread =
            spawned.map_err(|error| HostStartError::Thread { name, cause: error.to_string() })?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// What others may do with the market.
    pub fn handle(&self) -> &MarketHandle {
        &self.handle
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the market's thread panicked; its journal is intact");
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("market", &self.handle.market()).finish_non_exhaustive()
    }
}
