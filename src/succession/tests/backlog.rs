//! What is kept to be shipped, against a list of all that was ever pushed.

use std::time::Duration;

use crate::clock::stopwatch;
use crate::journal::{Batch, Event, Ordinal, Seq, StreamId};
use crate::limits;
use crate::succession::backlog::Backlog;
use crate::units::Timestamp;

fn batch(after: u64, events: u64, bytes: usize) -> Batch {
    let mut batch = Batch::default();
    for seq in after + 1..=after + events {
        let (seq, stream, ordinal) = (Seq(seq), StreamId(seq), Ordinal(1));
        let at = Timestamp::from_millis(0);
        batch.event(Event { seq, stream, ordinal, at, bytes: vec![0; bytes] });
    }
    batch
}

#[test]
fn shipments_follow_each_other_and_hold_whole_commits() {
    let (now, mut backlog) = (stopwatch(), Backlog::new(Seq(10)));
    assert!(backlog.reaches(Seq(10)) && backlog.after(Seq(10)).is_empty());
    let sizes = [1, 3, 700, 400, 2_000, 1];
    for size in sizes {
        backlog.push(now, batch(backlog.last().0, size, 8));
    }
    let (mut at, mut shipments) = (Seq(10), Vec::new());
    while at < backlog.last() {
        let parcels = backlog.after(at);
        assert_eq!(parcels[0].after, at);
        let events: usize = parcels.iter().map(|parcel| parcel.batch.events().len()).sum();
        assert!(events <= limits::SHIPMENT_EVENTS || parcels.len() == 1);
        shipments.push(events);
        at = parcels.last().unwrap().last;
    }
    assert_eq!(shipments, [704, 400, 2_000, 1]);
    assert!(!backlog.reaches(Seq(12)), "in the middle of a commit");
    assert!(backlog.after(Seq(12)).is_empty());
}

#[test]
fn the_oldest_go_when_there_is_too_much_and_whoever_needs_them_is_told() {
    let (now, mut backlog) = (stopwatch(), Backlog::new(Seq::ZERO));
    let each = 1_000;
    for _ in 0..limits::MAX_BACKLOG_EVENTS as u64 / each + 5 {
        backlog.push(now, batch(backlog.last().0, each, 8));
    }
    assert!(!backlog.reaches(Seq::ZERO) && !backlog.reaches(Seq(4 * each)));
    assert!(backlog.reaches(Seq(6 * each)) && backlog.reaches(backlog.last()));
    let (mut backlog, bytes) = (Backlog::new(Seq::ZERO), 1 << 20);
    for _ in 0..limits::MAX_BACKLOG_BYTES / bytes + 2 {
        backlog.push(now, batch(backlog.last().0, 1, bytes));
    }
    assert!(!backlog.reaches(Seq(1)) && backlog.reaches(Seq(2)));
}

#[test]
fn what_is_not_confirmed_is_counted_and_timed() {
    let (begun, mut backlog) = (stopwatch(), Backlog::new(Seq(5)));
    backlog.confirm(Seq(5));
    assert_eq!((backlog.unconfirmed(), backlog.lag(begun)), (0, Duration::ZERO));
    let second = Duration::from_secs(1);
    backlog.push(begun, batch(5, 2, 1));
    backlog.push(begun + second, batch(7, 1, 1));
    assert_eq!((backlog.unconfirmed(), backlog.lag(begun + 3 * second)), (3, 3 * second));
    backlog.confirm(Seq(7));
    assert_eq!((backlog.unconfirmed(), backlog.lag(begun + 3 * second)), (1, 2 * second));
    // A Redis that has less than it had does not take back what was said.
    backlog.confirm(Seq(6));
    assert_eq!(backlog.confirmed(), Seq(7));
    backlog.confirm(Seq(99));
    assert_eq!((backlog.unconfirmed(), backlog.lag(begun + 3 * second)), (0, Duration::ZERO));
}
