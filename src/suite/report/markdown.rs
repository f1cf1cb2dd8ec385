//! The report as Markdown.

use super::figures::{self, Table};
use super::parts::{PARTS, unknown};
use super::summary;
use super::view::View;
use super::words;
use crate::page::{tamed, times, write};
use crate::suite::result::{SuiteResult, SystemStatus};

/// The report as Markdown, with tables as GitHub has them.
///
/// # Guarantees
/// The same result gives the same text. What comes from outside is escaped.
pub fn markdown(result: &SuiteResult) -> String {
    let view = View::of(result);
    let mut text = String::new();
    let mut paragraph = |words: &str| write(&mut text, format_args!("{words}\n\n"));
    paragraph("# Hansom beside others");
    paragraph(&escaped(&summary::opening(&view)));
    paragraph(&escaped(&capital(&summary::run(&view))));
    paragraph(&format!("Machine: {}.", escaped(&summary::machine(&view))));
    if let Some(above) = view.above_floor() {
        let factor = times(above).replace(" ×", " times");
        paragraph(&format!(
            "An update in process takes {factor} as long as random access to memory alone would."
        ));
    }
    plain_words(&mut text, &view);
    for (manner, table) in figures::ratios(&view) {
        section(&mut text, &format!("How many times as much, {manner}"), &table);
    }
    answers(&mut text, &view);
    for part in &PARTS {
        section(&mut text, part.title, &figures::rates(&view, part.suite));
    }
    for suite in unknown(&view) {
        section(&mut text, &escaped(suite), &figures::rates(&view, suite));
    }
    section(&mut text, "The highest rate held", &figures::held(&view));
    section(&mut text, "Growth with drivers", &figures::rates(&view, "growth"));
    section(&mut text, "Growth with how many are asked for", &figures::rates(&view, "k"));
    section(&mut text, "Threads", &figures::rates(&view, "threads"));
    section(&mut text, "The floor", &figures::rates(&view, "floor"));
    section(&mut text, "Memory", &figures::memory(&view));
    section(&mut text, "How each was used", &figures::systems(&view));
    absent(&mut text, &view);
    write(&mut text, format_args!("Made by {}\n", code(&result.command)));
    text
}

fn plain_words(text: &mut String, view: &View<'_>) {
    for system in view.others() {
        let works = summary::works(view, &system.name);
        if works.is_empty() {
            continue;
        }
        let (name, version) = (escaped(&system.name), escaped(&system.version));
        write(text, format_args!("Beside **{name}** {version}:\n\n"));
        for work in works {
            let (title, setting) = (escaped(&work.title), escaped(&work.setting));
            for fact in work.facts {
                let (times, detail) = (fact.times, escaped(&fact.detail));
                let line = format_args!("- **{times}** the {title}, {detail} ({setting})\n");
                write(text, line);
            }
        }
        text.push('\n');
    }
}

fn answers(text: &mut String, view: &View<'_>) {
    let sums = summary::agreements(view);
    section(text, "Answers", &figures::answers(&sums));
    write(text, format_args!("{}\n\n", summary::answers(&sums)));
}

fn absent(text: &mut String, view: &View<'_>) {
    for system in view.absent() {
        let name = escaped(&system.name);
        match &system.status {
            SystemStatus::Measured => {}
            SystemStatus::Missing { reason, install } => {
                let (reason, install) = (escaped(reason), code(install));
                write(
                    text,
                    format_args!("- **{name}** is missing: {reason}. Install it with {install}\n"),
                );
            }
            SystemStatus::Failed { reason } => {
                write(text, format_args!("- **{name}** failed: {}\n", escaped(reason)));
            }
        }
    }
    for series in view.empty() {
        let work = words::setting(&series.suite, &series.setting);
        let what = format!("{} · {}: {}, {work}", series.system, series.call, series.suite);
        write(text, format_args!("- Nothing was measured of {}\n", escaped(&what)));
    }
    if view.absent().next().is_some() || view.empty().next().is_some() {
        text.push('\n');
    }
}

/// A heading and a table; nothing if the table is empty.
fn section(text: &mut String, title: &str, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    write(text, format_args!("## {title}\n\n"));
    let row = |text: &mut String, cells: &[String]| {
        for cell in cells {
            write(text, format_args!("| {} ", escaped(cell)));
        }
        text.push_str("|\n");
    };
    row(text, &table.head);
    text.push_str("|---");
    text.push_str(&"|---".repeat(table.head.len().saturating_sub(1)));
    text.push_str("|\n");
    for cells in &table.rows {
        row(text, cells);
    }
    text.push('\n');
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars
        .next()
        .map_or(String::new(), |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

/// Text that is no markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in tamed(text).chars() {
        if matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '{'
                | '}'
                | '['
                | ']'
                | '<'
                | '>'
                | '#'
                | '~'
                | '|'
                | '&'
                | '!'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Text as code, fenced by more backticks than it has in a row.
fn code(text: &str) -> String {
    let text = tamed(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("a|b *c* <d>\n[e](f)"), "a\\|b \\*c\\* \\<d\\> \\[e\\](f)");
        assert_eq!(code("apt install x"), "`apt install x`");
        assert_eq!(code("a `` b`"), "``` a `` b` ```");
    }
}
