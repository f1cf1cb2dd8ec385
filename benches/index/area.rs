//! Measured: one question for all within 1 km of a place, and for how many there are. Workload: asked
//! within 250 m of a random driver of the country, some 130 of them in reach. Notes: `rstar` finds
//! bare numbers by chords; the linear scan is of a tenth of the fleet.

use criterion::{BatchSize, BenchmarkGroup, Criterion, measurement::WallTime};
use hansom::geo::{Area, Circle};
use hansom::index::{Answer, LiveMap, ScanIndex};
use hansom::limits;
use hansom::model::{Filter, Page, Within};
use hansom::units::Meters;

use crate::drivers;
use crate::fleet::{Fleet, country};
use crate::twins::Rstar;

const RADIUS_M: u32 = 1_000;

fn circle(fleet: &mut Fleet) -> Area {
    Area::Circle(Circle::new(fleet.somewhere(), Meters::whole(RADIUS_M)))
}

/// Measures both questions on a map.
fn ask(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, map: &dyn LiveMap, fleet: &mut Fleet) {
    let mut answer = Answer::default();
    group.bench_function(format!("{name}, within"), |b| {
        b.iter_batched_ref(
            || {
                let page = Page { after: None, size: limits::MAX_PAGE };
                (Within { area: circle(fleet), filter: Filter::ANY, page }, fleet.now)
            },
            |(question, now)| map.within(*now, question, &mut answer),
            BatchSize::NumIterations(200),
        );
    });
    group.bench_function(format!("{name}, count"), |b| {
        b.iter_batched_ref(
            || (circle(fleet), fleet.now),
            |(area, now)| map.count(*now, area, &Filter::ANY),
            BatchSize::NumIterations(200),
        );
    });
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut fleet = Fleet::new(drivers(), country);
    let index = fleet.index.clone();
    let mut group = c.benchmark_group("area");
    ask(&mut group, "hansom", &*index, &mut fleet);
    let rstar = Rstar::new(&fleet.positions);
    let center = fleet.somewhere();
    let question = Area::Circle(Circle::new(center, Meters::whole(RADIUS_M)));
    assert_eq!(
        rstar.within(center, f64::from(RADIUS_M)) as u64,
        index.count(fleet.now, &question, &Filter::ANY),
        "both find the same"
    );
    group.bench_function("rstar, count", |b| {
        b.iter_batched(
            || fleet.somewhere(),
            |center| rstar.within(center, f64::from(RADIUS_M)),
            BatchSize::NumIterations(200),
        );
    });
    let mut small = Fleet::new(drivers() / 10, country);
    let scan = ScanIndex::new(*small.index.config());
    small.fill(&scan);
    group.sample_size(10);
    ask(&mut group, "scan of a tenth", &scan, &mut small);
    group.finish();
}
