//! `kiddo`: a k-d tree of points in process, moved by removing and adding.
//!
//! Its leaves hold 32 points and cannot be split if all of them are on one spot: the 33rd is
//! refused. So whoever is refused is put a hair's breadth aside, as its users do.

use std::num::NonZeroUsize;
use std::sync::Arc;

use kiddo::{MutableKdTree, SquaredEuclidean};
use parking_lot::RwLock;

use super::sphere::{chord2, meters, point};
use crate::geo::LatLng;
use crate::suite::system::{About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble};
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
#[derive(Default)]
pub(super) struct Kiddo {
    drivers: Arc<RwLock<Drivers>>,
}

struct Walker(Arc<RwLock<Drivers>>);

impl System for Kiddo {
    fn about(&self) -> About {
        About {
            name: "kiddo",
            version: super::locked_version("kiddo"),
            access: "in process",
            usage: "a MutableKdTree of points on the unit sphere; a move removes and adds; a \
                    question is nearest_n within the radius; it cannot filter",
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn questions(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn filters(&self) -> Filters {
        Filters::Cannot
    }

    fn rounding(&self) -> Rounding {
        Rounding::FORMULA
    }

    fn most_drivers(&self) -> u32 {
        1_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        let mut drivers = self.drivers.write();
        let points = vec![[0.0; 3]; world.positions.len()];
        *drivers = Drivers { tree: MutableKdTree::default(), points };
        let mut all = (0..).zip(&world.positions);
        all.try_for_each(|(driver, &position)| drivers.add(driver, position))
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
        for m in moves {
            let from = drivers.points[m.driver as usize];
            drivers.tree.remove(&from, m.driver);
            drivers.add(m.driver, m.to)?;
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
        let limit = chord2(f64::from(ask.radius_m));
        let k = NonZeroUsize::new(ask.k as usize).unwrap_or(NonZeroUsize::MIN);
        let mut found = Vec::new();
        for (i, &place) in places.iter().enumerate() {
            let center = point(place);
            let nearest = drivers
                .tree
                .query(&center)
                .nearest_n::<SquaredEuclidean<f64>>(k)
                .within::<SquaredEuclidean<f64>>(limit)
                .execute();
            found.clear();
            found.extend(
                nearest
                    .iter()
                    .map(|near| Found { driver: near.item, distance_m: meters(near.distance) }),
            );
            sink(i, &found);
        }
        Ok(())
    }
}
