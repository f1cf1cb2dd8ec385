//! `hansom inspect` of a log of trip requests: what is in it, and why the rest is not.

use std::ops::ControlFlow;
use std::process::ExitCode;

use super::Args;
use crate::cli::gathered::Requests;
use crate::cli::output::{Summary, Unit, bar, grouped};
use crate::geo::Area;
use crate::trace::civil::LocalTime;
use crate::trace::requests::{self, LogFormat, LogOptions, RequestReader, RequestReason};

/// Reads the log to its end and prints the table.
pub(super) fn run(args: &Args, format: LogFormat) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(!args.blocks, "--blocks is for traces; a log of requests has none");
    let options = LogOptions {
        local_time: args.utc_offset.map_or(LocalTime::NewYork, LocalTime::Fixed),
        region: args.region.unwrap_or_default(),
        ..LogOptions::default()
    };
    let mut reader = requests::open(&args.file, &options)?;
    let reading = bar(reader.progress().bytes_total, Unit::Bytes).with_message("reading");
    reader.prepare(&mut |progress| {
        reading.set_position(progress.bytes_read);
        ControlFlow::Continue(())
    })?;
    reading.finish_and_clear();
    let mut gathered = Requests::default();
    while let Some(request) = reader.next().transpose()? {
        gathered.take(&request);
    }
    let mut summary = Summary::new();
    summary
        .row("format", format!("log of trip requests, {format}"))
        .row("bytes", grouped(reader.progress().bytes_total));
    rows(&reader, &mut summary);
    gathered.rows(&mut summary);
    summary.print();
    Ok(ExitCode::SUCCESS)
}

fn rows(reader: &RequestReader, summary: &mut Summary) {
    let counts = reader.stats();
    summary
        .row("rows read", grouped(counts.read))
        .row("rows rejected", grouped(counts.rejected_total()));
    for reason in RequestReason::ALL {
        let count = counts.rejected_for(reason);
        if count > 0 {
            summary.row(&format!("  {reason}"), grouped(count));
        }
    }
    summary.row("region", reader.region().map_or("anywhere".to_owned(), region));
}

fn region(area: &Area) -> String {
    match area {
        Area::Circle(circle) => {
            let (radius, center) = (circle.radius().get() / 1_000.0, circle.origin().position());
            format!("within {radius} km of {center}, the median of the first pickups")
        }
        Area::Box(_) | Area::Polygon(_) => "the box given".to_owned(),
    }
}
