//! A Redis that speaks TLS alone to those who know its certificate.

use std::path::Path;
use std::process::Command;

use redis::Value;

use super::Redis;
use crate::redis::process::free_port;
use crate::redis::{Binary, binaries};
use crate::server::serve::Served;
use crate::server::support::{eventually, http_get};

/// Makes a certificate of somebody who signs, or one for this machine signed by the former.
fn make(folder: &Path, name: &str, more: &[&str]) -> bool {
    let file = |ending: &str| folder.join(format!("{name}.{ending}")).display().to_string();
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-keyout", &file("key"), "-out", &file("pem")])
        .args(more);
    make.output().is_ok_and(|made| made.status.success())
}

/// A server that speaks TLS on a second port, with a certificate that `signer.pem` in the folder has
/// signed; none where it cannot.
fn encrypted(binary: &Binary, folder: &Path) -> Option<(Redis, u16)> {
    let file = |name: &str| folder.join(name).display().to_string();
    let (signer, signer_key) = (file("signer.pem"), file("signer.key"));
    let alternatives = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    let leaf = [
        &["-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE"][..],
        &["-addext", alternatives, "-CA", &signer, "-CAkey", &signer_key],
    ];
    let made =
        make(folder, "signer", &["-subj", "/CN=signer"]) && make(folder, "server", &leaf.concat());
    // The first setting that it cannot take ends it, and is named.
    let mut knows = Command::new(&binary.path);
    knows.args(["--port", "0", "--tls-port", "0", "--maxmemory", "nonsense"]);
    let knows = knows.output().is_ok_and(|said| {
        let said = [said.stdout, said.stderr].concat();
        !String::from_utf8_lossy(&said).contains("'tls-port")
    });
    if !made || !knows {
        println!("SKIPPED: no openssl, or {} without TLS", binary.name);
        return None;
    }
    let port = free_port();
    let (key, certificate) = (file("server.key"), file("server.pem"));
    let port_text = port.to_string();
    let settings = [
        &["--tls-port", &port_text, "--tls-cert-file", &certificate][..],
        &["--tls-key-file", &key, "--tls-auth-clients", "no"],
    ]
    .concat();
    Some((Redis::start(binary, &settings), port))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_checked_against_those_of_the_machine() {
    for binary in binaries() {
        let folder = tempfile::tempdir().unwrap();
        let Some((redis, port)) = encrypted(&binary, folder.path()) else { continue };
        let url = format!("rediss://127.0.0.1:{port}");
        let trusts = |certificate: &str| format!("SSL_CERT_FILE='{certificate}' exec \"$@\"");
        let settings = ["--redis", &url, "--market-lease", "none"];
        let certificate = folder.path().join("signer.pem");
        let held = |served: &Served| {
            let http = served.http;
            async move { http_get(http, "/metrics").await.1.contains("hansom_lease_held 1") }
        };
        let one = Served::start_in(&trusts(&certificate.display().to_string()), &settings);
        eventually("it has the lease", || async {
            held(&one).await && redis.ask::<i64>(&["DBSIZE"]).unwrap() > 0
        })
        .await;
        drop(one);
        redis.ask::<Value>(&["FLUSHALL"]).unwrap();
        // Another is trusted, and not this one.
        let other = tempfile::tempdir().unwrap();
        let Some((_other, _)) = encrypted(&binary, other.path()) else { continue };
        let wrong = other.path().join("signer.pem").display().to_string();
        let two = Served::start_in(&trusts(&wrong), &settings);
        eventually("it has tried", || {
            let http = two.http;
            async move {
                let text = http_get(http, "/metrics").await.1;
                let failures =
                    text.lines().find_map(|l| l.strip_prefix("hansom_mirror_failures_total "));
                failures.is_some_and(|count| count.parse::<f64>().unwrap() > 1.0)
            }
        })
        .await;
        assert_eq!(redis.ask::<i64>(&["DBSIZE"]).unwrap(), 0, "it has told it nothing");
    }
}
