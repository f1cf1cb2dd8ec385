//! Recorded days of real cities: what is read is what is there.

use std::path::Path;

use hansom::trace::{self, Format, ReadOptions, RowReason, TraceDigest, TraceReader};
use hansom::units::Timestamp;

use crate::recorded::recorded;

fn opened(path: &Path) -> TraceReader {
    trace::open(path, &ReadOptions::default()).unwrap()
}

/// Reads all, checks the order and the sums, and returns how many records there were.
fn drain(reader: &mut TraceReader) -> u64 {
    let (mut records, mut last) = (0, Timestamp::from_millis(i64::MIN));
    while let Some(record) = reader.next().unwrap() {
        assert!(record.at >= last, "record {records} goes back in time");
        last = record.at;
        records += 1;
    }
    let counts = reader.stats();
    assert_eq!(counts.yielded, records);
    assert_eq!(counts.read, records + counts.rejected.iter().sum::<u64>());
    assert_eq!(reader.rows_hint(), Some(records));
    assert_eq!(reader.time_hint().map(|span| span.1), Some(last));
    records
}

#[test]
fn cabspotting_is_read_whole() {
    let Some(path) = recorded("traces/cabspotting_2008-06-06.tar.gz") else { return };
    let mut reader = opened(&path);
    assert_eq!(reader.format(), Format::Cabspotting);
    assert_eq!(drain(&mut reader), 507_231);
    assert_eq!(reader.stats().read, 507_231);
    assert_eq!(reader.vehicles(), 503);
    assert_eq!(reader.skipped().count(), 0);
}

#[test]
fn t_drive_is_read_whole_and_its_bad_rows_are_counted() {
    let Some(path) = recorded("traces/tdrive_2008-02-04_ids1-3000.tar.gz") else { return };
    let mut reader = opened(&path);
    assert_eq!(reader.format(), Format::TDrive);
    assert_eq!(drain(&mut reader), 854_040);
    assert_eq!(reader.stats().read, 855_161);
    assert_eq!(reader.stats().rejected_for(RowReason::NoFix), 1_121);
    // Of 2,905 taxis, nine never had a fix.
    assert_eq!(reader.vehicles(), 2_896);
    assert_eq!(reader.skipped().count(), 0);
}

#[test]
fn xz_is_refused_by_name() {
    let Some(path) = recorded("traces/tdrive_2008-02-04_all.tar.xz") else { return };
    let error = trace::open(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("unsupported compression xz"), "{error}");
}

#[test]
fn spilling_a_recorded_day_changes_nothing() {
    let Some(path) = recorded("traces/cabspotting_2008-06-06.tar.gz") else { return };
    let digest = |sort_rows| {
        let options = ReadOptions { sort_rows, ..ReadOptions::default() };
        let mut reader = trace::open(&path, &options).unwrap();
        let mut digest = TraceDigest::new();
        while let Some(record) = reader.next().unwrap() {
            digest.update(reader.vehicle_name(record.vehicle), &record);
        }
        assert_eq!(reader.stats().yielded, 507_231);
        digest.finish()
    };
    assert_eq!(digest(50_000), digest(1_000_000));
}
