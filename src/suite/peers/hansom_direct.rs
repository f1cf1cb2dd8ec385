//! This program's own index, called in process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::fleet_time::{BEGINNING, FleetTime};
use crate::geo::LatLng;
use crate::ids::DriverId;
use crate::index::{Answer, BatchOutcome, IndexConfig, LiveIndex, LiveMap as _};
use crate::model::{
    DriverKey, Filter, K, Motion, Nearest, Profile, Report, StatusSet, VehicleTypes,
};
use crate::suite::system::{
    About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble, name,
};
use crate::suite::workload::{Ask, Move, Passing, World, class};
use crate::units::{Meters, Millis};

/// Reports that are applied together.
const BATCH: usize = 1_024;

/// The index, and the key of its first driver: those of the others follow it.
struct Drivers {
    index: LiveIndex,
    first: u32,
    count: u64,
    time: FleetTime,
    rejected: AtomicU64,
}

/// The index.
pub(super) struct HansomDirect {
    drivers: Option<Arc<Drivers>>,
}

impl HansomDirect {
    /// Without drivers.
    pub(super) const fn start() -> Self {
        Self { drivers: None }
    }
}

struct Caller {
    drivers: Arc<Drivers>,
    reports: Vec<Report>,
    outcome: BatchOutcome,
    answer: Answer,
    found: Vec<Found>,
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

impl System for HansomDirect {
    fn about(&self) -> About {
        About {
            name: "hansom-direct",
            version: env!("CARGO_PKG_VERSION").to_owned(),
            access: "in process",
            usage: "LiveIndex: batches of 1,024 reports; an Answer that is reused",
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn questions(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn filters(&self) -> Filters {
        Filters::Can
    }

    fn rounding(&self) -> Rounding {
        Rounding::EXACT
    }

    fn most_drivers(&self) -> u32 {
        10_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        self.drivers = None;
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
        let drivers = Drivers { index, first, count, time, rejected: AtomicU64::new(0) };
        self.drivers = Some(Arc::new(drivers));
        let all = (0..).zip(&world.positions).map(|(driver, &to)| Move { driver, to });
        let all: Vec<Move> = all.collect();
        self.client(None, None)?.update(Call::Direct, &all)
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        let drivers = self.drivers.clone();
        Ok(Box::new(Caller {
            drivers: drivers.ok_or_else(|| Trouble::Failed("it is not loaded".to_owned()))?,
            reports: Vec::with_capacity(BATCH),
            outcome: BatchOutcome::default(),
            answer: Answer::default(),
            found: Vec::new(),
        }))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(None)
    }
}

impl Client for Caller {
    fn update(&mut self, _: Call, moves: &[Move]) -> Result<(), Trouble> {
        let Drivers { index, first, count, time, rejected } = &*self.drivers;
        for batch in moves.chunks(BATCH) {
            let now = time.pass(batch.len());
            self.reports.clear();
            self.reports.extend(batch.iter().map(|m| Report {
                driver: DriverKey(first + m.driver),
                position: m.to,
                at: now,
                motion: Motion::default(),
                status: None,
            }));
            self.outcome.clear();
            index.apply(now, &self.reports, &mut self.outcome);
            rejected.fetch_add(self.outcome.rejected.len() as u64, Ordering::Relaxed);
        }
        let rejected = rejected.load(Ordering::Relaxed);
        if rejected > count / 10 + 1_000 {
            return Err(Trouble::Failed(format!("{rejected} reports were rejected")));
        }
        Ok(())
    }

    fn ask(
        &mut self,
        _: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        let Drivers { index, first, time, .. } = &*self.drivers;
        let vehicle_types = VehicleTypes::from_bits(types_for(ask.passing));
        let mut question = Nearest {
            center: LatLng::try_from(crate::geo::E7 { lat: 0, lng: 0 }).map_err(Trouble::failed)?,
            k: K::try_from(u64::from(ask.k)).map_err(Trouble::failed)?,
            radius: Meters::whole(ask.radius_m),
            filter: Filter { statuses: StatusSet::AVAILABLE, vehicle_types, ..Filter::ANY },
        };
        let now = time.now();
        for (i, &place) in places.iter().enumerate() {
            question.center = place;
            index.nearest(now, &question, &mut self.answer);
            self.found.clear();
            self.found.extend(self.answer.hits.iter().map(|hit| Found {
                driver: hit.driver.to_bits() - first,
                distance_m: hit.distance.meters(),
            }));
            sink(i, &self.found);
        }
        Ok(())
    }
}
