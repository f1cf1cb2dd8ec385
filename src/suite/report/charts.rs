//! What is drawn, and from which figures.

use super::view::{Group, Lane, Manner, Measure, View};
use super::words;
use crate::page::{Along, Axis, Bar, Curve, Curves, Range, Ranges, Rows, micros, short, times};
use crate::suite::result::{Series, Setting};

/// A drawing with what is said above it, and whose colours need explaining.
pub(super) struct Card {
    pub(super) title: String,
    pub(super) what: String,
    /// Names and the numbers of their colours.
    pub(super) legend: Vec<(String, usize)>,
    pub(super) svg: String,
}

/// How much each did in a second, or took.
pub(super) fn bars(view: &View<'_>, group: &Group<'_>, measure: Measure) -> Card {
    let lanes = group.lanes.iter();
    let along = Along::fitting(lanes.map(Lane::median));
    let bar = |lane: &Lane<'_>| {
        let value = words::value(measure, lane.median());
        let [low, _, high] = lane.values.map(|value| words::value(measure, value));
        let label = match lane.ratio {
            Some(ratio) => format!("{value} · {}", times(ratio)),
            None => value,
        };
        let hint = format!("{}: {low} to {high}", lane.name());
        let colour = view.colour(&lane.series.system);
        Bar { name: lane.name(), colour, values: lane.values, label, hint }
    };
    let rows = Rows { title: words::group(group), sections: sections(group, bar), along };
    let scale = if along == Along::Log { ", on a logarithmic scale" } else { "" };
    let what = match measure {
        Measure::Bytes => format!("bytes a driver · Hansom's share of it{scale}"),
        _ => format!("{}/s · how many times Hansom does{scale}", group.unit),
    };
    Card { title: title(group), what, legend: Vec::new(), svg: rows.svg() }
}

/// How long operations took; none if nobody looked.
pub(super) fn latencies(view: &View<'_>, group: &Group<'_>) -> Option<Card> {
    let range = |lane: &Lane<'_>| {
        let taken = lane.latency?;
        let micros = [taken.p50, taken.p90, taken.p99, taken.p999, taken.max];
        Some(Range { name: lane.name(), colour: view.colour(&lane.series.system), micros })
    };
    let mut sections = Vec::new();
    for (heading, ranges) in self::sections(group, range) {
        let ranges: Vec<Range> = ranges.into_iter().flatten().collect();
        if !ranges.is_empty() {
            sections.push((heading, ranges));
        }
    }
    let title = format!("How long: {}", words::group(group));
    let svg = Ranges { title, sections }.svg()?;
    let what = "median – 99 in 100 within – longest";
    Some(Card { title: self::title(group), what: what.to_owned(), legend: Vec::new(), svg })
}

/// Rising steps: one card for each piece of work.
pub(super) fn climbs(view: &View<'_>) -> Vec<Card> {
    let climbing = view
        .result
        .series
        .iter()
        .filter(|series| series.climb.as_ref().is_some_and(|climb| !climb.steps.is_empty()));
    let mut groups: Vec<Vec<&Series>> = Vec::new();
    for series in climbing {
        let same = |one: &&Series| (&one.setting, &one.unit) == (&series.setting, &series.unit);
        match groups.iter_mut().find(|group| group.first().is_some_and(same)) {
            Some(group) => group.push(series),
            None => groups.push(vec![series]),
        }
    }
    groups.iter().filter_map(|group| climb(view, group)).collect()
}

fn climb(view: &View<'_>, group: &[&Series]) -> Option<Card> {
    let first = group.first()?;
    let limit_ms = first.climb.as_ref()?.limit_ms;
    let names: Vec<&str> = group.iter().map(|series| series.system.as_str()).collect();
    let colours = distinct(view, &names);
    let curve = |(series, colour): (&&Series, &usize)| {
        let steps = series.climb.iter().flat_map(|climb| &climb.steps);
        let points = steps.map(|step| (step.due, step.latency.p99 / 1e3));
        let points = points.filter(|(x, y)| *x > 0.0 && *y > 0.0 && x.is_finite() && y.is_finite());
        Curve { name: name(series), colour: *colour, points: points.collect() }
    };
    let curves = Curves {
        title: format!("p99 as the rate rises: {}", words::setting("load", &first.setting)),
        across: Axis { name: "due a second", label: short },
        up: Axis { name: "p99, ms", label: short },
        limit: Some((limit_ms, format!("limit {limit_ms} ms"))),
        drawn: group.iter().zip(&colours).map(curve).collect(),
    };
    let held = group.iter().zip(&colours).map(|(series, colour)| {
        let held = series.climb.as_ref().and_then(|climb| climb.held);
        let held = held.map_or("never held".to_owned(), |rate| format!("{}/s", short(rate)));
        (format!("{} {held}", name(series)), *colour)
    });
    Some(Card {
        title: format!("{}: {}", first.unit, words::setting("load", &first.setting)),
        what: "p99 from the moment each was due; the highest rate held within the limit".to_owned(),
        legend: held.collect(),
        svg: curves.svg()?,
    })
}

/// The same work by more and more threads: one card for each piece of work.
pub(super) fn threads(view: &View<'_>) -> Vec<Card> {
    let rest = |setting: &Setting| Setting { threads: 0, ..setting.clone() };
    let mut works: Vec<(Setting, &str)> = Vec::new();
    for group in view.suite("threads") {
        let work = (rest(group.setting), group.unit);
        if !works.contains(&work) {
            works.push(work);
        }
    }
    let card = |(work, unit): &(Setting, &str)| {
        let groups = view.suite("threads");
        let mut bars: Vec<(String, u32, Bar)> = Vec::new();
        for group in groups.filter(|one| one.unit == *unit && rest(one.setting) == *work) {
            for lane in &group.lanes {
                bars.push((lane.name(), group.setting.threads, threads_bar(view, group, lane)));
            }
        }
        bars.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
        let mut sections: Vec<(String, Vec<Bar>)> = Vec::new();
        let mut alone = 0.0;
        for (name, _, mut bar) in bars {
            match sections.last_mut() {
                Some((last, all)) if *last == name => {
                    bar.label = format!("{} · {}", bar.label, times(bar.values[1] / alone));
                    all.push(bar);
                }
                _ => {
                    alone = bar.values[1];
                    sections.push((name, vec![bar]));
                }
            }
        }
        let work = words::setting("threads", work);
        let title = format!("Threads: {unit}, {work}");
        let svg = Rows { title, sections, along: Along::Linear }.svg();
        let what = format!("{unit}/s · how many times the first");
        Card { title: format!("Threads: {work}"), what, legend: Vec::new(), svg }
    };
    works.iter().map(card).collect()
}

fn threads_bar(view: &View<'_>, group: &Group<'_>, lane: &Lane<'_>) -> Bar {
    let [low, middle, high] = lane.values.map(|value| words::value(Measure::Rate, value));
    let threads = group.setting.threads;
    let name = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    Bar {
        hint: format!("{}, {name}: {low} to {high}", lane.name()),
        name,
        colour: view.colour(&lane.series.system),
        values: lane.values,
        label: middle,
    }
}

/// A number of a setting that grows, and the setting without it.
#[derive(Clone, Copy)]
pub(super) enum Growing {
    Drivers,
    K,
}

impl Growing {
    const fn suite(self) -> &'static str {
        match self {
            Self::Drivers => "growth",
            Self::K => "k",
        }
    }

    fn number(self, setting: &Setting) -> f64 {
        match self {
            Self::Drivers => setting.drivers as f64,
            Self::K => f64::from(setting.k),
        }
    }

    fn rest(self, setting: &Setting) -> Setting {
        match self {
            Self::Drivers => Setting { drivers: 0, ..setting.clone() },
            Self::K => Setting { k: 0, ..setting.clone() },
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Drivers => "More drivers",
            Self::K => "More asked for",
        }
    }
}

/// What an operation costs as something grows: one card for each piece of work.
pub(super) fn growths(view: &View<'_>, growing: Growing) -> Vec<Card> {
    let mut works: Vec<(Setting, &str)> = Vec::new();
    for group in view.suite(growing.suite()) {
        let work = (growing.rest(group.setting), group.unit);
        if !works.contains(&work) {
            works.push(work);
        }
    }
    works.iter().filter_map(|(rest, unit)| growth(view, growing, (rest, unit))).collect()
}

fn growth(view: &View<'_>, growing: Growing, (rest, unit): (&Setting, &str)) -> Option<Card> {
    let groups = view.suite(growing.suite());
    let groups = groups.filter(|one| one.unit == unit && growing.rest(one.setting) == *rest);
    let mut curves: Vec<Curve> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for lane in groups.clone().flat_map(|group| &group.lanes) {
        let name = lane.name();
        if !curves.iter().any(|curve| curve.name == name) {
            curves.push(Curve { name, colour: 0, points: Vec::new() });
            names.push(&lane.series.system);
        }
    }
    for (curve, colour) in curves.iter_mut().zip(distinct(view, &names)) {
        curve.colour = colour;
        let lanes =
            groups.clone().flat_map(|group| group.lanes.iter().map(move |lane| (group, lane)));
        let own = lanes.filter(|(_, lane)| lane.name() == curve.name);
        curve.points =
            own.map(|(group, lane)| (growing.number(group.setting), 1e6 / lane.median())).collect();
    }
    for curve in &mut curves {
        curve.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    let legend = curves.iter().map(|curve| (grown(curve), curve.colour)).collect();
    let across = match growing {
        Growing::Drivers => "drivers",
        Growing::K => "asked for",
    };
    let work = words::setting(growing.suite(), rest);
    let curves = Curves {
        title: format!("Time for one of the {unit} by {across}: {work}"),
        across: Axis { name: across, label: short },
        up: Axis { name: "time for one", label: micros },
        limit: None,
        drawn: curves,
    };
    Some(Card {
        title: format!("{}: {unit}, {work}", growing.title()),
        what: "time for one; behind the name, the last beside the first".to_owned(),
        legend,
        svg: curves.svg()?,
    })
}

/// A curve's name, with how many times its last point is its first.
fn grown(curve: &Curve) -> String {
    match curve.points.as_slice() {
        [(_, first), .., (_, last)] => format!("{} {}", curve.name, times(last / first)),
        _ => curve.name.clone(),
    }
}

/// A colour for each curve: its system's, or one that no other has if that is taken.
fn distinct(view: &View<'_>, systems: &[&str]) -> Vec<usize> {
    let own: Vec<usize> = systems.iter().map(|system| view.colour(system)).collect();
    let mut used: Vec<usize> = Vec::new();
    for colour in &own {
        let free = || (0..8).find(|free| !used.contains(free) && !own.contains(free));
        let colour = if used.contains(colour) { free().unwrap_or(*colour) } else { *colour };
        used.push(colour);
    }
    used
}

fn name(series: &Series) -> String {
    format!("{} · {}", series.system, series.call)
}

fn title(group: &Group<'_>) -> String {
    words::setting(group.suite, group.setting)
}

/// Something of each lane, by manner; the heading is empty if there is one manner only.
fn sections<T>(group: &Group<'_>, of: impl Fn(&Lane<'_>) -> T) -> Vec<(String, Vec<T>)> {
    let mut sections: Vec<(Manner, Vec<T>)> = Vec::new();
    for lane in &group.lanes {
        match sections.last_mut() {
            Some((manner, all)) if *manner == lane.manner => all.push(of(lane)),
            _ => sections.push((lane.manner, vec![of(lane)])),
        }
    }
    let alone = sections.len() == 1;
    let heading = |manner: Manner| if alone { String::new() } else { manner.name().to_owned() };
    sections.into_iter().map(|(manner, all)| (heading(manner), all)).collect()
}
