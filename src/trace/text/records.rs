//! Lines of comma-separated fields, whatever they mean.
//!
//! A record longer than a limit, as after a quote left open, ends the reading with an error
//! instead of filling memory.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits;
use crate::trace::TraceError;

/// How the fields are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::trace) enum Dialect {
    /// Names in the first line, quotes as in RFC 4180.
    Headed,
    /// Rows from the first line on; a quote is a character like any other.
    Bare,
}

/// The records of one input, one at a time.
pub(in crate::trace) struct CsvRecords<R: Read> {
    reader: csv::Reader<Guard<R>>,
    since_record: Arc<AtomicU64>,
    record: csv::ByteRecord,
}

impl<R: Read> CsvRecords<R> {
    pub(in crate::trace) fn new(input: R, dialect: Dialect) -> Self {
        let since_record = Arc::new(AtomicU64::new(0));
        let guard = Guard { input, since_record: Arc::clone(&since_record) };
        let headed = dialect == Dialect::Headed;
        let reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(headed)
            .quoting(headed)
            .from_reader(guard);
        Self { reader, since_record, record: csv::ByteRecord::new() }
    }

    /// The names in the first line.
    pub(in crate::trace) fn names(&mut self, path: &Path) -> Result<Vec<String>, TraceError> {
        let header = self.reader.byte_headers().map_err(|error| failure(error, path))?;
        Ok(header.iter().map(clean).collect())
    }

    /// Goes to the next record; false at the end. Lines of blanks are none.
    pub(in crate::trace) fn advance(&mut self, path: &Path) -> Result<bool, TraceError> {
        loop {
            self.since_record.store(0, Ordering::Relaxed);
            let read = self.reader.read_byte_record(&mut self.record);
            let more = read.map_err(|error| failure(error, path))?;
            if !more || self.fields() > 1 || self.text(0) != Some("") {
                return Ok(more);
            }
        }
    }

    /// A field of the present record without blanks around it; `None` if it has none there or it
    /// is no text.
    pub(in crate::trace) fn text(&self, column: usize) -> Option<&str> {
        str::from_utf8(self.record.get(column)?).ok().map(str::trim)
    }

    /// How many fields the present record has.
    pub(in crate::trace) fn fields(&self) -> usize {
        self.record.len()
    }
}

/// A column's name without what surrounds it.
pub(super) fn clean(name: &[u8]) -> String {
    let name = name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name);
    String::from_utf8_lossy(name).trim().to_owned()
}

fn failure(error: csv::Error, path: &Path) -> TraceError {
    let at = error.position().map(|position| format!("line {}: ", position.line()));
    let cause = match error.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        kind => io::Error::other(format!("{}{kind:?}", at.unwrap_or_default())),
    };
    TraceError::Io { path: path.to_path_buf(), cause }
}

/// Counts the bytes handed out since the last record, and refuses too many.
struct Guard<R> {
    input: R,
    since_record: Arc<AtomicU64>,
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_record.load(Ordering::Relaxed) > limits::MAX_CSV_RECORD_BYTES {
            let limit = limits::MAX_CSV_RECORD_BYTES;
            let what = format!("a record is longer than {limit} bytes; is a quote left open?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let count = self.input.read(buffer)?;
        self.since_record.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
