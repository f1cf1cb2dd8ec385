//! A trial's report as one page that needs nothing else: no script, no font, no picture, no network.
//!
//! Charts are SVG within the page, coloured by its style sheet, so that they are dark where the reader
//! wants it dark. What is shown is what the JSON has.

mod chart;
mod page;
mod style;
mod ticks;

pub use page::page;
