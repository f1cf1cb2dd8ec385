//! Measured: one question for the 10 nearest where indices have cliffs. Workload: a stadium
//! (100,000 drivers within 500 m), a country with nobody within 50 km, a filter that one in a
//! thousand passes, 20,000 drivers on one point.

use criterion::Criterion;
use hansom::bench::fleet::Rng;
use hansom::geo::LatLng;
use hansom::index::LiveMap;
use hansom::model::{Attributes, Filter};

use crate::drivers;
use crate::fleet::{CITIES, Fleet, at, country, offset};
use crate::nearest::{ask, question};

/// A position of the stadium: nearly all within 500 m.
fn stadium(rng: &mut Rng) -> LatLng {
    let spread = if rng.below(6) == 0 { 400_000.0 } else { 500.0 };
    let middle = at(51.556, -0.2796);
    offset(middle, (rng.unit() - 0.5) * spread, (rng.unit() - 0.5) * spread)
}

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("hostile");
    let mut fleet = Fleet::new(drivers() / 8, stadium);
    let index = fleet.index.clone();
    ask(&mut group, "stadium", &*index, &mut fleet, |fleet| {
        question(fleet.somewhere(), 10, 5_000, Filter::ANY)
    });

    let mut fleet = Fleet::new(drivers(), country);
    let index = fleet.index.clone();
    ask(&mut group, "nobody within 50 km", &*index, &mut fleet, |fleet| {
        let (lat, lng) = CITIES[fleet.rng.below(20) as usize];
        let angle = fleet.rng.unit() * std::f64::consts::TAU;
        let (north, east) = (100_000.0 * angle.cos(), 100_000.0 * angle.sin());
        question(offset(at(lat, lng), north, east), 10, 50_000, Filter::ANY)
    });
    let rare = Attributes::try_from(1).expect("one attribute");
    for &key in fleet.keys.iter().step_by(1_000) {
        let driver = index.driver(fleet.now, key).expect("known");
        let profile = hansom::model::Profile { attributes: rare, ..driver.profile };
        assert!(index.set_profile(key, profile));
    }
    ask(&mut group, "filter 0.1 %", &*index, &mut fleet, |fleet| {
        let filter = Filter { attributes: rare, ..Filter::ANY };
        question(fleet.somewhere(), 10, 50_000, filter)
    });

    let mut fleet = Fleet::new(20_000, |_| at(10.0, 10.0));
    let index = fleet.index.clone();
    group.sample_size(10);
    ask(&mut group, "20,000 on one point", &*index, &mut fleet, |_| {
        question(at(10.0, 10.0), 10, 5_000, Filter::ANY)
    });
    group.finish();
}
