//! The market as its lease lets it be: opened when the lease is had, closed when it is lost.

use std::sync::Arc;
use std::time::Duration;

use super::market::{self, Market};
use crate::api::SharedMap;
use crate::clock::Clock;
use crate::config::MarketSettings;
use crate::host::MarketSlot;
use crate::journal::Journal;
use crate::succession::{Holder, Seat, ShippedJournal};
use crate::telemetry::MarketMetrics;

/// What a market needs each time it is opened, and the market while it is open.
pub(super) struct MarketSeat {
    pub(super) settings: MarketSettings,
    pub(super) map: SharedMap,
    pub(super) clock: Arc<Clock>,
    pub(super) metrics: Arc<MarketMetrics>,
    pub(super) hash_seed: u64,
    pub(super) slot: Arc<MarketSlot>,
    /// How long the end of the log of decisions may take.
    pub(super) within: Duration,
    pub(super) market: Option<Market>,
}

impl Seat for MarketSeat {
    fn open(&mut self, journal: Arc<ShippedJournal>) -> Result<(), String> {
        let (map, clock) = (Arc::clone(&self.map), Arc::clone(&self.clock));
        let metrics = Arc::clone(&self.metrics);
        let journal = journal as Arc<dyn Journal>;
        let opened = market::open(&self.settings, journal, map, clock, metrics, self.hash_seed);
        let market = opened.map_err(|error| format!("{error:#}"))?;
        self.slot.fill(market.0.handle().clone());
        self.market = Some(market);
        Ok(())
    }

    fn close(&mut self) {
        self.slot.empty();
        let Some((host, decisions)) = self.market.take() else { return };
        drop(host);
        if let Some(Err(error)) = decisions.map(|log| log.finish(self.within)) {
            tracing::error!(%error, "the log of decisions is incomplete");
        }
    }

    fn tell(&mut self, holder: Option<&Holder>) {
        let address = holder.map(|holder| holder.address.clone());
        self.slot.point_to(address.filter(|address| !address.is_empty()));
    }
}
