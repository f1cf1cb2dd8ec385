//! `hansom generate requests`: made-up demand as a log.

use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::moment;
use crate::cli::gathered::Requests;
use crate::cli::output::{NewFile, Overwrite, Summary, grouped};
use crate::sim::{self, City, DemandPlan, FleetPlan};
use crate::trace::requests::RequestWriter;
use crate::units::{Millis, Timestamp};

/// Make up trip requests in a real city's coordinates, and write them as a CSV.
///
/// Most trips start and end at a few busy places, the same as those of the fleet with the same city
/// and seed. The same arguments give the same requests on each machine. The columns are
/// `requested_at_ms,pickup_lat,pickup_lng,dropoff_lat,dropoff_lng,passengers`.
///
/// Exit codes: 0 done; 1 failed, nothing written; 2 wrong arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hansom generate requests --city berlin --requests 2000 --minutes 60 --seed 7 --out berlin.csv")]
pub(super) struct Args {
    /// Where: san-francisco, new-york, beijing, berlin or nairobi.
    #[arg(long, default_value = "san-francisco")]
    city: City,

    /// How many requests, 1 to 10000000.
    #[arg(long, allow_negative_numbers = true, value_name = "N", default_value_t = 3_000)]
    requests: u32,

    /// Within how many minutes.
    #[arg(long, allow_negative_numbers = true, value_name = "M", default_value_t = 60)]
    minutes: u32,

    /// Which of the possible demands.
    #[arg(long, allow_negative_numbers = true, default_value_t = 1)]
    seed: u64,

    /// When it begins, like "2026-01-10 01:00:00" (UTC unless an offset follows).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    start: Option<Timestamp>,

    /// The CSV to write; it appears when it is whole.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Replace FILE if it exists.
    #[arg(long)]
    force: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// An impossible plan, or a file that cannot be written.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let duration = Millis::from_secs(u64::from(args.minutes) * 60);
    let plan = DemandPlan::new(args.city, args.requests, duration, args.seed)
        .context("cannot make up this demand")?
        .starting_at(args.start.unwrap_or(FleetPlan::DEFAULT_START));
    let mut new = NewFile::create(&args.out, Overwrite::from_force(args.force))?;
    let mut writer = RequestWriter::new(BufWriter::new(new.file()))?;
    let mut gathered = Requests::default();
    for request in sim::demand(&plan) {
        gathered.take(&request);
        writer.write(&request)?;
    }
    writer.finish().with_context(|| format!("cannot write {}", args.out.display()))?;
    let bytes = new.finish()?;
    let mut summary = Summary::new();
    gathered.rows(&mut summary);
    summary.row("bytes written", grouped(bytes)).print();
    Ok(ExitCode::SUCCESS)
}
