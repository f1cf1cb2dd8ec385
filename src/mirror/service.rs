//! The mirror as a server holds it: two threads that carry, until they are told to end.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::address::RedisAddress;
use super::courier::Courier;
use super::link::{Link, LinkOptions, Role};
use crate::clock::{self, Clock};
use crate::ids::DriverId;
use crate::index::LiveIndex;
use crate::model::DriverStatus;
use crate::telemetry::MirrorMetrics;

/// What a driver is doing who was found in Redis: dispatch may know better than Redis.
pub type StatusOf = Arc<dyn Fn(&DriverId, DriverStatus) -> DriverStatus + Send + Sync>;

/// Whether this process is the one that writes. Of several on one Redis only one may: who knows less would
/// remove what the others have written.
pub type Leads = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a mirror is made of.
#[derive(Clone)]
pub struct MirrorConfig {
    /// Where Redis is.
    pub address: RedisAddress,
    /// How long it is waited for.
    pub options: LinkOptions,
    /// Any number; moves the ends of pauses.
    pub seed: u64,
    /// What drivers found in Redis are doing.
    pub status: StatusOf,
    /// Whether anything is written.
    pub leads: Leads,
}

/// Why there is no mirror.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The map does not note who changes.
    #[error("the map does not note who changes: LiveIndex::noting_changes")]
    Blind,
    /// The thread or its runtime could not be made.
    #[error("cannot start the thread hansom-mirror")]
    Thread(#[from] std::io::Error),
}

/// A mirror that runs. Dropped, it ends at once; what was not carried yet is not.
#[derive(Debug)]
pub struct Mirror {
    stop: watch::Sender<bool>,
    warm: watch::Receiver<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// Starts to carry what changes on `map` to Redis, which need not be there.
    ///
    /// First, as soon as Redis is there, the map learns what Redis knew.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub fn start(
        config: MirrorConfig,
        map: Arc<LiveIndex>,
        clock: Arc<Clock>,
        metrics: Arc<MirrorMetrics>,
    ) -> Result<Self, MirrorError> {
        if map.changes().is_none() {
            return Err(MirrorError::Blind);
        }
        // One thread looks at the map and writes batches; the other talks to Redis meanwhile.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("hansom-mirror-io")
            .enable_all()
            .build()?;
        let (stop, stopping) = watch::channel(false);
        let (warm_sender, warm) = watch::channel(false);
        let MirrorConfig { address, options, seed, status, leads } = config;
        let link = Arc::new(Link::new(address, Role::Primary, options, seed));
        let courier = Courier::new(map, clock, link, metrics, warm_sender, (status, leads));
        let thread = std::thread::Builder::new()
            .name("hansom-mirror".to_owned())
            .spawn(move || runtime.block_on(courier.run(stopping)))?;
        Ok(Self { stop, warm, thread: Some(thread) })
    }

    /// Becomes true once the map knows what Redis knew.
    pub fn warm(&self) -> watch::Receiver<bool> {
        self.warm.clone()
    }

    /// Carries what is left and ends; true if that was done `within` this time.
    pub fn finish(mut self, within: Duration) -> bool {
        self.stop.send_replace(true);
        let begun = clock::stopwatch();
        let Some(thread) = self.thread.take() else { return true };
        while !thread.is_finished() && begun.elapsed() < within {
            std::thread::sleep(Duration::from_millis(5));
        }
        thread.is_finished() && thread.join().is_ok()
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        // Bounded: each thing that it waits for is.
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the mirror's thread panicked");
        }
    }
}
