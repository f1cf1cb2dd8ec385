//! Made-up street grids in the places of real cities: centre, extent, blocks, direction.
//!
//! No street of these exists; only the coordinates, the size and the lie of the grid are those of
//! the city. Only plain arithmetic and our own sine are used, so that positions are the same on
//! each machine.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use crate::geo::{Degrees, E7, EARTH_RADIUS_M, LatLng, Origin, sin_quarter};

/// A city that fleets can be generated in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct City {
    name: &'static str,
    code: &'static str,
    center: Degrees,
    /// How many streets there are from the centre to the edge, across and along the grid.
    half_streets: Node,
    /// Metres from street to street, across and along.
    block_m: [f64; 2],
    /// How far the grid's "north" is turned clockwise, 0..90 degrees.
    turn_deg: u16,
}

/// A crossing: streets from the centre, across and along the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) across: i32,
    pub(super) along: i32,
}

/// A name that is no city's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("city {name:?} is unknown; the cities are {}", City::names())]
pub struct CityError {
    /// The name.
    pub name: String,
}

const fn city(
    [name, code]: [&'static str; 2],
    [lat, lng]: [f64; 2],
    [across, along]: [i32; 2],
    block_m: [f64; 2],
    turn_deg: u16,
) -> City {
    let half_streets = Node { across, along };
    City { name, code, center: Degrees { lat, lng }, half_streets, block_m, turn_deg }
}

impl City {
    /// San Francisco between the Presidio and the Bayview.
    pub const SAN_FRANCISCO: Self =
        city(["san-francisco", "sf"], [37.763, -122.437], [32, 38], [130.0, 100.0], 81);

    /// All cities.
    pub const ALL: [Self; 5] = [
        Self::SAN_FRANCISCO,
        city(["new-york", "ny"], [40.7685, -73.9735], [6, 85], [250.0, 80.0], 29),
        city(["beijing", "bj"], [39.9075, 116.3972], [40, 40], [250.0, 250.0], 2),
        city(["berlin", "be"], [52.52, 13.405], [45, 35], [160.0, 170.0], 12),
        city(["nairobi", "nb"], [-1.2864, 36.8172], [30, 30], [180.0, 150.0], 40),
    ];

    /// Its name on the command line.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The short form that driver ids start with.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    fn names() -> String {
        Self::ALL.map(|city| city.name).join(", ")
    }

    /// Metres from street to street in the direction in which `direction` leads.
    pub(super) const fn block(&self, direction: Direction) -> f64 {
        self.block_m[direction.axis()]
    }

    /// The nearest crossing to this point of the grid's plane.
    pub(super) fn nearest(&self, [x, y]: [f64; 2]) -> Node {
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the city")]
        let place = |metres: f64, block: f64, half: i32| {
            (metres / block).round().clamp(f64::from(-half), f64::from(half)) as i32
        };
        Node {
            across: place(x, self.block_m[0], self.half_streets.across),
            along: place(y, self.block_m[1], self.half_streets.along),
        }
    }

    /// Where a crossing lies in the grid's plane, in metres.
    pub(super) fn plane(&self, node: Node) -> [f64; 2] {
        [f64::from(node.across) * self.block_m[0], f64::from(node.along) * self.block_m[1]]
    }

    /// From the centre to the edges, in metres.
    pub(super) fn half_extent(&self) -> [f64; 2] {
        self.plane(self.half_streets)
    }

    /// The place on Earth of a point of the grid's plane, to a millionth of a degree, as phones
    /// tell it.
    pub(super) fn place(&self, [x, y]: [f64; 2]) -> LatLng {
        let turn = f64::from(self.turn_deg) / 180.0 * PI;
        let (sin, cos) = (sin_quarter(turn), sin_quarter(PI / 2.0 - turn));
        let (east, north) = (x * cos + y * sin, y * cos - x * sin);
        let degree = EARTH_RADIUS_M * PI / 180.0;
        let cos_lat = LatLng::try_from(self.center).map_or(1.0, |c| Origin::new(c).cos_lat());
        let lat = self.center.lat + north / degree;
        let lng = self.center.lng + east / (degree * cos_lat);
        #[expect(clippy::cast_possible_truncation, reason = "kilometres from a city's centre")]
        let e7 = |degrees: f64| (degrees * 1e6).round() as i32 * 10;
        LatLng::try_from(E7 { lat: e7(lat), lng: e7(lng) })
            .expect("a city and its noise lie far from the poles and the antimeridian")
    }

    /// The compass heading of a direction of the grid, in whole degrees.
    pub(super) const fn heading(&self, direction: Direction) -> u16 {
        (direction.quarter() * 90 + self.turn_deg) % 360
    }
}

impl FromStr for City {
    type Err = CityError;

    fn from_str(name: &str) -> Result<Self, CityError> {
        let known = Self::ALL.into_iter().find(|city| city.name == name);
        known.ok_or_else(|| CityError { name: name.into() })
    }
}

impl fmt::Display for City {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A way along a street, by the grid's own compass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    North,
    East,
    South,
    West,
}

impl Direction {
    const fn quarter(self) -> u16 {
        self as u16
    }

    const fn axis(self) -> usize {
        match self {
            Self::East | Self::West => 0,
            Self::North | Self::South => 1,
        }
    }

    /// The step in the plane, of length one.
    pub(super) const fn step(self) -> [f64; 2] {
        match self {
            Self::North => [0.0, 1.0],
            Self::East => [1.0, 0.0],
            Self::South => [0.0, -1.0],
            Self::West => [-1.0, 0.0],
        }
    }

    /// The ways that lead from `here` towards `there`: at most one a dimension.
    pub(super) const fn towards(here: Node, there: Node) -> [Option<Self>; 2] {
        let (dx, dy) = (there.across - here.across, there.along - here.along);
        let across = match dx {
            0 => None,
            1.. => Some(Self::East),
            _ => Some(Self::West),
        };
        let along = match dy {
            0 => None,
            1.. => Some(Self::North),
            _ => Some(Self::South),
        };
        [across, along]
    }
}

impl Node {
    /// The next crossing in this direction.
    pub(super) const fn next(self, direction: Direction) -> Self {
        let Self { across, along } = self;
        match direction {
            Direction::North => Self { across, along: along + 1 },
            Direction::East => Self { across: across + 1, along },
            Direction::South => Self { across, along: along - 1 },
            Direction::West => Self { across: across - 1, along },
        }
    }

    /// Whether the street in this direction is a wide one: each fifth is.
    pub(super) const fn wide(self, direction: Direction) -> bool {
        let street = if direction.axis() == 0 { self.along } else { self.across };
        street.rem_euclid(5) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::haversine;

    #[test]
    fn each_city_is_found_by_name_and_keeps_its_distances() {
        for city in City::ALL {
            assert_eq!(city.name().parse(), Ok(city));
            let (here, there) = (city.place([0.0, 0.0]), city.place([3_000.0, -4_000.0]));
            let metres = haversine(here, there).meters();
            assert!((metres - 5_000.0).abs() < 10.0, "{city}: {metres} m for 5 km");
        }
        let error = "atlantis".parse::<City>().unwrap_err().to_string();
        assert!(error.contains("\"atlantis\" is unknown; the cities are san-francisco"), "{error}");
    }

    #[test]
    fn headings_point_where_the_grid_leads() {
        for city in City::ALL {
            let here = city.place([0.0, 0.0]).degrees();
            let there = city.place([0.0, 1_000.0]).degrees();
            let cos_lat = here.lat.to_radians().cos();
            let (east, north) = ((there.lng - here.lng) * cos_lat, there.lat - here.lat);
            let heading = east.atan2(north).to_degrees().rem_euclid(360.0);
            let told = f64::from(city.heading(Direction::North));
            assert!((heading - told).abs() < 0.2, "{city}: {heading} for {told}");
        }
    }
}
