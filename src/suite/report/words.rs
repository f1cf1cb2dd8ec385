//! Settings and figures in words.

use super::view::{Group, Measure};
use crate::page::{bytes, grouped, short};
use crate::suite::result::Setting;

/// What is on the map: "country, 1,000,000 drivers".
pub(super) fn place(setting: &Setting) -> String {
    let workload = &setting.workload;
    match setting.drivers {
        0 => workload.clone(),
        1 => format!("{workload}, 1 driver"),
        drivers => format!("{workload}, {} drivers", grouped(drivers)),
    }
}

/// What is done to it, as far as the suite's name does not say it: "10 nearest within 5 km, filter
/// that 30 % pass".
pub(super) fn work(suite: &str, setting: &Setting) -> String {
    let mut words = Vec::new();
    if setting.k > 0 {
        words.push(question(setting));
        if setting.passing_percent < 100 {
            words.push(format!("filter that {} % pass", setting.passing_percent));
        }
    }
    if setting.k == 0 && setting.radius_m > 0 {
        words.push(format!("within {}", distance(setting.radius_m)));
    }
    if suite == "mixed" || !matches!(setting.update_percent, 0 | 100) {
        words.push(format!("{} % updates", setting.update_percent));
    }
    if setting.threads > 1 {
        words.push(format!("{} threads", setting.threads));
    }
    words.join(", ")
}

/// "10 nearest within 5 km".
pub(super) fn question(setting: &Setting) -> String {
    match (setting.k, setting.radius_m) {
        (k, 0) => format!("{k} nearest"),
        (k, metres) => format!("{k} nearest within {}", distance(metres)),
    }
}

fn distance(metres: u32) -> String {
    match metres {
        m if m >= 1_000 && m % 1_000 == 0 => format!("{} km", m / 1_000),
        m if m >= 1_000 => format!("{:.1} km", f64::from(m) / 1_000.0),
        m => format!("{m} m"),
    }
}

/// All of a setting: where, and what is done.
pub(in crate::suite) fn setting(suite: &str, setting: &Setting) -> String {
    let (place, work) = (place(setting), work(suite, setting));
    if work.is_empty() { place } else { format!("{place}: {work}") }
}

/// What a group is of, with its suite.
pub(super) fn group(group: &Group<'_>) -> String {
    format!("{}, {}", group.suite, setting(group.suite, group.setting))
}

/// A value with its unit.
pub(super) fn value(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Rate | Measure::Held => format!("{}/s", short(value)),
        Measure::Bytes => bytes(value),
    }
}
