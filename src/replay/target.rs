//! The server that a replay feeds.

use std::sync::Arc;

use super::{ReplayError, ReplayOptions};
use crate::clock::Clock;
use crate::index::{IndexConfig, LiveIndex};
use crate::limits;
use crate::server::{Running, Server, ServerConfig};
use crate::units::{Millis, Timestamp};

/// How the embedded server, and the twin of any, judge reports: nobody is forgotten, whatever
/// the gaps of the trace.
pub(super) fn index_config() -> IndexConfig {
    IndexConfig { forget_after: Millis(limits::MAX_FORGET_AFTER_MS), ..IndexConfig::default() }
}

/// A server, embedded or elsewhere.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: String,
    embedded: Option<(Running, Arc<Clock>)>,
}

impl Target {
    /// The one that the options name, or a new one that listens on the loopback alone.
    pub(super) fn of(options: &ReplayOptions) -> Result<Self, ReplayError> {
        if let Some(address) = &options.target {
            return Ok(Self { address: address.clone(), embedded: None });
        }
        let clock = Arc::new(Clock::trace());
        let config =
            ServerConfig { http: None, threads: options.server_threads, ..ServerConfig::default() };
        let map = Arc::new(LiveIndex::new(index_config(), options.seed));
        let running = Server::start(config, map, Arc::clone(&clock))?;
        let address = format!("http://{}", running.grpc_addr());
        Ok(Self { address, embedded: Some((running, clock)) })
    }

    pub(super) const fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Sets an embedded server's clock to the beginning, before anybody is bound: who is bound at
    /// no time at all would be forgotten at the first tick.
    pub(super) fn begin(&self, at: Timestamp) {
        if let Some((_, clock)) = &self.embedded {
            clock.observe(at);
        }
    }

    /// Ends an embedded server.
    pub(super) fn end(self) {
        if let Some((running, _)) = self.embedded {
            running.drain();
        }
    }
}
