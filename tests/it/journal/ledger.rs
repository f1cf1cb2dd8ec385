//! What is committed, a pure function of the commit's number, so that whoever reads a journal knows
//! all that must be in it.

use hansom::journal::{
    Batch, EndedStream, Event, History, Journal, JournalConfig, MemoryJournal, OpenStream, Ordinal,
    Page, ReadError, Seq, StreamId,
};
use hansom::units::{Millis, Timestamp};

/// Small segments, so that a process is also killed while it begins one.
pub(super) const CONFIG: JournalConfig = JournalConfig {
    segment_bytes: 8_000,
    segment_span: Millis::from_secs(3_600),
    reserve_bytes: 0,
};

/// Writes commit after commit: one stream begins, one goes on, one ends, and now and then one that
/// has ended is amended.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    commits: u64,
    last: Seq,
    twin: MemoryJournal,
}

impl Ledger {
    /// The ledger after so many commits.
    pub(super) fn after(commits: u64) -> Self {
        let mut ledger = Self::default();
        while ledger.commits < commits {
            ledger.next();
        }
        ledger
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits
    }

    /// The next batch, which from now on is expected to be there.
    pub(super) fn next(&mut self) -> Batch {
        self.commits += 1;
        let n = self.commits;
        let at = Timestamp::from_secs(1_768_006_800).plus(Millis(n * 500));
        let mut batch = Batch::default();
        let mut event = |batch: &mut Batch, stream: u64, ordinal: u32| {
            self.last = self.last.next();
            let bytes = format!("event {} in commit {n}, {stream}/{ordinal}", self.last);
            let (stream, ordinal, bytes) = (StreamId(stream), Ordinal(ordinal), bytes.into_bytes());
            batch.event(Event { seq: self.last, stream, ordinal, at, bytes });
            stream
        };
        let state = |what: &str| format!("{what} in commit {n}").into_bytes();
        let begun = event(&mut batch, n, 1);
        batch.put(begun, state("begun"));
        if n > 1 {
            let stream = event(&mut batch, n - 1, 2);
            batch.put(stream, state("gone on"));
        }
        if n > 20 {
            let stream = event(&mut batch, n - 20, 3);
            batch.end(stream, at, state("ended"));
        }
        if n > 400 && n.is_multiple_of(7) {
            // Often in another segment than the one in which it ended.
            let stream = event(&mut batch, n - 400, 4);
            batch.amend(stream, state("amended"));
        }
        if n.is_multiple_of(5) {
            event(&mut batch, 0, 0);
        }
        batch.set_head(state("head"));
        self.twin.commit(&batch).unwrap();
        batch
    }

    /// What a journal holds that is not the ledger, or lacks.
    pub(super) fn compare(&self, journal: &dyn Journal) -> Result<(), String> {
        let (found, expected) = (contents(journal), contents(&self.twin));
        let found = found.map_err(|error| error.to_string())?;
        let expected = expected.map_err(|error| error.to_string())?;
        for (found, expected) in found.iter().zip(&expected) {
            if found != expected {
                return Err(format!("{found}, not {expected}"));
            }
        }
        let (found, expected) = (found.len(), expected.len());
        if found == expected { Ok(()) } else { Err(format!("{found} rows, not {expected}")) }
    }
}

/// All that can be read, in words.
fn contents(journal: &dyn Journal) -> Result<Vec<String>, ReadError> {
    let mut rows = vec![format!("head {:?}", journal.head()?)];
    pages(&mut rows, |last: Option<&Event>| {
        journal.events(last.map_or(Seq(1), |event| event.seq.next()), 500)
    })?;
    pages(&mut rows, |last: Option<&OpenStream>| {
        journal.open_streams(last.map_or(StreamId::NONE, |open| open.stream), 500)
    })?;
    let all = History::latest(500);
    pages(&mut rows, |last: Option<&EndedStream>| {
        journal.history(&last.map_or(all, |last| all.after(last)))
    })?;
    let streams = journal.stats();
    for stream in (1..=streams.open + streams.ended).rev().take(500) {
        rows.push(format!("{:?}", journal.events_of(StreamId(stream), Ordinal(1), 10)?));
    }
    Ok(rows)
}

fn pages<T: std::fmt::Debug>(
    rows: &mut Vec<String>,
    mut page: impl FnMut(Option<&T>) -> Result<Page<T>, ReadError>,
) -> Result<(), ReadError> {
    let mut answer = page(None)?;
    loop {
        rows.extend(answer.rows.iter().map(|row| format!("{row:?}")));
        if !answer.more {
            return Ok(());
        }
        answer = page(answer.rows.last())?;
    }
}

#[test]
fn a_commit_too_few_or_too_many_is_noticed() {
    let (ledger, mut other) = (Ledger::after(600), Ledger::after(599));
    assert!(ledger.compare(&other.twin).is_err());
    other.next();
    assert_eq!(ledger.compare(&other.twin), Ok(()));
    other.next();
    assert!(ledger.compare(&other.twin).is_err());
}
