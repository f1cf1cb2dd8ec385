//! A warm start: the map learns from Redis who was where, before anything is written there.
//!
//! What Redis says is judged as any report: by device time, so that whoever has reported
//! meanwhile stays where they are, and whoever was forgotten long ago stays so.

use super::Courier;
use crate::ids::DriverId;
use crate::index::{BatchOutcome, LiveMap as _, region_of};
use crate::mirror::entry::{Entry, id_of};
use crate::mirror::read::{self, Piece, Row};
use crate::mirror::shadow::Held;
use crate::mirror::verdict::LinkError;
use crate::model::{DriverKey, Report};
use crate::units::Timestamp;

/// Regions of which a page is read together.
const TOGETHER: usize = 16;

/// What is known of somebody before the report is applied.
struct Newcomer {
    id: DriverId,
    key: DriverKey,
    entry: Entry,
}

impl Courier {
    /// Reads all that Redis has.
    pub(super) async fn warm_up(&mut self) -> Result<(), LinkError> {
        let begun = crate::clock::stopwatch();
        let mut waiting = read::regions(&*self.carrier.link).await?;
        let mut pieces = Vec::new();
        let mut warmed = 0;
        while !(waiting.is_empty() && pieces.is_empty()) {
            let room = TOGETHER.saturating_sub(pieces.len()).min(waiting.len());
            pieces.extend(waiting.drain(..room).map(Piece::first));
            let (rows, refused) =
                read::pages_of(&*self.carrier.link, &self.carrier.scripts.page, &mut pieces)
                    .await?;
            // What somebody else has put there says nothing of anybody. All else may pass.
            if let Some(error) = refused.values().find(|error| !error.has_code("WRONGTYPE")) {
                return Err(error.clone());
            }
            self.carrier.tell(&refused);
            let count = self.admit(self.clock.now(), &rows);
            self.carrier.metrics.warmed.increment(count);
            warmed += count;
        }
        let took = begun.elapsed();
        tracing::info!(drivers = warmed, ?took, "the map knows what redis knew");
        Ok(())
    }

    /// Puts rows on the map; how many were news there.
    fn admit(&mut self, now: Timestamp, rows: &[Row]) -> u64 {
        let newcomers: Vec<Newcomer> =
            rows.iter().filter_map(|row| self.newcomer(now, row)).collect();
        let reports: Vec<Report> = newcomers
            .iter()
            .map(|Newcomer { key, entry, .. }| Report {
                driver: *key,
                position: entry.position,
                at: entry.at,
                motion: entry.motion,
                status: None,
            })
            .collect();
        let mut outcome = BatchOutcome::default();
        self.map.apply(now, &reports, &mut outcome);
        let mut rejected = outcome.rejected.iter().map(|&(i, _)| i).peekable();
        for (i, Newcomer { id, key, entry }) in (0_u32..).zip(newcomers) {
            if rejected.next_if_eq(&i).is_none() {
                let region = region_of(entry.position);
                self.shadow.set(self.map.slot_of(key), Some(&Held { id, region, entry }));
            }
        }
        outcome.applied
    }

    fn newcomer(&self, now: Timestamp, (id, line): &Row) -> Option<Newcomer> {
        let id = id_of(id)?;
        let entry = Entry::parse(str::from_utf8(line).ok()?)?;
        if now.since(entry.at) >= self.map.config().forget_after {
            return None;
        }
        if let Some(key) = self.map.find(&id) {
            // Its profile and status are what its gateway has said since.
            return Some(Newcomer { id, key, entry });
        }
        let key = self.map.bind(now, &id).ok()?;
        self.map.set_profile(key, entry.profile);
        self.map.set_status(key, (self.status)(&id, entry.status));
        Some(Newcomer { id, key, entry })
    }
}
