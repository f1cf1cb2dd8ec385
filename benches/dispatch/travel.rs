//! Measured: the estimated drives of 20 drivers to one pickup. Workload: random places of a city.
//! Notes: the twin is the great-circle distance alone, which is the least that such an estimate can
//! ask for.

use criterion::{BatchSize, Criterion, Throughput};
use hansom::bench::fleet::Rng;
use hansom::geo::{LatLng, haversine};
use hansom::travel::{StraightLine, TravelTime};

use crate::place;

const DRIVERS: usize = 20;

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("travel");
    group.throughput(Throughput::Elements(DRIVERS as u64));
    let mut rng = Rng(7);
    let mut places = || -> (Vec<LatLng>, LatLng) {
        ((0..DRIVERS).map(|_| place(&mut rng)).collect(), place(&mut rng))
    };
    let travel = StraightLine::default();
    let mut etas = Vec::new();
    group.bench_function("straight line, 20 to one", |b| {
        b.iter_batched_ref(
            &mut places,
            |(from, to)| travel.times_to(from, *to, &mut etas),
            BatchSize::NumIterations(1_000),
        );
    });
    group.bench_function("great circle, 20 to one", |b| {
        b.iter_batched_ref(
            &mut places,
            |(from, to)| from.iter().map(|&from| haversine(from, *to).meters()).sum::<f64>(),
            BatchSize::NumIterations(1_000),
        );
    });
    group.finish();
}
