//! Everybody, looked at one by one: what is always right, and what an index has to be better than.

use parking_lot::RwLock;

use super::in_process::Library;
use crate::geo::{Haversine, LatLng};
use crate::suite::agreement::Scan;
use crate::suite::system::{Filters, Found, Rounding, Trouble};
use crate::suite::workload::{Ask, Move, World};

/// The linear scan.
#[derive(Debug)]
pub(super) struct LinearScan(RwLock<Scan>);

impl Library for LinearScan {
    const NAME: &'static str = "scan";
    const USAGE: &'static str = "an array of positions; a question looks at each";
    const FILTERS: Filters = Filters::Can;
    const ROUNDING: Rounding = Rounding::EXACT;

    type Scratch = Vec<(Haversine, u32)>;

    fn version() -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn load(world: &World) -> Result<Self, Trouble> {
        Ok(Self(RwLock::new(Scan::new(world.positions.clone()))))
    }

    fn update(&self, _: &mut Self::Scratch, moves: &[Move]) -> Result<(), Trouble> {
        let mut scan = self.0.write();
        for &m in moves {
            scan.update(m);
        }
        Ok(())
    }

    fn nearest(
        &self,
        nearest: &mut Self::Scratch,
        ask: &Ask,
        place: LatLng,
        found: &mut Vec<Found>,
    ) -> Result<(), Trouble> {
        self.0.read().nearest(ask, place, nearest);
        let told = |&(distance, driver): &(Haversine, u32)| Found {
            driver,
            distance_m: distance.meters(),
        };
        found.extend(nearest.iter().map(told));
        Ok(())
    }
}
