//! A run of the suite on a terminal: who took part, and how many times as fast ours is.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::cli::output::{grouped, rounded};
use crate::suite::result::{Series, Setting, SuiteResult, SystemRecord, SystemStatus};

/// Who took part.
pub(super) fn systems(systems: &[SystemRecord]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["system", "version", "access", ""]);
    for system in systems {
        let status = match &system.status {
            SystemStatus::Measured => String::new(),
            SystemStatus::Missing { reason, install } => format!("missing: {reason}; {install}"),
            SystemStatus::Failed { reason } => format!("FAILED: {reason}"),
        };
        table.add_row([&system.name, &system.version, &system.access, &status]);
    }
    table
}

/// What is counted, the larger the better.
fn figure(series: &Series) -> Option<f64> {
    let held = series.climb.as_ref().and_then(|climb| climb.held);
    held.or_else(|| series.rates().map(|[_, median, _]| median))
}

/// What was measured, and beside each system how many times as much ours does.
pub(super) fn table(result: &SuiteResult) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["suite", "work", "system", "call", "a second", "p99", "ours", "answers"]);
    let mut ours: BTreeMap<String, f64> = BTreeMap::new();
    for series in result.series.iter().filter(|series| series.system.starts_with("hansom")) {
        if let Some(figure) = figure(series) {
            let best = ours.entry(key(series)).or_default();
            *best = best.max(figure);
        }
    }
    for series in &result.series {
        let rate = match (figure(series), series.bytes_per_driver) {
            (Some(figure), _) => format!("{} {}", rounded(figure), series.unit),
            (None, Some(bytes)) => format!("{bytes:.0} B a driver"),
            (None, None) => "never held".to_owned(),
        };
        let mut p99s: Vec<f64> =
            series.runs.iter().filter_map(|run| Some(run.latency?.p99)).collect();
        p99s.sort_by(f64::total_cmp);
        let p99 = p99s.get(p99s.len() / 2).map(|p99| format!("{:.3} ms", p99 / 1e3));
        let ratio = figure(series).and_then(|figure| Some(ours.get(&key(series))? / figure));
        table.add_row([
            series.suite.clone(),
            work(&series.setting),
            series.system.clone(),
            series.call.clone(),
            rate,
            p99.unwrap_or_default(),
            ratio.map_or_else(String::new, |ratio| format!("× {ratio:.1}")),
            answers(series),
        ]);
    }
    for column in [4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// What can be compared: the same work, reached in the same way, one at a time or not.
fn key(series: &Series) -> String {
    let inside = ["hansom-direct", "rstar", "kiddo", "scan", "floor"];
    let inside = inside.contains(&series.system.as_str());
    format!("{} {:?} {inside} {}", series.suite, series.setting, series.waits())
}

/// What was done to what.
fn work(setting: &Setting) -> String {
    let Setting { workload, drivers, k, radius_m, passing_percent, update_percent, threads } =
        setting;
    let mut work = vec![format!("{workload} {}", grouped(*drivers))];
    if *k > 0 {
        work.push(format!("{k} in {} m", grouped((*radius_m).into())));
    }
    if *passing_percent < 100 {
        work.push(format!("{passing_percent} % pass"));
    }
    if *k > 0 && *update_percent > 0 {
        work.push(format!("{update_percent} % moves"));
    }
    if *threads > 1 {
        work.push(format!("{threads} threads"));
    }
    work.join(", ")
}

fn answers(series: &Series) -> String {
    let Some(agreement) = series.agreement else { return String::new() };
    match (agreement.different, agreement.rounded) {
        (0, 0) => "equal".to_owned(),
        (0, rounded) => format!("{} equal, {rounded} rounded", agreement.equal),
        (different, _) => format!("{different} of {} WRONG", agreement.compared),
    }
}
