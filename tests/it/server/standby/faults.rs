//! Redis itself changes under load: another primary, a lost one, a slot that moves, an answer that takes
//! its time. Nothing is lost, no driver has two trips, and all that clients were told can be put into order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hansom::api::proto::GetTripRequest;
use hansom::clock::stopwatch;
use hansom::limits;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic::Code;

use super::gone::{SETTINGS, Wire};
use super::kills::{World, begin, compare_with_redis, judge, one_of};
use super::outages::pass;
use super::{Pair, Redis, active, is_active, knows, start};
use crate::redis::process::until;
use crate::redis::setups::{Cluster, Watched};
use crate::server::support::{PATIENCE, eventually};
use crate::server::town::{Town, reason};

/// A key of the market.
const KEY: &str = "hansom:1:{m:main}:open";

/// Two processes on a Redis of some kind, and a load on them.
struct Load {
    towns: Vec<Town>,
    redis: String,
    ack: &'static str,
    world: std::sync::Arc<World>,
    clients: JoinSet<()>,
    folders: [TempDir; 2],
}

fn flags(ack: &'static str) -> Vec<&'static str> {
    [&SETTINGS[..], &["--ack", ack]].concat()
}

impl Load {
    async fn on(redis: &str, ack: &'static str) -> Self {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let more = flags(ack);
        let one = start(folders[0].path(), redis, &more).await;
        active(&one).await;
        let two = start(folders[1].path(), redis, &more).await;
        knows(&two, &one).await;
        let (world, clients) = begin([&one.channel, &two.channel]);
        let (towns, redis) = (vec![one, two], redis.to_owned());
        let load = Self { towns, redis, ack, world, clients, folders };
        load.goes_on(20).await;
        load
    }

    /// Kills whoever runs the market.
    async fn kill_active(&mut self) -> usize {
        let at = one_of(&self.towns).await;
        assert_eq!(self.towns.remove(at).served.kill(), Some(9));
        at
    }

    /// Starts whoever was killed again.
    async fn revive(&mut self, at: usize) {
        let reborn = start(self.folders[at].path(), &self.redis, &flags(self.ack)).await;
        self.world.doors.lock().unwrap()[at] = reborn.channel.clone();
        self.towns.insert(at, reborn);
    }

    fn completed(&self) -> usize {
        self.world.told.lock().unwrap().completed()
    }

    /// Waits until more trips have been completed.
    async fn goes_on(&self, more: usize) {
        let before = self.completed();
        eventually("trips are completed", || async { self.completed() >= before + more }).await;
    }

    async fn end(self, redis: &Redis) {
        self.world.over.store(true, Ordering::Release);
        tokio::time::timeout(PATIENCE, self.clients.join_all()).await.expect("a client hangs");
        let at = one_of(&self.towns).await;
        let compared = compare_with_redis(redis, &self.towns[at]).await;
        let told = self.world.told.lock().unwrap();
        judge(&told);
        println!("{compared} trips compared, {} completed", told.completed());
        // Of those that have ended it keeps the latest.
        let kept = told.trips.len().min(limits::MAX_SHIPPED_ENDED_TRIPS);
        assert!(compared >= kept, "{compared} of {} trips are in Redis", told.trips.len());
    }
}

/// Waits until a server is a replica that has all.
fn follows(server: &Redis) {
    until("it follows", || {
        server
            .ask::<String>(&["INFO", "replication"])
            .is_ok_and(|info| info.contains("role:slave") && info.contains("master_link_status:up"))
    });
}

/// Looks for a trip until there is an answer; one that is lost is a panic.
async fn is_there(town: &Town, trip: &str) {
    eventually("an answer about a trip", || async {
        let asked = GetTripRequest { trip_id: trip.to_owned() };
        match town.riders().get_trip(asked).await {
            Ok(_) => true,
            // What a replica has not confirmed is not told.
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{trip}: {status:?}");
                false
            }
        }
    })
    .await;
}

/// How often the same is done; `HANSOM_KILLS` asks for more.
fn rounds(usual: u64) -> u64 {
    std::env::var("HANSOM_KILLS").map_or(usual, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_change_the_primary_under_load() {
    let Some(binary) = crate::redis::binary() else { return };
    let watched = Watched::start(&binary);
    let load = Load::on(&watched.address(), "redis").await;
    for _ in 0..rounds(1) {
        watched.fail_over();
        let begun = stopwatch();
        load.goes_on(20).await;
        println!("trips go on {:?} after the failover", begun.elapsed());
        let now = watched.primary_port();
        watched.servers.iter().filter(|server| server.port != now).for_each(follows);
    }
    let now = watched.primary_port();
    let primary = watched.servers.iter().find(|server| server.port == now).unwrap();
    load.end(primary).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_with_the_active_process_takes_no_trip_with_it() {
    let Some(binary) = crate::redis::binary() else { return };
    let mut watched = Watched::start(&binary);
    let mut load = Load::on(&watched.address(), "replica").await;
    for _ in 0..rounds(2) {
        let port = watched.primary_port();
        let primary = watched.servers.iter().position(|server| server.port == port).unwrap();
        // The replica is the one place that is left of what had been acknowledged by now.
        let acknowledged: Vec<String> =
            load.world.told.lock().unwrap().trips.keys().cloned().collect();
        watched.servers[primary].kill();
        let (at, begun) = (load.kill_active().await, stopwatch());
        until("the replica is the primary", || watched.primary_port() != port);
        let named = begun.elapsed();
        let heir = watched.primary_port().to_string();
        watched.servers[primary].begin_again(&["--replicaof", "127.0.0.1", &heir]);
        follows(&watched.servers[primary]);
        eventually("the standby runs the market", || is_active(&load.towns[0])).await;
        let (trips, open) = (acknowledged.len(), begun.elapsed());
        println!(
            "{trips} trips; the replica is named {named:?} after both deaths, the market is open {open:?} after"
        );
        for trip in &acknowledged {
            is_there(&load.towns[0], trip).await;
        }
        load.revive(at).await;
        load.goes_on(20).await;
    }
    let now = watched.primary_port();
    let primary = watched.servers.iter().find(|server| server.port == now).unwrap();
    load.end(primary).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_loses_the_primary_of_the_market_under_load() {
    let Some(binary) = crate::redis::binary() else { return };
    let mut cluster = Cluster::start(&binary);
    let load = Load::on(&cluster.address(), "redis").await;
    for _ in 0..rounds(2) {
        let primary = cluster.owner_of(KEY);
        cluster.servers[primary].kill();
        let begun = stopwatch();
        load.goes_on(20).await;
        println!("trips go on {:?} after the primary's death", begun.elapsed());
        // Before its heir is killed in turn.
        cluster.servers[primary].restart();
        follows(&cluster.servers[primary]);
    }
    let heir = cluster.owner_of(KEY);
    load.end(&cluster.servers[heir]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slot_of_the_market_moves_under_load() {
    let Some(binary) = crate::redis::binary() else { return };
    let cluster = Cluster::start(&binary);
    let load = Load::on(&cluster.address(), "redis").await;
    for _ in 0..2 {
        let to = (cluster.owner_of(KEY) + 1) % 3;
        cluster.move_slot(KEY, to);
        assert_eq!(cluster.owner_of(KEY), to);
        load.goes_on(20).await;
    }
    let at = cluster.owner_of(KEY);
    load.end(&cluster.servers[at]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_answers_slowly_slows_nobody() {
    let Some(pair) = Pair::new() else { return };
    let wire = Wire::to(pair.redis.port).await;
    let one = start(pair.folders[0].path(), &wire.url(), &[]).await;
    active(&one).await;
    // Just before it counts as gone.
    wire.delay(Duration::from_millis(350));
    let begun = stopwatch();
    let mut slowest = Duration::ZERO;
    for number in 0..60 {
        let asked = stopwatch();
        one.request(&format!("rider-{number}"), "k").await.unwrap();
        slowest = slowest.max(asked.elapsed());
        pass(Duration::from_millis(100)).await;
    }
    println!("60 trips in {:?}, the slowest answer took {slowest:?}", begun.elapsed());
    assert!(slowest < Duration::from_millis(350), "{slowest:?}: it has waited for Redis");
    assert!(is_active(&one).await);
    wire.delay(Duration::ZERO);
    assert_eq!(compare_with_redis(&pair.redis, &one).await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_only_reads_the_copy_sends_riders_elsewhere() {
    let Some(pair) = Pair::new() else { return };
    let one = pair.start(0, &[]).await;
    active(&one).await;
    let reader = pair.start(1, &["--fallback-only"]).await;
    let refused = reader.request("ada", "a").await.unwrap_err();
    assert_eq!(reason(&refused), "market_elsewhere", "{refused:?}");
    assert_eq!(one.served.kill(), Some(9));
    // Nor does it want the market.
    pass(super::outages::OVER * 2).await;
    assert!(!is_active(&reader).await);
    let refused = reader.request("ada", "a").await.unwrap_err();
    assert_eq!(reason(&refused), "market_elsewhere", "{refused:?}");
}
