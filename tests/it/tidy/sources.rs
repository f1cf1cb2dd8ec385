//! Habits that no lint knows.

use std::path::{Path, PathBuf};

use super::layers::code_of;
use super::{assert_none, files, read};

/// The most lines of a file.
const MAX_LINES: usize = 600;

/// What must not stand in any code of ours. Written in halves, so that this file may have them.
const NOWHERE: [(&str, &str); 6] = [
    ("super::", "super"),
    ("#[ig", "nore"),
    ("#[should_", "panic"),
    ("tod", "o!("),
    ("unimple", "mented!("),
    ("TO", "DO"),
];

/// What must not stand in tests: a test waits for what it needs, with a deadline.
const NOT_IN_TESTS: [(&str, &str); 2] = [("thread::", "sleep"), ("time::", "sleep")];

/// What is wrong with a file.
fn complaints(path: &Path, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |what: String| complaints.push(format!("{}: {what}", path.display()));
    if !text.starts_with("//! ") {
        complain("does not open with //!".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        complain(format!("has {lines} lines, more than {MAX_LINES}"));
    }
    let code = code_of(text);
    let tests = if is_test(path) { code.as_str() } else { tests_in(&code) };
    for (halves, text) in NOWHERE
        .iter()
        .map(|halves| (halves, code.as_str()))
        .chain(NOT_IN_TESTS.iter().map(|halves| (halves, tests)))
    {
        let wrong = [halves.0, halves.1].concat();
        if text.contains(&wrong) {
            complain(format!("has {wrong}"));
        }
    }
    complaints
}

/// Whether all of the file is tests.
fn is_test(path: &Path) -> bool {
    path.starts_with("tests") || path.ends_with("tests.rs") || path.iter().any(|p| p == "tests")
}

/// What follows the first mark of test code, which stands last in a file.
fn tests_in(code: &str) -> &str {
    code.find("#[cfg(test)]").map_or("", |at| &code[at..])
}

fn all() -> Vec<PathBuf> {
    ["src", "tests", "benches"].into_iter().flat_map(|folder| files(folder, "rs")).collect()
}

#[test]
fn the_sources_have_good_habits() {
    let all = all();
    assert!(all.len() > 120, "only {} files were found", all.len());
    let wrong: Vec<String> = all.iter().flat_map(|path| complaints(path, &read(path))).collect();
    assert_none(&wrong);
}

#[test]
fn each_bad_habit_is_noticed() {
    let (src, test) = (Path::new("src/a.rs"), Path::new("tests/it/a.rs"));
    let good = "//! A.\nfn a() {}\n";
    assert!(complaints(src, good).is_empty() && complaints(test, good).is_empty());
    let bad = |path: &Path, text: &str| {
        let found = complaints(path, text);
        assert_eq!(found.len(), 1, "{text:?} gives {found:?}");
    };
    bad(src, "fn a() {}\n");
    bad(src, &format!("//! A.\n{}", "\n".repeat(MAX_LINES)));
    for (one, two) in NOWHERE {
        bad(src, &format!("{good}{one}{two}"));
    }
    for (one, two) in NOT_IN_TESTS {
        let sleeps = format!("{good}std::{one}{two}(x);");
        bad(test, &sleeps);
        assert!(complaints(src, &sleeps).is_empty(), "outside of tests it may be right");
        bad(src, &format!("{good}#[cfg(test)]\nmod tests {{ std::{one}{two}(x) }}"));
    }
}
