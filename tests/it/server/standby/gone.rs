//! A Redis that is gone for everybody, for longer than any lease: trips go on, and it catches up. And for one
//! process alone: it goes on only as long as nobody else can begin.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hansom::clock::stopwatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::kills::{World, begin, caught_up, compare_with_redis, judge};
use super::outages::{OVER, pass};
use super::{Pair, active, is_active, knows, metric, start};
use crate::server::support::{PATIENCE, eventually};
use crate::server::town::{Town, reason};

/// How the processes of these tests are started.
pub(super) const SETTINGS: [&str; 4] = ["--back-to-back", "0s", "--offer-timeout", "10s"];

/// What a load has led to so far: trips asked for, and trips completed.
fn done(world: &World) -> (usize, usize) {
    let told = world.told.lock().unwrap();
    (told.requests.len(), told.completed())
}

/// Ends a load, and looks whether all is well: what clients were told, and what Redis has.
async fn end(pair: &Pair, world: &World, clients: JoinSet<()>, town: &Town) -> usize {
    world.over.store(true, Ordering::Release);
    tokio::time::timeout(PATIENCE, clients.join_all()).await.expect("a client hangs");
    let compared = compare_with_redis(&pair.redis, town).await;
    let told = world.told.lock().unwrap();
    judge(&told);
    assert_eq!(compared, told.trips.len(), "each trip is in Redis");
    compared
}

/// Runs the load, and Redis is gone for longer than two leases in the middle of it.
async fn gone(pair: &mut Pair, towns: &[&Town], go: fn(&mut Pair), come: fn(&mut Pair)) {
    let one = towns[0];
    let (world, clients) = begin([&one.channel, &towns[towns.len() - 1].channel]);
    eventually("trips are completed", || async { done(&world).1 > 20 }).await;
    let token = metric(one, "hansom_lease_token").await;
    let (before, begun) = (done(&world), stopwatch());
    go(pair);
    while begun.elapsed() < 2 * OVER {
        assert!(is_active(one).await, "it runs the market after {:?}", begun.elapsed());
        for other in &towns[1..] {
            assert!(!is_active(other).await, "and nobody else");
        }
        pass(Duration::from_millis(50)).await;
    }
    let after = done(&world);
    println!("without Redis for {:?}: {before:?} -> {after:?}", begun.elapsed());
    assert!(after.0 > before.0 + 50 && after.1 > before.1 + 50, "{before:?} -> {after:?}");
    assert!(metric(one, "hansom_trips_backlog_events").await > 100.0);
    come(pair);
    caught_up(&pair.redis, one).await;
    let now = metric(one, "hansom_lease_token").await;
    assert!((now - token).abs() < 0.5, "it is the same lease");
    let trips = end(pair, &world, clients, one).await;
    println!("{trips} trips are as they are in Redis");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trips_go_on_while_redis_stands_still_and_a_standby_holds_back() {
    let Some(mut pair) = Pair::new() else { return };
    let one = pair.start(0, &SETTINGS).await;
    active(&one).await;
    let two = pair.start(1, &SETTINGS).await;
    knows(&two, &one).await;
    // Until a renewal has told of it.
    pass(OVER / 2).await;
    gone(&mut pair, &[&one, &two], |pair| pair.redis.pause(), |pair| pair.redis.resume()).await;
    assert!(metric(&two, "hansom_lease_takeovers_total").await < 0.5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trips_go_on_while_redis_is_dead_and_an_empty_one_gets_all_of_them() {
    let Some(mut pair) = Pair::new() else { return };
    let one = pair.start(0, &SETTINGS).await;
    active(&one).await;
    // Nobody else: it goes on alone.
    gone(&mut pair, &[&one], |pair| pair.redis.kill(), |pair| pair.redis.restart()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_cannot_be_asked_ends_it_with_the_lease() {
    let Some(pair) = Pair::new() else { return };
    let one = pair.start(0, &[]).await;
    active(&one).await;
    let two = pair.start(1, &[]).await;
    knows(&two, &one).await;
    pass(OVER / 2).await;
    let trip = one.request("ada", "a").await.unwrap();
    caught_up(&pair.redis, &one).await;
    two.served.signal("-STOP");
    pair.redis.pause();
    eventually("it stops", || async {
        one.request("bob", "b").await.is_err_and(|status| reason(&status) == "market_down")
    })
    .await;
    // It may have been another's since: only Redis knows.
    two.served.signal("-CONT");
    pass(OVER).await;
    assert!(one.request("bob", "b").await.is_err());
    pair.redis.resume();
    eventually("somebody goes on", || async {
        one.request("bob", "b").await.is_ok() || two.request("bob", "b").await.is_ok()
    })
    .await;
    let (active, standby) = if is_active(&two).await { (&two, &one) } else { (&one, &two) };
    knows(standby, active).await;
    assert_eq!(active.trip(&trip).await.rider_id, "ada");
}

/// A way to a server that can be cut and mended, and that takes its time.
pub(super) struct Wire {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    delay: watch::Sender<Duration>,
}

impl Wire {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, is_whole) = watch::channel(true);
        let (delay, delays) = watch::channel(Duration::ZERO);
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let (mut is_whole, delays) = (is_whole.clone(), delays.clone());
                tokio::spawn(async move {
                    if !*is_whole.borrow() {
                        return;
                    }
                    let far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    let (mut near_end, mut near) = near.into_split();
                    let (far, mut far_end) = far.into_split();
                    tokio::select! {
                        // Either end has gone, or the wire was cut: nobody asks which.
                        _ = copy(&mut near_end, &mut far_end) => {}
                        () = carry(far, &mut near, delays) => {}
                        _ = is_whole.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { address, whole, delay }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// How long each answer is on its way.
    pub(super) fn delay(&self, delay: Duration) {
        self.delay.send_replace(delay);
    }
}

/// Carries answers, each of them late, however many there are.
async fn carry(
    mut from: OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    delays: watch::Receiver<Duration>,
) {
    let (sender, mut letters) = mpsc::channel::<(Instant, Vec<u8>)>(1_024);
    let read = async {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count) = from.read(&mut bytes).await
            && count > 0
        {
            let due = stopwatch() + *delays.borrow();
            if sender.send((due, bytes[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let write = async {
        while let Some((due, letter)) = letters.recv().await {
            pass(due.saturating_duration_since(stopwatch())).await;
            if to.write_all(&letter).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = read => {}, () = write => {} }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reaches_redis_asks_the_holder_that_does_not_before_it_takes_over() {
    let Some(pair) = Pair::new() else { return };
    let wire = Wire::to(pair.redis.port).await;
    let one = start(pair.folders[0].path(), &wire.url(), &[]).await;
    active(&one).await;
    let first = one.request("ada", "a").await.unwrap();
    caught_up(&pair.redis, &one).await;
    wire.whole.send_replace(false);
    // Unknown to the holder, which has not heard of Redis since.
    let two = pair.start(1, &[]).await;
    let begun = stopwatch();
    while begun.elapsed() < 2 * OVER {
        assert!(is_active(&one).await && !is_active(&two).await, "after {:?}", begun.elapsed());
        pass(Duration::from_millis(50)).await;
    }
    let second = one.request("bob", "b").await.unwrap();
    wire.whole.send_replace(true);
    caught_up(&pair.redis, &one).await;
    assert_eq!(one.served.kill(), Some(9));
    active(&two).await;
    for (trip, rider) in [(first, "ada"), (second, "bob")] {
        assert_eq!(two.trip(&trip).await.rider_id, rider);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_one_hole_two_act_and_the_fence_keeps_one() {
    let Some(pair) = Pair::new() else { return };
    let wire = Wire::to(pair.redis.port).await;
    // Where nobody can ask it.
    let nowhere = ["--advertise", "127.0.0.1:1"];
    let one = start(pair.folders[0].path(), &wire.url(), &nowhere).await;
    active(&one).await;
    one.request("ada", "a").await.unwrap();
    caught_up(&pair.redis, &one).await;
    wire.whole.send_replace(false);
    let two = pair.start(1, &[]).await;
    active(&two).await;
    let lost = one.request("bob", "b").await.unwrap();
    let kept = two.request("eve", "e").await.unwrap();
    assert_eq!(lost, kept, "both act: the same number is two trips");
    wire.whole.send_replace(true);
    knows(&one, &two).await;
    assert_eq!(two.trip(&kept).await.rider_id, "eve", "nothing of the other has landed");
    let again = two.request("bob", "b").await.unwrap();
    assert_ne!(again, lost, "who asks again gets a trip");
    // What the other had acknowledged is in its folder, when it begins anew.
    caught_up(&pair.redis, &two).await;
    assert_eq!(two.served.kill(), Some(9));
    active(&one).await;
    assert_eq!(one.trip(&again).await.rider_id, "bob");
    let kept = std::fs::read_dir(pair.folders[0].path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("main.before-")
    });
    assert_eq!(kept.count(), 1);
}
