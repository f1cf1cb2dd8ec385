//! What the copy in Redis costs, and how far it is behind: a server with a mirror and a Redis of its
//! own, both processes of their own, and a fleet that reports at a steady rate.
//!
//! Everything is measured from outside: the lag by looking into Redis ([`lag`]), the cost by what the
//! kernel says of threads. Beside it runs the same server without a mirror, loaded in turns
//! ([`race`]). On request Redis is stopped under load ([`outage`]), beside a market if that is wanted
//! ([`market`]), and a fresh server starts from what Redis holds ([`warm`]).

mod lag;
mod load;
mod market;
mod outage;
mod race;
mod redis;
mod report;
mod steady;
mod warm;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

pub use self::market::Matching;
pub use self::outage::Outage;
pub use self::race::{Race, Side};
use self::redis::RedisProcess;
pub use self::report::{Held, MirrorReport};
pub use self::steady::Steady;
pub use self::warm::Warm;
use super::process::ServeProcess;
use super::stage::BenchError;
use super::stalls::Stalls;
use crate::mirror::{CopyReader, LinkOptions, RedisAddress};
use load::{Load, Pace};
use market::Market;

/// How a mirror is measured.
#[derive(Clone, Debug)]
pub struct MirrorOptions {
    /// The program that is started as `serve`.
    pub program: PathBuf,
    /// Drivers.
    pub drivers: u32,
    /// How often each reports.
    pub every: Duration,
    /// How long it is loaded before it is measured.
    pub warm_up: Duration,
    /// How long it is measured.
    pub seconds: Duration,
    /// Threads of the servers that serve gRPC; 0 is one a core.
    pub threads: u64,
    /// How long a turn as fast as possible takes, with and without a mirror; zero for none.
    pub turn: Duration,
    /// How long Redis is stopped; zero for not at all.
    pub outage: Duration,
    /// How long after its return an audit compares.
    pub recovery: Duration,
    /// Trip requests a second, in a market that the measured server runs; zero for no market.
    pub requests: f64,
    /// Whether a fresh server starts from what Redis holds.
    pub warm_start: WarmStart,
    /// What all draws depend on.
    pub seed: u64,
}

/// Whether a fresh server starts from what Redis holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmStart {
    /// It does, in the end.
    Measured,
    /// It does not.
    Skipped,
}

/// What all parts have to do with.
struct Scene {
    options: MirrorOptions,
    redis: RedisProcess,
    server: ServeProcess,
    reader: CopyReader,
    address: RedisAddress,
    /// Of journals.
    folder: TempDir,
}

impl Scene {
    fn pace(&self) -> Pace {
        let MirrorOptions { drivers, every, seed, .. } = self.options;
        Pace { drivers, every, seed }
    }

    fn target(&self) -> String {
        format!("http://{}", self.server.grpc)
    }
}

/// Starts a server, with a mirror if there is a Redis for it, and with a market if there is a folder for
/// its journal.
fn serve(
    options: &MirrorOptions,
    redis: Option<&str>,
    journal: Option<&Path>,
) -> Result<ServeProcess, BenchError> {
    let threads = options.threads.to_string();
    let mut flags = vec!["--threads", &threads, "--log-level", "warn"];
    if let Some(url) = redis {
        flags.extend(["--redis", url]);
    }
    let market = journal.map(market::flags);
    match &market {
        Some(market) => flags.extend(market.iter().map(String::as_str)),
        None => flags.extend(["--market", "none"]),
    }
    ServeProcess::start(&options.program, &flags)
}

/// Measures.
///
/// # Errors
/// [`BenchError`] if a process does not start, or one of them ends.
pub fn mirror(options: &MirrorOptions) -> Result<MirrorReport, BenchError> {
    let machine = Stalls::look().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| BenchError::Thread(error.to_string()))?;
    let redis = RedisProcess::start()?;
    let folder = market::folder()?;
    let journal = (options.requests > 0.0).then(|| folder.path().join("active"));
    let server = serve(options, Some(&redis.url()), journal.as_deref())?;
    let address: RedisAddress = redis
        .url()
        .parse()
        .map_err(|error| BenchError::Process { program: redis.url(), cause: format!("{error}") })?;
    let options_of_link =
        LinkOptions { response_timeout: Duration::from_secs(10), ..LinkOptions::default() };
    let reader = CopyReader::new(address.clone(), options_of_link, options.seed);
    let scene = Scene { options: options.clone(), redis, server, reader, address, folder };
    runtime.block_on(measure(scene, machine))
}

async fn measure(mut scene: Scene, machine: String) -> Result<MirrorReport, BenchError> {
    let (load, mut samples) = Load::start(&scene.target(), scene.pace())?;
    let market =
        if scene.options.requests > 0.0 { Some(Market::start(&scene).await?) } else { None };
    tokio::time::sleep(scene.options.warm_up).await;
    let steady = steady::measure(&scene, &load, &mut samples).await?;
    let outage = if scene.options.outage.is_zero() {
        None
    } else {
        Some(outage::measure(&scene, &load, market.as_ref()).await?)
    };
    load.end()?;
    market.map(Market::end).transpose()?;
    let race = if scene.options.turn.is_zero() { None } else { Some(race::run(&scene).await?) };
    let warm = match scene.options.warm_start {
        WarmStart::Skipped => None,
        WarmStart::Measured => Some(warm::measure(&mut scene).await?),
    };
    Ok(MirrorReport::new(&scene.options, machine, steady, race, outage, warm))
}
