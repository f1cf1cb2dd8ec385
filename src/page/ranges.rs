//! How long things took: for each a line from the median to the longest, on one logarithmic axis.

use super::canvas::{self, Log, NARROW, cut, line, room_beside, text};
use super::colour;
use super::numbers::micros;
use super::text::{escaped, write};

/// Height of a line with its words, of a heading, of the axis.
const ROW: f64 = 36.0;
const HEADING: f64 = 24.0;
const AXIS: f64 = 22.0;

/// Free at both ends, so that words at the ticks have room.
const SIDE: f64 = 18.0;

/// What a line stands for, in microseconds.
pub(crate) struct Range {
    /// Whose it is.
    pub(crate) name: String,
    /// The number of its colour.
    pub(crate) colour: usize,
    /// The median, 90, 99 and 99.9 of a hundred, the longest.
    pub(crate) micros: [f64; 5],
}

/// A chart of such lines in sections.
pub(crate) struct Ranges {
    /// What it shows, for those who hear it.
    pub(crate) title: String,
    /// The sections by heading; an empty heading is not drawn.
    pub(crate) sections: Vec<(String, Vec<Range>)>,
}

impl Ranges {
    /// The chart; none if nothing took any time.
    pub(crate) fn svg(&self) -> Option<String> {
        let ranges = || self.sections.iter().flat_map(|(_, ranges)| ranges);
        let log = Log::of(ranges().flat_map(|range| range.micros))?;
        let x = |value: f64| SIDE + log.share(value) * (NARROW - 2.0 * SIDE);
        let headings = self.sections.iter().filter(|(heading, _)| !heading.is_empty()).count();
        let bottom = ranges().count() as f64 * ROW + headings as f64 * HEADING;
        let mut svg = canvas::begin(&self.title, NARROW, bottom + AXIS);
        for tick in log.ticks() {
            line(&mut svg, "grid", (x(tick), 0.0), (x(tick), bottom));
            text(&mut svg, (x(tick), bottom + 15.0), "middle", "", &round_micros(tick));
        }
        let mut top = 0.0;
        for (heading, ranges) in &self.sections {
            if !heading.is_empty() {
                text(&mut svg, (0.0, top + 16.0), "start", "head", heading);
                top += HEADING;
            }
            for range in ranges {
                draw(&mut svg, top, range, x);
                top += ROW;
            }
        }
        svg.push_str("</svg>");
        Some(svg)
    }
}

fn draw(svg: &mut String, top: f64, range: &Range, x: impl Fn(f64) -> f64) {
    let [median, _, p99, _, longest] = range.micros;
    let label = format!("{} – {} – {}", micros(median), micros(p99), micros(longest));
    text(svg, (0.0, top + 13.0), "start", "", &cut(&range.name, room_beside(&label)));
    text(svg, (NARROW, top + 13.0), "end", "value", &label);
    let (across, shade) = (top + 24.0, colour(range.colour));
    line(svg, &format!("thin c{shade}"), (x(median), across), (x(longest), across));
    line(svg, &format!("thick c{shade}"), (x(median), across), (x(p99), across));
    let names = ["median", "90 %", "99 %", "99.9 %", "longest"];
    for (number, (value, name)) in range.micros.into_iter().zip(names).enumerate() {
        let radius = if number == 0 || number == 2 { 4.5 } else { 3.0 };
        let hint = escaped(&format!("{}: {name} {}", range.name, micros(value)));
        write(
            svg,
            format_args!(
                "<circle class=\"f{shade} dot{number}\" cx=\"{:.1}\" cy=\"{across:.1}\" \
                 r=\"{radius}\"><title>{hint}</title></circle>",
                x(value)
            ),
        );
    }
}

/// A power of ten of microseconds.
fn round_micros(value: f64) -> String {
    match value {
        t if t >= 0.999e6 => format!("{:.0} s", t / 1e6),
        t if t >= 0.999e3 => format!("{:.0} ms", t / 1e3),
        t if t >= 0.999 => format!("{t:.0} µs"),
        t => format!("{:.0} ns", t * 1e3),
    }
}
