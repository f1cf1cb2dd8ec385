//! The copy in Redis that `hansom serve` keeps, or reads.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::api::CopyUse;
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::host::MarketSlot;
use crate::ids::DriverId;
use crate::index::LiveIndex;
use crate::limits;
use crate::mirror::{Fallback, FallbackOptions, LinkOptions, Mirror, MirrorConfig};
use crate::model::DriverStatus;
use crate::succession::Tenure;
use crate::telemetry::Metrics;

/// Who carries, and who reads when.
type Copied = (Option<Mirror>, Option<(Arc<Fallback>, CopyUse)>);

/// Starts what the configuration asks for, beside a market if there is one, and its lease.
pub(super) fn start(
    config: &Config,
    seed: u64,
    (market, tenure): (Option<Arc<MarketSlot>>, Option<Arc<Tenure>>),
    map: Arc<LiveIndex>,
    clock: &Arc<Clock>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Copied> {
    let Some(address) = &config.redis else { return Ok((None, None)) };
    let options = FallbackOptions::default();
    let fallback = Arc::new(Fallback::new(address.clone(), options, seed.wrapping_add(1)));
    if config.fallback_only {
        return Ok((None, Some((fallback, CopyUse::Always))));
    }
    // Beside a market its active process writes; without one, whoever has the map.
    let slot = market.clone();
    let leads = Arc::new(move || {
        // Who has slept through the end of its lease has the market still, for a moment.
        let held = || tenure.as_ref().is_none_or(|tenure| tenure.is_held(clock::stopwatch()));
        slot.as_ref().is_none_or(|market| market.handle().is_ok() && held())
    });
    let handle = move || market.as_ref().and_then(|market| market.handle().ok());
    let status = move |id: &DriverId, told: DriverStatus| match handle() {
        // Whoever runs the market, if anybody does, has said so.
        None => told,
        // Who is bound, the market knows; who was and is not any more is free.
        Some(market) => market.bound(id).unwrap_or(DriverStatus::Available),
    };
    let with = MirrorConfig {
        address: address.clone(),
        options: LinkOptions::default(),
        seed,
        status: Arc::new(status),
        leads,
    };
    let mirror = Mirror::start(with, map, Arc::clone(clock), Arc::clone(&metrics.mirror));
    let mirror = mirror.context("cannot start the mirror")?;
    let end = clock::stopwatch() + Duration::from_millis(limits::WARMING_MS);
    let until = CopyUse::UntilWarm { warm: mirror.warm(), end };
    Ok((Some(mirror), Some((fallback, until))))
}
