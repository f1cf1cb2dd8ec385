//! A Redis of a benchmark's own: started on a free port, stopped and resumed, killed in the end.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bench::stage::BenchError;
use crate::clock;

/// How long it may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The programs that can be it, the first that is there.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// A server that ends when this is dropped.
#[derive(Debug)]
pub(super) struct RedisProcess {
    child: Child,
    port: u16,
    /// Deleted after it has ended.
    _folder: tempfile::TempDir,
}

impl RedisProcess {
    /// Starts one that keeps nothing on disk.
    ///
    /// # Errors
    /// [`BenchError::Process`] if there is no such program, or it does not answer.
    pub(super) fn start() -> Result<Self, BenchError> {
        let program =
            find().ok_or_else(|| failed("neither it nor valkey-server is on the path"))?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.map_err(|error| failed(&error.to_string()))?.port();
        let folder = tempfile::Builder::new().prefix("hansom-bench-").tempdir();
        let folder = folder.map_err(|error| failed(&error.to_string()))?;
        let mut command = Command::new("setpriv");
        // So that it does not outlive us if we are killed.
        command.args(["--pdeathsig", "KILL", "--"]).arg(&program);
        let set = |command: &mut Command| {
            command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(["--maxmemory-policy", "noeviction", "--port", &port.to_string()]);
            command.current_dir(folder.path()).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let child = set(&mut command).or_else(|_| set(&mut Command::new(&program)));
        let child = child.map_err(|error| failed(&error.to_string()))?;
        let mut server = Self { child, port, _folder: folder };
        let begun = clock::stopwatch();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().ok().flatten();
            if ended.is_some() || begun.elapsed() > PATIENCE {
                return Err(failed("it does not answer"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// As `--redis` takes it.
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops its clock: connections are accepted, nothing is answered.
    ///
    /// # Errors
    /// [`BenchError::Process`].
    pub(super) fn pause(&self) -> Result<(), BenchError> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// [`BenchError::Process`].
    pub(super) fn resume(&self) -> Result<(), BenchError> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<(), BenchError> {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        match sent {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(&format!("kill {signal}: {status}"))),
            Err(error) => Err(failed(&format!("kill {signal}: {error}"))),
        }
    }
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        // Both fail if it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let files = |name: &str| {
        let files: Vec<PathBuf> = folders.iter().map(|folder| folder.join(name)).collect();
        files.into_iter().find(|file| file.is_file())
    };
    PROGRAMS.into_iter().find_map(files)
}

fn failed(cause: &str) -> BenchError {
    BenchError::Process { program: PROGRAMS[0].to_owned(), cause: cause.to_owned() }
}
