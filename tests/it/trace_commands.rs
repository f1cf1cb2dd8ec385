//! `hansom generate`, `import` and `inspect` as a user runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary in `folder` with these arguments, separated by blanks.
fn hansom(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hansom"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap()
}

/// The value of a row of the table on standard output.
fn value(output: &Output, name: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let row = text.lines().find_map(|line| line.trim_start().strip_prefix(name));
    row.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_generated_trace_is_inspected_imported_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let generate = "generate --city berlin --drivers 20 --minutes 5 --seed 7 --out a.htrace";
    let made = hansom(at, generate);
    assert_eq!(made.status.code(), Some(0), "{}", complaint(&made));
    let inspected = hansom(at, "inspect a.htrace");
    assert_eq!(inspected.status.code(), Some(0));
    for name in ["rows", "digest"] {
        assert_eq!(value(&made, name), value(&inspected, name));
    }
    assert_eq!(value(&inspected, "vehicles"), "20");
    assert_eq!(value(&inspected, "damage"), "none");

    let before = fs::read(at.join("a.htrace")).unwrap();
    let refused = hansom(at, "generate --drivers 1 --out a.htrace");
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("a.htrace exists; --force replaces it"));
    assert_eq!(fs::read(at.join("a.htrace")).unwrap(), before);
    assert_eq!(hansom(at, &format!("{generate} --force")).status.code(), Some(0));
    assert_eq!(fs::read(at.join("a.htrace")).unwrap(), before, "the same seed, another file");

    let imported = hansom(at, "import a.htrace --out b.htrace");
    assert_eq!(imported.status.code(), Some(0), "{}", complaint(&imported));
    assert_eq!(value(&imported, "digest"), value(&made, "digest"));
    let names: Vec<_> = fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "temporary files were left: {names:?}");
}

#[test]
fn a_damaged_trace_is_told_with_its_place_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    hansom(at, "generate --drivers 200 --minutes 10 --out a.htrace");
    let bytes = fs::read(at.join("a.htrace")).unwrap();
    fs::write(at.join("cut.htrace"), &bytes[..bytes.len() * 2 / 3]).unwrap();
    let inspected = hansom(at, "inspect cut.htrace");
    assert_eq!(inspected.status.code(), Some(2));
    assert!(value(&inspected, "damage").contains("the file ends early"));
    let imported = hansom(at, "import cut.htrace --out b.htrace");
    assert_eq!(imported.status.code(), Some(2));
    assert!(complaint(&imported).contains("damaged: cut.htrace: at byte "));
    assert_eq!(value(&imported, "rows kept"), value(&inspected, "rows"));
    assert_eq!(hansom(at, "inspect b.htrace").status.code(), Some(0));
}

#[test]
fn rows_are_counted_and_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let csv = "who,when,y,x\na,1000,1.5,2\na,1001,91,2\nb,1002,0,0\nb,never,1,1\n";
    fs::write(at.join("p.csv"), csv).unwrap();
    let unmapped = hansom(at, "import p.csv --out p.htrace");
    assert_eq!(unmapped.status.code(), Some(1));
    let named = "p.csv: a CSV needs a column mapping; its columns are who, when, y, x";
    assert!(complaint(&unmapped).contains(named), "{}", complaint(&unmapped));
    let mapped = "import p.csv --csv-columns id=who,time=when,lat=y,lng=x --out p.htrace";
    let imported = hansom(at, mapped);
    assert_eq!(imported.status.code(), Some(0), "{}", complaint(&imported));
    for (name, count) in [
        ("rows read", "4"),
        ("rows kept", "1"),
        ("rows rejected", "3"),
        ("bad_position", "1"),
        ("no_fix", "1"),
        ("bad_time", "1"),
        ("vehicles", "1"),
    ] {
        assert_eq!(value(&imported, name), count, "{name}");
    }
    let nowhere = hansom(at, "generate --city atlantis --out x.htrace");
    assert_eq!(nowhere.status.code(), Some(2), "clap's code for wrong arguments");
    assert!(complaint(&nowhere).contains("the cities are san-francisco, new-york"));
    let nobody = hansom(at, "generate --drivers 0 --out x.htrace");
    assert!(complaint(&nobody).contains("drivers 0 is not in 1..=1000000"));
    assert!(!at.join("x.htrace").exists());
    let prose = hansom(at, "inspect p.csv");
    assert_eq!(prose.status.code(), Some(1));
    assert!(complaint(&prose).contains("not a trace of a known format"));
}
