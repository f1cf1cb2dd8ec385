//! Batches, solved one after the other.

use hansom::matching::{
    Assignment, Auction, Cost, DriverIx, Edge, FirstCome, Greedy, Paths, Prices, Problem, RiderIx,
    Solver,
};

use super::counter::allocations;

const RIDERS: u32 = 400;
const DRIVERS: u32 = 300;

/// A problem like the others in size, and different from batch to batch.
fn batch(problem: &mut Problem, batch: u32) {
    problem.reset(DRIVERS as usize).unwrap();
    let mut edges = Vec::new();
    for rider in 0..RIDERS {
        edges.clear();
        for edge in 0..12 {
            // Steps through the drivers near the rider's own place, at costs that change.
            let driver = (rider * 3 / 4 + edge * edge) % DRIVERS;
            let cost = 1_000 * edge + rider.wrapping_mul(2_654_435_761 + batch) % 30_000;
            edges.push(Edge::new(DriverIx(driver), Cost::new(cost).unwrap()));
        }
        problem.add_rider(Cost::new(120_000).unwrap(), &edges).unwrap();
    }
}

#[test]
fn a_batch_allocates_nothing_in_the_steady_state() {
    let solvers: [Box<dyn Solver>; 4] = [
        Box::<Auction>::default(),
        Box::<Paths>::default(),
        Box::<Greedy>::default(),
        Box::<FirstCome>::default(),
    ];
    for mut solver in solvers {
        let mut problem = Problem::default();
        let (mut prices, mut assignment) = (Prices::cold(), Assignment::default());
        let mut asked = 0;
        for number in 0..60 {
            batch(&mut problem, number);
            prices.set_mate(RiderIx(number), None);
            let count = allocations(|| solver.solve_into(&problem, &mut prices, &mut assignment));
            if number >= 30 {
                assert_eq!(count, 0, "{}, batch {number}", solver.name());
            }
            asked += count;
            assert!(assignment.matched() > 200, "{}: {}", solver.name(), assignment.matched());
        }
        assert!(asked > 0, "{}: memory that never grew has not been used", solver.name());
    }
}
