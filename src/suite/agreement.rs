//! Whether a system's answers are those of a linear scan, before anything is timed.

use super::result::Agreement;
use super::system::{Call, Client, Found, Rounding, Trouble};
use super::workload::{Ask, Move, class};
use crate::geo::{Haversine, LatLng, Origin};
use crate::units::Meters;

/// Drivers, looked at one by one for each question.
#[derive(Clone, Debug)]
pub struct Scan {
    positions: Vec<LatLng>,
}

impl Scan {
    /// Drivers by their numbers.
    pub const fn new(positions: Vec<LatLng>) -> Self {
        Self { positions }
    }

    /// Moves a driver.
    pub fn update(&mut self, m: Move) {
        self.positions[m.driver as usize] = m.to;
    }

    /// The nearest, ties in the order of numbers.
    ///
    /// # Complexity
    /// O(drivers), and a sort of those within the radius.
    pub fn nearest(&self, ask: &Ask, place: LatLng, found: &mut Vec<(Haversine, u32)>) {
        let origin = Origin::new(place);
        let limit = Haversine::of_radius(Meters::whole(ask.radius_m));
        found.clear();
        for (driver, &position) in (0..).zip(&self.positions) {
            let distance = origin.to(position);
            if distance <= limit && class(driver) < ask.passing.percent() {
                found.push((distance, driver));
            }
        }
        found.sort_unstable();
        found.truncate(ask.k as usize);
    }

    /// How far a driver is, in metres.
    fn distance(&self, driver: u32, place: LatLng) -> Option<f64> {
        let position = self.positions.get(driver as usize)?;
        Some(Origin::new(place).to(*position).meters())
    }
}

/// What the scan says to some questions.
#[derive(Debug)]
pub struct Expected<'a> {
    scan: &'a Scan,
    ask: Ask,
    places: &'a [LatLng],
    answers: Vec<Vec<(Haversine, u32)>>,
}

impl<'a> Expected<'a> {
    /// Asks the scan.
    pub fn of(scan: &'a Scan, ask: Ask, places: &'a [LatLng]) -> Self {
        let answer = |&place: &LatLng| {
            let mut answer = Vec::new();
            scan.nearest(&ask, place, &mut answer);
            answer
        };
        Self { scan, ask, places, answers: places.iter().map(answer).collect() }
    }

    /// Asks a system the same.
    ///
    /// # Errors
    /// [`Trouble`] if it fails to answer.
    pub fn compare(
        &self,
        client: &mut dyn Client,
        call: Call,
        rounding: Rounding,
    ) -> Result<Agreement, Trouble> {
        let mut answers: Vec<Option<Vec<Found>>> = vec![None; self.places.len()];
        let mut twice = 0;
        client.ask(call, &self.ask, self.places, &mut |i, found| {
            twice += u64::from(answers[i].replace(found.to_vec()).is_some());
        })?;
        let mut agreement = Agreement { different: twice, ..Agreement::default() };
        for (i, answer) in answers.iter().enumerate() {
            agreement.compared += 1;
            let judged = answer.as_ref().map(|got| {
                judge(self.scan, &self.ask, self.places[i], &self.answers[i], got, rounding)
            });
            match judged {
                Some(Verdict::Equal) => agreement.equal += 1,
                Some(Verdict::Rounded) => agreement.rounded += 1,
                Some(Verdict::Different) | None => agreement.different += 1,
            }
        }
        Ok(agreement)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Equal,
    Rounded,
    Different,
}

/// Compares one answer.
fn judge(
    scan: &Scan,
    ask: &Ask,
    place: LatLng,
    expected: &[(Haversine, u32)],
    got: &[Found],
    rounding: Rounding,
) -> Verdict {
    if got.iter().map(|found| found.driver).eq(expected.iter().map(|&(_, driver)| driver)) {
        let told = |(found, (distance, _)): (&Found, &(Haversine, u32))| {
            let meters = distance.meters();
            let slack = rounding.position_m + rounding.share * meters + 1e-3;
            (found.distance_m - meters).abs() <= slack
        };
        // The right drivers with wrong distances are wrong.
        return if got.iter().zip(expected).all(told) {
            Verdict::Equal
        } else {
            Verdict::Different
        };
    }
    let mut drivers: Vec<u32> = got.iter().map(|found| found.driver).collect();
    drivers.sort_unstable();
    drivers.dedup();
    if drivers.len() != got.len() || got.len() > ask.k as usize {
        return Verdict::Different;
    }
    // Two positions are rounded, each by so much.
    let radius = f64::from(ask.radius_m);
    let near = 2.0 * rounding.position_m;
    let edge = radius - near - rounding.share * radius;
    let same = (0..expected.len().max(got.len())).all(|i| {
        let due = expected.get(i).map(|&(distance, _)| distance.meters());
        let found = got.get(i).and_then(|found| {
            let passes = class(found.driver) < ask.passing.percent();
            scan.distance(found.driver, place).filter(|_| passes)
        });
        match (due, found) {
            (Some(due), Some(found)) => (due - found).abs() <= near,
            // Beyond the edge for one, within for the other.
            (Some(due), None) => i >= got.len() && due >= edge,
            (None, Some(found)) => found >= edge,
            (None, None) => false,
        }
    });
    if same { Verdict::Rounded } else { Verdict::Different }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::workload::{Passing, Workload, World};

    /// The scan, with something done to each of its answers.
    struct Wrong(Scan, fn(&mut Vec<Found>));

    impl Client for Wrong {
        fn update(&mut self, _: Call, _: &[Move]) -> Result<(), Trouble> {
            Ok(())
        }

        fn ask(
            &mut self,
            _: Call,
            ask: &Ask,
            places: &[LatLng],
            sink: &mut dyn FnMut(usize, &[Found]),
        ) -> Result<(), Trouble> {
            let mut found = Vec::new();
            for (i, &place) in places.iter().enumerate() {
                self.0.nearest(ask, place, &mut found);
                let told = found
                    .iter()
                    .map(|&(distance, driver)| Found { driver, distance_m: distance.meters() });
                let mut told = told.collect();
                self.1(&mut told);
                sink(i, &told);
            }
            Ok(())
        }
    }

    fn agreement(wrong: fn(&mut Vec<Found>), rounding: Rounding) -> Agreement {
        let world = World::new(Workload::City, 3_000, 5);
        let scan = Scan::new(world.positions.clone());
        let ask = Ask { k: 10, radius_m: 50_000, passing: Passing::Thirty };
        let mut client = Wrong(scan.clone(), wrong);
        let expected = Expected::of(&scan, ask, &world.places[..50]);
        expected.compare(&mut client, Call::Direct, rounding).unwrap()
    }

    #[test]
    fn right_answers_agree_and_each_mistake_is_noticed() {
        let right = agreement(|_| (), Rounding::EXACT);
        assert_eq!((right.compared, right.equal), (50, 50));
        let mistakes: [fn(&mut Vec<Found>); 5] = [
            |found| found.truncate(9),
            |found| found.swap(0, 9),
            |found| found[3] = found[4],
            |found| found[5].distance_m += 1.0,
            // Somebody who does not pass.
            |found| found[0].driver = (0..99).find(|&driver| class(driver) > 50).unwrap_or(0),
        ];
        for (number, wrong) in mistakes.into_iter().enumerate() {
            let rounding = Rounding { position_m: 0.6, share: 3e-5 };
            let found = agreement(wrong, rounding);
            assert!(found.different > 40, "mistake {number}: {found:?}");
        }
    }

    #[test]
    fn rounding_excuses_neighbours_that_cannot_be_told_apart() {
        let scan = Scan::new([(0, 0), (10, 0), (5_000, 0)].map(of_e7).to_vec());
        let ask = Ask { k: 3, radius_m: 5_000, passing: Passing::All };
        let mut due = Vec::new();
        scan.nearest(&ask, of_e7((0, 0)), &mut due);
        let swapped = [1, 0, 2].map(|driver| Found {
            driver,
            distance_m: scan.distance(driver, of_e7((0, 0))).unwrap(),
        });
        let judged = |rounding| judge(&scan, &ask, of_e7((0, 0)), &due, &swapped, rounding);
        assert_eq!(judged(Rounding { position_m: 0.6, share: 0.0 }), Verdict::Rounded);
        assert_eq!(judged(Rounding::EXACT), Verdict::Different);
    }

    fn of_e7((lat, lng): (i32, i32)) -> LatLng {
        LatLng::try_from(crate::geo::E7 { lat, lng }).unwrap()
    }
}
