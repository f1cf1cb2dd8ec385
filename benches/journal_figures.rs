//! Figures of the journal that are no time of one operation: what a start costs beside a long
//! history, what history costs on disk, and how long the slowest commit takes.
//!
//! Measured: opening after a clean end and after a kill, reading what is open, first and later
//! answers from history, pruning. Workload: a million trips that have ended, 10,000 that are under
//! way, eight events each. Notes: prints a table; `--test` tries everything on a short history. The
//! files are in the target folder and in the page cache: they were just written.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

#[path = "journal/load.rs"]
mod load;

use std::fs;
use std::path::Path;
use std::time::Duration;

use hansom::clock::stopwatch;
use hansom::journal::{History, Journal, JournalConfig, Ordinal, RedbJournal, Retention, StreamId};
use hansom::units::{Millis, Timestamp};

use load::{EVENT_BYTES, EVENTS_PER_TRIP, Load};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONFIG: JournalConfig = JournalConfig {
    segment_bytes: hansom::limits::JOURNAL_SEGMENT_BYTES,
    segment_span: Millis(hansom::limits::JOURNAL_SEGMENT_MS),
    reserve_bytes: 0,
};

fn timed<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let begun = stopwatch();
    let result = act();
    println!("{what:<58} {:>9.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    result
}

/// Commits until so many trips have ended.
fn fill(journal: &RedbJournal, trips: usize, ended: u64) -> u64 {
    // 500 trips a second: 4,000 events, in batches of a quarter of a second.
    let mut load = Load::new(trips, Millis(250));
    let mut times: Vec<Duration> = Vec::new();
    let begun = stopwatch();
    while journal.stats().ended < ended {
        let batch = load.batch(1_000);
        let commit = stopwatch();
        journal.commit(&batch).expect("a commit");
        times.push(commit.elapsed());
    }
    let took = begun.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{} commits of 1,000 events in {:.1} s", times.len(), took.as_secs_f64());
    let (p50, p99, slowest) = (at(50), at(99), at(100));
    println!("a commit, p50 / p99 / slowest {p50:.1} / {p99:.1} / {slowest:.1} ms");
    journal.stats().ended
}

/// A folder as a killed process leaves it: copied while it is in use.
fn killed(folder: &Path, copy: &Path) {
    fs::create_dir(copy).expect("a folder");
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("entries")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    let active =
        names.iter().rfind(|path| path.extension().is_some_and(|end| end == "redb")).cloned();
    for path in names {
        let to = copy.join(path.file_name().expect("a name"));
        if path.extension().is_none_or(|end| end != "redb") || Some(&path) == active.as_ref() {
            fs::copy(&path, &to).expect("a copy");
        } else {
            fs::hard_link(&path, &to).expect("a link");
        }
    }
}

fn questions(journal: &RedbJournal, ended: u64) {
    timed("read the open streams", || {
        let (mut after, mut count) = (StreamId::NONE, 0);
        loop {
            let page = journal.open_streams(after, 10_000).expect("a page");
            count += page.rows.len();
            match page.rows.last() {
                Some(last) if page.more => after = last.stream,
                _ => break count,
            }
        }
    });
    let latest = History::latest(100);
    timed("the latest 100 of history, first", || journal.history(&latest).expect("a page"));
    timed("the latest 100 of history, again", || journal.history(&latest).expect("a page"));
    let old = StreamId(ended / 2);
    timed("events of an old trip, first of its segment", || {
        journal.events_of(old, Ordinal(1), 100).expect("events")
    });
    timed("the same again", || journal.events_of(old, Ordinal(1), 100).expect("events"));
}

fn main() {
    let small = std::env::args().any(|arg| arg == "--test");
    let (trips, wanted) = if small { (1_000, 20_000) } else { (10_000, 1_000_000) };
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let (folder, copy) = (parent.path().join("sf"), parent.path().join("killed"));
    let journal = RedbJournal::open(&folder, CONFIG).expect("a journal");
    let ended = fill(&journal, trips, wanted);
    let stats = journal.stats();
    let segments = fs::read_dir(&folder).expect("entries").count() - 2;
    let each = stats.bytes as f64 / ended as f64;
    println!("{ended} trips ended, {} open, {} events", stats.open, stats.last);
    println!("{:.0} MB in {segments} segments", stats.bytes as f64 / 1e6);
    println!("{each:.0} bytes a trip of {EVENTS_PER_TRIP} events of {EVENT_BYTES} bytes");
    killed(&folder, &copy);
    timed("close", || drop(journal));
    for _ in 0..3 {
        let journal = timed("open after a clean end", || RedbJournal::open(&folder, CONFIG));
        drop(journal.expect("a journal"));
    }
    let journal = timed("open after a kill", || RedbJournal::open(&copy, CONFIG));
    let journal = journal.expect("a journal");
    questions(&journal, ended);
    let retention = Retention { before: Timestamp::from_millis(i64::MIN), keep: ended / 2 };
    let pruned = timed("prune half of history", || journal.prune(retention));
    println!("{:?}", pruned.expect("room"));
}
