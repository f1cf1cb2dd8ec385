//! What other threads read of a market without waiting for its thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

use super::attend::Claim;
use super::watch::Watched;
use crate::decisions::Archive;
use crate::dispatch::{Counts, Head};
use crate::ids::{DriverId, MarketId};
use crate::journal::Journal;
use crate::limits;
use crate::model::DriverStatus;
use crate::telemetry::MarketMetrics;

/// How a market stands, as of its last commit.
#[derive(Clone, Debug, PartialEq)]
pub struct HostState {
    /// Where it is in its history.
    pub head: Head,
    /// How many there are of everything.
    pub counts: Counts,
    /// Who chooses.
    pub policy: &'static str,
    /// Why it takes no commands, if it takes none.
    pub down: Option<String>,
}

/// What the market's thread and all handles share.
pub(super) struct Shared {
    pub(super) market: MarketId,
    pub(super) journal: Arc<dyn Journal>,
    /// Decisions that memory may have forgotten.
    pub(super) archive: Option<Archive>,
    /// A permit for each look into the archive, held by the look itself: one whose call is gone may
    /// still occupy its thread.
    pub(super) archive_reads: Arc<Semaphore>,
    pub(super) watched: Arc<Watched>,
    pub(super) metrics: Arc<MarketMetrics>,
    /// The drivers whom a trip or an offer binds. Read for each status that a client reports, written
    /// by the market's thread; held for a lookup.
    bound: RwLock<BTreeMap<DriverId, DriverStatus>>,
    /// The last claim that was given out.
    claims: AtomicU64,
    /// How many they are: where nobody is bound, reports need not look.
    bound_count: AtomicUsize,
    /// Held for a copy.
    state: Mutex<HostState>,
    stopping: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        state: HostState,
        journal: Arc<dyn Journal>,
        archive: Option<Archive>,
        metrics: Arc<MarketMetrics>,
    ) -> Self {
        Self {
            market: state.head.market,
            journal,
            archive,
            archive_reads: Arc::new(Semaphore::new(limits::MAX_ARCHIVE_READS)),
            watched: Arc::default(),
            metrics,
            bound: RwLock::default(),
            claims: AtomicU64::new(0),
            bound_count: AtomicUsize::new(0),
            state: Mutex::new(state),
            stopping: AtomicBool::new(false),
        }
    }

    /// A claim that is newer than all before.
    pub(super) fn claim(&self) -> Claim {
        Claim(self.claims.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// What a bound driver is doing.
    pub(super) fn bound(&self, driver: &DriverId) -> Option<DriverStatus> {
        self.bound.read().get(driver).copied()
    }

    /// Whether any driver is bound.
    pub(super) fn binds_anybody(&self) -> bool {
        self.bound_count.load(Ordering::Acquire) > 0
    }

    /// Notes what a driver is doing from now on.
    pub(super) fn bind(&self, driver: DriverId, status: DriverStatus) {
        let mut bound = self.bound.write();
        if is_free(status) {
            bound.remove(&driver);
        } else {
            bound.insert(driver, status);
        }
        self.bound_count.store(bound.len(), Ordering::Release);
    }

    /// Forgets who was bound, and says who it was.
    pub(super) fn unbind_all(&self) -> Vec<DriverId> {
        let mut bound = self.bound.write();
        self.bound_count.store(0, Ordering::Release);
        std::mem::take(&mut *bound).into_keys().collect()
    }

    pub(super) fn state(&self) -> HostState {
        self.state.lock().clone()
    }

    pub(super) fn set_state(&self, state: HostState) {
        *self.state.lock() = state;
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Whether a driver with this status is bound by nothing.
pub(super) const fn is_free(status: DriverStatus) -> bool {
    matches!(status, DriverStatus::Available | DriverStatus::Offline)
}
