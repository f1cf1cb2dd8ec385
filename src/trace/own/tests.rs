//! The own format: what is written is read, and no bytes whatever make the reader panic, allocate
//! by a lie, or hand out what was not written.

use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;

use super::{MAGIC, Order, TraceFile, TraceWriter};
use crate::geo::{E7, LatLng};
use crate::ids::DriverId;
use crate::limits;
use crate::model::{DriverStatus, Motion};
use crate::trace::blocks::Shape;
use crate::trace::{DamageKind, Record, Sink, TraceDigest, TraceError, VehicleIx, Vehicles};
use crate::units::Timestamp;

/// A finished version 1 file of two blocks and three records, as this program first wrote it.
const GOLDEN: &str = include_str!("golden_v1.hex");
const GOLDEN_DIGEST: &str = include_str!("golden_v1.digest");

type Named = (DriverId, Record);

fn record(driver: &str, millis: i64, lat: i32, lng: i32) -> Named {
    let position = LatLng::try_from(E7 { lat, lng }).unwrap();
    let at = Timestamp::from_millis(millis);
    let motion = Motion::default();
    let record = Record { at, vehicle: VehicleIx(0), position, motion, status: None };
    (driver.parse().unwrap(), record)
}

/// Three records with each kind of value present and absent, at the edges of their ranges.
fn golden_records() -> Vec<Named> {
    let mut all = vec![
        record("cab-1", 1_212_735_767_000, 377_860_600, -1_224_114_100),
        record("é", 1_212_735_767_000, -900_000_000, -1_800_000_000),
        record("cab-1", 1_212_735_771_123, 377_861_000, -1_224_114_000),
    ];
    all[0].1.motion =
        Motion { heading_cdeg: Some(35_999), speed_cm_s: Some(0), accuracy_dm: Some(65_534) };
    all[0].1.status = Some(DriverStatus::OnTrip);
    all[2].1.motion.speed_cm_s = Some(1_234);
    all[2].1.status = Some(DriverStatus::Offline);
    all
}

fn many(count: i32) -> Vec<Named> {
    let all = (0..count).map(|i| {
        let (millis, driver) = (i64::from(i / 3) * 1_000, format!("d{}", i % 7));
        record(&driver, millis, i * 1_000, -i * 999)
    });
    all.collect()
}

/// The bytes of a trace with a flush after each `block` records.
fn written(records: &[Named], order: Order, block: usize) -> Vec<u8> {
    let mut writer = TraceWriter::new(Vec::new(), Path::new("memory"), order).unwrap();
    for chunk in records.chunks(block) {
        for (driver, record) in chunk {
            writer.write(driver, record).unwrap();
        }
        writer.flush().unwrap();
    }
    writer.finish().unwrap()
}

fn opened(bytes: &[u8]) -> Result<TraceFile<Cursor<&[u8]>>, TraceError> {
    TraceFile::new(Cursor::new(bytes), Path::new("memory"))
}

fn rest(file: &mut TraceFile<Cursor<&[u8]>>) -> Vec<Named> {
    let mut vehicles = Vehicles::new();
    let mut all = Vec::new();
    while let Some(record) = file.next(&mut vehicles).unwrap() {
        let name = *vehicles.name(record.vehicle);
        all.push((name, Record { vehicle: VehicleIx(0), ..record }));
    }
    all
}

fn digest(records: &[Named]) -> String {
    let mut digest = TraceDigest::new();
    for (driver, record) in records {
        digest.update(driver, record);
    }
    digest.finish()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn a_version_1_file_always_loads() {
    let bytes = unhex(GOLDEN);
    let mut file = opened(&bytes).unwrap();
    assert_eq!(rest(&mut file), golden_records());
    assert_eq!((file.damage(), file.finished()), (None, true));
    assert_eq!(digest(&golden_records()), GOLDEN_DIGEST.trim());
}

#[test]
fn what_is_written_is_read_whatever_the_blocks() {
    let records = many(20_000);
    for block in [1_000, 8_191, 20_000] {
        let bytes = written(&records, Order::ByTime, block);
        let mut file = opened(&bytes).unwrap();
        assert_eq!(file.rows_hint(), Some(20_000));
        assert_eq!(file.time_hint().map(|span| span.1.as_millis()), Some(6_666_000));
        let read = rest(&mut file);
        assert_eq!(digest(&read), digest(&records), "{block} records a block");
        assert_eq!(file.damage(), None);
    }
    let empty = written(&[], Order::ByTime, 1);
    let mut file = opened(&empty).unwrap();
    assert!(rest(&mut file).is_empty());
    assert_eq!((file.damage(), file.rows_hint()), (None, Some(0)));
}

#[test]
fn a_file_cut_anywhere_is_read_up_to_the_last_whole_block() {
    let records = many(100);
    let bytes = written(&records, Order::ByTime, 10);
    let mut ends = Vec::new();
    let mut file = opened(&bytes).unwrap();
    let mut vehicles = Vehicles::new();
    while file.next(&mut vehicles).unwrap().is_some() {
        let block = file.block().unwrap();
        if ends.last() != Some(&(block.offset + block.bytes)) {
            ends.push(block.offset + block.bytes);
        }
    }
    assert_eq!(ends.len(), 10);
    for length in 8..bytes.len() {
        let mut file = opened(&bytes[..length]).unwrap();
        let whole = ends.iter().take_while(|end| **end <= length as u64).count();
        assert_eq!(rest(&mut file), records[..whole * 10], "cut at {length}");
        let damage = file.damage().unwrap_or_else(|| panic!("cut at {length}: no damage"));
        let start = if length < 20 { 0 } else { whole.checked_sub(1).map_or(20, |i| ends[i]) };
        assert_eq!((damage.offset, damage.block), (start, whole as u64), "cut at {length}");
        let at_end = length >= 20 && length as u64 == start;
        assert_eq!(damage.what == DamageKind::NoFooter, at_end, "cut at {length}: {damage}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_seen() {
    let records = many(60);
    let bytes = written(&records, Order::ByTime, 20);
    for at in 8..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 1 << (at % 8);
        let mut file = opened(&broken).unwrap();
        let read = rest(&mut file);
        assert!(records.starts_with(&read), "byte {at}");
        assert!(file.damage().is_some(), "byte {at}: the damage went unseen");
        assert_eq!(read.len() % 20, 0, "byte {at}");
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_they_are_believed() {
    let bytes = written(&many(5), Order::ByTime, 5);
    let cases: [(usize, u32, &str); 5] = [
        (20 + 8, u32::MAX, "rows"),
        (20 + 8, 0, "rows"),
        (20 + 12, 6, "vehicles"),
        (20 + 32, limits::MAX_TRACE_BLOCK_BYTES + 1, "unpacked bytes"),
        (20 + 36, u32::MAX, "packed bytes"),
    ];
    for (at, value, name) in cases {
        let mut broken = bytes.clone();
        broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let mut file = opened(&broken).unwrap();
        assert!(rest(&mut file).is_empty());
        let what = file.damage().unwrap().what;
        assert!(matches!(what, DamageKind::OverLimit { what, .. } if what == name), "{what}");
    }
}

#[test]
fn a_bomb_is_unpacked_no_further_than_promised() {
    // A sound checksum over a payload that unpacks to far more than its header says.
    let mut bytes = written(&many(5), Order::ByTime, 5);
    let packed = {
        use std::io::Write;
        let level = flate2::Compression::best();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
        encoder.write_all(&vec![0; 64 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    let mut head = bytes[20..60].to_vec();
    head[36..].copy_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
    head.extend_from_slice(&packed);
    let crc = crc32fast::hash(&head);
    bytes.truncate(20);
    bytes.extend_from_slice(&head[..40]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&packed);
    let mut file = opened(&bytes).unwrap();
    assert!(rest(&mut file).is_empty());
    let what = file.damage().unwrap().what;
    assert_eq!(what, DamageKind::Content("it unpacks to another size than promised"));
}

#[test]
fn seeking_equals_reading_and_dropping_with_or_without_a_footer() {
    let sorted = many(3_000);
    let mut shuffled = sorted.clone();
    shuffled.sort_by_key(|(_, record)| record.at.as_millis() * 7_919 % 1_009);
    for (records, order) in [(sorted, Order::ByTime), (shuffled, Order::AsArrived)] {
        let whole = written(&records, order, 100);
        let footer = 30 * 28 + 20 + 16;
        for bytes in [&whole[..], &whole[..whole.len() - footer]] {
            let mut file = opened(bytes).unwrap();
            for millis in [-1, 0, 1, 500_000, 998_000, 999_000, 999_001, 3] {
                file.seek(Timestamp::from_millis(millis)).unwrap();
                let late = |named: &&Named| named.1.at.as_millis() >= millis;
                let expected: Vec<Named> = records.iter().filter(late).copied().collect();
                assert_eq!(rest(&mut file), expected, "{order:?} from {millis}");
            }
        }
    }
}

#[test]
fn promised_order_is_kept_by_the_writer_and_checked_by_the_reader() {
    let mut writer = TraceWriter::new(Vec::new(), Path::new("m"), Order::ByTime).unwrap();
    let (early, late) = (record("a", 1, 0, 0), record("a", 2, 0, 0));
    writer.write(&late.0, &late.1).unwrap();
    let refused = writer.write(&early.0, &early.1).unwrap_err();
    assert!(matches!(refused, TraceError::OutOfOrder { .. }), "{refused}");
    assert_eq!(writer.pending(), 1);

    // Two blocks in the wrong order under a header that promises order.
    let mut bytes = written(&[late, early], Order::AsArrived, 1);
    let sorted = written(&[], Order::ByTime, 1);
    bytes[..20].copy_from_slice(&sorted[..20]);
    let mut file = opened(&bytes).unwrap();
    assert_eq!(rest(&mut file), [late]);
    let what = file.damage().unwrap().what;
    assert_eq!(what, DamageKind::Content("records break the promised time order"));
}

#[test]
fn strange_files_are_told_apart() {
    assert!(matches!(opened(b""), Err(TraceError::UnknownFormat { .. })));
    assert!(matches!(opened(b"lat,lng\n"), Err(TraceError::UnknownFormat { .. })));
    let mut newer = written(&many(1), Order::ByTime, 1);
    newer[8] = 9;
    let crc = crc32fast::hash(&newer[..16]);
    newer[16..20].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(opened(&newer), Err(TraceError::UnsupportedVersion { found: 9, .. })));
}

#[test]
fn after_a_failed_write_the_writer_refuses() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl Sink for Full {
        fn sync(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = TraceWriter::new(Full(30), Path::new("full"), Order::ByTime).unwrap();
    let (driver, record) = record("a", 0, 0, 0);
    writer.write(&driver, &record).unwrap();
    assert!(matches!(writer.flush(), Err(TraceError::Io { .. })));
    assert!(matches!(writer.flush(), Err(TraceError::Broken)));
    assert!(matches!(writer.finish(), Err(TraceError::Broken)));
}

fn any_record() -> impl Strategy<Value = Named> {
    let motion = (
        proptest::option::of(0_u16..36_000),
        proptest::option::of(0_u16..u16::MAX),
        proptest::option::of(0_u16..u16::MAX),
    );
    let position = (-900_000_000..=900_000_000, -1_800_000_000..1_800_000_000);
    let status = proptest::option::of(proptest::sample::select(DriverStatus::ALL.to_vec()));
    ("[a-zé]{1,4}", any::<i64>(), position, motion, status).prop_map(
        |(id, millis, (lat, lng), (heading_cdeg, speed_cm_s, accuracy_dm), status)| {
            let (driver, record) = record(&id, millis, lat, lng);
            let motion = Motion { heading_cdeg, speed_cm_s, accuracy_dm };
            (driver, Record { motion, status, ..record })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_round_trip(
        records in proptest::collection::vec(any_record(), 0..60),
        block in 1_usize..20,
    ) {
        let bytes = written(&records, Order::AsArrived, block);
        let mut file = opened(&bytes).unwrap();
        prop_assert_eq!(rest(&mut file), records);
        prop_assert_eq!(file.damage(), None);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(mut noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(mut file) = opened(&noise) {
            rest(&mut file);
        }
        noise.splice(0..0, MAGIC);
        let mut file = opened(&noise);
        if let Ok(file) = &mut file {
            rest(file);
            prop_assert!(file.damage().is_some());
        }
    }

    /// Blocks with sound checksums around arbitrary columns get past the first defences.
    #[test]
    fn no_columns_make_the_reader_panic(
        columns in proptest::collection::vec(any::<u8>(), 1..300),
        rows in 1_u32..40,
        vehicles in 1_u32..4,
    ) {
        let shape = Shape {
            rows,
            parts: vehicles.min(rows),
            first: Timestamp::from_millis(i64::MIN),
            last: Timestamp::from_millis(i64::MAX),
        };
        if let Ok(decoded) = super::columns::Columns::decode(&columns, shape) {
            prop_assert_eq!(decoded.records.len(), rows as usize);
        }
    }
}
