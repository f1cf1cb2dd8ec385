//! `hansom serve`: the server, until a signal.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::market::{self, Market};
use super::seat::MarketSeat;
use super::serve_market::MarketFlags;
use super::serve_mirror;
use super::serve_standby::StandbyFlags;
use crate::api::{self, ReportSink, SharedMap};
use crate::client::GrpcPeers;
use crate::clock::Clock;
use crate::config::{ClockKind, Config, Layers, StandbySettings};
use crate::host::MarketSlot;
use crate::index::LiveIndex;
use crate::mirror::Mirror;
use crate::server::{Drained, Recorder, Running, Server, ServerConfig};
use crate::succession::{Keeper, KeeperConfig, Tenure};
use crate::telemetry::{self, Metrics};

const AFTER_HELP: &str = "\
Each setting can also be given in the file as a key (stale_after = \"60s\") and in the environment \
(HANSOM_STALE_AFTER=60s). Flags win over the environment, the environment wins over the file.

The bound addresses are printed on standard output, one a line: `grpc 127.0.0.1:7400`, \
`http 127.0.0.1:7401`. Logs go to standard error.

On SIGTERM or SIGINT the server drains: /readyz turns 503, health NOT_SERVING, streams are told, \
what is in flight finishes or is cut after --drain-timeout. Trips stay as they are: the next start \
finds them in the journal. Then the recording is finished, which \
may take as long again. A second signal ends the process at once.

Exit codes: 0 drained; 1 could not start or failed; 2 wrong arguments or configuration; \
3 ended by a second signal.";

/// Serve the live map over gRPC, and metrics and health over HTTP.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Where gRPC is served; port 0 takes a free one [default: 127.0.0.1:7400]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where HTTP is served; port 0 takes a free one [default: 127.0.0.1:7401]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Threads that serve gRPC; 0 is one a core [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the effective configuration and end
    #[arg(long)]
    print_config: bool,
    /// How long a thread looks for more before it sleeps, in microseconds: for machines whose cores
    /// are the server's own [default: 0]
    #[arg(long, value_name = "MICROS")]
    busy_poll_us: Option<String>,
    /// How a log line looks: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Which events are logged: a level, or a list of target=level [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// The most drivers known at once [default: 10000000]
    #[arg(long, value_name = "N")]
    max_drivers: Option<String>,
    /// A driver silent for so long no longer counts as supply [default: 60s]
    #[arg(long, value_name = "DURATION")]
    stale_after: Option<String>,
    /// A driver silent for so long is forgotten [default: 30m]
    #[arg(long, value_name = "DURATION")]
    forget_after: Option<String>,
    /// How far a device's clock may run ahead [default: 30s]
    #[arg(long, value_name = "DURATION")]
    max_clock_skew: Option<String>,
    /// Faster moves are flagged as implausible, in metres per second [default: 90]
    #[arg(long, value_name = "SPEED")]
    max_speed_m_s: Option<String>,
    /// How long a drain may take [default: 10s]
    #[arg(long, value_name = "DURATION")]
    drain_timeout: Option<String>,
    /// Record each applied report into this trace file
    #[arg(long, value_name = "FILE")]
    record: Option<String>,
    /// Where the present comes from: wall, or trace for the newest device time [default: wall]
    #[arg(long, value_name = "CLOCK")]
    clock: Option<String>,
    #[command(flatten)]
    market: MarketFlags,
    #[command(flatten)]
    standby: StandbyFlags,
    /// Keep a copy of the map in Redis: redis://, rediss://, redis+sentinel://HOST:PORT,.../NAME, or
    /// several redis:// URLs (repeated, or with commas) for a cluster
    #[arg(long, value_name = "URL", help_heading = "Options")]
    redis: Vec<String>,
    /// Answer from the copy in Redis alone, and write nothing to it
    #[arg(long)]
    fallback_only: bool,
    /// Pages whose browsers may call by gRPC-Web: origins such as https://dispatch.example.com, with
    /// commas, or * for any
    #[arg(long, value_name = "ORIGIN,...")]
    web_origins: Option<String>,
    /// Allow addresses that other machines can reach, without encryption or authentication
    #[arg(long)]
    insecure: bool,
}

impl Args {
    fn layers(&self) -> Layers {
        let mut layers = Layers::default();
        if let Some(path) = &self.config {
            let name = path.display().to_string();
            layers = match std::fs::read_to_string(path) {
                Ok(text) => layers.file(&name, &text),
                Err(error) => layers.unreadable_file(&name, &error),
            };
        }
        let layers = layers.environment(std::env::vars_os());
        let layers = self.standby.over(self.market.over(layers));
        layers
            .flag("listen", self.listen.clone())
            .flag("http", self.http.clone())
            .flag("threads", self.threads.clone())
            .flag("busy_poll_us", self.busy_poll_us.clone())
            .flag("log_format", self.log_format.clone())
            .flag("log_level", self.log_level.clone())
            .flag("max_drivers", self.max_drivers.clone())
            .flag("stale_after", self.stale_after.clone())
            .flag("forget_after", self.forget_after.clone())
            .flag("max_clock_skew", self.max_clock_skew.clone())
            .flag("max_speed_m_s", self.max_speed_m_s.clone())
            .flag("drain_timeout", self.drain_timeout.clone())
            .flag("record", self.record.clone())
            .flag("clock", self.clock.clone())
            .flag("redis", (!self.redis.is_empty()).then(|| self.redis.join(",")))
            .flag("fallback_only", self.fallback_only.then(|| "true".to_owned()))
            .flag("web_origins", self.web_origins.clone())
            .flag("insecure", self.insecure.then(|| "true".to_owned()))
    }
}

/// Runs the subcommand.
pub(super) fn run(args: &Args, give_back: fn()) -> anyhow::Result<ExitCode> {
    let config = match Config::resolve(args.layers()) {
        Ok(config) => config,
        #[expect(clippy::print_stderr, reason = "what a wrong invocation is told")]
        Err(problems) => {
            eprintln!("hansom: {problems}");
            return Ok(ExitCode::from(2));
        }
    };
    if args.print_config {
        std::io::stdout().write_all(config.to_toml().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    telemetry::init_logs(config.log_format, &config.log_level).map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before the addresses are told: who reads them may signal at once.
        let mut signals = Signals::listen()?;
        let (recorder, sink) = match &config.record {
            None => (None, None),
            Some(path) => {
                let (recorder, sink) = Recorder::create(path)?;
                (Some(recorder), Some(Arc::new(sink) as Arc<dyn ReportSink>))
            }
        };
        let Started { running, hosted, mirror } = start(&config, sink, give_back)?;
        announce(&running)?;
        log_start(&config, &running);
        let name = signals.next().await;
        tracing::info!(signal = name, "draining");
        let within = Duration::from_millis(config.drain_timeout.get());
        if let Hosted::Kept(keeper) = &hosted {
            keeper.retire();
        }
        let ending = tokio::task::spawn_blocking(move || {
            drain(running);
            // What was drained is carried still; the rest is not waited for.
            if mirror.is_some_and(|mirror| !mirror.finish(within)) {
                tracing::warn!("redis did not take what was left within the drain timeout");
            }
            end(hosted, recorder, within)
        });
        tokio::select! {
            ended = ending => ended.context("the drain failed")??,
            name = signals.next() => {
                tracing::warn!(signal = name, "second signal: ending at once");
                std::process::exit(3);
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Who runs the market, if there is one.
enum Hosted {
    Nobody,
    /// This process, from its start to its end.
    Here(Market),
    /// Whoever has the lease.
    Kept(Keeper),
}

fn drain(running: Running) {
    match running.drain() {
        Drained::Finished => tracing::info!("drained"),
        Drained::Cut => tracing::warn!("the drain timeout passed; what was left was cut"),
    }
}

/// Ends the market and the recordings; each has its time.
fn end(hosted: Hosted, recorder: Option<Recorder>, within: Duration) -> anyhow::Result<()> {
    // Nobody asks any more; what was answered is durable.
    let decisions = match hosted {
        Hosted::Nobody => None,
        Hosted::Here((host, decisions)) => {
            drop(host);
            decisions
        }
        Hosted::Kept(keeper) => {
            drop(keeper);
            None
        }
    };
    let decided = decisions.map_or(Ok(()), |log| log.finish(within));
    let reported = recorder.map_or(Ok(()), |recorder| recorder.finish(within));
    reported.context("the recording is incomplete")?;
    decided.context("the log of decisions is incomplete")
}

/// A number nobody can guess, so that nobody can choose ids that collide.
fn seed() -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// All that runs.
struct Started {
    running: Running,
    hosted: Hosted,
    mirror: Option<Mirror>,
}

fn start(
    config: &Config,
    sink: Option<Arc<dyn ReportSink>>,
    give_back: fn(),
) -> anyhow::Result<Started> {
    let clock = Arc::new(match config.clock {
        ClockKind::Wall => Clock::Wall,
        ClockKind::Trace => Clock::trace(),
    });
    let seed = seed().context("cannot read /dev/urandom")?;
    let index = LiveIndex::new(config.index, seed);
    let index = if config.redis.is_some() { index.noting_changes() } else { index };
    let index = Arc::new(index);
    let map = Arc::clone(&index) as SharedMap;
    let metrics = api::metrics();
    let mut hosted = Hosted::Nobody;
    let mut slot = None;
    match (&config.market, &config.redis) {
        (None, _) => {}
        (Some(settings), None) => {
            let (map, clock) = (Arc::clone(&map), Arc::clone(&clock));
            let market = market::start(settings, map, clock, Arc::clone(&metrics.market), seed)?;
            slot = Some(MarketSlot::here(market.0.handle().clone()));
            hosted = Hosted::Here(market);
        }
        (Some(settings), Some(_)) => slot = Some(MarketSlot::elsewhere(settings.config.market)),
    }
    // Another seed than the maps': this one is told to everybody.
    let named = self::seed().context("cannot read /dev/urandom")?;
    let redis = config.redis.as_ref().filter(|_| !config.fallback_only);
    let tenure = redis.zip(config.market.as_ref()).map(|(_, settings)| {
        Arc::new(Tenure::new(settings.config.market, config.standby.lease, named))
    });
    let beside = (slot.clone(), tenure.clone());
    let (mirror, copy) = serve_mirror::start(config, seed, beside, index, &clock, &metrics)?;
    let server = ServerConfig {
        listen: config.listen,
        http: Some(config.http),
        threads: config.threads,
        busy_poll: config.busy_poll,
        stale_after: config.index.stale_after,
        drain_timeout: Duration::from_millis(config.drain_timeout.get()),
        web_origins: config.web_origins.clone(),
        market: slot.clone().map(|slot| (slot, Arc::clone(&metrics))),
        tenure: tenure.clone(),
        metrics: Some(Arc::clone(&metrics)),
        copy,
        give_back,
        sink,
        ..ServerConfig::default()
    };
    let running = Server::start(server, Arc::clone(&map), Arc::clone(&clock));
    let running = running.context("cannot start the server")?;
    if let (Some(tenure), Some(settings), Some(slot)) = (tenure, &config.market, slot) {
        let seat = MarketSeat {
            settings: settings.clone(),
            map,
            clock,
            metrics: Arc::clone(&metrics.market),
            hash_seed: seed,
            slot,
            within: Duration::from_millis(config.drain_timeout.get()),
            market: None,
        };
        hosted = Hosted::Kept(keep(config, tenure, &running, &metrics, seat)?);
    }
    Ok(Started { running, hosted, mirror })
}

/// Begins to try for the lease of the market.
fn keep(
    config: &Config,
    tenure: Arc<Tenure>,
    running: &Running,
    metrics: &Metrics,
    seat: MarketSeat,
) -> anyhow::Result<Keeper> {
    let market = seat.settings.config.market;
    let StandbySettings { ack, advertise, .. } = &config.standby;
    let address = advertise.clone().unwrap_or_else(|| {
        let address = running.grpc_addr();
        if address.ip().is_unspecified() {
            tracing::warn!(
                %address,
                "nobody else can reach this process there: say --advertise, so that clients find the \
                 market and it can go on while Redis is gone"
            );
        }
        address.to_string()
    });
    let redis = config.redis.clone().context("a lease needs Redis")?;
    let config = KeeperConfig {
        tenure,
        peers: Arc::new(GrpcPeers),
        redis,
        ack: *ack,
        address,
        folder: seat.settings.journal.as_ref().map(|folder| folder.join(market.as_str())),
        metrics: Arc::clone(&metrics.succession),
    };
    Keeper::start(config, Box::new(seat)).context("cannot keep the market's lease")
}

/// Tells scripts where the server is.
fn announce(running: &Running) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "grpc {}", running.grpc_addr())?;
    if let Some(http) = running.http_addr() {
        writeln!(out, "http {http}")?;
    }
    out.flush()
}

/// Tells whoever reads the logs what runs, and what differs from the defaults.
fn log_start(config: &Config, running: &Running) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        grpc = %running.grpc_addr(),
        http = running.http_addr().map(tracing::field::display),
        clock = ?config.clock,
        threads = config.threads,
        record = config.record.as_ref().map(|path| tracing::field::display(path.display())),
        settings = config.changed(),
        "serving"
    );
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Taken only so that it does not kill: a write beyond the limit of a file's size then fails,
    /// which ends the recording and not the map.
    _file_size: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _file_size: signal(SignalKind::from_raw(libc::SIGXFSZ))?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
