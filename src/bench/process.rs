//! A server in a process of its own, so that its memory and its processor time are its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::stage::BenchError;

/// A `hansom serve`, which ends when this is dropped.
#[derive(Debug)]
pub struct ServeProcess {
    child: Child,
    /// Where gRPC is served.
    pub grpc: SocketAddr,
    /// Where HTTP is served.
    pub http: SocketAddr,
}

impl ServeProcess {
    /// Starts `program serve` on free ports of the loopback with these flags; what the environment
    /// says of settings does not reach it.
    ///
    /// # Errors
    /// [`BenchError::Process`]; what the program says itself goes to this process's standard error.
    pub fn start(program: &Path, flags: &[&str]) -> Result<Self, BenchError> {
        Self::launch(Command::new(program), flags)
    }

    /// The same by a command that runs the program when `serve` and so on are added to it.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn launch(mut command: Command, flags: &[&str]) -> Result<Self, BenchError> {
        let program = format!("{} serve", command.get_program().display());
        let failed = |cause: String| BenchError::Process { program: program.clone(), cause };
        command.args(["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(flags);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HANSOM_") {
                command.env_remove(name);
            }
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| failed(error.to_string()))?;
        let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        let mut address = |door: &str| {
            let line = lines.as_mut()?.next()?.ok()?;
            line.strip_prefix(door)?.trim().parse::<SocketAddr>().ok()
        };
        if let (Some(grpc), Some(http)) = (address("grpc"), address("http")) {
            return Ok(Self { child, grpc, http });
        }
        drop(child.kill());
        let status = child.wait().map_or_else(|error| error.to_string(), |code| code.to_string());
        Err(failed(format!("it did not say where it is ({status})")))
    }

    /// Ends it at once, as a crash does.
    ///
    /// # Errors
    /// If it cannot be signalled.
    pub fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        // Both fail if it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
