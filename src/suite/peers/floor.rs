//! What the memory of this machine allows: an update that touches as many cache lines as that of
//! a driver who stays nearby must touch in an index that can be searched, and does nothing else.
//!
//! Those are four: the driver's record, by its number; and where the record says, the bounds of
//! its neighbourhood, its coordinates and its time. They are asked for some moves ahead, so that
//! waits overlap.

use parking_lot::RwLock;

use super::in_process::Library;
use crate::geo::LatLng;
use crate::index::prefetch;
use crate::suite::system::{Call, Filters, Found, Rounding, Trouble};
use crate::suite::workload::{Ask, Move, World};

/// A cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Line(u64);

/// Another: where a driver's lines are, and how often it moved.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Record {
    place: u32,
    moves: u64,
}

#[derive(Debug, Default)]
struct Table {
    records: Vec<Record>,
    bounds: Vec<Line>,
    coordinates: Vec<Line>,
    times: Vec<Line>,
}

/// How many moves ahead the table is asked for, and half as many the record.
const AHEAD: usize = 24;

/// The floor.
#[derive(Debug)]
pub(super) struct Floor(RwLock<Table>);

impl Library for Floor {
    const NAME: &'static str = "floor";
    const USAGE: &'static str = "four random cache lines an update, prefetched: record, bounds, \
                                 coordinates, time; nothing can be searched";
    const FILTERS: Filters = Filters::Cannot;
    const ROUNDING: Rounding = Rounding::EXACT;
    const QUESTIONS: &'static [Call] = &[];

    type Scratch = ();

    fn version() -> String {
        String::new()
    }

    fn load(world: &World) -> Result<Self, Trouble> {
        let drivers = world.drivers();
        // A multiplier without common factors scatters the records.
        let scatter = |i: u32| {
            let place = u64::from(i) * 2_654_435_761 % u64::from(drivers.max(1));
            u32::try_from(place).unwrap_or_default()
        };
        let mut places: Vec<u32> = (0..drivers).collect();
        for i in 0..drivers {
            places.swap(i as usize, scatter(i) as usize);
        }
        let count = places.len();
        let lines = || vec![Line::default(); count];
        let records = places.into_iter().map(|place| Record { place, moves: 0 }).collect();
        let (bounds, coordinates, times) = (lines(), lines(), lines());
        Ok(Self(RwLock::new(Table { records, bounds, coordinates, times })))
    }

    fn update(&self, (): &mut (), moves: &[Move]) -> Result<(), Trouble> {
        let mut table = self.0.write();
        let Table { records, bounds, coordinates, times } = &mut *table;
        for (i, m) in moves.iter().enumerate() {
            if let Some(later) = moves.get(i + AHEAD) {
                prefetch(&records[later.driver as usize]);
            }
            if let Some(soon) = moves.get(i + AHEAD / 2) {
                let place = records[soon.driver as usize].place as usize;
                prefetch(&bounds[place]);
                prefetch(&coordinates[place]);
                prefetch(&times[place]);
            }
            let record = &mut records[m.driver as usize];
            record.moves += 1;
            let place = record.place as usize;
            let at = u64::from(m.to.lat_e7().cast_unsigned()) << 32
                | u64::from(m.to.lng_e7().cast_unsigned());
            coordinates[place].0 = at ^ bounds[place].0;
            times[place].0 = record.moves;
        }
        Ok(())
    }

    fn nearest(&self, (): &mut (), _: &Ask, _: LatLng, _: &mut Vec<Found>) -> Result<(), Trouble> {
        Err(Trouble::Failed("nothing can be searched here".to_owned()))
    }
}
