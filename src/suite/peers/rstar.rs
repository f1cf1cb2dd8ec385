//! `rstar`: an R*-tree of points in process, moved by removing and inserting.

use parking_lot::RwLock;
use rstar::primitives::GeomWithData;
use rstar::{PointDistance as _, RTree};

use super::in_process::Library;
use super::sphere::{chord2, meters, point};
use crate::geo::LatLng;
use crate::suite::system::{Filters, Found, Rounding, Trouble};
use crate::suite::workload::{Ask, Move, World, class};

type Tree = RTree<GeomWithData<[f64; 3], u32>>;

/// The tree, and where each driver is in it.
#[derive(Debug, Default)]
struct Drivers {
    tree: Tree,
    points: Vec<[f64; 3]>,
}

/// An R*-tree.
#[derive(Debug)]
pub(super) struct Rstar(RwLock<Drivers>);

impl Library for Rstar {
    const NAME: &'static str = "rstar";
    const USAGE: &'static str = "an RTree of points on the unit sphere, loaded in bulk; a move removes \
                                 and inserts; a question walks nearest_neighbor_iter";
    const FILTERS: Filters = Filters::Can;
    const ROUNDING: Rounding = Rounding::FORMULA;

    type Scratch = ();

    fn version() -> String {
        super::locked_version("rstar")
    }

    fn load(world: &World) -> Result<Self, Trouble> {
        let points: Vec<_> = world.positions.iter().copied().map(point).collect();
        let elements = (0..).zip(&points).map(|(driver, &point)| GeomWithData::new(point, driver));
        let tree = RTree::bulk_load(elements.collect());
        Ok(Self(RwLock::new(Drivers { tree, points })))
    }

    fn update(&self, (): &mut (), moves: &[Move]) -> Result<(), Trouble> {
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

    fn nearest(
        &self,
        (): &mut (),
        ask: &Ask,
        place: LatLng,
        found: &mut Vec<Found>,
    ) -> Result<(), Trouble> {
        let (limit, passing) = (chord2(f64::from(ask.radius_m)), ask.passing.percent());
        let center = point(place);
        let drivers = self.0.read();
        let nearest = drivers.tree.nearest_neighbor_iter(center).map(|element| {
            let distance2 = element.distance_2(&center);
            (element.data, distance2)
        });
        let within = nearest.take_while(|&(_, distance2)| distance2 <= limit);
        let passed = within.filter(|&(driver, _)| passing == 100 || class(driver) < passing);
        let told = |(driver, distance2)| Found { driver, distance_m: meters(distance2) };
        found.extend(passed.take(ask.k as usize).map(told));
        Ok(())
    }
}
