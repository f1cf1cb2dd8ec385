//! `hansom bench compare` from outside: what it prints, and what its exit code says.

use std::path::Path;
use std::process::{Command, Output};

use hansom::suite::result::{LAYOUT, MachineRecord, Run, Series, Setting, SuiteResult};

/// A result with one series of each of two systems, whose rates are these.
fn result(ours: [u64; 4], redis: [u64; 4]) -> SuiteResult {
    let series = |(system, rates): (&str, [u64; 4])| Series {
        suite: "updates".into(),
        system: system.into(),
        call: "bulk".into(),
        setting: Setting { workload: "city".into(), drivers: 100_000, ..Setting::default() },
        unit: "updates".into(),
        runs: rates.map(|operations| Run { operations, seconds: 1.0, latency: None }).to_vec(),
        climb: None,
        bytes_per_driver: None,
        agreement: None,
    };
    SuiteResult {
        layout: LAYOUT,
        began: "2026-11-26T00:00:00Z".into(),
        seconds: 8.0,
        command: String::new(),
        scale: "city".into(),
        seed: 1,
        machine: MachineRecord::default(),
        systems: Vec::new(),
        series: [("hansom", ours), ("redis", redis)].map(series).to_vec(),
    }
}

fn write(folder: &Path, name: &str, result: &SuiteResult) {
    std::fs::write(folder.join(name), serde_json::to_vec(result).expect("a result is JSON"))
        .expect("the folder is there");
}

fn compare(folder: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    command.current_dir(folder).args(["bench", "compare", "a.json", "b.json"]).args(more);
    let Output { status, stdout, stderr } = command.output().expect("the program is built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_exit_code_tells_a_regression_from_none() {
    let folder = tempfile::tempdir().unwrap();
    let steady = [200_000, 201_000, 199_000, 200_500];
    let before = result([1_000_000, 1_010_000, 990_000, 1_005_000], steady);
    let slower = result([800_000, 810_000, 790_000, 805_000], steady);
    write(folder.path(), "a.json", &before);
    write(folder.path(), "b.json", &slower);
    let (code, out, err) = compare(folder.path(), &[]);
    assert_eq!((code, err.as_str()), (Some(5), ""), "{out}");
    assert!(out.contains("REGRESSED") && out.contains("0.800"), "{out}");
    assert!(out.contains("1 regressed beyond it"), "{out}");
    let (code, out, _) = compare(folder.path(), &["--threshold", "40%"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("1 worse within 40 %"), "{out}");
    // The other systems do not count.
    let redis = result([1_000_000, 1_010_000, 990_000, 1_005_000], steady.map(|rate| rate / 2));
    write(folder.path(), "b.json", &redis);
    let (code, out, _) = compare(folder.path(), &["--show", "changed"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("rates 0.500 × of before"), "{out}");
    assert!(!out.contains("hansom · bulk") && out.contains("redis · bulk"), "{out}");
}

#[test]
fn what_cannot_be_compared_is_told_apart_from_a_regression() {
    let folder = tempfile::tempdir().unwrap();
    let before = result([1, 2, 3, 4], [1, 2, 3, 4]);
    write(folder.path(), "a.json", &before);
    let mut other = before.clone();
    other.layout = LAYOUT + 1;
    write(folder.path(), "b.json", &other);
    let (code, _, err) = compare(folder.path(), &[]);
    assert_eq!(code, Some(1));
    assert!(err.contains("b.json has layout 2; this program reads 1"), "{err}");
    write(folder.path(), "b.json", &before);
    let (code, _, err) = compare(folder.path(), &["--confidence", "100"]);
    assert_eq!((code, err.as_str()), (Some(1), "hansom: confidence 100 % is not in 50..=99.99\n"));
    assert_eq!(compare(folder.path(), &["--threshold", "much"]).0, Some(2));
    let mut machine = before.clone();
    machine.machine.cpu = "Other\u{1b}[31m".into();
    write(folder.path(), "b.json", &machine);
    let (code, out, _) = compare(folder.path(), &[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("warning: the processor differs") && !out.contains('\u{1b}'), "{out}");
}
