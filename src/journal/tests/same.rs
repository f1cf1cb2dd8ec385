//! Whether two journals answer all questions alike.

use std::collections::BTreeSet;

use crate::journal::{
    EndedStream, Event, History, Journal, OpenStream, Ordinal, Page, Place, ReadError, Seq, Stream,
    StreamId,
};

/// Reads pages until there are no more.
fn all<T: Clone>(
    mut page: impl FnMut(Option<&T>) -> Result<Page<T>, ReadError>,
) -> Result<Vec<T>, ReadError> {
    let mut rows: Vec<T> = Vec::new();
    loop {
        let next = page(rows.last())?;
        let more = next.more;
        assert!(!(more && next.rows.is_empty()), "an empty page says that more follow");
        rows.extend(next.rows);
        if !more {
            return Ok(rows);
        }
    }
}

pub(in crate::journal) fn events(
    journal: &dyn Journal,
    from: Seq,
    size: usize,
) -> Result<Vec<Event>, ReadError> {
    all(|last: Option<&Event>| journal.events(last.map_or(from, |last| last.seq.next()), size))
}

pub(in crate::journal) fn events_of(
    journal: &dyn Journal,
    stream: StreamId,
    size: usize,
) -> Result<Vec<Event>, ReadError> {
    all(|last: Option<&Event>| {
        journal.events_of(stream, last.map_or(Ordinal(1), |last| last.ordinal.next()), size)
    })
}

pub(in crate::journal) fn open(
    journal: &dyn Journal,
    size: usize,
) -> Result<Vec<OpenStream>, ReadError> {
    all(|last: Option<&OpenStream>| {
        journal.open_streams(last.map_or(StreamId::NONE, |last| last.stream), size)
    })
}

pub(in crate::journal) fn history(
    journal: &dyn Journal,
    question: History,
) -> Result<Vec<EndedStream>, ReadError> {
    all(|last: Option<&EndedStream>| {
        journal.history(&last.map_or(question, |last| question.after(last)))
    })
}

/// What is different, if anything, between a journal and its twin, from which nothing was pruned;
/// what stands at `gone` need not be there.
pub(in crate::journal) fn difference(
    journal: &dyn Journal,
    twin: &dyn Journal,
    gone: &BTreeSet<Place>,
    size: usize,
) -> Result<(), String> {
    let unread = |error: ReadError| format!("unread: {error}");
    let (stats, expected) = (journal.stats(), twin.stats());
    equal("last", &stats.last, &expected.last)?;
    equal("open", &stats.open, &expected.open)?;
    equal("commits", &stats.commits, &expected.commits)?;
    equal("head", &journal.head().map_err(unread)?, &twin.head().map_err(unread)?)?;
    let (found, wanted) = (open(journal, size), open(twin, size));
    equal("open streams", &found.map_err(unread)?, &wanted.map_err(unread)?)?;

    let found = events(journal, stats.first, size).map_err(unread)?;
    let wanted = events(twin, stats.first, size).map_err(unread)?;
    equal("events", &found, &wanted)?;
    if stats.first > Seq(1) {
        let asked = Seq(stats.first.0 - 1);
        let refused = Err(ReadError::Pruned { asked, first: stats.first });
        equal("a pruned event", &journal.events(asked, size), &refused)?;
    }

    let all = History::latest(size);
    let found = history(journal, all).map_err(unread)?;
    let mut wanted = history(twin, all).map_err(unread)?;
    let counted = found.len() as u64;
    if stats.ended > counted || stats.ended + (gone.len() as u64) < counted {
        return Err(format!("ended: {}, not {counted}", stats.ended));
    }
    let there: BTreeSet<Place> = found.iter().map(EndedStream::place).collect();
    wanted.retain(|ended| there.contains(&ended.place()) || !gone.contains(&ended.place()));
    equal("history", &found, &wanted)?;

    for stream in (1..=twin.stats().open + expected.ended).map(StreamId) {
        let (found, wanted) = (journal.stream(stream), twin.stream(stream));
        let wanted = wanted.map_err(unread)?;
        let found = found.map_err(unread)?;
        if let (None, Some(Stream::Ended(ended))) = (&found, &wanted)
            && gone.contains(&ended.place())
        {
            let unknown = Err(ReadError::UnknownStream { stream });
            equal("pruned events", &events_of(journal, stream, size), &unknown)?;
            continue;
        }
        equal("stream", &found, &wanted)?;
        let found = events_of(journal, stream, size);
        if let (Err(ReadError::Pruned { first, .. }), Some(Stream::Ended(ended))) =
            (&found, &wanted)
            && gone.contains(&ended.place())
            && *first == stats.first
        {
            continue;
        }
        let found = found.map_err(unread)?;
        equal("events of a stream", &found, &events_of(twin, stream, size).map_err(unread)?)?;
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}
