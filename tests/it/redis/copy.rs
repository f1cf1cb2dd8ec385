//! What is on the map is in Redis: while all is well, and again after anything that can happen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hansom::clock::{stopwatch, wall_now};
use hansom::geo::{Degrees, LatLng};
use hansom::ids::DriverId;
use hansom::index::LiveMap;
use hansom::mirror::{RegionKeys, geo_score};
use hansom::units::Timestamp;
use redis::Value;

use super::fleet::{Contents, Dice, Fleet, contents, link, somewhere};
use super::process::{Server, until};
use super::setups::{Cluster, Watched};
use super::{binaries, binary};

const DRIVERS: u64 = 400;

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::try_from(Degrees { lat, lng }).unwrap()
}

/// How many drivers are beyond what a geo set holds.
fn beyond(contents: &Contents) -> usize {
    let polar =
        |line: &&String| line.split(',').next().unwrap().parse::<i32>().unwrap() > 850_511_287;
    contents.values().filter(polar).count()
}

#[tokio::test]
async fn one_server_holds_what_the_map_holds() {
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let mut fleet = Fleet::mirrored(1, &server.url());
        let link = link(&server.url());
        for _ in 0..5 {
            fleet.live(DRIVERS, 2_000);
            fleet.settled(&link).await;
        }
        let held = contents(&link).await.unwrap();
        let regions: BTreeSet<u64> = held.keys().map(|(region, _)| *region).collect();
        assert!(held.len() > 200 && regions.len() > 10, "{} in {}", held.len(), regions.len());
        assert!(beyond(&held) > 10, "{} near the pole", beyond(&held));
        until("nothing waits", || fleet.metrics.render().contains("hansom_mirror_backlog 0\n"));
        fleet.abandon();
        // The comparison sees one entry that is wrong, missing or too many.
        let ((region, id), _) = held.first_key_value().unwrap();
        let keys = RegionKeys::of(*region);
        for words in [["HDEL", &keys.meta, id], ["ZREM", &keys.geo, id]] {
            server.ask::<Value>(&words).unwrap();
        }
        let tampered = contents(&link).await.unwrap();
        assert_eq!(held.len(), tampered.len() + 1, "{}: what differs is noticed", binary.name);
    }
}

#[tokio::test]
async fn the_keys_are_of_use_by_hand() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let fleet = Fleet::mirrored(2, &server.url());
    let id: DriverId = "cab-7".parse().unwrap();
    fleet.report(&id, at(37.7955, -122.3937), Timestamp::from_millis(wall_now().as_millis() - 5));
    let region = fleet.map.occupant(wall_now(), 0).unwrap().region.unwrap();
    let keys = RegionKeys::of(region);
    assert_eq!(keys.geo, "hansom:1:{r:8428309ffffffff}:geo", "as docs/redis-keys.md has it");
    let search =
        ["GEOSEARCH", &keys.geo, "FROMLONLAT", "-122.4", "37.79", "BYRADIUS", "2", "km", "ASC"];
    until("it is found", || server.ask::<Vec<String>>(&search).unwrap() == ["cab-7"]);
    let line: String = server.ask(&["HGET", &keys.meta, "cab-7"]).unwrap();
    assert!(line.starts_with("377955000,-1223937000,"), "{line}");
}

#[test]
fn scores_are_those_that_redis_computes() {
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let mut dice = Dice(5);
        let places: Vec<LatLng> = (0..2_000)
            .map(|i| match i {
                0 => at(85.051_128_7, 180.0),
                1 => at(-85.051_128_7, -180.0),
                2..1_000 => somewhere(&mut dice),
                _ => at(dice.part() * 170.0 - 85.0, dice.part() * 360.0 - 180.0),
            })
            .collect();
        let places: Vec<(LatLng, u64)> =
            places.into_iter().filter_map(|place| Some((place, geo_score(place)?))).collect();
        let mut words = vec!["GEOADD".to_owned(), "g".to_owned()];
        for (i, (place, _)) in places.iter().enumerate() {
            let Degrees { lat, lng } = place.degrees();
            words.extend([lng.to_string(), lat.to_string(), i.to_string()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        server.ask::<Value>(&words).unwrap();
        let said: BTreeMap<usize, u64> =
            server.ask(&["ZRANGE", "g", "0", "-1", "WITHSCORES"]).unwrap();
        let ours: BTreeMap<usize, u64> =
            places.iter().enumerate().map(|(i, (_, score))| (i, *score)).collect();
        assert!(ours.len() > 1_500, "{} places", ours.len());
        assert_eq!(said, ours, "{}", binary.name);
        // The oracle is awake: a cell further is another score.
        let (place, score) = places[500];
        let beside =
            LatLng::try_from(Degrees { lng: place.degrees().lng + 1e-5, ..place.degrees() });
        assert_ne!(geo_score(beside.unwrap()), Some(score));
    }
}

#[tokio::test]
async fn a_primary_that_changes_places_holds_it_again() {
    let Some(binary) = binary() else { return };
    let mut watched = Watched::start(&binary);
    let mut fleet = Fleet::mirrored(3, &watched.address());
    let link = link(&watched.address());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link).await;
    watched.fail_over();
    fleet.live(DRIVERS, 1_000);
    fleet.settled(&link).await;
    let old = &watched.servers[0];
    until("the old primary follows", || {
        old.ask::<String>(&["INFO", "replication"])
            .is_ok_and(|i| i.contains("master_link_status:up"))
    });
    watched.servers[1].kill();
    fleet.live(DRIVERS, 1_000);
    fleet.settled(&link).await;
    assert_eq!(watched.primary_port(), watched.servers[0].port);
}

#[tokio::test]
async fn a_cluster_holds_it_and_holds_it_again_without_a_node() {
    let Some(binary) = binary() else { return };
    let mut cluster = Cluster::start(&binary);
    let mut fleet = Fleet::mirrored(4, &cluster.address());
    let link = link(&cluster.address());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link).await;
    let sizes: Vec<u64> =
        cluster.servers[..3].iter().map(|s| s.ask(&["DBSIZE"]).unwrap()).collect();
    assert!(sizes.iter().all(|&size| size > 0), "each node has its part: {sizes:?}");
    cluster.servers[0].kill();
    fleet.live(DRIVERS, 1_000);
    fleet.settled(&link).await;
}

#[tokio::test]
async fn after_an_outage_it_is_equal_removals_included() {
    let Some(binary) = binary() else { return };
    let mut server = Server::start(&binary, &[]);
    let mut fleet = Fleet::mirrored(5, &server.url());
    let link = link(&server.url());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link).await;
    // One that answers no more, and then again.
    server.pause();
    let begun = stopwatch();
    fleet.live(DRIVERS, 20_000);
    let took = begun.elapsed();
    for i in 0..20 {
        let id: DriverId = format!("driver-{i}").parse().unwrap();
        if let Some(key) = fleet.map.find(&id) {
            fleet.map.forget(key);
        }
    }
    assert!(took < Duration::from_secs(5), "nobody waits for redis: {took:?}");
    until("the mirror leaves it alone", || {
        fleet.metrics.render().contains("hansom_mirror_open 1\n")
    });
    server.resume();
    fleet.settled(&link).await;
    // One that was emptied while nobody looked.
    server.ask::<Value>(&["FLUSHALL"]).unwrap();
    fleet.settled(&link).await;
    // One that comes back empty.
    server.kill();
    fleet.live(DRIVERS, 1_000);
    server.restart();
    fleet.settled(&link).await;
    // One that comes back with more than it should have.
    let stray =
        fleet.expected().first_key_value().map(|((region, _), line)| (*region, line.clone()));
    let (region, line) = stray.unwrap();
    let keys = RegionKeys::of(region);
    server.ask::<Value>(&["HSET", &keys.meta, "stranger", &line]).unwrap();
    server.ask::<Value>(&["CLIENT", "KILL", "TYPE", "normal"]).ok();
    fleet.live(DRIVERS, 10);
    fleet.settled(&link).await;
}

#[tokio::test]
async fn a_full_redis_is_spared_and_served_when_it_has_room() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut fleet = Fleet::mirrored(6, &server.url());
    let link = link(&server.url());
    fleet.live(DRIVERS, 500);
    fleet.settled(&link).await;
    server.ask::<Value>(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    fleet.live(DRIVERS, 500);
    until("the mirror leaves it alone", || {
        fleet.metrics.render().contains("hansom_mirror_open 1\n")
    });
    server.ask::<Value>(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    fleet.settled(&link).await;
}

#[tokio::test]
async fn another_map_starts_from_it() {
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let link = link(&server.url());
        let mut first = Fleet::mirrored(7, &server.url());
        first.live(DRIVERS, 3_000);
        let (old, moved): (DriverId, DriverId) = ("old".parse().unwrap(), "moved".parse().unwrap());
        let ago = |ms: i64| Timestamp::from_millis(wall_now().as_millis() - ms);
        first.report(&old, at(37.7, -122.4), ago(29 * 60_000));
        first.report(&moved, at(37.7, -122.4), ago(5_000));
        first.settled(&link).await;
        let before = first.expected();
        first.abandon();

        // An entry of somebody who has been silent for too long, as a crash may leave it.
        let region =
            first.map.occupant(wall_now(), first.map.slot_of(first.map.find(&old).unwrap()));
        let keys = RegionKeys::of(region.unwrap().region.unwrap());
        let long_ago = ago(31 * 60_000).as_millis();
        let ghost = format!("377000000,-1224000000,{long_ago},1,1,4,500,0,,,");
        server.ask::<Value>(&["HSET", &keys.meta, "ghost", &ghost]).unwrap();
        server.ask::<Value>(&["GEOADD", &keys.geo, "-122.4", "37.7", "ghost"]).unwrap();

        let mut second = Fleet::new(8);
        // Somebody has reported to the new server before it could learn from the old.
        assert!(second.report(&moved, at(37.8, -122.4), wall_now()));
        second.mirror(&server.url());
        second.warmed().await;
        let after = second.expected();
        let differ: Vec<_> =
            after.iter().filter(|(key, line)| before.get(key) != Some(line)).collect();
        assert_eq!(differ.len(), 1, "only who has moved: {differ:?}");
        assert_eq!(after.len(), before.len());
        assert!(second.map.find(&"ghost".parse().unwrap()).is_none(), "nobody is raised");
        second.settled(&link).await;
        let held = contents(&link).await.unwrap();
        assert!(held.keys().all(|(_, id)| id != "ghost"), "{}", binary.name);
        assert!(after.len() > 200, "{} drivers", after.len());
    }
}

#[tokio::test]
async fn of_two_that_write_the_newer_report_stays() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let link = link(&server.url());
    // Its comparison is over before anybody else writes: it would remove whom it does not know.
    let other = Fleet::mirrored(10, &server.url());
    other.warmed().await;
    until("it says that all is there", || {
        server.ask::<u64>(&["EXISTS", "hansom:1:pulse"]).unwrap() == 1
    });
    let one = Fleet::mirrored(9, &server.url());
    one.warmed().await;
    let id: DriverId = "both".parse().unwrap();
    let now = wall_now().as_millis();
    let (newer, older) = (Timestamp::from_millis(now), Timestamp::from_millis(now - 1_000));
    one.report(&id, at(37.70, -122.40), newer);
    one.settled(&link).await;
    other.report(&id, at(37.71, -122.41), older);
    until("the other has tried", || {
        other.metrics.render().contains("hansom_mirror_late_total 1\n")
    });
    assert_eq!(contents(&link).await.unwrap(), one.expected());
    // Nor does it take away what is newer than what it knows.
    other.map.forget(other.map.find(&id).unwrap());
    let third: DriverId = "third".parse().unwrap();
    other.report(&third, at(37.72, -122.40), newer);
    until("the other has written what came after", || {
        server.ask::<u64>(&["EXISTS", "hansom:1:{r:8428309ffffffff}:geo"]).unwrap() == 1
            && other.metrics.render().contains("hansom_mirror_backlog 0\n")
    });
    let held = contents(&link).await.unwrap();
    assert!(held.keys().any(|(_, id)| id == "both"), "{held:?}");
}
