//! Measured: one batch that starts from the prices and pairs of the one before. Workload: 15 edges a
//! rider; so many of a hundred riders and drivers have been replaced, and each driver has driven 16 m,
//! two seconds.

use criterion::{BatchSize, Criterion};
use hansom::bench::fleet::Rng;
use hansom::matching::{Assignment, Auction, Cost, Prices, Problem, Solver};

use crate::{city, size, stretch, unmatched};

/// Batches, each with where it starts.
fn batches(count: usize, percent: u64) -> Vec<(Problem, Prices)> {
    let mut rng = Rng(7);
    let mut city = city(count, count, &mut rng);
    let (mut auction, mut prices) = (Auction::default(), Prices::cold());
    auction.solve(&city.problem(15, unmatched()), &mut prices);
    let step = |_| {
        let before = city.clone();
        let (riders, drivers) = city.turn_over(&mut || rng.bits(), percent);
        // Newcomers appear in the unstretched city.
        let mut all = city.clone();
        stretch(&mut all, count);
        city.riders.clone_from(&before.riders);
        city.drivers.clone_from(&before.drivers);
        for &rider in &riders {
            city.riders[rider.0 as usize] = all.riders[rider.0 as usize];
            prices.set_mate(rider, None);
        }
        for &driver in &drivers {
            city.drivers[driver.0 as usize] = all.drivers[driver.0 as usize];
            prices.set_price(driver, Cost::ZERO);
        }
        city.drive(&mut || rng.bits(), 16.0);
        let problem = city.problem(15, unmatched());
        let start = prices.clone();
        let assignment = auction.solve(&problem, &mut prices);
        assert_eq!(assignment.prove(&problem), Ok(()));
        (problem, start)
    };
    (0..10).map(step).collect()
}

pub(crate) fn bench(c: &mut Criterion) {
    for (full, samples) in [(1_000, 100), (10_000, 50), (50_000, 10)] {
        let mut group = c.benchmark_group(format!("{full} x {full} x 15, warm"));
        group.sample_size(samples);
        for percent in [0, 1, 5, 20] {
            let batches = batches(size(full), percent);
            let (mut auction, mut assignment) = (Auction::default(), Assignment::default());
            let mut next = batches.iter().cycle();
            group.bench_function(format!("{percent} % replaced, all moved"), |b| {
                b.iter_batched_ref(
                    || next.next().cloned().expect("a cycle"),
                    |(problem, prices)| auction.solve_into(problem, prices, &mut assignment),
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}
