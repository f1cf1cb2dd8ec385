//! `hansom generate`: a made-up fleet as a trace, or made-up demand as a log of requests.

mod requests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::output::{NewTrace, Overwrite, Summary, Unit, bar, grouped};
use crate::sim::{self, City, FleetPlan};
use crate::trace::TraceDigest;
use crate::trace::civil::{self, UtcOffset};
use crate::units::{Millis, Timestamp};

/// Make up a fleet that drives through a real city's coordinates, and write its trace.
///
/// The streets are an invented grid. Drivers cruise, go to pickups, wait, drive trips and end
/// shifts; each reports about every four seconds. The same arguments give the same trace on each
/// machine.
///
/// `hansom generate requests` makes up who wants to be driven there.
///
/// Exit codes: 0 done; 1 failed, nothing written; 2 wrong arguments.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  hansom generate --city san-francisco --drivers 150 --minutes 45 --seed 1 --out sf.htrace
  hansom generate requests --city san-francisco --requests 3000 --minutes 60 --out sf.csv")]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,

    /// Where: san-francisco, new-york, beijing, berlin or nairobi.
    #[arg(long, default_value = "san-francisco")]
    city: City,

    /// How many drivers, 1 to 1000000.
    #[arg(long, allow_negative_numbers = true, value_name = "N", default_value_t = 150)]
    drivers: u32,

    /// How long, in minutes.
    #[arg(long, allow_negative_numbers = true, value_name = "M", default_value_t = 45)]
    minutes: u32,

    /// Which of the possible fleets.
    #[arg(long, allow_negative_numbers = true, default_value_t = 1)]
    seed: u64,

    /// About how often a driver reports, in milliseconds.
    #[arg(long, allow_negative_numbers = true, value_name = "MS", default_value_t = 4_000)]
    report_every_ms: u64,

    /// When it begins, like "2026-01-10 01:00:00" (UTC unless an offset follows).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    start: Option<Timestamp>,

    /// The trace to write; it appears when it is whole.
    #[arg(long, value_name = "FILE", required = true)]
    out: Option<PathBuf>,

    /// Replace FILE if it exists.
    #[arg(long)]
    force: bool,
}

/// What else can be made up.
#[derive(Debug, Subcommand)]
enum What {
    Requests(requests::Args),
}

/// Runs the subcommand.
///
/// # Errors
/// An impossible plan, or a file that cannot be written.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match (&args.what, &args.out) {
        (Some(What::Requests(args)), _) => requests::run(args),
        (None, Some(out)) => fleet(args, out),
        (None, None) => anyhow::bail!("--out FILE is missing"),
    }
}

fn fleet(args: &Args, out: &Path) -> anyhow::Result<ExitCode> {
    let duration = Millis::from_secs(u64::from(args.minutes) * 60);
    let plan = FleetPlan::new(args.city, args.drivers, duration, args.seed)
        .and_then(|plan| plan.with_report_every(Millis(args.report_every_ms)))
        .context("cannot make up this fleet")?
        .starting_at(args.start.unwrap_or(FleetPlan::DEFAULT_START));
    let (new, mut writer) = NewTrace::create(out, Overwrite::from_force(args.force))?;
    let minutes = bar(u64::from(args.minutes) * 60, Unit::Rows).with_message("seconds");
    let (mut digest, mut rows, mut span) = (TraceDigest::new(), 0_u64, None);
    for record in sim::generate(&plan) {
        let driver = plan.driver_id(record.vehicle);
        digest.update(&driver, &record);
        writer.write(&driver, &record)?;
        let (first, _) = span.unwrap_or((record.at, record.at));
        span = Some((first, record.at));
        rows += 1;
        if rows.is_multiple_of(8_192) {
            minutes.set_position(record.at.since(first).get() / 1_000);
        }
    }
    minutes.finish_and_clear();
    let bytes = new.finish(writer)?;
    Summary::new()
        .row("rows", grouped(rows))
        .row("drivers", grouped(plan.drivers().into()))
        .span(span)
        .row("bytes written", grouped(bytes))
        .row("digest", digest.finish())
        .print();
    Ok(ExitCode::SUCCESS)
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let parsed = civil::parse(text, UtcOffset::UTC);
    parsed.ok_or_else(|| "not a moment like 2026-01-10T01:00:00Z".to_owned())
}
