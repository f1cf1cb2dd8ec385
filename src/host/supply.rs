//! The live map as the core's supply, with the clock that the core lacks: a batch that takes too
//! long is told to stop.

use std::time::{Duration, Instant};

use crate::clock;
use crate::dispatch::{LiveSupply, Nearby, Pace, Search, Spent, Supply, Whereabouts};
use crate::geo::LatLng;
use crate::ids::DriverId;
use crate::index::LiveMap;
use crate::limits;
use crate::units::{Meters, Millis, Timestamp};

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
    fn expect(&mut self, pickups: &[LatLng], radius: Meters) {
        self.live.expect(pickups, radius);
    }

    fn near(&mut self, search: &mut Search, want: usize, found: &mut Vec<Nearby>) {
        self.live.near(search, want, found);
    }

    fn whereabouts(&mut self, driver: &DriverId) -> Option<Whereabouts> {
        self.live.whereabouts(driver)
    }

    fn worth(&mut self, dropoff: LatLng) -> Millis {
        self.live.worth(dropoff)
    }

    fn pace(&mut self, _spent: Spent) -> Pace {
        let budget = Duration::from_millis(limits::MATCH_BUDGET_MS);
        if self.begun.elapsed() < budget { Pace::GoOn } else { Pace::Stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::E7;
    use crate::index::{IndexConfig, ScanIndex};

    #[test]
    fn what_is_expected_is_passed_on() {
        let map = ScanIndex::new(IndexConfig::default());
        let mut supply = HostSupply::new(&map, Timestamp::from_secs(1_700_000_000));
        let pickup = LatLng::try_from(E7 { lat: 0, lng: 0 }).unwrap();
        supply.expect(&[pickup; 20], Meters::whole(4_000));
        assert_eq!(supply.live.listed(), (Some(0), None));
    }
}
