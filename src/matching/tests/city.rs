//! Made-up geography: riders and drivers of a clustered city, and how long a pickup takes.
//!
//! People crowd around hot spots, close by or in the wider surroundings; drivers are spread a little
//! differently from riders, as they are. A pickup takes the straight line at six metres a second, or
//! a crooked way, up to 40 % longer. Tests and benchmarks include this file, and have in scope what
//! it takes from above itself. Draws are 64 bits each.

use super::{Candidate, Cost, DriverIx, Edge, EdgeSource, Next, Problem, RiderIx};

/// A place in the plane, in metres.
pub(crate) type Place = [f64; 2];

/// Draws 64 bits.
pub(crate) type Draw<'a> = dyn FnMut() -> u64 + 'a;

/// How fast drivers are, in metres a second.
const SPEED_M_S: f64 = 6.0;

/// From the centre to the edge of where hot spots lie, in metres.
const CITY_M: f64 = 9_000.0;

const SPOTS: usize = 24;

/// What the way is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ways {
    /// The straight line: a bound on the cost is the cost.
    Straight,
    /// Up to 40 % longer, differently for each pair.
    Crooked,
}

/// Riders, drivers, and who is near.
#[derive(Clone, Debug)]
pub(crate) struct City {
    pub(crate) riders: Vec<Place>,
    pub(crate) drivers: Vec<Place>,
    pub(crate) ways: Ways,
    spots: Vec<Place>,
    grid: Grid,
    /// By rider: how many candidates have been handed out.
    handed: Vec<usize>,
}

/// In 0..1.
fn unit(draw: &mut Draw<'_>) -> f64 {
    (draw() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Nearly standard normal: the sum of twelve.
fn normal(draw: &mut Draw<'_>) -> f64 {
    (0..12).map(|_| unit(draw)).sum::<f64>() - 6.0
}

/// A place around one of the first spots rather than of the last, of which `skew` says how much.
fn around(spots: &[Place], draw: &mut Draw<'_>, skew: i32, wide: f64) -> Place {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..SPOTS")]
    let spot = spots[(unit(draw).powi(skew) * spots.len() as f64) as usize];
    let sigma = if unit(draw) < wide { 2_500.0 } else { 600.0 };
    [spot[0] + sigma * normal(draw), spot[1] + sigma * normal(draw)]
}

impl City {
    /// So many riders and drivers around the hot spots of a city.
    pub(crate) fn clustered(draw: &mut Draw<'_>, riders: usize, drivers: usize) -> Self {
        let mut place = || CITY_M * (2.0 * unit(draw) - 1.0);
        let spots: Vec<Place> = (0..SPOTS).map(|_| [place(), place()]).collect();
        let mut city = Self {
            riders: Vec::new(),
            drivers: Vec::new(),
            ways: Ways::Straight,
            spots,
            grid: Grid::default(),
            handed: Vec::new(),
        };
        city.riders = (0..riders).map(|_| city.rider(draw)).collect();
        city.drivers = (0..drivers).map(|_| city.driver(draw)).collect();
        city.settle();
        city
    }

    /// The same, and a crowd that leaves a stadium: all within 300 m.
    pub(crate) fn stadium(
        draw: &mut Draw<'_>,
        crowd: usize,
        riders: usize,
        drivers: usize,
    ) -> Self {
        let mut city = Self::clustered(draw, riders, drivers);
        let [x, y] = city.spots[0];
        while city.riders.len() < riders + crowd {
            let [dx, dy] = [2.0 * unit(draw) - 1.0, 2.0 * unit(draw) - 1.0];
            if dx * dx + dy * dy < 1.0 {
                city.riders.push([x + 300.0 * dx, y + 300.0 * dy]);
            }
        }
        city.settle();
        city
    }

    fn rider(&self, draw: &mut Draw<'_>) -> Place {
        around(&self.spots, draw, 2, 0.4)
    }

    fn driver(&self, draw: &mut Draw<'_>) -> Place {
        around(&self.spots, draw, 1, 0.6)
    }

    /// Replaces so many of a hundred riders and drivers by others; who was replaced.
    pub(crate) fn turn_over(
        &mut self,
        draw: &mut Draw<'_>,
        percent: u64,
    ) -> (Vec<RiderIx>, Vec<DriverIx>) {
        let (mut riders, mut drivers) = (Vec::new(), Vec::new());
        for at in (0..).take(self.riders.len()) {
            if draw() % 100 < percent {
                self.riders[at as usize] = self.rider(draw);
                riders.push(RiderIx(at));
            }
        }
        for at in (0..).take(self.drivers.len()) {
            if draw() % 100 < percent {
                self.drivers[at as usize] = self.driver(draw);
                drivers.push(DriverIx(at));
            }
        }
        self.settle();
        (riders, drivers)
    }

    /// Moves each driver by so many metres, in a direction of its own.
    pub(crate) fn drive(&mut self, draw: &mut Draw<'_>, metres: f64) {
        for place in &mut self.drivers {
            let (sin, cos) = (unit(draw) * std::f64::consts::TAU).sin_cos();
            *place = [place[0] + metres * cos, place[1] + metres * sin];
        }
        self.settle();
    }

    /// After a change of places: who is near, and nobody has been handed out.
    pub(crate) fn settle(&mut self) {
        self.grid = Grid::new(&self.drivers);
        self.handed = vec![0; self.riders.len()];
    }

    /// The time by the straight line: no way is shorter.
    pub(crate) fn at_least(&self, rider: usize, driver: usize) -> Cost {
        let ([x, y], [to_x, to_y]) = (self.riders[rider], self.drivers[driver]);
        straight((x - to_x) * (x - to_x) + (y - to_y) * (y - to_y))
    }

    /// How long a pickup takes.
    pub(crate) fn cost(&self, rider: usize, driver: usize) -> Cost {
        let straight = self.at_least(rider, driver).get();
        let crooked = match self.ways {
            Ways::Straight => 0,
            Ways::Crooked => {
                let mixed = (rider as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    ^ (driver as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                u64::from(straight) * (mixed.wrapping_mul(0x94d0_49bb_1331_11eb) >> 48) / 163_840
            }
        };
        Cost::saturating(i64::from(straight) + i64::try_from(crooked).unwrap_or(i64::MAX))
    }

    /// The problem in which each rider has edges to the `k` nearest in a straight line.
    pub(crate) fn problem(&self, k: usize, unmatched: Cost) -> Problem {
        let mut problem = Problem::new(self.drivers.len()).expect("no more than a batch has");
        let (mut found, mut edges) = (Vec::new(), Vec::new());
        for rider in 0..self.riders.len() {
            self.grid.nearest(self.riders[rider], k, &self.drivers, &mut found);
            let edge = |&(_, driver): &(f64, u32)| {
                Edge::new(DriverIx(driver), self.cost(rider, driver as usize))
            };
            edges.clear();
            edges.extend(found.iter().map(edge));
            problem.add_rider(unmatched, &edges).expect("no more than a batch has");
        }
        problem
    }
}

fn straight(square: f64) -> Cost {
    #[expect(clippy::cast_possible_truncation, reason = "a time within the solar system")]
    let ms = (square.sqrt() / SPEED_M_S * 1_000.0) as i64;
    Cost::saturating(ms)
}

impl EdgeSource for City {
    fn candidates(&mut self, rider: RiderIx, count: usize, found: &mut Vec<Candidate>) -> Next {
        let at = rider.0 as usize;
        let before = self.handed[at];
        let mut nearest = Vec::new();
        self.grid.nearest(self.riders[at], before + count + 1, &self.drivers, &mut nearest);
        let bound = |square: f64| straight(square);
        let last = nearest.get(before + count).map(|&(square, _)| bound(square));
        let new = nearest.iter().take(before + count).skip(before);
        found.extend(new.map(|&(square, driver)| Candidate {
            driver: DriverIx(driver),
            at_least: bound(square),
        }));
        self.handed[at] = before + count;
        match last {
            Some(bound) => Next::AtLeast(bound),
            None => Next::Exhausted,
        }
    }

    fn costs(&mut self, rider: RiderIx, drivers: &[DriverIx], costs: &mut Vec<Option<Cost>>) {
        let cost = |driver: &DriverIx| self.cost(rider.0 as usize, driver.0 as usize);
        costs.extend(drivers.iter().map(|driver| Some(cost(driver))));
    }
}

/// Drivers by square cells.
#[derive(Clone, Debug, Default)]
struct Grid {
    first: Place,
    cell: f64,
    side: [usize; 2],
    starts: Vec<u32>,
    drivers: Vec<u32>,
}

impl Grid {
    fn new(places: &[Place]) -> Self {
        let least = |axis: usize| places.iter().map(|p| p[axis]).fold(f64::INFINITY, f64::min);
        let most = |axis: usize| places.iter().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max);
        if places.is_empty() {
            return Self { side: [1, 1], cell: 1.0, starts: vec![0, 0], ..Self::default() };
        }
        let (first, last) = ([least(0), least(1)], [most(0), most(1)]);
        let area = (last[0] - first[0]).max(1.0) * (last[1] - first[1]).max(1.0);
        let cell = (area / places.len() as f64).sqrt().max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let side = [0, 1].map(|axis| ((last[axis] - first[axis]) / cell) as usize + 1);
        let mut grid = Self { first, cell, side, ..Self::default() };
        let mut by_cell: Vec<(usize, u32)> =
            places.iter().zip(0..).map(|(&place, at)| (grid.cell_of(place), at)).collect();
        by_cell.sort_unstable();
        grid.starts = vec![0; side[0] * side[1] + 1];
        for &(cell, _) in &by_cell {
            grid.starts[cell + 1] += 1;
        }
        for at in 1..grid.starts.len() {
            grid.starts[at] += grid.starts[at - 1];
        }
        grid.drivers = by_cell.into_iter().map(|(_, at)| at).collect();
        grid
    }

    /// Column and row, clamped to the grid.
    fn column_row(&self, place: Place) -> [usize; 2] {
        [0, 1].map(|axis| {
            let at = ((place[axis] - self.first[axis]) / self.cell).max(0.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let at = at as usize;
            at.min(self.side[axis] - 1)
        })
    }

    fn cell_of(&self, place: Place) -> usize {
        let [column, row] = self.column_row(place);
        row * self.side[0] + column
    }

    /// The `k` nearest with the square of their distance, nearest first, then by number.
    fn nearest(&self, from: Place, k: usize, places: &[Place], found: &mut Vec<(f64, u32)>) {
        let k = k.min(places.len());
        let middle = self.column_row(from);
        let mut reach = 2;
        loop {
            found.clear();
            let range = |axis: usize| {
                let most = self.side[axis] - 1;
                middle[axis].saturating_sub(reach)..=(middle[axis] + reach).min(most)
            };
            for row in range(1) {
                let (first, last) = (*range(0).start(), *range(0).end());
                let cells = row * self.side[0] + first..=row * self.side[0] + last;
                let from_to = self.starts[*cells.start()]..self.starts[*cells.end() + 1];
                for &driver in &self.drivers[from_to.start as usize..from_to.end as usize] {
                    let [x, y] = places[driver as usize];
                    let (dx, dy) = (x - from[0], y - from[1]);
                    found.push((dx * dx + dy * dy, driver));
                }
            }
            // Whoever is outside of these cells is further than this, unless the cells are all.
            let sure = reach as f64 * self.cell;
            let all = found.len() == places.len();
            let near = found.iter().filter(|(square, _)| *square < sure * sure).count();
            if all || near >= k {
                break;
            }
            reach *= 2;
        }
        let order = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if k < found.len() {
            found.select_nth_unstable_by(k, order);
            found.truncate(k);
        }
        found.sort_unstable_by(order);
    }
}
