//! Measured: applying a batch of 1,024 reports. Workload: random drivers move about 50 m in
//! random directions. Notes: the twins remove and insert, one driver at a time.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use hansom::bench::fleet::Rng;
use hansom::geo::LatLng;
use hansom::index::{BatchOutcome, LiveMap};

use crate::drivers;
use crate::fleet::{Fleet, country, offset};
use crate::twins::{Kiddo, Rstar, Twin};

const BATCH: usize = 1_024;

pub(crate) fn bench(c: &mut Criterion) {
    let mut fleet = Fleet::new(drivers(), country);
    let mut group = c.benchmark_group("update");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut outcome = BatchOutcome::default();
    let index = fleet.index.clone();
    group.bench_function("hansom", |b| {
        // By reference: to free a batch is its owner's affair.
        b.iter_batched_ref(
            || (fleet.moves(BATCH), fleet.now),
            |(reports, now)| {
                outcome.clear();
                index.apply(*now, reports, &mut outcome);
                assert_eq!(outcome.applied, BATCH as u64);
            },
            BatchSize::NumIterations(16),
        );
    });
    let mut rstar = Rstar::new(&fleet.positions);
    let mut kiddo = Kiddo::new(&fleet.positions);
    let twins: [(&str, &mut dyn Twin); 2] = [("rstar", &mut rstar), ("kiddo", &mut kiddo)];
    for (name, twin) in twins {
        let mut standing = fleet.positions.clone();
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || moved(&mut fleet.rng, &mut standing),
                |moves| moves.iter().for_each(|&(ix, from, to)| twin.update(ix, from, to)),
                BatchSize::NumIterations(16),
            );
        });
        black_box(standing);
    }
    group.finish();
}

/// Random drivers of `standing` move about 50 m: who, from where, to where.
fn moved(rng: &mut Rng, standing: &mut [LatLng]) -> Vec<(u32, LatLng, LatLng)> {
    (0..BATCH)
        .map(|_| {
            let ix = rng.below(u32::try_from(standing.len()).expect("a fleet that fits"));
            let angle = rng.unit() * std::f64::consts::TAU;
            let from = standing[ix as usize];
            let to = offset(from, 50.0 * angle.cos(), 50.0 * angle.sin());
            standing[ix as usize] = to;
            (ix, from, to)
        })
        .collect()
}
