//! The report of a made-up run, as it was when somebody last looked at it and found it good.
//!
//! After a change that is meant, `HANSOM_GOLDEN=write cargo test --lib suite::report` writes the two
//! files anew; look at the page before you keep it.

use std::path::Path;

use super::*;
use crate::suite::made_up::{self, HOSTILE};
use crate::suite::result::{Agreement, SuiteResult};

/// Compares a text with the file that has it, or writes that if it is wanted.
fn golden(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/suite/report/tests");
    let path = folder.join(name);
    if std::env::var("HANSOM_GOLDEN").is_ok_and(|what| what == "write") {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let differs = kept.lines().zip(text.lines()).position(|(kept, now)| kept != now);
    let told = "HANSOM_GOLDEN=write cargo test --lib suite::report writes it anew";
    assert!(kept == text, "{name} differs from line {differs:?} (from 0) on; {told}");
}

/// A run of which nothing came.
fn barren() -> SuiteResult {
    SuiteResult { systems: Vec::new(), series: Vec::new(), ..made_up::result() }
}

#[test]
fn both_are_as_they_were_found_good() {
    let result = made_up::result();
    golden("golden.md", &markdown(&result));
    golden("golden.html", &page(&result));
}

#[test]
fn the_page_is_whole_by_itself_and_names_are_escaped() {
    for result in [made_up::result(), barren()] {
        let page = page(&result);
        for foreign in ["<script", "http://", "https://", "url(", "@import", "<img", "<link"] {
            assert!(!page.contains(foreign), "the page has {foreign}");
        }
        assert!(!page.contains("a<b>") && !page.contains('\u{202e}') && !page.contains('\u{1b}'));
        for tag in [
            "svg", "figure", "table", "section", "div", "dl", "dd", "li", "tr", "td", "details",
            "p",
        ] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf"), "all coordinates are numbers");
        assert!(page.contains("prefers-color-scheme:dark"));
        assert!(page.len() < 300_000, "{} bytes", page.len());
    }
    let page = page(&made_up::result());
    assert!(page.contains("&lt;script&gt;alert(1)"), "the hostile name is there, as text");
    assert!(page.matches("<svg").count() > 15, "{} charts", page.matches("<svg").count());
}

#[test]
fn markdown_has_no_markup_from_outside_and_whole_tables() {
    let text = markdown(&made_up::result());
    assert!(!text.contains(HOSTILE) && !text.replace("\\<", "").contains("<script"), "{text}");
    assert!(text.contains("\\<script\\>alert(1)\\</script\\>\\|\\`\\*x\\*\\`"));
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut lines = text.lines().peekable();
    let mut rows = 0;
    while let Some(line) = lines.next() {
        if let Some(next) =
            lines.peek().filter(|next| line.starts_with('|') && next.starts_with('|'))
        {
            assert_eq!(columns(line), columns(next), "{line}\n{next}");
            rows += 1;
        }
    }
    assert!(rows > 60, "only {rows} rows were looked at");
}

#[test]
fn ratios_are_of_the_same_work_in_the_same_manner() {
    let text = markdown(&made_up::result());
    // 9,912,345 a second in bulk beside 198,000 in pipelines; the direct calls are another matter.
    assert!(
        text.contains(
            "**50.1 ×** the updates, many under way: 9.91 M/s by bulk against 198 k/s by pipeline"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "**2.26 ×** the updates, one at a time: 70.0 k/s by turns against 31.0 k/s by unary"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "**53.3 ×** the updates, in process: 15.3 M/s by direct against 287 k/s by direct"
        ),
        "{text}"
    );
    assert!(text.contains("p99 50.7 µs against 15.2 ms"), "unary questions have their p99: {text}");
    assert!(text.contains("**0.82 ×** the memory a driver, 96.4 B against 117 B"), "{text}");
    assert!(text.contains("takes 2.68 times as long as random access"), "{text}");
    let mut other = made_up::result();
    for series in other.series.iter_mut().filter(|series| series.system == "hansom") {
        series.setting.threads = 2;
    }
    let text = markdown(&other);
    assert!(
        !text.contains("9.91 M/s by bulk against"),
        "two threads are other work than one: {text}"
    );
}

#[test]
fn what_is_missing_failed_empty_or_wrong_is_told() {
    let result = made_up::result();
    let (text, page) = (markdown(&result), page(&result));
    for report in [&text, &page] {
        assert!(report.contains("go install github.com/tidwall/tile38/cmd/tile38-server@latest"));
        assert!(report.contains("failed"));
        assert!(report.contains("2 of 27,010 answers differ"), "{report}");
    }
    assert_eq!(text.matches("Nothing was measured of").count(), 2, "no runs, and no time");
    let mut right = made_up::result();
    for series in &mut right.series {
        series.agreement = series.agreement.map(|one| Agreement { different: 0, ..one });
    }
    assert!(markdown(&right).contains("none was wrong"));
    assert!(markdown(&barren()).contains("No answer was compared"));
    assert!(super::page(&barren()).contains("Nothing else did the same work"));
    let mut debug = made_up::result();
    debug.machine.release_build = false;
    assert!(super::page(&debug).contains("A debug build"));
}

#[test]
fn both_are_written_into_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let result = made_up::result();
    write(&result, folder.path()).unwrap();
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read(MARKDOWN), markdown(&result));
    assert_eq!(read(PAGE), page(&result));
    assert!(write(&result, &folder.path().join("absent")).is_err());
}
