//! The settings of the market.

use std::path::PathBuf;

use super::Problem;
use super::parse::{Reader, span, whole};
use crate::dispatch::{BackToBack, CostWeights, MarketConfig, Tariff, policy};
use crate::ids::MarketId;
use crate::limits;
use crate::units::{Currency, Meters, Millis};

/// The market that a server hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketSettings {
    /// How it works.
    pub config: MarketConfig,
    /// The folder of its journal's folder; none: trips are kept in memory only.
    pub journal: Option<PathBuf>,
    /// The folder of the log of its decisions; none: they are forgotten.
    pub decisions: Option<PathBuf>,
    /// The most bytes of that log.
    pub decisions_max_bytes: u64,
    /// Who chooses: a name of [`policy::POLICIES`].
    pub policy: &'static str,
    /// How long history of ended trips is kept.
    pub keep_history: Millis,
}

/// The settings that bear on who gets which driver, and when: those that a simulated market has too.
pub const DISPATCH_SETTINGS: [&str; 18] = [
    "window",
    "retry_every",
    "offer_timeout",
    "patience",
    "free_cancel",
    "no_show_after",
    "quote_valid",
    "max_pickup",
    "back_to_back",
    "position_max_age",
    "max_radius_m",
    "open_trips_per_rider",
    "cost_leave",
    "cost_leave_growth_permille",
    "cost_per_missing_star",
    "cost_idle_permille",
    "cost_idle_cap",
    "cost_decline",
];

/// The settings have problems, which the reader keeps.
pub(super) struct HasProblems;

/// The market's settings; none if no market is wanted.
pub(super) fn read(reader: &mut Reader) -> Result<Option<MarketSettings>, HasProblems> {
    let (id, mut settings) = values(reader).ok_or(HasProblems)?;
    let Some(id) = id else { return Ok(None) };
    settings.config.market = id;
    let Err(errors) = settings.config.check() else { return Ok(Some(settings)) };
    for problem in errors.problems {
        let name = problem.field.strip_suffix("_ms").unwrap_or(problem.field);
        let origin = reader.origin(name);
        reader.layers.problems.push(Problem { origin, message: problem.to_string() });
    }
    Err(HasProblems)
}

/// Each value; reads on after a problem, so that all are told.
fn values(reader: &mut Reader) -> Option<(Option<MarketId>, MarketSettings)> {
    let id = reader.read("market", |v| match v {
        "none" => Ok(None),
        _ => v.parse::<MarketId>().map(Some).map_err(|e| e.to_string()),
    });
    let journal = reader.read("journal", |v| {
        Ok::<_, String>(if v == "none" { None } else { Some(PathBuf::from(v)) })
    });
    let keep_history = reader.read("keep_history", |v| span(v, 0, limits::MAX_KEEP_HISTORY_MS));
    let decisions = reader.read("decisions", |v| {
        Ok::<_, String>(if v.is_empty() { None } else { Some(PathBuf::from(v)) })
    });
    let decisions_max_bytes = reader.read("decisions_max_bytes", |v| {
        whole(v, limits::MIN_DECISION_LOG_BYTES, limits::MAX_DECISION_LOG_BYTES)
    });
    let policy = reader.read("policy", known_policy);
    let mut config = MarketConfig::new(PLACEHOLDER.parse().ok()?);
    let read = [
        waits(reader, &mut config),
        places(reader, &mut config),
        costs(reader, &mut config.costs),
        tariff(reader, &mut config.tariff),
    ];
    let (journal, policy, keep_history) = (journal?, policy?, keep_history?);
    let whole = read.iter().all(Option::is_some);
    let (decisions, decisions_max_bytes) = (decisions?, decisions_max_bytes?);
    let settings =
        MarketSettings { config, journal, decisions, decisions_max_bytes, policy, keep_history };
    Some((id?, settings)).filter(|_| whole)
}

/// The name of a market until its own is known.
const PLACEHOLDER: &str = "main";

fn known_policy(text: &str) -> Result<&'static str, String> {
    let names = policy::POLICIES.map(|(name, _)| name);
    let found = names.into_iter().find(|name| *name == text);
    found.ok_or_else(|| format!("{text:?} is none of {}", names.join(", ")))
}

fn waits(reader: &mut Reader, config: &mut MarketConfig) -> Option<()> {
    // The market's own ranges are narrower, and checked for all of them at once.
    let mut wait = |name| reader.read(name, |v| span(v, 0, limits::MAX_DISPATCH_WAIT_MS));
    let window = wait("window");
    let retry_every = wait("retry_every");
    let offer_timeout = wait("offer_timeout");
    let patience = wait("patience");
    let free_cancel = wait("free_cancel");
    let no_show_after = wait("no_show_after");
    let quote_valid = wait("quote_valid");
    let max_pickup = wait("max_pickup");
    let back_to_back = wait("back_to_back");
    let position_max_age = wait("position_max_age");
    config.window = window?;
    config.retry_every = retry_every?;
    config.offer_timeout = offer_timeout?;
    config.patience = patience?;
    config.free_cancel = free_cancel?;
    config.no_show_after = no_show_after?;
    config.quote_valid = quote_valid?;
    config.max_pickup = max_pickup?;
    config.position_max_age = position_max_age?;
    config.back_to_back = match back_to_back? {
        Millis::ZERO => BackToBack::Off,
        within => BackToBack::Within(within),
    };
    Some(())
}

fn places(reader: &mut Reader, config: &mut MarketConfig) -> Option<()> {
    let radius = reader.read("max_radius_m", |v| whole(v, 1, 1_000_000));
    let trips = reader.read("open_trips_per_rider", |v| whole(v, 0, u64::from(u32::MAX)));
    config.max_radius = Meters::whole(u32::try_from(radius?).ok()?);
    config.open_trips_per_rider = usize::try_from(trips?).ok()?;
    Some(())
}

fn costs(reader: &mut Reader, costs: &mut CostWeights) -> Option<()> {
    let mut wait = |name| reader.read(name, |v| span(v, 0, limits::MAX_DISPATCH_WAIT_MS));
    let leave = wait("cost_leave");
    let per_missing_star = wait("cost_per_missing_star");
    let idle_cap = wait("cost_idle_cap");
    let decline = wait("cost_decline");
    let mut permille = |name| reader.read(name, |v| whole(v, 0, u64::from(u32::MAX)));
    let growth = permille("cost_leave_growth_permille");
    let idle = permille("cost_idle_permille");
    *costs = CostWeights {
        per_missing_star: per_missing_star?,
        idle_permille: u32::try_from(idle?).ok()?,
        idle_cap: idle_cap?,
        decline: decline?,
        leave: leave?,
        leave_growth_permille: u32::try_from(growth?).ok()?,
        ..*costs
    };
    Some(())
}

fn tariff(reader: &mut Reader, tariff: &mut Tariff) -> Option<()> {
    let currency = reader.read("currency", str::parse::<Currency>);
    let mut price = |name| {
        reader.read(name, |v| {
            v.parse::<i64>().map_err(|_| format!("{v:?} is not a whole number of minor units"))
        })
    };
    let base = price("tariff_base");
    let per_km = price("tariff_per_km");
    let per_minute = price("tariff_per_minute");
    let minimum = price("tariff_minimum");
    let cancellation = price("tariff_cancellation");
    let no_show = price("tariff_no_show");
    *tariff = Tariff {
        currency: currency?,
        base: base?,
        per_km: per_km?,
        per_minute: per_minute?,
        minimum: minimum?,
        cancellation: cancellation?,
        no_show: no_show?,
    };
    Some(())
}
