//! Files in folders and archives that were passed over: never in silence.

use std::path::Path;

use super::TraceError;
use crate::limits;

/// Why a file was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// Folders are searched for files, not for archives.
    #[error("an archive in a folder; name it by itself")]
    Archive,
    /// Folders are searched only so far down.
    #[error("a folder too deep inside another; name it by itself")]
    TooDeep,
    /// The own format, packed.
    #[error("own format, packed; unpack it first")]
    PackedOwn,
    /// A CSV that the column mapping, if there is one, does not fit.
    #[error("a CSV that needs a column mapping")]
    NeedsColumns,
    /// It tells of requests, not of positions.
    #[error("a log of trip requests")]
    Requests,
    /// Packed in a way that is not read.
    #[error("unsupported compression")]
    UnsupportedCompression,
    /// None of the known formats.
    #[error("no trace")]
    NoTrace,
}

impl From<&TraceError> for SkipReason {
    fn from(error: &TraceError) -> Self {
        match error {
            TraceError::PackedOwn { .. } => Self::PackedOwn,
            TraceError::NeedsColumns { .. } | TraceError::NoSuchColumn { .. } => Self::NeedsColumns,
            TraceError::RequestLog { .. } => Self::Requests,
            TraceError::UnsupportedCompression { .. } => Self::UnsupportedCompression,
            _ => Self::NoTrace,
        }
    }
}

/// A file that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// Its path; for a file in an archive, the archive's path and its name there.
    pub name: String,
    /// Why.
    pub reason: SkipReason,
}

impl std::fmt::Display for SkippedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

/// All files that were passed over; the first [`limits::MAX_SKIPPED_NAMED`] by name.
#[derive(Clone, Debug, Default)]
pub struct Skipped {
    count: u64,
    named: Vec<SkippedFile>,
}

impl Skipped {
    /// How many.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Those that are named.
    pub fn named(&self) -> &[SkippedFile] {
        &self.named
    }

    pub(super) fn file(&mut self, path: &Path, reason: SkipReason) {
        self.add(&path.to_string_lossy(), reason);
    }

    pub(super) fn in_archive(&mut self, archive: &Path, name: &str, reason: SkipReason) {
        self.add(&format!("{}: {name}", archive.display()), reason);
    }

    fn add(&mut self, name: &str, reason: SkipReason) {
        self.count += 1;
        if self.named.len() < limits::MAX_SKIPPED_NAMED {
            // A name comes from the input and goes to a terminal.
            let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
            self.named.push(SkippedFile { name: name.chars().map(shown).collect(), reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_harmless_and_the_count_goes_on() {
        let mut skipped = Skipped::default();
        let archive = Path::new("a.tar");
        skipped.in_archive(archive, "x\x1b[2J", SkipReason::NoTrace);
        assert_eq!(skipped.named()[0].to_string(), "a.tar: x\u{fffd}[2J: no trace");
        for _ in 0..limits::MAX_SKIPPED_NAMED {
            skipped.file(archive, SkipReason::Archive);
        }
        assert_eq!(skipped.named().len(), limits::MAX_SKIPPED_NAMED);
        assert_eq!(skipped.count(), limits::MAX_SKIPPED_NAMED as u64 + 1);
    }
}
