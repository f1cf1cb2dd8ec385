//! This program's own index, called in process.

use std::sync::atomic::{AtomicU64, Ordering};

use super::fleet_time::{BEGINNING, FleetTime};
use super::in_process::Library;
use crate::geo::LatLng;
use crate::ids::DriverId;
use crate::index::{Answer, BatchOutcome, IndexConfig, LiveIndex, LiveMap as _};
use crate::model::{
    DriverKey, Filter, K, Motion, Nearest, Profile, Report, StatusSet, VehicleTypes,
};
use crate::suite::system::{Filters, Found, Rounding, Trouble, name};
use crate::suite::workload::{Ask, Move, Passing, World, class};
use crate::units::{Meters, Millis};

/// Reports that are applied together.
const BATCH: usize = 1_024;

/// The index, and the key of its first driver: those of the others follow it.
pub(super) struct HansomDirect {
    index: LiveIndex,
    first: u32,
    count: u64,
    time: FleetTime,
    rejected: AtomicU64,
}

/// What a caller reuses.
#[derive(Default)]
pub(super) struct Scratch {
    reports: Vec<Report>,
    outcome: BatchOutcome,
    answer: Answer,
}

/// The vehicle types of a driver, by which the filters of the suite pass it or not.
pub(super) fn types_of(driver: u32) -> u16 {
    let passes = |passing: Passing| class(driver) < passing.percent();
    1 | u16::from(passes(Passing::Thirty)) << 1 | u16::from(passes(Passing::One)) << 2
}

/// The vehicle types that a filter of the suite asks for.
pub(super) const fn types_for(passing: Passing) -> u16 {
    match passing {
        Passing::All => 0,
        Passing::Thirty => 0b010,
        Passing::One => 0b100,
    }
}

impl Library for HansomDirect {
    const NAME: &'static str = "hansom-direct";
    const USAGE: &'static str = "LiveIndex: batches of 1,024 reports; an Answer that is reused";
    const FILTERS: Filters = Filters::Can;
    const ROUNDING: Rounding = Rounding::EXACT;
    const MOST_DRIVERS: u32 = 10_000_000;

    type Scratch = Scratch;

    fn version() -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn load(world: &World) -> Result<Self, Trouble> {
        let days = Millis::from_secs(6 * 86_400);
        let config =
            IndexConfig { stale_after: days, forget_after: days, ..IndexConfig::default() };
        let (index, time) = (LiveIndex::new(config, 1), FleetTime::new(world.drivers()));
        let mut keys = Vec::with_capacity(world.positions.len());
        for driver in 0..world.drivers() {
            let id = name(driver);
            let id: DriverId = str::from_utf8(&id)
                .ok()
                .and_then(|id| id.parse().ok())
                .expect("letters and digits");
            let key = index.bind(BEGINNING, &id).map_err(Trouble::failed)?;
            let vehicle_types = VehicleTypes::from_bits(types_of(driver));
            index.set_profile(key, Profile { vehicle_types, ..Profile::default() });
            keys.push(key);
        }
        // Callers keep the keys of their drivers; here a sum does, instead of a table.
        let dense = (0..).zip(&keys).all(|(i, key)| key.to_bits() == keys[0].to_bits() + i);
        if !dense {
            return Err(Trouble::Failed("the keys of a new index are not dense".to_owned()));
        }
        let (first, count) = (keys.first().map_or(0, |key| key.to_bits()), keys.len() as u64);
        let drivers = Self { index, first, count, time, rejected: AtomicU64::new(0) };
        let all = (0..).zip(&world.positions).map(|(driver, &to)| Move { driver, to });
        let all: Vec<Move> = all.collect();
        drivers.update(&mut Scratch::default(), &all)?;
        Ok(drivers)
    }

    fn update(&self, scratch: &mut Scratch, moves: &[Move]) -> Result<(), Trouble> {
        let Scratch { reports, outcome, .. } = scratch;
        for batch in moves.chunks(BATCH) {
            let span = self.time.pass(batch.len());
            let now = span.end();
            reports.clear();
            reports.extend(batch.iter().enumerate().map(|(i, m)| Report {
                driver: DriverKey(self.first + m.driver),
                position: m.to,
                at: now.minus(Millis(span.before_end_ms(i).into())),
                motion: Motion::default(),
                status: None,
            }));
            outcome.clear();
            self.index.apply(now, reports, outcome);
            self.rejected.fetch_add(outcome.rejected.len() as u64, Ordering::Relaxed);
        }
        let rejected = self.rejected.load(Ordering::Relaxed);
        if rejected > self.count / 10 + 1_000 {
            return Err(Trouble::Failed(format!("{rejected} reports were rejected")));
        }
        Ok(())
    }

    fn nearest(
        &self,
        scratch: &mut Scratch,
        ask: &Ask,
        place: LatLng,
        found: &mut Vec<Found>,
    ) -> Result<(), Trouble> {
        let vehicle_types = VehicleTypes::from_bits(types_for(ask.passing));
        let question = Nearest {
            center: place,
            k: K::try_from(u64::from(ask.k)).map_err(Trouble::failed)?,
            radius: Meters::whole(ask.radius_m),
            filter: Filter { statuses: StatusSet::AVAILABLE, vehicle_types, ..Filter::ANY },
        };
        self.index.nearest(self.time.now(), &question, &mut scratch.answer);
        found.extend(scratch.answer.hits.iter().map(|hit| Found {
            driver: hit.driver.to_bits() - self.first,
            distance_m: hit.distance.meters(),
        }));
        Ok(())
    }
}
