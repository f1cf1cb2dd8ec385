//! `rstar`: an R*-tree of points in process, moved by removing and inserting.

use std::sync::Arc;

use parking_lot::RwLock;
use rstar::primitives::GeomWithData;
use rstar::{PointDistance as _, RTree};

use super::sphere::{chord2, meters, point};
use crate::geo::LatLng;
use crate::suite::system::{About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble};
use crate::suite::workload::{Ask, Move, World, class};

type Tree = RTree<GeomWithData<[f64; 3], u32>>;

/// The tree, and where each driver is in it.
#[derive(Debug, Default)]
struct Drivers {
    tree: Tree,
    points: Vec<[f64; 3]>,
}

/// An R*-tree.
#[derive(Debug, Default)]
pub(super) struct Rstar {
    drivers: Arc<RwLock<Drivers>>,
}

struct Walker(Arc<RwLock<Drivers>>);

impl System for Rstar {
    fn about(&self) -> About {
        About {
            name: "rstar",
            version: super::locked_version("rstar"),
            access: "in process",
            usage: "an RTree of points on the unit sphere, loaded in bulk; a move removes and \
                    inserts; a question walks nearest_neighbor_iter",
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
        Rounding::FORMULA
    }

    fn most_drivers(&self) -> u32 {
        1_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        let points: Vec<_> = world.positions.iter().copied().map(point).collect();
        let elements = (0..).zip(&points).map(|(driver, &point)| GeomWithData::new(point, driver));
        let tree = RTree::bulk_load(elements.collect());
        *self.drivers.write() = Drivers { tree, points };
        Ok(())
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        Ok(Box::new(Walker(Arc::clone(&self.drivers))))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(None)
    }
}

impl Client for Walker {
    fn update(&mut self, _: Call, moves: &[Move]) -> Result<(), Trouble> {
        let mut drivers = self.0.write();
        let Drivers { tree, points } = &mut *drivers;
        for m in moves {
            let from = std::mem::replace(&mut points[m.driver as usize], point(m.to));
            if tree.remove(&GeomWithData::new(from, m.driver)).is_none() {
                return Err(Trouble::Failed(format!("driver {} was lost", m.driver)));
            }
            tree.insert(GeomWithData::new(points[m.driver as usize], m.driver));
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
        let drivers = self.0.read();
        let (limit, passing) = (chord2(f64::from(ask.radius_m)), ask.passing.percent());
        let mut found = Vec::new();
        for (i, &place) in places.iter().enumerate() {
            let center = point(place);
            found.clear();
            let nearest = drivers.tree.nearest_neighbor_iter(center).map(|element| {
                let distance2 = element.distance_2(&center);
                (element.data, distance2)
            });
            let within = nearest.take_while(|&(_, distance2)| distance2 <= limit);
            let passed = within.filter(|&(driver, _)| passing == 100 || class(driver) < passing);
            found.extend(
                passed
                    .take(ask.k as usize)
                    .map(|(driver, distance2)| Found { driver, distance_m: meters(distance2) }),
            );
            sink(i, &found);
        }
        Ok(())
    }
}
