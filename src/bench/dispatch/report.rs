//! What a market under load came to.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::Scene;
use super::gateway::Updates;
use super::ledger::Ledger;
use super::samples::Samples;

/// How times are spread, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Half are below.
    pub p50: f64,
    /// Nine in ten are below.
    pub p90: f64,
    /// 99 in a hundred are below.
    pub p99: f64,
    /// 999 in a thousand are below.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Spread {
    /// Of nanoseconds; none of nothing.
    pub(in crate::bench) fn of(nanos: &Histogram<u64>) -> Option<Self> {
        let ms = |nanos: u64| nanos as f64 / 1e6;
        let part = |share: f64| ms(nanos.value_at_quantile(share));
        (!nanos.is_empty()).then(|| Self {
            count: nanos.len(),
            mean: nanos.mean() / 1e6,
            p50: part(0.5),
            p90: part(0.9),
            p99: part(0.99),
            p999: part(0.999),
            max: ms(nanos.max()),
        })
    }
}

/// How things stood at a moment, and what had happened since the one before.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// When, in seconds since the load began.
    pub at_s: f64,
    /// The server's memory, in megabytes.
    pub server_mb: Option<f64>,
    /// Trips under way.
    pub trips_open: f64,
    /// From request to offer, of those requests that count.
    pub request_to_offer: Option<Spread>,
    /// How long a commit of the journal took, on average.
    pub commit_ms: Option<f64>,
    /// How long a batch took to be matched, on average.
    pub batch_ms: Option<f64>,
    /// How long after its window a batch began, on average.
    pub batch_late_ms: Option<f64>,
}

/// What the server said of a kind of work while it was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Work {
    /// How often it was done.
    pub count: f64,
    /// How long it took on average.
    pub mean_ms: f64,
    /// 99 in a hundred took no longer; the end of a bucket, none beyond the last.
    pub p99_within_ms: Option<f64>,
}

/// What a market under load came to.
#[derive(Clone, Debug, Serialize)]
pub struct DispatchReport {
    /// Drivers.
    pub drivers: u32,
    /// How often each reported, in seconds.
    pub every_s: f64,
    /// Requests a second that were due.
    pub requests_per_s: f64,
    /// How long it was measured, after how long a warm-up.
    pub measured_s: f64,
    /// How long it was loaded before.
    pub warm_up_s: f64,
    /// How long trips took on average, in seconds.
    pub trip_s: f64,
    /// How many riders watched, in thousandths.
    pub watching_permille: u32,
    /// How many offers were declined, in thousandths.
    pub declined_permille: u32,
    /// What the draws depend on.
    pub seed: u64,
    /// Requests that were due: taken + refused + overdue + not answered.
    pub requests: u64,
    /// Those that were taken.
    pub taken: u64,
    /// Those not made since too many trips were open.
    pub overdue: u64,
    /// Those that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Those that were taken and offered to nobody.
    pub never_offered: u64,
    /// From when a request was due until its first offer was with the driver's gateway.
    pub request_to_offer: Option<Spread>,
    /// From when a request was due to its answer, which is durable.
    pub request_to_answer: Option<Spread>,
    /// From when a driver's command was due to its answer, which is durable.
    pub command_to_answer: Option<Spread>,
    /// From when an acceptance was due until the rider who watched heard of it.
    pub accepted_to_rider: Option<Spread>,
    /// Offers.
    pub offers: u64,
    /// Of them, those that were not the first of their trip.
    pub offers_again: u64,
    /// Trips completed while it was measured.
    pub completed: u64,
    /// Trips that ended otherwise.
    pub ended_otherwise: u64,
    /// Trips that had not ended when it was over: nobody was free for them, or they took too long.
    pub not_ended: u64,
    /// In which state those were, as the server says.
    pub not_ended_as: BTreeMap<String, u64>,
    /// Trips watched to their end, and watches that failed, by reason.
    pub watched: u64,
    /// Watches that failed, by reason.
    pub watches_failed: BTreeMap<String, u64>,
    /// Drivers' commands that were refused, by reason.
    pub commands_refused: BTreeMap<String, u64>,
    /// Drivers of whom the gateway was told anew how things stand, having read too slowly.
    pub told_anew: u64,
    /// Positions applied a second.
    pub updates_per_s: f64,
    /// Positions applied in all.
    pub updates: u64,
    /// How late the gateway sent positions at most, waiting for the server included.
    pub updates_late_ms: f64,
    /// Commits of the journal.
    pub commits: Option<Work>,
    /// Batches.
    pub batches: Option<Work>,
    /// How long after its window each began.
    pub batches_late: Option<Work>,
    /// Processors that the server kept busy.
    pub server_cores: Option<f64>,
    /// How things stood: when the load began, when the measuring began, then each 30 s.
    pub samples: Vec<Sample>,
    /// How much the machine stood still, without any load.
    pub machine: String,
}

/// What else than late offers keeps a load from being held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that were not made since too many trips were open.
    pub overdue: u64,
    /// Requests that were made and not answered.
    pub unanswered: u64,
    /// Requests that were taken and offered to nobody.
    pub never_offered: u64,
}

impl Missed {
    /// Whether each request was taken and offered to somebody.
    pub const fn is_nothing(&self) -> bool {
        let Self { refused, overdue, unanswered, never_offered } = self;
        *refused == 0 && *overdue == 0 && *unanswered == 0 && *never_offered == 0
    }
}

/// What is known when it is over.
pub(super) struct Ending {
    /// What the server said meanwhile.
    pub(super) samples: Samples,
    /// In which state trips were that did not end.
    pub(super) not_ended_as: BTreeMap<String, u64>,
    /// How much the machine stood still.
    pub(super) machine: String,
}

impl DispatchReport {
    /// The requests that came to nothing.
    pub fn missed(&self) -> Missed {
        let refused: u64 = self.refused.values().sum();
        let (overdue, never_offered) = (self.overdue, self.never_offered);
        let unanswered = self.requests.saturating_sub(self.taken + refused + overdue);
        Missed { refused, overdue, unanswered, never_offered }
    }

    /// Whether the load was held: each request was taken and offered to somebody, 99 in a hundred
    /// within so many milliseconds. None was due: nothing was held.
    pub fn holds(&self, within_ms: f64) -> bool {
        self.missed().is_nothing() && self.request_to_offer.is_some_and(|to| to.p99 <= within_ms)
    }

    pub(super) fn of(scene: &Scene, ledger: &Ledger, updates: &Updates, ending: Ending) -> Self {
        let options = &scene.options;
        let Samples { all, first, last, between } = ending.samples;
        let work = |name: &str| {
            let (count, mean) = last.mean_since(&first, name)?;
            let within = last.within_since(&first, name, 0.99).filter(|end| end.is_finite());
            Some(Work { count, mean_ms: mean * 1e3, p99_within_ms: within.map(|end| end * 1e3) })
        };
        let cpu = |page: &crate::bench::scrape::Page| page.value("process_cpu_seconds_total");
        let cores =
            cpu(&last).zip(cpu(&first)).map(|(last, first)| (last - first) / between.as_secs_f64());
        Self {
            drivers: options.drivers,
            every_s: options.every.as_secs_f64(),
            requests_per_s: options.requests,
            measured_s: options.seconds,
            warm_up_s: options.warm_up.as_secs_f64(),
            trip_s: options.trip.as_secs_f64(),
            watching_permille: options.watching_permille,
            declined_permille: options.declined_permille,
            seed: options.seed,
            requests: ledger.requests,
            taken: ledger.taken,
            overdue: ledger.overdue,
            refused: ledger.refused.clone(),
            never_offered: ledger.never_offered(),
            request_to_offer: Spread::of(&ledger.to_offer),
            request_to_answer: Spread::of(&ledger.to_answer),
            command_to_answer: Spread::of(&ledger.command),
            accepted_to_rider: Spread::of(&ledger.heard),
            offers: ledger.offers,
            offers_again: ledger.offers_again,
            completed: ledger.completed,
            ended_otherwise: ledger.ended_otherwise,
            not_ended: ledger.open().0 as u64,
            not_ended_as: ending.not_ended_as,
            watched: ledger.watched,
            watches_failed: ledger.watches_failed.clone(),
            commands_refused: ledger.commands_refused.clone(),
            told_anew: ledger.told_anew,
            updates_per_s: updates.per_second,
            updates: updates.applied,
            updates_late_ms: updates.late.as_secs_f64() * 1e3,
            commits: work("hansom_journal_commit_seconds"),
            batches: work("hansom_match_batch_seconds"),
            batches_late: work("hansom_match_batch_late_seconds"),
            server_cores: cores,
            samples: all,
            machine: ending.machine,
        }
    }
}
