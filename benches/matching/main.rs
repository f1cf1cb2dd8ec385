//! The solvers of the assignment problem, beside one another and beside dense ones.
//!
//! Measured: time a batch, one thread, from a problem that is ready to an assignment with its
//! certificate. Workload: a clustered city (`src/matching/tests/city.rs`), each rider with edges to
//! the nearest drivers, left unmatched at 600 s; fixed seeds. Notes: costs that are uniformly random
//! instead of geography are many times easier, and say little. Each problem is solved and proven
//! once before it is measured.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

mod batch;
#[path = "../../src/matching/tests/city.rs"]
mod city;
mod dense;
mod lazy;
mod rolling;

use criterion::{criterion_group, criterion_main};
use hansom::bench::fleet::Rng;
use hansom::matching::{
    Candidate, Cost, DriverIx, Edge, EdgeSource, Exact, Next, Prices, Problem, RiderIx,
};

use city::City;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What it costs to leave a rider unmatched.
fn unmatched() -> Cost {
    Cost::new(600_000).expect("in range")
}

/// A tenth of the size if benchmarks are only tried.
fn size(full: usize) -> usize {
    if std::env::args().any(|arg| arg == "--test") { full / 10 } else { full }
}

/// A city whose extent grows with its people, so that it is as dense.
fn city(riders: usize, drivers: usize, rng: &mut Rng) -> City {
    let mut city = City::clustered(&mut || rng.bits(), riders, drivers);
    stretch(&mut city, drivers);
    city
}

/// Stretches a city of which places are for 10,000 drivers.
fn stretch(city: &mut City, drivers: usize) {
    let scale = (drivers as f64 / 10_000.0).sqrt();
    for place in city.riders.iter_mut().chain(&mut city.drivers) {
        *place = place.map(|metres| metres * scale);
    }
    city.settle();
}

/// Fails unless this solver's assignment is proven.
fn prove(solver: &mut dyn Exact, problem: &Problem) {
    let assignment = solver.solve(problem, &mut Prices::cold());
    assert_eq!(assignment.prove(problem), Ok(()), "{}", solver.name());
}

criterion_group!(benches, batch::bench, rolling::bench, dense::bench, lazy::bench);
criterion_main!(benches);
