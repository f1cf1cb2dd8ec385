//! Why a trip was offered to whom, when memory has forgotten it: from the log of decisions.

use std::sync::Arc;

use super::error::HostError;
use super::handle::MarketHandle;
use super::reading::Reading;
use crate::dispatch::policy::Explanation;
use crate::ids::TripId;
use crate::units::Timestamp;

impl MarketHandle {
    /// What the log of decisions says of a trip: by the last decision that it was part of. `None`
    /// without a log, or if the log has none.
    ///
    /// Files are read on a thread for such work, [`crate::limits::MAX_ARCHIVE_READS`] at once; others
    /// wait for their turn. Whoever does not wait any more is soon not read for.
    ///
    /// # Errors
    /// [`HostError::Unreadable`], and as [`Self::trip`].
    pub async fn explain_from_log(&self, trip: TripId) -> Result<Option<Explanation>, HostError> {
        if self.shared.archive.is_none() {
            return Ok(None);
        }
        let turns = Arc::clone(&self.shared.archive_reads);
        let Ok(turn) = turns.acquire_owned().await else { return Ok(None) };
        // Gone with the call, by which the look into the log knows.
        let call = Arc::new(());
        let (handle, waits) = (self.clone(), Arc::downgrade(&call));
        let read = Reading::begin(move || {
            // Given back by the look, not by the call, which may end before.
            let _turn = turn;
            handle.read_log(trip, &|| waits.strong_count() > 0)
        });
        let read = read.await;
        drop(call);
        read.unwrap_or_else(|error| Err(HostError::Unreadable { trip, cause: error.to_string() }))
    }

    fn read_log(
        &self,
        trip: TripId,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Option<Explanation>, HostError> {
        let Some(archive) = &self.shared.archive else { return Ok(None) };
        let Some(found) = self.trip(trip)? else { return Ok(None) };
        let until = found.end.map_or(Timestamp::from_millis(i64::MAX), |end| end.at);
        let explained = archive.explain(trip, (found.requested_at, until), wanted);
        explained.map_err(|error| HostError::Unreadable { trip, cause: error.to_string() })
    }
}
