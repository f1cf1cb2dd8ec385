//! A market as its journal has it.

use std::sync::Arc;

use super::error::HostStartError;
use crate::dispatch::{Head, Market, MarketConfig, Policy, Trip};
use crate::journal::{History, Journal, StreamId};
use crate::limits;
use crate::records;
use crate::travel::TravelTime;

/// The market with all trips that are open, and the latest of those that have ended.
///
/// # Complexity
/// O(n log n) for n open trips and the ended ones that are remembered, whatever history there is.
pub(super) fn restore(
    config: MarketConfig,
    policy: Box<dyn Policy>,
    travel: Arc<dyn TravelTime>,
    journal: &dyn Journal,
) -> Result<Market, HostStartError> {
    let head = match journal.head()? {
        None => Head::new(config.market),
        Some(bytes) => records::decode_head(&bytes)
            .map_err(|cause| HostStartError::Record { what: "the head".to_owned(), cause })?,
    };
    let mut trips = ended(&config, head, journal)?;
    open(journal, &mut trips)?;
    Ok(Market::restore(config, policy, travel, head, trips)?)
}

fn open(journal: &dyn Journal, trips: &mut Vec<Trip>) -> Result<(), HostStartError> {
    let mut after = StreamId::NONE;
    loop {
        let page = journal.open_streams(after, limits::MAX_JOURNAL_PAGE)?;
        for row in &page.rows {
            after = row.stream;
            trips.push(trip(row.stream, &row.state)?);
        }
        if !page.more {
            return Ok(());
        }
    }
}

/// Those that ended latest, in the order of their ends.
fn ended(
    config: &MarketConfig,
    head: Head,
    journal: &dyn Journal,
) -> Result<Vec<Trip>, HostStartError> {
    let from = head.at.minus(config.ended_kept_for);
    let mut question = History { from, ..History::latest(limits::MAX_JOURNAL_PAGE) };
    let mut trips = Vec::new();
    loop {
        question.size = (config.ended_kept - trips.len()).min(limits::MAX_JOURNAL_PAGE);
        if question.size == 0 {
            break;
        }
        let page = journal.history(&question)?;
        for row in &page.rows {
            trips.push(trip(row.stream, &row.state)?);
        }
        match page.rows.last() {
            Some(last) if page.more => question = question.after(last),
            _ => break,
        }
    }
    trips.reverse();
    Ok(trips)
}

fn trip(stream: StreamId, state: &[u8]) -> Result<Trip, HostStartError> {
    records::decode_trip(state)
        .map_err(|cause| HostStartError::Record { what: format!("trip {stream}"), cause })
}
