//! Bad clients of the HTTP port: they are cut, and probes are answered all the same.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hansom::index::IndexConfig;
use hansom::web::HttpLimits;

use super::support::{Fixture, PATIENCE, eventually, http_get, raw_http};

async fn with(limits: HttpLimits) -> Fixture {
    Fixture::with(IndexConfig::default(), |config| config.http_limits = limits).await
}

/// A client that says this and no more.
fn say(address: SocketAddr, text: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(text.as_bytes()).unwrap();
    socket
}

/// Waits until the server has closed the connection; what it said before.
async fn closed(mut socket: TcpStream) -> Vec<u8> {
    let read = move || {
        let mut answer = Vec::new();
        match socket.read_to_end(&mut answer) {
            Ok(_) => answer,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => answer,
            Err(error) => panic!("it is not closed: {error}"),
        }
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

fn metric(fixture: &Fixture, line: &str) -> bool {
    fixture.running.door().metrics.render().lines().any(|l| l == line)
}

#[tokio::test]
async fn a_client_that_stops_within_its_request_is_cut() {
    let short = HttpLimits { header: Duration::from_millis(30), ..HttpLimits::default() };
    let fixture = with(short).await;
    for beginning in ["", "GET /heal", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let answer = closed(say(fixture.http(), beginning)).await;
        assert!(answer.is_empty(), "{beginning:?} is answered");
    }
    let (head, _) = http_get(fixture.http(), "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn a_connection_serves_one_request_and_does_not_last() {
    let short = HttpLimits { exchange: Duration::from_millis(30), ..HttpLimits::default() };
    let fixture = with(short).await;
    // The head may still take seconds, the whole may not.
    closed(say(fixture.http(), "GET /heal")).await;
    let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2);
    let (head, body) = raw_http(fixture.http(), request.into_bytes()).await;
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(body, b"ok\n", "the second is not answered");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_and_counted_until_there_is_a_place() {
    let two = HttpLimits { connections: 2, ..HttpLimits::default() };
    let fixture = with(two).await;
    let held = [say(fixture.http(), "GET "), say(fixture.http(), "GET ")];
    eventually("both are open", || async { metric(&fixture, "hansom_http_connections 2") }).await;
    assert!(closed(TcpStream::connect(fixture.http()).unwrap()).await.is_empty());
    assert!(metric(&fixture, "hansom_http_connections_refused_total 1"));
    drop(held);
    eventually("both are gone", || async { metric(&fixture, "hansom_http_connections 0") }).await;
    let (head, _) = http_get(fixture.http(), "/healthz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let fixture = Fixture::start().await;
    let large = "x".repeat(hansom::limits::MAX_HEADER_BYTES as usize);
    let request = format!("GET /healthz HTTP/1.1\r\nX-Large: {large}");
    let (head, _) = raw_http(fixture.http(), request.into_bytes()).await;
    assert!(head.starts_with("HTTP/1.1 431"), "{head}");
}
