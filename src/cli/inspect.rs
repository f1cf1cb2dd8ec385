//! `hansom inspect`: what is in a trace of the own format, and whether it is whole; what is in a log
//! of trip requests.

mod requests;

use std::path::PathBuf;
use std::process::ExitCode;

use super::gathered::Extent;
use super::output::{DAMAGED, Summary, grouped};
use crate::trace::civil::UtcOffset;
use crate::trace::requests::{RegionRule, recognise};
use crate::trace::{Order, TraceDigest, TraceFile, VERSION, Vehicles};

/// Read a trace in Hansom's own format, or a log of trip requests, from end to end and say what is
/// in it.
///
/// Logs are recognised by content, plain or .gz: Hansom's own CSV, the TLC's CSV of yellow cabs, New
/// York's taxi events, Uber's FOIL pickups, cab trips. Rows that are no request are counted by
/// reason.
///
/// Exit codes: 0 whole; 1 no such file, neither a trace nor a log, or a log that cannot be unpacked;
/// 2 wrong arguments; 4 a damaged trace, read up to the damage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansom inspect sf.htrace
  hansom inspect yellow_2014-01.csv.gz --region 40.4,-74.3,41.0,-73.6")]
pub(super) struct Args {
    /// The trace or log.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// List the blocks of a trace too.
    #[arg(long)]
    blocks: bool,

    /// The local time of a log's times that name no offset, like -05:00 [default: New York's, with
    /// its daylight saving].
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    utc_offset: Option<UtcOffset>,

    /// Which of a log's trips count: nearby (100 km around the median of the first pickups),
    /// anywhere, or a box in degrees [default: nearby].
    #[arg(long, value_name = "S,W,N,E", allow_hyphen_values = true)]
    region: Option<RegionRule>,
}

/// What reading a trace gathers.
#[derive(Default)]
struct Gathered {
    rows: u64,
    blocks: u64,
    packed: u64,
    last_block: Option<u64>,
    extent: Extent,
}

/// Runs the subcommand.
///
/// # Errors
/// A file that cannot be read or is no trace of the own format.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(format) = recognise(&args.file) {
        return requests::run(args, format);
    }
    let mut file = TraceFile::open(&args.file)?;
    let for_logs = args.utc_offset.is_some() || args.region.is_some();
    anyhow::ensure!(!for_logs, "--utc-offset and --region are for logs of requests");
    let (mut vehicles, mut digest) = (Vehicles::new(), TraceDigest::new());
    let mut gathered = Gathered::default();
    let mut blocks = Summary::new();
    while let Some(record) = file.next(&mut vehicles)? {
        digest.update(vehicles.name(record.vehicle), &record);
        gathered.rows += 1;
        gathered.extent.take(record.at, record.position);
        if let Some(block) = file.block().filter(|b| Some(b.offset) != gathered.last_block) {
            gathered.last_block = Some(block.offset);
            gathered.packed += block.bytes;
            if args.blocks {
                let name = format!("block {} at byte {}", gathered.blocks, block.offset);
                blocks.row(&name, format!("{} rows, {} bytes", block.rows, block.bytes));
            }
            gathered.blocks += 1;
        }
    }
    let format = match file.header() {
        Some(Order::ByTime) => format!("hansom trace, version {VERSION}, records by time"),
        Some(Order::AsArrived) => format!("hansom trace, version {VERSION}, records as arrived"),
        None => "hansom trace, whose header cannot be read".to_owned(),
    };
    let mut summary = Summary::new();
    summary
        .row("format", format)
        .row("bytes", grouped(file.length()))
        .row("blocks", format!("{} of {} bytes", gathered.blocks, grouped(gathered.packed)))
        .row("rows", grouped(gathered.rows))
        .row("vehicles", grouped(vehicles.len() as u64));
    gathered.extent.rows(&mut summary);
    summary
        .row("digest", digest.finish())
        .row("damage", file.damage().map_or("none".to_owned(), ToString::to_string))
        .print();
    if args.blocks {
        blocks.print();
    }
    Ok(if file.damage().is_some() { ExitCode::from(DAMAGED) } else { ExitCode::SUCCESS })
}
