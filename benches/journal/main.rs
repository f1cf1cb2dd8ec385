//! A commit of the journal beside the least that a durable write can be.
//!
//! Measured: the time of one commit, durable. Workload: 1, 64 and 1,024 events of 108 bytes, each
//! of another of 10,000 trips under way, with its state of 300 bytes. Notes: `append` writes the
//! same bytes to the end of a file and flushes it with `fdatasync`, without knowing what is in it.
//! The files are in the target folder, whose disk is what is measured.

mod load;

use std::fs::OpenOptions;
use std::io::Write as _;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hansom::journal::{Batch, Journal, JournalConfig, RedbJournal};
use hansom::units::Millis;

use load::Load;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TRIPS: usize = 10_000;

fn bench(c: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut group = c.benchmark_group("commit");
    for events in [1, 64, 1_024] {
        group.throughput(Throughput::Elements(events as u64));
        let config = JournalConfig { reserve_bytes: 0, ..JournalConfig::default() };
        let path = folder.path().join(format!("journal-{events}"));
        let journal = RedbJournal::open(&path, config).expect("a journal");
        let mut load = Load::new(TRIPS, Millis(1));
        for _ in 0..10 {
            journal.commit(&load.batch(1_000)).expect("a commit");
        }
        group.bench_function(format!("journal/{events}"), |b| {
            b.iter_batched(
                || load.batch(events),
                |batch| journal.commit(&batch).expect("a commit"),
                BatchSize::NumIterations(1),
            );
        });
        let path = folder.path().join(format!("append-{events}"));
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
        let mut load = Load::new(TRIPS, Millis(1));
        group.bench_function(format!("append/{events}"), |b| {
            b.iter_batched(
                || bytes_of(&load.batch(events)),
                |bytes| {
                    file.write_all(&bytes).expect("a write");
                    file.sync_data().expect("a flush");
                },
                BatchSize::NumIterations(1),
            );
        });
    }
    group.finish();
}

fn bytes_of(batch: &Batch) -> Vec<u8> {
    let events = batch.events().iter().flat_map(|event| event.bytes.iter());
    let states = batch.changes().values().flat_map(|change| change.state().iter());
    events.chain(states).copied().collect()
}

criterion_group!(benches, bench);
criterion_main!(benches);
