//! Processes that sleep, a Redis that does not answer, one that has forgotten everything, and one
//! that loses its primary.

use std::time::Duration;

use hansom::api::proto::{DriverStatus, GetDriverRequest, PositionReport, ReportRequest};
use tonic::Code;

use super::{LEASE_MS, Pair, active, is_active, knows, metric, start};
use crate::redis::setups::{Cluster, Watched};
use crate::server::support::{eventually, now_ms, report, soon};
use crate::server::town::{Town, reason, request};

/// Lets time pass, where nothing tells that it has.
pub(super) async fn pass(time: Duration) {
    drop(tokio::time::timeout(time, std::future::pending::<()>()).await);
}

/// Longer than a lease lasts.
pub(super) const OVER: Duration = Duration::from_millis(LEASE_MS + 500);

/// Waits until Redis has all that a process has committed.
pub(super) async fn shipped(town: &Town) {
    eventually("all is shipped", || async {
        metric(town, "hansom_trips_backlog_events").await == 0.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_slept_through_the_end_of_its_lease_writes_nothing_over_its_successor() {
    let Some(pair) = Pair::new() else { return };
    let one = pair.start(0, &[]).await;
    active(&one).await;
    let first = one.request("ada", "a").await.unwrap();
    shipped(&one).await;
    let two = pair.start(1, &[]).await;
    knows(&two, &one).await;
    one.served.signal("-STOP");
    // Asked while it sleeps, so that it finds the command when it wakes.
    let mut late = one.riders();
    let late = tokio::spawn(async move { late.request_trip(request("late", "l")).await });
    active(&two).await;
    let second = two.request("bob", "b").await.unwrap();
    one.served.signal("-CONT");
    let refused = soon(late).await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    knows(&one, &two).await;
    assert_eq!(two.trip(&second).await.rider_id, "bob");
    assert_eq!(two.trip(&first).await.rider_id, "ada");
    assert_eq!(two.request("late", "l").await.unwrap(), "main-3", "nothing of it has landed");
    let token = metric(&two, "hansom_lease_token").await;
    let fence: String = pair.redis.text(&["HGET", "hansom:1:{m:main}:fence", "token"]);
    assert_eq!(token.to_string(), fence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_standby_the_market_goes_on_while_redis_is_gone_and_redis_catches_up() {
    let Some(mut pair) = Pair::new() else { return };
    let one = pair.start(0, &["--market-lease", "none"]).await;
    active(&one).await;
    one.request("ada", "a").await.unwrap();
    shipped(&one).await;
    pair.redis.kill();
    for number in 0..50 {
        one.request(&format!("rider-{number}"), "k").await.unwrap();
    }
    pass(OVER).await;
    one.request("bob", "b").await.unwrap();
    assert!(metric(&one, "hansom_trips_backlog_events").await >= 51.0);
    pair.redis.restart();
    shipped(&one).await;
    let open: i64 = pair.redis.ask(&["HLEN", "hansom:1:{m:main}:open"]).unwrap();
    assert_eq!(open, 52);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_active_process_writes_where_drivers_are_and_its_successor_knows_them() {
    let Some(pair) = Pair::new() else { return };
    let one = pair.start(0, &[]).await;
    active(&one).await;
    let two = pair.start(1, &[]).await;
    knows(&two, &one).await;
    for (town, driver_id) in [(&two, "cab-2"), (&one, "cab-1")] {
        let status = DriverStatus::Available.into();
        let report = Some(PositionReport { status, ..report(37.5, -122.25, now_ms()) });
        let asked = ReportRequest { driver_id: driver_id.to_owned(), report, profile: None };
        soon(town.drivers().report(asked)).await.unwrap();
    }
    let known = || -> Vec<String> {
        let metas: Vec<String> = pair.redis.ask(&["KEYS", "hansom:1:{r:*}:meta"]).unwrap();
        metas
            .iter()
            .flat_map(|key| pair.redis.ask::<Vec<String>>(&["HKEYS", key]).unwrap())
            .collect()
    };
    eventually("the active process writes", || async { !known().is_empty() }).await;
    assert_eq!(known(), ["cab-1"]);
    assert_eq!(one.served.kill(), Some(9));
    eventually("its successor knows both", || async { known().len() == 2 }).await;
    let asked = GetDriverRequest { driver_id: "cab-1".to_owned() };
    soon(two.drivers().get_driver(asked)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_flushed_gets_everything_again() {
    let Some(pair) = Pair::new() else { return };
    let one = pair.start(0, &[]).await;
    active(&one).await;
    let two = pair.start(1, &[]).await;
    knows(&two, &one).await;
    let trip = one.request("ada", "a").await.unwrap();
    shipped(&one).await;
    let token = metric(&one, "hansom_lease_token").await;
    pair.redis.ask::<String>(&["FLUSHALL"]).unwrap();
    eventually("the copy is back", || async {
        pair.redis.ask::<i64>(&["HLEN", "hansom:1:{m:main}:open"]).unwrap() == 1
    })
    .await;
    one.request("bob", "b").await.unwrap();
    assert!((metric(&one, "hansom_lease_token").await - token).abs() < 0.5, "it is the same lease");
    shipped(&one).await;
    assert_eq!(one.served.kill(), Some(9));
    active(&two).await;
    assert_eq!(two.trip(&trip).await.rider_id, "ada");
    assert_eq!(two.request("bob", "b").await.unwrap(), "main-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_as_it_was_before_the_lease_gets_everything_again() {
    for lease in ["none", "6s"] {
        let Some(mut pair) = Pair::new() else { return };
        let more = ["--market-lease", lease];
        let one = pair.start(0, &more).await;
        active(&one).await;
        one.request("ada", "a").await.unwrap();
        shipped(&one).await;
        pair.redis.text(&["SAVE"]);
        assert_eq!(one.served.kill(), Some(9));
        // Its lease is in the file, and has no end if it is `none`.
        let two = pair.start(1, &more).await;
        active(&two).await;
        let token = metric(&two, "hansom_lease_token").await;
        for round in 0..3 {
            pair.redis.kill();
            pair.redis.restart();
            let older: f64 =
                pair.redis.text(&["HGET", "hansom:1:{m:main}:fence", "token"]).parse().unwrap();
            assert!(older < token, "{older} {token}");
            // Whoever ships asks first as often as whoever renews.
            let asked = || async { two.request(&format!("rider-{round}"), "k").await.is_ok() };
            eventually("the market goes on", asked).await;
            eventually("the copy is back", || async {
                let open = pair.redis.ask::<i64>(&["HLEN", "hansom:1:{m:main}:open"]);
                open.is_ok_and(|open| open == 2 + round)
            })
            .await;
            assert!((metric(&two, "hansom_lease_token").await - token).abs() < 0.5, "{lease}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_no_replica_confirms_is_not_acknowledged_and_done_once() {
    let Some(binary) = crate::redis::binary() else { return };
    let watched = Watched::start(&binary);
    let folder = tempfile::tempdir().unwrap();
    let more = ["--ack", "replica", "--market-lease", "5s"];
    let one = start(folder.path(), &watched.address(), &more).await;
    active(&one).await;
    let trip = one.request("ada", "a").await.unwrap();
    let replica = &watched.servers[1];
    let there: i64 = replica.ask(&["HLEN", "hansom:1:{m:main}:open"]).unwrap();
    assert_eq!(there, 1, "acknowledged: the replica has it");
    // For less than it takes the primary to give it up.
    replica.pause();
    let refused = one.request("bob", "b").await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::Unavailable, "market_down"));
    replica.resume();
    eventually("it is confirmed", || async { one.request("bob", "b").await.is_ok() }).await;
    let made = one.request("bob", "b").await.unwrap();
    assert_eq!(made, "main-2", "what was not acknowledged was done, once");
    assert_eq!(one.trip(&trip).await.rider_id, "ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_it_is_the_same() {
    let Some(binary) = crate::redis::binary() else { return };
    let cluster = Cluster::start(&binary);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let more = ["--ack", "redis"];
    let one = start(folders[0].path(), &cluster.address(), &more).await;
    active(&one).await;
    let two = start(folders[1].path(), &cluster.address(), &more).await;
    knows(&two, &one).await;
    let trip = one.request("ada", "a").await.unwrap();
    assert_eq!(one.served.kill(), Some(9));
    active(&two).await;
    assert_eq!(two.trip(&trip).await.rider_id, "ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_process_that_is_alone_starts_with_its_own_journal() {
    let Some(mut pair) = Pair::new() else { return };
    let alone = ["--market-lease", "none"];
    let one = pair.start(0, &alone).await;
    active(&one).await;
    let trip = one.request("ada", "a").await.unwrap();
    shipped(&one).await;
    pair.redis.kill();
    assert_eq!(one.served.kill(), Some(9));
    let one = pair.start(0, &alone).await;
    active(&one).await;
    assert_eq!(one.trip(&trip).await.rider_id, "ada");
    one.request("bob", "b").await.unwrap();
    // One that has nothing waits for what Redis has.
    let two = pair.start(1, &alone).await;
    assert!(!is_active(&two).await);
    drop(two);
    pair.redis.restart();
    shipped(&one).await;
    let open: i64 = pair.redis.ask(&["HLEN", "hansom:1:{m:main}:open"]).unwrap();
    assert_eq!(open, 2);
    // Whoever is started later takes the market, for good.
    let two = pair.start(1, &alone).await;
    active(&two).await;
    knows(&one, &two).await;
    assert_eq!(two.trip(&trip).await.rider_id, "ada");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_that_loses_writes_loses_no_trip() {
    let Some(binary) = crate::redis::binary() else { return };
    let watched = Watched::start(&binary);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let more = ["--market-lease", "10s"];
    let one = start(folders[0].path(), &watched.address(), &more).await;
    active(&one).await;
    let mut made = Vec::new();
    for number in 0..200 {
        if number == 100 {
            watched.fail_over();
        }
        let rider = format!("rider-{number}");
        made.push((rider.clone(), one.request(&rider, "k").await.unwrap()));
    }
    shipped(&one).await;
    let now = watched.primary_port();
    let primary = watched.servers.iter().find(|server| server.port == now).unwrap();
    eventually("the new primary has all trips", || async {
        primary.ask::<i64>(&["HLEN", "hansom:1:{m:main}:open"]).unwrap() == 200
    })
    .await;
    assert_eq!(one.served.kill(), Some(9));
    let two = start(folders[1].path(), &watched.address(), &more).await;
    active(&two).await;
    for (rider, trip) in made {
        assert_eq!(two.trip(&trip).await.rider_id, rider);
    }
}
