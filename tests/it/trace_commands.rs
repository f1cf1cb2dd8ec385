//! `hansom generate`, `import` and `inspect` as a user runs them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hansom::trace::{Order, TraceFile, Vehicles};

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
fn a_damaged_trace_is_told_with_its_place_and_exit_code_4() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    hansom(at, "generate --drivers 200 --minutes 10 --out a.htrace");
    let bytes = fs::read(at.join("a.htrace")).unwrap();
    fs::write(at.join("cut.htrace"), &bytes[..bytes.len() * 2 / 3]).unwrap();
    let inspected = hansom(at, "inspect cut.htrace");
    assert_eq!(inspected.status.code(), Some(4));
    assert!(value(&inspected, "damage").contains("the file ends early"));
    let imported = hansom(at, "import cut.htrace --out b.htrace");
    assert_eq!(imported.status.code(), Some(4));
    assert!(complaint(&imported).contains("damaged: cut.htrace: at byte "));
    assert_eq!(value(&imported, "rows kept"), value(&inspected, "rows"));
    assert_eq!(hansom(at, "inspect b.htrace").status.code(), Some(0));
    let replayed = hansom(at, "replay cut.htrace");
    assert_eq!(replayed.status.code(), Some(4));
    assert!(complaint(&replayed).contains("damaged, read up to there: cut.htrace: at byte "));
    assert_eq!(
        value(&replayed, "\u{2502} rows read").trim_matches(['\u{2502}', ' ']),
        value(&inspected, "rows")
    );
    for command in ["inspect", "import", "replay"] {
        let help = hansom(at, &format!("{command} --help")).stdout;
        let help =
            String::from_utf8(help).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let codes = help.split("Exit codes: ").nth(1).unwrap_or_else(|| panic!("{help}"));
        assert!(codes.contains("2 wrong arguments; ") && codes.contains("; 4 "), "{codes}");
    }
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

/// A row of a trace: when, who, and the latitude in ten-millionths of a degree.
type Row = (i64, String, i32);

/// A cab's file, newest row first as in the public data, and what is in it.
fn cab(folder: &Path, name: &str, seconds: impl DoubleEndedIterator<Item = i32>) -> Vec<Row> {
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for second in seconds.rev() {
        let lat_e7 = 377_000_000 + second * 10 + i32::from(name.as_bytes()[0]);
        lines.push(format!("{} -122.4 0 {}\n", f64::from(lat_e7) / 1e7, 1_212_000_000 + second));
        rows.push(((1_212_000_000 + i64::from(second)) * 1_000, name.to_owned(), lat_e7));
    }
    fs::write(folder.join(format!("new_{name}.txt")), lines.concat()).unwrap();
    rows
}

/// The rows of a trace, which promises to be in time order.
fn rows_of(path: &Path) -> Vec<Row> {
    let mut file = TraceFile::open(path).unwrap();
    assert_eq!(file.order(), Order::ByTime);
    let (mut vehicles, mut rows) = (Vehicles::new(), Vec::new());
    while let Some(record) = file.next(&mut vehicles).unwrap() {
        let name = vehicles.name(record.vehicle).to_string();
        rows.push((record.at.as_millis(), name, record.position.lat_e7()));
    }
    assert_eq!(file.damage(), None);
    rows
}

#[test]
fn several_traces_are_merged_in_time_order_and_none_of_their_rows_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // Interleaved, overlapping, with equal times across files; the last two go by way of a trace
    // of the own format, one of them with rows of the first cab too.
    let mut all = cab(at, "early", (0..3_000).map(|i| i * 7));
    all.extend(cab(at, "odd", (0..9_000).map(|i| i * 2 + 1)));
    let mut own = cab(at, "late", (0..2_000).map(|i| 15_000 + i * 3));
    let merged = hansom(at, "import new_late.txt --out late.htrace");
    assert_eq!(merged.status.code(), Some(0), "{}", complaint(&merged));
    fs::create_dir(at.join("more")).unwrap();
    own.extend(cab(&at.join("more"), "early", (0..1_000).map(|i| 21_000 + i)));
    let merged = hansom(at, "import more --out more.htrace");
    assert_eq!(merged.status.code(), Some(0), "{}", complaint(&merged));
    all.extend(own);

    let sources = "more.htrace new_odd.txt late.htrace new_early.txt";
    let merged = hansom(at, &format!("import {sources} --out all.htrace"));
    assert_eq!(merged.status.code(), Some(0), "{}", complaint(&merged));
    assert_eq!(value(&merged, "rows kept"), "15,000");
    assert_eq!(value(&merged, "vehicles"), "3", "the same id is the same driver");
    let mut found = rows_of(&at.join("all.htrace"));
    assert!(found.is_sorted_by_key(|row| row.0), "the rows are not in time order");
    let ties = found.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
    assert!(ties > 100, "only {ties} neighbours have the same time");
    found.sort();
    all.sort();
    assert!(found == all, "rows were lost, added or changed");
}

#[test]
fn archives_in_a_folder_are_listed_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("day")).unwrap();
    hansom(at, "generate --drivers 5 --minutes 1 --out day/sf.htrace");
    let mut tar = tar::Builder::new(fs::File::create(at.join("day/cabs.tar")).unwrap());
    cab(at, "x", 0..9);
    tar.append_path_with_name(at.join("new_x.txt"), "new_x.txt").unwrap();
    tar.finish().unwrap();
    let told = "cabs.tar: an archive in a folder; name it by itself";
    let replayed = hansom(at, "replay day --report report.json");
    assert_eq!(replayed.status.code(), Some(0), "{}", complaint(&replayed));
    assert!(String::from_utf8_lossy(&replayed.stdout).contains(told));
    let report = fs::read_to_string(at.join("report.json")).unwrap();
    assert!(report.contains("\"skipped_files\": 1") && report.contains(told), "{report}");
    let imported = hansom(at, "import day --out all.htrace");
    assert_eq!(value(&imported, "files passed over"), "1");
    assert!(value(&imported, "not read").ends_with(told));
}

#[test]
fn a_report_overwrites_nothing_and_a_bad_place_is_told_before_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    hansom(at, "generate --drivers 5 --minutes 1 --out a.htrace");
    let before = fs::read(at.join("a.htrace")).unwrap();
    let refused = |arguments: &str, why: &str| {
        let replayed = hansom(at, arguments);
        assert_eq!(replayed.status.code(), Some(1));
        assert!(complaint(&replayed).contains(why), "{}", complaint(&replayed));
        assert!(replayed.stdout.is_empty(), "it was replayed nevertheless");
    };
    refused("replay a.htrace --report a.htrace", "a.htrace is among the traces to read");
    refused("replay a.htrace --report ./a.htrace --force", "a.htrace is among the traces");
    refused("replay . --report a.htrace --force", "a.htrace is among the traces to read");
    refused("replay a.htrace --report no/r.json", "cannot create a file in no");
    assert_eq!(hansom(at, "replay a.htrace --report r.json").status.code(), Some(0));
    refused("replay a.htrace --report r.json", "r.json exists; --force replaces it");
    fs::write(at.join("r.json"), "old").unwrap();
    assert_eq!(hansom(at, "replay a.htrace --report r.json --force").status.code(), Some(0));
    assert!(fs::read_to_string(at.join("r.json")).unwrap().contains("\"replay_seconds\""));
    refused("replay absent --report new.json", "absent");
    assert_eq!(fs::read(at.join("a.htrace")).unwrap(), before);
    let names: Vec<_> = fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "files were left: {names:?}");
}

#[test]
fn no_header_is_made_up_for_a_trace_that_ends_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    hansom(at, "generate --drivers 5 --minutes 1 --out a.htrace");
    let bytes = fs::read(at.join("a.htrace")).unwrap();
    fs::write(at.join("stub.htrace"), &bytes[..10]).unwrap();
    let inspected = hansom(at, "inspect stub.htrace");
    assert_eq!(inspected.status.code(), Some(4));
    assert_eq!(value(&inspected, "format"), "hansom trace, whose header cannot be read");
    let damage = value(&inspected, "damage");
    assert!(damage.contains("the file header is incomplete: 10 of "), "{damage}");
    assert!(
        value(&hansom(at, "inspect a.htrace"), "format").ends_with("version 1, records by time")
    );
}

#[test]
fn numbers_out_of_range_are_refused_by_their_range_even_if_negative() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, why) in [
        ("replay x --radius -1", "-1 m is not in 0..=20015115 m"),
        ("replay x --speed -3x", "speed \"-3x\" is not max or a factor in 0.001x..=100000x"),
        ("replay x --query-rate -5", "-5 is not in 0..="),
        ("replay x --k -1", "invalid value '-1' for '--k"),
        ("replay x --check-points -1", "invalid value '-1' for '--check-points"),
        ("generate --drivers -2 --out x", "invalid value '-2' for '--drivers"),
        ("bench query --seconds -1", "invalid value '-1' for '--seconds"),
    ] {
        let refused = hansom(folder.path(), arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments}");
        assert!(complaint(&refused).contains(why), "{arguments}: {}", complaint(&refused));
    }
}

#[test]
fn no_more_than_one_check_a_batch_is_made_and_the_help_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    hansom(at, "generate --drivers 20 --minutes 5 --out a.htrace");
    let rows: u64 =
        value(&hansom(at, "inspect a.htrace"), "rows").replace(',', "").parse().unwrap();
    let batches = rows.div_ceil(512);
    let replay =
        "replay a.htrace --batch 512 --check-points 1000 --check-questions 3 --report r.json";
    assert_eq!(hansom(at, replay).status.code(), Some(0));
    let report = fs::read_to_string(at.join("r.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    // One more at the end.
    assert_eq!(report["checks"]["checked"], (batches + 1) * 3);
    let help = String::from_utf8(hansom(at, "replay --help").stdout).unwrap();
    assert!(help.contains("at most once a batch"), "{help}");
}
