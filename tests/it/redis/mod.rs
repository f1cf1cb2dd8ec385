//! The copy in Redis, with real servers: each test has its own, on free ports of the loopback, in
//! folders of their own, killed when the test ends.
//!
//! Every server that is there counts: `redis-server`, `valkey-server`, or both.

mod audit;
mod copy;
mod fallback;
mod fleet;
mod link;
mod losses;
pub(crate) mod process;
mod refusals;
pub(crate) mod setups;
mod takeover;
mod troubles;

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that speaks the protocol.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    pub(crate) name: &'static str,
}

/// Each server program on the path. None: the test is skipped and says so, but fails where
/// everything must run.
pub(crate) fn binaries() -> Vec<Binary> {
    let runs = |name: &&'static str| {
        let mut command = Command::new(name);
        let command = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found: Vec<Binary> = ["redis-server", "valkey-server"]
        .into_iter()
        .filter(runs)
        .map(|name| Binary { path: PathBuf::from(name), name })
        .collect();
    if found.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "no redis-server on the path; run scripts/setup");
        println!("SKIPPED: no redis-server on the path; run scripts/setup");
    }
    found
}

/// The first of them, for tests that need no other.
pub(crate) fn binary() -> Option<Binary> {
    binaries().into_iter().next()
}
