//! The suites that compare rates, in a report's order, and which of their groups are drawn.

use super::view::{Group, View, is_usual, usual};

/// A suite that compares rates.
pub(super) struct Part {
    /// Its short name.
    pub(super) suite: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
}

/// The suites that compare rates.
pub(super) const PARTS: [Part; 5] = [
    Part { suite: "updates", title: "Updates" },
    Part { suite: "queries", title: "Questions" },
    Part { suite: "filters", title: "Filtered" },
    Part { suite: "mixed", title: "Both at once" },
    Part { suite: "trace", title: "A recorded day" },
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
    let known = ["load", "growth", "k", "threads", "memory", "floor"];
    let mut found = Vec::new();
    for group in &view.rates {
        let is_part = PARTS.iter().any(|part| part.suite == group.suite);
        if !is_part && !known.contains(&group.suite) && !found.contains(&group.suite) {
            found.push(group.suite);
        }
    }
    found
}
