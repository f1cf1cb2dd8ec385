//! Riders inserted one at a time give the optimum of all together.

use super::city::City;
use super::random::Kind;
use super::{
    Auction, Cost, DriverIx, Paths, Prices, Problem, RiderIx, Rng, Solver, Standing, Violation,
    draw, seconds,
};

#[test]
fn inserting_is_solving_again() {
    let mut rng = Rng(9);
    let (mut moved, mut left_out) = (0, 0);
    for number in 0..400 {
        let most = [5, 12, 40][number % 3];
        let whole = Kind::any(&mut rng, most).problem(&mut rng);
        let mut start = Problem::new(whole.drivers()).unwrap();
        let riders: Vec<RiderIx> = whole.each_rider().collect();
        let (first, others) = riders.split_at(riders.len() / 3);
        for &rider in first {
            start.add_rider(whole.unmatched(rider), whole.edges(rider)).unwrap();
        }
        let assignment = Auction::default().solve(&start, &mut Prices::cold());
        let mut cost = assignment.cost();
        let mut standing = Standing::new(start, &assignment).unwrap();
        for &rider in others {
            let before = standing.assignment();
            let inserted = standing.insert(whole.unmatched(rider), whole.edges(rider)).unwrap();
            let after = standing.assignment();
            assert_eq!((inserted.rider, inserted.mate), (rider, standing.mate(rider)));
            assert_eq!(after.prove(standing.problem()), Ok(()), "problem {number}, {rider}");
            cost += inserted.added;
            assert_eq!(after.cost(), cost, "problem {number}, {rider}");
            moved += u32::from(before.mates()[..] != after.mates()[..before.mates().len()]);
            left_out += u32::from(after.matched() <= before.matched());
        }
        let whole_again = Paths::default().solve(&whole, &mut Prices::cold());
        assert_eq!(cost, whole_again.cost(), "problem {number}");
    }
    assert!(moved > 300 && left_out > 300, "{moved} moved others, {left_out} did not fit");
}

#[test]
fn a_new_driver_is_there_for_the_next_rider() {
    let mut rng = Rng(10);
    let city = City::clustered(&mut draw(&mut rng), 300, 200);
    let problem = city.problem(10, seconds(600));
    let assignment = Auction::default().solve(&problem, &mut Prices::cold());
    let mut standing = Standing::new(problem, &assignment).unwrap();
    let driver = standing.add_driver().unwrap();
    assert_eq!(driver, DriverIx(200));
    let near = super::Edge::new(driver, seconds(1));
    let inserted = standing.insert(seconds(600), &[near]).unwrap();
    assert_eq!((inserted.mate, inserted.added), (Some(driver), 1_000));
    assert!(standing.insert(Cost::ZERO, &[super::Edge::new(DriverIx(201), Cost::ZERO)]).is_err());
    assert_eq!(standing.assignment().prove(standing.problem()), Ok(()));
}

#[test]
fn what_is_not_proven_does_not_stand() {
    let mut problem = Problem::new(1).unwrap();
    let rider = problem.add_rider(seconds(9), &[]).unwrap();
    let mut greedy = super::Greedy::default();
    let found = greedy.solve(&problem, &mut Prices::cold());
    let refused = Standing::new(problem.clone(), &found).unwrap_err();
    assert_eq!(refused, Violation::NoCertificate);
    let of_another = Auction::default().solve(&Problem::new(1).unwrap(), &mut Prices::cold());
    let refused = Standing::new(problem, &of_another).unwrap_err();
    assert_eq!(refused, Violation::Size { what: "riders", has: 0 }, "{rider} is missing");
}
