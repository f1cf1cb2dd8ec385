//! A Redis that says why it does not do what it is asked: it loads, cannot save, or wants a password.

use hansom::mirror::{Link, LinkError};
use redis::Value;

use super::link::{link, set, until_written};
use super::process::{Server, until};
use super::{binaries, binary};

/// Writes until it is refused with this word.
pub(super) async fn until_refused(link: &Link, word: &str) {
    let begun = hansom::clock::stopwatch();
    loop {
        match set(link, "a", "1").await {
            Err(error) if error.has_code(word) => return,
            told => assert!(begun.elapsed() < super::process::PATIENCE, "never {word}: {told:?}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_that_loads_is_left_alone_until_it_has() {
    for binary in binaries() {
        let mut server = Server::start(&binary, &[]);
        for number in 0..1_000 {
            server.ask::<Value>(&["SET", &format!("key-{number}"), "1"]).unwrap();
        }
        server.ask::<String>(&["SAVE"]).unwrap();
        let link = link(&server.url());
        set(&link, "a", "1").await.unwrap();
        // A millisecond for each key, and an answer now and then.
        let slowly =
            ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
        server.begin_again(&slowly);
        until_refused(&link, "LOADING").await;
        assert!(matches!(set(&link, "a", "1").await, Err(LinkError::Open { .. })));
        until_written(&link, "a").await;
        assert_eq!(server.text(&["GET", "key-999"]), "1", "{}", binary.name);
    }
}

#[tokio::test]
async fn one_that_cannot_save_is_left_alone_until_it_can() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let link = link(&server.url());
    set(&link, "a", "1").await.unwrap();
    server.ask::<Value>(&["CONFIG", "SET", "save", "3600 1"]).unwrap();
    server.lose_folder();
    server.ask::<Value>(&["BGSAVE"]).unwrap();
    until("its saving fails", || {
        server.text(&["INFO", "persistence"]).contains("rdb_last_bgsave_status:err")
    });
    until_refused(&link, "MISCONF").await;
    assert!(matches!(set(&link, "a", "1").await, Err(LinkError::Open { .. })));
    server.ask::<Value>(&["CONFIG", "SET", "save", ""]).unwrap();
    until_written(&link, "a").await;
    assert_eq!(link.generation(), 1, "the connection was good all the time");
}

#[tokio::test]
async fn one_that_wants_a_password_from_now_on_is_tried_again() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let link = link(&server.url());
    set(&link, "a", "1").await.unwrap();
    let rules = ["ACL", "SETUSER", "default", "resetpass", ">s3cret"];
    server.ask::<Value>(&rules).unwrap();
    let with = redis::Client::open(format!("redis://:s3cret@127.0.0.1:{}", server.port)).unwrap();
    let mut by_hand = with.get_connection().unwrap();
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut by_hand).unwrap();
    until_refused(&link, "NOAUTH").await;
    let right = super::link::link(&format!("redis://:s3cret@127.0.0.1:{}", server.port));
    set(&right, "b", "1").await.unwrap();
    // Rights that lack what is asked for are told in the same way.
    let mut rules = redis::cmd("ACL");
    rules.arg(&["SETUSER", "default", "-set"]);
    rules.exec(&mut by_hand).unwrap();
    until_refused(&right, "NOPERM").await;
    let mut rules = redis::cmd("ACL");
    rules.arg(&["SETUSER", "default", "+set"]);
    rules.exec(&mut by_hand).unwrap();
    until_written(&right, "a").await;
    let mut rules = redis::cmd("ACL");
    rules.arg(&["SETUSER", "default", "nopass"]);
    rules.exec(&mut by_hand).unwrap();
    until_written(&link, "a").await;
}
