//! `hansom redis`: what can be asked about the copy in Redis.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use super::output::grouped;
use crate::audit::{AuditOptions, AuditReport, Compared, Counts, audit};
use crate::mirror::RedisAddress;

/// The exit code if something differs, as for wrong answers of a replay.
const DIFFERENT: u8 = 3;

/// Look at the copy in Redis
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Audit(Box<AuditArgs>),
}

/// Compare what a server holds with what Redis holds: drivers, and the open trips of its market
///
/// Reads both sides whole and changes nothing. What differs is looked at again each second, until it
/// is the same, or Redis has something newer than the server said before, or --settle is over; what
/// differs then is told, by kind. So a server may be audited under load, as long as its copy is less
/// behind than --settle. Takes some 200 bytes of memory a driver.
///
/// Exit codes: 0 no difference; 1 failed; 2 wrong arguments; 3 differences.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansom redis audit --target http://127.0.0.1:7400 --redis redis://127.0.0.1:6379
  hansom redis audit --target http://10.0.0.5:7400 --redis redis+sentinel://10.0.0.7:26379/fleet --json -")]
struct AuditArgs {
    /// The server, which has --redis
    #[arg(long, default_value = "http://127.0.0.1:7400", value_name = "http://HOST:PORT")]
    target: String,
    /// Its Redis, as the server has it
    #[arg(
        long,
        required = true,
        env = "HANSOM_REDIS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "URL"
    )]
    redis: Vec<String>,
    /// For how long what differs is looked at again
    #[arg(long, allow_negative_numbers = true, default_value = "10s", value_name = "SECONDS",
          value_parser = super::bench::seconds)]
    settle: f64,
    /// How many differences are told
    #[arg(long, allow_negative_numbers = true, default_value_t = 20, value_name = "N")]
    show: usize,
    /// Write the result as JSON into this file; - is standard output, instead of the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let What::Audit(args) = &args.what;
    let redis: RedisAddress = args.redis.join(",").parse().context("--redis")?;
    let options = AuditOptions {
        target: args.target.clone(),
        redis,
        settle: Duration::from_secs_f64(args.settle),
        show: args.show,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(audit(&options))?;
    let mut out = std::io::stdout().lock();
    let json = serde_json::to_string_pretty(&report)? + "\n";
    match args.json.as_deref() {
        Some(path) if path.as_os_str() == "-" => out.write_all(json.as_bytes())?,
        path => {
            print(&mut out, &report)?;
            if let Some(path) = path {
                std::fs::write(path, json)
                    .with_context(|| format!("cannot write the result {}", path.display()))?;
            }
        }
    }
    Ok(if report.differences() == 0 { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// A kind of difference, and how many there are.
type Kind = (&'static str, fn(&Counts) -> u64);

fn print(out: &mut impl std::io::Write, report: &AuditReport) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["", "drivers", "open trips"]);
    let sides = [Some(&report.drivers), report.trips.as_ref()];
    let mut row = |name: &str, value: &dyn Fn(&Compared) -> u64| {
        let told = sides.map(|side| side.map_or_else(String::new, |side| grouped(value(side))));
        table.add_row([name.to_owned()].into_iter().chain(told));
    };
    row("the server has", &|side| side.compared);
    row("entries in redis", &|side| side.entries);
    row("  the same", &|side| side.same);
    row("  newer than first seen", &|side| side.newer);
    row("  looked at again", &|side| side.looked_again);
    let kinds: [Kind; 6] = [
        ("missing in redis", |counts| counts.missing),
        ("haunting redis", |counts| counts.haunting),
        ("behind", |counts| counts.behind),
        ("another position", |counts| counts.position),
        ("another status", |counts| counts.status),
        ("other content", |counts| counts.content),
    ];
    for (name, of) in kinds {
        row(name, &|side| of(&side.differences));
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")?;
    if let Some(why) = &report.trips_left_out {
        writeln!(out, "trips were left out: {why}")?;
    }
    for side in sides.into_iter().flatten() {
        for found in &side.examples {
            let kind = serde_json::to_value(found.kind)?;
            let kind = kind.as_str().unwrap_or_default();
            writeln!(
                out,
                "{kind}: {}\n  server: {}\n  redis:  {}",
                found.name, found.server, found.redis
            )?;
        }
    }
    writeln!(out, "{} differences", grouped(report.differences()))?;
    Ok(())
}
