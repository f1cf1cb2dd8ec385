//! Why a trip was offered to whom, once memory has forgotten: from the files of the log.

use super::{DecisionFile, DecisionLogError, LogPlace};
use crate::dispatch::policy::Explanation;
use crate::ids::TripId;
use crate::records::LogEntry;
use crate::units::Timestamp;

/// A market's log, to be read while it is written.
#[derive(Clone, Debug)]
pub struct Archive {
    place: LogPlace,
}

impl Archive {
    /// The log at this place.
    pub const fn new(place: LogPlace) -> Self {
        Self { place }
    }

    /// What the last decision between two moments, both included, that a trip was part of says of it;
    /// `None` if there is none in the log, as when its file was deleted or damaged before it.
    ///
    /// Reads files, and so is nothing for a thread that others wait for. Looks no further once the
    /// answer is not `wanted` any more, which is asked before each entry.
    ///
    /// # Errors
    /// [`DecisionLogError`] if a file cannot be read.
    ///
    /// # Complexity
    /// From the newest file to the oldest until it is found: those are read whose footer says that they
    /// may have it, and those without a footer.
    pub fn explain(
        &self,
        trip: TripId,
        (from, to): (Timestamp, Timestamp),
        wanted: &dyn Fn() -> bool,
    ) -> Result<Option<Explanation>, DecisionLogError> {
        let segments = self.place.segments().map_err(DecisionLogError::io(&self.place.folder))?;
        for segment in segments.iter().rev() {
            if !wanted() {
                return Ok(None);
            }
            let mut file = match DecisionFile::open(&segment.path) {
                Ok(file) => file,
                // Deleted since, or just begun.
                Err(DecisionLogError::Io { .. } | DecisionLogError::NotALog { .. }) => continue,
                Err(error) => return Err(error),
            };
            if file.span().is_some_and(|(first, last)| first > to || last < from) {
                continue;
            }
            file.skip_before(from)?;
            let mut found = None;
            while let Some(entry) = file.next_entry()? {
                if entry.at() > to {
                    break;
                }
                if !wanted() {
                    return Ok(None);
                }
                if let LogEntry::Decided(logged) = entry
                    && let Some(explanation) = logged.decision.explain(trip)
                {
                    found = Some(explanation);
                }
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
