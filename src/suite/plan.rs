//! What is measured on which drivers, and for how long: from what the user asked for to a list of
//! stages.
//!
//! A stage is a world that every system is loaded with. Questions come before updates in it, so
//! that answers can be compared with those of a scan that knows where everybody is.

use std::path::PathBuf;

use super::system::Call;
use super::workload::{Ask, Passing, Workload};

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// Moves a second.
    Updates,
    /// Questions a second, for several k and radii.
    Queries,
    /// Questions that 100, 30 and 1 of a hundred drivers satisfy.
    Filters,
    /// Nine moves a question, and one.
    Mixed,
    /// The highest rate held, whatever is asked.
    Load,
    /// More and more drivers.
    Growth,
    /// More and more drivers in an answer.
    K,
    /// One thread and two.
    Threads,
    /// Bytes a driver.
    Memory,
    /// Moves beside what the machine's memory allows.
    Floor,
    /// A recorded day.
    Trace,
}

impl Suite {
    /// All of them, in the order of results.
    pub const ALL: [Self; 11] = [
        Self::Updates,
        Self::Queries,
        Self::Filters,
        Self::Mixed,
        Self::Load,
        Self::Growth,
        Self::K,
        Self::Threads,
        Self::Memory,
        Self::Floor,
        Self::Trace,
    ];

    /// Its name in results and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Updates => "updates",
            Self::Queries => "queries",
            Self::Filters => "filters",
            Self::Mixed => "mixed",
            Self::Load => "load",
            Self::Growth => "growth",
            Self::K => "k",
            Self::Threads => "threads",
            Self::Memory => "memory",
            Self::Floor => "floor",
            Self::Trace => "trace",
        }
    }
}

/// How large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// 10⁴ drivers: whether it works, in minutes.
    Small,
    /// 10⁵.
    City,
    /// 10⁶.
    Country,
}

impl Scale {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Small, Self::City, Self::Country];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::City => "city",
            Self::Country => "country",
        }
    }

    /// How long a run takes unless told otherwise, in seconds.
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Small => 0.15,
            Self::City => 1.0,
            Self::Country => 2.0,
        }
    }

    /// How often each is run unless told otherwise.
    pub const fn repeat(self) -> u32 {
        match self {
            Self::Small => 3,
            Self::City | Self::Country => 5,
        }
    }

    /// Where most is measured.
    const fn main(self) -> (Workload, u32) {
        match self {
            Self::Small => (Workload::City, 10_000),
            Self::City => (Workload::City, 100_000),
            Self::Country => (Workload::Country, 1_000_000),
        }
    }

    /// Where else moves and questions are measured.
    const fn others(self) -> &'static [(Workload, u32)] {
        match self {
            Self::Small => &[(Workload::Stadium, 10_000), (Workload::Sparse, 1_000)],
            Self::City => &[(Workload::Stadium, 100_000), (Workload::Sparse, 10_000)],
            Self::Country => &[
                (Workload::City, 100_000),
                (Workload::Stadium, 100_000),
                (Workload::Sparse, 10_000),
            ],
        }
    }

    /// How many drivers growth is looked at with.
    const fn sizes(self) -> &'static [u32] {
        match self {
            Self::Small => &[1_000, 10_000],
            Self::City => &[10_000, 100_000],
            Self::Country => &[10_000, 100_000, 1_000_000, 10_000_000],
        }
    }

    /// How many are asked for, and how far.
    const fn asked(self) -> &'static [(u32, u32)] {
        match self {
            Self::Small => &[(1, 500), (10, 5_000), (50, 50_000)],
            Self::City | Self::Country => &[
                (1, 500),
                (10, 500),
                (50, 500),
                (1, 5_000),
                (10, 5_000),
                (50, 5_000),
                (1, 50_000),
                (10, 50_000),
                (50, 50_000),
            ],
        }
    }
}

/// The world of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// Made up.
    Made(Workload, u32),
    /// A recorded day.
    Recorded(PathBuf),
}

/// Who takes part in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Each system.
    All,
    /// Each but the linear scan, which needs no more proof.
    Indices,
    /// Those in this process.
    InProcess,
    /// Our index and the floor.
    Floor,
}

/// What is measured of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As much as possible.
    Closed,
    /// The highest rate held.
    Open,
    /// What the drivers take.
    Memory,
    /// The recorded day.
    Trace,
}

/// Which of a system's calls are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// All.
    All,
    /// Those that do not wait for each answer.
    Deep,
    /// Those that do.
    Waiting,
}

impl Calls {
    /// Whether a call is one of them.
    pub(super) const fn include(self, call: Call) -> bool {
        match self {
            Self::All => true,
            Self::Deep => !call.waits(),
            Self::Waiting => call.waits(),
        }
    }
}

/// Callers that each wait for an answer before they ask again, each with a connection of its own.
const CALLERS: u32 = 8;

/// Something to measure of each system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Which suite it is of.
    pub suite: Suite,
    /// How it is measured.
    pub kind: Kind,
    /// What is asked, if something is.
    pub ask: Option<Ask>,
    /// How many of a hundred operations are updates.
    pub update_percent: u32,
    /// Threads that do it.
    pub threads: u32,
    /// Who takes part.
    pub who: Who,
    /// With which calls.
    pub calls: Calls,
}

/// A world, and what is measured in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Which world.
    pub spec: Spec,
    /// In the order in which it is done.
    pub tasks: Vec<Task>,
}

/// The ten nearest within five kilometres.
pub(super) const USUAL: Ask = Ask { k: 10, radius_m: 5_000, passing: Passing::All };

impl Task {
    const fn questions(suite: Suite, ask: Ask) -> Self {
        let (kind, who) = (Kind::Closed, Who::All);
        let ask = Some(ask);
        Self { suite, kind, ask, update_percent: 0, threads: 1, who, calls: Calls::All }
    }

    const fn updates(suite: Suite) -> Self {
        Self { ask: None, update_percent: 100, ..Self::questions(suite, USUAL) }
    }

    /// When its turn is: what moves nobody first, and what leaves nobody knowing who is where last.
    const fn turn(&self) -> (bool, bool, bool) {
        let moves = self.update_percent > 0;
        (!matches!(self.kind, Kind::Memory), moves, moves && self.threads > 1)
    }

    const fn deep(self) -> Self {
        Self { calls: Calls::Deep, ..self }
    }

    /// The same by several callers, who wait.
    const fn by_callers(self) -> Self {
        Self { calls: Calls::Waiting, threads: CALLERS, ..self }
    }

    const fn of(self, who: Who) -> Self {
        Self { who, ..self }
    }
}

/// The stages for these suites.
pub fn stages(suites: &[Suite], scale: Scale, trace: Option<PathBuf>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut add = |spec: Spec, task: Task| {
        if !suites.contains(&task.suite) {
            return;
        }
        match stages.iter_mut().find(|stage| stage.spec == spec) {
            Some(stage) => stage.tasks.push(task),
            None => stages.push(Stage { spec, tasks: vec![task] }),
        }
    };
    let (workload, drivers) = scale.main();
    let main = Spec::Made(workload, drivers);
    for task in main_tasks(scale) {
        add(main.clone(), task);
    }
    for &(workload, drivers) in scale.others() {
        let spec = Spec::Made(workload, drivers);
        let far = Ask { radius_m: 50_000, ..USUAL };
        let ask = if workload == Workload::Sparse { far } else { USUAL };
        add(spec.clone(), Task::questions(Suite::Queries, ask));
        add(spec, Task::updates(Suite::Updates));
    }
    for &drivers in scale.sizes() {
        let spec = Spec::Made(Workload::Country, drivers);
        add(spec.clone(), Task::questions(Suite::Growth, USUAL).deep().of(Who::Indices));
        add(spec, Task::updates(Suite::Growth).deep().of(Who::Indices));
    }
    if let Some(path) = trace {
        let task = Task { kind: Kind::Trace, ..Task::questions(Suite::Trace, USUAL) };
        // How many of the operations are updates is the trace's affair.
        add(Spec::Recorded(path), task.deep());
    }
    for stage in &mut stages {
        stage.tasks.sort_by_key(Task::turn);
    }
    stages
}

/// What is measured with most drivers.
fn main_tasks(scale: Scale) -> Vec<Task> {
    let mut tasks = vec![Task { kind: Kind::Memory, ..Task::updates(Suite::Memory) }];
    let asked = scale.asked().iter().map(|&(k, radius_m)| Ask { k, radius_m, ..USUAL });
    tasks.extend(asked.map(|ask| Task::questions(Suite::Queries, ask)));
    for passing in [Passing::All, Passing::Thirty, Passing::One] {
        tasks.push(Task::questions(Suite::Filters, Ask { passing, ..USUAL }).deep());
    }
    for k in [1, 10, 100, 1_000] {
        let ask = Ask { k, radius_m: 50_000, ..USUAL };
        tasks.push(Task::questions(Suite::K, ask).deep().of(Who::Indices));
    }
    for threads in [1, 2] {
        let usual = Task::questions(Suite::Threads, USUAL).deep().of(Who::InProcess);
        tasks.push(Task { threads, ..usual });
    }
    let load = Task { kind: Kind::Open, ..Task::questions(Suite::Load, USUAL) };
    let load = load.deep().of(Who::Indices);
    tasks.extend([load, Task { update_percent: 90, ..load }]);
    tasks.extend([Task::updates(Suite::Updates), Task::updates(Suite::Floor).of(Who::Floor)]);
    tasks.extend([
        Task::updates(Suite::Updates).by_callers(),
        Task::questions(Suite::Queries, USUAL).by_callers(),
    ]);
    for update_percent in [90, 50] {
        let mixed = Task::questions(Suite::Mixed, USUAL).deep().of(Who::Indices);
        tasks.push(Task { update_percent, ..mixed });
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_suite_has_something_to_do_and_no_other_is_done() {
        for scale in Scale::ALL {
            for suite in Suite::ALL {
                let stages = stages(&[suite], scale, Some("x".into()));
                let tasks: Vec<&Task> = stages.iter().flat_map(|stage| &stage.tasks).collect();
                assert!(!tasks.is_empty(), "{suite:?} at {scale:?}");
                assert!(tasks.iter().all(|task| task.suite == suite));
            }
        }
    }

    #[test]
    fn no_world_is_loaded_twice_and_questions_come_first() {
        let stages = stages(&Suite::ALL, Scale::Country, Some("x".into()));
        for (i, stage) in stages.iter().enumerate() {
            assert!(stages[..i].iter().all(|other| other.spec != stage.spec));
            assert!(stage.tasks.is_sorted_by_key(Task::turn));
        }
        assert_eq!(stages[0].tasks[0].kind, Kind::Memory, "before anything has moved");
    }
}
