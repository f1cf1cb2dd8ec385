//! What is due at once may be more than one commit holds.

use super::*;
use crate::dispatch::{Asked, Head, Outcome, Seq as EventSeq};
use crate::journal::{Batch as Commit, Event as Row, Ordinal, Seq, StreamId};
use crate::records;

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
    assert!(bytes > limits::MAX_JOURNAL_BATCH_BYTES, "{bytes} bytes of states fit into one");
    rig.journal = Arc::new(journal);
    rig.host = Some(Host::start(rig.config()).unwrap());
    rig.clock.observe(rig.now.plus(Millis::from_secs(400)));
    rig.until(|state| state.counts.open == 0 || state.down.is_some());
    assert_eq!(rig.handle().state().down, None);
    assert_eq!(rig.handle().state().counts.open, 0);
}
