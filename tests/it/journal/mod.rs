//! The journal in a process that dies: killed at random moments, out of space, locked out.

mod full;
mod killed;
mod ledger;
mod worker;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Says to a process of this test binary what it is to do; see `worker.rs`.
const ROLE: &str = "HANSOM_JOURNAL_ROLE";

/// The folder it is to do it in.
const FOLDER: &str = "HANSOM_JOURNAL_FOLDER";

/// A process that uses a journal and tells what it does.
struct Worker {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail if it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Worker {
    /// Starts it, by a shell script that runs its arguments.
    fn start(script: &str, role: &str, folder: &Path) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "sh"]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "journal::worker::works", "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role).env(FOLDER, folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next that it tells of, or none when it has ended: `acknowledged 17` is `(acknowledged,
    /// 17)`.
    fn next(&mut self) -> Option<(String, String)> {
        loop {
            let mut line = String::new();
            // A line that ends in the middle was not told.
            if self.lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
                return None;
            }
            // The test harness has lines of its own.
            if let Some((_, told)) = line.trim_end().split_once("worker: ") {
                let (what, rest) = told.split_once(' ').unwrap();
                return Some((what.to_owned(), rest.to_owned()));
            }
        }
    }

    /// Ends it as a crash does, and returns the last number that it acknowledged, if any.
    fn kill(mut self) -> Option<u64> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut last = None;
        while let Some((what, number)) = self.next() {
            assert_eq!(what, "acknowledged");
            last = Some(number.parse().unwrap());
        }
        last
    }

    /// Waits for its end and sees that it was a good one.
    fn finish(mut self) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
    }
}
