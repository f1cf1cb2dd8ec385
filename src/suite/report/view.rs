//! A result as it is looked at: who did the same work, in which manner, and how many times as fast.

use crate::suite::result::{Quantiles, Series, Setting, SuiteResult, SystemRecord, SystemStatus};

/// Our own short names: over gRPC, in process.
const OURS: [&str; 2] = ["hansom", "hansom-direct"];

/// What memory itself allows, in the same run; no system, though it is measured like one.
pub(super) const FLOOR: &str = "floor";

/// How a system is used. Only what is used in the same manner is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    /// Over a connection, with many operations under way.
    Deep,
    /// Over a connection, each operation when the last has been answered.
    OneByOne,
    /// As a library.
    InProcess,
}

impl Manner {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Deep => "many under way",
            Self::OneByOne => "one at a time",
            Self::InProcess => "in process",
        }
    }

    fn of(series: &Series, systems: &[SystemRecord]) -> Self {
        let access = systems.iter().find(|system| system.name == series.system);
        let inside = access.is_some_and(|system| system.access == "in process");
        if inside || series.call == "direct" {
            Self::InProcess
        } else if series.waits() {
            Self::OneByOne
        } else {
            Self::Deep
        }
    }
}

/// Whether a system is ours.
pub(in crate::suite) fn is_ours(system: &str) -> bool {
    OURS.contains(&system)
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Operations a second: the more, the better.
    Rate,
    /// The highest rate held: likewise.
    Held,
    /// Bytes a driver: the fewer, the better.
    Bytes,
}

impl Measure {
    /// The lowest, the median and the highest of a series; none if nothing was measured.
    fn of(self, series: &Series) -> Option<[f64; 3]> {
        let once = |value: Option<f64>| value.map(|value| [value; 3]);
        let values = match self {
            Self::Rate => series.rates(),
            Self::Held => once(series.climb.as_ref().and_then(|climb| climb.held)),
            Self::Bytes => once(series.bytes_per_driver),
        };
        values.filter(|all| all.iter().all(|value| value.is_finite() && *value > 0.0))
    }
}

/// Ours at a piece of work in a manner.
#[derive(Clone, Copy)]
pub(super) struct Ours<'a> {
    pub(super) call: &'a str,
    pub(super) value: f64,
    pub(super) latency: Option<Quantiles>,
}

/// One system doing a piece of work in one manner.
pub(super) struct Lane<'a> {
    pub(super) series: &'a Series,
    pub(super) manner: Manner,
    /// The lowest, the median and the highest.
    pub(super) values: [f64; 3],
    /// How long operations took: of each quantile, the median of the runs.
    pub(super) latency: Option<Quantiles>,
    /// Ours divided by this one's; none if it is ours, or we did nothing in this manner.
    pub(super) ratio: Option<f64>,
    /// Ours in this manner, by the call that is best.
    pub(super) ours: Option<Ours<'a>>,
}

impl Lane<'_> {
    pub(super) fn median(&self) -> f64 {
        self.values[1]
    }

    /// The system and its call.
    pub(super) fn name(&self) -> String {
        format!("{} · {}", self.series.system, self.series.call)
    }

    pub(super) fn is_ours(&self) -> bool {
        is_ours(&self.series.system)
    }
}

/// A piece of work, and all who did it.
pub(super) struct Group<'a> {
    pub(super) suite: &'a str,
    pub(super) setting: &'a Setting,
    pub(super) unit: &'a str,
    /// In the order of manners, then of the result.
    pub(super) lanes: Vec<Lane<'a>>,
}

/// A result as it is looked at.
pub(super) struct View<'a> {
    pub(super) result: &'a SuiteResult,
    pub(super) rates: Vec<Group<'a>>,
    pub(super) held: Vec<Group<'a>>,
    pub(super) bytes: Vec<Group<'a>>,
    /// The others, in the order of the result.
    order: Vec<&'a str>,
}

impl<'a> View<'a> {
    pub(super) fn of(result: &'a SuiteResult) -> Self {
        let mut order = Vec::new();
        let named = result.systems.iter().map(|system| system.name.as_str());
        for name in named.chain(result.series.iter().map(|series| series.system.as_str())) {
            if !is_ours(name) && !order.contains(&name) {
                order.push(name);
            }
        }
        let [rates, held, bytes] =
            [Measure::Rate, Measure::Held, Measure::Bytes].map(|measure| groups(result, measure));
        Self { result, rates, held, bytes, order }
    }

    /// The number of a system's colour.
    pub(super) fn colour(&self, system: &str) -> usize {
        match OURS.iter().position(|name| *name == system) {
            Some(0) => 0,
            Some(_) => 6,
            None => {
                let number = self.order.iter().position(|name| *name == system);
                [1, 2, 3, 4, 5, 7][number.unwrap_or_default() % 6]
            }
        }
    }

    /// How many times as long an update takes in process as the memory alone would need; none if
    /// one of both was not measured.
    pub(super) fn above_floor(&self) -> Option<f64> {
        let mut all = self.rates.iter().flat_map(|group| &group.lanes);
        let lane = all.find(|lane| lane.series.system == FLOOR)?;
        if let Some(ratio) = lane.ratio {
            return Some(1.0 / ratio);
        }
        let floor = lane.median();
        let lanes = &usual(self.suite("updates"))?.lanes;
        let inside = lanes.iter().filter(|lane| lane.manner == Manner::InProcess);
        let ours = inside.filter(|lane| lane.is_ours()).map(Lane::median).reduce(f64::max)?;
        Some(floor / ours)
    }

    /// The groups of a suite.
    pub(super) fn suite(&self, suite: &'static str) -> impl Iterator<Item = &Group<'a>> + Clone {
        self.rates.iter().filter(move |group| group.suite == suite)
    }

    /// Systems that others are compared with: not ours, not the floor.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a SystemRecord> {
        self.result.systems.iter().filter(|system| !is_ours(&system.name) && system.name != FLOOR)
    }

    /// Systems of which something is wrong.
    pub(super) fn absent(&self) -> impl Iterator<Item = &'a SystemRecord> {
        self.result.systems.iter().filter(|system| system.status != SystemStatus::Measured)
    }

    /// Series of which nothing can be shown.
    pub(super) fn empty(&self) -> impl Iterator<Item = &'a Series> {
        let measures = [Measure::Rate, Measure::Held, Measure::Bytes];
        let shown = move |series: &Series| {
            measures.iter().any(|measure| measure.of(series).is_some())
                || series.climb.as_ref().is_some_and(|climb| !climb.steps.is_empty())
        };
        self.result.series.iter().filter(move |series| !shown(series))
    }
}

/// The work that a suite is known by: the ten nearest within 5 km of the most drivers, of the country
/// if there is one, with as few threads as were tried.
pub(super) fn usual<'a, 'b>(groups: impl Iterator<Item = &'b Group<'a>>) -> Option<&'b Group<'a>> {
    let rank = |group: &Group<'_>| {
        let setting = group.setting;
        let (country, fewest) = (setting.workload == "country", u32::MAX - setting.threads);
        (is_usual(setting), setting.drivers, country, fewest, setting.update_percent)
    };
    groups.reduce(|best, group| if rank(group) > rank(best) { group } else { best })
}

/// Whether a question is the usual one, or there is none.
pub(super) fn is_usual(setting: &Setting) -> bool {
    let question = (setting.k, setting.radius_m, setting.passing_percent);
    setting.k == 0 || question == (10, 5_000, 100)
}

fn groups(result: &SuiteResult, measure: Measure) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for series in &result.series {
        let Some(values) = measure.of(series) else { continue };
        let lane = Lane {
            series,
            manner: Manner::of(series, &result.systems),
            values,
            latency: latency(series),
            ratio: None,
            ours: None,
        };
        let same = groups.iter_mut().find(|group| {
            (group.suite, group.unit) == (&series.suite, &series.unit)
                && *group.setting == series.setting
        });
        match same {
            Some(group) => group.lanes.push(lane),
            None => groups.push(Group {
                suite: &series.suite,
                setting: &series.setting,
                unit: &series.unit,
                lanes: vec![lane],
            }),
        }
    }
    for group in &mut groups {
        group.lanes.sort_by_key(|lane| lane.manner);
        relate(&mut group.lanes, measure);
    }
    groups
}

/// Compares each lane with ours of the same manner; memory with ours of any if there is none.
fn relate<'a>(lanes: &mut [Lane<'a>], measure: Measure) {
    let ours = |lane: &Lane<'a>| Ours {
        call: &lane.series.call,
        value: lane.median(),
        latency: lane.latency,
    };
    let of_ours = lanes.iter().filter(|lane| lane.is_ours());
    let ours: Vec<(Manner, Ours<'a>)> = of_ours.map(|lane| (lane.manner, ours(lane))).collect();
    let better = |one: f64, other: f64| match measure {
        Measure::Rate | Measure::Held => one > other,
        Measure::Bytes => one < other,
    };
    let best = |manner: Option<Manner>| {
        let fitting = ours.iter().filter(|(own, _)| manner.is_none_or(|manner| *own == manner));
        let fitting = fitting.map(|&(_, ours)| ours);
        fitting.reduce(|best, next| if better(next.value, best.value) { next } else { best })
    };
    for lane in lanes {
        if lane.is_ours() {
            continue;
        }
        let any = if measure == Measure::Bytes { best(None) } else { None };
        if let Some(ours) = best(Some(lane.manner)).or(any) {
            lane.ratio = Some(ours.value / lane.median());
            lane.ours = Some(ours);
        }
    }
}

/// Of each quantile, the median of the runs; with an even number, the upper.
fn latency(series: &Series) -> Option<Quantiles> {
    let runs: Vec<Quantiles> = series.runs.iter().filter_map(|run| run.latency).collect();
    let median = |which: fn(&Quantiles) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(which).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let found = Quantiles {
        p50: median(|q| q.p50)?,
        p90: median(|q| q.p90)?,
        p99: median(|q| q.p99)?,
        p999: median(|q| q.p999)?,
        max: median(|q| q.max)?,
    };
    [found.p50, found.max].iter().all(|micros| micros.is_finite()).then_some(found)
}
