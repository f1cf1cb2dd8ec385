//! The supervised connection against every way in which a server can fail.

use std::time::Duration;

use hansom::clock::stopwatch;
use hansom::mirror::{Backoff, Link, LinkError, LinkOptions, Role, Script};
use hansom::units::Millis;
use redis::{Cmd, Value};

use super::process::{PATIENCE, Server};
use super::setups::{Cluster, Watched, replica_of};
use super::{binaries, binary};

pub(super) fn options() -> LinkOptions {
    LinkOptions {
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_millis(200),
        backoff: Backoff { first: Millis(10), cap: Millis(100) },
    }
}

pub(super) fn link(address: &str) -> Link {
    Link::new(address.parse().unwrap(), Role::Primary, options(), 1)
}

fn command(words: &[&str]) -> Cmd {
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command
}

pub(super) async fn set(link: &Link, key: &str, value: &str) -> Result<Value, LinkError> {
    link.query(&command(&["SET", key, value])).await
}

async fn value(link: &Link, key: &str) -> Result<Option<String>, LinkError> {
    link.query(&command(&["GET", key])).await
}

/// Writes until it succeeds; how long that took.
pub(super) async fn until_written(link: &Link, key: &str) -> Duration {
    let begun = stopwatch();
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    while let Err(error) = set(link, key, "1").await {
        assert!(begun.elapsed() < PATIENCE, "it never comes back: {error}");
        pace.tick().await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn it_talks_to_one_server_and_survives_its_end() {
    for binary in binaries() {
        let mut server = Server::start(&binary, &[]);
        let link = link(&server.url());
        set(&link, "a", "1").await.unwrap();
        assert_eq!((value(&link, "a").await.unwrap(), link.generation()), (Some("1".into()), 1));
        server.kill();
        let error = set(&link, "a", "2").await.unwrap_err();
        assert!(matches!(error, LinkError::Broken { .. }), "{error}");
        let error = set(&link, "a", "2").await.unwrap_err();
        assert!(matches!(error, LinkError::Open { .. }), "the breaker is open: {error}");
        server.restart();
        until_written(&link, "a").await;
        assert_eq!(link.generation(), 2, "{}: another connection", binary.name);
    }
}

#[tokio::test]
async fn one_that_accepts_and_never_answers_is_left_alone() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let link = link(&server.url());
    set(&link, "a", "1").await.unwrap();
    server.pause();
    let begun = stopwatch();
    let error = set(&link, "a", "2").await.unwrap_err();
    assert!(matches!(error, LinkError::Broken { .. }), "{error}");
    // Refusals cost nothing; probes cost a connection that is given up.
    let (mut refused, mut tried) = (0, 0);
    while begun.elapsed() < Duration::from_secs(2) {
        match set(&link, "a", "3").await.unwrap_err() {
            LinkError::Open { .. } => {
                refused += 1;
                tokio::task::yield_now().await;
            }
            _ => tried += 1,
        }
    }
    assert!(refused > 100 && (1..=20).contains(&tried), "{refused} refused, {tried} tried");
    server.resume();
    let took = until_written(&link, "b").await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn of_several_who_wait_for_a_connection_one_finds_out() {
    // Connections are accepted, and that is all: nobody says that the password is right.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let link = link(&format!("redis://:s3cret@{}", silent.local_addr().unwrap()));
    let begun = stopwatch();
    let all = tokio::join!(
        set(&link, "a", "1"),
        set(&link, "b", "1"),
        set(&link, "c", "1"),
        set(&link, "d", "1"),
    );
    let tried = [all.0, all.1, all.2, all.3].map(|told| match told.unwrap_err() {
        LinkError::Open { .. } => 0,
        _ => 1,
    });
    // One after the other it would be half a second each.
    assert!(begun.elapsed() < Duration::from_millis(1_900), "{:?}", begun.elapsed());
    assert!(tried.iter().sum::<u32>() <= 2, "{tried:?}");
}

#[tokio::test]
async fn answers_that_say_not_now_open_the_breaker() {
    let Some(binary) = binary() else { return };
    let server =
        Server::start(&binary, &["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    let link = link(&server.url());
    set(&link, "word", "text").await.unwrap();
    let large = "x".repeat(1 << 20);
    let mut refused = None;
    for i in 0..10 {
        if let Err(error) = set(&link, &format!("large-{i}"), &large).await {
            refused = Some(error);
            break;
        }
    }
    assert!(refused.unwrap().has_code("OOM"));
    assert!(matches!(set(&link, "a", "1").await, Err(LinkError::Open { .. })));
    server.ask::<Value>(&["CONFIG", "SET", "maxmemory", "100mb"]).unwrap();
    until_written(&link, "a").await;
    assert_eq!(link.generation(), 1, "the connection was good all the time");
    // A wrong command is the caller's affair.
    let wrong = link.query::<Value>(&command(&["INCR", "word"])).await.unwrap_err();
    assert!(matches!(wrong, LinkError::Refused { .. }), "{wrong}");
    assert!(!link.is_open());
}

#[tokio::test]
async fn a_wrong_password_is_told_and_a_right_one_is_not() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &["--requirepass", "s3cret"]);
    // Without a password it counts as up, as it answers; it lets nobody in.
    let with = |password: &str| format!("redis://:{password}@127.0.0.1:{}", server.port);
    let error = set(&link(&with("0ther")), "a", "1").await.unwrap_err();
    assert!(!error.to_string().contains("0ther"), "{error}");
    set(&link(&with("s3cret")), "a", "1").await.unwrap();
    let error = set(&link(&server.url()), "a", "1").await.unwrap_err();
    assert!(error.has_code("NOAUTH"), "{error}");
}

#[tokio::test]
async fn encryption_has_a_provider() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let link = link(&server.url().replace("redis://", "rediss://"));
    // The server speaks no TLS: an error, and not a panic for want of cryptography.
    assert!(matches!(set(&link, "a", "1").await, Err(LinkError::Broken { .. })));
}

#[tokio::test]
async fn what_is_sent_together_is_answered_one_by_one() {
    let Some(binary) = binary() else { return };
    let (server, cluster) = (Server::start(&binary, &[]), Cluster::start(&binary));
    let script = Script::new("return redis.call('SET', KEYS[1], ARGV[1])");
    for address in [server.url(), cluster.address()] {
        let link = link(&address);
        let commands = (0..50).map(|i| match i % 5 {
            0 => command(&["INCR", &format!("{{text-{i}}}")]),
            _ => command(&["SET", &format!("{{key-{i}}}"), "1"]),
        });
        set(&link, "{text-0}", "no number").await.unwrap();
        let answers = link.many(commands.collect()).await.unwrap();
        assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1, "{address}");
        assert!(answers[0].is_err() && answers.len() == 50);
        let mut call = script.call(&["{a}"]);
        call.arg("7");
        let unknown = link.query::<Value>(&call).await.unwrap_err();
        assert!(unknown.has_code("NOSCRIPT"), "{unknown}");
        let mut call = script.call_in_full(&["{a}"]);
        call.arg("7");
        link.query::<Value>(&call).await.unwrap();
        assert_eq!(value(&link, "{a}").await.unwrap().as_deref(), Some("7"));
    }
}

#[tokio::test]
async fn the_sentinels_new_primary_is_found() {
    for binary in binaries() {
        let mut watched = Watched::start(&binary);
        let link = link(&watched.address());
        set(&link, "a", "1").await.unwrap();
        // A planned change: the old primary says READONLY, or is noticed by the check.
        watched.fail_over();
        drop(link.check().await);
        until_written(&link, "b").await;
        assert_eq!(watched.primary_port(), watched.servers[1].port);
        let there: Option<String> = watched.servers[1].ask(&["GET", "b"]).unwrap();
        assert_eq!(there.as_deref(), Some("1"), "it was written to the new one");
        // And back, by force.
        super::process::until("the old primary follows", || {
            watched.servers[0].ask::<String>(&["INFO", "replication"]).is_ok_and(|info| {
                info.contains("role:slave") && info.contains("master_link_status:up")
            })
        });
        watched.servers[1].kill();
        let took = until_written(&link, "c").await;
        let there: Option<String> = watched.servers[0].ask(&["GET", "c"]).unwrap();
        assert_eq!(there.as_deref(), Some("1"), "after {took:?}");
    }
}

#[tokio::test]
async fn a_sentinel_that_does_not_answer_holds_nobody_up() {
    let Some(binary) = binary() else { return };
    let watched = Watched::start(&binary);
    // Connections are accepted, and that is all.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().map(|at| (at, silent)).unwrap();
    let scheme = "redis+sentinel://";
    let address = watched.address().replace(scheme, &format!("{scheme}{},", silent.0));
    let patient = LinkOptions { connect_timeout: Duration::from_secs(5), ..options() };
    let link = Link::new(address.parse().unwrap(), Role::Primary, patient, 1);
    set(&link, "a", "1").await.unwrap();
    let begun = stopwatch();
    link.check().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn replicas_are_found_by_the_primary_or_by_the_sentinels() {
    let Some(binary) = binary() else { return };
    let primary = Server::start(&binary, &[]);
    let replica = replica_of(&binary, &primary);
    let to_primary = link(&primary.url());
    set(&to_primary, "a", "1").await.unwrap();
    to_primary.check().await.unwrap();
    let to_replica = to_primary.replica_of(2);
    let nowhere = value(&to_replica, "a").await.unwrap_err();
    assert!(matches!(nowhere, LinkError::Nowhere { .. }), "{nowhere}");
    to_replica.set_replicas(to_primary.replicas());
    super::process::until("the replica has it", || {
        replica.ask::<Option<String>>(&["GET", "a"]).unwrap().is_some()
    });
    primary.pause();
    let begun = stopwatch();
    while value(&to_replica, "a").await.is_err() {
        assert!(begun.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    primary.resume();
    let watched = Watched::start(&binary);
    let to_primary = link(&watched.address());
    set(&to_primary, "a", "1").await.unwrap();
    super::process::until("the replica has it", || {
        watched.servers[1].ask::<Option<String>>(&["GET", "a"]).unwrap().is_some()
    });
    let copy = to_primary.replica_of(3);
    assert_eq!(value(&copy, "a").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn a_cluster_loses_a_primary_and_goes_on() {
    for binary in binaries() {
        let mut cluster = Cluster::start(&binary);
        let link = link(&cluster.address());
        for i in 0..30 {
            set(&link, &format!("{{{i}}}"), "1").await.unwrap();
        }
        cluster.servers[0].kill();
        for i in 0..30 {
            until_written(&link, &format!("{{{i}}}")).await;
        }
    }
}
