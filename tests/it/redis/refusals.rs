//! Servers that say that they are not the one to ask: the link and the mirror follow, or wait.

use hansom::mirror::{LinkError, RegionKeys};
use redis::Value;

use super::binaries;
use super::fleet::{Fleet, contents, link as patient_link};
use super::link::{link, set, until_written};
use super::process::{Server, until};
use super::setups::{Cluster, NAME, Watched};
use super::troubles::until_refused;

const DRIVERS: u64 = 400;

#[tokio::test]
async fn a_primary_that_became_a_replica_is_tried_again_until_it_is_one_no_more() {
    for binary in binaries() {
        let (server, other) = (Server::start(&binary, &[]), Server::start(&binary, &[]));
        let link = link(&server.url());
        let mut fleet = Fleet::mirrored(71, &server.url());
        fleet.live(DRIVERS, 1_000);
        fleet.settled(&patient_link(&server.url())).await;
        set(&link, "a", "1").await.unwrap();
        assert_eq!(link.generation(), 1);
        server.ask::<Value>(&["REPLICAOF", "127.0.0.1", &other.port.to_string()]).unwrap();
        // The connection is good, and is left all the same.
        until_refused(&link, "READONLY").await;
        assert!(matches!(set(&link, "a", "2").await, Err(LinkError::Open { .. })));
        until("the mirror leaves it alone", || {
            fleet.metrics.render().contains("hansom_mirror_open 1\n")
        });
        fleet.live(DRIVERS, 1_000);
        server.ask::<Value>(&["REPLICAOF", "NO", "ONE"]).unwrap();
        until_written(&link, "a").await;
        assert!(link.generation() > 1, "{}: it was looked for anew", binary.name);
        fleet.settled(&patient_link(&server.url())).await;
    }
}

#[tokio::test]
async fn read_only_makes_the_sentinels_be_asked_for_the_new_primary() {
    for binary in binaries() {
        let watched = Watched::start(&binary);
        let link = link(&watched.address());
        set(&link, "a", "1").await.unwrap();
        // By hand, as the sentinels' own way also cuts all connections.
        let [old, new] = &watched.servers;
        for sentinel in &watched.sentinels {
            sentinel.ask::<Value>(&["SENTINEL", "REMOVE", NAME]).unwrap();
        }
        new.ask::<Value>(&["REPLICAOF", "NO", "ONE"]).unwrap();
        old.ask::<Value>(&["REPLICAOF", "127.0.0.1", &new.port.to_string()]).unwrap();
        for sentinel in &watched.sentinels {
            let port = new.port.to_string();
            sentinel.ask::<Value>(&["SENTINEL", "MONITOR", NAME, "127.0.0.1", &port, "2"]).unwrap();
        }
        assert_eq!(link.generation(), 1);
        let error = set(&link, "b", "1").await.unwrap_err();
        assert!(error.has_code("READONLY"), "{}: {error}", binary.name);
        until_written(&link, "c").await;
        assert_eq!(link.generation(), 2);
        let there: Option<String> = new.ask(&["GET", "c"]).unwrap();
        assert_eq!(there.as_deref(), Some("1"), "{}: in the new one", binary.name);
    }
}

#[tokio::test]
async fn a_cluster_that_is_down_is_left_alone_until_it_is_not() {
    for binary in binaries() {
        let cluster = Cluster::start(&binary);
        let link = link(&cluster.address());
        let mut fleet = Fleet::mirrored(72, &cluster.address());
        fleet.live(DRIVERS, 1_000);
        fleet.settled(&patient_link(&cluster.address())).await;
        set(&link, "a", "1").await.unwrap();
        let region = fleet.expected().first_key_value().map(|((region, _), _)| *region).unwrap();
        let key = RegionKeys::of(region).meta;
        let owner = &cluster.servers[cluster.owner_of(&key)];
        let slot = owner.text_of_number(&["CLUSTER", "KEYSLOT", &key]);
        // Nobody has one slot: its owner answers nothing at all.
        owner.ask::<Value>(&["CLUSTER", "DELSLOTS", &slot]).unwrap();
        let same_slot = key.replace(":meta", ":other");
        let begun = hansom::clock::stopwatch();
        loop {
            match set(&link, &same_slot, "1").await {
                Err(error) if error.has_code("CLUSTERDOWN") => break,
                told => assert!(begun.elapsed() < super::process::PATIENCE, "{told:?}"),
            }
            tokio::task::yield_now().await;
        }
        assert!(link.is_open());
        fleet.live(DRIVERS, 1_000);
        until("the mirror leaves it alone", || {
            fleet.metrics.render().contains("hansom_mirror_open 1\n")
        });
        owner.ask::<Value>(&["CLUSTER", "ADDSLOTS", &slot]).unwrap();
        until_written(&link, &same_slot).await;
        fleet.settled(&patient_link(&cluster.address())).await;
    }
}

#[tokio::test]
async fn a_region_that_moves_to_another_node_is_followed() {
    for binary in binaries() {
        let cluster = Cluster::start(&binary);
        let mut fleet = Fleet::mirrored(73, &cluster.address());
        let link = patient_link(&cluster.address());
        fleet.live(DRIVERS, 2_000);
        fleet.settled(&link).await;
        // The region in which most drivers are.
        let mut sizes = std::collections::BTreeMap::<u64, usize>::new();
        fleet.expected().into_keys().for_each(|(region, _)| *sizes.entry(region).or_default() += 1);
        let (&region, &size) = sizes.iter().max_by_key(|&(_, size)| size).unwrap();
        assert!(size > 20, "{size} drivers");
        let keys = RegionKeys::of(region);
        let to = (cluster.owner_of(&keys.meta) + 1) % 3;
        cluster.move_slot(&keys.meta, to);
        fleet.live(DRIVERS, 2_000);
        fleet.settled(&link).await;
        assert_eq!(cluster.owner_of(&keys.meta), to, "{}", binary.name);
        let there: u64 = cluster.servers[to].ask(&["HLEN", &keys.meta]).unwrap();
        let held = contents(&link).await.unwrap();
        let expected = held.keys().filter(|(at, _)| *at == region).count() as u64;
        assert_eq!(there, expected, "{}: it is written there", binary.name);
    }
}
