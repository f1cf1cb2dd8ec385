//! What a run of the suite leaves behind, as JSON: the machine, who took part, what was measured.

use serde::{Deserialize, Serialize};

/// The version of this layout. A reader refuses others.
pub const LAYOUT: u32 = 1;

/// One run of the suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteResult {
    /// [`LAYOUT`].
    pub layout: u32,
    /// When it began, as RFC 3339 in UTC.
    pub began: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The command line that made it.
    pub command: String,
    /// `small`, `city` or `country`.
    pub scale: String,
    /// What the workloads were made from.
    pub seed: u64,
    /// Where.
    pub machine: MachineRecord,
    /// Who took part, and who was asked for and could not.
    pub systems: Vec<SystemRecord>,
    /// What was measured, in the order of the suites.
    pub series: Vec<Series>,
}

/// Where it ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// The processor's name.
    pub cpu: String,
    /// Cores that the run could use.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// The operating system's kernel.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
    /// What was built.
    pub commit: String,
    /// Whether it was built for use.
    pub release_build: bool,
    /// How many processes wanted to run at the beginning, over a minute.
    pub load_average: f64,
}

/// A system that was measured, or should have been.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemRecord {
    /// Its short name, as `--peer` takes it; `hansom` is ours over gRPC, `hansom-direct` ours in
    /// process, to be read beside the peers that are in process too; `floor` is what the memory of
    /// this machine allows.
    pub name: String,
    /// Its version, as it says itself.
    pub version: String,
    /// How it is reached: `in process`, or the protocol.
    pub access: String,
    /// Its best known use, in words.
    pub usage: String,
    /// What became of it.
    pub status: SystemStatus,
}

/// What became of a system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum SystemStatus {
    /// It was measured.
    Measured,
    /// It is not on this machine.
    Missing {
        /// What was looked for.
        reason: String,
        /// The line that installs it.
        install: String,
    },
    /// It broke down; what it had done until then stands.
    Failed {
        /// What it said.
        reason: String,
    },
}

/// One system doing one thing, several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The suite: `updates`, `queries`, `filters`, `mixed`, `load`, `growth` (with drivers), `k`
    /// (with how many are asked for), `threads`, `memory`, `floor`, `trace`.
    pub suite: String,
    /// The system's short name.
    pub system: String,
    /// The call that is used: many at once in `bulk`, `stream`, `pipeline`, `batch`, `adaptive`
    /// (pipelines with a radius that the client guesses); one at a time in `unary`, `adaptive-unary`,
    /// `async-unary` and, on a stream that stays open, `turns`; `direct` is in process. One at a
    /// time has latencies in its runs.
    pub call: String,
    /// What it is done to.
    pub setting: Setting,
    /// What a rate counts: `updates`, `queries`, `operations`.
    pub unit: String,
    /// The runs, in the order in which they were made; other systems ran in between.
    pub runs: Vec<Run>,
    /// The rising steps, in the suites that look for the highest rate held.
    pub climb: Option<Climb>,
    /// Memory that a driver takes, in bytes, in the suite that looks at it.
    pub bytes_per_driver: Option<f64>,
    /// How its answers compare with the linear scan's.
    pub agreement: Option<Agreement>,
}

/// What was done to what. Two series are of the same work if these are equal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// `country`, `city`, `stadium`, `sparse`, or the name of a trace.
    pub workload: String,
    /// Drivers on the map.
    pub drivers: u64,
    /// How many are asked for; 0 where nothing is asked.
    pub k: u32,
    /// How far a question reaches, in metres; 0 where nothing is asked.
    pub radius_m: u32,
    /// How many of a hundred drivers pass the filter.
    pub passing_percent: u32,
    /// How many of a hundred operations are updates.
    pub update_percent: u32,
    /// Threads that ask or report.
    pub threads: u32,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was done.
    pub operations: u64,
    /// In how long, in seconds.
    pub seconds: f64,
    /// How long one took, where that was looked at.
    pub latency: Option<Quantiles>,
}

/// How long operations took, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// 90 of 100 took no longer.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// Rising steps until the limit broke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Climb {
    /// The limit on p99, in milliseconds.
    pub limit_ms: f64,
    /// The highest rate at which it held, a second; none if it never did.
    pub held: Option<f64>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// Operations at a fixed rate for a while. Latency counts from the moment that each was due.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Operations a second that were due.
    pub due: f64,
    /// Operations a second that were done.
    pub done: f64,
    /// How long they took.
    pub latency: Quantiles,
    /// Whether the limit held: p99 within it, and at least 99 of 100 done in time.
    pub held: bool,
}

/// How answers compare with the linear scan's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Answers that were compared.
    pub compared: u64,
    /// The same drivers in the same order.
    pub equal: u64,
    /// The same but for drivers that the system's rounding of positions cannot tell apart.
    pub rounded: u64,
    /// Others.
    pub different: u64,
}

impl From<crate::bench::machine::Machine> for MachineRecord {
    fn from(machine: crate::bench::machine::Machine) -> Self {
        Self {
            cpu: machine.cpu,
            cores: machine.cores,
            memory_gib: machine.memory_gib,
            kernel: machine.kernel,
            rustc: machine.rustc.to_owned(),
            commit: machine.commit.to_owned(),
            release_build: machine.release_build,
            load_average: machine.load_average,
        }
    }
}

impl Run {
    /// Operations a second.
    pub fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds
    }
}

impl Series {
    /// Whether each operation waited for the one before.
    pub fn waits(&self) -> bool {
        ["unary", "turns"].iter().any(|one| self.call.contains(one))
    }

    /// The rates of its runs: the lowest, the median, the highest. None without runs.
    pub fn rates(&self) -> Option<[f64; 3]> {
        let mut rates: Vec<f64> = self.runs.iter().map(Run::rate).collect();
        rates.sort_by(f64::total_cmp);
        Some([*rates.first()?, *rates.get(rates.len() / 2)?, *rates.last()?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rates: &[u64]) -> Series {
        let run = |&operations| Run { operations, seconds: 2.0, latency: None };
        Series {
            suite: "queries".into(),
            system: "hansom".into(),
            call: "stream".into(),
            setting: Setting::default(),
            unit: "queries".into(),
            runs: rates.iter().map(run).collect(),
            climb: None,
            bytes_per_driver: None,
            agreement: None,
        }
    }

    #[test]
    fn rates_are_lowest_median_highest() {
        assert_eq!(series(&[600, 200, 400]).rates(), Some([100.0, 200.0, 300.0]));
        assert_eq!(series(&[]).rates(), None);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let status = SystemStatus::Missing { reason: "no such file".into(), install: "apt".into() };
        let json = serde_json::to_string(&status).expect("no map with odd keys");
        assert!(json.contains(r#""is":"missing""#), "{json}");
        assert_eq!(serde_json::from_str::<SystemStatus>(&json).expect("just written"), status);
        let json = serde_json::to_string(&series(&[7])).expect("no map with odd keys");
        assert_eq!(serde_json::from_str::<Series>(&json).expect("just written"), series(&[7]));
    }
}
