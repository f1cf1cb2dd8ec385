//! What the documents say of paths and commands, against the tree.

use super::{assert_none, fenced, files, read, root};

/// The documents.
fn documents() -> Vec<String> {
    let mut documents: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "data/README.md"]
            .map(str::to_owned)
            .to_vec();
    let docs = files("docs", "md");
    documents.extend(docs.iter().map(|path| path.to_str().unwrap().to_owned()));
    documents
}

/// The parts of a text between backticks that look like paths of the repository.
fn named_paths(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    let ticked = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    ticked.filter(|word| is_path(word)).collect()
}

/// Whether a word is a path rather than code: `src/index/`, `Cargo.toml`; not `/metrics`, `a::b`.
fn is_path(word: &str) -> bool {
    const ENDINGS: [&str; 6] = [".rs", ".md", ".toml", ".proto", ".py", ".htrace"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    word.chars().all(plain)
        && !word.starts_with(['/', '-'])
        && (word.contains('/') || ENDINGS.iter().any(|ending| word.ends_with(ending)))
}

/// The targets of a text's relative links, without their anchors.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    local.map(|target| target.split('#').next().unwrap_or(target)).collect()
}

/// The commands of a script: what is neither comment nor preparation.
fn commands(script: &str) -> Vec<&str> {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter(|line| !["#", "set ", "cd "].iter().any(|start| line.starts_with(start))).collect()
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    let text = read("ARCHITECTURE.md");
    let named = named_paths(&text);
    assert!(named.len() > 30, "only {} paths were found", named.len());
    let missing: Vec<&str> = named.into_iter().filter(|path| !root().join(path).exists()).collect();
    assert_none(&missing);
    assert!(text.lines().count() <= 250, "ARCHITECTURE.md has {} lines", text.lines().count());
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = 0;
    let mut missing = Vec::new();
    for document in documents() {
        let text = read(&document);
        let path = root().join(&document);
        for link in links(&text) {
            seen += 1;
            if !path.parent().unwrap().join(link).exists() {
                missing.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(seen > 5, "only {seen} links were found");
    assert_none(&missing);
}

#[test]
fn the_two_commands_of_the_readme_are_those_that_are_run() {
    let readme = read("README.md");
    let two = fenced(&readme, "sh");
    let script = read(".ci/run");
    assert_eq!(two.len(), 2, "the first block of the README has two commands");
    assert_eq!(commands(&script), [two[1]], "what is checked is what a newcomer runs");
    assert!(root().join(two[1]).is_file(), "{} exists", two[1]);
    let trace = two[0].split_whitespace().find(|word| word.ends_with(".htrace"));
    assert!(root().join(trace.unwrap()).is_file(), "the trace of {} exists", two[0]);
}

#[test]
fn wrong_documents_are_noticed() {
    let text = "See `src/no.rs`, `a::b`, `/metrics`, `--flag`, `x / y`.\n```\n`src/in/fence`\n```\n\
                `no.md`";
    assert_eq!(named_paths(text), ["src/no.rs", "no.md"]);
    assert_eq!(links("[a](b.md#c) [d](https://e) [f](#g)"), ["b.md"]);
    assert_eq!(commands("#!/bin/sh\nset -e\ncd x\na b\n\nc\n"), ["a b", "c"]);
    assert_eq!(fenced("x\n```sh\na\nb\n```\n```sh\nc\n```", "sh"), ["a", "b"]);
}
