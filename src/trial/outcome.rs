//! How one policy did.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::onlooker::Onlooker;
use super::spread::Spread;
use crate::model::DriverStatus;
use crate::sim::day::Tally;
use crate::units::{Millis, Timestamp};

/// How one policy did.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub policy: String,
    /// Requests of the log: served + unfulfilled + cancelled + lost + refused + open + unasked.
    pub requests: u64,
    /// Riders who were brought to where they wanted to go.
    pub served: u64,
    /// Riders for whom nobody was found in time.
    pub unfulfilled: u64,
    /// Riders who called it off.
    pub cancelled: u64,
    /// Trips of whose end a running server has not told.
    pub lost: u64,
    /// Requests that the market did not take since it was full.
    pub refused: u64,
    /// Trips under way when the trial was ended early.
    pub open: u64,
    /// Requests that were not made since the trial was ended early.
    pub unasked: u64,
    /// From the request to an acceptance, in seconds.
    pub request_to_assignment_s: Option<Spread>,
    /// From the request until the driver was there, in seconds.
    pub request_to_pickup_s: Option<Spread>,
    /// The way to the pickup as estimated for accepted offers, in metres.
    pub pickup_distance_m: Option<Spread>,
    /// How long until the driver is there, as estimated for accepted offers, in seconds.
    pub pickup_eta_s: Option<Spread>,
    /// What drivers' time was spent on between the first request and the last.
    pub shifts: Shifts,
    /// How far was driven.
    pub distances: Distances,
    /// What became of offers.
    pub offers: OfferCounts,
    /// Batches that had anybody in them; a server does not tell of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<Batches>,
    /// Positions that drivers reported.
    pub reports: u64,
    /// Of them, those that the map refused.
    pub reports_refused: u64,
    /// Commands that the market was given.
    pub commands: u64,
    /// Of them, those that it refused, by name.
    pub refusals: BTreeMap<String, u64>,
    /// Events.
    pub events: u64,
    /// The fingerprint of all events; none of a server's, whose time is not virtual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How long after the last request all had settled, in seconds.
    pub settled_after_s: f64,
    /// What it took, in seconds of wall time.
    pub wall_seconds: f64,
    /// What the charts show.
    pub charts: Charts,
}

/// What drivers' time was spent on between the first request and the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Shifts {
    /// Hours on shift.
    pub hours: f64,
    /// The share of them with a rider on board: the utilisation.
    pub with_rider: f64,
    /// The share on the way to a pickup.
    pub to_pickup: f64,
    /// The share waiting there.
    pub waiting: f64,
    /// The share without a trip.
    pub idle: f64,
}

/// How far was driven.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distances {
    /// Kilometres without a rider.
    pub empty_km: f64,
    /// Kilometres with one.
    pub with_rider_km: f64,
    /// The share of kilometres without.
    pub empty: f64,
}

/// What became of offers: made = accepted + declined + expired + withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OfferCounts {
    /// How many were made.
    pub made: u64,
    /// Taken.
    pub accepted: u64,
    /// Declined, or answered by going offline.
    pub declined: u64,
    /// Not answered in time.
    pub expired: u64,
    /// The trip was over before an answer.
    pub withdrawn: u64,
}

/// Batches that had anybody in them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Batches {
    /// How many.
    pub count: u64,
    /// Riders in one, on average.
    pub mean_riders: f64,
    /// Riders in the largest one.
    pub largest: u64,
    /// Travel times that were asked for.
    pub etas: u64,
    /// Batches whose decision was proven to be the best possible.
    pub proven: u64,
    /// What they took, in milliseconds of wall time.
    pub solve_ms: Option<Spread>,
}

/// What the charts show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Charts {
    /// The share of all requests that were picked up within so many times 30 s, from 0.
    pub picked_up_within: Vec<f64>,
    /// The length of a bin, in seconds.
    pub bin_s: u64,
    /// Riders brought by the end of each bin since the first request.
    pub served: Vec<u64>,
    /// The mean time from request to pickup of those who asked in each bin, in seconds.
    pub pickup_s: Vec<Option<f64>>,
}

/// The step of [`Charts::picked_up_within`], in milliseconds.
pub(super) const WITHIN_STEP_MS: u64 = 30_000;

/// The steps: to 20 minutes.
const WITHIN_STEPS: u64 = 40;

/// How many bins a chart has, about.
const BINS: u64 = 60;

impl Outcome {
    pub(super) fn of(policy: &str, tally: &Tally, onlooker: &Onlooker<'_>, wall: Duration) -> Self {
        Self {
            batches: Some(Batches::of(tally, &onlooker.solves)),
            digest: Some(onlooker.digest()),
            ..Self::seen(policy, tally, wall)
        }
    }

    /// What can be seen from outside.
    pub(super) fn seen(policy: &str, tally: &Tally, wall: Duration) -> Self {
        let millis = |all: &[Millis]| Spread::of(all.iter().map(|one| one.get()), 1_000.0);
        let waited = tally.pickups.iter().map(|pickup| pickup.waited.get());
        let refusals = tally.refusals.iter().map(|(name, count)| ((*name).to_owned(), *count));
        Self {
            policy: policy.to_owned(),
            requests: tally.requests,
            served: tally.served,
            unfulfilled: tally.unfulfilled,
            cancelled: tally.cancelled,
            lost: tally.lost,
            refused: tally.refused,
            open: tally.open,
            unasked: tally.unasked,
            request_to_assignment_s: millis(&tally.to_assignment),
            request_to_pickup_s: Spread::of(waited, 1_000.0),
            pickup_distance_m: Spread::of(tally.pickup_mm.iter().copied(), 1_000.0),
            pickup_eta_s: millis(&tally.pickup_eta),
            shifts: Shifts::of(tally),
            distances: Distances::of(tally),
            offers: OfferCounts::of(tally),
            batches: None,
            reports: tally.reports,
            reports_refused: tally.reports_refused,
            commands: tally.commands,
            refusals: refusals.collect(),
            events: tally.events,
            digest: None,
            settled_after_s: tally.settled_at.since(tally.span.1).as_secs_f64(),
            wall_seconds: wall.as_secs_f64(),
            charts: Charts::of(tally),
        }
    }

    /// Whether each request is accounted for exactly once.
    ///
    /// # Errors
    /// The sum that does not hold.
    pub fn add_up(&self) -> Result<(), String> {
        let Self { requests, served, unfulfilled, cancelled, lost, refused, open, unasked, .. } =
            self;
        if served + unfulfilled + cancelled + lost + refused + open + unasked == *requests {
            return Ok(());
        }
        Err(format!(
            "{requests} requests are not {served} served + {unfulfilled} unfulfilled + {cancelled} \
             cancelled + {lost} lost + {refused} refused + {open} open + {unasked} unasked"
        ))
    }
}

impl Shifts {
    fn of(tally: &Tally) -> Self {
        use DriverStatus::{Available, EnRoute, OfferPending, OnTrip, Waiting};
        let on = tally.spent(&[Available, OfferPending, EnRoute, Waiting, OnTrip]);
        let share = |statuses: &[DriverStatus]| part(tally.spent(statuses).get(), on.get());
        Self {
            hours: on.as_secs_f64() / 3_600.0,
            with_rider: share(&[OnTrip]),
            to_pickup: share(&[EnRoute]),
            waiting: share(&[Waiting]),
            idle: share(&[Available, OfferPending]),
        }
    }
}

impl Distances {
    fn of(tally: &Tally) -> Self {
        let kilometres = |mm: u64| mm as f64 / 1e6;
        Self {
            empty_km: kilometres(tally.empty_mm),
            with_rider_km: kilometres(tally.carried_mm),
            empty: part(tally.empty_mm, tally.empty_mm + tally.carried_mm),
        }
    }
}

impl OfferCounts {
    fn of(tally: &Tally) -> Self {
        let crate::sim::day::Offers { made, accepted, declined, expired } = tally.offers;
        let withdrawn = made.saturating_sub(accepted + declined + expired);
        Self { made, accepted, declined, expired, withdrawn }
    }
}

impl Batches {
    fn of(tally: &Tally, solves: &[u64]) -> Self {
        Self {
            count: tally.batches,
            mean_riders: part(tally.batched, tally.batches),
            largest: tally.largest_batch,
            etas: tally.etas,
            proven: tally.proven,
            solve_ms: Spread::of(solves.iter().copied(), 1e6),
        }
    }
}

impl Charts {
    fn of(tally: &Tally) -> Self {
        let mut within = vec![0_u64; usize::try_from(WITHIN_STEPS).unwrap_or(0) + 1];
        for pickup in &tally.pickups {
            let step = usize::try_from(pickup.waited.get().div_ceil(WITHIN_STEP_MS));
            if let Some(count) = step.ok().and_then(|step| within.get_mut(step)) {
                *count += 1;
            }
        }
        let within = within.into_iter().scan(0, |sum, count| {
            *sum += count;
            Some(part(*sum, tally.requests))
        });
        let (first, last) = tally.span;
        // Whole minutes, at least one.
        let bin_s = (last.since(first).get() / 60_000).div_ceil(BINS).max(1) * 60;
        let bin = |at: Timestamp| usize::try_from(at.since(first).get() / (bin_s * 1_000)).ok();
        let bins = bin(tally.settled_at).unwrap_or(0) + 1;
        let mut served = vec![0_u64; bins];
        for at in &tally.served_at {
            if let Some(count) = bin(*at).and_then(|bin| served.get_mut(bin)) {
                *count += 1;
            }
        }
        for bin in 1..bins {
            served[bin] += served[bin - 1];
        }
        let mut waits = vec![(0_u64, 0_u64); bin(last).unwrap_or(0) + 1];
        for pickup in &tally.pickups {
            if let Some((sum, count)) = bin(pickup.requested_at).and_then(|bin| waits.get_mut(bin))
            {
                *sum += pickup.waited.get();
                *count += 1;
            }
        }
        let mean = |(sum, count): (u64, u64)| (count > 0).then(|| part(sum, count) / 1_000.0);
        Self {
            picked_up_within: within.collect(),
            bin_s,
            served,
            pickup_s: waits.into_iter().map(mean).collect(),
        }
    }
}

/// A share; zero of nothing.
fn part(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
