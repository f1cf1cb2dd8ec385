//! A second reader's findings: each of these fails as long as the finding stands.

use super::*;
use crate::dispatch::{Asked, Head, Outcome, Seq as EventSeq};
use crate::journal::{Batch as Commit, Event as Row, Ordinal, Seq, StreamId};
use crate::records;

/// F5: the newest wish wins, whoever is heard of first.
#[test]
fn an_app_that_connects_after_a_gateway_has_attended_is_told() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let line = rig.handle().open_fleet().wait().unwrap();
    // The market's thread is at something else.
    let (begun, has_begun) = std::sync::mpsc::sync_channel::<()>(1);
    let (go_on, goes_on) = std::sync::mpsc::sync_channel::<()>(1);
    let held = rig.handle().look(move |_| {
        begun.send(()).unwrap();
        goes_on.recv().unwrap();
    });
    has_begun.recv().unwrap();
    rig.handle().attend_fleet(&line, vec![d("cab-1")]).unwrap();
    let app = rig.handle().attend(d("cab-1"), rig.handle().claim());
    go_on.send(()).unwrap();
    held.wait().unwrap();
    let mut app = app.wait().unwrap();
    rig.request("ada");
    let news = app.news.blocking_recv();
    assert!(news.is_some(), "the app came last, and is {:?}", app.end());
}

/// F6: a market that takes nothing until a restart leaves those who watch without a word.
#[test]
fn who_watches_is_told_that_the_market_is_down_for_good() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let trip = rig.request("ada");
    let mut watch = rig.handle().watch(trip);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let soon = std::time::Duration::from_secs(5);
    // What was published before.
    drop(runtime.block_on(async {
        tokio::time::timeout(std::time::Duration::from_millis(200), watch.changed()).await
    }));
    rig.journal.fail(1, Fault::After);
    assert!(rig.so(request("bob")).is_err());
    assert!(rig.handle().state().down.is_some());
    let told = runtime.block_on(async { tokio::time::timeout(soon, watch.changed()).await });
    assert!(told.is_ok(), "nothing is heard for {soon:?}");
}

/// F7: what is due at once is more than a commit holds, now and whenever it is tried again.
#[test]
fn many_trips_that_have_asked_many_end_at_once() {
    const TRIPS: u64 = 8_192;
    const ASKED: u32 = 160;
    let mut rig = Rig::start();
    let model = rig.request("ada");
    let model = rig.handle().trip(model).unwrap().unwrap();
    rig.host = None;
    let (journal, market) = (MemoryJournal::default(), model.id.market());
    let at = rig.now;
    let driver = |i: u32| format!("6fa459ea-ee8a-3ca4-894e-{i:012}").parse::<DriverId>().unwrap();
    let outcome = Outcome::Expired;
    let asked: Vec<Asked> = (1..=ASKED)
        .map(|attempt| Asked { attempt, driver: driver(attempt), at, outcome })
        .collect();
    let mut commit = Commit::default();
    let mut bytes = 0;
    for number in 1..=TRIPS {
        let mut trip = model.clone();
        (trip.id, trip.ordinal, trip.attempts) = (market.trip(number), 1, ASKED);
        trip.request.rider = format!("rider-{number}").parse().unwrap();
        trip.asked.clone_from(&asked);
        let mut state = Vec::new();
        records::encode_trip(&trip, &mut state);
        bytes += state.len();
        let (seq, stream, ordinal) = (Seq(number), StreamId(number), Ordinal(1));
        commit.event(Row { seq, stream, ordinal, at, bytes: vec![1] });
        commit.put(stream, state);
        if number % 1_024 == 0 {
            let mut head = Vec::new();
            let told = Head { market, seq: EventSeq(number), at, trips: number };
            records::encode_head(&told, &mut head);
            commit.set_head(head);
            journal.commit(&commit).unwrap();
            commit.clear();
        }
    }
    println!("{bytes} bytes of states; a commit takes {}", limits::MAX_JOURNAL_BATCH_BYTES);
    rig.journal = Arc::new(journal);
    rig.host = Some(Host::start(rig.config()).unwrap());
    rig.clock.observe(rig.now.plus(Millis::from_secs(400)));
    rig.until(|state| state.counts.open == 0 || state.down.is_some());
    let first = rig.handle().state().down;
    // It is tried again each second, and fails again.
    let begun = crate::clock::stopwatch();
    while rig.handle().state().counts.open > 0
        && begun.elapsed() < std::time::Duration::from_secs(12)
    {
        std::thread::yield_now();
    }
    let state = rig.handle().state();
    assert_eq!(state.counts.open, 0, "first {first:?}, after 12 s {:?}", state.down);
}
