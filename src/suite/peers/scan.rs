//! Everybody, looked at one by one: what is always right, and what an index has to be better than.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::geo::LatLng;
use crate::suite::agreement::Scan;
use crate::suite::system::{About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble};
use crate::suite::workload::{Ask, Move, World};

/// The linear scan.
#[derive(Debug)]
pub(super) struct LinearScan {
    scan: Arc<RwLock<Scan>>,
}

impl LinearScan {
    /// Without drivers.
    pub(super) fn start() -> Self {
        Self { scan: Arc::new(RwLock::new(Scan::new(Vec::new()))) }
    }
}

struct Looker(Arc<RwLock<Scan>>);

impl System for LinearScan {
    fn about(&self) -> About {
        About {
            name: "scan",
            version: env!("CARGO_PKG_VERSION").to_owned(),
            access: "in process",
            usage: "an array of positions; a question looks at each",
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn questions(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn filters(&self) -> Filters {
        Filters::Can
    }

    fn rounding(&self) -> Rounding {
        Rounding::EXACT
    }

    fn most_drivers(&self) -> u32 {
        1_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        *self.scan.write() = Scan::new(world.positions.clone());
        Ok(())
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        Ok(Box::new(Looker(Arc::clone(&self.scan))))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(None)
    }
}

impl Client for Looker {
    fn update(&mut self, _: Call, moves: &[Move]) -> Result<(), Trouble> {
        let mut scan = self.0.write();
        for &m in moves {
            scan.update(m);
        }
        Ok(())
    }

    fn ask(
        &mut self,
        _: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        let scan = self.0.read();
        let (mut nearest, mut found) = (Vec::new(), Vec::new());
        for (i, &place) in places.iter().enumerate() {
            scan.nearest(ask, place, &mut nearest);
            found.clear();
            found.extend(
                nearest
                    .iter()
                    .map(|&(distance, driver)| Found { driver, distance_m: distance.meters() }),
            );
            sink(i, &found);
        }
        Ok(())
    }
}
