//! A market in the measured server: riders who ask, drivers who are asked, and a process that stands by.
//!
//! Without a standby nothing would be shown: who knows of none goes on alone. With one the market goes on
//! while Redis is gone as long as that one promises, asked directly, not to take over.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tempfile::TempDir;

use super::{MirrorOptions, Scene};
use crate::bench::dispatch::{Beside, DispatchOptions};
use crate::bench::process::ServeProcess;
use crate::bench::scrape::{self, Page};
use crate::bench::stage::BenchError;
use crate::clock;

/// The lease of the market.
const LEASE: Duration = Duration::from_secs(5);

/// How long the market may take to begin: a lease, where Redis knows nothing of it, and what a busy
/// machine adds.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(100);

/// How long trips take on average, from the offer to the end: few are under way at a time.
const TRIP: Duration = Duration::from_secs(15);

/// How many riders watch their trips, and how many offers are declined, in thousandths.
const WATCHING_AND_DECLINING: (u32, u32) = (100, 50);

/// The market under load.
pub(super) struct Market {
    riders: Beside,
    /// Ends with this.
    _standby: ServeProcess,
}

/// What an outage did to the market.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Matching {
    /// Offers accepted a second before it.
    pub before_per_s: f64,
    /// Meanwhile.
    pub during_per_s: f64,
    /// The one, of the other.
    pub ratio: f64,
    /// Requests and commands of drivers that were refused meanwhile.
    pub refused: u64,
    /// Events that waited for Redis when it came back.
    pub backlog_events: f64,
    /// Open trips that differed in Redis some time after its return.
    pub trips_differ: u64,
}

/// A folder for journals.
pub(super) fn folder() -> Result<TempDir, BenchError> {
    let folder = tempfile::Builder::new().prefix("hansom-bench-").tempdir();
    folder.map_err(|error| BenchError::Process {
        program: "a folder for journals".to_owned(),
        cause: error.to_string(),
    })
}

/// The flags of a process that runs the market, or waits for it, with its journal in a folder.
pub(super) fn flags(journal: &Path) -> [String; 4] {
    let lease = format!("{}s", LEASE.as_secs());
    ["--market-lease".to_owned(), lease, "--journal".to_owned(), journal.display().to_string()]
}

impl Market {
    /// Waits until the measured server runs its market and has a standby, and lets riders ask.
    pub(super) async fn start(scene: &Scene) -> Result<Self, BenchError> {
        until(scene, "the market does not begin", |page| {
            page.value("hansom_lease_held").is_some_and(|held| held > 0.5)
        })
        .await?;
        let MirrorOptions { drivers, every, requests, seed, .. } = scene.options;
        let journal = scene.folder.path().join("standby");
        let standby = super::serve(&scene.options, Some(&scene.redis.url()), Some(&journal))?;
        // By then it has looked for the lease, and a renewal has told the holder of it.
        tokio::time::sleep(LEASE).await;
        let riders = Beside::start(DispatchOptions {
            target: scene.target(),
            http: None,
            drivers,
            every,
            requests,
            warm_up: Duration::ZERO,
            seconds: 0.0,
            trip: TRIP,
            watching_permille: WATCHING_AND_DECLINING.0,
            declined_permille: WATCHING_AND_DECLINING.1,
            seed,
        })?;
        let market = Self { riders, _standby: standby };
        until(scene, "no driver accepts an offer", |page| accepted(page) > 0.0).await?;
        Ok(market)
    }

    pub(super) fn refused(&self) -> u64 {
        self.riders.refused()
    }

    /// Nobody asks any more, and nobody stands by.
    pub(super) fn end(self) -> Result<(), BenchError> {
        self.riders.end()
    }
}

/// Offers accepted so far.
pub(super) fn accepted(page: &Page) -> f64 {
    page.value("hansom_trip_events_total{kind=\"offer_accepted\"}").unwrap_or_default()
}

async fn until(
    scene: &Scene,
    otherwise: &str,
    holds: impl Fn(&Page) -> bool,
) -> Result<(), BenchError> {
    let begun = clock::stopwatch();
    while !holds(&scrape::look(scene.server.http).await?) {
        if begun.elapsed() > PATIENCE {
            let cause = format!("{otherwise} within {PATIENCE:?}");
            return Err(BenchError::Process { program: "the measured server".to_owned(), cause });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
