//! What a trial was about and what came of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::inputs::Inputs;
use super::options::TrialOptions;
use super::outcome::Outcome;
use crate::sim::day::Span;
use crate::trace::requests::LogFormat;
use crate::units::Timestamp;

/// What a trial was about and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The logs.
    pub logs: Vec<Log>,
    /// Rows found in them.
    pub rows_read: u64,
    /// Rows that are no request, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Requests after the part that was asked for.
    pub left_out: u64,
    /// Requests that each policy was given.
    pub requests: u64,
    /// When the first and the last were made, in milliseconds since the Unix epoch.
    pub span_ms: Option<(Timestamp, Timestamp)>,
    /// Who drives.
    pub fleet: Fleet,
    /// What was set.
    pub settings: Settings,
    /// On how many threads it was held.
    pub threads: u64,
    /// The server that was met, if it was one that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerMet>,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// How each policy did.
    pub policies: Vec<Outcome>,
}

/// A server that runs, whose market the log's riders and drivers met.
#[derive(Clone, Debug, Serialize)]
pub struct ServerMet {
    /// Where it is.
    pub target: String,
    /// The name of its market.
    pub market: String,
    /// How many seconds of the log passed in one.
    pub speed: f64,
    /// Positions that it flagged as faster than a vehicle can be.
    pub implausible: u64,
    /// How late somebody did something at most, in milliseconds of the server's time.
    pub late_ms: f64,
}

impl Report {
    pub(super) fn of(
        options: &TrialOptions,
        inputs: Inputs,
        policies: Vec<Outcome>,
        threads: u64,
        interrupted: bool,
    ) -> Self {
        let first = inputs.plan.riders.first().map(|rider| rider.at);
        let last = inputs.plan.riders.last().map(|rider| rider.at);
        Self {
            requests: inputs.plan.riders.len() as u64,
            left_out: inputs.left_out,
            rows_read: inputs.rows_read,
            rejected: inputs.rejected,
            span_ms: first.zip(last),
            fleet: Fleet {
                drivers: inputs.plan.starts.len() as u64,
                placed_from: inputs.placed_from,
            },
            settings: Settings::of(options),
            logs: inputs.logs,
            threads,
            server: None,
            interrupted,
            policies,
        }
    }

    /// The same of a server that runs, whose settings are its own.
    pub(super) fn met(mut self, server: ServerMet) -> Self {
        self.server = Some(server);
        (self.settings.window_ms, self.settings.search_ms) = (None, None);
        self
    }
}

/// A log of requests.
#[derive(Clone, Debug, Serialize)]
pub struct Log {
    /// Its path.
    pub path: String,
    /// The name of its format.
    pub format: &'static str,
}

impl Log {
    pub(super) fn new(path: &Path, format: LogFormat) -> Self {
        Self { path: path.display().to_string(), format: format.name() }
    }
}

/// Who drives.
#[derive(Clone, Debug, Serialize)]
pub struct Fleet {
    /// How many.
    pub drivers: u64,
    /// From what the places were drawn where they are at the beginning.
    pub placed_from: String,
}

/// What was set.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// What all draws depend on.
    pub seed: u64,
    /// How long requests gather for a batch, in milliseconds; a server that runs has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<u64>,
    /// How long a driver is looked for, in milliseconds; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_ms: Option<u64>,
    /// How often an offer is taken, in thousandths.
    pub acceptance_permille: u32,
    /// How many of the other offers are not answered, in thousandths.
    pub silence_permille: u32,
    /// How long drivers look at an offer, in milliseconds: from, to.
    pub answer_ms: [u64; 2],
    /// How long riders take to board, in milliseconds: from, to.
    pub boarding_ms: [u64; 2],
    /// How long riders wait for a driver to be there, in milliseconds: from, to.
    pub patience_ms: [u64; 2],
    /// How long shifts are, in milliseconds: from, to.
    pub shift_ms: [u64; 2],
    /// How long handovers are, in milliseconds: from, to.
    pub handover_ms: [u64; 2],
    /// How often drivers report who drive, in milliseconds.
    pub report_every_ms: u64,
    /// By what means travel times were found.
    pub travel: &'static str,
    /// How fast drivers drive, in metres a second.
    pub speed_m_s: f64,
    /// How much longer ways are than the straight line.
    pub detour: f64,
}

impl Settings {
    pub(super) fn of(options: &TrialOptions) -> Self {
        let habits = &options.habits;
        let both = |span: Span| [span.low.get(), span.high.get()];
        let (speed_m_s, detour) = options.driving;
        Self {
            seed: options.seed,
            window_ms: Some(options.market.window.get()),
            search_ms: Some(options.market.patience.get()),
            acceptance_permille: habits.acceptance_permille,
            silence_permille: habits.silence_permille,
            answer_ms: both(habits.answer),
            boarding_ms: both(habits.boarding),
            patience_ms: both(habits.patience),
            shift_ms: both(habits.shift),
            handover_ms: both(habits.handover),
            report_every_ms: habits.report_every.get(),
            travel: options.travel.source().name(),
            speed_m_s,
            detour,
        }
    }
}
