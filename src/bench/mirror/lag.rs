//! How far Redis is behind: reports are followed until Redis has them or later ones.
//!
//! Measured from outside, with a look at Redis each 50 ms: what the mirror says of itself is not
//! believed. A driver whose entry goes is one who crossed into another region, and not counted.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::load::Sampled;
use crate::bench::fleet::Fleet;
use crate::bench::stage::{BenchError, nanos};
use crate::clock;
use crate::ids::DriverId;
use crate::mirror::CopyReader;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(50);

/// Whoever is not there after so long is given up, and counts with that.
const GIVEN_UP: Duration = Duration::from_mins(1);

/// Followed at once at most.
const FOLLOWED: usize = 4_096;

/// What was found out.
#[derive(Debug)]
pub(super) struct Lags {
    /// From sending to being in Redis.
    pub(super) nanos: Histogram<u64>,
    /// Drivers who crossed into another region meanwhile.
    pub(super) moved_away: u64,
    /// Drivers who were not there after a minute.
    pub(super) given_up: u64,
}

struct Follow {
    sampled: Sampled,
    id: DriverId,
    was_there: bool,
}

/// Follows samples that are sent until `over`, and those then under way to their end.
///
/// # Errors
/// [`BenchError::Copy`] if Redis fails.
pub(super) async fn follow(
    reader: &CopyReader,
    samples: &mut mpsc::Receiver<Sampled>,
    over: Duration,
) -> Result<Lags, BenchError> {
    // What was sampled before this is not measured.
    while samples.try_recv().is_ok() {}
    let mut lags = Lags { nanos: nanos(), moved_away: 0, given_up: 0 };
    let mut under_way: Vec<Follow> = Vec::new();
    let begun = clock::stopwatch();
    let mut pace = tokio::time::interval(LOOK);
    loop {
        pace.tick().await;
        let more = begun.elapsed() < over;
        while more && under_way.len() < FOLLOWED {
            match samples.try_recv() {
                Ok(sampled) => {
                    if let Ok(id) = Fleet::name(sampled.driver).parse() {
                        under_way.push(Follow { sampled, id, was_there: false });
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        if under_way.is_empty() && !more {
            return Ok(lags);
        }
        look(reader, &mut under_way, &mut lags).await?;
    }
}

async fn look(
    reader: &CopyReader,
    under_way: &mut Vec<Follow>,
    lags: &mut Lags,
) -> Result<(), BenchError> {
    let asked = under_way.iter().map(|follow| (follow.sampled.region, follow.id));
    let mut entries = reader.entries(asked).await?.into_iter();
    under_way.retain_mut(|follow| {
        let took = follow.sampled.sent.elapsed();
        let keep = match entries.next().flatten() {
            Some(entry) if entry.at >= follow.sampled.at => {
                lags.record(took);
                false
            }
            Some(_) => {
                follow.was_there = true;
                true
            }
            None if follow.was_there => {
                lags.moved_away += 1;
                false
            }
            None => true,
        };
        if keep && took > GIVEN_UP {
            lags.given_up += 1;
            lags.record(took);
        }
        keep && took <= GIVEN_UP
    });
    Ok(())
}

impl Lags {
    fn record(&mut self, took: Duration) {
        self.nanos.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }
}
