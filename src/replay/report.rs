//! What a replay found, as numbers that add up.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::units::Timestamp;

/// What a replay found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The format of the inputs.
    pub format: String,
    /// Where the reports went: an address, or `embedded`.
    pub target: String,
    /// How fast the trace passed.
    pub speed: String,
    /// `keep` or `rebase`.
    pub device_times: &'static str,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// What became of the rows.
    pub rows: Rows,
    /// Vehicles that reported.
    pub drivers: u64,
    /// When the first and the last row were recorded, in milliseconds since the Unix epoch.
    pub time_span_ms: Option<(Timestamp, Timestamp)>,
    /// Where they were.
    pub bounds: Option<Bounds>,
    /// From the first batch to the last acknowledgement; at full speed without the checks.
    pub replay_seconds: f64,
    /// What the checks took.
    pub check_seconds: f64,
    /// Rows accepted a second.
    pub updates_per_second: f64,
    /// How long answers took, from the moment the question was due; `None` without questions.
    pub query_latency: Option<Latency>,
    /// How answers compared with the linear scan; `None` if they were not compared.
    pub checks: Option<Checks>,
    /// Where files were damaged.
    pub damage: Vec<String>,
    /// Files in folders and archives that were passed over.
    pub skipped_files: u64,
    /// The first of them by name, with the reason.
    pub skipped: Vec<String>,
}

/// What became of the rows: `read = rejected_by_reader + unsent + sent`, and
/// `sent = accepted + rejected_by_server`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// Rows found in the input.
    pub read: u64,
    /// Rows that are no reports, by reason.
    pub rejected_by_reader: BTreeMap<String, u64>,
    /// Rows read but not sent, because the replay was ended early.
    pub unsent: u64,
    /// Rows sent.
    pub sent: u64,
    /// Rows that the server applied, the implausible ones included.
    pub accepted: u64,
    /// Rows that moved faster than a vehicle can.
    pub implausible: u64,
    /// Rows that the server did not apply, by reason.
    pub rejected_by_server: BTreeMap<String, u64>,
}

impl Rows {
    /// Whether there were rows and none of them became a position.
    pub fn all_rejected(&self) -> bool {
        let all_seen = self.read > 0 && self.unsent == 0;
        self.accepted == 0 && (self.sent > 0 || all_seen)
    }

    /// Whether each row is accounted for, exactly once.
    ///
    /// # Errors
    /// The sum that does not hold.
    pub fn add_up(&self, interrupted: bool) -> Result<(), String> {
        let reader: u64 = self.rejected_by_reader.values().sum();
        let server: u64 = self.rejected_by_server.values().sum();
        let (read, sent, unsent, accepted) = (self.read, self.sent, self.unsent, self.accepted);
        if reader + unsent + sent != read {
            return Err(format!(
                "{read} rows read are not {reader} rejected by the reader + {unsent} unsent + \
                 {sent} sent"
            ));
        }
        if accepted + server != sent {
            return Err(format!(
                "{sent} rows sent are not {accepted} accepted + {server} rejected by the server"
            ));
        }
        if unsent > 0 && !interrupted {
            return Err(format!("{unsent} rows were not sent although nobody interrupted"));
        }
        Ok(())
    }
}

/// The smallest box around all positions, in degrees; one that crosses the antimeridian is given
/// the long way around.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bounds {
    /// The southernmost latitude.
    pub south: f64,
    /// The westernmost longitude.
    pub west: f64,
    /// The northernmost latitude.
    pub north: f64,
    /// The easternmost longitude.
    pub east: f64,
}

/// How long answers took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Questions answered.
    pub answered: u64,
    /// Questions that failed.
    pub failed: u64,
    /// Questions that were not asked because too many were under way.
    pub overdue: u64,
    /// Drivers in an answer, on average.
    pub mean_hits: f64,
    /// Half of the answers took no longer, in microseconds.
    pub p50_us: f64,
    /// Nine tenths.
    pub p90_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
}

impl Latency {
    /// The percentiles of a histogram of nanoseconds.
    pub fn of(nanos: &Histogram<u64>) -> Self {
        let micros = |quantile| nanos.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            answered: nanos.len(),
            failed: 0,
            overdue: 0,
            mean_hits: 0.0,
            p50_us: micros(0.5),
            p90_us: micros(0.9),
            p99_us: micros(0.99),
            p999_us: micros(0.999),
            max_us: nanos.max() as f64 / 1e3,
        }
    }
}

/// How sampled answers compared with the linear scan.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Checks {
    /// Answers compared.
    pub checked: u64,
    /// Answers with the same drivers in the same order at the same distances.
    pub equal: u64,
    /// Drivers in those answers.
    pub hits: u64,
    /// The first answer that differs.
    pub first_mismatch: Option<Mismatch>,
}

/// An answer that differs from the linear scan's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    /// What was asked, or which row the two judged differently.
    pub what: String,
    /// What the server said.
    pub server: String,
    /// What the linear scan says.
    pub scan: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows {
            read: 10,
            rejected_by_reader: [("no_fix".to_owned(), 2)].into(),
            unsent: 0,
            sent: 8,
            accepted: 5,
            implausible: 1,
            rejected_by_server: [("duplicate".to_owned(), 3)].into(),
        }
    }

    #[test]
    fn rows_of_which_none_is_accepted_are_noticed() {
        assert!(!rows().all_rejected());
        assert!(Rows { accepted: 0, ..rows() }.all_rejected());
        assert!(!Rows::default().all_rejected(), "no rows, no complaint");
        let stopped = Rows { accepted: 0, sent: 0, unsent: 8, ..rows() };
        assert!(!stopped.all_rejected(), "the rest might have been accepted");
        let unfit = Rows { read: 2, ..Rows::default() };
        assert!(unfit.all_rejected());
    }

    #[test]
    fn a_row_lost_or_counted_twice_is_noticed() {
        assert_eq!(rows().add_up(false), Ok(()));
        let wrong = [
            Rows { read: 11, ..rows() },
            Rows { accepted: 6, ..rows() },
            Rows { sent: 9, accepted: 6, ..rows() },
            Rows { rejected_by_server: BTreeMap::new(), ..rows() },
        ];
        for rows in wrong {
            assert!(rows.add_up(true).is_err(), "{rows:?}");
        }
        let early = Rows { read: 12, unsent: 2, ..rows() };
        assert_eq!(early.add_up(true), Ok(()));
        assert!(early.add_up(false).is_err());
    }
}
