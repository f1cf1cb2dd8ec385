//! What each journal must do, one sentence a test.

use super::script::Script;
use super::{OnDisk, SMALL, Subject, same};
use crate::journal::{
    Batch, BatchError, CommitError, Event, Fault, History, Journal, JournalConfig, MemoryJournal,
    Ordinal, ReadError, Retention, Seq, StreamId,
};
use crate::limits;
use crate::units::{Millis, Timestamp};

/// Runs a case on each kind of journal.
fn on_each(case: impl Fn(&mut dyn Subject)) {
    case(&mut MemoryJournal::default());
    case(&mut OnDisk::new(JournalConfig { reserve_bytes: 0, ..JournalConfig::default() }));
    case(&mut OnDisk::new(SMALL));
}

fn refusal(subject: &dyn Subject, batch: &Batch) -> BatchError {
    let before = subject.journal().stats();
    let refused = subject.journal().commit(batch);
    let after = subject.journal().stats();
    assert_eq!((before.last, before.commits), (after.last, after.commits), "nothing has changed");
    match refused {
        Err(CommitError::Refused(error)) => error,
        other => panic!("{other:?} for {batch:?}"),
    }
}

#[test]
fn an_empty_journal_answers_and_an_empty_batch_is_no_commit() {
    on_each(|subject| {
        for _ in 0..2 {
            let journal = subject.journal();
            assert_eq!(journal.commit(&Batch::default()), Ok(Seq::ZERO));
            assert_eq!(journal.head(), Ok(None));
            assert_eq!(same::open(journal, 10), Ok(vec![]));
            assert_eq!(same::events(journal, Seq::ZERO, 10), Ok(vec![]));
            assert_eq!(same::history(journal, History::latest(10)), Ok(vec![]));
            assert_eq!(journal.stream(StreamId(1)), Ok(None));
            let unknown = ReadError::UnknownStream { stream: StreamId(1) };
            assert_eq!(same::events_of(journal, StreamId(1), 10), Err(unknown));
            let stats = journal.stats();
            assert_eq!((stats.commits, stats.last, stats.first), (0, Seq::ZERO, Seq(1)));
            assert_eq!(journal.failure(), None);
            subject.reopen();
        }
    });
}

#[test]
fn a_stream_is_open_then_ended_then_amended_and_its_events_stay_together() {
    on_each(|subject| {
        let mut script = Script::new();
        let mut commit = |write: &dyn Fn(&mut Script, &mut Batch)| {
            let mut batch = Batch::default();
            write(&mut script, &mut batch);
            assert_eq!(subject.journal().commit(&batch), Ok(script.last));
        };
        commit(&|script, batch| {
            script.begin(batch);
            script.begin(batch);
        });
        commit(&|script, batch| script.step(batch, StreamId(1)));
        commit(&|script, batch| {
            script.end(batch, StreamId(1));
            script.event(batch, StreamId::NONE, 9);
        });
        commit(&|script, batch| script.step(batch, StreamId(2)));
        commit(&|script, batch| script.amend(batch, StreamId(1)));
        commit(&|_, batch| batch.put(StreamId(2), b"only the state".to_vec()));
        subject.reopen();
        let journal = subject.journal();
        let open = same::open(journal, 10).unwrap();
        assert_eq!(open.len(), 1);
        assert_eq!((open[0].stream, open[0].last), (StreamId(2), Ordinal(2)));
        assert_eq!(open[0].state, b"only the state");
        let ended = same::history(journal, History::latest(10)).unwrap();
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].stream, ended[0].last), (StreamId(1), Ordinal(4)));
        assert_eq!(ended[0].state, b"1 after 7");
        let numbers = |stream| {
            let events = same::events_of(journal, stream, 1).unwrap();
            events.iter().map(|event| (event.seq.0, event.ordinal.0)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(StreamId(1)), [(1, 1), (3, 2), (4, 3), (7, 4)]);
        assert_eq!(numbers(StreamId(2)), [(2, 1), (6, 2)]);
        let none = same::events(journal, Seq(5), 1).unwrap()[0].clone();
        assert_eq!((none.stream, none.ordinal, none.bytes.len()), (StreamId::NONE, Ordinal(0), 9));
    });
}

#[test]
fn each_kind_of_wrong_batch_is_refused_and_changes_nothing() {
    on_each(|subject| {
        let mut script = Script::new();
        let mut batch = Batch::default();
        let (one, two) = (script.begin(&mut batch), script.begin(&mut batch));
        subject.journal().commit(&batch).unwrap();
        batch.clear();
        script.end(&mut batch, one);
        subject.journal().commit(&batch).unwrap();
        let at = script.now;
        let event = |seq, stream, ordinal| {
            let (seq, stream, ordinal) = (Seq(seq), StreamId(stream), Ordinal(ordinal));
            Event { seq, stream, ordinal, at, bytes: vec![1] }
        };
        let try_it = |write: &dyn Fn(&mut Batch)| {
            let mut batch = Batch::default();
            write(&mut batch);
            refusal(subject, &batch)
        };
        let gap = |found, expected| BatchError::Gap { found: Seq(found), expected: Seq(expected) };
        assert_eq!(try_it(&|b| b.event(event(3, 2, 2))), gap(3, 4));
        assert_eq!(try_it(&|b| b.event(event(5, 2, 2))), gap(5, 4));
        let stream_gap = |stream, found, expected| BatchError::StreamGap {
            stream: StreamId(stream),
            found: Ordinal(found),
            expected: Ordinal(expected),
        };
        assert_eq!(try_it(&|b| b.event(event(4, 2, 1))), stream_gap(2, 1, 2));
        assert_eq!(try_it(&|b| b.event(event(4, 3, 2))), stream_gap(3, 2, 1));
        assert_eq!(try_it(&|b| b.event(event(4, 0, 1))), stream_gap(0, 1, 0));
        let not_open = BatchError::NotOpen { stream: one, newest: two };
        assert_eq!(try_it(&|b| b.event(event(4, 1, 3))), not_open);
        assert_eq!(try_it(&|b| b.put(one, vec![])), not_open);
        assert_eq!(try_it(&|b| b.end(one, at, vec![])), not_open);
        let no_state = BatchError::NoState { stream: two };
        assert_eq!(try_it(&|b| b.event(event(4, 2, 2))), no_state);
        let no_event = BatchError::NoEvent { stream: StreamId(3) };
        assert_eq!(try_it(&|b| b.put(StreamId(3), vec![])), no_event);
        assert_eq!(try_it(&|b| b.put(StreamId::NONE, vec![])), BatchError::NoStream);
        let not_ended = |stream| BatchError::NotEnded { stream };
        assert_eq!(try_it(&|b| b.amend(two, vec![])), not_ended(two));
        assert_eq!(try_it(&|b| b.amend(StreamId(9), vec![])), not_ended(StreamId(9)));
        // And the journal goes on.
        batch.clear();
        script.step(&mut batch, two);
        script.amend(&mut batch, one);
        assert_eq!(subject.journal().commit(&batch), Ok(Seq(5)));
    });
}

#[test]
fn what_exceeds_a_limit_is_refused_and_what_reaches_it_is_not() {
    on_each(|subject| {
        let most = limits::MAX_JOURNAL_RECORD_BYTES;
        let too_many = |what, value, max| BatchError::TooMany { what, value, max };
        let with = |write: &dyn Fn(&mut Script, &mut Batch)| {
            let (mut script, mut batch) = (Script::new(), Batch::default());
            write(&mut script, &mut batch);
            batch
        };
        let head = |size| with(&|_, batch| batch.set_head(vec![0; size]));
        let expected = too_many("bytes in the head", most + 1, most);
        assert_eq!(refusal(subject, &head(most + 1)), expected);
        let event = |size| with(&|script, batch| script.event(batch, StreamId::NONE, size));
        let expected = too_many("bytes in one event", most + 1, most);
        assert_eq!(refusal(subject, &event(most + 1)), expected);
        let state = with(&|script, batch| {
            let stream = script.begin(batch);
            batch.put(stream, vec![0; most + 1]);
        });
        assert_eq!(refusal(subject, &state), too_many("bytes in one state", most + 1, most));
        let max = limits::MAX_JOURNAL_BATCH_RECORDS;
        let many = |count| {
            with(&|script, batch| (0..count).for_each(|_| script.event(batch, StreamId::NONE, 0)))
        };
        let expected = too_many("events in one batch", max + 1, max);
        assert_eq!(refusal(subject, &many(max + 1)), expected);
        let states = with(&|script, batch| {
            (0..=max).for_each(|n| batch.put(StreamId(n as u64 + 1), vec![]));
            script.begin(batch);
        });
        let expected = too_many("states in one batch", max + 1, max);
        assert_eq!(refusal(subject, &states), expected);
        let bytes = with(&|script, batch| {
            (0..=limits::MAX_JOURNAL_BATCH_BYTES / most)
                .for_each(|_| script.event(batch, StreamId::NONE, most));
        });
        assert!(matches!(refusal(subject, &bytes), BatchError::TooMany { what, .. }
            if what == "bytes in one batch"));
        let full = with(&|script, batch| {
            script.event(batch, StreamId::NONE, most);
            batch.set_head(vec![1; most]);
            (1..max).for_each(|_| script.event(batch, StreamId::NONE, 0));
        });
        assert_eq!(subject.journal().commit(&full), Ok(Seq(max as u64)));
        assert_eq!(subject.journal().head().unwrap().unwrap().len(), most);
    });
}

#[test]
fn pages_go_on_where_the_last_one_ended_and_are_bounded_in_rows_and_bytes() {
    on_each(|subject| {
        let mut script = Script::new();
        let mut batch = Batch::default();
        let streams: Vec<StreamId> = (0..100).map(|_| script.begin(&mut batch)).collect();
        subject.journal().commit(&batch).unwrap();
        for &stream in &streams[..50] {
            let mut batch = Batch::default();
            // Two of them end together.
            if stream.0 % 2 == 0 {
                script.pass(Millis(1_000));
            }
            script.end(&mut batch, stream);
            subject.journal().commit(&batch).unwrap();
        }
        let journal = subject.journal();
        let whole = same::history(journal, History::latest(1_000)).unwrap();
        assert_eq!(whole.len(), 50);
        assert!(whole.windows(2).all(|two| two[0].place() > two[1].place()));
        for size in [1, 2, 7, 49, 50] {
            assert_eq!(same::history(journal, History::latest(size)).unwrap(), whole);
            let first = journal.history(&History::latest(size)).unwrap();
            assert_eq!((first.rows.len(), first.more), (size, size < 50));
        }
        let (from, until) = (whole[30].at, whole[9].at);
        let part = History { from, until, before: None, size: 3 };
        let expected: Vec<_> =
            whole.iter().filter(|row| from <= row.at && row.at < until).cloned().collect();
        assert!((15..25).contains(&expected.len()));
        assert_eq!(same::history(journal, part).unwrap(), expected);
        let open = journal.open_streams(StreamId(60), 5).unwrap();
        assert_eq!(
            open.rows.iter().map(|row| row.stream.0).collect::<Vec<_>>(),
            [61, 62, 63, 64, 65]
        );
        assert!(open.more);
        let events = journal.events(Seq(149), 5).unwrap();
        assert_eq!((events.rows.len(), events.more), (2, false));
        assert_eq!(journal.events(Seq(151), 5).unwrap().rows, []);
        assert_eq!(journal.events(Seq(9_999), 5).unwrap().rows, []);
        assert_eq!(journal.events_of(StreamId(1), Ordinal(3), 5).unwrap().rows, []);
        assert_eq!(journal.events_of(StreamId(1), Ordinal(0), 5).unwrap().rows.len(), 2);
        // Bytes: 64 records of 64 KiB are a page.
        let mut batch = Batch::default();
        let most = limits::MAX_JOURNAL_RECORD_BYTES;
        (0..100).for_each(|_| script.event(&mut batch, StreamId::NONE, most));
        journal.commit(&batch).unwrap();
        let page = journal.events(Seq(151), 1_000).unwrap();
        assert_eq!((page.rows.len(), page.more), (limits::MAX_JOURNAL_PAGE_BYTES / most, true));
    });
}

#[test]
fn what_is_to_be_kept_survives_pruning_with_all_its_events() {
    on_each(|subject| {
        let mut script = Script::new();
        let commit = |subject: &dyn Subject, batch: &Batch| {
            subject.journal().commit(batch).unwrap();
        };
        for _ in 0..300 {
            let mut batch = Batch::default();
            let stream = script.begin(&mut batch);
            commit(subject, &batch);
            let mut batch = Batch::default();
            script.pass(Millis(1_000));
            script.end(&mut batch, stream);
            commit(subject, &batch);
        }
        let mut batch = Batch::default();
        let open = script.begin(&mut batch);
        commit(subject, &batch);
        let whole = same::history(subject.journal(), History::latest(100)).unwrap();
        // Whatever ended before the hundredth may go, unless it is among the latest 250.
        let retention = Retention { before: whole[199].at, keep: 250 };
        for round in 0..3 {
            let journal = subject.journal();
            let pruned = journal.prune(retention).unwrap();
            let stats = journal.stats();
            assert!(round == 0 || pruned.streams == 0, "there is nothing more to prune");
            assert_eq!(stats.ended, if round == 0 { 300 - pruned.streams } else { stats.ended });
            let left = same::history(journal, History::latest(100)).unwrap();
            assert_eq!(left.len() as u64, stats.ended);
            assert!(left.len() >= 200 && left == whole[..left.len()], "{} are left", left.len());
            for row in &left {
                let events = same::events_of(journal, row.stream, 9).unwrap();
                assert_eq!(events.len(), 2, "all of {}", row.stream);
                assert!(events[0].seq >= stats.first);
            }
            subject.reopen();
        }
        // An open stream keeps all that happened since it began.
        let mut late = Batch::default();
        script.pass(Millis(5_000_000));
        script.event(&mut late, StreamId::NONE, 9_000);
        commit(subject, &late);
        let all = Retention { before: Timestamp::from_millis(i64::MAX), keep: 0 };
        subject.journal().prune(all).unwrap();
        let stats = subject.journal().stats();
        assert!(stats.first <= Seq(601), "{stats:?}");
        assert_eq!(same::events_of(subject.journal(), open, 9).unwrap().len(), 1);
        let events = same::events(subject.journal(), Seq(601), 9).unwrap();
        assert_eq!(events.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [601, 602]);
    });
}

#[test]
fn a_failed_commit_poisons_until_a_restart_and_was_whole_or_nothing() {
    for fault in [Fault::Before, Fault::After] {
        let journal = MemoryJournal::default();
        let mut script = Script::new();
        let mut batch = Batch::default();
        script.begin(&mut batch);
        journal.commit(&batch).unwrap();
        journal.fail(1, fault);
        let mut batch = Batch::default();
        script.step(&mut batch, StreamId(1));
        script.begin(&mut batch);
        let failed = journal.commit(&batch).unwrap_err();
        assert!(matches!(failed, CommitError::Failed(_)), "{failed}");
        assert!(failed.to_string().ends_with("nothing more is committed until a restart"));
        let failure = journal.failure().unwrap();
        assert_eq!(journal.commit(&batch), Err(CommitError::Poisoned(failure)));
        assert_eq!(same::events(&journal, Seq(1), 9).unwrap().len(), 1, "as acknowledged");
        journal.restart();
        let kept = fault == Fault::After;
        assert_eq!(same::events(&journal, Seq(1), 9).unwrap().len(), if kept { 3 } else { 1 });
        assert_eq!(same::open(&journal, 9).unwrap().len(), if kept { 2 } else { 1 });
        assert_eq!(journal.commit(&batch).is_ok(), !kept, "it goes on from what is there");
    }
}
