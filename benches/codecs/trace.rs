//! Measured: 65,536 positions written as a trace, and read. Workload: 20,000 drivers moving about.
//! Notes: the twin keeps the same fields as they are, 24 bytes a row without names, checksums or
//! compression: what there is to copy.

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;

use criterion::{Criterion, Throughput};
use hansom::bench::fleet::Fleet;
use hansom::geo::LatLng;
use hansom::ids::DriverId;
use hansom::model::Motion;
use hansom::trace::{Order, Record, TraceFile, TraceWriter, VehicleIx, Vehicles};
use hansom::units::{Millis, Timestamp};

const ROWS: usize = 65_536;
const DRIVERS: u32 = 20_000;

fn rows() -> Vec<(DriverId, Record)> {
    let mut fleet = Fleet::new(DRIVERS, 7, Timestamp::from_secs(1_700_000_000));
    let row = |_| {
        fleet.pass(Millis(1));
        let (driver, place) = fleet.step();
        let record = Record {
            at: fleet.now(),
            vehicle: VehicleIx(driver),
            position: LatLng::try_from(place).expect("on the globe"),
            motion: Motion::default(),
            status: None,
        };
        (Fleet::name(driver).parse().expect("an id"), record)
    };
    (0..ROWS).map(row).collect()
}

fn encode(rows: &[(DriverId, Record)]) -> Vec<u8> {
    let path = Path::new("memory");
    let mut writer = TraceWriter::new(Vec::new(), path, Order::ByTime).expect("memory is there");
    for (driver, record) in rows {
        writer.write(driver, record).expect("in the order of time");
    }
    writer.finish().expect("memory is there")
}

fn decode(bytes: &[u8]) -> usize {
    let mut file = TraceFile::new(Cursor::new(bytes), Path::new("memory")).expect("a trace");
    let mut vehicles = Vehicles::new();
    let mut count = 0;
    while let Some(record) = file.next(&mut vehicles).expect("whole blocks") {
        black_box(record);
        count += 1;
    }
    count
}

/// The twin.
fn copied(rows: &[(DriverId, Record)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (_, record) in rows {
        bytes.extend(record.at.as_millis().to_le_bytes());
        bytes.extend(u64::from(record.vehicle.0).to_le_bytes());
        bytes.extend(record.position.lat_e7().to_le_bytes());
        bytes.extend(record.position.lng_e7().to_le_bytes());
    }
    bytes
}

pub(crate) fn bench(c: &mut Criterion) {
    let rows = rows();
    let bytes = encode(&rows);
    assert_eq!(decode(&bytes), ROWS);
    let mut group = c.benchmark_group("trace");
    group.sample_size(20).throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("encode", |b| b.iter(|| encode(&rows)));
    group.bench_function("encode, fields as they are", |b| b.iter(|| copied(&rows)));
    group.bench_function("decode", |b| b.iter(|| decode(&bytes)));
    let plain = copied(&rows);
    group.bench_function("decode, fields as they are", |b| {
        b.iter(|| {
            plain.chunks_exact(24).for_each(|row| {
                black_box(row);
            });
        });
    });
    group.finish();
}
