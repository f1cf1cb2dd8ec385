//! Curves over numbers of very different sizes, with a limit that they may break.

use super::canvas::{self, Log, NARROW, line, text};
use super::numbers::trimmed;
use super::text::{escaped, write};
use super::{colour, ticks};

const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 40.0;

/// An axis.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    /// What it measures.
    pub(crate) name: &'static str,
    /// How a number of it is written.
    pub(crate) label: fn(f64) -> String,
}

/// A curve.
pub(crate) struct Curve {
    /// What it stands for.
    pub(crate) name: String,
    /// The number of its colour.
    pub(crate) colour: usize,
    /// Its points from left to right.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A chart of curves; both axes are logarithmic if what is along them needs it.
pub(crate) struct Curves {
    /// What it shows, for those who hear it.
    pub(crate) title: String,
    /// The axes.
    pub(crate) across: Axis,
    pub(crate) up: Axis,
    /// What should not be exceeded, and its name.
    pub(crate) limit: Option<(f64, String)>,
    /// The curves.
    pub(crate) drawn: Vec<Curve>,
}

/// Where the numbers of an axis lie.
#[derive(Clone, Copy)]
enum Place {
    Linear { high: f64 },
    Log(Log),
}

impl Place {
    /// Logarithmic if the largest is more than ten times the least.
    fn of(numbers: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let log = Log::of(numbers.clone())?;
        let high = numbers.clone().fold(0.0, f64::max);
        let low = numbers.filter(|number| *number > 0.0).fold(f64::INFINITY, f64::min);
        let linear = Self::Linear { high: ticks::ticks(high, 5.0).pop()? };
        Some(if high > low * 10.0 { Self::Log(log) } else { linear })
    }

    fn share(self, number: f64) -> f64 {
        match self {
            Self::Linear { high } => (number / high).clamp(0.0, 1.0),
            Self::Log(log) => log.share(number),
        }
    }

    fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { high } => ticks::ticks(high, 5.0),
            Self::Log(log) => log.ticks(),
        }
    }
}

impl Curves {
    /// The chart; none without points.
    pub(crate) fn svg(&self) -> Option<String> {
        let points = || self.drawn.iter().flat_map(|curve| curve.points.iter());
        let limit = self.limit.as_ref().map(|(limit, _)| *limit);
        let across = Place::of(points().map(|(x, _)| *x))?;
        let up = Place::of(points().map(|(_, y)| *y).chain(limit))?;
        let x = |value: f64| LEFT + across.share(value) * (NARROW - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - up.share(value) * (HEIGHT - BOTTOM - TOP);
        let mut svg = canvas::begin(&self.title, NARROW, HEIGHT);
        let end = NARROW - RIGHT;
        text(&mut svg, (0.0, 11.0), "start", "", self.up.name);
        for tick in up.ticks() {
            line(&mut svg, "grid", (LEFT, y(tick)), (end, y(tick)));
            text(
                &mut svg,
                (LEFT - 6.0, y(tick) + 4.0),
                "end",
                "",
                &trimmed(&(self.up.label)(tick)),
            );
        }
        line(&mut svg, "axis", (LEFT, HEIGHT - BOTTOM), (end, HEIGHT - BOTTOM));
        for tick in across.ticks() {
            let label = trimmed(&(self.across.label)(tick));
            line(&mut svg, "grid", (x(tick), TOP), (x(tick), HEIGHT - BOTTOM));
            text(&mut svg, (x(tick), HEIGHT - BOTTOM + 15.0), "middle", "", &label);
        }
        let middle = f64::midpoint(LEFT, end);
        text(&mut svg, (middle, HEIGHT - 7.0), "middle", "", self.across.name);
        if let Some((limit, name)) = &self.limit {
            line(&mut svg, "limit", (LEFT, y(*limit)), (end, y(*limit)));
            text(&mut svg, (LEFT + 4.0, y(*limit) - 4.0), "start", "warn", name);
        }
        for curve in &self.drawn {
            self.draw(&mut svg, curve, (&x, &y));
        }
        svg.push_str("</svg>");
        Some(svg)
    }

    fn draw(
        &self,
        svg: &mut String,
        curve: &Curve,
        (x, y): (&impl Fn(f64) -> f64, &impl Fn(f64) -> f64),
    ) {
        let (mut path, mut pen) = (String::new(), 'M');
        for (across, up) in &curve.points {
            write(&mut path, format_args!("{pen}{:.1} {:.1}", x(*across), y(*up)));
            pen = 'L';
        }
        let (shade, name) = (colour(curve.colour), escaped(&curve.name));
        write(
            svg,
            format_args!("<path class=\"l c{shade}\" d=\"{path}\"><title>{name}</title></path>"),
        );
        for (across, up) in &curve.points {
            let (at, value) = ((self.across.label)(*across), (self.up.label)(*up));
            write(
                svg,
                format_args!(
                    "<circle class=\"f{shade}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\">\
                     <title>{name}: {value} at {at}</title></circle>",
                    x(*across),
                    y(*up)
                ),
            );
        }
    }
}
