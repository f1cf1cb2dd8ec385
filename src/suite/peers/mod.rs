//! The systems that are measured, one file each, and the list of them.

mod fleet_time;
mod floor;
mod hansom_direct;
mod hansom_grpc;
mod in_process;
mod kiddo;
mod pipelined;
mod postgis;
mod redis;
mod redis_async;
mod resp;
mod rstar;
mod scan;
mod sphere;
mod tile38;

use std::path::PathBuf;

use self::in_process::InProcess;
use self::redis::Flavour;
use super::system::{System, Trouble};

/// How a system is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The program that serves, for our own server.
    pub program: PathBuf,
    /// For how long the threads of our own look for more before they sleep, in microseconds.
    pub busy_poll_us: u64,
    /// Where a server of this kind runs already.
    pub url: Option<String>,
}

type Starter = fn(&Start) -> Result<Box<dyn System>, Trouble>;

/// Each system: its name, and how it is started. Ours come first.
pub const SYSTEMS: [(&str, Starter); 10] = [
    ("hansom", |start| Ok(Box::new(hansom_grpc::HansomGrpc::start(start)?))),
    ("hansom-direct", |_| Ok(Box::new(InProcess::<hansom_direct::HansomDirect>::start()))),
    ("redis", |start| Ok(Box::new(redis::Geo::start(Flavour::Redis, start)?))),
    ("valkey", |start| Ok(Box::new(redis::Geo::start(Flavour::Valkey, start)?))),
    ("tile38", |start| Ok(Box::new(tile38::Tile38::start(start)?))),
    ("postgis", |start| Ok(Box::new(postgis::PostGis::start(start)?))),
    ("rstar", |_| Ok(Box::new(InProcess::<rstar::Rstar>::start()))),
    ("kiddo", |_| Ok(Box::new(InProcess::<kiddo::Kiddo>::start()))),
    ("scan", |_| Ok(Box::new(InProcess::<scan::LinearScan>::start()))),
    ("floor", |_| Ok(Box::new(InProcess::<floor::Floor>::start()))),
];

/// The peers' names: all that is not ours.
pub fn names() -> impl Iterator<Item = &'static str> {
    let ours = |name: &str| name.starts_with("hansom") || name == "floor";
    SYSTEMS.iter().map(|&(name, _)| name).filter(move |name| !ours(name))
}

/// Whether a peer can be reached by an address.
pub fn has_url(name: &str) -> bool {
    ["redis", "valkey", "tile38", "postgis"].contains(&name)
}

/// The version of a crate that was built in.
fn locked_version(name: &str) -> String {
    let lock = include_str!("../../../Cargo.lock");
    let entry = format!("name = \"{name}\"\nversion = \"");
    // The last one is the newest.
    let found = lock.rsplit_once(&entry).and_then(|(_, rest)| rest.split_once('"'));
    found.map_or_else(String::new, |(version, _)| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        assert!(locked_version("rstar").starts_with("0.14"), "{}", locked_version("rstar"));
        assert_eq!(locked_version("no-such-crate"), "");
    }
}
