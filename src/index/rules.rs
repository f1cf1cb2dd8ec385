//! How a report is judged: the rules shared by each implementation of the map.

use super::{Fix, IndexConfig};
use crate::geo::haversine;
use crate::model::{DriverStatus, Reason, Report};
use crate::units::Timestamp;

/// What GPS noise may add to a move when a device does not tell its accuracy: 50 m, beyond the
/// 95th percentile of urban canyons.
const DEFAULT_ACCURACY_M: f64 = 50.0;

/// Whether the report's time can be accepted at all.
#[inline]
pub(super) fn judge_time(now: Timestamp, at: Timestamp, config: &IndexConfig) -> Option<Reason> {
    let ahead = at.as_millis().saturating_sub(now.as_millis());
    if ahead > config.max_clock_skew.get().cast_signed() {
        return Some(Reason::InFuture);
    }
    (ahead <= -config.forget_after.get().cast_signed()).then_some(Reason::TooOld)
}

/// Whether the report comes after the last one applied.
#[inline]
pub(super) fn judge_order(last: &Fix, status: DriverStatus, new: &Report) -> Option<Reason> {
    if new.at < last.at {
        return Some(Reason::OutOfOrder);
    }
    let same = new.at == last.at
        && new.position == last.position
        && new.status.is_none_or(|s| s == status);
    same.then_some(Reason::Duplicate)
}

/// Whether a vehicle can have driven from the last position to the new one.
pub(super) fn plausible(last: &Fix, new: &Report, config: &IndexConfig) -> bool {
    let accuracy = |dm: Option<u16>| dm.map_or(DEFAULT_ACCURACY_M, |dm| f64::from(dm) / 10.0);
    let reach = new.at.since(last.at).as_secs_f64() * config.max_speed_m_s
        + accuracy(last.motion.accuracy_dm)
        + accuracy(new.motion.accuracy_dm);
    haversine(last.position, new.position).meters() <= reach
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::{E7, LatLng};
    use crate::model::{DriverKey, Motion};
    use crate::units::Millis;

    fn report(at: i64, lng: i32) -> Report {
        Report {
            driver: DriverKey(0),
            position: LatLng::try_from(E7 { lat: 0, lng }).unwrap(),
            at: Timestamp::from_millis(at),
            motion: Motion::default(),
            status: None,
        }
    }

    fn fix(at: i64, lng: i32) -> Fix {
        let Report { position, at, motion, .. } = report(at, lng);
        Fix { position, at, motion }
    }

    #[test]
    fn time_limits_are_sharp() {
        let config = IndexConfig {
            forget_after: Millis(100),
            max_clock_skew: Millis(10),
            ..IndexConfig::default()
        };
        let judge =
            |at| judge_time(Timestamp::from_millis(1_000), Timestamp::from_millis(at), &config);
        assert_eq!(judge(1_010), None);
        assert_eq!(judge(1_011), Some(Reason::InFuture));
        assert_eq!(judge(901), None);
        assert_eq!(judge(900), Some(Reason::TooOld));
        assert_eq!(judge(i64::MAX), Some(Reason::InFuture));
        assert_eq!(judge(i64::MIN), Some(Reason::TooOld));
    }

    #[test]
    fn equal_times_are_duplicates_only_if_nothing_changed() {
        let available = DriverStatus::Available;
        assert_eq!(judge_order(&fix(5, 0), available, &report(4, 0)), Some(Reason::OutOfOrder));
        assert_eq!(judge_order(&fix(5, 0), available, &report(5, 0)), Some(Reason::Duplicate));
        assert_eq!(judge_order(&fix(5, 0), available, &report(5, 1)), None);
        let changed = Report { status: Some(DriverStatus::OnTrip), ..report(5, 0) };
        assert_eq!(judge_order(&fix(5, 0), available, &changed), None);
    }

    #[test]
    fn ninety_metres_a_second_and_the_accuracy() {
        let config = IndexConfig::default();
        // A thousandth of a degree at the equator is 111 m; 190 m are allowed after a second.
        assert!(plausible(&fix(0, 0), &report(1_000, 10_000), &config));
        assert!(!plausible(&fix(0, 0), &report(1_000, 20_000), &config));
        let mut vague = report(1_000, 20_000);
        vague.motion.accuracy_dm = Some(1_000);
        assert!(plausible(&fix(0, 0), &vague, &config));
    }
}
