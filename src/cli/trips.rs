//! `hansom trips`: the history in a journal, listed and exported.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::dispatch::{Stars, Trip};
use crate::geo::LatLng;
use crate::ids::MarketId;
use crate::journal::{History, Journal as _, JournalConfig, RedbJournal};
use crate::limits;
use crate::records;
use crate::units::{Timestamp, rfc3339};

/// List or export the ended trips of a market's journal, latest first.
///
/// Only one process at a time can use a journal: end the server, or use a copy of its folder.
///
/// Exit codes: 0 done; 1 the journal cannot be read; 2 wrong arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansom trips list --journal hansom-data --limit 20
  hansom trips export --journal hansom-data --market sf > trips.csv")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A line a trip, for people.
    List(Listed),
    /// A row a trip, with all that is known, as CSV.
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
        What::Export(Exported { source, format: Format::Csv, output }) => {
            let out: Box<dyn Write> = match output {
                None => Box::new(std::io::stdout().lock()),
                Some(path) => Box::new(
                    std::fs::File::create(path)
                        .with_context(|| format!("cannot make {}", path.display()))?,
                ),
            };
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(COLUMNS)?;
            each(source, usize::MAX, |trip| Ok(csv.write_record(row(trip))?))?;
            csv.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
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

const COLUMNS: [&str; 23] = [
    "trip_id",
    "state",
    "ended_by",
    "reason",
    "rider_id",
    "request_key",
    "driver_id",
    "requested_at",
    "accepted_at",
    "arrived_at",
    "started_at",
    "ended_at",
    "pickup_lat",
    "pickup_lng",
    "dropoff_lat",
    "dropoff_lng",
    "passengers",
    "offers",
    "agreed_fare",
    "due",
    "currency",
    "rated_by_rider",
    "rated_by_driver",
];

fn row(trip: &Trip) -> [String; 23] {
    let moment = |at: Option<Timestamp>| at.map(rfc3339).unwrap_or_default();
    let stars = |stars: Option<Stars>| stars.map(|s| s.get().to_string()).unwrap_or_default();
    let assignment = trip.assignment.as_ref();
    let (pickup, dropoff) = (trip.request.journey.pickup, trip.request.journey.dropoff);
    let degrees = dropoff.map(LatLng::degrees);
    let due = trip.end.and_then(|end| end.ending.due());
    let agreed = trip.agreed.map(|fare| fare.minor.to_string());
    [
        trip.id.to_string(),
        trip.state.name().to_owned(),
        trip.end.map(|end| end.ending.by().to_string()).unwrap_or_default(),
        trip.end.map(|end| end.ending.reason().to_owned()).unwrap_or_default(),
        trip.request.rider.to_string(),
        trip.request.key.to_string(),
        assignment.map(|a| a.driver.to_string()).unwrap_or_default(),
        rfc3339(trip.requested_at),
        moment(assignment.map(|a| a.accepted_at)),
        moment(assignment.and_then(|a| a.arrived_at)),
        moment(assignment.and_then(|a| a.started_at)),
        moment(trip.end.map(|end| end.at)),
        pickup.degrees().lat.to_string(),
        pickup.degrees().lng.to_string(),
        degrees.map(|place| place.lat.to_string()).unwrap_or_default(),
        degrees.map(|place| place.lng.to_string()).unwrap_or_default(),
        trip.request.journey.passengers.get().to_string(),
        trip.attempts.to_string(),
        agreed.unwrap_or_default(),
        due.map(|due| due.minor.to_string()).unwrap_or_default(),
        due.or(trip.agreed).map(|due| due.currency.to_string()).unwrap_or_default(),
        stars(trip.rated_by_rider),
        stars(trip.rated_by_driver),
    ]
}
