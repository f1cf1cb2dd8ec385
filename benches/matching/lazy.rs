//! Measured: from nothing to the optimum over all drivers, the naming of candidates included, and how
//! many costs are asked for. Workload: a saturated city of 10,000 x 10,000, a stadium that 2,000
//! riders leave among 3,000 others and 10,000 drivers, a usual window of 1,000 x 3,000. Notes: the
//! way is the straight line, whose bound is the cost, or crooked, up to 40 % longer than its bound.

use std::ops::ControlFlow;

use criterion::Criterion;
use hansom::bench::fleet::Rng;
use hansom::matching::{Assignment, Auction, Lazy, LazyOutcome, Prices};

use crate::city::{City, Ways};
use crate::{size, unmatched};

/// Solves it to the end.
fn solve(lazy: &mut Lazy, city: &mut City, found: &mut Assignment) -> LazyOutcome {
    city.settle();
    let riders = vec![unmatched(); city.riders.len()];
    let mut no_end = |_| ControlFlow::Continue(());
    lazy.solve(&riders, city, &mut Prices::cold(), found, &mut no_end).expect("few enough")
}

/// Fails if any pair of all could make the assignment cheaper.
fn prove(city: &City, lazy: &Lazy, found: &Assignment) {
    assert_eq!(found.prove(lazy.problem()), Ok(()));
    let proof = found.certificate().expect("proven");
    let known = lazy.problem().drivers();
    for (rider, ix) in (0..city.riders.len()).zip((0..).map(hansom::matching::RiderIx)) {
        let value = proof.rider(ix).get();
        for (driver, ix) in (0..city.drivers.len()).zip((0..).map(hansom::matching::DriverIx)) {
            let price = if driver < known { proof.driver(ix).get() } else { 0 };
            assert!(city.cost(rider, driver).get() + price >= value, "{rider} and {driver}");
        }
    }
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("lazy");
    group.sample_size(10);
    let draw = |rng: &mut Rng, crowd, riders, drivers| {
        City::stadium(&mut || rng.bits(), size(crowd), size(riders), size(drivers))
    };
    for (name, crowd, riders, drivers) in [
        ("saturated, 10000 x 10000", 0, 10_000, 10_000),
        ("stadium, 5000 x 10000", 2_000, 3_000, 10_000),
        ("window, 1000 x 3000", 0, 1_000, 3_000),
    ] {
        let mut city = draw(&mut Rng(7), crowd, riders, drivers);
        for (way, ways) in [("straight", Ways::Straight), ("crooked", Ways::Crooked)] {
            city.ways = ways;
            let mut lazy = Lazy::<Auction>::default();
            let mut found = Assignment::default();
            let outcome = solve(&mut lazy, &mut city, &mut found);
            prove(&city, &lazy, &found);
            let LazyOutcome { spent, gap } = outcome;
            println!(
                "{name}, {way}: {} costs asked for, {:.1} a rider, {} candidates, {} rounds, \
                 {} matched at {} ms, gap {gap}",
                spent.asked,
                spent.asked as f64 / city.riders.len() as f64,
                spent.named,
                spent.rounds,
                found.matched(),
                found.cost(),
            );
            group.bench_function(format!("{name}, {way}"), |b| {
                b.iter(|| solve(&mut lazy, &mut city, &mut found));
            });
        }
    }
    group.finish();
}
