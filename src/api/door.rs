//! What each service needs to know: the map, the clock, the limits, where to count.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::status::Failure;
use super::tally::REASON_NAMES;
use crate::clock::{self, Clock};
use crate::host::{MarketHandle, MarketSlot};
use crate::ids::DriverId;
use crate::index::LiveMap;
use crate::limits;
use crate::mirror::Fallback;
use crate::model::{DriverKey, DriverStatus, Profile, Report};
use crate::telemetry::Metrics;
use crate::units::{Millis, Timestamp};

/// The map that a server serves.
pub type SharedMap = Arc<dyn LiveMap>;

/// Takes the reports that were applied. Called on the hot path: MUST NOT block.
pub trait ReportSink: Send + Sync {
    /// Takes the applied rows of one batch, in their order, or drops them and counts that.
    fn record(&self, rows: Vec<(DriverId, Report)>);

    /// What has become of the rows.
    fn state(&self) -> SinkState;
}

/// What a [`ReportSink`] has not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkState {
    /// Rows that were applied and are not kept; never falls.
    pub dropped_rows: u64,
    /// Whether no further row is kept.
    pub failed: bool,
}

/// When questions are answered from the copy in Redis.
#[derive(Clone, Debug)]
pub enum CopyUse {
    /// Always: the map is not filled.
    Always,
    /// Until the map knows what the copy knew, but not beyond a moment.
    UntilWarm {
        /// Whether it does.
        warm: watch::Receiver<bool>,
        /// The moment.
        end: std::time::Instant,
    },
}

/// What the services share.
pub struct Door {
    /// The live map.
    pub map: SharedMap,
    /// Where the present comes from.
    pub clock: Arc<Clock>,
    /// The maximum age of a position in an answer if the question does not say.
    pub stale_after: Millis,
    /// Where to count.
    pub metrics: Arc<Metrics>,
    market: Option<Arc<MarketSlot>>,
    copy: Option<(Arc<Fallback>, CopyUse)>,
    sink: Option<Arc<dyn ReportSink>>,
    drain: watch::Receiver<bool>,
    streams: AtomicUsize,
}

impl Door {
    /// A door to `map` that drains when `drain` becomes true.
    pub fn new(
        map: SharedMap,
        clock: Arc<Clock>,
        stale_after: Millis,
        sink: Option<Arc<dyn ReportSink>>,
        drain: watch::Receiver<bool>,
    ) -> Self {
        let metrics = Arc::new(Metrics::new(&REASON_NAMES));
        let (market, copy, streams) = (None, None, AtomicUsize::new(0));
        Self { map, clock, stale_after, metrics, market, copy, sink, drain, streams }
    }

    /// The same, with a market behind it that counts in `metrics`.
    pub fn with_market(self, market: Arc<MarketSlot>, metrics: Arc<Metrics>) -> Self {
        Self { market: Some(market), metrics, ..self }
    }

    /// The same, counting in `metrics`.
    pub fn counting_in(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// The same, with a copy of the map in Redis.
    pub fn with_copy(self, copy: Option<(Arc<Fallback>, CopyUse)>) -> Self {
        Self { copy, ..self }
    }

    /// The copy, if questions are to be answered from it now.
    pub(super) fn copy(&self) -> Option<&Fallback> {
        let (copy, when) = self.copy.as_ref()?;
        let now = match when {
            CopyUse::Always => true,
            CopyUse::UntilWarm { warm, end } => !*warm.borrow() && clock::stopwatch() < *end,
        };
        now.then_some(copy)
    }

    /// Whether there is a map to answer streams from.
    ///
    /// # Errors
    /// [`Failure::CopyOnly`] if there is only the copy now.
    pub(super) fn has_map(&self) -> Result<(), Failure> {
        if self.copy().is_some() { Err(Failure::CopyOnly) } else { Ok(()) }
    }

    /// The market.
    ///
    /// # Errors
    /// [`Failure::NoMarket`] if there is none, [`Failure::Market`] if it is elsewhere.
    pub fn market(&self) -> Result<MarketHandle, Failure> {
        Ok(self.market.as_ref().ok_or(Failure::NoMarket)?.handle()?)
    }

    /// What a driver is doing whom a trip or an offer binds: dispatch decides, not the client.
    pub(super) fn bound(&self, driver: &DriverId) -> Option<DriverStatus> {
        self.market.as_ref()?.bound(driver)
    }

    /// Whether any driver is bound, so that statuses in reports have to be looked at.
    pub(super) fn binds_anybody(&self) -> bool {
        self.market.as_ref().is_some_and(|market| market.binds_anybody())
    }

    /// The status that a report may set: none for a driver who is bound.
    pub(super) fn settable(
        &self,
        driver: &DriverId,
        status: Option<DriverStatus>,
    ) -> Option<DriverStatus> {
        status.filter(|_| self.bound(driver).is_none())
    }

    /// Tells the map what a driver is like. A driver forgotten meanwhile is found out when it
    /// reports.
    pub(super) fn introduce(
        &self,
        id: &DriverId,
        key: DriverKey,
        profile: Option<Profile>,
        status: Option<DriverStatus>,
    ) {
        if let Some(profile) = profile {
            self.map.set_profile(key, profile);
        }
        if let Some(status) = self.bound(id).or(status) {
            self.map.set_status(key, status);
        }
    }

    /// Whether somebody else wants to know what was applied.
    pub fn is_recorded(&self) -> bool {
        self.sink.is_some()
    }

    /// Tells those who want to know what was applied.
    pub fn record(&self, rows: Vec<(DriverId, Report)>) {
        if let Some(sink) = &self.sink
            && !rows.is_empty()
        {
            sink.record(rows);
        }
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present; `None` while a clock that follows the reports has seen none.
    pub fn started(&self) -> Option<Timestamp> {
        started(self.now())
    }

    /// Whether the server drains.
    pub fn is_draining(&self) -> bool {
        *self.drain.borrow()
    }

    /// Brings up to date what the map and the recording count themselves.
    pub fn refresh_gauges(&self) {
        if let Some(sink) = &self.sink {
            let SinkState { dropped_rows, failed } = sink.state();
            self.metrics.trace_rows_dropped.absolute(dropped_rows);
            self.metrics.trace_failed.set(f64::from(u8::from(failed)));
        }
        self.metrics.drivers.set(self.map.len() as f64);
        let mut by_status = [0; 6];
        for region in self.map.supply() {
            for (sum, count) in by_status.iter_mut().zip(region.by_status) {
                *sum += count;
            }
        }
        self.metrics.set_supply(by_status);
    }

    /// Becomes true when the server drains.
    pub fn drain(&self) -> watch::Receiver<bool> {
        self.drain.clone()
    }

    /// Counts a stream as open until the permit is dropped.
    ///
    /// # Errors
    /// [`Failure::TooManyStreams`] at the limit, [`Failure::Draining`] when it is too late.
    pub fn admit(self: &Arc<Self>) -> Result<StreamPermit, Failure> {
        if self.is_draining() {
            return Err(Failure::Draining);
        }
        let permit = StreamPermit { door: Arc::clone(self) };
        let before = self.streams.fetch_add(1, Ordering::Relaxed);
        self.metrics.streams.increment(1.0);
        if before >= limits::MAX_STREAMS {
            return Err(Failure::TooManyStreams { max: limits::MAX_STREAMS });
        }
        Ok(permit)
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The moment, unless it is none.
fn started(now: Timestamp) -> Option<Timestamp> {
    Some(now).filter(|&now| now != Clock::UNSTARTED)
}

/// A present in an answer; 0 while a clock that follows the reports has seen none.
pub(super) fn time_ms(now: Timestamp) -> i64 {
    started(now).map_or(0, Timestamp::as_millis)
}

/// A place among the server's streams, given back when dropped.
#[derive(Debug)]
pub struct StreamPermit {
    door: Arc<Door>,
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.door.streams.fetch_sub(1, Ordering::Relaxed);
        self.door.metrics.streams.decrement(1.0);
    }
}
