//! Made-up demand: who would want to be driven in the made-up city.
//!
//! Riders start and end near the same busy places as the drivers of the fleet of the same city and
//! seed; in the middle of the time there are three times as many as at its ends. They do not know of
//! each other.

use super::city::{City, Node};
use super::dice::Dice;
use super::hotspots::HotSpots;
use super::{CITY_STREAM, PlanError, within};
use crate::geo::LatLng;
use crate::limits;
use crate::trace::requests::{Passengers, Request, RowId};
use crate::units::{Millis, Timestamp};

/// The stream of random numbers that riders have.
const DEMAND_STREAM: u64 = CITY_STREAM - 1;

/// A trip goes at least so far in the grid's plane, in metres: less is walked.
const SHORTEST_M: f64 = 800.0;

/// How often another place is drawn if a trip would be too short.
const DRAWS: usize = 8;

/// How many of a hundred requests are for one passenger, for two, and so on: about what New York's
/// cabs carry.
const PARTIES: [u32; 6] = [71, 14, 5, 3, 4, 3];

/// Which demand to make up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DemandPlan {
    city: City,
    requests: u32,
    start: Timestamp,
    duration: Millis,
    seed: u64,
}

impl DemandPlan {
    /// `requests` requests within `duration`, from the moment at which fleets start too.
    ///
    /// # Errors
    /// [`PlanError`] beyond [`limits::MAX_SIM_REQUESTS`] or [`limits::MAX_SIM_MS`].
    pub fn new(city: City, requests: u32, duration: Millis, seed: u64) -> Result<Self, PlanError> {
        within("requests", requests.into(), 1, limits::MAX_SIM_REQUESTS.into())?;
        within("milliseconds of duration", duration.get(), 1_000, limits::MAX_SIM_MS)?;
        let start = super::FleetPlan::DEFAULT_START;
        Ok(Self { city, requests, start, duration, seed })
    }

    /// The same demand at another time.
    pub const fn starting_at(mut self, start: Timestamp) -> Self {
        self.start = start;
        self
    }
}

/// Requests in the order of their times.
#[derive(Debug)]
pub struct Demand {
    city: City,
    spots: HotSpots,
    dice: Dice,
    times: std::vec::IntoIter<i64>,
    row: u64,
}

/// Makes up the demand of this plan.
///
/// # Guarantees
/// Equal plans yield equal requests, on each machine. Times never decrease and lie within the
/// plan's span. Each request has a dropoff; rows are numbered from 1.
///
/// # Examples
/// ```
/// use hansom::{sim::{City, DemandPlan, demand}, units::Millis};
/// let plan = DemandPlan::new(City::SAN_FRANCISCO, 100, Millis::from_secs(600), 1)?;
/// assert_eq!(demand(&plan).count(), 100);
/// assert_eq!(demand(&plan).collect::<Vec<_>>(), demand(&plan).collect::<Vec<_>>());
/// # Ok::<(), hansom::sim::PlanError>(())
/// ```
pub fn demand(plan: &DemandPlan) -> Demand {
    let spots = HotSpots::new(&plan.city, &mut Dice::new(plan.seed, CITY_STREAM));
    let mut dice = Dice::new(plan.seed, DEMAND_STREAM);
    let (start, span) = (plan.start.as_millis(), plan.duration.get() as f64);
    let times = (0..plan.requests).map(|_| {
        // Half of them at any time, half rather in the middle.
        let part = if dice.chance(0.5) {
            dice.unit()
        } else {
            let (one, other) = (dice.unit(), dice.unit());
            f64::midpoint(one, other)
        };
        #[expect(clippy::cast_possible_truncation, reason = "a part of at most seven days")]
        let after = (part * span) as i64;
        start + after
    });
    let mut times: Vec<i64> = times.collect();
    times.sort_unstable();
    Demand { city: plan.city, spots, dice, times: times.into_iter(), row: 0 }
}

impl Iterator for Demand {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let at = self.times.next()?;
        self.row += 1;
        let (from, to) = self.trip();
        let (pickup, dropoff) = (self.door(from), self.door(to));
        Some(Request {
            at: Timestamp::from_millis(at),
            pickup,
            dropoff: Some(dropoff),
            passengers: self.party(),
            trip: None,
            row: RowId { input: 0, row: self.row },
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.times.size_hint()
    }
}

impl Demand {
    /// Two crossings that are worth a ride, unless the dice insist.
    fn trip(&mut self) -> (Node, Node) {
        let from = self.spots.pick(&self.city, &mut self.dice);
        let [x, y] = self.city.plane(from);
        let mut to = from;
        for _ in 0..DRAWS {
            to = self.spots.pick(&self.city, &mut self.dice);
            let [u, v] = self.city.plane(to);
            if (u - x).abs() + (v - y).abs() >= SHORTEST_M {
                break;
            }
        }
        (from, to)
    }

    /// A door near a crossing: some way along the street to the next one.
    fn door(&mut self, node: Node) -> LatLng {
        let [x, y] = self.city.plane(node);
        let along = self.dice.between(-40.0, 40.0);
        let beside = if self.dice.chance(0.5) { 6.0 } else { -6.0 };
        let [dx, dy] = if self.dice.chance(0.5) { [along, beside] } else { [beside, along] };
        self.city.place([x + dx, y + dy])
    }

    fn party(&mut self) -> Passengers {
        let mut rest = self.dice.unit() * 100.0;
        let larger = PARTIES.iter().take_while(|share| {
            rest -= f64::from(**share);
            rest >= 0.0
        });
        let size = u32::try_from(larger.count() + 1).unwrap_or(1);
        Passengers::try_from(size).unwrap_or(Passengers::ONE)
    }
}
