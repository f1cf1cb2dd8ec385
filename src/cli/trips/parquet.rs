//! The export as Apache Parquet: typed columns, a row group at a time.
//!
//! Texts are `STRING`s (states, reasons and ids alike), moments `TIMESTAMP` in milliseconds UTC, places
//! `DOUBLE` degrees, money `INT64` minor units with the currency in a column of its own. What a trip has
//! not is null. Columns are compressed with gzip, which every reader has.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use parquet::basic::{Compression, GzipLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::columns::{COLUMNS, Cell, Column, Kind, Presence};
use crate::limits;

/// The cells of one column of a row group.
struct Gathered {
    column: Column,
    values: Values,
    /// 1 for each trip that has a cell, 0 for each that has none.
    defined: Vec<i16>,
}

enum Values {
    Texts(Vec<ByteArray>),
    Longs(Vec<i64>),
    Doubles(Vec<f64>),
    Ints(Vec<i32>),
}

/// An export being written.
pub(super) struct ParquetExport<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Gathered>,
    rows: usize,
}

impl<W: Write + Send> ParquetExport<W> {
    /// Begins a file.
    pub(super) fn new(out: W) -> anyhow::Result<Self> {
        let schema = parse_message_type(&schema()).context("the schema is ours")?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(GzipLevel::default()))
            .set_created_by(concat!("hansom ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        let columns = COLUMNS.into_iter().map(Gathered::new).collect();
        Ok(Self { writer, columns, rows: 0 })
    }

    /// Adds a trip.
    pub(super) fn write(&mut self, cells: [Option<Cell>; COLUMNS.len()]) -> anyhow::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.add(cell)?;
        }
        self.rows += 1;
        if self.rows >= limits::PARQUET_GROUP_ROWS { self.cut() } else { Ok(()) }
    }

    /// Writes what is left, and the file's end.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        if self.rows > 0 {
            self.cut()?;
        }
        self.writer.close()?;
        Ok(())
    }

    fn cut(&mut self) -> anyhow::Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let mut writer = group.next_column()?.context("a column for each of ours")?;
            column.write(&mut writer)?;
            writer.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Gathered {
    fn new(column: Column) -> Self {
        let values = match column.kind {
            Kind::Text => Values::Texts(Vec::new()),
            Kind::Moment | Kind::Minor => Values::Longs(Vec::new()),
            Kind::Degrees => Values::Doubles(Vec::new()),
            Kind::Count => Values::Ints(Vec::new()),
        };
        Self { column, values, defined: Vec::new() }
    }

    fn add(&mut self, cell: Option<Cell>) -> anyhow::Result<()> {
        let Column { name, presence, .. } = self.column;
        anyhow::ensure!(
            cell.is_some() || presence == Presence::Maybe,
            "a trip has no {name}, which each has"
        );
        self.defined.push(i16::from(cell.is_some()));
        match (&mut self.values, cell) {
            (_, None) => {}
            (Values::Texts(texts), Some(Cell::Text(text))) => {
                texts.push(ByteArray::from(text.into_bytes()));
            }
            (Values::Longs(longs), Some(Cell::Moment(at))) => longs.push(at.as_millis()),
            (Values::Longs(longs), Some(Cell::Minor(minor))) => longs.push(minor),
            (Values::Doubles(doubles), Some(Cell::Degrees(degrees))) => doubles.push(degrees),
            (Values::Ints(ints), Some(Cell::Count(count))) => ints.push(count),
            (_, Some(cell)) => anyhow::bail!("{cell} is not what the column {name} has"),
        }
        Ok(())
    }

    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> anyhow::Result<()> {
        let defined = (self.column.presence == Presence::Maybe).then_some(&self.defined[..]);
        match &mut self.values {
            Values::Texts(texts) => {
                writer.typed::<ByteArrayType>().write_batch(texts, defined, None)?;
                texts.clear();
            }
            Values::Longs(longs) => {
                writer.typed::<Int64Type>().write_batch(longs, defined, None)?;
                longs.clear();
            }
            Values::Doubles(doubles) => {
                writer.typed::<DoubleType>().write_batch(doubles, defined, None)?;
                doubles.clear();
            }
            Values::Ints(ints) => {
                writer.typed::<Int32Type>().write_batch(ints, defined, None)?;
                ints.clear();
            }
        }
        self.defined.clear();
        Ok(())
    }
}

/// The schema, as Parquet writes it down.
fn schema() -> String {
    let column = |column: &Column| {
        let presence = match column.presence {
            Presence::Always => "REQUIRED",
            Presence::Maybe => "OPTIONAL",
        };
        let (kind, means) = match column.kind {
            Kind::Text => ("BYTE_ARRAY", " (STRING)"),
            Kind::Moment => ("INT64", " (TIMESTAMP(MILLIS,true))"),
            Kind::Degrees => ("DOUBLE", ""),
            Kind::Count => ("INT32", ""),
            Kind::Minor => ("INT64", ""),
        };
        format!("{presence} {kind} {}{means};", column.name)
    };
    let columns: Vec<String> = COLUMNS.iter().map(column).collect();
    format!("message trip {{ {} }}", columns.join(" "))
}

#[cfg(test)]
mod tests;
