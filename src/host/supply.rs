//! The live map as the core's supply, with the clock that the core lacks: a batch that takes too
//! long is told to stop.

use std::time::{Duration, Instant};

use crate::clock;
use crate::dispatch::{LiveSupply, Nearby, Pace, Search, Spent, Supply, Whereabouts};
use crate::ids::DriverId;
use crate::index::LiveMap;
use crate::limits;
use crate::units::Timestamp;

/// The supply of one command.
pub(super) struct HostSupply<'a> {
    live: LiveSupply<'a>,
    begun: Instant,
}

impl<'a> HostSupply<'a> {
    pub(super) fn new(map: &'a dyn LiveMap, now: Timestamp) -> Self {
        Self { live: LiveSupply::new(map, now), begun: clock::stopwatch() }
    }
}

impl Supply for HostSupply<'_> {
    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        self.live.near(search, want, found);
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        self.live.whereabouts(driver)
    }

    fn pace(&mut self, _spent: Spent) -> Pace {
        let budget = Duration::from_millis(limits::MATCH_BUDGET_MS);
        if self.begun.elapsed() < budget { Pace::GoOn } else { Pace::Stop }
    }
}
