//! The whole binary.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use super::proximity::world;
use super::support::{PATIENCE, channel, eventually, http_get, soon};
use hansom::api::proto::CountRequest;
use hansom::api::proto::proximity_service_client::ProximityServiceClient;

pub(super) fn hansom() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hansom"));
    // What the developer's shell or an orchestrator may have set.
    command.env_clear().env("HANSOM_PORT", "tcp://10.0.0.1:7400").env("HANSOM_DATA", "/nowhere");
    // In memory unless a test says where: nothing is left behind.
    command.env("HANSOM_JOURNAL", "none");
    command
}

pub(super) fn output(arguments: &[&str]) -> Output {
    hansom().args(arguments).output().unwrap()
}

/// A server in a process of its own, which ends with the test at the latest.
pub(super) struct Served {
    child: Child,
    /// What it tells, read as it comes: one that nobody reads stands still when the pipe is full.
    errors: Option<JoinHandle<String>>,
    pub(super) grpc: SocketAddr,
    pub(super) http: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both fail if it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Served {
    pub(super) fn start(arguments: &[&str]) -> Self {
        Self::spawn(hansom(), arguments)
    }

    /// Started by a shell script that runs its arguments.
    #[cfg(unix)]
    pub(super) fn start_in(script: &str, arguments: &[&str]) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("HANSOM_JOURNAL", "none").args([
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_hansom"),
        ]);
        Self::spawn(shell, arguments)
    }

    fn spawn(mut command: Command, arguments: &[&str]) -> Self {
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |door: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(door).unwrap().trim().parse().unwrap()
        };
        let (grpc, http) = (address("grpc"), address("http"));
        let mut told = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut errors = String::new();
            told.read_to_string(&mut errors).unwrap();
            errors
        });
        Self { child, errors: Some(errors), grpc, http }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Ends the process as a crash does: it gets no chance to do anything more.
    pub(super) fn kill(mut self) -> Option<i32> {
        self.child.kill().unwrap();
        self.child.wait().unwrap().signal()
    }

    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let errors = self.errors.take().unwrap().join().unwrap();
        (self.child.wait().unwrap().code(), errors)
    }
}

#[tokio::test]
async fn serve_prints_its_addresses_serves_and_drains_on_sigterm() {
    let served = Served::start(&["--log-format", "json"]);
    let mut client = ProximityServiceClient::new(channel(served.grpc).await);
    let request = CountRequest { area: Some(world()), filter: None };
    assert_eq!(soon(client.count(request)).await.unwrap().into_inner().count, 0);
    let (head, _) = http_get(served.http, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    served.signal("-TERM");
    let ended = tokio::task::spawn_blocking(move || served.end());
    let (code, errors) = soon(ended).await.unwrap();
    assert_eq!(code, Some(0), "{errors}");
    let lines: Vec<serde_json::Value> =
        errors.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    let serving = lines.iter().find(|line| line["message"] == "serving").expect("a line at start");
    assert_eq!(serving["level"], "INFO", "{errors}");
    for part in [env!("CARGO_PKG_VERSION"), "127.0.0.1:", "Wall", "log_format=json"] {
        assert!(serving.to_string().contains(part), "{part} is not in {errors}");
    }
    assert!(messages.contains(&"draining") && messages.contains(&"drained"), "{errors}");
}

#[tokio::test]
async fn serve_ends_on_an_interrupt_too() {
    let served = Served::start(&[]);
    served.signal("-INT");
    let ended = tokio::task::spawn_blocking(move || served.end());
    assert_eq!(soon(ended).await.unwrap().0, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_a_drain_at_once() {
    let served = Served::start(&["--drain-timeout", "1h", "--log-format", "json"]);
    // A call whose message does not come holds the drain up.
    let held = half_open(served.grpc);
    served.signal("-TERM");
    eventually("it drains", || async {
        http_get(served.http, "/readyz").await.0.starts_with("HTTP/1.1 503")
    })
    .await;
    served.signal("-INT");
    let ended = tokio::task::spawn_blocking(move || served.end());
    let (code, errors) = soon(ended).await.unwrap();
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("second signal: ending at once"), "{errors}");
    assert!(!errors.contains("\"drained\""), "{errors}");
    drop(held);
}

/// A unary call of gRPC-Web whose body is announced, and waited for, and does not come.
fn half_open(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "POST /hansom.v1.ProximityService/Count HTTP/1.1\r\nHost: x\r\n\
                Content-Type: application/grpc-web+proto\r\nContent-Length: 100\r\n\
                Expect: 100-continue\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100", "it waits for the body");
    socket
}

#[test]
fn print_config_tells_what_would_be_and_where_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hansom.toml");
    std::fs::write(&path, "stale_after = \"5s\"\nthreads = 1\n").unwrap();
    let arguments =
        ["serve", "--config", path.to_str().unwrap(), "--threads", "2", "--print-config"];
    let output = output(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("threads = 2  # --threads\n"), "{text}");
    assert!(text.contains("stale_after = \"5s\"  # /"), "{text}");
    assert!(text.contains("listen = \"127.0.0.1:7400\"  # default\n"), "{text}");
}

#[test]
fn all_problems_of_a_configuration_come_at_once() {
    let arguments = ["serve", "--threads", "0x", "--listen", "0.0.0.0:0", "--clock", "sundial"];
    let output = output(&arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in ["3 problems", "--threads: 0x", "--listen: 0.0.0.0:0", "--insecure", "sundial"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_file_that_is_absent_or_has_unknown_keys_is_told_with_all_other_problems() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hansom.toml");
    let file = path.to_str().unwrap();
    let complaint = || {
        let output = output(&["serve", "--config", file, "--threads", "many"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(output.stdout.is_empty(), "it has started");
        assert!(text.contains("--threads: many is not in 0..=256"), "{text}");
        text
    };
    let absent = complaint();
    assert!(absent.contains("2 problems"), "{absent}");
    let expected = format!("{file}: cannot be read: No such file or directory");
    assert!(absent.contains(&expected), "{absent}");
    std::fs::write(&path, "stale_aftr = \"5s\"\ncolour = \"red\"\n").unwrap();
    let unknown = complaint();
    assert!(unknown.contains("3 problems"), "{unknown}");
    let expected = "stale_aftr: is not a setting; did you mean stale_after?";
    assert!(unknown.contains(expected), "{unknown}");
    assert!(unknown.contains("colour: is not a setting\n"), "{unknown}");
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (grpc, http, door) in
        [(&*address, "127.0.0.1:0", "gRPC"), ("127.0.0.1:0", &*address, "HTTP")]
    {
        let output = output(&["serve", "--listen", grpc, "--http", http]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        let expected = format!("cannot listen on {address} for {door}: Address already in use");
        assert!(text.contains(&expected), "{text}");
        assert!(output.stdout.is_empty(), "no address is announced");
    }
}

#[test]
fn help_documents_the_exit_codes() {
    let text = String::from_utf8(output(&["serve", "--help"]).stdout).unwrap();
    assert!(text.contains("Exit codes: 0 drained"), "{text}");
}
