//! What no error tells of: a Redis that loses something between two looks at it, or does not take
//! something; and what is said of the copy meanwhile.

use hansom::clock::{stopwatch, wall_now};
use hansom::geo::{Degrees, LatLng};
use hansom::index::{LiveMap as _, region_of};
use hansom::mirror::{PULSE, RegionKeys};
use redis::Value;

use super::fleet::{Fleet, contents, link};
use super::process::{PATIENCE, Server, until};
use super::setups::Cluster;
use super::{binaries, binary};

const DRIVERS: u64 = 400;

#[tokio::test]
async fn one_that_was_emptied_is_noticed_though_the_pulse_is_there() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut fleet = Fleet::mirrored(51, &server.url());
    let link = link(&server.url());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link).await;
    // As when it happens between a look for the pulse and the next word of it.
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let mut emptied = redis::pipe();
    emptied.atomic().cmd("FLUSHALL").cmd("HSET").arg(PULSE).arg(&["at_ms", "1"]);
    emptied.exec(&mut connection).unwrap();
    fleet.settled(&link).await;
}

#[tokio::test]
async fn who_is_lost_by_a_region_or_a_node_is_written_again() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut fleet = Fleet::mirrored(52, &server.url());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link(&server.url())).await;
    let ((region, id), _) = fleet.expected().pop_first().unwrap();
    let keys = RegionKeys::of(region);
    for words in [["HDEL", &keys.meta, &id], ["ZREM", &keys.geo, &id]] {
        server.ask::<Value>(&words).unwrap();
    }
    fleet.settled(&link(&server.url())).await;

    let cluster = Cluster::start(&binary);
    let mut fleet = Fleet::mirrored(53, &cluster.address());
    let link = link(&cluster.address());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link).await;
    let pulse = cluster.owner_of(PULSE);
    let other = (0..3).find(|&node| node != pulse).unwrap();
    assert!(cluster.servers[other].ask::<u64>(&["DBSIZE"]).unwrap() > 2);
    cluster.servers[other].ask::<Value>(&["FLUSHALL"]).unwrap();
    fleet.settled(&link).await;
}

#[tokio::test]
async fn nobody_is_told_that_all_is_there_before_it_is() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let mut fleet = Fleet::mirrored(54, &server.url());
    let link = link(&server.url());
    fleet.live(DRIVERS, 2_000);
    fleet.settled(&link).await;
    server.ask::<Value>(&["FLUSHALL"]).unwrap();
    until("it is said how far the copy has come", || {
        server.ask::<u64>(&["HEXISTS", PULSE, "complete_ms"]).unwrap() == 1
    });
    assert_eq!(contents(&link).await.unwrap().len(), fleet.expected().len());
}

#[tokio::test]
async fn what_a_region_does_not_take_is_written_when_it_does() {
    let Some(binary) = binary() else { return };
    let server = Server::start(&binary, &[]);
    let fleet = Fleet::mirrored(55, &server.url());
    let paris = LatLng::try_from(Degrees { lat: 48.85, lng: 2.35 }).unwrap();
    let rome = LatLng::try_from(Degrees { lat: 41.9, lng: 12.5 }).unwrap();
    let keys = RegionKeys::of(region_of(paris));
    server.ask::<Value>(&["SET", &keys.meta, "what somebody else has put there"]).unwrap();
    fleet.report(&"cab-1".parse().unwrap(), paris, wall_now());
    fleet.report(&"cab-2".parse().unwrap(), rome, wall_now());
    let link = link(&server.url());
    let told = |what: &str| fleet.metrics.render().contains(what);
    until("the others are written", || told("hansom_mirror_written_total 1\n"));
    until("it is noticed", || !told("hansom_mirror_failures_total 0\n"));
    assert!(told("hansom_mirror_backlog 1\n") || told("hansom_mirror_backlog 2\n"), "it waits");
    server.ask::<Value>(&["DEL", &keys.meta]).unwrap();
    // Nobody has moved.
    let begun = stopwatch();
    fleet.settled(&link).await;
    assert!(begun.elapsed() < PATIENCE / 3, "{:?}", begun.elapsed());
    until("nothing waits", || told("hansom_mirror_backlog 0\n"));
}

#[tokio::test]
async fn what_somebody_else_put_under_a_key_stops_neither_a_start_nor_a_comparison() {
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let at = |lat, lng| LatLng::try_from(Degrees { lat, lng }).unwrap();
        let (paris, rome) = (at(48.85, 2.35), at(41.9, 12.5));
        let [in_paris, in_rome] = [paris, rome].map(|at| RegionKeys::of(region_of(at)));
        let link = link(&server.url());
        let mut first = Fleet::mirrored(56, &server.url());
        first.report(&"cab-1".parse().unwrap(), paris, wall_now());
        first.report(&"cab-2".parse().unwrap(), rome, wall_now());
        first.settled(&link).await;
        first.abandon();
        let foreign = |key: &str| {
            server.ask::<Value>(&["DEL", key]).unwrap();
            server.ask::<Value>(&["SET", key, "what somebody else has put there"]).unwrap();
        };
        foreign(&in_paris.meta);

        // A start.
        let second = Fleet::mirrored(57, &server.url());
        second.warmed().await;
        let found = ["cab-1", "cab-2"].map(|id| second.map.find(&id.parse().unwrap()).is_some());
        assert_eq!(found, [false, true], "{}: who can be read is on the map", binary.name);
        let exists = |id: &str| server.ask::<u64>(&["HEXISTS", &in_rome.meta, id]).unwrap() == 1;
        second.report(&"cab-3".parse().unwrap(), rome, wall_now());
        until("the others are written", || exists("cab-3"));

        // A comparison.
        let line: String = server.ask(&["HGET", &in_rome.meta, "cab-3"]).unwrap();
        let complete = || server.ask::<i64>(&["HGET", PULSE, "complete_ms"]).unwrap_or(0);
        until("it is said that all is there", || complete() > 0);
        server.ask::<Value>(&["HSET", &in_rome.meta, "stranger", &line]).unwrap();
        server.ask::<Value>(&["CLIENT", "KILL", "TYPE", "normal"]).ok();
        until("who is not known is removed", || !exists("stranger"));
        let before = complete();
        until("it goes on being said", || complete() > before);

        // What is compared again is made right again, though nobody has moved.
        server.ask::<Value>(&["DEL", &in_paris.meta]).unwrap();
        second.report(&"cab-1".parse().unwrap(), paris, wall_now());
        second.settled(&link).await;
        foreign(&in_rome.geo);
        server.ask::<Value>(&["CLIENT", "KILL", "TYPE", "normal"]).ok();
        let before = complete();
        until("the others are compared", || complete() > before);
        server.ask::<Value>(&["DEL", &in_rome.geo]).unwrap();
        second.settled(&link).await;
    }
}

/// How many scripts that only read were run.
fn read_by_scripts(server: &Server) -> u64 {
    let told = server.text(&["INFO", "commandstats"]);
    let calls = |line: &str| {
        let (_, rest) = line.split_once("calls=")?;
        rest.split(',').next()?.parse::<u64>().ok()
    };
    let ours = |line: &&str| line.starts_with("cmdstat_evalsha_ro:");
    told.lines().filter(ours).filter_map(calls).sum()
}

#[tokio::test]
async fn a_dense_region_is_compared_piece_by_piece() {
    const DENSE: u64 = 20_000;
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let fleet = Fleet::mirrored(58, &server.url());
        let paris = LatLng::try_from(Degrees { lat: 48.85, lng: 2.35 }).unwrap();
        for i in 0..DENSE {
            fleet.report(&format!("cab-{i}").parse().unwrap(), paris, wall_now());
        }
        let link = link(&server.url());
        fleet.settled(&link).await;
        let differences = || {
            let told = fleet.metrics.render();
            let told =
                told.lines().find(|line| line.starts_with("hansom_mirror_differences_total "));
            told.map(str::to_owned)
        };
        until("all is said to be there", || {
            server.ask::<u64>(&["HEXISTS", PULSE, "complete_ms"]).unwrap() == 1
        });
        let (before, differed) = (read_by_scripts(&server), differences());
        server.ask::<Value>(&["CLIENT", "KILL", "TYPE", "normal"]).ok();
        let pieces = || read_by_scripts(&server) - before;
        until("it is compared in pieces", || pieces() >= DENSE / 2_048);
        // In as many as there are, and nothing was found to differ, which would be read.
        until("nothing is compared any more", || {
            let before = read_by_scripts(&server);
            std::thread::park_timeout(std::time::Duration::from_millis(300));
            read_by_scripts(&server) == before
        });
        assert!(pieces() <= DENSE / 2_048 + 3, "{}: {} pieces", binary.name, pieces());
        assert_eq!(differences(), differed, "{}", binary.name);
        // The sum of the pieces is awake.
        let keys = RegionKeys::of(region_of(paris));
        server.ask::<Value>(&["HSET", &keys.meta, "cab-19999", "0,0,1,1,1,4,500,0,,,"]).unwrap();
        server.ask::<Value>(&["CLIENT", "KILL", "TYPE", "normal"]).ok();
        fleet.settled(&link).await;
    }
}
