//! A trial's report as tables: what it was about, and policies side by side.

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::cli::output::{grouped as number, rounded};
use crate::trace::civil;
use crate::trial::{Batches, Outcome, Report, Spread};

/// What the trial was about.
pub(super) fn about(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    for log in &report.logs {
        row("log", format!("{} ({})", log.path, log.format));
    }
    row("rows read", number(report.rows_read));
    for (reason, count) in &report.rejected {
        row(&format!("  no request: {reason}"), number(*count));
    }
    if report.left_out > 0 {
        row("  after the part taken", number(report.left_out));
    }
    row("requests", number(report.requests));
    if let Some((first, last)) = report.span_ms {
        row("time span", format!("{} to {}", civil::rfc3339(first), civil::rfc3339(last)));
    }
    let fleet = &report.fleet;
    row("drivers", format!("{}, placed from {}", number(fleet.drivers), fleet.placed_from));
    row("seed", report.settings.seed.to_string());
    if let Some(server) = &report.server {
        row("server", format!("{}, market {}, at {}x", server.target, server.market, server.speed));
        row("  done late at most", format!("{:.1} ms", server.late_ms));
        row("  positions flagged as too fast", number(server.implausible));
    }
    if report.interrupted {
        row("interrupted", "what follows is of a part of the day".to_owned());
    }
    right(&mut table, 1);
    table
}

/// A row for each figure, a column for each policy.
pub(super) fn side_by_side(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let names = report.policies.iter().map(|outcome| outcome.policy.clone());
    table.set_header(std::iter::once("policy".to_owned()).chain(names));
    let mut row = |name: &str, value: &dyn Fn(&Outcome) -> String| {
        let values = report.policies.iter().map(value);
        table.add_row(std::iter::once(name.to_owned()).chain(values));
    };
    riders(&mut row);
    drivers(&mut row);
    if report.server.is_none() {
        batches(&mut row);
    }
    row("positions reported", &|one| number(one.reports));
    row("events", &|one| number(one.events));
    row(if report.server.is_none() { "simulated in" } else { "replayed in" }, &|one| {
        format!("{:.2} s", one.wall_seconds)
    });
    // The first bytes are enough to compare by eye; the JSON has them all.
    if report.server.is_none() {
        row("digest", &|one| {
            let digest = one.digest.as_deref().unwrap_or_default();
            digest.get(..16).unwrap_or(digest).to_owned()
        });
    }
    for column in 1..=report.policies.len() {
        right(&mut table, column);
    }
    table
}

/// A number of a spread.
type Which = fn(&Spread) -> f64;

/// Adds a row: its name, and its value for each policy.
type AddRow<'a> = dyn FnMut(&str, &dyn Fn(&Outcome) -> String) + 'a;

fn riders(row: &mut AddRow<'_>) {
    row("served", &|one| counted(one.served, one.requests));
    row("nobody found in time", &|one| counted(one.unfulfilled, one.requests));
    row("cancelled", &|one| counted(one.cancelled, one.requests));
    row("refused, lost, open or not asked", &|one| {
        number(one.refused + one.lost + one.open + one.unasked)
    });
    let spread: [(&str, Which); 4] = [
        ("mean", |spread| spread.mean),
        ("p50", |spread| spread.p50),
        ("p90", |spread| spread.p90),
        ("p99", |spread| spread.p99),
    ];
    for (name, which) in spread {
        let name = format!("request to assignment, {name}");
        row(&name, &|one| seconds(one.request_to_assignment_s, which));
    }
    for (name, which) in spread {
        let name = format!("request to pickup, {name}");
        row(&name, &|one| seconds(one.request_to_pickup_s, which));
    }
    for (name, which) in &spread[..3] {
        let name = format!("estimated drive to pickup, {name}");
        row(&name, &|one| seconds(one.pickup_eta_s, *which));
    }
    for (name, which) in &spread[..3] {
        let name = format!("estimated way to pickup, {name}");
        let metres = |spread: Spread| format!("{} m", rounded(which(&spread)));
        row(&name, &|one| one.pickup_distance_m.map_or("none".to_owned(), metres));
    }
}

fn drivers(row: &mut AddRow<'_>) {
    row("drivers with a rider (utilisation)", &|one| share(one.shifts.with_rider));
    row("drivers on the way to a pickup", &|one| share(one.shifts.to_pickup));
    row("drivers without a trip", &|one| share(one.shifts.idle));
    row("empty kilometres", &|one| {
        format!("{} ({})", rounded(one.distances.empty_km), share(one.distances.empty))
    });
    row("offers made", &|one| number(one.offers.made));
    row("  accepted", &|one| number(one.offers.accepted));
    row("  declined", &|one| number(one.offers.declined));
    row("  expired", &|one| number(one.offers.expired));
    row("  withdrawn", &|one| number(one.offers.withdrawn));
}

fn batches(row: &mut AddRow<'_>) {
    let of = |one: &Outcome, told: &dyn Fn(Batches) -> String| {
        one.batches.map_or("not known".to_owned(), told)
    };
    row("batches", &|one| of(one, &|all| number(all.count)));
    row("  riders in one, mean and most", &|one| {
        of(one, &|all| format!("{:.1}, {}", all.mean_riders, number(all.largest)))
    });
    row("  proven optimal", &|one| of(one, &|all| number(all.proven)));
    row("  solved in, p50 and p99", &|one| {
        let ms = |spread: Spread| format!("{:.2}, {:.2} ms", spread.p50, spread.p99);
        of(one, &|all| all.solve_ms.map_or("none".to_owned(), ms))
    });
}

fn seconds(spread: Option<Spread>, which: impl Fn(&Spread) -> f64) -> String {
    spread.map_or("none".to_owned(), |spread| format!("{:.1} s", which(&spread)))
}

fn share(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn counted(part: u64, whole: u64) -> String {
    format!("{} ({})", number(part), share(part as f64 / whole.max(1) as f64))
}

fn right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
