//! Pages that need nothing else: no script, no font, no picture, no network.
//!
//! What the pages of this program share: the frame with its style sheet, text as it stands in a page,
//! numbers for people, and charts as SVG within the page, coloured by the style sheet, so that they
//! are dark where the reader wants it dark. What a page says is its owner's.

mod canvas;
mod chart;
mod curves;
mod numbers;
mod ranges;
mod rows;
mod style;
mod text;
mod ticks;

pub(crate) use chart::{Bars, Line, Lines, Scale};
pub(crate) use curves::{Axis, Curve, Curves};
pub(crate) use numbers::{bytes, grouped, micros, rounded, short, times};
pub(crate) use ranges::{Range, Ranges};
pub(crate) use rows::{Along, Bar, Rows};
pub(crate) use text::{document, escaped, tamed, write};

/// As many colours as the style has.
const COLOURS: usize = 8;

/// The colour of the series with this number: `f` and this fill, `c` and this draw.
pub(crate) const fn colour(number: usize) -> usize {
    number % COLOURS
}
