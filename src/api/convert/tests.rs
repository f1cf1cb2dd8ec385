//! What is refused is refused with its field, value and range; what passes comes out unchanged.

use super::*;
use crate::limits;
use crate::model::{DriverStatus, Reason, StatusSet};
use crate::units::Millis;

const STALE: Millis = Millis(60_000);

fn at(lat: f64, lng: f64) -> proto::Position {
    proto::Position { lat, lng }
}

fn question() -> proto::NearestRequest {
    proto::NearestRequest { position: Some(at(1.0, 2.0)), k: 3, radius_m: None, filter: None }
}

#[test]
fn each_refusal_names_field_value_and_range() {
    let ask = |change: &dyn Fn(&mut proto::NearestRequest)| {
        let mut message = question();
        change(&mut message);
        let error = nearest(&message, STALE).unwrap_err();
        (error.field, error.detail)
    };
    let pair = |field: &str, detail: &str| (field.to_owned(), detail.to_owned());
    let lat = |lat| ask(&|m| m.position = Some(at(lat, 0.0)));
    let lng = |lng| ask(&|m| m.position = Some(at(0.0, lng)));
    assert_eq!(lat(91.0), pair("position.lat", "position.lat 91 is not in -90..=90"));
    assert_eq!(lat(f64::NAN), pair("position.lat", "position.lat NaN is not in -90..=90"));
    assert_eq!(lng(f64::INFINITY), pair("position.lng", "position.lng inf is not in -180..=180"));
    assert_eq!(ask(&|m| m.position = None), pair("position", "position is not set"));
    assert_eq!(ask(&|m| m.k = 0), pair("k", "k 0 is not in 1..=1000"));
    assert_eq!(ask(&|m| m.k = 1_000_000_000), pair("k", "k 1000000000 is not in 1..=1000"));
    assert_eq!(
        ask(&|m| m.radius_m = Some(-1.0)),
        pair("radius_m", "radius_m -1 is not in 0..=20015115")
    );
    let filtered = |filter: proto::Filter| ask(&|m| m.filter = Some(filter.clone()));
    assert_eq!(
        filtered(proto::Filter { min_rating: 6.0, ..Default::default() }),
        pair("filter.min_rating", "filter.min_rating 6 is not in 0..=5")
    );
    assert_eq!(
        filtered(proto::Filter { statuses: vec![2, 9], ..Default::default() }),
        pair("filter.statuses[1]", "filter.statuses[1] 9 is not in 1..=6")
    );
    let long = vec!["a".to_owned(), "x".repeat(65)];
    assert_eq!(
        filtered(proto::Filter { excluded_driver_ids: long, ..Default::default() }),
        pair(
            "filter.excluded_driver_ids[1]",
            "filter.excluded_driver_ids[1]: id has 65 bytes; 1 to 64 bytes are allowed"
        )
    );
}

#[test]
fn what_is_not_set_takes_the_documented_default() {
    let parsed = nearest(&question(), STALE).unwrap();
    assert_eq!(parsed.filter.statuses, StatusSet::AVAILABLE);
    assert_eq!(parsed.filter.max_age, Some(STALE));
    assert!(parsed.radius.get() > 20_015_114.0);
    let filter = proto::Filter { max_age_ms: Some(5), ..Default::default() };
    let filter = super::filter(Some(&filter), STALE).unwrap();
    assert_eq!((filter.max_age, filter.statuses), (Some(Millis(5)), StatusSet::AVAILABLE));
    let asked = page(&proto::WithinRequest::default()).unwrap();
    assert_eq!((asked.size, asked.after), (limits::DEFAULT_PAGE, None));
}

#[test]
fn a_polygon_that_crosses_itself_is_refused_by_name() {
    let vertices = vec![at(0.0, 0.0), at(1.0, 1.0), at(0.0, 1.0), at(1.0, 0.0)];
    let outer = Some(proto::Ring { vertices });
    let polygon = proto::Polygon { outer, holes: Vec::new() };
    let shape = Some(proto::area::Shape::Polygon(polygon));
    let error = area(Some(&proto::Area { shape })).unwrap_err();
    assert_eq!(error.field, "area.polygon");
    assert!(error.detail.contains("ring 0 crosses itself: edge 0 meets edge 2"), "{error}");
    let error = area(Some(&proto::Area { shape: None })).unwrap_err();
    assert_eq!(error.detail, "area.shape is not set");
    assert_eq!(area(None).unwrap_err(), FieldError::missing("area"));
}

#[test]
fn a_report_keeps_its_values() {
    let message = proto::PositionReport {
        position: Some(at(37.5, -122.25)),
        device_time_ms: 1_234,
        motion: Some(proto::Motion {
            heading_deg: Some(359.999),
            speed_m_s: Some(12.34),
            accuracy_m: None,
        }),
        status: proto::DriverStatus::OnTrip.into(),
    };
    let values = report("report.", &message).unwrap();
    assert_eq!(values.position.lat_e7(), 375_000_000);
    assert_eq!(values.motion.heading_cdeg, Some(0));
    assert_eq!(values.motion.speed_cm_s, Some(1_234));
    assert_eq!(values.status, Some(DriverStatus::OnTrip));
    // One that this version does not know is as good as none.
    let newer = proto::PositionReport { status: 99, ..message };
    assert_eq!(report("report.", &newer).unwrap().status, None);
    let mut wrong = message;
    wrong.motion = Some(proto::Motion { speed_m_s: Some(f64::NAN), ..Default::default() });
    assert_eq!(report("report.", &wrong).unwrap_err().field, "report.motion.speed_m_s");
}

#[test]
fn statuses_are_one_to_one_with_their_messages() {
    for status in DriverStatus::ALL {
        let code = i32::from(status_message(status));
        assert_eq!(required_status("status", code), Ok(status));
        assert_eq!(optional_status(code), Some(status));
    }
    for code in [i32::MIN, -1, 0, 7, 256, 258, i32::MAX] {
        let error = required_status("status", code).unwrap_err();
        assert_eq!(error.detail, format!("status {code} is not in 1..=6"));
        assert_eq!(optional_status(code), None);
    }
}

#[test]
fn columns_know_their_unknown() {
    assert_eq!(heading_of_column(35_999), Ok(Some(35_999)));
    assert_eq!(heading_of_column(36_000), Err(Reason::BadValue));
    assert_eq!(heading_of_column(65_535), Ok(None));
    assert_eq!(column_value(65_534), Ok(Some(65_534)));
    assert_eq!(column_value(65_535), Ok(None));
    assert_eq!(column_value(65_536), Err(Reason::BadValue));
}
