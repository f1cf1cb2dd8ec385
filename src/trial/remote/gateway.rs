//! The positions of the fleet, on one bulk stream.

use std::collections::BTreeSet;

use crate::api::proto::{DriverStatus, HandleBinding, Profile, ReportBatch};
use crate::client::{ClientError, Ingestor, Totals, connect};
use crate::clock::wall_now;
use crate::geo::LatLng;
use crate::limits;
use crate::model::Capacity;

/// Rows in a batch, and drivers in a message of bindings.
const ROWS: usize = 1_024;

/// The name of a driver in this run.
pub(super) fn name(tag: &str, cab: u32) -> String {
    format!("{tag}-cab-{:07}", u64::from(cab) + 1)
}

/// The driver of this name, if it is one of this run.
pub(super) fn number(tag: &str, name: &str) -> Option<u32> {
    let number = name.strip_prefix(tag)?.strip_prefix("-cab-")?.parse::<u32>().ok()?;
    number.checked_sub(1)
}

/// A gateway.
pub(super) struct Gateway {
    ingestor: Ingestor,
    /// What is to be sent.
    noted: Vec<(u32, LatLng)>,
    /// Of them, those who come to work.
    online: BTreeSet<u32>,
    /// The device time of the last batch, in milliseconds since 1970.
    last_ms: i64,
}

impl Gateway {
    /// Opens the stream and makes each driver known, at no place yet.
    pub(super) async fn open(
        target: &str,
        tag: &str,
        cabs: u32,
        seats: impl Fn(u32) -> Capacity,
    ) -> Result<Self, ClientError> {
        let window = limits::MAX_UNACKED_MESSAGES;
        let mut ingestor = Ingestor::open(connect(target).await?, window).await?;
        let all: Vec<u32> = (0..cabs).collect();
        for part in all.chunks(ROWS) {
            let bind = |&cab: &u32| HandleBinding {
                handle: cab,
                driver_id: name(tag, cab),
                profile: Some(Profile {
                    capacity: Some(seats(cab).get().into()),
                    ..Profile::default()
                }),
                status: DriverStatus::Offline.into(),
            };
            ingestor.bind(part.iter().map(bind).collect()).await?;
        }
        ingestor.settle().await?;
        Ok(Self { ingestor, noted: Vec::new(), online: BTreeSet::new(), last_ms: 0 })
    }

    /// A driver says where the cab is; it is sent with the next [`Self::send`].
    pub(super) fn note(&mut self, cab: u32, place: LatLng) {
        self.noted.push((cab, place));
    }

    /// A driver comes to work, and says so with the next place.
    pub(super) fn online(&mut self, cab: u32) {
        self.online.insert(cab);
    }

    /// Sends what was noted.
    pub(super) async fn send(&mut self) -> Result<(), ClientError> {
        let mut noted = std::mem::take(&mut self.noted);
        for part in noted.chunks(ROWS) {
            let free = |cab: u32, online: &mut BTreeSet<u32>| {
                let comes = online.remove(&cab);
                if comes { DriverStatus::Available } else { DriverStatus::Unspecified }
            };
            let status = part.iter().map(|(cab, _)| free(*cab, &mut self.online).into()).collect();
            self.batch(part, status).await?;
        }
        noted.clear();
        self.noted = noted;
        Ok(())
    }

    async fn batch(&mut self, rows: &[(u32, LatLng)], status: Vec<i32>) -> Result<(), ClientError> {
        // A driver who speaks twice within a millisecond has moved in between.
        self.last_ms = wall_now().as_millis().max(self.last_ms + 1);
        let batch = ReportBatch {
            handle: rows.iter().map(|(cab, _)| *cab).collect(),
            lat_e7: rows.iter().map(|(_, place)| place.lat_e7()).collect(),
            lng_e7: rows.iter().map(|(_, place)| place.lng_e7()).collect(),
            base_device_time_ms: self.last_ms,
            status,
            ..ReportBatch::default()
        };
        self.ingestor.report(batch).await.map(drop)
    }

    /// Says that whoever has no trip has left, and closes the stream.
    pub(super) async fn close(mut self, places: Vec<LatLng>) -> Result<Totals, ClientError> {
        self.ingestor.settle().await?;
        let totals = self.ingestor.totals().clone();
        let all: Vec<(u32, LatLng)> = (0..).zip(places).collect();
        for part in all.chunks(ROWS) {
            self.batch(part, vec![DriverStatus::Offline.into(); part.len()]).await?;
        }
        self.ingestor.finish().await?;
        Ok(totals)
    }
}
