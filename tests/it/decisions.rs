//! `hansom replay --decisions` and `hansom verify-decisions`: what was decided is verified, what was
//! altered is found, and damage is told.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hansom::decisions::{DecisionFile, DecisionWriter};
use hansom::records::LogEntry;

use crate::recorded::recorded;

const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/san-francisco-requests.csv");

fn hansom(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hansom")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A number in a table of names and values.
fn value(output: &Output, name: &str) -> u64 {
    let table = text(&output.stdout);
    let row = table.lines().find_map(|line| line.trim().strip_prefix(name));
    let value = row.unwrap_or_else(|| panic!("{name} is not in {table}")).trim();
    value.split(' ').next().unwrap().replace(',', "").parse().unwrap()
}

/// The logs of a small replay, in a folder.
fn replayed(folder: &Path) -> PathBuf {
    let logs = folder.join("decisions");
    let arguments =
        ["replay", LOG, "--fleet", "150", "--minutes", "15", "--decisions", logs.to_str().unwrap()];
    let output = hansom(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let again = hansom(&arguments);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("exists; --force replaces it"));
    logs
}

fn verify(path: &Path, more: &[&str]) -> Output {
    hansom(&[&["verify-decisions", path.to_str().unwrap()], more].concat())
}

#[test]
fn a_replays_decisions_are_verified_and_altered_ones_found() {
    let folder = tempfile::tempdir().unwrap();
    let logs = replayed(folder.path());
    let report = folder.path().join("verified.json");
    let output = verify(&logs, &["--report", report.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let read = value(&output, "decisions read");
    assert!(read > 300, "{read}");
    let counted = ["verified", "truncated", "different", "missing"].map(|row| value(&output, row));
    assert_eq!(counted, [read, 0, 0, 0]);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!((json["verified"].as_u64(), json["files"].as_u64()), (Some(read), Some(2)));
    assert!(json["reach"]["edges"].as_u64().unwrap() > 1_000, "{json}");

    // Somebody lets the first rider who has a choice have the second driver.
    let mut file = DecisionFile::open(&logs.join("batch.hdecisions")).unwrap();
    let path = logs.join("altered.hdecisions");
    let mut writer = DecisionWriter::create(&path).unwrap();
    let mut altered = None;
    while let Some(mut entry) = file.next_entry().unwrap() {
        if let (LogEntry::Decided(logged), None) = (&mut entry, &altered) {
            let decision = &mut logged.decision;
            let choice = decision.riders.iter().position(|r| r.chosen == Some(0) && r.count > 1);
            if let Some(rider) = choice {
                decision.riders[rider].chosen = Some(1);
                altered = Some(decision.riders[rider].trip);
            }
        }
        writer.write_entry(&entry).unwrap();
    }
    writer.finish().unwrap();
    let output = verify(&path, &["--show", "1"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert_eq!(value(&output, "different"), 1);
    let table = text(&output.stdout);
    assert!(altered.is_some() && table.contains("difference 1"), "{table}");
    assert!(table.contains("expected") && !table.contains("difference 2"), "{table}");
}

#[test]
fn damage_and_other_files_have_codes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = replayed(folder.path()).join("greedy.hdecisions");
    let bytes = std::fs::read(&path).unwrap();
    let whole = value(&verify(&path, &[]), "verified");
    let cut = folder.path().join("cut.hdecisions");
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).unwrap();
    let output = verify(&cut, &[]);
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(value(&output, "verified"), whole, "what stands before the damage is verified");
    assert!(text(&output.stdout).contains("cut.hdecisions: at byte"));
    // One that a server still writes, one of which nothing could be written, and a whole one.
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let footer = (20..bytes.len()).rev().find(|at| bytes[*at..].starts_with(b"HIDX"));
    let footer = footer.expect("a footer");
    std::fs::write(logs.join("sf-00000003.hdecisions"), &bytes[..footer]).unwrap();
    std::fs::write(logs.join("sf-00000001.hdecisions"), &bytes).unwrap();
    let output = verify(&logs, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(value(&output, "verified"), 2 * whole);
    assert!(text(&output.stdout).contains("not finished"), "{}", text(&output.stdout));
    std::fs::write(logs.join("sf-00000002.hdecisions"), "").unwrap();
    let output = verify(&logs, &[]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    assert_eq!(value(&output, "verified"), 2 * whole, "the others are verified all the same");
    assert!(text(&output.stdout).contains("sf-00000002.hdecisions: at byte 0"));
    let other = verify(Path::new(LOG), &[]);
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stderr).contains("not a log of decisions"), "{}", text(&other.stderr));
    let empty = tempfile::tempdir().unwrap();
    let none = verify(empty.path(), &[]);
    assert!(text(&none.stderr).contains("has no .hdecisions in it"), "{}", text(&none.stderr));
    assert_eq!(hansom(&["verify-decisions"]).status.code(), Some(2));
}

#[test]
fn decisions_of_a_recorded_city_are_verified() {
    let Some(log) = recorded("trips/nycTaxiRides.gz") else { return };
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().to_str().unwrap();
    let replay = ["replay", log.to_str().unwrap(), "--fleet", "300", "--minutes", "4"];
    let output = hansom(&[&replay[..], &["--decisions", logs]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = verify(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(value(&output, "verified"), value(&output, "decisions read"));
    let reach = ["decisions contended", "decisions extended", "edges back to back"];
    let reach = reach.map(|row| value(&output, row));
    assert!(reach.iter().all(|count| *count > 20), "{reach:?}");
}
