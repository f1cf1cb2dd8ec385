//! The index's hot operations beside their twins.
//!
//! Measured: time an operation, one thread. Workload: one million drivers in twenty cities
//! (`country`), and places that break indices (`hostile`); fixed seeds. Notes: `rstar` and
//! `kiddo` hold positions only, as points on the unit sphere, with no ids, filters or times;
//! both answer exactly. The linear scan is measured on a tenth of the fleet.

mod area;
mod fleet;
mod hostile;
mod nearest;
mod presence;
mod twins;
mod update;

use criterion::{criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The fleet of the benchmarks; a small one if they are only tried.
fn drivers() -> usize {
    if std::env::args().any(|arg| arg == "--test") { 20_000 } else { 1_000_000 }
}

criterion_group!(
    benches,
    update::bench,
    nearest::bench,
    area::bench,
    presence::bench,
    hostile::bench
);
criterion_main!(benches);
