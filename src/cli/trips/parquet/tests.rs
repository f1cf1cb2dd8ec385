//! The export read back with the same crate: types, nulls, row groups.

use std::fs::File;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;

use super::*;
use crate::units::Timestamp;

/// The cells of the `i`-th trip: each kind present and absent.
fn row(i: i64) -> [Option<Cell>; COLUMNS.len()] {
    let mut ix = 0;
    COLUMNS.map(|column| {
        ix += 1;
        if column.presence == Presence::Maybe && (i + ix) % 3 == 0 {
            return None;
        }
        Some(match column.kind {
            Kind::Text => Cell::Text(format!("{}-{i}-é", column.name)),
            Kind::Moment => Cell::Moment(Timestamp::from_millis(1_700_000_000_123 + i * ix)),
            Kind::Degrees => Cell::Degrees(f64::from(i32::try_from(i % 90).unwrap()) + 0.25),
            Kind::Count => Cell::Count(i32::try_from(i).unwrap()),
            Kind::Minor => Cell::Minor(-i * 1_000_000_007),
        })
    })
}

fn written(rows: i64) -> SerializedFileReader<File> {
    let file = tempfile::tempfile().unwrap();
    let mut export = ParquetExport::new(file.try_clone().unwrap()).unwrap();
    (0..rows).for_each(|i| export.write(row(i)).unwrap());
    export.finish().unwrap();
    SerializedFileReader::new(file).unwrap()
}

#[test]
fn what_is_written_is_read_with_its_types() {
    let rows = i64::try_from(limits::PARQUET_GROUP_ROWS).unwrap() + 1_000;
    let reader = written(rows);
    let metadata = reader.metadata();
    assert_eq!(metadata.file_metadata().num_rows(), rows);
    let groups: Vec<i64> = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(groups, [rows - 1_000, 1_000], "row groups are bounded");
    for (read, column) in metadata.file_metadata().schema_descr().columns().iter().zip(COLUMNS) {
        assert_eq!(read.name(), column.name);
        let required = read.self_type().get_basic_info().repetition() == Repetition::REQUIRED;
        assert_eq!(required, column.presence == Presence::Always);
        let moment = LogicalType::timestamp(true, TimeUnit::MILLIS);
        let expected = match column.kind {
            Kind::Text => (Type::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Moment => (Type::INT64, Some(moment)),
            Kind::Degrees => (Type::DOUBLE, None),
            Kind::Count => (Type::INT32, None),
            Kind::Minor => (Type::INT64, None),
        };
        assert_eq!((read.physical_type(), read.logical_type_ref().cloned()), expected);
    }
    let (mut nulls, mut values) = (0, 0);
    for (i, read) in (0..).zip(reader.get_row_iter(None).unwrap()) {
        let read = read.unwrap();
        for (at, cell) in row(i).iter().enumerate() {
            match cell {
                None => {
                    let field = read.get_column_iter().nth(at).unwrap().1;
                    assert_eq!(field, &parquet::record::Field::Null);
                    nulls += 1;
                    continue;
                }
                Some(Cell::Text(text)) => assert_eq!(read.get_string(at).unwrap(), text),
                Some(Cell::Moment(moment)) => {
                    assert_eq!(read.get_timestamp_millis(at).unwrap(), moment.as_millis());
                }
                Some(Cell::Degrees(degrees)) => {
                    assert!((read.get_double(at).unwrap() - degrees).abs() < f64::EPSILON);
                }
                Some(Cell::Count(count)) => assert_eq!(read.get_int(at).unwrap(), *count),
                Some(Cell::Minor(minor)) => assert_eq!(read.get_long(at).unwrap(), *minor),
            }
            values += 1;
        }
    }
    assert!(nulls > rows * 4 && values > rows * 15, "{nulls} nulls, {values} values");
}

#[test]
fn no_trips_are_a_file_too() {
    assert_eq!(written(0).metadata().file_metadata().num_rows(), 0);
}

#[test]
fn a_cell_of_another_kind_is_refused() {
    let mut bytes = Vec::new();
    let mut export = ParquetExport::new(&mut bytes).unwrap();
    let mut cells = row(0);
    cells[0] = Some(Cell::Count(7));
    let told = export.write(cells).unwrap_err().to_string();
    assert_eq!(told, "7 is not what the column trip_id has");
    let mut cells = row(0);
    cells[0] = None;
    assert!(export.write(cells).unwrap_err().to_string().contains("no trip_id"));
    let schema = Arc::new(parse_message_type(&schema()).unwrap());
    assert_eq!(schema.get_fields().len(), COLUMNS.len());
}
