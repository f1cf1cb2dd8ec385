//! One position report of a trace, and the table of vehicle names beside it.
//!
//! A record names its vehicle by a number that one reader hands out, so that a hot loop copies
//! forty bytes instead of hashing a name. It decides nothing about a report: what is too old or
//! out of order for a live map is the index's affair.

use hashbrown::HashMap;

use super::TraceError;
use crate::geo::LatLng;
use crate::ids::DriverId;
use crate::limits;
use crate::model::{DriverStatus, Motion};
use crate::units::Timestamp;

/// The number of a vehicle within one reader, dense from zero in the order of first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VehicleIx(pub u32);

impl VehicleIx {
    /// The number as an index into a table kept by the caller.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One vehicle's position at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, by the device's clock.
    pub at: Timestamp,
    /// Whose.
    pub vehicle: VehicleIx,
    /// Where.
    pub position: LatLng,
    /// How it moves.
    pub motion: Motion,
    /// The driver's status from now on; `None` says nothing.
    pub status: Option<DriverStatus>,
}

/// The names of the vehicles of one reader.
#[derive(Debug, Default)]
pub struct Vehicles {
    ids: Vec<DriverId>,
    by_id: HashMap<DriverId, VehicleIx, foldhash::fast::FixedState>,
}

impl Vehicles {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of `id`, a new one if it was not seen before.
    ///
    /// # Errors
    /// [`TraceError::TooMany`] beyond [`limits::MAX_DRIVERS`] vehicles.
    pub fn intern(&mut self, id: &DriverId) -> Result<VehicleIx, TraceError> {
        if let Some(&known) = self.by_id.get(id) {
            return Ok(known);
        }
        let full = TraceError::TooMany { what: "vehicles", limit: limits::MAX_DRIVERS as u64 };
        if self.ids.len() >= limits::MAX_DRIVERS {
            return Err(full);
        }
        let fresh = VehicleIx(u32::try_from(self.ids.len()).map_err(|_| full)?);
        self.ids.push(*id);
        self.by_id.insert(*id, fresh);
        Ok(fresh)
    }

    /// The name of a vehicle of this table.
    ///
    /// # Panics
    /// If the number comes from another table and names nothing here.
    pub fn name(&self, vehicle: VehicleIx) -> &DriverId {
        &self.ids[vehicle.index()]
    }

    /// How many vehicles have been seen.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none has been seen.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
