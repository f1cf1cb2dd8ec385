//! `hansom trips`: the history in a journal, listed and exported.

mod columns;
mod parquet;

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use self::columns::{COLUMNS, cells};
use self::parquet::ParquetExport;
use crate::dispatch::Trip;
use crate::ids::MarketId;
use crate::journal::{History, Journal as _, JournalConfig, RedbJournal};
use crate::limits;
use crate::records;
use crate::units::rfc3339;

/// List or export the ended trips of a market's journal, latest first.
///
/// Only one process at a time can use a journal: end the server, or use a copy of its folder.
///
/// Exit codes: 0 done; 1 the journal cannot be read; 2 wrong arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansom trips list --journal hansom-data --limit 20
  hansom trips export --journal hansom-data --market sf > trips.csv
  hansom trips export --format parquet --output trips.parquet")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A line a trip, for people.
    List(Listed),
    /// A row a trip, with all that is known, as CSV or Parquet.
    Export(Exported),
}

#[derive(Debug, clap::Args)]
struct Source {
    /// The folder that `hansom serve --journal` was given.
    #[arg(long, value_name = "DIR", default_value = "hansom-data")]
    journal: PathBuf,
    /// Which market.
    #[arg(long, value_name = "ID", default_value = "main")]
    market: MarketId,
}

#[derive(Debug, clap::Args)]
struct Listed {
    #[command(flatten)]
    source: Source,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Exported {
    #[command(flatten)]
    source: Source,
    /// In which format.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Into this file [default: standard output].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// Apache Parquet with typed columns: moments as timestamps, money in minor units.
    Parquet,
}

/// Runs the subcommand.
///
/// # Errors
/// If the journal cannot be read, or the output not be written.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::List(listed) => {
            let mut out = std::io::stdout().lock();
            each(&listed.source, listed.limit, |trip| line(&mut out, trip))?;
        }
        What::Export(exported) => export(exported)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn export(Exported { source, format, output }: &Exported) -> anyhow::Result<()> {
    let out: Box<dyn Write + Send> = match output {
        None => Box::new(std::io::stdout()),
        Some(path) => Box::new(
            std::fs::File::create(path)
                .with_context(|| format!("cannot make {}", path.display()))?,
        ),
    };
    let mut out = BufWriter::new(out);
    match format {
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(&mut out);
            csv.write_record(COLUMNS.map(|column| column.name))?;
            each(source, usize::MAX, |trip| {
                let texts = cells(trip).map(|cell| cell.map(|cell| cell.to_string()));
                Ok(csv.write_record(texts.map(Option::unwrap_or_default))?)
            })?;
            csv.flush()?;
        }
        Format::Parquet => {
            let mut export = ParquetExport::new(&mut out)?;
            each(source, usize::MAX, |trip| export.write(cells(trip)))?;
            export.finish()?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Hands out ended trips, latest first.
fn each(
    source: &Source,
    limit: usize,
    mut take: impl FnMut(&Trip) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = source.journal.join(source.market.as_str());
    anyhow::ensure!(folder.is_dir(), "{} is not there", folder.display());
    let journal = RedbJournal::open(&folder, JournalConfig::default());
    let journal = journal.context("cannot open the journal")?;
    let mut left = limit;
    let mut question = History::latest(limits::MAX_JOURNAL_PAGE.min(left));
    while left > 0 {
        question.size = limits::MAX_JOURNAL_PAGE.min(left);
        let page = journal.history(&question)?;
        for ended in &page.rows {
            let trip = records::decode_trip(&ended.state);
            take(&trip.with_context(|| format!("trip {} cannot be read", ended.stream))?)?;
        }
        left -= page.rows.len();
        match page.rows.last() {
            Some(last) if page.more => question = question.after(last),
            _ => break,
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, trip: &Trip) -> anyhow::Result<()> {
    let requested = rfc3339(trip.requested_at);
    let driver = trip.assignment.as_ref().map(|assignment| assignment.driver.to_string());
    let due = trip.end.and_then(|end| end.ending.due());
    writeln!(
        out,
        "{}  {requested}  {:<11}  rider {}  driver {}  {}",
        trip.id,
        trip.state.name(),
        trip.request.rider,
        driver.as_deref().unwrap_or("-"),
        due.map_or_else(|| "-".to_owned(), |due| due.to_string()),
    )?;
    Ok(())
}
