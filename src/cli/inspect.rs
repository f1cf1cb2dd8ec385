//! `hansom inspect`: what is in a trace of the own format, and whether it is whole.

use std::path::PathBuf;
use std::process::ExitCode;

use super::output::{DAMAGED, Summary, grouped};
use crate::geo::LatLng;
use crate::trace::{Order, TraceDigest, TraceFile, VERSION, Vehicles};
use crate::units::Timestamp;

/// Read a trace in Hansom's own format from end to end and say what is in it.
///
/// Exit codes: 0 whole; 1 no such file, or not a trace; 2 wrong arguments; 4 damaged, and read up
/// to the damage.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The trace.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// List the blocks too.
    #[arg(long)]
    blocks: bool,
}

/// What reading a trace gathers.
#[derive(Default)]
struct Gathered {
    rows: u64,
    blocks: u64,
    packed: u64,
    last_block: Option<u64>,
    span: Option<(Timestamp, Timestamp)>,
    /// South, west, north, east in ten-millionths of a degree.
    bounds: Option<[i32; 4]>,
}

/// Runs the subcommand.
///
/// # Errors
/// A file that cannot be read or is no trace of the own format.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut file = TraceFile::open(&args.file)?;
    let (mut vehicles, mut digest) = (Vehicles::new(), TraceDigest::new());
    let mut gathered = Gathered::default();
    let mut blocks = Summary::new();
    while let Some(record) = file.next(&mut vehicles)? {
        digest.update(vehicles.name(record.vehicle), &record);
        gathered.take(record.at, record.position);
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
        .row("vehicles", grouped(vehicles.len() as u64))
        .span(gathered.span)
        .row("bounding box", gathered.bounds.map_or("none".to_owned(), bounds_text))
        .row("digest", digest.finish())
        .row("damage", file.damage().map_or("none".to_owned(), ToString::to_string))
        .print();
    if args.blocks {
        blocks.print();
    }
    Ok(if file.damage().is_some() { ExitCode::from(DAMAGED) } else { ExitCode::SUCCESS })
}

impl Gathered {
    fn take(&mut self, at: Timestamp, position: LatLng) {
        self.rows += 1;
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        let (lat, lng) = (position.lat_e7(), position.lng_e7());
        let [south, west, north, east] = self.bounds.unwrap_or([lat, lng, lat, lng]);
        self.bounds = Some([south.min(lat), west.min(lng), north.max(lat), east.max(lng)]);
    }
}

fn bounds_text([south, west, north, east]: [i32; 4]) -> String {
    let degrees = |e7: i32| f64::from(e7) / 1e7;
    let (south, west, north, east) = (degrees(south), degrees(west), degrees(north), degrees(east));
    format!("lat {south} to {north}, lng {west} to {east}")
}
