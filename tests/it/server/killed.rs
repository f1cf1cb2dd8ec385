//! `kill -9` in the middle of a recording: what had been flushed is in the file, in its order.

use std::path::Path;

use hansom::api::proto::{HandleBinding, ReportBatch};
use hansom::client::Ingestor;
use hansom::trace::{Damage, DamageKind, Order, TraceFile, Vehicles};

use super::serve::{Served, hansom};
use super::support::{channel, eventually, now_ms, soon};

/// Drivers, each in each batch once.
const DRIVERS: u32 = 500;

/// Batches of a round. Far fewer messages than may wait for the recorder, so that none is
/// dropped; and more rows than two blocks.
const ROUND: u32 = 40;

const ROUND_ROWS: u64 = (ROUND * DRIVERS) as u64;

/// A row as it is sent and as it is read: who, when, and the two numbers of the position.
type Row = (String, i64, i32, i32);

/// Row `n` of all that is sent: each has a place of its own.
fn row(start: i64, n: u32) -> Row {
    let (driver, at) = (n % DRIVERS, start + i64::from(n / DRIVERS));
    (format!("d{driver}"), at, n.cast_signed(), driver.cast_signed())
}

fn batch(start: i64, number: u32) -> ReportBatch {
    let rows: Vec<Row> = (0..DRIVERS).map(|i| row(start, number * DRIVERS + i)).collect();
    ReportBatch {
        handle: (0..DRIVERS).collect(),
        lat_e7: rows.iter().map(|row| row.2).collect(),
        lng_e7: rows.iter().map(|row| row.3).collect(),
        base_device_time_ms: rows[0].1,
        ..ReportBatch::default()
    }
}

/// What can be read of a recording, finished or not.
fn readable(path: &Path) -> (Vec<Row>, u64, Option<Damage>) {
    let mut file = TraceFile::open(path).unwrap();
    assert_eq!(file.order(), Order::AsArrived);
    let (mut vehicles, mut rows) = (Vehicles::new(), Vec::new());
    while let Some(record) = file.next(&mut vehicles).unwrap() {
        let name = vehicles.name(record.vehicle).to_string();
        let position = record.position;
        rows.push((name, record.at.as_millis(), position.lat_e7(), position.lng_e7()));
    }
    (rows, file.position(), file.damage().cloned())
}

fn expect_the_first(rows: &[Row], start: i64) {
    for (n, found) in (0..).zip(rows) {
        assert_eq!(*found, row(start, n), "row {n} is another");
    }
}

#[tokio::test]
async fn a_server_that_is_killed_leaves_a_recording_of_all_that_was_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.htrace");
    let served = Served::start(&["--record", path.to_str().unwrap()]);
    let mut ingest = soon(Ingestor::open(channel(served.grpc).await, 8)).await.unwrap();
    let binding = |handle| {
        let driver_id = format!("d{handle}");
        HandleBinding { handle, driver_id, profile: None, status: 0 }
    };
    soon(ingest.bind((0..DRIVERS).map(binding).collect())).await.unwrap();
    let start = now_ms();
    let mut batches = (0..).map(|number| batch(start, number));
    // Two rounds, of which each row gets into the file: whole blocks because they are full, and
    // what is left because it is flushed.
    for round in 1..=2 {
        for _ in 0..ROUND {
            soon(ingest.report(batches.next().unwrap())).await.unwrap();
        }
        soon(ingest.settle()).await.unwrap();
        assert_eq!(ingest.totals().applied, round * ROUND_ROWS);
        let mut seen = 0;
        eventually("what was acknowledged is in the file", || {
            let length = std::fs::metadata(&path).unwrap().len();
            let grown = length > std::mem::replace(&mut seen, length);
            let whole = grown && readable(&path).0.len() as u64 == round * ROUND_ROWS;
            async move { whole }
        })
        .await;
    }
    // In the third it dies, with rows on their way and rows that wait for the next flush.
    for _ in 0..ROUND {
        soon(ingest.report(batches.next().unwrap())).await.unwrap();
    }
    let (flushed, sent) = (2 * ROUND_ROWS, ingest.rows_sent());
    assert_eq!(served.kill(), Some(9));

    let (rows, end, damage) = readable(&path);
    let count = rows.len() as u64;
    println!("{count} rows of {sent} sent, {flushed} of them known to be flushed");
    assert!((flushed..=sent).contains(&count), "{count} rows, {flushed} were flushed, {sent} sent");
    expect_the_first(&rows, start);
    let damage = damage.expect("it was never finished");
    assert!(matches!(damage.what, DamageKind::NoFooter | DamageKind::Truncated { .. }), "{damage}");
    assert_eq!((&damage.path, damage.offset), (&path, end));
    inspect_says(&path, count, &damage);

    // A machine that loses its power may keep half of a block: the blocks before it stay.
    let cut = folder.path().join("cut.htrace");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&cut, &bytes[..usize::try_from(end).unwrap() - 7]).unwrap();
    let (fewer, end, damage) = readable(&cut);
    assert!(!fewer.is_empty() && fewer.len() < rows.len(), "{} of {count} rows", fewer.len());
    expect_the_first(&fewer, start);
    let damage = damage.expect("it was cut");
    assert!(matches!(damage.what, DamageKind::Truncated { .. }), "{damage}");
    assert_eq!(damage.offset, end);
    inspect_says(&cut, fewer.len() as u64, &damage);
}

/// `hansom inspect` tells how much there is, and where it ends.
fn inspect_says(path: &Path, rows: u64, damage: &Damage) {
    let output = hansom().arg("inspect").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{text}");
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
    };
    assert_eq!(value("rows").replace(',', ""), rows.to_string());
    assert_eq!(value("damage"), damage.to_string());
    assert!(damage.to_string().contains(&format!("at byte {}", damage.offset)));
}
