//! What is read and written at the doors, beside their twins.
//!
//! Measured: time of a block or a batch, one thread, in memory. Workload: a country of 20,000 drivers;
//! fixed seeds. Notes: sockets and disks are not measured here.

mod trace;
mod wire;

use criterion::{criterion_group, criterion_main};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

criterion_group!(benches, trace::bench, wire::bench);
criterion_main!(benches);
