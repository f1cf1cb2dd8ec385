//! What the memory of this machine allows: an update that finds a driver's record by its number
//! and overwrites the position there, with nothing that could be searched.
//!
//! That is two accesses of random places that no index can do without: the table by which a
//! driver is found, and the place where its position stands. Both are asked for some moves ahead,
//! so that waits overlap.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::geo::LatLng;
use crate::index::prefetch;
use crate::suite::system::{About, Call, Client, Filters, Rounding, Sink, System, Trouble};
use crate::suite::workload::{Ask, Move, World};

/// A cache line with one position in it.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Record(LatLng);

#[derive(Debug, Default)]
struct Table {
    /// Where each driver's record is.
    places: Vec<u32>,
    records: Vec<Record>,
}

/// How many moves ahead the table is asked for, and half as many the record.
const AHEAD: usize = 24;

/// The floor.
#[derive(Debug, Default)]
pub(super) struct Floor {
    table: Arc<RwLock<Table>>,
}

struct Writer(Arc<RwLock<Table>>);

impl System for Floor {
    fn about(&self) -> About {
        About {
            name: "floor",
            version: String::new(),
            access: "in process",
            usage: "a table of places and a cache line a driver, both prefetched: two random \
                    memory accesses an update, and nothing that could be searched",
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn questions(&self) -> &'static [Call] {
        &[]
    }

    fn filters(&self) -> Filters {
        Filters::Cannot
    }

    fn rounding(&self) -> Rounding {
        Rounding::EXACT
    }

    fn most_drivers(&self) -> u32 {
        1_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        let drivers = world.drivers();
        // A multiplier without common factors scatters the records.
        let scatter = |i: u32| {
            let place = u64::from(i) * 2_654_435_761 % u64::from(drivers.max(1));
            u32::try_from(place).unwrap_or_default()
        };
        let mut places: Vec<u32> = (0..drivers).collect();
        for i in 0..drivers {
            places.swap(i as usize, scatter(i) as usize);
        }
        let records = world.positions.iter().map(|&position| Record(position)).collect();
        *self.table.write() = Table { places, records };
        Ok(())
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        Ok(Box::new(Writer(Arc::clone(&self.table))))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(None)
    }
}

impl Client for Writer {
    fn update(&mut self, _: Call, moves: &[Move]) -> Result<(), Trouble> {
        let mut table = self.0.write();
        let Table { places, records } = &mut *table;
        for (i, m) in moves.iter().enumerate() {
            if let Some(later) = moves.get(i + AHEAD) {
                prefetch(&places[later.driver as usize]);
            }
            if let Some(soon) = moves.get(i + AHEAD / 2) {
                prefetch(&records[places[soon.driver as usize] as usize]);
            }
            records[places[m.driver as usize] as usize].0 = m.to;
        }
        Ok(())
    }

    fn ask(&mut self, _: Call, _: &Ask, _: &[LatLng], _: Sink<'_>) -> Result<(), Trouble> {
        Err(Trouble::Failed("nothing can be searched here".to_owned()))
    }
}
