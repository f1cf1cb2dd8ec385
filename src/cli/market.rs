//! The market that `hansom serve` hosts.

use std::sync::Arc;

use anyhow::Context as _;

use crate::api::SharedMap;
use crate::clock::Clock;
use crate::config::MarketSettings;
use crate::decisions::{Archive, DecisionLogError, LogPlace, Recorder};
use crate::dispatch::policy;
use crate::host::{Host, HostConfig};
use crate::journal::{Journal, JournalConfig, MemoryJournal, RedbJournal};
use crate::limits;
use crate::telemetry::MarketMetrics;
use crate::travel::StraightLine;

/// A market that runs, and who writes its decisions down, if somebody does.
pub(super) type Market = (Host, Option<Recorder>);

/// Restores the market from its journal and starts it.
pub(super) fn start(
    settings: &MarketSettings,
    map: SharedMap,
    clock: Arc<Clock>,
    metrics: Arc<MarketMetrics>,
    hash_seed: u64,
) -> anyhow::Result<Market> {
    let journal: Arc<dyn Journal> = if let Some(folder) = &settings.journal {
        let folder = folder.join(settings.config.market.as_str());
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let journal = RedbJournal::open(&folder, JournalConfig::default());
        Arc::new(journal.context("cannot open the journal")?)
    } else {
        tracing::warn!("trips are kept in memory only: they end with this process");
        Arc::new(MemoryJournal::default())
    };
    open(settings, journal, map, clock, metrics, hash_seed)
}

/// Restores the market from a journal and starts it.
pub(super) fn open(
    settings: &MarketSettings,
    journal: Arc<dyn Journal>,
    map: SharedMap,
    clock: Arc<Clock>,
    metrics: Arc<MarketMetrics>,
    hash_seed: u64,
) -> anyhow::Result<Market> {
    let mut market = settings.config.clone();
    market.hash_seed = hash_seed;
    let keep_trips = match settings.journal {
        Some(_) => u64::MAX,
        None => limits::MEMORY_HISTORY_TRIPS,
    };
    let constructor = policy::POLICIES.iter().find(|(name, _)| *name == settings.policy);
    let (_, policy) = constructor.with_context(|| format!("no policy {}", settings.policy))?;
    let place = settings.decisions.as_ref().map(|folder| LogPlace {
        folder: folder.clone(),
        market: market.market,
        max_bytes: settings.decisions_max_bytes,
    });
    let log = place.map(|place| {
        let archive = Archive::new(place.clone());
        let (recorder, sink) = Recorder::start(place, Arc::clone(&metrics))?;
        Ok::<_, DecisionLogError>((recorder, (sink, archive)))
    });
    let (recorder, decisions) = log.transpose().context("cannot write decisions down")?.unzip();
    let config = HostConfig {
        market,
        policy: *policy,
        travel: Arc::new(StraightLine::default()),
        map,
        clock,
        journal,
        keep_history: settings.keep_history,
        keep_trips,
        decisions,
        metrics,
    };
    let host = Host::start(config).context("cannot start the market")?;
    let state = host.handle().state();
    tracing::info!(
        market = %host.handle().market(),
        events = state.head.seq.0,
        trips = state.head.trips,
        open = state.counts.open,
        "the market is as it was"
    );
    Ok((host, recorder))
}
