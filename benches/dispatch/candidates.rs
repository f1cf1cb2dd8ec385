//! Measured: the candidates of one rider: the 10 nearest free drivers of a pickup, then 10 more, as a
//! batch extends a list. Workload: pickups within 250 m of random drivers, six of ten of them free.
//! Notes: the twin is the same supply over the linear scan.

use criterion::{BatchSize, BenchmarkGroup, Criterion, measurement::WallTime};
use hansom::dispatch::{LiveSupply, Nearby, Search, Supply};
use hansom::index::{LiveMap, ScanIndex};
use hansom::model::{Filter, StatusSet};
use hansom::units::Meters;

use crate::city;
use crate::fleet::Fleet;

fn search(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    map: &dyn LiveMap,
    fleet: &mut Fleet,
) {
    let filter = Filter { statuses: StatusSet::AVAILABLE, ..Filter::ANY };
    let now = fleet.now;
    let mut supply = LiveSupply::new(map, now);
    let mut found: Vec<Nearby> = Vec::new();
    group.bench_function(name, |b| {
        b.iter_batched(
            || Search::new(fleet.somewhere(), Meters::whole(10_000), filter.clone()),
            |mut search| {
                found.clear();
                supply.near(&mut search, 10, &mut found);
                supply.near(&mut search, 10, &mut found);
                assert!(found.len() >= 20, "{} are free", found.len());
            },
            BatchSize::NumIterations(100),
        );
    });
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("candidates");
    let mut fleet = city();
    let index = fleet.index.clone();
    let scan = ScanIndex::new(*index.config());
    fleet.fill(&scan);
    search(&mut group, "hansom, 10 and 10 more", &*index, &mut fleet);
    group.sample_size(10);
    search(&mut group, "scan, 10 and 10 more", &scan, &mut fleet);
    group.finish();
}
