//! `hansom replay`: a recorded trace through gRPC, or a log of trip requests against a simulated fleet,
//! with a report at the end.

mod fleet;
mod given;
mod outcome;
mod progress;
mod table;
mod verdict;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use self::fleet::FleetArgs;
pub(super) use self::given::Given;
use self::progress::Bar;
use super::output::{NewFile, Overwrite};
use crate::limits;
use crate::model::K;
use crate::replay::{self, ReplayOptions, Speed, Times};
use crate::trace::civil::UtcOffset;
use crate::trace::requests::recognise;
use crate::trace::{CsvColumns, ReadOptions};
use crate::units::{Meters, Millis};

const AFTER_HELP: &str = "\
Formats of traces are recognised by content: Hansom's own, plain; Cabspotting, T-Drive, and CSV with \
--csv-columns, each plain, .gz, .tar or .tar.gz; or a folder of plain and .gz files, where archives \
are passed over and listed. Several traces are merged in time order.

Without --target a server is embedded, whose clock follows the trace and which forgets nobody. \
A server elsewhere usually has the machine's clock, so with --target device times are rebased: \
the first row is now, and the trace's time is divided by the speed (at --speed max, each row is \
now). Faster than 1x, vehicles then seem to speed, and many moves are flagged as implausible. \
For a server that runs with `serve --clock trace`, say --times keep.

Sampled answers are compared with a linear scan over the accepted rows: drivers, order, \
distances, ages. With --target that is done only if --check is given, and makes sense only if \
nobody else reports to that server and it has just started.

Logs of trip requests are recognised by content too: Hansom's own CSV, the TLC's yellow cabs, New \
York's taxi events, Uber's FOIL pickups, cab trips, each plain or .gz. Their riders meet a simulated \
fleet, in virtual time and once with each policy, in the market and on the map that serve production; \
docs/simulation.md says how. With --target they meet the market of a running server instead, once, in \
its time, with the policy it has: --speed 60x lets a minute of the log pass in a second. The same log, flags and seed give the same digest. Traces and logs are not \
replayed together, and each kind has flags of its own; --report, --force, --utc-offset (for logs: New \
York's local time unless given) and --seed are for both.

Exit codes: 0 done; 1 failed, the rows do not add up, or none was accepted; 2 wrong \
arguments; 3 an answer differs from the linear scan; 4 a trace is damaged and was replayed up to the \
damage; 130 interrupted (the report tells of what was done).

Examples:
  hansom replay data/san-francisco.htrace
  hansom replay cabs.tar.gz --speed 60x --query-rate 500 --report report.json
  hansom replay fleet.csv --csv-columns id=car,time=ts,lat=y,lng=x --utc-offset +01:00
  hansom replay data/san-francisco-requests.csv --fleet 150 --html report.html
  hansom replay nycTaxiRides.gz --fleet 4000 --policy greedy --seed 1 --report r.json
  hansom replay nycTaxiRides.gz --fleet 4000 --target http://127.0.0.1:7400 --speed 10x";

/// Replay a recorded trace of positions through gRPC, or a log of trip requests against a simulated
/// fleet, and report what became of it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Traces of positions, files or folders; or logs of trip requests
    #[arg(required = true, value_name = "TRACE|LOG")]
    traces: Vec<PathBuf>,
    /// Feed this running server instead of an embedded one
    #[arg(long, value_name = "http://HOST:PORT")]
    target: Option<String>,
    /// Which device times the server is told [default: keep; with --target: rebase]
    #[arg(long, value_enum, value_name = "HOW")]
    times: Option<TimesArg>,
    /// How fast the trace passes: max, or a factor like 60x; of a log, only with --target [default there: 1x]
    #[arg(long, allow_hyphen_values = true, default_value = "max", value_name = "SPEED")]
    speed: Speed,
    /// Rows in a batch
    #[arg(long, allow_negative_numbers = true, default_value_t = 1_024, value_name = "ROWS",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_REPLAY_BATCH_ROWS as u64))]
    batch: u64,
    /// Ask so many questions a second meanwhile, near positions of the trace
    #[arg(long, allow_negative_numbers = true, default_value_t = 0, value_name = "N",
          value_parser = clap::value_parser!(u32).range(0..=i64::from(limits::MAX_QUERY_RATE)))]
    query_rate: u32,
    /// How many drivers a question asks for
    #[arg(long, allow_negative_numbers = true, default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=u64::from(limits::MAX_K)))]
    k: u64,
    /// How far a question reaches, in metres
    #[arg(long, allow_negative_numbers = true, default_value_t = 5_000.0, value_name = "METRES",
          value_parser = meters)]
    radius: f64,
    /// How old a position may be to count, in seconds
    #[arg(long, allow_negative_numbers = true, default_value_t = 600, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_FORGET_AFTER_MS / 1_000))]
    max_age: u64,
    /// Compare answers with the linear scan, also with --target
    #[arg(long, conflicts_with = "no_check")]
    check: bool,
    /// Do not compare answers
    #[arg(long)]
    no_check: bool,
    /// At how many points of the trace answers are compared; at most once a batch, so a short trace
    /// or large batches give fewer
    #[arg(long, allow_negative_numbers = true, default_value_t = 100, value_name = "N")]
    check_points: u32,
    /// How many answers are compared at each of those points
    #[arg(long, allow_negative_numbers = true, default_value_t = 10, value_name = "N")]
    check_questions: u32,
    /// Write the report as JSON into this file; it appears when it is whole
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace a report's FILE if it exists
    #[arg(long)]
    force: bool,
    /// Which CSV column is what: id=…,time=…,lat=…,lng=…[,heading=…,speed=…,accuracy=…,status=…]
    #[arg(long, value_name = "MAPPING")]
    csv_columns: Option<CsvColumns>,
    /// The local time of CSV times that name no offset
    #[arg(long, default_value = "Z", value_name = "OFFSET", allow_hyphen_values = true)]
    utc_offset: UtcOffset,
    /// What the random draws depend on
    #[arg(long, allow_negative_numbers = true, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Threads of the embedded server
    #[arg(long, allow_negative_numbers = true, default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_THREADS as u64))]
    server_threads: u64,
    // Last, since its heading holds for all that follow.
    #[command(flatten)]
    fleet: FleetArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TimesArg {
    /// As recorded
    Keep,
    /// Shifted to the present and scaled by the speed
    Rebase,
}

fn meters(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Meters::new(value).map(Meters::get).map_err(|error| error.to_string())
}

/// Runs the subcommand.
pub(super) fn run(args: &Args, given: &Given) -> anyhow::Result<ExitCode> {
    let logs: Vec<&PathBuf> = args.traces.iter().filter(|path| recognise(path).is_some()).collect();
    match (logs.first(), args.traces.iter().find(|path| !logs.contains(path))) {
        (Some(log), Some(trace)) => refuse(&format!(
            "{} is a log of trip requests and {} is not; replay one kind at a time",
            log.display(),
            trace.display()
        )),
        (Some(log), None) => {
            if let Some(why) = given.against_a_log(&log.display().to_string()) {
                refuse(&why);
            }
            fleet::run(args, given)
        }
        (None, trace) => {
            let trace = trace.map(|path| path.display().to_string()).unwrap_or_default();
            if let Some(why) = given.against_a_trace(&trace) {
                refuse(&why);
            }
            positions(args)
        }
    }
}

/// Ends the process as wrong arguments do.
fn refuse(why: &str) -> ! {
    super::Cli::command().error(ErrorKind::ArgumentConflict, why).exit()
}

/// Replays traces of positions.
fn positions(args: &Args) -> anyhow::Result<ExitCode> {
    // Before the replay: a day of work is not lost to a path with a typing error.
    let new_report = args.new_file(args.report.as_ref())?;
    let (stopper, stop) = watch::channel(false);
    on_interrupt(stopper)?;
    let bar = Arc::new(Bar::new());
    let watched = Arc::clone(&bar);
    let options = ReplayOptions {
        stop,
        watcher: Arc::new(move |progress| watched.show(progress)),
        ..options(args)?
    };
    let outcome = replay::run(&options);
    bar.clear();
    let report = outcome?;
    // The file before the table, and the table even if the file fails: one of them remains.
    let written = new_report.map_or(Ok(()), |file| {
        let json = serde_json::to_string_pretty(&report)? + "\n";
        file.finish_with(json.as_bytes()).context("cannot write the report")
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", table::of(&report))?;
    written?;
    verdict::on(&report)
}

impl Args {
    /// A place for a report, if one is wanted; never one that is being read.
    fn new_file(&self, path: Option<&PathBuf>) -> anyhow::Result<Option<NewFile>> {
        let Some(path) = path else { return Ok(None) };
        let real = |path: &Path| path.canonicalize().ok();
        // A trace by itself, or a file in a folder of traces.
        let among = |trace: &PathBuf| Some(real(path)?.starts_with(real(trace)?));
        let taken = self.traces.iter().any(|trace| among(trace) == Some(true));
        anyhow::ensure!(!taken, "{} is among the traces to read", path.display());
        let new = NewFile::create(path, Overwrite::from_force(self.force));
        new.context("cannot write the report").map(Some)
    }
}

fn options(args: &Args) -> anyhow::Result<ReplayOptions> {
    let times = match args.times {
        Some(TimesArg::Rebase) => Times::Rebase,
        None if args.target.is_some() => Times::Rebase,
        Some(TimesArg::Keep) | None => Times::Keep,
    };
    anyhow::ensure!(
        args.target.is_some() || times == Times::Keep,
        "--times rebase needs --target: the clock of the embedded server follows the trace"
    );
    Ok(ReplayOptions {
        read: ReadOptions {
            csv: args.csv_columns.clone(),
            utc_offset: args.utc_offset,
            ..ReadOptions::default()
        },
        target: args.target.clone(),
        times,
        speed: args.speed,
        batch: usize::try_from(args.batch)?,
        query_rate: args.query_rate,
        k: K::try_from(args.k)?,
        radius: Meters::new(args.radius)?,
        max_age: Millis::from_secs(args.max_age),
        check: args.check || (args.target.is_none() && !args.no_check),
        check_points: args.check_points,
        check_questions: args.check_questions,
        seed: args.seed,
        server_threads: usize::try_from(args.server_threads)?,
        ..ReplayOptions::new(args.traces.clone())
    })
}

/// The first signal ends the replay after the batch in flight, the second at once.
#[expect(clippy::print_stderr, reason = "what the user has to know to end it for good")]
fn on_interrupt(stopper: watch::Sender<bool>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before the thread runs, and once: no signal falls between two calls.
    let mut interrupts = {
        let _context = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    std::thread::Builder::new().name("hansom-signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            while interrupts.recv().await.is_some() {
                if stopper.send_replace(true) {
                    std::process::exit(130);
                }
                eprintln!("hansom: interrupted; ends with a report, or at once if told again");
            }
        });
    })?;
    Ok(())
}
