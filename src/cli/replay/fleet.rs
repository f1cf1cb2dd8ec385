//! `hansom replay` of logs of trip requests: against a simulated fleet, with each policy.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use super::given::Given;
use super::progress::Bar;
use super::{Args, on_interrupt, outcome};
use crate::cli::output::NewFile;
use crate::config::{Config, DISPATCH_SETTINGS, Layers};
use crate::decisions::EXTENSION;
use crate::dispatch::MarketConfig;
use crate::dispatch::policy::POLICIES;
use crate::limits;
use crate::replay::Speed;
use crate::sim::day::{Habits, Span};
use crate::trace::ReadOptions;
use crate::trace::civil::LocalTime;
use crate::trace::requests::{LogOptions, RegionRule};
use crate::travel::StraightLine;
use crate::trial::remote::{self, Target};
use crate::trial::{self, TrialError, TrialOptions};
use crate::units::Millis;

/// The name of the simulated market.
const MARKET: &str = "replay";

/// The exit code after a signal, as shells have it.
const INTERRUPTED: u8 = 130;

/// What only logs of trip requests have.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Logs of trip requests")]
pub(super) struct FleetArgs {
    /// How many drivers there are
    #[arg(long, allow_negative_numbers = true, default_value_t = 1_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::MAX_SIM_DRIVERS)))]
    fleet: u32,
    /// Place them where the vehicles of this trace were first seen, not at pickups of the log
    #[arg(long, value_name = "TRACE")]
    fleet_from: Vec<PathBuf>,
    /// Who chooses drivers, side by side on the same seed [default: all policies there are]
    #[arg(long, value_delimiter = ',', value_name = "NAME,…", value_parser = policy)]
    policy: Vec<String>,
    /// How often an offer is accepted, 0 to 1
    #[arg(long, allow_negative_numbers = true, default_value_t = 0.9, value_name = "SHARE",
          value_parser = within::<0, 1>)]
    acceptance: f64,
    /// How long requests gather for a batch, in seconds; 0 looks for a driver at once
    /// [default: 2]
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS",
          value_parser = within::<0, 600>)]
    window: Option<f64>,
    /// Set what the market does, as `serve` has it: cost_leave=15m, max_pickup=10m, …
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Read what the market does from this file of `serve`; what else is in it has no effect
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How fast drivers drive, in metres a second
    #[arg(long, allow_negative_numbers = true, default_value_t = 6.5, value_name = "M/S")]
    driving_speed: f64,
    /// How many times longer than the straight line the way is
    #[arg(long, allow_negative_numbers = true, default_value_t = 1.3, value_name = "FACTOR")]
    detour: f64,
    /// How long a shift is, in hours, give or take a half of it
    #[arg(long, allow_negative_numbers = true, default_value_t = 8.0, value_name = "HOURS",
          value_parser = within::<1, 100>)]
    shift_hours: f64,
    /// How long a rider waits for a driver to be there, in minutes, give or take a half of it
    #[arg(long, allow_negative_numbers = true, default_value_t = 10.0, value_name = "MINUTES",
          value_parser = within::<1, 1_440>)]
    rider_patience: f64,
    /// Only the requests of the first minutes of the log
    #[arg(long, allow_negative_numbers = true, value_name = "MINUTES",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_SIM_MS / 60_000))]
    minutes: Option<u64>,
    /// Which trips count: nearby (100 km around the median of the first pickups), anywhere, or a box in
    /// degrees [default: nearby]
    #[arg(long, value_name = "S,W,N,E", allow_hyphen_values = true)]
    region: Option<RegionRule>,
    /// Policies that are simulated at the same time [default: one a core]
    #[arg(long, allow_negative_numbers = true, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_THREADS as u64))]
    threads: Option<u64>,
    /// Write down what each policy decided, and from among whom, into a file of this folder, for
    /// `hansom verify-decisions`
    #[arg(long, value_name = "DIR")]
    decisions: Option<PathBuf>,
    /// Write the report as one page of HTML into this file; it appears when it is whole
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

fn policy(text: &str) -> Result<String, String> {
    let known = POLICIES.map(|(name, _)| name);
    if known.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("there are: {}", known.join(", ")))
    }
}

/// A number in a range of whole numbers.
fn within<const LOW: u32, const HIGH: u32>(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (f64::from(LOW)..=f64::from(HIGH)).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is not in {LOW}..={HIGH}"))
    }
}

/// Runs the subcommand for logs.
pub(super) fn run(args: &Args, given: &Given) -> anyhow::Result<ExitCode> {
    let target = match target(args, given) {
        Ok(target) => target,
        Err(why) => super::refuse(&why),
    };
    let new_report = args.new_file(args.report.as_ref())?;
    let new_html = args.new_file(args.fleet.html.as_ref())?;
    let (stopper, stop) = watch::channel(false);
    let bar = Arc::new(Bar::new());
    let watched = Arc::clone(&bar);
    let options = TrialOptions {
        watcher: Arc::new(move |progress| watched.show_trial(progress)),
        stop: Arc::new(move || *stop.borrow()),
        ..options(args, given)?
    };
    make_way(&options, args.force)?;
    on_interrupt(stopper)?;
    let held = match &target {
        Some(target) => remote::run(&options, target),
        None => trial::run(&options),
    };
    bar.clear();
    let report = match held {
        Err(TrialError::Stopped) => return Ok(ExitCode::from(INTERRUPTED)),
        held => held?,
    };
    // The files before the table, and the table even if they fail: one of them remains.
    let write = |file: Option<NewFile>, content: &dyn Fn() -> anyhow::Result<String>| match file {
        None => Ok(()),
        Some(file) => file.finish_with(content()?.as_bytes()).context("cannot write the report"),
    };
    let json = write(new_report, &|| Ok(serde_json::to_string_pretty(&report)? + "\n"));
    let html = write(new_html, &|| Ok(trial::html::page(&report)));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n{}", outcome::about(&report), outcome::side_by_side(&report))?;
    json?;
    html?;
    for outcome in &report.policies {
        if let Err(sum) = outcome.add_up() {
            anyhow::bail!("{}: the requests do not add up: {sum}", outcome.policy);
        }
    }
    Ok(if report.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Makes the folder for logs of decisions, in which there is none of a policy that is to be replayed.
fn make_way(options: &TrialOptions, force: bool) -> anyhow::Result<()> {
    let Some(folder) = &options.decisions else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for policy in &options.policies {
        let path = folder.join(format!("{policy}.{EXTENSION}"));
        if path.exists() {
            anyhow::ensure!(force, "{} exists; --force replaces it", path.display());
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot replace {}", path.display()))?;
        }
    }
    Ok(())
}

/// The running server that is met, if one is, or why these flags do not go together.
fn target(args: &Args, given: &Given) -> Result<Option<Target>, String> {
    let Some(address) = args.target.clone() else {
        let why = "--speed is for traces of positions, or for logs of trip requests with --target: \
                   without it a day passes in virtual time, as fast as the machine can";
        return if given.speed { Err(why.to_owned()) } else { Ok(None) };
    };
    if let Some(why) = given.against_a_server() {
        return Err(why);
    }
    let speed = match args.speed {
        _ if !given.speed => 1.0,
        Speed::Times(speed) if speed <= limits::MAX_REMOTE_SPEED => speed,
        Speed::Times(speed) => {
            let most = limits::MAX_REMOTE_SPEED;
            return Err(format!(
                "--speed {speed}x is not in 0.001x..={most}x, for a log and --target"
            ));
        }
        Speed::Max => {
            return Err(
                "--speed max is not for logs with --target: the server's windows, offers and \
                        patience run on its own clock, which nobody can wind; say 1x or 60x"
                    .to_owned(),
            );
        }
    };
    Ok(Some(Target { address, speed }))
}

fn options(args: &Args, given: &Given) -> anyhow::Result<TrialOptions> {
    let fleet = &args.fleet;
    let travel = StraightLine::new(fleet.driving_speed, fleet.detour)?;
    let told = given.utc_offset;
    let local_time = if told { LocalTime::Fixed(args.utc_offset) } else { LocalTime::NewYork };
    let mut policies: Vec<String> = Vec::new();
    for name in &fleet.policy {
        anyhow::ensure!(!policies.contains(name), "policy {name} was named twice");
        policies.push(name.clone());
    }
    if policies.is_empty() {
        policies = POLICIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = fleet.threads.map(usize::try_from).transpose()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=1000")]
    let acceptance_permille = (fleet.acceptance * 1_000.0).round() as u32;
    Ok(TrialOptions {
        logs: args.traces.clone(),
        read: LogOptions {
            local_time,
            region: fleet.region.unwrap_or_default(),
            ..LogOptions::default()
        },
        only_first: fleet.minutes.map(|minutes| Millis::from_secs(minutes * 60)),
        fleet: fleet.fleet,
        fleet_from: fleet.fleet_from.clone(),
        read_fleet: ReadOptions { utc_offset: args.utc_offset, ..ReadOptions::default() },
        policies,
        market: market(fleet)?,
        habits: Habits {
            acceptance_permille,
            patience: Span::around(seconds(fleet.rider_patience * 60.0)),
            shift: Span::around(seconds(fleet.shift_hours * 3_600.0)),
            ..Habits::default()
        },
        travel: Arc::new(travel),
        driving: (fleet.driving_speed, fleet.detour),
        decisions: fleet.decisions.clone(),
        seed: args.seed,
        threads: threads.unwrap_or(cores),
        watcher: Arc::new(|_| ()),
        stop: Arc::new(|| false),
    })
}

/// How the market works: the file, then what was set, then the window's own flag.
fn market(fleet: &FleetArgs) -> anyhow::Result<MarketConfig> {
    let mut layers = Layers::default();
    if let Some(path) = &fleet.config {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        layers = layers.file(&path.display().to_string(), &text);
    }
    let set = |layers: Layers, text: &String| layers.assignment(text, &DISPATCH_SETTINGS);
    let layers = fleet.set.iter().fold(layers, set);
    // A server may be told to host none; whoever replays a log wants one.
    let layers = layers.flag("market", Some(MARKET.to_owned()));
    let settings = Config::resolve(layers)?.market.context("there is no market")?;
    let window = fleet.window.map_or(settings.config.window, seconds);
    Ok(MarketConfig { window, ..settings.config })
}

fn seconds(seconds: f64) -> Millis {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 100 hours"
    )]
    Millis((seconds * 1_000.0).round() as u64)
}
