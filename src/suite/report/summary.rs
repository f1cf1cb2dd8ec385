//! The run in plain words.

use super::view::{Group, Lane, Measure, View, usual};
use super::words;
use crate::page::{grouped, micros, times};
use crate::suite::result::Agreement;

/// What there is to say of one piece of work beside one other system.
pub(super) struct Work {
    /// "updates", "memory".
    pub(super) title: String,
    /// Where, and what is done.
    pub(super) setting: String,
    pub(super) facts: Vec<Fact>,
}

/// One comparison with one call of one other system.
pub(super) struct Fact {
    /// "44.1 ×".
    pub(super) times: String,
    /// The two values, the manner, the two p99.
    pub(super) detail: String,
}

/// What there is to say about a system, in the usual work of each suite.
pub(super) fn works(view: &View<'_>, system: &str) -> Vec<Work> {
    let rates = ["updates", "queries", "mixed", "trace"].into_iter().filter_map(|suite| {
        let group = usual(view.suite(suite))?;
        Some(about(group, system, Measure::Rate))
    });
    let held = ["updates", "queries", "operations"].into_iter().filter_map(|unit| {
        let group = usual(view.held.iter().filter(|group| group.unit == unit))?;
        Some(about(group, system, Measure::Held))
    });
    let bytes = usual(view.bytes.iter()).map(|group| about(group, system, Measure::Bytes));
    rates.chain(held).chain(bytes).filter(|work| !work.facts.is_empty()).collect()
}

fn about(group: &Group<'_>, system: &str, measure: Measure) -> Work {
    let lanes = group.lanes.iter().filter(|lane| lane.series.system == system);
    let fact = |lane: &Lane<'_>| {
        let ours = lane.ours?;
        let [value, theirs] = [ours.value, lane.median()].map(|value| words::value(measure, value));
        let ours = match measure {
            Measure::Bytes => value,
            _ => format!("{}: {value} by {}", lane.manner.name(), ours.call),
        };
        let (call, slowest) = (&lane.series.call, slowest(lane));
        Some(Fact {
            times: times(lane.ratio?),
            detail: format!("{ours} against {theirs} by {call}{slowest}"),
        })
    };
    let title = match measure {
        Measure::Rate => group.suite.to_owned(),
        Measure::Held => format!("{} held", group.unit),
        Measure::Bytes => "memory a driver".to_owned(),
    };
    let setting = words::setting(group.suite, group.setting);
    Work { title, setting, facts: lanes.filter_map(fact).collect() }
}

/// The two p99 where both were looked at.
fn slowest(lane: &Lane<'_>) -> String {
    let both = lane.ours.and_then(|ours| ours.latency).zip(lane.latency);
    both.map_or(String::new(), |(ours, theirs)| {
        format!("; p99 {} against {}", micros(ours.p99), micros(theirs.p99))
    })
}

/// The comparison that is told first: the largest work of which a rate was compared.
pub(super) fn opening(view: &View<'_>) -> String {
    let system = view.others().find(|system| !works(view, &system.name).is_empty());
    let Some(system) = system else {
        return "Nothing else did the same work in this run, so nothing is compared.".to_owned();
    };
    let told: Vec<String> = ["updates", "queries"]
        .into_iter()
        .filter_map(|suite| usual(view.suite(suite)))
        .filter_map(|group| {
            // Its best call in the first manner that both have: the least that can be said.
            let lanes = group.lanes.iter().filter(|lane| lane.series.system == system.name);
            let compared: Vec<&Lane<'_>> = lanes.filter(|lane| lane.ratio.is_some()).collect();
            let manner = compared.first()?.manner;
            let same = compared.iter().filter(|lane| lane.manner == manner);
            let ratio = same.filter_map(|lane| lane.ratio).reduce(f64::min)?;
            let words = times(ratio).replace(" ×", " times");
            let place = words::setting(group.suite, group.setting);
            Some(format!("{words} the {}/s ({place})", group.unit))
        })
        .collect();
    match told.as_slice() {
        [] => "How many times as much Hansom does as each of the others, by the best use of each."
            .to_owned(),
        told => format!(
            "Beside {}, Hansom did {}, each by its best call, on the same machine.",
            system.name,
            told.join(" and ")
        ),
    }
}

/// How the answers compare, over all series of each system: its name, and what was found.
pub(super) fn agreements<'a>(view: &View<'a>) -> Vec<(&'a str, Agreement)> {
    let mut sums: Vec<(&str, Agreement)> = Vec::new();
    for series in &view.result.series {
        let Some(agreement) = series.agreement else { continue };
        let at = sums.iter().position(|(name, _)| *name == series.system);
        let at = at.unwrap_or_else(|| {
            sums.push((&series.system, Agreement::default()));
            sums.len() - 1
        });
        if let Some((_, sum)) = sums.get_mut(at) {
            sum.compared = sum.compared.saturating_add(agreement.compared);
            sum.equal = sum.equal.saturating_add(agreement.equal);
            sum.rounded = sum.rounded.saturating_add(agreement.rounded);
            sum.different = sum.different.saturating_add(agreement.different);
        }
    }
    sums
}

/// Whether all answers were right, in one sentence.
pub(super) fn answers(sums: &[(&str, Agreement)]) -> String {
    let sum = |which: fn(&Agreement) -> u64| {
        sums.iter().fold(0_u64, |sum, (_, one)| sum.saturating_add(which(one)))
    };
    let (compared, different) = (sum(|one| one.compared), sum(|one| one.different));
    match (compared, different) {
        (0, _) => "No answer was compared with the linear scan's.".to_owned(),
        (_, 0) => format!(
            "{} answers were compared with the linear scan's, and none was wrong.",
            grouped(compared)
        ),
        _ => format!(
            "{} of {} answers differ from the linear scan's: figures of wrong answers say little.",
            grouped(different),
            grouped(compared)
        ),
    }
}

/// The machine in one line.
pub(super) fn machine(view: &View<'_>) -> String {
    let machine = &view.result.machine;
    let cores = if machine.cores == 1 { "core" } else { "cores" };
    let build = if machine.release_build { "release" } else { "DEBUG" };
    format!(
        "{}, {} {cores}, {:.1} GiB, Linux {}, load {:.2} at the start; {}, {build} build, commit {}",
        machine.cpu,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.load_average,
        machine.rustc,
        machine.commit
    )
}

/// What this run was.
pub(super) fn run(view: &View<'_>) -> String {
    let result = view.result;
    format!(
        "scale {}, seed {}, begun {}, {}",
        result.scale,
        result.seed,
        result.began,
        lasted(result.seconds)
    )
}

fn lasted(seconds: f64) -> String {
    if seconds >= 120.0 { format!("{:.0} min", seconds / 60.0) } else { format!("{seconds:.0} s") }
}
