//! The tables: each is a head and rows of cells, so that Markdown and HTML have the same.

use super::view::{FLOOR, Group, Lane, Manner, Measure, View, is_usual};
use super::words;
use crate::page::{grouped, micros, times};
use crate::suite::result::SystemStatus;

/// A table. Cells are plain text.
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// How many times as much Hansom does, for each manner: a row for each piece of work, a column for
/// each other system's call. Of the questions, the usual one.
pub(super) fn ratios(view: &View<'_>) -> Vec<(&'static str, Table)> {
    let worth = |group: &&Group<'_>| {
        !matches!(group.suite, "growth" | "k" | "threads" | "floor") && is_usual(group.setting)
    };
    let held = |group| (group, " held");
    let groups: Vec<(&Group<'_>, &str)> = (view.rates.iter().filter(worth))
        .chain(&view.bytes)
        .map(|group| (group, ""))
        .chain(view.held.iter().map(held))
        .collect();
    let manners = [Manner::Deep, Manner::OneByOne, Manner::InProcess];
    let tables = manners.map(|manner| (manner.name(), ratios_in(&groups, manner)));
    tables.into_iter().filter(|(_, table)| !table.rows.is_empty()).collect()
}

fn ratios_in(groups: &[(&Group<'_>, &str)], manner: Manner) -> Table {
    let mut head = vec!["Hansom ÷ it".to_owned()];
    let compared: Vec<(String, Vec<&Lane<'_>>)> = groups
        .iter()
        .map(|(group, held)| {
            let lanes = group.lanes.iter().filter(|lane| {
                lane.manner == manner && lane.ratio.is_some() && lane.series.system != FLOOR
            });
            let work = match *held {
                "" => words::group(group),
                held => format!("{}{held}, {}", group.unit, words::setting("load", group.setting)),
            };
            (work, lanes.collect::<Vec<_>>())
        })
        .filter(|(_, lanes)| !lanes.is_empty())
        .collect();
    for lane in compared.iter().flat_map(|(_, lanes)| lanes) {
        if !head.contains(&lane.name()) {
            head.push(lane.name());
        }
    }
    let row = |(work, lanes): (String, Vec<&Lane<'_>>)| {
        let ratio = |column: &String| {
            let lane = lanes.iter().find(|lane| lane.name() == *column);
            lane.and_then(|lane| lane.ratio).map(times).unwrap_or_default()
        };
        std::iter::once(work).chain(head.iter().skip(1).map(ratio)).collect()
    };
    let rows = compared.into_iter().map(row).collect();
    Table { head, rows }
}

/// All figures of a suite.
pub(super) fn rates(view: &View<'_>, suite: &str) -> Table {
    let groups = view.rates.iter().filter(|group| group.suite == suite);
    let rows = groups.flat_map(|group| {
        let work = words::setting(suite, group.setting);
        group.lanes.iter().map(move |lane| {
            let [low, median, high] = lane.values.map(|rate| words::value(Measure::Rate, rate));
            let taken = lane.latency.map(|taken| [taken.p50, taken.p99, taken.max].map(micros));
            let [p50, p99, max] = taken.unwrap_or_default();
            let ratio = lane.ratio.map(times).unwrap_or_default();
            let runs = lane.series.runs.len().to_string();
            vec![
                work.clone(),
                lane.name(),
                median,
                format!("{low} – {high}"),
                runs,
                p50,
                p99,
                max,
                ratio,
            ]
        })
    });
    Table {
        head: head(&[
            "work",
            "system · call",
            "median",
            "lowest – highest",
            "runs",
            "p50",
            "p99",
            "longest",
            "Hansom ÷ it",
        ]),
        rows: rows.collect(),
    }
}

/// The highest rates held.
pub(super) fn held(view: &View<'_>) -> Table {
    let climbs =
        view.result.series.iter().filter_map(|series| Some((series, series.climb.as_ref()?)));
    let ratio = |name: &str, setting| {
        let groups = view.held.iter().filter(|group| group.setting == setting);
        let mut lanes = groups.flat_map(|group| &group.lanes);
        lanes.find(|lane| lane.name() == name).and_then(|lane| lane.ratio)
    };
    let rows = climbs.map(|(series, climb)| {
        let name = format!("{} · {}", series.system, series.call);
        let best = climb.steps.iter().rfind(|step| step.held);
        let p99 = best.map(|step| micros(step.latency.p99)).unwrap_or_default();
        let rate = climb.held.map(|rate| words::value(Measure::Held, rate));
        let times = ratio(&name, &series.setting).map(times).unwrap_or_default();
        vec![
            words::setting(&series.suite, &series.setting),
            name,
            series.unit.clone(),
            format!("{} ms", climb.limit_ms),
            rate.unwrap_or_else(|| "never".to_owned()),
            p99,
            climb.steps.len().to_string(),
            times,
        ]
    });
    Table {
        head: head(&[
            "work",
            "system · call",
            "of",
            "limit on p99",
            "highest held",
            "p99 there",
            "steps",
            "Hansom ÷ it",
        ]),
        rows: rows.collect(),
    }
}

/// Memory.
pub(super) fn memory(view: &View<'_>) -> Table {
    let rows = view.bytes.iter().flat_map(|group| {
        group.lanes.iter().map(|lane| {
            vec![
                words::place(group.setting),
                lane.name(),
                words::value(Measure::Bytes, lane.median()),
                lane.ratio.map(times).unwrap_or_default(),
            ]
        })
    });
    Table {
        head: head(&["work", "system · call", "a driver", "Hansom ÷ it"]),
        rows: rows.collect(),
    }
}

/// Whether answers were right.
pub(super) fn answers(sums: &[(&str, crate::suite::result::Agreement)]) -> Table {
    let rows = sums.iter().map(|(name, sum)| {
        let counts = [sum.compared, sum.equal, sum.rounded, sum.different].map(grouped);
        std::iter::once((*name).to_owned()).chain(counts).collect()
    });
    Table {
        head: head(&["system", "compared", "equal", "equal but for rounding", "different"]),
        rows: rows.collect(),
    }
}

/// Who took part, and how each was used.
pub(super) fn systems(view: &View<'_>) -> Table {
    let rows = view.result.systems.iter().map(|system| {
        let status = match system.status {
            SystemStatus::Measured => "measured",
            SystemStatus::Missing { .. } => "missing",
            SystemStatus::Failed { .. } => "failed",
        };
        vec![
            system.name.clone(),
            system.version.clone(),
            system.access.clone(),
            system.usage.clone(),
            status.to_owned(),
        ]
    });
    Table { head: head(&["system", "version", "reached", "used", "here"]), rows: rows.collect() }
}
