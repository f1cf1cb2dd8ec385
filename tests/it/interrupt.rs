//! Ctrl-C in `hansom replay`: the first ends it with a report of what was done, the second at once.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hansom::clock::{Clock, stopwatch};
use hansom::index::{IndexConfig, LiveIndex};
use hansom::server::{Server, ServerConfig};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/san-francisco.htrace");

/// A replay of the demonstration trace, killed if the test forgets it.
struct Replay(Child);

impl Drop for Replay {
    fn drop(&mut self) {
        // An error means that it has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Replay {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
        command.arg("replay").arg(DEMO).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn interrupt(&self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    }

    /// Exit code and standard output.
    fn end(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        (self.0.wait().unwrap().code(), text)
    }
}

/// A listener that a replay is connected to, and that says nothing.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    (listener, target)
}

#[test]
fn an_interrupt_ends_a_replay_with_the_table_so_far() {
    let config = ServerConfig { http: None, threads: 1, ..ServerConfig::default() };
    let map = Arc::new(LiveIndex::new(IndexConfig::default(), 7));
    let running = Server::start(config, map, Arc::new(Clock::Wall)).unwrap();
    // In full it would take 45 minutes.
    let target = format!("http://{}", running.grpc_addr());
    let replay = Replay::start(&["--target", &target, "--speed", "1x"]);
    let begun = stopwatch();
    while running.door().map.is_empty() {
        assert!(begun.elapsed() < PATIENCE, "no row arrives");
        std::thread::yield_now();
    }
    replay.interrupt();
    let (code, table) = replay.end();
    assert_eq!(code, Some(130), "{table}");
    assert!(table.contains("not sent: interrupted") && table.contains("accepted"), "{table}");
}

#[test]
fn a_second_interrupt_ends_a_replay_that_waits_at_once() {
    let (listener, target) = silent();
    let mut replay = Replay::start(&["--target", &target]);
    // It is connected, so that it listens for signals, and waits for a server that says nothing.
    let connection = listener.accept().unwrap();
    let mut lines = BufReader::new(replay.0.stderr.take().unwrap()).lines();
    replay.interrupt();
    let told = lines.next().unwrap().unwrap();
    assert!(told.contains("interrupted") && told.contains("at once if told again"), "{told}");
    assert!(replay.0.try_wait().unwrap().is_none(), "the first does not end it: it waits");
    replay.interrupt();
    let (code, text) = replay.end();
    assert_eq!(code, Some(130));
    assert!(text.is_empty(), "no report: {text}");
    drop(connection);
}
