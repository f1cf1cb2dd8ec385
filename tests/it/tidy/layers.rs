//! The layer table of ARCHITECTURE.md against the `crate::` paths of `src/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::{assert_none, fenced, files, read};

/// Engines: peers that know nothing of each other.
const ENGINES: [&str; 2] = ["index", "matching"];

/// What decides. It reads no clock, does no input or output, and knows no runtime.
const CORE: [&str; 11] = [
    "units", "ids", "limits", "geo", "model", "travel", "index", "matching", "dispatch", "trace",
    "sim",
];

/// What the core may use beside itself.
const CORE_MAY_USE: [&str; 2] = ["sync", "test_rng"];

/// Names that must not occur in the code of the core.
const FOREIGN_TO_CORE: [&str; 6] = ["tokio", "tonic", "prost", "axum", "hyper", "tower"];

/// Which modules each module uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Something that is wrong with the layers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refusal {
    NoTable,
    Malformed(String),
    TwoRows(String),
    NoRow(String),
    NoModule(String),
    NotListed { module: String, used: String },
    NotUsed { module: String, listed: String },
    OutOfOrder { module: String, listed: String },
    Peers { module: String, listed: String },
    CoreLooksOut { module: String, listed: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable => write!(f, "ARCHITECTURE.md has no ```layers table"),
            Self::Malformed(row) => write!(f, "not `module <- modules`: {row}"),
            Self::TwoRows(module) => write!(f, "{module} has two rows"),
            Self::NoRow(module) => write!(f, "src has {module}, the table has not"),
            Self::NoModule(module) => write!(f, "the table has {module}, src has not"),
            Self::NotListed { module, used } => write!(f, "{module} uses {used}, not listed"),
            Self::NotUsed { module, listed } => write!(f, "{module} lists {listed}, not used"),
            Self::OutOfOrder { module, listed } => {
                write!(f, "{module} lists {listed}, whose row is not above its own")
            }
            Self::Peers { module, listed } => {
                write!(f, "the engines {module} and {listed} are peers")
            }
            Self::CoreLooksOut { module, listed } => {
                write!(f, "{module} is of the core, {listed} is not")
            }
        }
    }
}

/// Compares the table with what the modules use.
fn refusals(table: &[&str], uses: &Uses, engines: &[&str]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut above: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    if table.is_empty() {
        refusals.push(Refusal::NoTable);
    }
    for row in table {
        let Some((module, listed)) = row.split_once("<-") else {
            refusals.push(Refusal::Malformed((*row).to_owned()));
            continue;
        };
        let module = module.trim();
        let listed: BTreeSet<&str> = listed.split_whitespace().collect();
        for &used in &listed {
            refusals.extend(refused_entry(module, used, above.contains_key(used), engines));
        }
        if above.insert(module, listed).is_some() {
            refusals.push(Refusal::TwoRows(module.to_owned()));
        }
    }
    let missing = uses.keys().filter(|module| !above.contains_key(module.as_str()));
    refusals.extend(missing.cloned().map(Refusal::NoRow));
    for (module, listed) in above {
        let Some(used) = uses.get(module) else {
            refusals.push(Refusal::NoModule(module.to_owned()));
            continue;
        };
        let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
        let pair = |other: &&str| (module.to_owned(), (*other).to_owned());
        refusals.extend(
            used.difference(&listed)
                .map(pair)
                .map(|(module, used)| Refusal::NotListed { module, used }),
        );
        refusals.extend(
            listed
                .difference(&used)
                .map(pair)
                .map(|(module, listed)| Refusal::NotUsed { module, listed }),
        );
    }
    refusals.sort();
    refusals
}

/// What the table must not say of one module using another.
fn refused_entry(module: &str, listed: &str, is_above: bool, engines: &[&str]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let (module, listed) = (module.to_owned(), listed.to_owned());
    let is = |list: &[&str], name: &str| list.contains(&name);
    if is(engines, &module) && is(engines, &listed) {
        refusals.push(Refusal::Peers { module: module.clone(), listed: listed.clone() });
    }
    if is(&CORE, &module) && !is(&CORE, &listed) && !is(&CORE_MAY_USE, &listed) {
        refusals.push(Refusal::CoreLooksOut { module: module.clone(), listed: listed.clone() });
    }
    if !is_above {
        refusals.push(Refusal::OutOfOrder { module, listed });
    }
    refusals
}

/// The top-level module that a file below `src` belongs to; none for the two roots.
fn module_of(path: &Path) -> Option<String> {
    let below = path.strip_prefix("src").unwrap();
    let first = below.iter().next().unwrap().to_str().unwrap();
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (module != "lib" && module != "main").then(|| module.to_owned())
}

/// Whether `super` in this file is the crate's root.
fn is_top_level(path: &Path) -> bool {
    let below = path.strip_prefix("src").unwrap();
    below.iter().count() == 1 || (below.iter().count() == 2 && below.ends_with("mod.rs"))
}

/// The code of a file without the lines that are comments: a link in prose is no dependency.
pub(super) fn code_of(text: &str) -> String {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The first names of all paths that begin with `root::`, groups included.
fn first_names(code: &str, root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = code[at + root.len()..].trim_start();
        let Some(rest) = rest.strip_prefix("::") else { continue };
        let rest = rest.trim_start();
        match rest.strip_prefix('{') {
            None => names.insert(name(rest)),
            Some(group) => {
                names.extend(members(group));
                true
            }
        };
    }
    names
}

/// The identifier that a text begins with.
fn name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first names of a group's members; `group` begins behind its brace.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut names) = (0_u32, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// What the sources use of each other.
fn uses_of_sources() -> Uses {
    let sources = files("src", "rs");
    let modules: BTreeSet<String> = sources.iter().filter_map(|path| module_of(path)).collect();
    let mut uses: Uses = modules.iter().map(|name| (name.clone(), BTreeSet::new())).collect();
    for path in &sources {
        let Some(module) = module_of(path) else { continue };
        let code = code_of(&read(path));
        let mut used = first_names(&code, "crate");
        if is_top_level(path) {
            let beside = first_names(&code, "super");
            used.extend(beside.into_iter().filter(|name| modules.contains(name)));
        }
        used.remove(&module);
        uses.entry(module).or_default().extend(used);
    }
    uses
}

#[test]
fn the_sources_keep_to_the_layers() {
    let architecture = read("ARCHITECTURE.md");
    let uses = uses_of_sources();
    let used: usize = uses.values().map(BTreeSet::len).sum();
    assert!(uses.len() >= 15 && used >= 40, "{} modules, {used} uses: some unseen", uses.len());
    assert_none(&refusals(&fenced(&architecture, "layers"), &uses, &ENGINES));
}

#[test]
fn the_core_knows_no_clock_and_no_runtime() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for path in files("src", "rs") {
        if !module_of(&path).is_some_and(|module| CORE.contains(&module.as_str())) {
            continue;
        }
        seen += 1;
        let code = code_of(&read(&path));
        for foreign in FOREIGN_TO_CORE {
            if code.contains(&format!("{foreign}::")) {
                wrong.push(format!("{} uses {foreign}", path.display()));
            }
        }
        if first_names(&code, "crate").contains("clock") {
            wrong.push(format!("{} uses the clock", path.display()));
        }
    }
    assert!(seen > 40, "only {seen} files of the core were found");
    assert_none(&wrong);
}

fn uses(rows: &[(&str, &[&str])]) -> Uses {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    rows.iter().map(|&(module, used)| (module.to_owned(), set(used))).collect()
}

#[test]
fn a_right_table_passes() {
    let uses = uses(&[("units", &[]), ("geo", &["units"]), ("web", &["geo", "units"])]);
    let table = ["units <-", "geo <- units", "web <- geo units"];
    assert_eq!(refusals(&table, &uses, &["geo", "trees"]), []);
}

#[test]
fn each_kind_of_wrong_table_is_refused() {
    let own = str::to_owned;
    let pair = |module: &str, other: &str| (own(module), own(other));
    let refused =
        |table: &[&str], rows: &[(&str, &[&str])]| refusals(table, &uses(rows), &["c", "d"]);

    assert_eq!(refused(&[], &[]), [Refusal::NoTable]);
    assert_eq!(refused(&["a b"], &[]), [Refusal::Malformed(own("a b"))]);
    assert_eq!(refused(&["a <-", "a <-"], &[("a", &[])]), [Refusal::TwoRows(own("a"))]);
    assert_eq!(refused(&["a <-"], &[("a", &[]), ("b", &[])]), [Refusal::NoRow(own("b"))]);
    assert_eq!(refused(&["a <-", "b <-"], &[("a", &[])]), [Refusal::NoModule(own("b"))]);

    let (module, used) = pair("b", "a");
    let found = refused(&["a <-", "b <-"], &[("a", &[]), ("b", &["a"])]);
    assert_eq!(found, [Refusal::NotListed { module, used }]);

    let (module, listed) = pair("b", "a");
    let found = refused(&["a <-", "b <- a"], &[("a", &[]), ("b", &[])]);
    assert_eq!(found, [Refusal::NotUsed { module, listed }]);

    let (module, listed) = pair("a", "b");
    let found = refused(&["a <- b", "b <- a"], &[("a", &["b"]), ("b", &["a"])]);
    assert_eq!(found, [Refusal::OutOfOrder { module, listed }], "a cycle has no order");

    let (module, listed) = pair("d", "c");
    let found = refused(&["c <-", "d <- c"], &[("c", &[]), ("d", &["c"])]);
    assert_eq!(found, [Refusal::Peers { module, listed }]);

    let (module, listed) = pair("index", "clock");
    let found = refused(&["clock <-", "index <- clock"], &[("clock", &[]), ("index", &["clock"])]);
    assert_eq!(found, [Refusal::CoreLooksOut { module, listed }]);
}

#[test]
fn every_spelling_of_a_use_is_seen() {
    let code = "use crate::{a::{B, c::D}, e, f::G};\nlet x: crate::h::I = crate :: j::k();\n\
                pub(in crate::l) fn m() {}\nuse mycrate::not; use other::crate::not;";
    let found = first_names(&code_of(code), "crate");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "e", "f", "h", "j", "l"]);
    assert_eq!(first_names(&code_of("/// See [`crate::a`].\n  // crate::b"), "crate").len(), 0);
    assert!(is_top_level(Path::new("src/a.rs")) && is_top_level(Path::new("src/a/mod.rs")));
    assert!(!is_top_level(Path::new("src/a/b.rs")) && !is_top_level(Path::new("src/a/b/mod.rs")));
}
