//! `hansom bench mirror`: what the copy in Redis costs, as a table and as JSON.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::{about_machine, seconds};
use crate::bench::machine::Machine;
use crate::bench::{MirrorOptions, MirrorReport, Outage, Race, Warm, WarmStart, mirror};
use crate::cli::output::{grouped, rounded};
use crate::limits;

/// The exit code if something does not hold that should.
const MISSED: u8 = 5;

/// The copy in Redis: how far it is behind, what it costs, an outage, a warm start
///
/// Starts a redis-server, a server that mirrors into it and one that does not, each a process of its
/// own, and lets a fleet report at a steady rate. The lag is from sending a report until Redis has it,
/// looked up there every 50 ms. Then both servers take in what they can, in turns. `--outage` stops
/// Redis under the steady load, with `--requests` beside a market; `--warm-start` kills the server in the
/// end and starts another.
///
/// Exit codes: 0 all holds; 1 failed; 2 wrong arguments; 5 something does not hold, as the last
/// lines say.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Drivers
    #[arg(long, allow_negative_numbers = true, default_value_t = 100_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::MAX_HANDLES)))]
    drivers: u32,
    /// How often each reports, in seconds
    #[arg(long, allow_negative_numbers = true, default_value = "1s", value_name = "SECONDS",
          value_parser = seconds)]
    every: f64,
    /// How long it is measured
    #[arg(long, allow_negative_numbers = true, default_value = "30s", value_name = "SECONDS",
          value_parser = seconds)]
    seconds: f64,
    /// How long it is loaded before
    #[arg(long, allow_negative_numbers = true, default_value = "10s", value_name = "SECONDS",
          value_parser = seconds)]
    warm_up: f64,
    /// Threads that serve gRPC [default: one a core]
    #[arg(long, allow_negative_numbers = true, value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_THREADS as u64))]
    server_threads: Option<u64>,
    /// How long each of the turns as fast as possible takes
    #[arg(long, allow_negative_numbers = true, default_value = "3s", value_name = "SECONDS",
          value_parser = seconds, conflicts_with = "no_race")]
    turn: f64,
    /// Leave out the turns as fast as possible, with a mirror and without
    #[arg(long)]
    no_race: bool,
    /// Stop Redis for so long under load
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS", value_parser = seconds)]
    outage: Option<f64>,
    /// How long after its return an audit compares what the server and Redis hold
    #[arg(long, allow_negative_numbers = true, default_value = "30s", value_name = "SECONDS",
          value_parser = seconds, requires = "outage")]
    recovery: f64,
    /// Also run a market in the measured server, beside a standby: trip requests a second, of which drivers
    /// accept nineteen in twenty when they are asked
    #[arg(long, allow_negative_numbers = true, value_name = "N", requires = "outage",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: Option<u32>,
    /// In the end, start a fresh server from what Redis holds
    #[arg(long)]
    warm_start: bool,
    /// What the random draws depend on
    #[arg(long, allow_negative_numbers = true, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Write the figures as JSON into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What is written as JSON.
#[derive(Serialize)]
struct Outcome {
    machine: Machine,
    figures: MirrorReport,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let machine = Machine::describe();
    let long = Duration::from_secs_f64;
    let figures = mirror(&MirrorOptions {
        program: std::env::current_exe().context("cannot find this program")?,
        drivers: args.drivers,
        every: long(args.every),
        warm_up: long(args.warm_up),
        seconds: long(args.seconds),
        threads: args.server_threads.unwrap_or(0),
        turn: if args.no_race { Duration::ZERO } else { long(args.turn) },
        outage: args.outage.map_or(Duration::ZERO, long),
        recovery: long(args.recovery),
        requests: args.requests.map_or(0.0, f64::from),
        warm_start: if args.warm_start { WarmStart::Measured } else { WarmStart::Skipped },
        seed: args.seed,
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n{}", about_machine(&machine), table(&figures))?;
    for held in &figures.held {
        let verdict = if held.holds { "holds" } else { "misses" };
        writeln!(out, "{verdict}: {}: {:.2} ({:.2})", held.what, held.measured, held.allowed)?;
    }
    for found in figures.outage.iter().flat_map(|outage| &outage.examples) {
        writeln!(
            out,
            "{:?}: {}: server {}, redis {}",
            found.kind, found.name, found.server, found.redis
        )?;
    }
    let holds = figures.holds();
    if let Some(path) = &args.report {
        let json = serde_json::to_string_pretty(&Outcome { machine, figures })?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write the figures {}", path.display()))?;
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(MISSED) })
}

/// Names and values.
type Rows = Vec<(&'static str, String)>;

fn table(report: &MirrorReport) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let mut rows = steady(report);
    rows.extend(report.race.iter().flat_map(race));
    rows.extend(report.outage.iter().flat_map(outage));
    rows.extend(report.warm.iter().flat_map(warm));
    rows.push(("the machine", report.machine.clone()));
    for (name, value) in rows {
        table.add_row([name.to_owned(), value]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn steady(report: &MirrorReport) -> Rows {
    let steady = &report.steady;
    let drivers = format!("{}, each every {} s", grouped(report.drivers.into()), report.every_s);
    let lag = steady.lag.map_or_else(
        || "nothing was followed".to_owned(),
        |lag| {
            let [p50, p99, max] = [lag.p50, lag.p99, lag.max].map(|ms| ms / 1e3);
            format!("{p50:.2} / {p99:.2} / {max:.2} s of {}", grouped(lag.count))
        },
    );
    vec![
        ("drivers", drivers),
        ("reports/s due", rounded(report.due_per_s)),
        ("  applied", rounded(steady.applied_per_s)),
        ("  sent late at most", format!("{:.1} ms", steady.late_ms)),
        ("lag p50 / p99 / max", lag),
        ("  crossed a border, given up", format!("{}, {}", steady.moved_away, steady.given_up)),
        ("drivers waiting at most", rounded(steady.backlog_max)),
        ("drivers/s written to redis", rounded(steady.written_per_s)),
        ("  reports/s overtaken by later ones", rounded(steady.coalesced_per_s)),
        ("  short moves/s put off", rounded(steady.put_off_per_s)),
        ("cores busy: server, its workers", pair(steady.server_cores, steady.worker_cores)),
        ("  its mirror, redis", pair(steady.mirror_cores, steady.redis_cores)),
        ("us a write: mirror, redis", pair(steady.mirror_us_a_write, steady.redis_us_a_write)),
        ("MB: server, redis", pair(steady.server_mb, steady.redis_mb)),
    ]
}

fn pair(one: f64, other: f64) -> String {
    format!("{one:.2}, {other:.2}")
}

fn race(race: &Race) -> Rows {
    let side = |side: &crate::bench::Side| {
        let (rate, us, cores) = (rounded(side.applied_per_s), side.worker_us, side.worker_cores);
        format!("{rate}/s, {us:.3} us on {cores:.2} cores")
    };
    vec![
        ("as fast as possible: with a mirror", side(&race.with)),
        ("  without", side(&race.without)),
        ("  the one, of the other: whole machine", format!("{:.1} %", race.whole_machine * 100.0)),
        ("  under an equal share", format!("{:.1} %", race.equal_share * 100.0)),
    ]
}

fn outage(outage: &Outage) -> Rows {
    let caught_up = outage.caught_up_s.map_or("not yet".to_owned(), |s| format!("{s:.1} s"));
    let mut rows = vec![
        ("redis stopped", format!("{:.0} s", outage.seconds)),
        ("  reports/s before, meanwhile", {
            format!("{}, {}", rounded(outage.before_per_s), rounded(outage.during_per_s))
        }),
        ("  sent late at most", format!("{:.1} ms", outage.late_ms)),
        ("  drivers who left meanwhile", grouped(outage.left as u64)),
        ("  drivers waiting at most", rounded(outage.backlog_max)),
        ("  MB grown, allowed", pair(outage.grown_mb, outage.allowed_mb)),
        ("  waiting as usual again after", caught_up),
        ("  audited later: compared, differ", {
            let (all, differ) = (outage.audited, outage.differences.total());
            format!("{}, {}", grouped(all), grouped(differ))
        }),
    ];
    if let Some(matching) = &outage.matching {
        let rates = pair(matching.before_per_s, matching.during_per_s);
        rows.push(("  offers/s accepted before, meanwhile", rates));
        rows.push(("  requests and commands refused", grouped(matching.refused)));
        rows.push(("  trip events waiting at its return", rounded(matching.backlog_events)));
    }
    rows
}

fn warm(warm: &Warm) -> Rows {
    let whence = if warm.from_redis { "redis" } else { "elsewhere" };
    vec![
        ("a fresh server: first answer", format!("{:.2} s, from {whence}", warm.first_answer_s)),
        ("  knows all after", format!("{:.2} s", warm.ready_s)),
        ("  drivers learnt", rounded(warm.learnt)),
        ("  questions not answered", warm.unanswered.to_string()),
    ]
}
