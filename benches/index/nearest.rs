//! Measured: one question for the nearest within 5 km. Workload: asked within 250 m of a
//! random driver. Notes: `filter 30 %` wants an available driver of half of the vehicle types;
//! the twins know no filters.

use criterion::{BatchSize, BenchmarkGroup, Criterion, measurement::WallTime};
use hansom::geo::LatLng;
use hansom::index::{Answer, LiveMap, ScanIndex};
use hansom::model::{Filter, K, Nearest, VehicleTypes};
use hansom::units::Meters;

use crate::drivers;
use crate::fleet::{Fleet, country};
use crate::twins::{Kiddo, Rstar, Twin};

/// A question for the `k` nearest.
pub(crate) fn question(center: LatLng, k: u64, radius: u32, filter: Filter) -> Nearest {
    let k = K::try_from(k).expect("a sensible k");
    Nearest { center, k, radius: Meters::whole(radius), filter }
}

/// What 30 % of the fleet pass.
pub(crate) fn thirty_percent() -> Filter {
    Filter { vehicle_types: VehicleTypes::from_bits(0b1111), ..Filter::default() }
}

/// Measures questions on a map.
pub(crate) fn ask(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    map: &dyn LiveMap,
    fleet: &mut Fleet,
    mut make: impl FnMut(&mut Fleet) -> Nearest,
) {
    let mut answer = Answer::default();
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || (make(fleet), fleet.now),
            |(question, now)| map.nearest(*now, question, &mut answer),
            BatchSize::NumIterations(1_000),
        );
    });
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut fleet = Fleet::new(drivers(), country);
    let index = fleet.index.clone();
    let mut group = c.benchmark_group("nearest");
    for k in [1, 10, 50] {
        ask(&mut group, &format!("hansom, k {k}"), &*index, &mut fleet, |fleet| {
            question(fleet.somewhere(), k, 5_000, Filter::ANY)
        });
    }
    ask(&mut group, "hansom, k 10, filter 30 %", &*index, &mut fleet, |fleet| {
        question(fleet.somewhere(), 10, 5_000, thirty_percent())
    });
    let (rstar, kiddo) = (Rstar::new(&fleet.positions), Kiddo::new(&fleet.positions));
    let twins: [(&str, &dyn Twin); 2] = [("rstar, k 10", &rstar), ("kiddo, k 10", &kiddo)];
    for (name, twin) in twins {
        group.bench_function(name, |b| {
            b.iter_batched(
                || fleet.somewhere(),
                |center| twin.nearest(center, 10),
                BatchSize::NumIterations(1_000),
            );
        });
    }
    let mut small = Fleet::new(drivers() / 10, country);
    let scan = ScanIndex::new(*small.index.config());
    small.fill(&scan);
    group.sample_size(10);
    ask(&mut group, "scan of a tenth, k 10", &scan, &mut small, |fleet| {
        question(fleet.somewhere(), 10, 5_000, Filter::ANY)
    });
    group.finish();
}
