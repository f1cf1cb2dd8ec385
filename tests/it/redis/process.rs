//! One server process: started, paused, killed, started again.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hansom::clock::stopwatch;
use redis::{Client, FromRedisValue, RedisResult, Value};
use tempfile::TempDir;

use super::Binary;

/// Far longer than anything here takes: what is later has hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often a port that somebody else took meanwhile is replaced by another.
const ATTEMPTS: usize = 5;

/// Waits until something holds, which must not take long.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = stopwatch();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server of Redis or Valkey.
#[derive(Debug)]
pub(crate) struct Server {
    binary: Binary,
    child: Child,
    folder: TempDir,
    arguments: Vec<String>,
    pub(crate) port: u16,
}

impl Server {
    /// A server that answers, with these settings beside the usual ones.
    pub(crate) fn start(binary: &Binary, settings: &[&str]) -> Self {
        let settings: Vec<String> = settings.iter().map(|&s| s.to_owned()).collect();
        Self::start_with(binary, |_| settings.clone())
    }

    /// The same with settings that depend on the port.
    pub(crate) fn start_with(binary: &Binary, settings: impl Fn(u16) -> Vec<String>) -> Self {
        for _ in 0..ATTEMPTS {
            let (folder, port) = (TempDir::new().unwrap(), free_port());
            let mut arguments: Vec<String> = [
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--repl-diskless-sync-delay",
                "0",
                "--repl-timeout",
                "5",
                "--daemonize",
                "no",
            ]
            .map(str::to_owned)
            .to_vec();
            arguments.extend(["--port".to_owned(), port.to_string()]);
            arguments.extend(settings(port));
            let child = spawn(binary, &folder, &arguments);
            let mut server = Self { binary: binary.clone(), child, folder, arguments, port };
            if server.is_up() {
                return server;
            }
        }
        panic!("{} does not start", binary.name)
    }

    /// A sentinel: what it knows is a file, which it rewrites.
    pub(crate) fn sentinel(binary: &Binary, watches: &str) -> Self {
        for _ in 0..ATTEMPTS {
            let (folder, port) = (TempDir::new().unwrap(), free_port());
            let file = folder.path().join("sentinel.conf");
            let text = format!("bind 127.0.0.1\nport {port}\ndaemonize no\n{watches}");
            std::fs::write(&file, text).unwrap();
            let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
            let child = spawn(binary, &folder, &arguments);
            let mut server = Self { binary: binary.clone(), child, folder, arguments, port };
            if server.is_up() {
                return server;
            }
        }
        panic!("a sentinel of {} does not start", binary.name)
    }

    /// Waits until it answers; false if it has ended, as when its port was taken.
    fn is_up(&mut self) -> bool {
        let begun = stopwatch();
        loop {
            let answer = self.ask::<Value>(&["PING"]);
            // Who wants a password is up, too.
            if answer.as_ref().err().is_none_or(|error| error.code() == Some("NOAUTH")) {
                return self.child.try_wait().unwrap().is_none();
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(begun.elapsed() < PATIENCE, "{} does not answer", self.binary.name);
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What it answers.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut connection = Client::open(self.url())?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection)
    }

    /// What it answers as text.
    pub(crate) fn text(&self, words: &[&str]) -> String {
        self.ask(words).unwrap()
    }

    /// A number that it answers, as text.
    pub(crate) fn text_of_number(&self, words: &[&str]) -> String {
        self.ask::<i64>(words).unwrap().to_string()
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).unwrap();
        #[expect(unsafe_code, reason = "no other way to pause a process")]
        // SAFETY: a signal to a child that has not been waited for: the number is still its own.
        let sent = unsafe { libc::kill(pid, signal) };
        assert_eq!(sent, 0, "a signal to the server's process");
    }

    /// Stops its clock: connections are accepted, nothing is answered.
    pub(crate) fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Kills it at once.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again on its port, with more settings, and does not wait until it answers.
    pub(crate) fn begin_again(&mut self, settings: &[&str]) {
        self.kill();
        let settings = settings.iter().map(|&setting| setting.to_owned());
        let arguments: Vec<String> = self.arguments.iter().cloned().chain(settings).collect();
        self.child = spawn(&self.binary, &self.folder, &arguments);
    }

    /// Takes its folder away: nothing can be saved any more.
    pub(crate) fn lose_folder(&self) {
        std::fs::remove_dir_all(self.folder.path()).unwrap();
    }

    /// Starts it again on its port, with what it has kept on disk.
    pub(crate) fn restart(&mut self) {
        self.begin_again(&[]);
        assert!(self.is_up(), "{} does not start again", self.binary.name);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(binary: &Binary, folder: &TempDir, arguments: &[String]) -> Child {
    Command::new(&binary.path)
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
