//! Two kinds of charts: lines, and bars side by side.

use super::canvas::{self, line, text};
use super::text::{escaped, write};
use super::{colour, ticks};

/// The size of a chart, and what is left free around it for the axes.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// What numbers along an axis are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Number,
    Percent,
    Minutes,
}

impl Scale {
    fn ticks(self, largest: f64, wanted: f64) -> Vec<f64> {
        match self {
            Self::Number | Self::Percent => ticks::ticks(largest, wanted),
            Self::Minutes => ticks::minutes(largest, wanted),
        }
    }

    fn label(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.0} %", value * 100.0),
            Self::Number if value >= 10_000.0 => format!("{:.0}k", value / 1_000.0),
            Self::Number | Self::Minutes if value.fract().abs() < 1e-9 => format!("{value:.0}"),
            Self::Number | Self::Minutes => format!("{value:.1}"),
        }
    }
}

/// A line: points from left to right, with gaps.
pub(crate) type Line = Vec<Option<(f64, f64)>>;

/// A chart of lines over a common axis.
pub(crate) struct Lines<'a> {
    /// What it shows, for those who hear it.
    pub(crate) title: &'a str,
    /// What is along the bottom, and how.
    pub(crate) across: (&'a str, Scale),
    /// How numbers along the side are written.
    pub(crate) up: Scale,
    /// The largest number along the side, if it is not that of the data.
    pub(crate) top: Option<f64>,
    /// The lines by name; a gap where there is nothing.
    pub(crate) series: Vec<(&'a str, Line)>,
}

/// A chart of bars, one colour a series, in groups.
pub(crate) struct Bars<'a> {
    /// What it shows, for those who hear it.
    pub(crate) title: &'a str,
    /// The groups.
    pub(crate) groups: Vec<&'a str>,
    /// The heights by name, one for each group.
    pub(crate) series: Vec<(&'a str, Vec<f64>)>,
}

impl Lines<'_> {
    pub(crate) fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|(_, points)| points.iter().flatten());
        let widest = points().map(|(x, _)| *x).fold(0.0, f64::max);
        let highest = self.top.unwrap_or(points().map(|(_, y)| *y).fold(0.0, f64::max));
        let rows = self.up.ticks(highest, 5.0);
        let top = rows.last().copied().unwrap_or(1.0);
        let width = if widest > 0.0 { widest } else { 1.0 };
        let x = |value: f64| LEFT + value / width * (WIDTH - LEFT - RIGHT);
        let mut svg = canvas::begin(self.title, WIDTH, HEIGHT);
        grid(&mut svg, &rows, self.up);
        for tick in self.across.1.ticks(width, 8.0).into_iter().filter(|tick| *tick <= width) {
            let label = self.across.1.label(tick);
            text(&mut svg, (x(tick), HEIGHT - BOTTOM + 16.0), "middle", "", &label);
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        text(&mut svg, (middle, HEIGHT - 6.0), "middle", "", self.across.0);
        for (number, (name, points)) in self.series.iter().enumerate() {
            let (mut path, mut pen) = (String::new(), 'M');
            for point in points {
                let Some((across, up)) = point else {
                    pen = 'M';
                    continue;
                };
                write(&mut path, format_args!("{pen}{:.1} {:.1}", x(*across), y(*up, top)));
                pen = 'L';
            }
            let colour = colour(number);
            let name = escaped(name);
            let line = format_args!(
                "<path class=\"l c{colour}\" d=\"{path}\"><title>{name}</title></path>"
            );
            write(&mut svg, line);
        }
        svg.push_str("</svg>");
        svg
    }
}

impl Bars<'_> {
    pub(crate) fn svg(&self) -> String {
        let highest = self.series.iter().flat_map(|(_, heights)| heights).copied();
        let rows = Scale::Number.ticks(highest.fold(0.0, f64::max), 5.0);
        let top = rows.last().copied().unwrap_or(1.0);
        let mut svg = canvas::begin(self.title, WIDTH, HEIGHT);
        grid(&mut svg, &rows, Scale::Number);
        let room = (WIDTH - LEFT - RIGHT) / self.groups.len().max(1) as f64;
        let wide = (room * 0.72 / self.series.len().max(1) as f64).min(64.0);
        for (group, label) in self.groups.iter().enumerate() {
            let middle = LEFT + room * (group as f64 + 0.5);
            text(&mut svg, (middle, HEIGHT - BOTTOM + 18.0), "middle", "", label);
            let first = middle - wide * self.series.len() as f64 / 2.0;
            for (number, (name, heights)) in self.series.iter().enumerate() {
                let Some(height) = heights.get(group) else { continue };
                let (left, up) = (first + wide * number as f64, y(*height, top));
                let (colour, name) = (colour(number), escaped(name));
                let (bar, tall) = (wide - 4.0, HEIGHT - BOTTOM - up);
                write(
                    &mut svg,
                    format_args!(
                        "<rect class=\"f{colour}\" x=\"{:.1}\" y=\"{up:.1}\" width=\"{bar:.1}\" \
                         height=\"{tall:.1}\" rx=\"3\"><title>{name}: {height:.2}</title></rect>",
                        left + 2.0
                    ),
                );
                let label = format!("{height:.1}");
                text(&mut svg, (left + wide / 2.0, up - 4.0), "middle", "value", &label);
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

/// Where a height is drawn.
fn y(value: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP - 8.0)
}

fn grid(svg: &mut String, rows: &[f64], scale: Scale) {
    let top = rows.last().copied().unwrap_or(1.0);
    for row in rows {
        let up = y(*row, top);
        let class = if *row > 0.0 { "grid" } else { "axis" };
        line(svg, class, (LEFT, up), (WIDTH - RIGHT, up));
        text(svg, (LEFT - 8.0, up + 4.0), "end", "", &scale.label(*row));
    }
}
