//! `hansom bench compare`: two runs of the suite beside one another.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::suite::compare::{self, Change, Comparison, Mark, Measure, Terms};

/// The exit code of a regression: neither 1, which is failure, nor 2, which is clap's for wrong
/// arguments, nor 3, which is a wrong answer, nor 4, which is a damaged file.
const REGRESSED: u8 = 5;

const AFTER_HELP: &str = "\
Compared are the rates, and where they were looked at the times in which 99 of 100 came, of the series \
that are in both: the ratio of the geometric means, B divided by A, with its interval (Welch's, of \
logarithms). The intervals of Hansom's series hold together with the confidence that is given, so \
that noise in one of many does not count; more runs make them narrower (`bench run --repeat`). Other \
systems are shown, as what the machine did meanwhile, and do not count.

Exit codes: 0 nothing regressed, 1 the two cannot be compared, 2 wrong arguments, 5 a series of \
Hansom's takes longer by more than the threshold, with its whole interval.";

/// Compare two runs of the suite: what became faster or slower, and how sure that is
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The result before: a `result.json` of `bench run`
    #[arg(value_name = "A.json")]
    before: PathBuf,
    /// The result after
    #[arg(value_name = "B.json")]
    after: PathBuf,
    /// By how much longer an operation may take before it counts, in percent
    #[arg(long, allow_negative_numbers = true, default_value = "5%", value_name = "PERCENT",
          value_parser = percent)]
    threshold: f64,
    /// How sure all intervals together are, in percent
    #[arg(long, allow_negative_numbers = true, default_value = "95%", value_name = "PERCENT",
          value_parser = percent)]
    confidence: f64,
    /// What is listed
    #[arg(long, value_enum, default_value_t = Show::All)]
    show: Show,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Show {
    /// All series that are in both
    All,
    /// Those that changed
    Changed,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    number.parse().map_err(|_| "not a number of percents, as in 5%".to_owned())
}

/// Runs the subcommand.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let terms = Terms::from_percents(args.threshold, args.confidence)?;
    let (before, after) = (compare::read(&args.before)?, compare::read(&args.after)?);
    let comparison = compare::compare(&before, &after, terms)?;
    let mut out = std::io::stdout().lock();
    for warning in &comparison.warnings {
        writeln!(out, "warning: {}", tame(warning))?;
    }
    let shown = |change: &&Change| {
        args.show == Show::All || !matches!(change.mark, Mark::NoChange | Mark::Unknown)
    };
    let changes: Vec<&Change> = comparison.changes.iter().filter(shown).collect();
    if !changes.is_empty() {
        writeln!(out, "{}", table(&changes))?;
    }
    let alone = [("before", &comparison.only_before), ("after", &comparison.only_after)];
    for (when, keys) in alone {
        for key in keys {
            writeln!(out, "only {when}: {}", tame(&key.words()))?;
        }
    }
    for line in verdict(&comparison, args) {
        writeln!(out, "{line}")?;
    }
    let regressed = comparison.regressions().next().is_some();
    Ok(if regressed { ExitCode::from(REGRESSED) } else { ExitCode::SUCCESS })
}

fn table(changes: &[&Change]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["", "of", "before", "after", "B / A", "between", ""]);
    for change in changes {
        let [before, after] =
            [change.before, change.after].map(|value| figure(change.measure, value));
        let between = change.interval.map_or(String::new(), |interval| {
            format!("{:.3} – {:.3}", interval.low, interval.high)
        });
        table.add_row([
            tame(&change.key.words()),
            change.measure.name().to_owned(),
            before,
            after,
            format!("{:.3}", change.ratio),
            between,
            change.mark.name().to_owned(),
        ]);
    }
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn figure(measure: Measure, value: f64) -> String {
    use crate::page::{bytes, micros, short};
    match measure {
        Measure::Rate | Measure::Held => format!("{}/s", short(value)),
        Measure::P99 => micros(value),
        Measure::Bytes => bytes(value),
    }
}

/// What there is to say in the end.
fn verdict(comparison: &Comparison, args: &Args) -> Vec<String> {
    let ours = comparison.changes.iter().filter(|change| change.key.is_ours());
    let count = |mark: Mark| ours.clone().filter(|change| change.mark == mark).count();
    let mut lines = Vec::new();
    if let Some(drift) = comparison.drift() {
        lines.push(format!(
            "The other systems, which nobody changed: rates {drift:.3} × of before in the median; \
             a machine that drifts makes all other figures doubtful."
        ));
    }
    lines.push(format!(
        "Hansom's: {} better, {} worse within {} %, {} regressed beyond it, {} without a change \
         that {} % confidence sees, {} with too few runs.",
        count(Mark::Better),
        count(Mark::Worse),
        args.threshold,
        count(Mark::Regressed),
        count(Mark::NoChange),
        args.confidence,
        count(Mark::Unknown),
    ));
    lines
}

/// Text that a terminal takes for text.
fn tame(text: &str) -> String {
    crate::page::tamed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_read_with_and_without_the_sign() {
        assert_eq!(["5", "5%", "2.5 %", "-1"].map(percent), [Ok(5.0), Ok(5.0), Ok(2.5), Ok(-1.0)]);
        assert!(percent("five").unwrap_err().contains("as in 5%"));
    }
}
