//! `hansom bench dispatch`: a whole market under load, as a table and as JSON.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::{about_machine, seconds};
use crate::bench::machine::Machine;
use crate::bench::{
    DispatchOptions, DispatchReport, Missed, Sample, ServeProcess, Spread, Work, dispatch,
};
use crate::cli::output::{grouped as number, rounded};
use crate::dispatch::policy::POLICIES;
use crate::limits;

const AFTER_HELP: &str = "\
The load is held if each request was taken and offered to somebody, and 99 in a hundred were offered \
within the window and 150 ms; of a server that runs elsewhere, whose window is not known, however late.

Exit codes: 0 the load was held, 1 failed, 2 wrong arguments, 5 it was not held.";

/// A whole market: drivers report, riders ask, drivers are asked and drive
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Drivers
    #[arg(long, allow_negative_numbers = true, default_value_t = 100_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::MAX_HANDLES)))]
    drivers: u32,
    /// How often each reports, in seconds
    #[arg(long, allow_negative_numbers = true, default_value = "4s", value_name = "SECONDS",
          value_parser = seconds)]
    every: f64,
    /// Trip requests a second
    #[arg(long, allow_negative_numbers = true, default_value_t = 500, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// How long it is measured
    #[arg(long, allow_negative_numbers = true, default_value_t = 120.0, value_name = "SECONDS",
          value_parser = seconds)]
    seconds: f64,
    /// How long it is loaded before: until as many trips end as begin
    #[arg(long, allow_negative_numbers = true, default_value_t = 60.0, value_name = "SECONDS",
          value_parser = seconds)]
    warm_up: f64,
    /// How long trips take on average, from the offer to the end
    #[arg(long, allow_negative_numbers = true, default_value_t = 38.0, value_name = "SECONDS",
          value_parser = seconds)]
    trip: f64,
    /// How many riders watch their trips, in thousandths
    #[arg(long, allow_negative_numbers = true, default_value_t = 1_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(0..=1_000))]
    watching: u32,
    /// How many offers are declined, in thousandths
    #[arg(long, allow_negative_numbers = true, default_value_t = 100, value_name = "N",
          value_parser = clap::value_parser!(u32).range(0..=1_000))]
    declining: u32,
    /// What the random draws depend on
    #[arg(long, allow_negative_numbers = true, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Who chooses drivers, in a server of this program's own [default: batch]
    #[arg(long, value_name = "NAME", value_parser = POLICIES.map(|(name, _)| name),
          conflicts_with = "target")]
    policy: Option<String>,
    /// How long requests gather in it [default: 2s]
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS", value_parser = seconds,
          conflicts_with = "target")]
    window: Option<f64>,
    /// Where it keeps its trips [default: a folder that is deleted in the end]
    #[arg(long, value_name = "DIR", conflicts_with = "target")]
    journal: Option<PathBuf>,
    /// Threads that serve gRPC in it [default: one a core]
    #[arg(long, allow_negative_numbers = true, value_name = "N", conflicts_with = "target",
          value_parser = clap::value_parser!(u64).range(1..=limits::MAX_THREADS as u64))]
    server_threads: Option<u64>,
    /// Load this running server, which must know no drivers, instead of one of this program's own
    #[arg(long, value_name = "http://HOST:PORT")]
    target: Option<String>,
    /// Where that one's metrics are
    #[arg(long, value_name = "HOST:PORT", requires = "target")]
    target_http: Option<SocketAddr>,
    /// Write the figures as JSON into this file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What may come to the window until an offer is made.
const ALLOWED_MS: f64 = 150.0;

/// The exit code of a load that was not held, as of a regression.
const NOT_HELD: u8 = 5;

/// What is written as JSON.
#[derive(Serialize)]
struct Outcome {
    machine: Machine,
    policy: Option<String>,
    window_s: Option<f64>,
    figures: DispatchReport,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let machine = Machine::describe();
    let policy = args.policy.clone().unwrap_or_else(|| "batch".to_owned());
    let window = args.window.unwrap_or(2.0);
    let own = args.target.is_none();
    let (server, _journal) = if own {
        let (server, journal) = serve(args, &policy, window)?;
        (Some(server), journal)
    } else {
        (None, None)
    };
    let target = args.target.clone();
    let grpc = server.as_ref().map(|server| format!("http://{}", server.grpc));
    let options = DispatchOptions {
        target: target.or(grpc).context("there is no server to load")?,
        http: server.as_ref().map(|server| server.http).or(args.target_http),
        drivers: args.drivers,
        every: Duration::from_secs_f64(args.every),
        requests: f64::from(args.requests),
        warm_up: Duration::from_secs_f64(args.warm_up),
        seconds: args.seconds,
        trip: Duration::from_secs_f64(args.trip),
        watching_permille: args.watching,
        declined_permille: args.declining,
        seed: args.seed,
    };
    let figures = dispatch(&options)?;
    drop(server);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", about_machine(&machine))?;
    if own {
        let threads = args.server_threads.map_or("one a core".to_owned(), |n| n.to_string());
        writeln!(out, "policy {policy}, window {window} s, threads of the server: {threads}")?;
    }
    writeln!(out, "{}\n{}\n{}", table(&figures), times(&figures), course(&figures.samples))?;
    let allowed = own.then_some(window * 1e3 + ALLOWED_MS);
    let held = figures.holds(allowed.unwrap_or(f64::INFINITY));
    writeln!(
        out,
        "{}, {}",
        judged(&figures, allowed),
        if held { "holds" } else { "does not hold" }
    )?;
    if let Some(path) = &args.report {
        let (policy, window_s) = (own.then_some(policy), own.then_some(window));
        let outcome = Outcome { machine, policy, window_s, figures };
        let json = serde_json::to_string_pretty(&outcome)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write the figures {}", path.display()))?;
    }
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::from(NOT_HELD) })
}

/// What it is judged by whether the load was held.
fn judged(figures: &DispatchReport, allowed: Option<f64>) -> String {
    let p99 = figures.request_to_offer.map_or("none".to_owned(), |to| format!("{:.0} ms", to.p99));
    let within = allowed.map_or("", |_| " within window + 150 ms");
    let Missed { refused, overdue, unanswered, never_offered } = figures.missed();
    format!(
        "request to offer, p99{within}: {p99}; {refused} refused, {overdue} not made, {unanswered} not \
         answered, {never_offered} offered to nobody"
    )
}

/// A server of this program's own, and the folder that is deleted after it.
fn serve(
    args: &Args,
    policy: &str,
    window: f64,
) -> anyhow::Result<(ServeProcess, Option<tempfile::TempDir>)> {
    let folder = match &args.journal {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("cannot make a folder for the journal")?),
    };
    let path = args.journal.as_deref().or(folder.as_ref().map(tempfile::TempDir::path));
    let path = path.and_then(|path| path.to_str()).context("the journal's path is no text")?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most an hour")]
    let window = format!("{}ms", (window * 1e3).round() as u64);
    let threads = args.server_threads.unwrap_or(0).to_string();
    let flags = [
        ("--journal", path),
        ("--policy", policy),
        ("--window", &window),
        ("--threads", &threads),
        ("--log-level", "warn"),
    ];
    let flags: Vec<&str> = flags.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let program = std::env::current_exe().context("cannot find this program")?;
    Ok((ServeProcess::start(&program, &flags)?, folder))
}

fn table(report: &DispatchReport) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    let thousandths = |share: u32| format!("{:.1} %", f64::from(share) / 10.0);
    row("drivers", format!("{}, each every {} s", number(report.drivers.into()), report.every_s));
    row("positions/s applied", rounded(report.updates_per_s));
    row("  sent late at most", format!("{:.1} ms", report.updates_late_ms));
    row("requests/s due", rounded(report.requests_per_s));
    row("measured", format!("{} s, after {} s of it", report.measured_s, report.warm_up_s));
    row("a trip takes on average", format!("{} s", report.trip_s));
    row("requests due", number(report.requests));
    row("  taken", number(report.taken));
    row("  too many under way, not made", number(report.overdue));
    for (reason, count) in &report.refused {
        row(&format!("  refused: {reason}"), number(*count));
    }
    row("  taken and offered to nobody", number(report.never_offered));
    row("offers", number(report.offers));
    row("  after one that was declined", number(report.offers_again));
    row("  of all declined", thousandths(report.declined_permille));
    for (reason, count) in &report.commands_refused {
        row(&format!("drivers' commands refused: {reason}"), number(*count));
    }
    row("trips completed meanwhile", number(report.completed));
    row("  ended otherwise", number(report.ended_otherwise));
    row("  never ended", number(report.not_ended));
    for (state, count) in &report.not_ended_as {
        row(&format!("    they are {state}"), number(*count));
    }
    row("trips watched to the end", number(report.watched));
    for (reason, count) in &report.watches_failed {
        row(&format!("  watches failed: {reason}"), number(*count));
    }
    row("drivers told anew how things stand", number(report.told_anew));
    let cores = report.server_cores.map(|cores| format!("{cores:.2} cores"));
    row("the server kept busy", cores.unwrap_or_default());
    row("the machine", report.machine.clone());
    right(&mut table, 1);
    table
}

fn times(report: &DispatchReport) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["ms", "times", "mean", "p50", "p90", "p99", "p99.9", "max"]);
    let spreads = [
        ("request due to offer with the driver", report.request_to_offer),
        ("request due to its answer", report.request_to_answer),
        ("driver's command due to its answer", report.command_to_answer),
        ("acceptance due to the rider who watches", report.accepted_to_rider),
    ];
    for (name, spread) in spreads {
        let Some(Spread { count, mean, p50, p90, p99, p999, max }) = spread else { continue };
        let times = [mean, p50, p90, p99, p999, max].map(|ms| format!("{ms:.1}"));
        table.add_row([name.to_owned(), number(count)].into_iter().chain(times));
    }
    let works = [
        ("a commit of the journal", report.commits),
        ("a batch, matched", report.batches),
        ("a batch after its window", report.batches_late),
    ];
    for (name, work) in works {
        let Some(Work { count, mean_ms, p99_within_ms }) = work else { continue };
        let within = p99_within_ms.map_or("> 1000".to_owned(), |ms| format!("<= {ms}"));
        let row = [name, &rounded(count), &format!("{mean_ms:.2}"), "", "", &within, "", ""];
        table.add_row(row);
    }
    (1..8).for_each(|column| right(&mut table, column));
    table
}

/// How things went, sample by sample.
fn course(samples: &[Sample]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header([
        "after",
        "server's memory",
        "trips open",
        "offers p50",
        "p99",
        "commit",
        "batch",
        "batch late",
    ]);
    for sample in samples {
        let ms = |ms: Option<f64>| ms.map_or(String::new(), |ms| format!("{ms:.1} ms"));
        let memory = sample.server_mb.map_or(String::new(), |mb| format!("{mb:.0} MB"));
        table.add_row([
            format!("{:.0} s", sample.at_s),
            memory,
            rounded(sample.trips_open),
            ms(sample.request_to_offer.map(|spread| spread.p50)),
            ms(sample.request_to_offer.map(|spread| spread.p99)),
            ms(sample.commit_ms),
            ms(sample.batch_ms),
            ms(sample.batch_late_ms),
        ]);
    }
    (0..8).for_each(|column| right(&mut table, column));
    table
}

fn right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
