//! From files to a plan.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::error::TrialError;
use super::options::{Progress, TrialOptions};
use super::report::Log;
use crate::geo::LatLng;
use crate::limits;
use crate::sim::day::{DayPlan, places_of, riders_of, starts};
use crate::trace::requests::{self, LogFormat, Request, RequestReason};
use crate::trace::{self, Phase, TraceError};
use crate::units::Timestamp;

/// What was read.
pub(super) struct Inputs {
    pub(super) plan: DayPlan,
    pub(super) logs: Vec<Log>,
    pub(super) rows_read: u64,
    pub(super) rejected: BTreeMap<String, u64>,
    /// Requests after the part that was asked for.
    pub(super) left_out: u64,
    pub(super) placed_from: String,
}

/// Reads the logs and places the drivers.
pub(super) fn read(options: &TrialOptions) -> Result<Inputs, TrialError> {
    let mut reader = requests::open_all(&options.logs, &options.read)?;
    stopped(reader.prepare(&mut |progress| watch(options, progress)))?;
    if reader.rows_hint().is_some_and(|rows| rows > limits::MAX_SIM_REQUESTS.into())
        && options.only_first.is_none()
    {
        return Err(TrialError::TooManyRequests);
    }
    let formats: Vec<LogFormat> = reader.logs().iter().map(|(_, format)| *format).collect();
    let mut all: Vec<(Request, LogFormat)> = Vec::new();
    let (mut until, mut left_out): (Option<Timestamp>, u64) = (None, 0);
    while let Some(request) = reader.next().transpose()? {
        let last = options.only_first.map(|part| request.at.plus(part));
        let last = *until.get_or_insert(last.unwrap_or(Timestamp::from_millis(i64::MAX)));
        if request.at > last {
            left_out += 1;
            continue;
        }
        if all.len() >= limits::MAX_SIM_REQUESTS as usize {
            return Err(TrialError::TooManyRequests);
        }
        let format = formats.get(request.row.input as usize);
        all.push((request, format.copied().unwrap_or(LogFormat::Own)));
    }
    if (options.stop)() {
        return Err(TrialError::Stopped);
    }
    if all.is_empty() {
        return Err(TrialError::NoRequests);
    }
    let rejected = RequestReason::ALL.into_iter().filter_map(|reason| {
        let count = reader.stats().rejected_for(reason);
        (count > 0).then(|| (reason.name().to_owned(), count))
    });
    let (placed_from, places) = if options.fleet_from.is_empty() {
        ("pickups of the log", places_of(&all))
    } else {
        ("recorded positions", recorded(options)?)
    };
    let plan = DayPlan {
        market: options.market.clone(),
        habits: options.habits,
        seed: options.seed,
        starts: starts(options.fleet, &places, options.seed),
        riders: riders_of(&all, options.seed),
    };
    plan.check()?;
    Ok(Inputs {
        plan,
        logs: reader.logs().iter().map(|(path, format)| Log::new(path, *format)).collect(),
        rows_read: reader.stats().read,
        rejected: rejected.collect(),
        left_out,
        placed_from: placed_from.to_owned(),
    })
}

/// Where each vehicle of the traces was first seen.
fn recorded(options: &TrialOptions) -> Result<Vec<LatLng>, TrialError> {
    let mut reader = trace::open_all(&options.fleet_from, &options.read_fleet)?;
    stopped(reader.prepare(&mut |progress| watch(options, progress)))?;
    let mut places: Vec<Option<LatLng>> = Vec::new();
    while let Some(record) = reader.next()? {
        let ix = record.vehicle.index();
        if places.len() <= ix {
            places.resize(ix + 1, None);
        }
        places[ix].get_or_insert(record.position);
    }
    let places: Vec<LatLng> = places.into_iter().flatten().collect();
    if places.is_empty() { Err(TrialError::NoPlaces) } else { Ok(places) }
}

fn watch(options: &TrialOptions, progress: trace::Progress) -> ControlFlow<()> {
    if progress.phase == Phase::Reading {
        let trace::Progress { bytes_read, bytes_total, .. } = progress;
        (options.watcher)(Progress::Reading { bytes: bytes_read, of: bytes_total });
    }
    if (options.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn stopped(prepared: Result<(), TraceError>) -> Result<(), TrialError> {
    match prepared {
        Err(TraceError::Stopped) => Err(TrialError::Stopped),
        other => Ok(other?),
    }
}
