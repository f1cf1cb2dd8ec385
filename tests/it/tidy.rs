//! The tree itself: layers as ARCHITECTURE.md has them, habits of the sources, documents that
//! tell the truth about paths and commands.
//!
//! Each check is a pure function from text to complaints, so that each is also shown a text that
//! it must complain about. What the compiler, clippy or rustfmt can see is left to them.

mod documents;
mod layers;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below `folder` that end in `extension`, sorted, relative to the root.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no .{extension} below {folder}: is this the repository?");
    found
}

/// The lines of the first fenced block with this language, without the fences.
fn fenced<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}");
    let body = text.lines().skip_while(|line| line.trim_end() != opening).skip(1);
    body.take_while(|line| line.trim_end() != "```").collect()
}

/// Fails with all complaints at once.
fn assert_none(complaints: &[impl std::fmt::Display]) {
    let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
