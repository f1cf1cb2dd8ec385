//! `hansom bench run`: the suite, this program beside others.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{about_machine, ratios};
use crate::bench::machine::Machine;
use crate::cli::output::{NewFile, Overwrite, bar_style};
use crate::limits;
use crate::suite::result::SuiteResult;
use crate::suite::{self, Progress, Scale, Suite, SuiteOptions, peers};
use crate::trace::{CsvColumns, ReadOptions};

const AFTER_HELP: &str = "\
Each system does the same operations, made from --seed before the clock runs, in turns and several \
times; answers are compared with a linear scan before anything is timed. Servers are started on \
free ports of the loopback, keep nothing on disk, and end with the run. Client and server share \
this machine's cores. Build with --release, and let nothing else run.

Suites:
  updates  moves a second                     queries  questions a second, by k and radius
  filters  100, 30 and 1 % of drivers pass    mixed    90 and 50 % moves
  load     the highest rate held (open loop)  growth   more and more drivers
  k        more and more in an answer         threads  one and two, in process
  memory   bytes a driver                     floor    beside bare memory accesses
  trace    a recorded day, with --trace

Exit codes: 0 done, 3 a system gave a wrong answer or broke down, 130 interrupted (what was \
measured until then is written).

Examples:
  hansom bench run --scale small --out /tmp/first
  hansom bench run updates queries --peer redis,postgis --scale country --out results
  hansom bench run --peer redis=redis://127.0.0.1:6379 --seconds 5 --repeat 9 --out results";

/// The suite: this program beside Redis, Valkey, Tile38, PostGIS and trees in process.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Which suites [default: all]
    #[arg(value_name = "SUITE", value_parser = names())]
    suites: Vec<String>,
    /// Who takes part beside this program: names, or NAME=URL for a server that runs already (its
    /// key or table `hansom-suite` is overwritten); `none` for nobody [default: all]
    #[arg(long, value_name = "NAME[=URL],…", value_delimiter = ',', value_parser = peer)]
    peer: Vec<(String, Option<String>)>,
    /// How many drivers: 10⁴, 10⁵ or 10⁶
    #[arg(long, default_value = "city", value_name = "SCALE",
          value_parser = Scale::ALL.map(Scale::name))]
    scale: String,
    /// A recorded day: each fix is an update, each pickup (free, then with a rider) a question
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Which columns of a CSV trace are what, as in `hansom replay`
    #[arg(long, value_name = "FIELD=COLUMN,…", requires = "trace")]
    csv: Option<CsvColumns>,
    /// How often each is measured [default: small 3, else 5]
    #[arg(long, allow_negative_numbers = true, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    repeat: Option<u32>,
    /// How long each time [default: small 0.15, city 1, country 2]
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS",
          value_parser = duration)]
    seconds: Option<f64>,
    /// What the workloads are made from
    #[arg(long, allow_negative_numbers = true, default_value_t = 42, value_name = "N")]
    seed: u64,
    /// How long our server's threads look for more before they sleep, in microseconds, as in `serve`
    #[arg(long, allow_negative_numbers = true, default_value_t = 0, value_name = "MICROS",
          value_parser = clap::value_parser!(u64).range(..=limits::MAX_BUSY_POLL_US))]
    busy_poll_us: u64,
    /// What p99 may be for a rate to count as held, in milliseconds
    #[arg(long, allow_negative_numbers = true, default_value_t = 10.0, value_name = "MS",
          value_parser = limit)]
    limit_ms: f64,
    /// The folder for the results; files of an earlier run in it are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(Suite::ALL.map(Suite::name))
}

fn peer(text: &str) -> Result<(String, Option<String>), String> {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) => (name, Some(url.to_owned())),
        None => (text, None),
    };
    let known: Vec<&str> = peers::names().collect();
    match (known.contains(&name), name == "none", url.is_some() && !peers::has_url(name)) {
        (true, _, false) | (_, true, false) => Ok((name.to_owned(), url)),
        (true, _, true) => Err(format!("{name} is in this process: it has no address")),
        _ => Err(format!("{name:?} is none of {}, none", known.join(", "))),
    }
}

fn duration(text: &str) -> Result<f64, String> {
    match text.strip_suffix('s').unwrap_or(text).parse::<f64>() {
        Ok(value) if (0.01..=3_600.0).contains(&value) => Ok(value),
        _ => Err("not in 0.01..=3600".to_owned()),
    }
}

fn limit(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=60_000.0).contains(&value) => Ok(value),
        _ => Err("not in 0.01..=60000".to_owned()),
    }
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let stop = interrupts()?;
    // Before minutes of work: whether the result can be written.
    let new = NewFile::create(&args.out.join("result.json"), Overwrite::Replace)?;
    let options = options(args)?;
    let bar = bar();
    let show = |progress: Progress| {
        bar.set_length(progress.of as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(progress.doing);
    };
    let result = suite::run(&options, &show, &stop);
    bar.finish_and_clear();
    let result = result?;
    let json = serde_json::to_string_pretty(&result)?;
    new.finish_with((json + "\n").as_bytes())?;
    suite::report::write(&result, &args.out)
        .with_context(|| format!("cannot write the report into {}", args.out.display()))?;
    print(&result, &args.out);
    if stop.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(130));
    }
    Ok(if suite::sound(&result) { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) })
}

/// The exit code of a run in which a system broke down or gave a wrong answer.
const UNSOUND: u8 = 3;

fn options(args: &Args) -> anyhow::Result<SuiteOptions> {
    let scale = Scale::ALL.into_iter().find(|scale| scale.name() == args.scale);
    let scale = scale.context("no such scale")?;
    let chosen = |suite: &Suite| {
        args.suites.is_empty() || args.suites.iter().any(|name| name == suite.name())
    };
    let suites: Vec<Suite> = Suite::ALL.into_iter().filter(chosen).collect();
    let asked_for_a_day = !args.suites.is_empty() && suites.contains(&Suite::Trace);
    anyhow::ensure!(!asked_for_a_day || args.trace.is_some(), "the suite trace needs --trace FILE");
    let mut peers = args.peer.clone();
    if peers.is_empty() {
        peers = peers::names().map(|name| (name.to_owned(), None)).collect();
    }
    Ok(SuiteOptions {
        suites,
        peers,
        scale,
        trace: args.trace.clone(),
        read: ReadOptions { csv: args.csv.clone(), ..ReadOptions::default() },
        repeat: args.repeat.unwrap_or(scale.repeat()),
        seconds: args.seconds.unwrap_or(scale.seconds()),
        seed: args.seed,
        busy_poll_us: args.busy_poll_us,
        limit_ms: args.limit_ms,
        program: std::env::current_exe().context("cannot find this program")?,
        command: std::env::args().collect::<Vec<_>>().join(" "),
    })
}

fn bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = bar_style("{wide_bar} {pos}/{len} {msg} {elapsed}");
    ProgressBar::with_draw_target(Some(1), target).with_style(style)
}

/// A flag that the first interrupt sets. The second ends this process at once; the servers that
/// it has started end with it.
fn interrupts() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        anyhow::Ok([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?])
    })?;
    std::thread::Builder::new().name("hansom-signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            next(&mut signals).await;
            told.store(true, Ordering::Relaxed);
            say("interrupted: what was measured is written soon; again ends at once");
            next(&mut signals).await;
            std::process::exit(130);
        });
    })?;
    Ok(stop)
}

async fn next([interrupt, terminate]: &mut [Signal; 2]) {
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
}

#[expect(clippy::print_stderr, reason = "what whoever pressed Ctrl-C is told")]
fn say(what: &str) {
    eprintln!("hansom: {what}");
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn print(result: &SuiteResult, out: &Path) {
    println!("{}", about_machine(&Machine::describe()));
    println!("{}", ratios::systems(&result.systems));
    println!("{}", ratios::table(result));
    println!("{} s; results in {}", result.seconds.round(), out.display());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_names_or_addresses() {
        assert_eq!(peer("rstar"), Ok(("rstar".to_owned(), None)));
        assert_eq!(peer("none"), Ok(("none".to_owned(), None)));
        let url = "redis://127.0.0.1:6379";
        let given = peer(&format!("redis={url}"));
        assert_eq!(given, Ok(("redis".to_owned(), Some(url.to_owned()))));
        assert!(peer("redsi").unwrap_err().contains("none of redis, valkey"));
        assert!(peer("kiddo=x").unwrap_err().contains("has no address"));
    }
}
