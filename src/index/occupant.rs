//! What is known of one driver, asked by key or by slot.

use super::live::LiveIndex;
use super::meta::Meta;
use super::record::{self, Place};
use super::{Changes, Driver, Fix, widen};
use crate::ids::DriverId;
use crate::model::DriverKey;
use crate::sync::{Ordering, fence};
use crate::units::Timestamp;

/// Who has a slot, and all that is known of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occupant {
    /// The driver's key.
    pub key: DriverKey,
    /// The driver's name.
    pub id: DriverId,
    /// What is known.
    pub driver: Driver,
    /// The region of the last position, an H3 cell index; `None` as long as there is none.
    pub region: Option<u64>,
}

impl LiveIndex {
    /// Who has changed since they were last taken, if that is noted.
    pub const fn changes(&self) -> Option<&Changes> {
        self.changes.as_ref()
    }

    /// How many slots were ever in use: those that changes can be noted of.
    pub fn slots(&self) -> u32 {
        self.slots.lock().ever().end
    }

    /// Who has a slot; `None` if nobody has, or not any more.
    pub fn occupant(&self, now: Timestamp, slot: u32) -> Option<Occupant> {
        let (generation, _) = self.store.record_at(slot).place();
        let key = record::key(slot, generation);
        let (driver, region) = self.look(self.present(now), key)?;
        Some(Occupant { key, id: self.names.id(key)?, driver, region })
    }

    /// The slot of a driver.
    pub fn slot_of(&self, driver: DriverKey) -> u32 {
        record::slot(driver)
    }

    /// What is known of a driver, and the region of its position.
    pub(super) fn look(&self, now: Timestamp, driver: DriverKey) -> Option<(Driver, Option<u64>)> {
        let record = self.store.record(driver);
        loop {
            match record.place_of(driver)? {
                Place::Free => return None,
                Place::Waiting { .. } => {
                    let meta = Meta::from_bits(record.waiting_meta());
                    // Still waiting, so that the word read was the meta.
                    fence(Ordering::Acquire);
                    if matches!(record.place_of(driver), Some(Place::Waiting { .. })) {
                        let (status, profile) = (meta.status(), meta.profile());
                        return Some((Driver { fix: None, status, profile }, None));
                    }
                }
                Place::In { bucket, lane } => {
                    let bucket = self.store.bucket(bucket);
                    let stamp = bucket.version.begin();
                    let (lane, motion) = (bucket.lane(usize::from(lane)), record.motion());
                    let region = bucket.region();
                    if bucket.version.unchanged(stamp) && lane.key() == driver {
                        let meta = Meta { first: lane.first(), second: lane.second() };
                        let (position, at) = (lane.bam().lat_lng(), widen(now, lane.at()));
                        let driver = Driver {
                            fix: Some(Fix { position, at, motion }),
                            status: meta.status(),
                            profile: meta.profile(),
                        };
                        return Some((driver, Some(self.store.regions.get(region).cell.into())));
                    }
                }
            }
        }
    }
}
