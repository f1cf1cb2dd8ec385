//! `hansom verify-decisions`: is each decision of a log what it claims to be?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use indicatif::ProgressBar;
use serde::Serialize;

use super::output::{DAMAGED, NewFile, Overwrite, Summary, Unit, bar, grouped};
use crate::decisions::{
    Checked, DecisionFile, Difference, EXTENSION, Verdict, Verifier, sort_as_begun,
};
use crate::records::LogEntry;
use crate::trace::DamageKind;

/// The exit code if a decision is not what it claims to be, as for wrong answers of a replay.
const DIFFERENT: u8 = 3;

/// Read logs of decisions, as `hansom serve --decisions` and `hansom replay --decisions` write them,
/// and check each decision: that it can be carried out and adds up, that its certificate proves it, and
/// that solving it again, by two ways, costs the same. Those of `greedy` are made once more and compared.
///
/// A decision of which edges were left out can be checked in part only, and is counted as truncated,
/// never as verified. docs/decisions.md says what each check is.
///
/// Exit codes: 0 all that can be verified is; 1 failed, or not a log; 2 wrong arguments; 3 a decision
/// is not what it claims to be; 4 a damaged log, verified up to the damage. A file that was not finished,
/// as one that a server still writes, is told and is no damage: all that is in it is verified.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansom replay trips.csv --decisions decisions && hansom verify-decisions decisions
  hansom verify-decisions decisions/main-00000003.hdecisions --report verified.json")]
pub(super) struct Args {
    /// Files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How many differences are told
    #[arg(long, allow_negative_numbers = true, default_value_t = 20, value_name = "N")]
    show: usize,
    /// Write the result as JSON into this file; it appears when it is whole
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace the report's FILE if it exists
    #[arg(long)]
    force: bool,
}

/// What is told in the end.
#[derive(Debug, Default, Serialize)]
struct Report {
    files: u64,
    bytes: u64,
    #[serde(flatten)]
    checked: Checked,
    /// The first differences.
    differences: Vec<Difference>,
    /// Files that end after a whole block and without a footer.
    unfinished: Vec<PathBuf>,
    /// Where files are damaged.
    damage: Vec<String>,
}

/// Runs the subcommand.
///
/// # Errors
/// If a file cannot be read or is no log of decisions.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let new = |path: &PathBuf| NewFile::create(path, Overwrite::from_force(args.force));
    let new_report = args.report.as_ref().map(new).transpose()?;
    let files = files(&args.paths)?;
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let progress = bar(files.iter().map(size).sum(), Unit::Bytes).with_message("verify");
    let (mut report, mut verifier) = (Report::default(), Verifier::default());
    for path in &files {
        verify(path, args.show, &mut verifier, &mut report, &progress)?;
    }
    progress.finish_and_clear();
    print(&report);
    if let Some(file) = new_report {
        let json = serde_json::to_string_pretty(&report)? + "\n";
        file.finish_with(json.as_bytes()).context("cannot write the report")?;
    }
    Ok(match (report.checked.different, report.damage.is_empty()) {
        (0, true) => ExitCode::SUCCESS,
        (0, false) => ExitCode::from(DAMAGED),
        _ => ExitCode::from(DIFFERENT),
    })
}

/// The files at these paths; those of a folder in the order in which they were begun.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        let entries = std::fs::read_dir(path);
        for entry in entries.with_context(|| format!("cannot read {}", path.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                found.push(path);
            }
        }
        anyhow::ensure!(!found.is_empty(), "{} has no .{EXTENSION} in it", path.display());
        sort_as_begun(&mut found);
        files.append(&mut found);
    }
    Ok(files)
}

fn verify(
    path: &Path,
    show: usize,
    verifier: &mut Verifier,
    report: &mut Report,
    progress: &ProgressBar,
) -> anyhow::Result<()> {
    let mut file = DecisionFile::open(path)?;
    let before = report.bytes;
    while let Some(entry) = file.next_entry()? {
        let verdict = match &entry {
            LogEntry::Decided(logged) => Some(verifier.check(logged)),
            LogEntry::Missing { .. } => None,
        };
        report.checked.count(&entry, verdict.as_ref());
        let found = verdict.iter().flat_map(Verdict::differences);
        let room = show.saturating_sub(report.differences.len());
        report.differences.extend(found.take(room).cloned());
        progress.set_position(before + file.position());
    }
    report.files += 1;
    report.bytes += file.length();
    match file.damage() {
        None => {}
        // As of a server that still writes it, or was killed.
        Some(damage) if damage.what == DamageKind::NoFooter => {
            report.unfinished.push(path.to_path_buf());
        }
        Some(damage) => report.damage.push(damage.to_string()),
    }
    Ok(())
}

fn print(report: &Report) {
    let Report { files, bytes, checked, differences, unfinished, damage } = report;
    let Checked { reach, .. } = checked;
    let mut table = Summary::new();
    table
        .row("files", format!("{} of {} bytes", grouped(*files), grouped(*bytes)))
        .row("decisions read", grouped(checked.decisions))
        .row("verified", grouped(checked.verified))
        .row("truncated", grouped(checked.truncated))
        .row("unproven", grouped(checked.unproven))
        .row("different", grouped(checked.different))
        .row("missing", grouped(checked.missing))
        .row("riders", format!("{}, {} assigned", grouped(reach.riders), grouped(reach.assigned)))
        .row("edges", grouped(reach.edges))
        .row("edges back to back", grouped(reach.back_to_back))
        .row("decisions at once", grouped(reach.immediate))
        .row("decisions contended", grouped(reach.contended))
        .row("decisions extended", grouped(reach.extended))
        .row("decisions with ties", grouped(reach.tied))
        .row("decisions stopped", grouped(reach.stopped));
    for (i, difference) in differences.iter().enumerate() {
        table.row(&format!("difference {}", i + 1), difference);
    }
    for path in unfinished {
        table.row("not finished", path.display());
    }
    let first = damage.first().cloned();
    table.row("damage", first.unwrap_or_else(|| "none".to_owned()));
    damage.iter().skip(1).for_each(|damage| {
        table.row("", damage);
    });
    table.print();
}
