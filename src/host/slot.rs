//! Where a market is, as the doors of this process see it: here, or not at present.

use std::sync::Arc;

use parking_lot::RwLock;

use super::error::HostError;
use super::handle::MarketHandle;
use crate::ids::{DriverId, MarketId};
use crate::model::DriverStatus;

/// A place for a market, which may come and go while the process runs.
#[derive(Debug)]
pub struct MarketSlot {
    market: MarketId,
    /// Held for a lookup.
    place: RwLock<Place>,
}

#[derive(Debug)]
enum Place {
    Here(MarketHandle),
    Elsewhere { active: Option<String> },
}

impl MarketSlot {
    /// A market that is here to stay.
    pub fn here(handle: MarketHandle) -> Arc<Self> {
        Arc::new(Self { market: handle.market(), place: RwLock::new(Place::Here(handle)) })
    }

    /// A market that is not here yet.
    pub fn elsewhere(market: MarketId) -> Arc<Self> {
        Arc::new(Self { market, place: RwLock::new(Place::Elsewhere { active: None }) })
    }

    /// The market.
    ///
    /// # Errors
    /// [`HostError::Elsewhere`], with where it is if that is known.
    pub fn handle(&self) -> Result<MarketHandle, HostError> {
        match &*self.place.read() {
            Place::Here(handle) => Ok(handle.clone()),
            Place::Elsewhere { active } => {
                Err(HostError::Elsewhere { market: self.market, active: active.clone() })
            }
        }
    }

    /// The market is here from now on.
    pub fn fill(&self, handle: MarketHandle) {
        *self.place.write() = Place::Here(handle);
    }

    /// The market is not here from now on.
    pub fn empty(&self) {
        *self.place.write() = Place::Elsewhere { active: None };
    }

    /// Says where the market is, if it is not here.
    pub fn point_to(&self, address: Option<String>) {
        if let Place::Elsewhere { active } = &mut *self.place.write() {
            *active = address;
        }
    }

    /// What a driver is doing whom the market binds; `None` for everybody else.
    pub fn bound(&self, driver: &DriverId) -> Option<DriverStatus> {
        match &*self.place.read() {
            Place::Here(handle) => handle.bound(driver),
            Place::Elsewhere { .. } => None,
        }
    }

    /// Whether any driver is bound.
    pub fn binds_anybody(&self) -> bool {
        match &*self.place.read() {
            Place::Here(handle) => handle.binds_anybody(),
            Place::Elsewhere { .. } => false,
        }
    }
}
