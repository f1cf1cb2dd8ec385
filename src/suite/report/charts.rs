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
    let scale = if along == Along::Log { "; each step is ten times as long" } else { "" };
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
    let what = "median – 99 in 100 within – longest; the dots are 50, 90, 99, 99.9, 100 %";
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
    let curve = |series: &&Series| {
        let steps = series.climb.iter().flat_map(|climb| &climb.steps);
        let points = steps.map(|step| (step.due, step.latency.p99 / 1e3));
        let points = points.filter(|(x, y)| *x > 0.0 && *y > 0.0 && x.is_finite() && y.is_finite());
        Curve { name: name(series), colour: view.colour(&series.system), points: points.collect() }
    };
    let curves = Curves {
        title: format!("p99 as the rate rises: {}", words::setting("load", &first.setting)),
        across: Axis { name: "due a second", label: short },
        up: Axis { name: "p99, ms", label: short },
        limit: Some((limit_ms, format!("limit {limit_ms} ms"))),
        curves: group.iter().map(curve).collect(),
    };
    let held = group.iter().map(|series| {
        let held = series.climb.as_ref().and_then(|climb| climb.held);
        let held = held.map_or("never held".to_owned(), |rate| format!("{}/s", short(rate)));
        (format!("{} {held}", name(series)), view.colour(&series.system))
    });
    Some(Card {
        title: format!("{}: {}", first.unit, words::setting("load", &first.setting)),
        what: "p99 from the moment each was due; the highest rate held within the limit".to_owned(),
        legend: held.collect(),
        svg: curves.svg()?,
    })
}

/// A number of a setting that grows, and the setting without it.
#[derive(Clone, Copy)]
pub(super) enum Growing {
    Drivers,
    K,
    Threads,
}

impl Growing {
    const fn suite(self) -> &'static str {
        match self {
            Self::Drivers => "growth",
            Self::K => "k",
            Self::Threads => "threads",
        }
    }

    fn number(self, setting: &Setting) -> f64 {
        match self {
            Self::Drivers => setting.drivers as f64,
            Self::K => f64::from(setting.k),
            Self::Threads => f64::from(setting.threads),
        }
    }

    fn rest(self, setting: &Setting) -> Setting {
        match self {
            Self::Drivers => Setting { drivers: 0, ..setting.clone() },
            Self::K => Setting { k: 0, ..setting.clone() },
            Self::Threads => Setting { threads: 0, ..setting.clone() },
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
    for group in groups {
        for lane in &group.lanes {
            let name = lane.name();
            let point = (growing.number(group.setting), 1e6 / lane.median());
            match curves.iter_mut().find(|curve| curve.name == name) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve {
                    colour: view.colour(&lane.series.system),
                    name,
                    points: vec![point],
                }),
            }
        }
    }
    for curve in &mut curves {
        curve.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    let legend = curves.iter().map(|curve| (grown(curve), curve.colour)).collect();
    let across = match growing {
        Growing::Drivers => "drivers",
        Growing::K => "asked for",
        Growing::Threads => "threads",
    };
    let work = words::setting(growing.suite(), rest);
    let curves = Curves {
        title: format!("Time for one of the {unit} by {across}: {work}"),
        across: Axis { name: across, label: short_whole },
        up: Axis { name: "time for one", label: micros },
        limit: None,
        curves,
    };
    Some(Card {
        title: format!("{unit}: {work}"),
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

/// Whole numbers in few figures.
fn short_whole(number: f64) -> String {
    let text = short(number);
    match text.split_once('.') {
        Some((whole, rest)) if rest.trim_start_matches('0').trim_start().len() < 2 => {
            format!("{whole}{}", rest.trim_start_matches('0'))
        }
        _ => text,
    }
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
