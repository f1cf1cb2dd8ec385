//! The dispatch core's hot operations beside their twins.
//!
//! Measured: time an operation, one thread, without a journal. Workload: a city of 20,000 drivers;
//! fixed seeds. Notes: batches are measured in `matching`; what becomes durable in `journal`.

mod apply;
mod candidates;
#[path = "../index/fleet.rs"]
#[allow(dead_code, reason = "the fleet of other benchmarks")]
mod fleet;
mod travel;

use criterion::{criterion_group, criterion_main};
use hansom::bench::fleet::Rng;
use hansom::geo::LatLng;

use fleet::{Fleet, at, offset};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The drivers of the city; few if benchmarks are only tried.
fn drivers() -> usize {
    if std::env::args().any(|arg| arg == "--test") { 2_000 } else { 20_000 }
}

/// A place of a city of some 20 × 20 km.
fn place(rng: &mut Rng) -> LatLng {
    offset(at(37.7749, -122.4194), (rng.unit() - 0.5) * 2e4, (rng.unit() - 0.5) * 2e4)
}

/// The city's fleet.
fn city() -> Fleet {
    Fleet::new(drivers(), place)
}

criterion_group!(benches, apply::bench, candidates::bench, travel::bench);
criterion_main!(benches);
