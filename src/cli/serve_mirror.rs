//! The mirror that `hansom serve` keeps.

use std::sync::Arc;

use crate::host::MarketHandle;
use crate::ids::DriverId;
use crate::mirror::{LinkOptions, MirrorConfig, RedisAddress};
use crate::model::DriverStatus;

/// The mirror at an address, beside a market if there is one.
pub(super) fn config(
    address: RedisAddress,
    seed: u64,
    market: Option<MarketHandle>,
) -> MirrorConfig {
    let status = move |id: &DriverId, told: DriverStatus| match &market {
        None => told,
        // Who is bound, the market knows; who was and is not any more is free.
        Some(market) => market.bound(id).unwrap_or(DriverStatus::Available),
    };
    MirrorConfig { address, options: LinkOptions::default(), seed, status: Arc::new(status) }
}
