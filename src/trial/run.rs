//! Holds a trial: reads, lets each policy live through the day, reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::error::TrialError;
use super::inputs::{self, Inputs};
use super::onlooker::{Board, Onlooker};
use super::options::TrialOptions;
use super::outcome::Outcome;
use super::report::Report;
use crate::clock::stopwatch;
use crate::decisions::{DecisionWriter, EXTENSION};
use crate::dispatch::policy::{POLICIES, Policy, by_name};
use crate::sim::day::{self, DayPlan};

/// Holds a trial.
///
/// # Guarantees
/// Policies stand in the report in the order in which they were named. All but wall times is the same
/// for the same options, whatever the number of threads.
///
/// # Errors
/// [`TrialError`] if inputs cannot be read or options are out of range. Ended early while days are
/// lived through, there is a report of what was done.
pub fn run(options: &TrialOptions) -> Result<Report, TrialError> {
    if let Some(name) = options.policies.iter().find(|name| by_name(name).is_none()) {
        let known = POLICIES.map(|(name, _)| name).join(", ");
        return Err(TrialError::UnknownPolicy { name: name.clone(), known });
    }
    options.market.check()?;
    let inputs = inputs::read(options)?;
    let threads = options.threads.clamp(1, options.policies.len().max(1));
    let (outcomes, interrupted) = compare(options, &inputs, threads)?;
    Ok(Report::of(options, inputs, outcomes, threads as u64, interrupted))
}

/// Lets a policy live through the day; whether it was ended early.
fn live<'a>(
    options: &TrialOptions,
    plan: &DayPlan,
    policy: Box<dyn Policy>,
    onlooker: impl FnOnce(Option<DecisionWriter>) -> Onlooker<'a>,
) -> Result<(Outcome, bool), TrialError> {
    let name = policy.name();
    let path = options.decisions.as_ref().map(|folder| folder.join(format!("{name}.{EXTENSION}")));
    let mut onlooker = onlooker(path.map(|path| DecisionWriter::create(&path)).transpose()?);
    let begun = stopwatch();
    let tally = day::run(plan, policy, Arc::clone(&options.travel), &mut onlooker)?;
    let wall = begun.elapsed();
    onlooker.finish()?;
    Ok((Outcome::of(name, &tally, &onlooker, wall), onlooker.stopped))
}

/// Lets each policy live through the day, on so many threads.
fn compare(
    options: &TrialOptions,
    inputs: &Inputs,
    threads: usize,
) -> Result<(Vec<Outcome>, bool), TrialError> {
    let plan = &inputs.plan;
    let start = plan.riders.first().map(|rider| rider.at).unwrap_or_default();
    let board = Board::new(options, plan.riders.len(), start);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(policy) = options.policies.get(number).and_then(|name| by_name(name)) else {
                return;
            };
            let outcome = live(options, plan, policy, |log| Onlooker::new(&board, number, log));
            done.lock().push((number, outcome));
        }
    };
    std::thread::scope(|scope| {
        for number in 1..threads {
            let name = format!("hansom-trial-{number}");
            let spawned = std::thread::Builder::new().name(name).spawn_scoped(scope, work);
            spawned.map_err(TrialError::Thread)?;
        }
        work();
        Ok::<(), TrialError>(())
    })?;
    let mut done = done.into_inner();
    done.sort_by_key(|(number, _)| *number);
    let mut outcomes = Vec::new();
    let mut interrupted = false;
    for (_, outcome) in done {
        let (outcome, stopped) = outcome?;
        interrupted |= stopped;
        outcomes.push(outcome);
    }
    Ok((outcomes, interrupted))
}
