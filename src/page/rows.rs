//! Bars below one another, each with its name and its value above it.

use super::canvas::{self, Log, NARROW, cut, line, room_beside, text};
use super::colour;
use super::text::{escaped, write};

/// Height of a bar with its words, of a heading, and of the bar alone.
const ROW: f64 = 37.0;
const HEADING: f64 = 24.0;
const THICK: f64 = 12.0;

/// How lengths follow from values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Along {
    /// Twice as much is twice as long.
    Linear,
    /// Ten times as much is a step longer.
    Log,
}

impl Along {
    /// Linear unless the small ones could not be seen.
    pub(crate) fn fitting(values: impl Iterator<Item = f64> + Clone) -> Self {
        let high = values.clone().fold(0.0, f64::max);
        let low = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        if high > low * 20.0 { Self::Log } else { Self::Linear }
    }
}

/// A bar.
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) name: String,
    /// The number of its colour.
    pub(crate) colour: usize,
    /// The lowest, the middle and the highest that was seen.
    pub(crate) values: [f64; 3],
    /// The value in words.
    pub(crate) label: String,
    /// More, for those who point at it.
    pub(crate) hint: String,
}

/// A chart of bars in sections.
pub(crate) struct Rows {
    /// What it shows, for those who hear it.
    pub(crate) title: String,
    /// The sections by heading; an empty heading is not drawn.
    pub(crate) sections: Vec<(String, Vec<Bar>)>,
    /// How lengths follow from values.
    pub(crate) along: Along,
}

impl Rows {
    pub(crate) fn svg(&self) -> String {
        let bars = || self.sections.iter().flat_map(|(_, bars)| bars);
        let headings = self.sections.iter().filter(|(heading, _)| !heading.is_empty()).count();
        let height = bars().count() as f64 * ROW + headings as f64 * HEADING + 4.0;
        let highest = bars().map(|bar| bar.values[2]).fold(0.0, f64::max);
        let log = Log::of(bars().flat_map(|bar| bar.values));
        let length = |value: f64| match (self.along, log) {
            // Even the least is seen.
            (Along::Log, Some(log)) => (0.04 + 0.96 * log.share(value)) * NARROW,
            _ if highest > 0.0 => value / highest * NARROW,
            _ => 0.0,
        };
        let mut svg = canvas::begin(&self.title, NARROW, height);
        let mut top = 0.0;
        for (heading, bars) in &self.sections {
            if !heading.is_empty() {
                text(&mut svg, (0.0, top + 16.0), "start", "head", heading);
                top += HEADING;
            }
            for bar in bars {
                draw(&mut svg, top, bar, length);
                top += ROW;
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

fn draw(svg: &mut String, top: f64, bar: &Bar, length: impl Fn(f64) -> f64) {
    let [low, middle, high] = bar.values.map(length);
    let (fill, hint) = (colour(bar.colour), escaped(&bar.hint));
    text(svg, (0.0, top + 13.0), "start", "", &cut(&bar.name, room_beside(&bar.label)));
    text(svg, (NARROW, top + 13.0), "end", "value", &bar.label);
    let up = top + 18.0;
    write(
        svg,
        format_args!(
            "<rect class=\"track\" x=\"0\" y=\"{up:.1}\" width=\"{NARROW}\" height=\"{THICK}\" \
             rx=\"3\"/><rect class=\"f{fill}\" x=\"0\" y=\"{up:.1}\" width=\"{middle:.1}\" \
             height=\"{THICK}\" rx=\"3\"><title>{hint}</title></rect>"
        ),
    );
    if high - low > 1.5 {
        let across = up + THICK / 2.0;
        line(svg, "spread", (low, across), (high, across));
        for end in [low, high] {
            line(svg, "spread", (end, across - 3.0), (end, across + 3.0));
        }
    }
}
