//! What a mirror came to, beside what it should.

use serde::Serialize;

use super::{MirrorOptions, Outage, Race, Steady, Warm};

/// Something that should hold.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// What.
    pub what: &'static str,
    /// What was measured.
    pub measured: f64,
    /// The most, or the least, that is allowed.
    pub allowed: f64,
    /// Whether it holds.
    pub holds: bool,
}

impl Held {
    fn at_most(what: &'static str, measured: f64, allowed: f64) -> Self {
        Self { what, measured, allowed, holds: measured <= allowed }
    }

    fn at_least(what: &'static str, measured: f64, allowed: f64) -> Self {
        Self { what, measured, allowed, holds: measured >= allowed }
    }
}

/// What a mirror came to.
#[derive(Clone, Debug, Serialize)]
pub struct MirrorReport {
    /// Drivers.
    pub drivers: u32,
    /// How often each reports, in seconds.
    pub every_s: f64,
    /// Reports a second that were due.
    pub due_per_s: f64,
    /// Under a steady load.
    pub steady: Steady,
    /// With a mirror and without, as fast as possible.
    pub race: Option<Race>,
    /// While Redis was stopped.
    pub outage: Option<Outage>,
    /// A start from what Redis holds.
    pub warm: Option<Warm>,
    /// What should hold.
    pub held: Vec<Held>,
    /// How much the machine stood still, without any load.
    pub machine: String,
}

/// The rate up to which the lag is to be short, in reports a second.
const ORDINARY_RATE: f64 = 120_000.0;

impl MirrorReport {
    pub(super) fn new(
        options: &MirrorOptions,
        machine: String,
        steady: Steady,
        race: Option<Race>,
        outage: Option<Outage>,
        warm: Option<Warm>,
    ) -> Self {
        let due_per_s = f64::from(options.drivers) / options.every.as_secs_f64();
        let lag = if due_per_s <= ORDINARY_RATE { 2_000.0 } else { 10_000.0 };
        let p99 = steady.lag.map_or(f64::INFINITY, |lag| lag.p99);
        let mut held = vec![
            Held::at_most("lag, p99 in ms", p99, lag),
            Held::at_most("backlog, drivers", steady.backlog_max, f64::from(options.drivers)),
            Held::at_least("applied, of what was due", steady.applied_per_s / due_per_s, 0.85),
        ];
        if let Some(race) = &race {
            let what = "ingest with a mirror, of that without, under an equal share";
            held.push(Held::at_least(what, race.equal_share, 0.85));
        }
        if let Some(outage) = &outage {
            held.push(Held::at_least("ingest without redis, of that before", outage.ratio, 0.95));
            let what = "memory grown meanwhile, MB";
            held.push(Held::at_most(what, outage.grown_mb, outage.allowed_mb));
            let what = "differences after its return";
            held.push(Held::at_most(what, outage.differences.total() as f64, 0.0));
        }
        if let Some(matching) = outage.as_ref().and_then(|outage| outage.matching) {
            let what = "matching without redis, of that before";
            held.push(Held::at_least(what, matching.ratio, 0.95));
            let what = "open trips that differ after its return";
            held.push(Held::at_most(what, matching.trips_differ as f64, 0.0));
        }
        if let Some(warm) = &warm {
            held.push(Held::at_most("first answer of a fresh server, s", warm.first_answer_s, 1.0));
            held.push(Held::at_most("fresh server knows all, s", warm.ready_s, 15.0));
            let known = warm.learnt / f64::from(options.drivers);
            held.push(Held::at_least("drivers it has learnt, of all", known, 0.98));
        }
        Self {
            drivers: options.drivers,
            every_s: options.every.as_secs_f64(),
            due_per_s,
            steady,
            race,
            outage,
            warm,
            held,
            machine,
        }
    }

    /// Whether all holds that should.
    pub fn holds(&self) -> bool {
        self.held.iter().all(|held| held.holds)
    }
}
