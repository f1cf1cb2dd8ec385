//! A whole market under load: a fleet that reports, riders who ask, drivers who are asked and drive.
//!
//! The server is a process of its own, or one that runs elsewhere; this is all of its clients, on one
//! thread: a gateway that sends the positions of all drivers in columns and is told on one
//! `ConnectFleet` what concerns them ([`gateway`], [`apps`]), and riders who ask by unary calls and
//! watch their trips ([`riders`]). Everything is due at a moment of its own and does not wait for
//! answers; latencies count from that moment. What the server says of itself comes from its `/metrics`
//! ([`samples`]).
//!
//! Trips are short, so that as many end as begin: an answer after 1 to 5 s, 5 to 15 s to the pickup,
//! 2 to 8 s to board, 10 to 30 s to ride, all of it scaled to the mean that is asked for; positions
//! wander and do not follow the trips.

mod apps;
mod beside;
mod gateway;
mod ledger;
mod report;
mod riders;
mod samples;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

pub(super) use self::beside::Beside;
use self::ledger::Ledger;
use self::report::Ending;
pub use self::report::{DispatchReport, Missed, Sample, Spread, Work};
use super::fleet::Fleet;
use super::stage::BenchError;
use super::stalls::Stalls;
use crate::client::{attend, connect};
use crate::clock;

/// How a market is loaded.
#[derive(Clone, Debug)]
pub struct DispatchOptions {
    /// Where the server is, as in `http://127.0.0.1:7400`. It knows nobody, and hosts a market.
    pub target: String,
    /// Where its metrics are, if they can be read.
    pub http: Option<SocketAddr>,
    /// Drivers.
    pub drivers: u32,
    /// How often each reports.
    pub every: Duration,
    /// Requests a second.
    pub requests: f64,
    /// How long it is loaded before it is measured, so that trips end at the rate at which they begin.
    pub warm_up: Duration,
    /// How long it is measured.
    pub seconds: f64,
    /// How long trips take on average, from the offer to the end.
    pub trip: Duration,
    /// How many riders watch their trips, in thousandths.
    pub watching_permille: u32,
    /// How many offers are declined, in thousandths.
    pub declined_permille: u32,
    /// What all draws depend on.
    pub seed: u64,
}

/// How often the server is looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(30);

/// How long trips take on average if it is not said otherwise.
const USUAL_TRIP: Duration = Duration::from_secs(38);

/// How long trips may take to end once nobody asks any more: the longest usual one takes a minute.
const SETTLE: Duration = Duration::from_secs(90);

/// How long who waits for a driver may still find one once nobody asks any more.
const LAST_OFFERS: Duration = Duration::from_secs(10);

/// What all parts of the load share.
struct Scene {
    options: DispatchOptions,
    began: Instant,
    /// From when on is measured.
    from: Instant,
    /// Until when.
    until: Instant,
    ledger: Mutex<Ledger>,
}

impl Scene {
    /// How much longer everything of a trip takes than usual.
    fn scale(&self) -> f64 {
        self.options.trip.as_secs_f64() / USUAL_TRIP.as_secs_f64()
    }

    /// Whether what was due then counts.
    fn counts(&self, due: Instant) -> bool {
        (self.from..self.until).contains(&due)
    }
}

/// Loads a market and measures.
///
/// # Errors
/// [`BenchError`] if the server cannot be reached, or ends a stream.
pub fn dispatch(options: &DispatchOptions) -> Result<DispatchReport, BenchError> {
    let stalls = Stalls::look();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| BenchError::Thread(error.to_string()))?;
    runtime.block_on(load(options, stalls))
}

async fn load(options: &DispatchOptions, stalls: Stalls) -> Result<DispatchReport, BenchError> {
    let fleet = Fleet::new(options.drivers, options.seed, clock::wall_now());
    let mut gateway = gateway::Gateway::open(&options.target, fleet).await?;
    let drivers = (0..options.drivers).map(Fleet::name).collect();
    let (commands, told, _) = attend(connect(&options.target).await?, drivers).await?;
    let began = clock::stopwatch();
    let from = began + options.warm_up;
    let until = from + Duration::from_secs_f64(options.seconds);
    let ledger = Mutex::new(Ledger::default());
    let scene = Arc::new(Scene { options: options.clone(), began, from, until, ledger });
    let (over, ended) = watch::channel(false);
    let apps = tokio::spawn(apps::Apps::new(Arc::clone(&scene), commands).run(told, ended.clone()));
    let riders = riders::ask(&scene);
    let samples = samples::samples(&scene);
    let positions = gateway.report(&scene, ended);
    let work = async {
        let (asked, samples) = tokio::join!(riders, samples);
        asked?;
        settle(&scene).await;
        over.send_replace(true);
        samples
    };
    let (samples, updates) = tokio::join!(work, positions);
    let apps = apps.await.map_err(|error| BenchError::Thread(error.to_string()))?;
    apps?;
    let (samples, updates) = (samples?, updates?);
    let not_ended_as = riders::standing(&scene).await?;
    let ending = Ending { samples, not_ended_as, machine: stalls.to_string() };
    let ledger = scene.ledger.lock();
    Ok(DispatchReport::of(&scene, &ledger, &updates, ending))
}

/// Waits until no driver has a trip, or it has become pointless.
async fn settle(scene: &Scene) {
    let begun = clock::stopwatch();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (open, busy) = scene.ledger.lock().open();
        let patience = if busy > 0 { SETTLE } else { LAST_OFFERS };
        if open == 0 || begun.elapsed() > patience.mul_f64(scene.scale()) {
            return;
        }
    }
}

/// Waits until a moment; returns at once if it has passed.
async fn until(due: Instant) {
    tokio::time::sleep_until(due.into()).await;
}
