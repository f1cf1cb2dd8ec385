//! Measured: what is rarer than a position: a driver becomes busy or free; a driver leaves the map and
//! comes back. Workload: random drivers of the country, 1,024 at a time. Notes: the twin is the linear
//! scan, which has the same contract and no structure to keep in order.

use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use hansom::ids::DriverId;
use hansom::index::{BatchOutcome, LiveMap, ScanIndex};
use hansom::model::{DriverKey, DriverStatus, Motion, Report};

use crate::drivers;
use crate::fleet::{Fleet, country};

const BATCH: usize = 1_024;

/// Numbers of random drivers.
fn draw(fleet: &mut Fleet) -> Vec<usize> {
    let drivers = u32::try_from(fleet.keys.len()).expect("a fleet that fits");
    (0..BATCH).map(|_| fleet.rng.below(drivers) as usize).collect()
}

/// A driver's position, where it stands.
fn report(fleet: &Fleet, ix: usize) -> Report {
    let (driver, position) = (fleet.keys[ix], fleet.positions[ix]);
    Report { driver, position, at: fleet.now, motion: Motion::default(), status: None }
}

/// A driver's name, as the fleet gives it.
fn name_of(ix: usize) -> DriverId {
    format!("d{ix:07}").parse().expect("an id")
}

/// Measures both on a map that has bound the fleet's drivers; `keys` are that map's.
fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    map: &dyn LiveMap,
    (fleet, keys): (&mut Fleet, &mut [DriverKey]),
) {
    let mut busy = false;
    group.bench_function(format!("{name}, status"), |b| {
        b.iter_batched(
            || {
                busy = !busy;
                let status = if busy { DriverStatus::OnTrip } else { DriverStatus::Available };
                (draw(fleet), status)
            },
            |(some, status)| {
                for ix in some {
                    assert!(map.set_status(keys[ix], status), "the driver is known");
                }
            },
            BatchSize::NumIterations(16),
        );
    });
    let mut outcome = BatchOutcome::default();
    group.bench_function(format!("{name}, leave and return"), |b| {
        b.iter_batched(
            || {
                let mut some = draw(fleet);
                some.sort_unstable();
                some.dedup();
                let reports: Vec<Report> = some.iter().map(|&ix| report(fleet, ix)).collect();
                let names: Vec<_> = some.iter().map(|&ix| name_of(ix)).collect();
                (some, names, reports, fleet.now)
            },
            |(some, names, mut reports, now)| {
                for ((ix, name), report) in some.iter().zip(&names).zip(&mut reports) {
                    assert!(map.forget(keys[*ix]), "the driver is known");
                    keys[*ix] = map.bind(now, name).expect("there was room before");
                    report.driver = keys[*ix];
                }
                outcome.clear();
                map.apply(now, &reports, &mut outcome);
                assert_eq!(outcome.applied, reports.len() as u64);
            },
            BatchSize::NumIterations(16),
        );
    });
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("presence");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut fleet = Fleet::new(drivers(), country);
    let index = fleet.index.clone();
    let mut keys = fleet.keys.clone();
    measure(&mut group, "hansom", &*index, (&mut fleet, &mut keys));
    let mut fleet = Fleet::new(drivers(), country);
    let scan = ScanIndex::new(*fleet.index.config());
    let mut keys = fleet.fill(&scan);
    measure(&mut group, "scan", &scan, (&mut fleet, &mut keys));
    group.finish();
}
