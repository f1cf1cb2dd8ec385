//! Two processes and one Redis: who runs the market, and what becomes of trips when one of them dies,
//! sleeps, or loses Redis.

mod faults;
mod gone;
mod history;
mod kills;
mod outages;
mod secret;
mod takeover;

use std::path::Path;

use hansom::api::proto::StatusRequest;
use tempfile::TempDir;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::support::{eventually, http_get};
use super::town::{Town, reason};
use crate::redis::process::Server as Redis;

/// The lease of these markets, in milliseconds.
const LEASE_MS: u64 = 2_000;

/// What such a server is started with, unless told otherwise.
fn settings<'a>(redis: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let usual = [("--market-lease", "2s"), ("--threads", "1"), ("--retry-every", "100ms")];
    let usual = usual.into_iter().filter(|(flag, _)| !more.contains(flag));
    let usual = usual.flat_map(|(flag, value)| [flag, value]);
    ["--redis", redis].into_iter().chain(usual).chain(more.iter().copied()).collect()
}

/// A process of its own, on a folder of its own.
async fn start(folder: &Path, redis: &str, more: &[&str]) -> Town {
    Town::start(folder, &settings(redis, more)).await
}

/// Whether a process runs the market.
async fn is_active(town: &Town) -> bool {
    town.admin().status(StatusRequest {}).await.is_ok()
}

/// Waits until it does.
async fn active(town: &Town) {
    eventually("it runs the market", || is_active(town)).await;
}

/// Who is said to run the market.
fn points_to(status: &Status) -> Option<String> {
    assert_eq!(reason(status), "market_elsewhere", "{status:?}");
    status.get_error_details().error_info()?.metadata.get("active").cloned()
}

/// Waits until a process knows who else runs the market.
async fn knows(town: &Town, active: &Town) {
    let address = active.served.grpc.to_string();
    eventually("it knows who runs the market", || async {
        let told = town.admin().status(StatusRequest {}).await;
        told.is_err_and(|status| points_to(&status).as_ref() == Some(&address))
    })
    .await;
}

/// A metric of a process.
async fn metric(town: &Town, name: &str) -> f64 {
    let (_, text) = http_get(town.served.http, "/metrics").await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

/// An active process and a standby.
struct Pair {
    redis: Redis,
    folders: [TempDir; 2],
}

impl Pair {
    /// None where there is no Redis.
    fn new() -> Option<Self> {
        let binary = crate::redis::binary()?;
        let redis = Redis::start(&binary, &[]);
        // A market that Redis knows of, so that the first process need not wait for who may be there.
        redis.ask::<i64>(&["HSET", "hansom:1:{m:main}:fence", "token", "1"]).unwrap();
        let folder = || tempfile::tempdir().unwrap();
        Some(Self { redis, folders: [folder(), folder()] })
    }

    async fn start(&self, which: usize, more: &[&str]) -> Town {
        start(self.folders[which].path(), &self.redis.url(), more).await
    }
}
