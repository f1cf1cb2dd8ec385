//! The parts of a report, in its order: what each suite asks, in a sentence, and its groups.

use super::view::{Group, View, is_usual, usual};

/// A suite that compares rates.
pub(super) struct Part {
    /// Its short name.
    pub(super) suite: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// What it asks.
    pub(super) what: &'static str,
}

/// The suites that compare rates.
pub(super) const PARTS: [Part; 6] = [
    Part {
        suite: "updates",
        title: "Updates",
        what: "Drivers move some 50 m each; how many positions a second are taken.",
    },
    Part {
        suite: "queries",
        title: "Questions",
        what: "Who is nearest, asked near random drivers; how many answers a second are given.",
    },
    Part {
        suite: "filters",
        title: "Questions with a filter",
        what: "The same, wanting drivers that only so many of a hundred are.",
    },
    Part {
        suite: "mixed",
        title: "Both at once",
        what: "Updates and questions in one stream of operations.",
    },
    Part {
        suite: "trace",
        title: "A recorded day",
        what: "Each recorded position is an update, each recorded pickup a question.",
    },
    Part {
        suite: "threads",
        title: "Threads",
        what: "The same work asked for by one thread and by more.",
    },
];

impl Part {
    /// The groups that are drawn: those of the largest and best known work, and the others that are
    /// worth a look.
    pub(super) fn drawn<'a, 'b>(
        &self,
        view: &'b View<'a>,
    ) -> (Vec<&'b Group<'a>>, Vec<&'b Group<'a>>) {
        let Some(first) = usual(view.suite(self.suite)) else { return (Vec::new(), Vec::new()) };
        let place = |group: &Group<'_>| {
            let setting = group.setting;
            (setting.workload.clone(), setting.drivers)
        };
        let worth = view.suite(self.suite).filter(|group| {
            let (setting, known) = (group.setting, first.setting);
            is_usual(setting) || (setting.k, setting.radius_m) == (known.k, known.radius_m)
        });
        worth.partition(|group| place(group) == place(first))
    }
}

/// Suites with a name that is none of the known ones, in the order of the result.
pub(super) fn unknown<'a>(view: &View<'a>) -> Vec<&'a str> {
    let known = ["load", "growth", "k", "memory", "floor"];
    let mut found = Vec::new();
    for group in &view.rates {
        let is_part = PARTS.iter().any(|part| part.suite == group.suite);
        if !is_part && !known.contains(&group.suite) && !found.contains(&group.suite) {
            found.push(group.suite);
        }
    }
    found
}
