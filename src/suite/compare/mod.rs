//! Two runs of the suite beside one another: what became faster or slower, and how sure that is.
//!
//! Series are matched by suite, system, call, setting and unit. Of each, the rates of the runs before
//! and after are compared, and where both have them the 99th percentiles: the ratio of their geometric
//! means with an interval after `interval::welch`. All intervals of this program's series together
//! hold with the confidence that is asked for: each is made wider for there being many (Bonferroni), as
//! among two hundred series at 95 % five would be outside of theirs by chance.
//!
//! A series is *regressed* if its whole interval is beyond the threshold. Only this program's count:
//! those of other systems, which nobody changed, are shown as what the machine did meanwhile.

mod interval;
#[cfg(test)]
mod tests;

use std::path::Path;

use thiserror::Error;

use super::result::{LAYOUT, Quantiles, Run, Series, Setting, SuiteResult};

pub use interval::Interval;

/// Why two runs are not compared.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no result of the suite.
    #[error("{path} is no result of the suite: {source}")]
    NoResult {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file is of another layout.
    #[error("{path} has layout {layout}; this program reads {LAYOUT}")]
    Layout {
        /// The file.
        path: String,
        /// What it says.
        layout: u64,
    },
    /// Nothing was done in both.
    #[error("the two runs have no series in common ({before} before, {after} after)")]
    NothingInCommon {
        /// Series of the first.
        before: usize,
        /// Series of the second.
        after: usize,
    },
    /// The threshold makes no sense.
    #[error("threshold {0} % is not in 0..=1000")]
    Threshold(f64),
    /// The confidence makes no sense.
    #[error("confidence {0} % is not in 50..=99.99")]
    Confidence(f64),
}

/// When a change counts, and how sure it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    threshold: f64,
    confidence: f64,
}

impl Terms {
    /// From percents: a threshold of 5 means that an operation takes 5 % longer.
    ///
    /// # Errors
    /// If the threshold is not in 0..=1000 or the confidence is not in 50..=99.99.
    pub fn from_percents(threshold: f64, confidence: f64) -> Result<Self, CompareError> {
        if !(0.0..=1_000.0).contains(&threshold) {
            return Err(CompareError::Threshold(threshold));
        }
        if !(50.0..=99.99).contains(&confidence) {
            return Err(CompareError::Confidence(confidence));
        }
        Ok(Self { threshold: threshold / 100.0, confidence: confidence / 100.0 })
    }
}

/// What is compared of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Operations a second; more is better.
    Rate,
    /// The time in which 99 of 100 came; less is better.
    P99,
    /// The highest rate held; more is better. Known once a run, so that it has no interval.
    Held,
    /// Bytes a driver; fewer are better. Likewise.
    Bytes,
}

impl Measure {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::P99 => "p99",
            Self::Held => "rate held",
            Self::Bytes => "bytes a driver",
        }
    }

    const fn more_is_better(self) -> bool {
        matches!(self, Self::Rate | Self::Held)
    }

    /// All that was found of it in a series, run by run.
    fn values(self, series: &Series) -> Vec<f64> {
        let p99 = |run: &Run| run.latency.map(|latency: Quantiles| latency.p99);
        let values: Vec<f64> = match self {
            Self::Rate => series.runs.iter().map(Run::rate).collect(),
            Self::P99 => series.runs.iter().filter_map(p99).collect(),
            Self::Held => series.climb.iter().filter_map(|climb| climb.held).collect(),
            Self::Bytes => series.bytes_per_driver.into_iter().collect(),
        };
        values.into_iter().filter(|value| value.is_finite() && *value > 0.0).collect()
    }
}

/// What became of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Better, and surely so.
    Better,
    /// Worse, and surely so, but perhaps within the threshold.
    Worse,
    /// Worse by more than the threshold, and surely so.
    Regressed,
    /// A change would be as likely by chance.
    NoChange,
    /// Too few runs to tell.
    Unknown,
}

impl Mark {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Regressed => "REGRESSED",
            Self::NoChange => "no change seen",
            Self::Unknown => "too few runs",
        }
    }
}

/// What identifies a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The suite.
    pub suite: String,
    /// The system.
    pub system: String,
    /// The call.
    pub call: String,
    /// What was done to what.
    pub setting: Setting,
    /// What is counted.
    pub unit: String,
}

impl Key {
    fn of(series: &Series) -> Self {
        Self {
            suite: series.suite.clone(),
            system: series.system.clone(),
            call: series.call.clone(),
            setting: series.setting.clone(),
            unit: series.unit.clone(),
        }
    }

    fn is_of(&self, series: &Series) -> bool {
        (&self.suite, &self.system, &self.call) == (&series.suite, &series.system, &series.call)
            && self.setting == series.setting
            && self.unit == series.unit
    }

    /// Whether it is this program's.
    pub fn is_ours(&self) -> bool {
        super::report::is_ours(&self.system)
    }

    /// In words.
    pub fn words(&self) -> String {
        let (system, call, suite) = (&self.system, &self.call, &self.suite);
        format!("{system} · {call}: {suite}, {}", super::report::setting(suite, &self.setting))
    }
}

/// One measure of one series, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Of which series.
    pub key: Key,
    /// What of it.
    pub measure: Measure,
    /// The geometric mean before.
    pub before: f64,
    /// The geometric mean after.
    pub after: f64,
    /// After divided by before.
    pub ratio: f64,
    /// Where the ratio lies; none with a single run on either side.
    pub interval: Option<Interval>,
    /// What became of it.
    pub mark: Mark,
}

/// Two runs beside one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is in both, in the order of the first.
    pub changes: Vec<Change>,
    /// What is in the first only.
    pub only_before: Vec<Key>,
    /// What is in the second only.
    pub only_after: Vec<Key>,
    /// Why the two may not be comparable.
    pub warnings: Vec<String>,
}

impl Comparison {
    /// This program's series that regressed.
    pub fn regressions(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|one| one.mark == Mark::Regressed && one.key.is_ours())
    }

    /// The median ratio of the rates of other systems, which nobody changed: what the machine did.
    pub fn drift(&self) -> Option<f64> {
        let others = self.changes.iter().filter(|one| !one.key.is_ours());
        let rates = others.filter(|one| one.measure == Measure::Rate);
        let mut ratios: Vec<f64> = rates.map(|one| one.ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied()
    }
}

/// Reads a result.
///
/// # Errors
/// If there is none, or of another layout.
pub fn read(path: &Path) -> Result<SuiteResult, CompareError> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|source| CompareError::Unreadable { path: name.clone(), source })?;
    let no_result = |source| CompareError::NoResult { path: name.clone(), source };
    let json: serde_json::Value = serde_json::from_slice(&bytes).map_err(no_result)?;
    if let Some(layout) = json.get("layout").and_then(serde_json::Value::as_u64)
        && layout != u64::from(LAYOUT)
    {
        return Err(CompareError::Layout { path: name, layout });
    }
    serde_json::from_value(json).map_err(no_result)
}

/// Compares two runs.
///
/// # Errors
/// If they have nothing in common.
pub fn compare(
    before: &SuiteResult,
    after: &SuiteResult,
    terms: Terms,
) -> Result<Comparison, CompareError> {
    let mut pairs: Vec<(Key, Measure, Vec<f64>, Vec<f64>)> = Vec::new();
    let mut only_before = Vec::new();
    for old in &before.series {
        let key = Key::of(old);
        let Some(new) = after.series.iter().find(|new| key.is_of(new)) else {
            only_before.push(key);
            continue;
        };
        for measure in [Measure::Rate, Measure::P99, Measure::Held, Measure::Bytes] {
            let (old, new) = (measure.values(old), measure.values(new));
            if !old.is_empty() && !new.is_empty() {
                pairs.push((key.clone(), measure, old, new));
            }
        }
    }
    let is_new = |new: &&Series| !before.series.iter().any(|old| Key::of(old).is_of(new));
    let only_after = after.series.iter().filter(is_new).map(Key::of).collect();
    if only_before.len() == before.series.len() {
        let (before, after) = (before.series.len(), after.series.len());
        return Err(CompareError::NothingInCommon { before, after });
    }
    let sure = |pair: &&(Key, Measure, Vec<f64>, Vec<f64>)| {
        pair.0.is_ours() && pair.2.len() > 1 && pair.3.len() > 1
    };
    let family = pairs.iter().filter(sure).count().max(1);
    let changes = pairs.into_iter().map(|(key, measure, old, new)| {
        let [before, after] = [&old, &new].map(|values| interval::geometric_mean(values));
        let interval = interval::welch(&old, &new, (1.0 - terms.confidence) / family as f64);
        let mark = mark(measure, interval, terms.threshold);
        Change { key, measure, before, after, ratio: after / before, interval, mark }
    });
    let changes = changes.collect();
    Ok(Comparison { changes, only_before, only_after, warnings: warnings(before, after) })
}

/// What an interval of a ratio says.
fn mark(measure: Measure, interval: Option<Interval>, threshold: f64) -> Mark {
    let Some(interval) = interval else { return Mark::Unknown };
    // As a ratio of times: above 1 is worse, whatever is measured.
    let times = if measure.more_is_better() { interval.inverse() } else { interval };
    match times {
        times if times.low > 1.0 + threshold => Mark::Regressed,
        times if times.low > 1.0 => Mark::Worse,
        times if times.high < 1.0 => Mark::Better,
        _ => Mark::NoChange,
    }
}

/// What of the two differs that should not.
fn warnings(before: &SuiteResult, after: &SuiteResult) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut same = |what: &str, before: &str, after: &str| {
        if before != after {
            warnings.push(format!("{what} differs: {before} before, {after} after"));
        }
    };
    let (old, new) = (&before.machine, &after.machine);
    same("the processor", &old.cpu, &new.cpu);
    same("the number of cores", &old.cores.to_string(), &new.cores.to_string());
    let memory = |gib: f64| format!("{gib:.0} GiB of memory");
    same("the memory", &memory(old.memory_gib), &memory(new.memory_gib));
    same("the kernel", &old.kernel, &new.kernel);
    same("the compiler", &old.rustc, &new.rustc);
    let build = |release: bool| if release { "release" } else { "debug" };
    same("the build", build(old.release_build), build(new.release_build));
    same("the scale", &before.scale, &after.scale);
    same("the seed", &before.seed.to_string(), &after.seed.to_string());
    for system in &before.systems {
        let other = after.systems.iter().find(|other| other.name == system.name);
        let Some(other) = other else { continue };
        // Of ours the version is what is compared.
        if !system.usage.is_empty() && !other.usage.is_empty() {
            same(&format!("how {} is used", system.name), &system.usage, &other.usage);
        }
        if !super::report::is_ours(&system.name) {
            same(&format!("the version of {}", system.name), &system.version, &other.version);
        }
    }
    warnings
}
