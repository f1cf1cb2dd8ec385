//! A run of the suite for people: one file of Markdown, one page of HTML that needs nothing else.
//!
//! [`write()`] is called when a run is over. Both say the same from one `view` of the result: how many
//! times as much this program does as each of the others at the same work, how far the runs lay apart,
//! how the answers compare, who was missing, where it was. Nothing here measures, and nothing is left
//! out because it looks bad.

mod charts;
mod figures;
mod html;
mod markdown;
mod parts;
mod summary;
#[cfg(test)]
mod tests;
mod view;
mod words;

use std::io;
use std::path::Path;

use super::result::SuiteResult;

pub use html::page;
pub use markdown::markdown;
pub(super) use view::is_ours;
pub(super) use words::setting;

/// The name of the Markdown file.
pub const MARKDOWN: &str = "report.md";

/// The name of the page.
pub const PAGE: &str = "report.html";

/// Writes [`MARKDOWN`] and [`PAGE`] into a folder that exists.
///
/// # Errors
/// If one of the files cannot be written.
pub fn write(result: &SuiteResult, dir: &Path) -> io::Result<()> {
    std::fs::write(dir.join(MARKDOWN), markdown(result))?;
    std::fs::write(dir.join(PAGE), page(result))
}
