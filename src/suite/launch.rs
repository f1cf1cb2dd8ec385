//! Servers that are started for a run and end with it, whatever way it ends.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::system::Trouble;
use crate::clock;

/// How long a server may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether it does.
const LOOK: Duration = Duration::from_millis(10);

/// How long it may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Where programs are that are not on everybody's path, newest version last.
const ELSEWHERE: &str = "/usr/lib/postgresql";

/// A program that serves.
#[derive(Debug)]
pub(super) struct Launched {
    child: Child,
    name: String,
    log: PathBuf,
    /// Deleted after the server has ended: fields are dropped in their order, after `drop`.
    _folder: tempfile::TempDir,
}

/// The file of a program on this machine.
pub(super) fn find(program: &str, install: &'static str) -> Result<PathBuf, Trouble> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir(ELSEWHERE).into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    let files = folders.iter().map(|folder| folder.join(program));
    let missing = || Trouble::Missing { what: program.to_owned(), install };
    files.into_iter().find(|file| file.is_file()).ok_or_else(missing)
}

/// A port of the loopback that nobody uses at the moment.
pub(super) fn free_port() -> Result<u16, Trouble> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Trouble::failed)?;
    Ok(listener.local_addr().map_err(Trouble::failed)?.port())
}

/// A folder of its own for a server.
pub(super) fn folder() -> Result<tempfile::TempDir, Trouble> {
    tempfile::Builder::new().prefix("hansom-suite-").tempdir().map_err(Trouble::failed)
}

/// A command that dies with us, as another user if one is named.
///
/// `setpriv` arranges both without unsafe code of ours. Without it the server ends when it is
/// dropped, but not if we are killed.
pub(super) fn command(program: &Path, user: Option<&str>) -> Command {
    let Ok(setpriv) = find("setpriv", "") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

impl Launched {
    /// Starts a server with what it says going to a file, and waits until it answers.
    pub(super) fn start<T>(
        name: &str,
        mut command: Command,
        folder: tempfile::TempDir,
        answers: impl Fn() -> Result<T, Trouble>,
    ) -> Result<(Self, T), Trouble> {
        let log = folder.path().join("log.txt");
        let out = File::create(&log).map_err(Trouble::failed)?;
        let errors = out.try_clone().map_err(Trouble::failed)?;
        command.stdin(Stdio::null()).stdout(out).stderr(errors);
        // Ctrl-C is for us; we end our servers ourselves.
        command.process_group(0);
        let child =
            command.spawn().map_err(|e| Trouble::Failed(format!("cannot start {name}: {e}")))?;
        let mut server = Self { child, name: name.to_owned(), log, _folder: folder };
        let began = clock::stopwatch();
        loop {
            match answers() {
                Ok(answer) => return Ok((server, answer)),
                Err(trouble) => server.still_starts(began.elapsed(), &trouble)?,
            }
            std::thread::sleep(LOOK);
        }
    }

    fn still_starts(&mut self, waited: Duration, last: &Trouble) -> Result<(), Trouble> {
        let ended = self.child.try_wait().map_err(Trouble::failed)?;
        if ended.is_none() && waited < PATIENCE {
            return Ok(());
        }
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(3).collect();
        let told: Vec<&str> = lines.into_iter().rev().collect();
        Err(Trouble::Failed(format!("{} does not answer: {last}; {}", self.name, told.join("; "))))
    }

    /// What it occupies of the machine's memory for itself, in bytes.
    pub(super) fn anonymous(&self) -> Option<u64> {
        anonymous(self.child.id())
    }
}

/// What a process occupies of the machine's memory for itself, in bytes, where Linux tells it.
///
/// Pages of its program's file are not counted: they come when code is run for the first time and go when
/// the kernel likes, whoever has how many drivers.
pub(super) fn anonymous(pid: u32) -> Option<u64> {
    anonymous_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn anonymous_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

impl Drop for Launched {
    fn drop(&mut self) {
        // Asked first: PostgreSQL leaves shared memory behind if it is killed.
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-INT", &pid]).stderr(Stdio::null()).status();
        let began = clock::stopwatch();
        while asked.is_ok() && began.elapsed() < GRACE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        // Both fail if it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_memory_of_its_own_is_counted() {
        let status = "VmRSS:\t  300 kB\nRssAnon:\t     200 kB\nRssFile:\t  100 kB\n";
        assert_eq!(anonymous_of(status), Some(200 << 10));
        assert_eq!((anonymous_of("VmRSS:\t 300 kB\n"), anonymous(u32::MAX)), (None, None));
    }
}
