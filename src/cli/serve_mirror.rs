//! The mirror that `hansom serve` keeps.

use std::sync::Arc;

use crate::host::MarketSlot;
use crate::ids::DriverId;
use crate::mirror::{LinkOptions, MirrorConfig, RedisAddress};
use crate::model::DriverStatus;

/// The mirror at an address, beside a market if there is one.
pub(super) fn config(
    address: RedisAddress,
    seed: u64,
    market: Option<Arc<MarketSlot>>,
) -> MirrorConfig {
    // Beside a market its active process writes; without one, whoever has the map.
    let slot = market.clone();
    let leads = Arc::new(move || slot.as_ref().is_none_or(|market| market.handle().is_ok()));
    let handle = move || market.as_ref().and_then(|market| market.handle().ok());
    let status = move |id: &DriverId, told: DriverStatus| match handle() {
        // Whoever runs the market, if anybody does, has said so.
        None => told,
        // Who is bound, the market knows; who was and is not any more is free.
        Some(market) => market.bound(id).unwrap_or(DriverStatus::Available),
    };
    let (options, status) = (LinkOptions::default(), Arc::new(status));
    MirrorConfig { address, options, seed, status, leads }
}
