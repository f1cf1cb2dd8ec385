//! A disk without room: the commit that fails is told, none is acknowledged after it, and all that
//! was is there.

use std::path::Path;

use super::Worker;

/// What a worker did until it failed.
struct Told {
    acknowledged: u64,
    failed: String,
    later: String,
}

fn until_it_fails(worker: &mut Worker) -> Told {
    let mut told = Told { acknowledged: 0, failed: String::new(), later: String::new() };
    loop {
        let (what, rest) = worker.next().unwrap();
        match what.as_str() {
            "acknowledged" => told.acknowledged = rest.parse().unwrap(),
            "failed" => told.failed = rest,
            "later" => {
                told.later = rest;
                return told;
            }
            other => panic!("{other} {rest}"),
        }
    }
}

fn holds(worker: &mut Worker) -> u64 {
    let (what, number) = worker.next().unwrap();
    assert_eq!(what, "holds");
    number.parse().unwrap()
}

#[test]
fn a_file_that_may_not_grow_ends_commits_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    // 2,048 blocks of 512 or 1,024 bytes are all that the process may write into one file.
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let mut worker = Worker::start(script, "fill", folder.path());
    let told = until_it_fails(&mut worker);
    assert!(told.acknowledged > 100, "{} were acknowledged", told.acknowledged);
    let failed = format!("00000001.redb: commit {} failed: ", told.acknowledged + 1);
    assert!(told.failed.contains(&failed), "{}", told.failed);
    assert!(told.failed.contains("File too large"), "{}", told.failed);
    assert!(told.failed.ends_with("; nothing more is committed until a restart"));
    assert!(told.later.starts_with("nothing is committed until a restart, since earlier "));
    worker.finish();
    let mut worker = Worker::start("exec \"$@\"", "verify", folder.path());
    let found = holds(&mut worker);
    assert!((told.acknowledged..=told.acknowledged + 1).contains(&found), "{found}");
    worker.finish();
}

/// Whether a process may have a file system of its own here.
fn may_mount(folder: &Path) -> bool {
    let mut command = std::process::Command::new("unshare");
    command.args(["-rm", "mount", "-t", "tmpfs", "tmpfs"]).arg(folder);
    command.output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_file_system_ends_commits_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    if !may_mount(folder.path()) {
        eprintln!("not run: unshare or mount is not permitted (scripts/check says so)");
        return;
    }
    // The file system goes with the process that has it, so that all happens in one.
    let script = "unshare -rm sh -c '
        mount -t tmpfs -o size=4m tmpfs \"$HANSOM_JOURNAL_FOLDER\" || exit 1
        \"$@\"
        export HANSOM_JOURNAL_ROLE=verify
        mount -o remount,size=64m \"$HANSOM_JOURNAL_FOLDER\"
        exec \"$@\"' sh \"$@\"";
    for (role, expected, later) in [
        ("fill", "No space left on device", "nothing is committed until a restart"),
        ("reserve", "less than the 1048576 that are kept in reserve", "bytes are free"),
    ] {
        let mut worker = Worker::start(script, role, folder.path());
        let told = until_it_fails(&mut worker);
        assert!(told.acknowledged > 100, "{} were acknowledged", told.acknowledged);
        assert!(told.failed.contains(expected), "{}", told.failed);
        assert!(told.later.contains(later), "{}", told.later);
        let found = holds(&mut worker);
        assert!((told.acknowledged..=told.acknowledged + 1).contains(&found), "{found}");
        worker.finish();
    }
}
