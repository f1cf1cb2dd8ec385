//! Which requests are of the region: receivers that fail write places on other continents.
//!
//! Unless told otherwise the region is found from the log itself: the first pickups are held back
//! and their median, latitude and longitude each for itself, becomes the centre. Up to half of
//! them may be anywhere without moving it out of the city.

use std::str::FromStr;

use super::Request;
use crate::geo::{Area, AreaError, BoundingBox, Circle, Degrees, E7, LatLng};
use crate::limits;
use crate::units::Meters;

/// How it is decided whether an end of a trip is in the region.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum RegionRule {
    /// Within [`limits::REGION_RADIUS_M`] of the median of the first
    /// [`limits::REGION_SAMPLE_ROWS`] pickups, all logs that are read together taken as one.
    #[default]
    Nearby,
    /// In this box, edges included.
    Within(BoundingBox),
    /// Each place on the globe is.
    Anywhere,
}

/// Why a text is no rule for the region.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegionRuleError {
    /// It has another form.
    #[error("region {text:?} is not nearby, anywhere or SOUTH,WEST,NORTH,EAST in degrees")]
    Form {
        /// The text.
        text: String,
    },
    /// The numbers make no box.
    #[error("region: {0}")]
    Box(#[from] AreaError),
}

impl FromStr for RegionRule {
    type Err = RegionRuleError;

    /// Reads `nearby`, `anywhere` and `SOUTH,WEST,NORTH,EAST`, four numbers of degrees.
    fn from_str(text: &str) -> Result<Self, RegionRuleError> {
        match text {
            "nearby" => return Ok(Self::Nearby),
            "anywhere" => return Ok(Self::Anywhere),
            _ => {}
        }
        let numbers: Result<Vec<f64>, _> =
            text.split(',').map(|number| number.trim().parse()).collect();
        match numbers.as_deref() {
            Ok(&[south, west, north, east]) => {
                let south_west = Degrees { lat: south, lng: west };
                let north_east = Degrees { lat: north, lng: east };
                Ok(Self::Within(BoundingBox::from_degrees(south_west, north_east)?))
            }
            _ => Err(RegionRuleError::Form { text: text.into() }),
        }
    }
}

/// Lets pass what is of the region, and holds back what comes before that is known.
#[derive(Debug)]
pub(super) enum Gate {
    Sampling(Vec<Request>),
    Within(Area),
    Open,
}

impl Gate {
    pub(super) fn new(rule: RegionRule) -> Self {
        match rule {
            RegionRule::Nearby => Self::Sampling(Vec::new()),
            RegionRule::Within(bounds) => Self::Within(Area::Box(bounds)),
            RegionRule::Anywhere => Self::Open,
        }
    }

    /// Holds a request back if the region is not known yet.
    pub(super) fn hold(&mut self, request: Request) -> Held {
        match self {
            Self::Sampling(held) => {
                held.push(request);
                if held.len() < limits::REGION_SAMPLE_ROWS { Held::Yes } else { Held::Last }
            }
            Self::Within(_) | Self::Open => Held::No,
        }
    }

    /// Decides on the region, and gives back what was held.
    pub(super) fn settle(&mut self) -> Vec<Request> {
        let Self::Sampling(held) = self else { return Vec::new() };
        let held = std::mem::take(held);
        *self = median(held.iter().map(|request| request.pickup)).map_or(Self::Open, |center| {
            let radius = Meters::whole(limits::REGION_RADIUS_M);
            Self::Within(Area::Circle(Circle::new(center, radius)))
        });
        held
    }

    /// Whether both ends, as far as they are known, are in the region.
    pub(super) fn admits(&self, request: &Request) -> bool {
        let inside = |place: LatLng| match self {
            Self::Within(area) => area.contains(place),
            Self::Sampling(_) | Self::Open => true,
        };
        inside(request.pickup) && request.dropoff.is_none_or(inside)
    }

    /// The region, if there is one and it is known.
    pub(super) const fn area(&self) -> Option<&Area> {
        match self {
            Self::Within(area) => Some(area),
            Self::Sampling(_) | Self::Open => None,
        }
    }
}

/// What became of a request at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The region is known.
    No,
    /// It waits.
    Yes,
    /// It waits, and the sample is whole.
    Last,
}

/// The median latitude and the median longitude, the lower one of two.
///
/// The circle of longitudes is cut where it is emptiest, so that a city is in one piece wherever
/// the antimeridian and strays lie.
fn median(positions: impl Iterator<Item = LatLng>) -> Option<LatLng> {
    const TURN_E7: i64 = 3_600_000_000;
    let (mut lats, mut lngs): (Vec<i32>, Vec<i32>) =
        positions.map(|position| (position.lat_e7(), position.lng_e7())).unzip();
    lats.sort_unstable();
    lngs.sort_unstable();
    let gap_before = |place: &usize| {
        let before = if *place == 0 { lngs.len() - 1 } else { *place - 1 };
        (i64::from(lngs[*place]) - i64::from(lngs[before])).rem_euclid(TURN_E7)
    };
    let westernmost = (0..lngs.len()).max_by_key(gap_before)?;
    lngs.rotate_left(westernmost);
    let middle = (lats.len() - 1) / 2;
    LatLng::try_from(E7 { lat: lats[middle], lng: lngs[middle] }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_word_or_four_numbers() {
        assert_eq!("nearby".parse(), Ok(RegionRule::Nearby));
        assert_eq!("anywhere".parse(), Ok(RegionRule::Anywhere));
        let south_west = Degrees { lat: -1.5, lng: 36.5 };
        let bounds = BoundingBox::from_degrees(south_west, Degrees { lat: -1.0, lng: 37.0 });
        assert_eq!("-1.5, 36.5,-1,37".parse(), Ok(RegionRule::Within(bounds.unwrap())));
        let fails = |text: &str| text.parse::<RegionRule>().unwrap_err().to_string();
        let form = "region \"1,2,3\" is not nearby, anywhere or SOUTH,WEST,NORTH,EAST in degrees";
        assert_eq!(fails("1,2,3"), form);
        assert!(fails("1,2,3,x").contains("is not nearby"));
        assert_eq!(fails("1,0,91,2"), "region: lat 91 is not in -90..=90");
        assert_eq!(fails("2,0,1,2"), "region: south 2 is above north 1");
    }

    #[test]
    fn the_median_is_in_the_city_even_across_the_antimeridian() {
        let at = |lat: f64, lng: f64| LatLng::try_from(Degrees { lat, lng }).unwrap();
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([at(1.0, -2.0)].into_iter()), Some(at(1.0, -2.0)));
        assert_eq!(median([at(1.0, -2.0); 4].into_iter()), Some(at(1.0, -2.0)));
        let fiji = [at(-16.8, 179.9), at(-16.7, -179.9), at(-16.6, -180.0), at(80.0, 0.0)];
        assert_eq!(median(fiji.into_iter()), Some(at(-16.7, -180.0)));
        // A stray on the meridian opposite.
        let strays = [at(40.0, 106.0), at(40.7, -74.1), at(40.7, -74.0), at(40.7, -73.9)];
        assert_eq!(median(strays.into_iter()), Some(at(40.7, -74.1)));
        // The mean would be far outside.
        let far = [at(40.7, -74.0), at(40.8, -73.9), at(0.1, 100.0), at(40.75, -73.95)];
        assert_eq!(median(far.into_iter()), Some(at(40.7, -73.95)));
    }
}
