//! `hansom bench`: what gRPC costs on this machine, end to end.

mod compare;
mod dispatch;
mod mirror;
mod ratios;
mod run;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde::Serialize;

use crate::bench::machine::Machine;
use crate::bench::{self, BenchOptions, Figure, Stage};
use crate::limits;
use crate::server::ServerConfig;
use crate::units::Meters;

const AFTER_HELP: &str = "\
Server and clients are threads of this process, the clients on the loopback: a server thread and \
a client thread share a machine of two cores as two processes would. Build with --release, and \
let nothing else run. Latencies of `open` count from the moment a question was due; those of `unary` \
and `mixed` from the moment a caller asks, who asks nothing while it waits.

`dispatch` starts a server as a process of its own, with a journal on disk, or loads one that runs. `mirror` starts a Redis beside it. \
`run` is the suite that compares with other systems.";

/// Measure throughput and latency through gRPC.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Positions in: bulk columns, one update a message, thousands of apps
    Ingest {
        /// Which measurements
        #[arg(long, value_enum, value_delimiter = ',', default_values = ["bulk", "single", "apps"])]
        only: Vec<IngestKind>,
        #[command(flatten)]
        common: Common,
    },
    /// Questions: unary, pipelined, and beside a steady stream of updates
    Query {
        /// Which measurements
        #[arg(long, value_enum, value_delimiter = ',', default_values = ["unary", "stream", "mixed", "open"])]
        only: Vec<QueryKind>,
        /// Updates a second in the mixed and the open run
        #[arg(long, allow_negative_numbers = true, default_value_t = 1_000_000, value_name = "N")]
        updates: u32,
        /// Callers in the mixed run, each with one question under way
        #[arg(long, allow_negative_numbers = true, default_value_t = 8, value_name = "N",
              value_parser = clap::value_parser!(u64).range(1..=4_096))]
        callers: u64,
        /// Questions a second in the open run
        #[arg(long, allow_negative_numbers = true, default_value_t = 25_000, value_name = "N")]
        queries: u32,
        #[command(flatten)]
        common: Common,
    },
    Dispatch(Box<dispatch::Args>),
    Mirror(mirror::Args),
    Compare(compare::Args),
    Run(Box<run::Args>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IngestKind {
    /// Batches of 1,024 rows
    Bulk,
    /// One update a message on one stream
    Single,
    /// One `Connect` an app
    Apps,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum QueryKind {
    /// A call a question
    Unary,
    /// `NearestStream`
    Stream,
    /// Unary questions of callers who wait for each answer, beside updates at a steady rate
    Mixed,
    /// The same with questions at a steady rate as well, whether or not those before are answered
    Open,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Drivers on the map
    #[arg(long, allow_negative_numbers = true, default_value_t = 1_000_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::MAX_HANDLES)))]
    drivers: u32,
    /// How long each measurement takes
    #[arg(long, allow_negative_numbers = true, default_value_t = 5.0, value_name = "SECONDS",
          value_parser = seconds)]
    seconds: f64,
    /// Threads of the server [default: one a core, as `serve` has]
    #[arg(long, allow_negative_numbers = true, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_THREADS as u64))]
    server_threads: Option<u64>,
    /// How long they look for more before they sleep, in microseconds, as in `serve`
    #[arg(long, allow_negative_numbers = true, default_value_t = 0, value_name = "MICROS",
          value_parser = clap::value_parser!(u64).range(..=limits::MAX_BUSY_POLL_US))]
    busy_poll_us: u64,
    /// Threads of the clients
    #[arg(long, allow_negative_numbers = true, default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_THREADS as u64))]
    client_threads: u64,
    /// How many drivers a question asks for
    #[arg(long, allow_negative_numbers = true, default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::MAX_K)))]
    k: u32,
    /// How far a question reaches, in metres
    #[arg(long, allow_negative_numbers = true, default_value_t = 5_000.0, value_name = "METRES")]
    radius: f64,
    /// Batches or questions under way, a client thread [default: 64; stream: 1024]
    #[arg(long, allow_negative_numbers = true, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=4_096))]
    in_flight: Option<u64>,
    /// Connections [default: 4; apps: 50]
    #[arg(long, allow_negative_numbers = true, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: Option<u64>,
    /// Apps at once
    #[arg(long, allow_negative_numbers = true, default_value_t = 10_000, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_STREAMS as u64))]
    streams: u64,
    /// Write the figures as JSON into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn seconds(text: &str) -> Result<f64, String> {
    match text.strip_suffix('s').unwrap_or(text).parse::<f64>() {
        Ok(value) if (0.1..=3_600.0).contains(&value) => Ok(value),
        _ => Err("not in 0.1..=3600".to_owned()),
    }
}

/// What is written as JSON.
#[derive(Serialize)]
struct Outcome {
    machine: Machine,
    options: BenchOptions,
    figures: Vec<Figure>,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let machine = Machine::describe();
    let (common, figures, options) = match &args.what {
        What::Ingest { only, common } => {
            let options = options(common, 50, [0, 0, 0])?;
            (common, ingest(only, options)?, options)
        }
        What::Query { only, updates, callers, queries, common } => {
            let callers = u32::try_from(*callers)?;
            let options = options(common, 4, [*updates, *queries, callers])?;
            (common, query(only, options, common.in_flight.is_none())?, options)
        }
        What::Dispatch(args) => return dispatch::run(args),
        What::Mirror(args) => return mirror::run(args),
        What::Compare(args) => return compare::run(args),
        What::Run(args) => return run::run(args),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", about(&machine, &options))?;
    writeln!(out, "{}", table(&figures))?;
    if let Some(path) = &common.json {
        let json = serde_json::to_string_pretty(&Outcome { machine, options, figures })?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write the figures {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn options(
    common: &Common,
    connections: u64,
    [updates, queries, callers]: [u32; 3],
) -> anyhow::Result<BenchOptions> {
    Ok(BenchOptions {
        drivers: common.drivers,
        seconds: common.seconds,
        server_threads: match common.server_threads {
            Some(threads) => usize::try_from(threads)?,
            None => ServerConfig::default().threads,
        },
        busy_poll_us: common.busy_poll_us,
        client_threads: usize::try_from(common.client_threads)?,
        k: common.k,
        radius: Meters::new(common.radius)?,
        in_flight: usize::try_from(common.in_flight.unwrap_or(64))?,
        connections: usize::try_from(common.connections.unwrap_or(connections))?,
        streams: usize::try_from(common.streams)?,
        callers: usize::try_from(callers)?,
        mixed_updates: updates,
        mixed_queries: queries,
    })
}

fn ingest(only: &[IngestKind], options: BenchOptions) -> anyhow::Result<Vec<Figure>> {
    let stage = Stage::set(options)?;
    let mut figures = Vec::new();
    for kind in only {
        figures.push(match kind {
            IngestKind::Bulk => bench::bulk(&stage)?,
            IngestKind::Single => bench::singles(&stage)?,
            IngestKind::Apps => bench::connects(&stage)?,
        });
    }
    stage.strike();
    Ok(figures)
}

fn query(
    only: &[QueryKind],
    options: BenchOptions,
    default_depth: bool,
) -> anyhow::Result<Vec<Figure>> {
    let mut stage = Stage::set(options)?;
    let mut figures = Vec::new();
    for kind in only {
        match kind {
            QueryKind::Unary => figures.push(bench::unary(&stage)?),
            QueryKind::Stream => {
                if default_depth {
                    stage.set_in_flight(limits::MAX_UNANSWERED_QUESTIONS);
                }
                figures.push(bench::pipelined(&stage)?);
                stage.set_in_flight(options.in_flight);
            }
            QueryKind::Mixed => figures.extend(bench::mixed(&stage)?),
            QueryKind::Open => figures.extend(bench::open_loop(&stage)?),
        }
    }
    stage.strike();
    Ok(figures)
}

/// Where and how it was measured.
fn about(machine: &Machine, options: &BenchOptions) -> String {
    format!(
        "{}\n{} drivers in 20 cities, {} server and {} client threads{}",
        about_machine(machine),
        options.drivers,
        options.server_threads,
        options.client_threads,
        match options.busy_poll_us {
            0 => String::new(),
            span => format!(", the former looking for more for {span} us before they sleep"),
        }
    )
}

fn about_machine(machine: &Machine) -> String {
    let Machine { cpu, cores, memory_gib, kernel, rustc, commit, .. } = machine;
    let build = if machine.release_build { "release" } else { "DEBUG" };
    format!(
        "{cpu}, {cores} cores, {memory_gib:.1} GiB, Linux {kernel}, load {:.2}\n\
         {rustc}, {build} build, commit {commit}",
        machine.load_average
    )
}

fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header([
        "",
        "a second",
        "CPU client + server",
        "p50",
        "p99",
        "p99.9",
        "max",
        "set up",
    ]);
    for figure in figures {
        let rate = format!("{:.0} {}", figure.per_second, figure.unit);
        let cost = figure.client_cpu_us.zip(figure.server_cpu_us);
        let cost = cost.map(|(client, server)| format!("{client:.3} + {server:.3} us"));
        let mut row = vec![figure.name.to_owned(), rate, cost.unwrap_or_default()];
        match &figure.latency {
            Some(l) => {
                let times = [l.p50_us, l.p99_us, l.p999_us, l.max_us];
                row.extend(times.map(|micros| format!("{:.3} ms", micros / 1e3)));
            }
            None => row.extend(["", "", "", ""].map(String::from)),
        }
        row.push(figure.setup.clone());
        table.add_row(row);
    }
    table
}
