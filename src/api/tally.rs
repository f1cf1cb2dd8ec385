//! What has become of a stream's reports: counts that add up.

use super::proto;
use crate::model::Reason;
use crate::telemetry::Metrics;

/// The reasons' names in metrics, by the number of [`proto::RejectReason`] less one.
pub(super) const REASON_NAMES: [&str; 11] = [
    Reason::OutOfOrder.name(),
    Reason::Duplicate.name(),
    Reason::TooOld.name(),
    Reason::InFuture.name(),
    Reason::UnknownDriver.name(),
    Reason::BadPosition.name(),
    Reason::BadValue.name(),
    "unknown_handle",
    "malformed_batch",
    "status_owned",
    "market_busy",
];

/// Counts of reports: `received = applied + the sum of rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) received: u64,
    pub(super) applied: u64,
    pub(super) implausible: u64,
    rejected: [u64; REASON_NAMES.len()],
}

impl Tally {
    /// Counts rows that were rejected for one reason.
    pub(super) fn reject(&mut self, metrics: &Metrics, reason: proto::RejectReason, rows: u64) {
        if let Some(place) = (reason as usize).checked_sub(1) {
            self.rejected[place] += rows;
            metrics.rejected(place, rows);
        }
    }

    /// Counts rows that were applied.
    pub(super) fn apply(&mut self, metrics: &Metrics, applied: u64, implausible: u64) {
        self.applied += applied;
        self.implausible += implausible;
        metrics.updates.increment(applied);
        if implausible > 0 {
            metrics.implausible.increment(implausible);
        }
    }

    /// The reasons that occurred, with their counts.
    pub(super) fn reject_counts(&self) -> Vec<proto::RejectCount> {
        let message = |(place, &count): (usize, &u64)| proto::RejectCount {
            reason: i32::try_from(place + 1).unwrap_or_default(),
            count,
        };
        self.rejected.iter().enumerate().filter(|(_, count)| **count > 0).map(message).collect()
    }
}

/// The wire's name for a reason.
pub(super) const fn reason_message(reason: Reason) -> proto::RejectReason {
    match reason {
        Reason::OutOfOrder => proto::RejectReason::OutOfOrder,
        Reason::Duplicate => proto::RejectReason::Duplicate,
        Reason::TooOld => proto::RejectReason::TooOld,
        Reason::InFuture => proto::RejectReason::InFuture,
        Reason::UnknownDriver => proto::RejectReason::UnknownDriver,
        Reason::BadPosition => proto::RejectReason::BadPosition,
        Reason::BadValue => proto::RejectReason::BadValue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_under_its_own_name() {
        let metrics = Metrics::new(&REASON_NAMES);
        let mut tally = Tally::default();
        for (i, reason) in (1..).zip(Reason::ALL) {
            tally.reject(&metrics, reason_message(reason), i);
        }
        let text = metrics.render();
        for (i, reason) in (1_u64..).zip(Reason::ALL) {
            let line =
                format!("hansom_location_updates_rejected_total{{reason=\"{reason}\"}} {i}\n");
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        assert_eq!(tally.reject_counts().len(), Reason::ALL.len());
    }
}
