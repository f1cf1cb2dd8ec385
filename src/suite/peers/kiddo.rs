//! `kiddo`: a k-d tree of points in process, moved by removing and adding.
//!
//! Its leaves hold 32 points and cannot be split if all of them are on one spot: the 33rd is
//! refused. So whoever is refused is put a hair's breadth aside, as its users do.

use std::num::NonZeroUsize;

use kiddo::{MutableKdTree, SquaredEuclidean};
use parking_lot::RwLock;

use super::in_process::Library;
use super::sphere::{chord2, meters, point};
use crate::geo::LatLng;
use crate::suite::system::{Filters, Found, Rounding, Trouble};
use crate::suite::workload::{Ask, Move, World};

/// The tree, and where each driver is in it.
#[derive(Default)]
struct Drivers {
    tree: MutableKdTree<f64, 3>,
    points: Vec<[f64; 3]>,
}

/// How often somebody is put aside.
const ASIDE: u32 = 64;

impl Drivers {
    /// Puts a driver at a position, or as close to it as the tree allows.
    fn add(&mut self, driver: u32, position: LatLng) -> Result<(), Trouble> {
        let mut at = point(position);
        for aside in 0..ASIDE {
            if self.tree.add(&at, driver).is_ok() {
                self.points[driver as usize] = at;
                return Ok(());
            }
            // Some six micrometres on the globe.
            at[aside as usize % 3] += 1e-12 * f64::from(aside + 1);
        }
        Err(Trouble::Failed(format!("no room for driver {driver} at {position}")))
    }
}

/// A k-d tree.
pub(super) struct Kiddo(RwLock<Drivers>);

impl Library for Kiddo {
    const NAME: &'static str = "kiddo";
    const USAGE: &'static str = "a MutableKdTree of points on the unit sphere; a move removes and adds; \
                                 a question is nearest_n within the radius; it cannot filter";
    const FILTERS: Filters = Filters::Cannot;
    const ROUNDING: Rounding = Rounding::FORMULA;

    type Scratch = ();

    fn version() -> String {
        super::locked_version("kiddo")
    }

    fn load(world: &World) -> Result<Self, Trouble> {
        let points = vec![[0.0; 3]; world.positions.len()];
        let mut drivers = Drivers { tree: MutableKdTree::default(), points };
        let mut all = (0..).zip(&world.positions);
        all.try_for_each(|(driver, &position)| drivers.add(driver, position))?;
        Ok(Self(RwLock::new(drivers)))
    }

    fn update(&self, (): &mut (), moves: &[Move]) -> Result<(), Trouble> {
        let mut drivers = self.0.write();
        for m in moves {
            let from = drivers.points[m.driver as usize];
            drivers.tree.remove(&from, m.driver);
            drivers.add(m.driver, m.to)?;
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
        let limit = chord2(f64::from(ask.radius_m));
        let k = NonZeroUsize::new(ask.k as usize).unwrap_or(NonZeroUsize::MIN);
        let center = point(place);
        let drivers = self.0.read();
        let nearest = drivers
            .tree
            .query(&center)
            .nearest_n::<SquaredEuclidean<f64>>(k)
            .within::<SquaredEuclidean<f64>>(limit)
            .execute();
        let told = nearest.iter().map(|near| (near.item, meters(near.distance)));
        found.extend(told.map(|(driver, distance_m)| Found { driver, distance_m }));
        Ok(())
    }
}
