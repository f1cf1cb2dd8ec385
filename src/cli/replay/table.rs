//! A replay's report as a table.

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::cli::output::{grouped as number, rounded};
use crate::replay::Report;
use crate::trace::civil;

/// How many of the files passed over are named; the JSON has more.
const SKIPPED_SHOWN: usize = 20;

/// The report for a person to read.
pub(super) fn of(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("format", report.format.clone());
    row("server", format!("{}, device times: {}", report.target, report.device_times));
    row("speed", report.speed.clone());
    let rows = &report.rows;
    row("rows read", number(rows.read));
    for (reason, count) in &rows.rejected_by_reader {
        row(&format!("  no report: {reason}"), number(*count));
    }
    if rows.unsent > 0 {
        row("  not sent: interrupted", number(rows.unsent));
    }
    row("  accepted", number(rows.accepted));
    for (reason, count) in &rows.rejected_by_server {
        row(&format!("  rejected: {reason}"), number(*count));
    }
    row("implausible (accepted)", number(rows.implausible));
    row("drivers", number(report.drivers));
    if let Some((first, last)) = report.time_span_ms {
        row("time span", format!("{} to {}", civil::rfc3339(first), civil::rfc3339(last)));
    }
    if let Some(b) = report.bounds {
        row("bounding box", format!("{},{} to {},{}", b.south, b.west, b.north, b.east));
    }
    row("replayed in", format!("{:.2} s", report.replay_seconds));
    row("updates/s", rounded(report.updates_per_second));
    if report.skipped_files > 0 {
        row("files passed over", number(report.skipped_files));
        for file in report.skipped.iter().take(SKIPPED_SHOWN) {
            row("  not read", file.clone());
        }
        if report.skipped_files > SKIPPED_SHOWN as u64 {
            row("  not read", "more, named by --report".to_owned());
        }
    }
    if let Some(latency) = &report.query_latency {
        let (answered, failed) = (number(latency.answered), latency.failed);
        row(
            "questions",
            format!("{answered} answered, {failed} failed, {} overdue", latency.overdue),
        );
        row("drivers an answer", format!("{:.1}", latency.mean_hits));
        let percentiles = [
            ("p50", latency.p50_us),
            ("p90", latency.p90_us),
            ("p99", latency.p99_us),
            ("p99.9", latency.p999_us),
            ("max", latency.max_us),
        ];
        for (name, micros) in percentiles {
            row(&format!("  latency {name}"), format!("{:.3} ms", micros / 1e3));
        }
    }
    if let Some(checks) = &report.checks {
        let (equal, checked) = (number(checks.equal), number(checks.checked));
        row("equal to the linear scan", format!("{equal} of {checked} answers"));
        row("  checks took", format!("{:.2} s", report.check_seconds));
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
