//! Why a trip was offered to whom, when memory has forgotten it: from the log of decisions.

use std::sync::Arc;

use super::error::HostError;
use super::handle::MarketHandle;
use crate::dispatch::policy::Explanation;
use crate::ids::TripId;
use crate::units::Timestamp;

impl MarketHandle {
    /// What the log of decisions says of a trip: by the last decision that it was part of. `None`
    /// without a log, or if the log has none.
    ///
    /// Files are read on a thread for such work, [`crate::limits::MAX_ARCHIVE_READS`] at once; others
    /// wait for their turn.
    ///
    /// # Errors
    /// [`HostError::Unreadable`], and as [`Self::trip`].
    pub async fn explain_from_log(&self, trip: TripId) -> Result<Option<Explanation>, HostError> {
        if self.shared.archive.is_none() {
            return Ok(None);
        }
        let shared = Arc::clone(&self.shared);
        let Ok(_permit) = shared.archive_reads.acquire().await else { return Ok(None) };
        let handle = self.clone();
        let read = tokio::task::spawn_blocking(move || handle.read_log(trip)).await;
        read.unwrap_or_else(|error| Err(HostError::Unreadable { trip, cause: error.to_string() }))
    }

    fn read_log(&self, trip: TripId) -> Result<Option<Explanation>, HostError> {
        let Some(archive) = &self.shared.archive else { return Ok(None) };
        let Some(found) = self.trip(trip)? else { return Ok(None) };
        let until = found.end.map_or(Timestamp::from_millis(i64::MAX), |end| end.at);
        let explained = archive.explain(trip, (found.requested_at, until));
        explained.map_err(|error| HostError::Unreadable { trip, cause: error.to_string() })
    }
}
