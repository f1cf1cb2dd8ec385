//! `hansom import`: public and foreign traces into one file of the own format.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use super::output::{DAMAGED, NewTrace, Overwrite, Summary, Unit, bar, grouped};
use crate::trace::{
    self, CsvColumns, ReadOptions, RowReason, TraceDigest, TraceReader, TraceWriter,
    civil::UtcOffset,
};
use crate::units::Timestamp;

/// Turn traces of known formats into one trace in Hansom's own format, in time order.
///
/// Formats are recognised by content: Cabspotting (`lat lon occupied unixtime`, a file a cab),
/// T-Drive (`id,YYYY-MM-DD HH:MM:SS,lon,lat`), and any CSV with a header line and --csv-columns,
/// each as a plain file, .gz, .tar or .tar.gz; Hansom's own as a plain file; or a folder of plain
/// and .gz files, of which those passed over are listed. Rows that are no position report are counted by reason, never silently dropped.
/// Several sources are merged; the same id is the same driver.
///
/// Exit codes: 0 done; 1 failed, nothing written; 2 wrong arguments; 4 done, but a source was
/// damaged and has been read up to the damage.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansom import cabspotting.tar.gz --out sf.htrace
  hansom import probes.csv.gz --csv-columns id=driver,time=ts,lat=latitude,lng=longitude \\
      --utc-offset +02:00 --out probes.htrace")]
pub(super) struct Args {
    /// Files or folders to read.
    #[arg(required = true, value_name = "SRC")]
    sources: Vec<PathBuf>,

    /// The trace to write; it appears when it is whole.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Replace FILE if it exists.
    #[arg(long)]
    force: bool,

    /// Which CSV column is what: id, time, lat and lng are required; heading (degrees), speed
    /// (m/s), accuracy (m) and status (name or number) may follow.
    #[arg(long, value_name = "FIELD=COLUMN,...")]
    csv_columns: Option<CsvColumns>,

    /// The local time of CSV times that name no offset, like +08:00 [default: UTC].
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    utc_offset: Option<UtcOffset>,
}

/// Runs the subcommand.
///
/// # Errors
/// Whatever could not be read or written, by name.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = ReadOptions {
        csv: args.csv_columns.clone(),
        utc_offset: args.utc_offset.unwrap_or(UtcOffset::UTC),
        ..ReadOptions::default()
    };
    let mut reader = trace::open_all(&args.sources, &options)?;
    let (new, mut writer) = NewTrace::create(&args.out, Overwrite::from_force(args.force))?;
    read(&mut reader)?;
    let copied = copy(&mut reader, &mut writer)?;
    anyhow::ensure!(reader.stats().yielded > 0, "no row is a position report: nothing to write");
    let bytes = new.finish(writer)?;
    print(&reader, copied, bytes);
    Ok(warn_of_damage(&reader))
}

fn read(reader: &mut TraceReader) -> anyhow::Result<()> {
    let reading = bar(reader.progress().bytes_total, Unit::Bytes).with_message("reading");
    reader.prepare(&mut |progress| {
        reading.set_position(progress.bytes_read);
        ControlFlow::Continue(())
    })?;
    reading.finish_and_clear();
    Ok(())
}

/// What is known once all records have been copied.
struct Copied {
    digest: TraceDigest,
    span: Option<(Timestamp, Timestamp)>,
}

fn copy(reader: &mut TraceReader, writer: &mut TraceWriter) -> anyhow::Result<Copied> {
    let writing = bar(reader.rows_hint().unwrap_or(0), Unit::Rows).with_message("writing");
    let mut copied = Copied { digest: TraceDigest::new(), span: None };
    while let Some(record) = reader.next()? {
        let driver = reader.vehicle_name(record.vehicle);
        copied.digest.update(driver, &record);
        copied.span = Some((copied.span.map_or(record.at, |span| span.0), record.at));
        writer.write(driver, &record)?;
        if reader.stats().yielded.is_multiple_of(8_192) {
            writing.set_position(reader.stats().yielded);
        }
    }
    writing.finish_and_clear();
    Ok(copied)
}

fn print(reader: &TraceReader, copied: Copied, bytes: u64) {
    let counts = reader.stats();
    let mut summary = Summary::new();
    summary
        .row("format", reader.format())
        .row("rows read", grouped(counts.read))
        .row("rows kept", grouped(counts.yielded))
        .row("rows rejected", grouped(counts.rejected_total()));
    for reason in RowReason::ALL {
        let count = counts.rejected_for(reason);
        if count > 0 {
            summary.row(&format!("  {reason}"), grouped(count));
        }
    }
    if reader.skipped().count() > 0 {
        summary.row("files passed over", grouped(reader.skipped().count()));
        for file in reader.skipped().named() {
            summary.row("  not read", file);
        }
    }
    summary
        .row("vehicles", grouped(reader.vehicles() as u64))
        .span(copied.span)
        .row("bytes written", grouped(bytes))
        .row("digest", copied.digest.finish())
        .print();
}

#[expect(clippy::print_stderr, reason = "a warning beside the result")]
fn warn_of_damage(reader: &TraceReader) -> ExitCode {
    for damage in reader.damages() {
        eprintln!("hansom: damaged: {damage}");
    }
    if reader.damages().is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) }
}
