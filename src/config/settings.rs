//! The table of settings.

use std::fmt;

use crate::limits;

/// How a value is written in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As a string.
    Text,
    /// As a number or a boolean.
    Bare,
}

/// What a setting is if nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// As somebody would write it; empty means "not set".
    Text(&'static str),
    /// A limit, so that its figure stands in one place.
    Limit(usize),
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name: the file's key; in capitals after `HANSOM_` the variable; with dashes the flag.
    pub name: &'static str,
    /// What it is if nobody says.
    pub default: Fallback,
    /// How it is written in the file.
    pub kind: Kind,
}

const fn text(name: &'static str, default: &'static str) -> Setting {
    Setting { name, default: Fallback::Text(default), kind: Kind::Text }
}

const fn bare(name: &'static str, default: &'static str) -> Setting {
    Setting { name, default: Fallback::Text(default), kind: Kind::Bare }
}

const fn limit(name: &'static str, default: usize) -> Setting {
    Setting { name, default: Fallback::Limit(default), kind: Kind::Bare }
}

/// Each setting.
pub const SETTINGS: [Setting; 52] = [
    text("listen", "127.0.0.1:7400"),
    text("http", "127.0.0.1:7401"),
    // 0: as many as the machine has cores.
    bare("threads", "0"),
    bare("busy_poll_us", "0"),
    text("log_format", "text"),
    text("log_level", "info"),
    limit("max_drivers", limits::DEFAULT_MAX_DRIVERS),
    text("stale_after", "60s"),
    text("forget_after", "30m"),
    text("max_clock_skew", "30s"),
    bare("max_speed_m_s", "90"),
    text("drain_timeout", "10s"),
    text("record", ""),
    text("clock", "wall"),
    text("market", "main"),
    text("journal", "hansom-data"),
    text("keep_history", "90d"),
    text("decisions", ""),
    limit("decisions_max_bytes", limits::DEFAULT_DECISION_LOG_BYTES),
    text("policy", "batch"),
    text("window", "2s"),
    text("retry_every", "2s"),
    text("offer_timeout", "15s"),
    text("patience", "5m"),
    text("free_cancel", "2m"),
    text("no_show_after", "5m"),
    text("quote_valid", "5m"),
    text("max_pickup", "20m"),
    text("back_to_back", "5m"),
    text("position_max_age", "60s"),
    bare("max_radius_m", "8000"),
    bare("open_trips_per_rider", "1"),
    text("cost_leave", "15m"),
    bare("cost_leave_growth_permille", "1000"),
    text("cost_per_missing_star", "0s"),
    bare("cost_idle_permille", "20"),
    text("cost_idle_cap", "10m"),
    text("cost_decline", "15s"),
    text("currency", "USD"),
    bare("tariff_base", "250"),
    bare("tariff_per_km", "125"),
    bare("tariff_per_minute", "35"),
    bare("tariff_minimum", "700"),
    bare("tariff_cancellation", "500"),
    bare("tariff_no_show", "500"),
    text("redis", ""),
    text("market_lease", "5s"),
    text("ack", "local"),
    text("advertise", ""),
    bare("fallback_only", "false"),
    text("web_origins", ""),
    bare("insecure", "false"),
];

/// The setting with this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The name that was probably meant.
pub(super) fn similar(name: &str) -> Option<&'static str> {
    let normal = name.to_lowercase().replace('-', "_");
    let distance = |setting: &Setting| edits(&normal, setting.name);
    let best = SETTINGS.iter().min_by_key(|setting| distance(setting))?;
    (distance(best) <= 1 + best.name.len() / 4).then_some(best.name)
}

/// The Levenshtein distance, by bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
