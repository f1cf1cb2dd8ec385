//! Measured: one batch from a cold start. Workload: as many drivers as riders, 15 edges a rider.

use criterion::Criterion;
use hansom::bench::fleet::Rng;
use hansom::matching::{Assignment, Auction, FirstCome, Greedy, Paths, Prices, Problem, Solver};

use crate::{city, prove, size, unmatched};

pub(crate) fn bench(c: &mut Criterion) {
    for (full, samples) in [(1_000, 100), (10_000, 50), (50_000, 10)] {
        let count = size(full);
        let problem = city(count, count, &mut Rng(7)).problem(15, unmatched());
        prove(&mut Auction::default(), &problem);
        prove(&mut Paths::default(), &problem);
        let mut group = c.benchmark_group(format!("{full} x {full} x 15"));
        group.sample_size(samples);
        let solvers: [Box<dyn Solver>; 4] = [
            Box::<Auction>::default(),
            Box::<Paths>::default(),
            Box::<Greedy>::default(),
            Box::<FirstCome>::default(),
        ];
        for mut solver in solvers {
            let mut assignment = Assignment::default();
            group.bench_function(solver.name(), |b| {
                let mut prices = Prices::cold();
                b.iter(|| {
                    prices.clear();
                    solver.solve_into(&problem, &mut prices, &mut assignment);
                });
            });
            let seconds = assignment.cost() as f64 / 1_000.0;
            println!("{}: {seconds} s in all, {} matched", solver.name(), assignment.matched());
        }
        group.bench_function("building the problem", |b| {
            let mut again = Problem::default();
            b.iter(|| copy(&problem, &mut again));
        });
        group.finish();
    }
}

/// What a caller does who has edges in the order of their costs.
fn copy(from: &Problem, to: &mut Problem) {
    to.reset(from.drivers()).expect("as many as before");
    for rider in from.each_rider() {
        to.add_rider(from.unmatched(rider), from.edges(rider)).expect("as many as before");
    }
}
