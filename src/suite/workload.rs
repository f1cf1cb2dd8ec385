//! The work that every system is given: where drivers are, where they go, where is asked.
//!
//! All of it is made before the clock runs and from a seed, so that each system does the same
//! operations and no client pays for inventing them. Moves form a circle: who has done the last
//! begins with the first again, however often, and no driver ever jumps.

use crate::bench::fleet::{CITIES, DEGREE_M, Rng, wrap};
use crate::geo::{Degrees, E7, LatLng};

/// Where drivers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Twenty cities of all latitudes, drivers normal around each with σ = 10 km.
    Country,
    /// One such city.
    City,
    /// All within half a kilometre of one spot.
    Stadium,
    /// Evenly over a continent.
    Sparse,
}

impl Workload {
    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::City => "city",
            Self::Stadium => "stadium",
            Self::Sparse => "sparse",
        }
    }

    /// The position of one driver.
    fn place(self, rng: &mut Rng) -> LatLng {
        match self {
            Self::Country => around(CITIES[rng.below(20) as usize], rng),
            Self::City => around((35.6762, 139.6503), rng),
            Self::Stadium => {
                let (north, east) = ((rng.unit() - 0.5) * 1_000.0, (rng.unit() - 0.5) * 1_000.0);
                offset((51.556, -0.2796), north, east)
            }
            Self::Sparse => at(28.0 + rng.unit() * 20.0, -122.0 + rng.unit() * 50.0),
        }
    }
}

/// Normal around a city, cut off at thirty kilometres.
fn around(city: (f64, f64), rng: &mut Rng) -> LatLng {
    loop {
        let (north, east) = (rng.normal() * 10_000.0, rng.normal() * 10_000.0);
        if north.abs() < 30_000.0 && east.abs() < 30_000.0 {
            return offset(city, north, east);
        }
    }
}

fn at(lat: f64, lng: f64) -> LatLng {
    let lng = (lng + 540.0).rem_euclid(360.0) - 180.0;
    LatLng::try_from(Degrees { lat: lat.clamp(-85.0, 85.0), lng }).expect("clamped and wrapped")
}

/// A position some metres away.
fn offset((lat, lng): (f64, f64), north_m: f64, east_m: f64) -> LatLng {
    at(lat + north_m / DEGREE_M, lng + east_m / (DEGREE_M * lat.to_radians().cos().max(1e-3)))
}

/// A driver goes somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its number, from 0.
    pub driver: u32,
    /// Where it is from now on.
    pub to: LatLng,
}

/// How many of a hundred drivers a question is satisfied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Each.
    All,
    /// 30.
    Thirty,
    /// 1.
    One,
}

impl Passing {
    /// Of a hundred.
    pub const fn percent(self) -> u32 {
        match self {
            Self::All => 100,
            Self::Thirty => 30,
            Self::One => 1,
        }
    }
}

/// The class of a driver, below 100 and evenly spread: those below 30 pass a filter of 30 %.
pub fn class(driver: u32) -> u32 {
    Rng(u64::from(driver)).below(100)
}

/// What is asked of each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How many.
    pub k: u32,
    /// How far, in metres.
    pub radius_m: u32,
    /// Who counts.
    pub passing: Passing,
}

/// The most moves that are made before they begin again; more only for more drivers.
const MOVES: usize = 1 << 21;

/// How many places are asked before they come again.
const PLACES: usize = 1 << 16;

/// The furthest that a move goes north or east: 50 m for both together, in the mean square.
const STEP_E7: u32 = 5_500;

/// How far from a driver is asked at most, north and east, in ten-millionths of a degree.
const NEAR_E7: u32 = 22_500;

/// A workload of so many drivers, made.
#[derive(Debug)]
pub struct World {
    /// Its name in results.
    pub name: String,
    /// Where each driver is in the beginning, by its number.
    pub positions: Vec<LatLng>,
    /// The circle of moves.
    pub moves: Vec<Move>,
    /// Where is asked: near drivers.
    pub places: Vec<LatLng>,
}

impl World {
    /// Makes a workload.
    ///
    /// # Complexity
    /// O(drivers + moves), some 50 ns each.
    pub fn new(workload: Workload, drivers: u32, seed: u64) -> Self {
        let mut rng = Rng(seed);
        let positions: Vec<LatLng> = (0..drivers).map(|_| workload.place(&mut rng)).collect();
        let mut current = positions.clone();
        let count = (2 * positions.len()).clamp(1 << 14, MOVES).max(positions.len());
        let moves = (0..count).map(|_| {
            let driver = rng.below(drivers);
            let to = near(current[driver as usize], STEP_E7, &mut rng);
            current[driver as usize] = to;
            Move { driver, to }
        });
        let moves = moves.collect();
        let places = (0..PLACES)
            .map(|_| near(positions[rng.below(drivers) as usize], NEAR_E7, &mut rng))
            .collect();
        Self { name: workload.name().to_owned(), positions, moves, places }
    }

    /// How many drivers there are.
    pub fn drivers(&self) -> u32 {
        u32::try_from(self.positions.len()).unwrap_or(u32::MAX)
    }

    /// The moves for each of so many threads, each with drivers of its own.
    pub fn shares(&self, threads: u32) -> Vec<Vec<Move>> {
        let of = |thread| move |m: &&Move| m.driver % threads == thread;
        (0..threads).map(|thread| self.moves.iter().filter(of(thread)).copied().collect()).collect()
    }
}

/// A position at most so far away.
fn near(from: LatLng, reach_e7: u32, rng: &mut Rng) -> LatLng {
    let mut shift = || rng.below(2 * reach_e7 + 1).cast_signed() - reach_e7.cast_signed();
    let lat = (from.lat_e7() + shift()).clamp(-850_000_000, 850_000_000);
    let lng = wrap(from.lng_e7() + shift());
    LatLng::try_from(E7 { lat, lng }).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::haversine;

    const ALL: [Workload; 4] =
        [Workload::Country, Workload::City, Workload::Stadium, Workload::Sparse];

    #[test]
    fn the_same_seed_makes_the_same_work_and_another_another() {
        for workload in ALL {
            let [a, b, c] = [1, 1, 2].map(|seed| World::new(workload, 500, seed));
            assert_eq!((&a.positions, &a.moves, &a.places), (&b.positions, &b.moves, &b.places));
            assert_ne!(a.positions, c.positions);
            assert_eq!((a.positions.len(), a.moves.len()), (500, 1 << 14));
        }
    }

    #[test]
    fn moves_are_short_and_drivers_belong_to_one_thread() {
        let world = World::new(Workload::Country, 2_000, 7);
        let mut at = world.positions.clone();
        for m in &world.moves {
            let from = std::mem::replace(&mut at[m.driver as usize], m.to);
            assert!(haversine(from, m.to).meters() < 90.0, "{from} to {}", m.to);
        }
        let shares = world.shares(3);
        assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), world.moves.len());
        for (thread, share) in (0..).zip(&shares) {
            assert!(share.len() > 5_000 && share.iter().all(|m| m.driver % 3 == thread));
        }
    }

    #[test]
    fn filters_pass_what_they_say() {
        for passing in [Passing::All, Passing::Thirty, Passing::One] {
            let passed = (0..100_000).filter(|&driver| class(driver) < passing.percent()).count();
            let due = 1_000 * passing.percent() as usize;
            assert!(passed.abs_diff(due) < 600, "{passing:?}: {passed}");
        }
    }

    #[test]
    fn a_stadium_is_crowded_and_a_continent_is_not() {
        let spread = |workload| {
            let world = World::new(workload, 1_000, 3);
            let far = |at: &&LatLng| haversine(world.positions[0], **at).meters() > 2_000.0;
            world.positions.iter().filter(far).count()
        };
        assert_eq!(spread(Workload::Stadium), 0);
        assert!(spread(Workload::Sparse) > 990);
    }
}
