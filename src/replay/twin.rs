//! The linear scan beside the server: fed with the rows that the server accepted, asked what the
//! server was asked.

use std::collections::VecDeque;

use super::report::{Checks, Mismatch};
use super::target;
use crate::api::convert;
use crate::api::proto::{DriverHit, NearestRequest, NearestResponse};
use crate::client::{Acked, reason_name};
use crate::ids::DriverId;
use crate::index::{Answer, BatchOutcome, LiveMap, ScanIndex};
use crate::model::Report;
use crate::trace::Record;
use crate::units::{Millis, Timestamp};

/// The twin, and how answers have compared so far.
#[derive(Debug)]
pub(super) struct Twin {
    scan: ScanIndex,
    ids: Vec<DriverId>,
    /// Batches without an acknowledgement; their number is bounded by the client's window.
    under_way: VecDeque<(u64, Vec<Record>)>,
    newest: Timestamp,
    outcome: BatchOutcome,
    answer: Answer,
    checks: Checks,
}

impl Twin {
    pub(super) fn new() -> Self {
        Self {
            scan: ScanIndex::new(target::index_config()),
            ids: Vec::new(),
            under_way: VecDeque::new(),
            newest: Timestamp::from_millis(i64::MIN),
            outcome: BatchOutcome::default(),
            answer: Answer::default(),
            checks: Checks::default(),
        }
    }

    /// Vehicles that the server was told of, in the order of their numbers.
    pub(super) fn bind(&mut self, ids: &[DriverId]) {
        self.ids.extend_from_slice(ids);
    }

    /// Rows that the server was sent as batch `sequence`.
    pub(super) fn sent(&mut self, sequence: u64, records: &[Record]) {
        self.under_way.push_back((sequence, records.to_vec()));
    }

    /// A row as the scan takes it. As in the server, a driver forgotten since it was bound is made
    /// known again by what it reports.
    fn report(&mut self, record: &Record) -> Option<Report> {
        match self.scan.bind(self.newest, &self.ids[record.vehicle.index()]) {
            Ok(driver) => Some(Report {
                driver,
                position: record.position,
                at: record.at,
                motion: record.motion,
                status: record.status,
            }),
            Err(error) => {
                self.differs("bind", String::new(), error.to_string());
                None
            }
        }
    }

    /// Applies what the server has applied.
    pub(super) fn acked(&mut self, news: &Acked) {
        if news.omitted > 0 {
            let server = format!("{} rejected rows are not named", news.omitted);
            self.differs("acknowledgement", server, "all are".to_owned());
        }
        let mut rejected = news.rejected.iter().peekable();
        while let Some((sequence, mut records)) =
            self.under_way.pop_front_if(|(sequence, _)| *sequence <= news.sequence)
        {
            let mut row = 0;
            records.retain(|_| {
                let place = (sequence, row);
                row += 1;
                rejected.next_if(|(batch, row, _)| (*batch, *row) == place).is_none()
            });
            let newest = records.iter().map(|record| record.at).max();
            self.newest = self.newest.max(newest.unwrap_or(self.newest));
            let reports: Vec<Report> = records.iter().filter_map(|r| self.report(r)).collect();
            self.outcome.clear();
            self.scan.apply(self.newest, &reports, &mut self.outcome);
            if let Some(&(row, reason)) = self.outcome.rejected.first() {
                let what = format!("accepted row {row} of batch {sequence}");
                self.differs(&what, "applied".to_owned(), reason.to_string());
            }
        }
        if let Some((batch, row, reason)) = rejected.next() {
            let what = format!("row {row} of batch {batch}");
            self.differs(&what, reason_name(*reason), "there is no such row".to_owned());
        }
    }

    /// Compares the server's answer to a question with its own.
    pub(super) fn compare(&mut self, question: &NearestRequest, server: &NearestResponse) {
        // The questions are made here, always with a maximum age.
        let Ok(asked) = convert::nearest(question, Millis::ZERO) else { return };
        let now = Timestamp::from_millis(server.time_ms);
        self.scan.nearest(now, &asked, &mut self.answer);
        let own = self.answer.hits.iter().filter_map(|hit| {
            let id = self.scan.id(hit.driver)?;
            Some(convert::hit(now, &id, hit))
        });
        let own: Vec<DriverHit> = own.collect();
        self.checks.checked += 1;
        self.checks.hits += own.len() as u64;
        if own == server.hits {
            self.checks.equal += 1;
        } else {
            let what = format!("{question:?}");
            let (at, server, scan) = first_difference(&server.hits, &own);
            self.differs(&format!("hit {at} of {what}"), server, scan);
        }
    }

    /// How answers have compared.
    pub(super) fn into_checks(self) -> Checks {
        self.checks
    }

    fn differs(&mut self, what: &str, server: String, scan: String) {
        let what = what.to_owned();
        self.checks.first_mismatch.get_or_insert(Mismatch { what, server, scan });
    }
}

/// Where two lists differ first, and what each has there.
fn first_difference(server: &[DriverHit], scan: &[DriverHit]) -> (usize, String, String) {
    let at = server.iter().zip(scan).take_while(|(a, b)| a == b).count();
    let show = |hits: &[DriverHit]| hits.get(at).map_or("nobody".to_owned(), |h| format!("{h:?}"));
    (at, show(server), show(scan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::proto::{Filter, Position};
    use crate::geo::{E7, LatLng};
    use crate::model::Motion;
    use crate::trace::VehicleIx;

    fn record(vehicle: u32, lng: i32) -> Record {
        Record {
            at: Timestamp::from_secs(1_000),
            vehicle: VehicleIx(vehicle),
            position: LatLng::try_from(E7 { lat: 0, lng }).unwrap(),
            motion: Motion::default(),
            status: None,
        }
    }

    fn question() -> NearestRequest {
        NearestRequest {
            position: Some(Position { lat: 0.0, lng: 0.0 }),
            k: 10,
            radius_m: None,
            filter: Some(Filter { max_age_ms: Some(1_000), ..Filter::default() }),
        }
    }

    /// A twin that knows two vehicles of which the second was rejected, and the true answer.
    fn twin() -> (Twin, NearestResponse) {
        let mut twin = Twin::new();
        twin.bind(&["a".parse().unwrap(), "b".parse().unwrap()]);
        twin.sent(1, &[record(0, 5), record(1, 3)]);
        let rejected = vec![(1, 1, 1)];
        twin.acked(&Acked { sequence: 1, rejected, omitted: 0 });
        let a = twin.scan.find(&"a".parse().unwrap()).unwrap();
        let asked = convert::nearest(&question(), Millis::ZERO).unwrap();
        let now = Timestamp::from_secs(1_001);
        let mut answer = Answer::default();
        twin.scan.nearest(now, &asked, &mut answer);
        assert_eq!(answer.hits.iter().map(|hit| hit.driver).collect::<Vec<_>>(), [a]);
        let hits = vec![convert::hit(now, &"a".parse().unwrap(), &answer.hits[0])];
        (twin, NearestResponse { hits, source: 1, time_ms: now.as_millis(), staleness_ms: None })
    }

    #[test]
    fn an_equal_answer_is_equal_and_a_rejected_row_is_left_out() {
        let (mut twin, answer) = twin();
        twin.compare(&question(), &answer);
        let checks = twin.into_checks();
        assert_eq!((checks.checked, checks.equal, checks.hits), (1, 1, 1));
        assert_eq!(checks.first_mismatch, None);
    }

    #[test]
    fn wrong_answers_are_caught() {
        let spoil: [fn(&mut NearestResponse); 4] = [
            |answer| answer.hits.clear(),
            |answer| answer.hits[0].driver_id = "b".to_owned(),
            |answer| answer.hits[0].distance_m += 1e-9,
            |answer| answer.hits.push(answer.hits[0].clone()),
        ];
        for spoil in spoil {
            let (mut twin, mut answer) = twin();
            spoil(&mut answer);
            twin.compare(&question(), &answer);
            let checks = twin.into_checks();
            assert_eq!((checks.checked, checks.equal), (1, 0));
            assert!(checks.first_mismatch.is_some());
        }
    }

    #[test]
    fn a_row_that_only_one_of_them_rejects_is_a_mismatch() {
        let (mut twin, _) = twin();
        twin.sent(2, &[record(0, 5)]);
        twin.acked(&Acked { sequence: 2, rejected: Vec::new(), omitted: 0 });
        let mismatch = twin.into_checks().first_mismatch.unwrap();
        assert_eq!(mismatch.scan, "duplicate");
    }
}
